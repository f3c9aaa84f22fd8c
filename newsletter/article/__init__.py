"""An article becomes a draft: readers of its sources, and one path after them.

Each reader returns an `Article`. All of this is pure, except for the module that fetches.
"""
