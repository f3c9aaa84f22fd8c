"""Markdown of another program as HTML, so that all letters are read in one way."""

from __future__ import annotations

import re
from typing import Final

from markdown_it import MarkdownIt

from newsletter.archive.importing.letters import TOO_LONG
from newsletter.article.markdown import COMMENT, replace_between
from newsletter.content import MAX_BYTES
from newsletter.errors import NewsletterError

_PARSER: Final = MarkdownIt("commonmark").enable(["table", "strikethrough"])
_DECLARATION: Final = re.compile(r"<(?=[!?])")


def markdown_to_html(text: str) -> str:
    """Return Markdown as HTML; the HTML that is in it stays.

    Raises:
        NewsletterError: It is longer than any letter: a parser may take minutes for each megabyte.
    """
    if len(text) > MAX_BYTES:
        raise NewsletterError(TOO_LONG)
    # The parser looks for the end of a comment or declaration to the end of the text.
    return str(_PARSER.render(_DECLARATION.sub("&lt;", replace_between(text, *COMMENT, ""))))
