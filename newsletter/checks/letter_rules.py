"""The letter that a file becomes: its size, and its plain text beside its HTML."""

from __future__ import annotations

import re
from html import unescape
from typing import TYPE_CHECKING, Final

from newsletter.checks.prose import bare, links, rich_texts
from newsletter.model import Button, Divider, Finding, Image, Links, Severity
from newsletter.render import MAX_BYTES

if TYPE_CHECKING:
    from collections.abc import Iterator

    from newsletter.model import Block, Draft, Letter

LARGE: Final = 60_000
"""Above it a letter is a warning; above `render.MAX_BYTES` none is made."""
_HIDDEN: Final = re.compile(r"<(style|title)\b.*?</\1>|<!--.*?-->", re.DOTALL)
_TAG: Final = re.compile(r"<[^>]*>")
_NUMBER: Final = re.compile(r"\[\d+\]")


def check_letter(draft: Draft, letter: Letter) -> Iterator[Finding]:
    """Yield what is wrong with the letter of a file.

    Args:
        draft: The file.
        letter: What it was rendered to.
    """
    size = len(letter.html.encode())
    if size > LARGE:
        yield Finding(
            draft.path,
            1,
            "letter-size",
            Severity.WARNING,
            f"the letter has {size // 1000} KB, and Gmail hides what is beyond "
            f"{MAX_BYTES // 1000} KB",
            "Send a part of the text, and let the button lead to the rest",
        )
    yield from _missing_parts(draft, letter)


def _missing_parts(draft: Draft, letter: Letter) -> Iterator[Finding]:
    """Yield each block and link that the HTML or the plain text lacks: a template left it out."""
    visible = _TAG.sub("", _HIDDEN.sub(" ", letter.html))
    html, text = _words(unescape(visible)), _words(letter.text)
    addresses = unescape(letter.html)
    for block in draft.blocks:
        parts = [_words(part) for part in _shown(block)]
        for name, seen in (("HTML", html), ("plain text", text)):
            if any(part and part not in seen for part in parts):
                yield _lacks(draft, name, "what is written here", block.line)
    for link in links(draft):
        for name, known in (("HTML", addresses), ("plain text", letter.text)):
            if link.url.removeprefix("mailto:") not in known:
                yield _lacks(draft, name, "the address of this link", link.line)


def _lacks(draft: Draft, name: str, what: str, line: int) -> Finding:
    return Finding(
        draft.path,
        line,
        "text-part",
        Severity.WARNING,
        f"the {name} of the letter lacks {what}",
        f"Show it in the template of the {name}, as docs/templates.md says",
    )


def _shown(block: Block) -> Iterator[str]:
    """Yield the words that a block shows in both parts."""
    if isinstance(block, Button):
        yield block.link.label
    elif isinstance(block, Links):
        yield from (link.label for link in block.links)
    elif not isinstance(block, Image | Divider):
        yield from (part.text for part in rich_texts(block))


def _words(text: str) -> str:
    """Return a plain text as words in lower case, without the numbers of its links."""
    return bare(_NUMBER.sub(" ", text))
