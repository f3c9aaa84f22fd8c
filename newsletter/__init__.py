"""One calm letter a week: from a Markdown file in git to every subscriber."""

__version__ = "0.1.0"
