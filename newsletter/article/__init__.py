"""An article becomes a draft: a module for each kind of source, and one path after them.

Each of them returns an `Article`. All of this is pure, except for the module that fetches.
"""
