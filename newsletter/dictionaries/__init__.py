"""Dictionaries of Hunspell, in an order in which a few of their entries are quickly found.

A folder for each language: `entries.txt`, made by `convert.py`; `affixes.aff`, as its authors wrote
it; and `LICENSE.txt`.
"""
