"""One calm letter a week: from a Markdown file in git to every reader who asked for it."""

__version__ = "0.1.0"
