"""Writes the files of an author's repository, and changes nothing that is there."""
