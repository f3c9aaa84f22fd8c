"""The command line: a module for each command, imported when it is used."""

from newsletter.cli.entry import main

__all__ = ["main"]
