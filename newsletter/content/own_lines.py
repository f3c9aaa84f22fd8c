"""Lines that are a block of their own though no empty line stands above them.

CommonMark takes a line directly below a paragraph, a quote or a list item for its continuation
(https://spec.commonmark.org/0.31.2/#laziness). For a reflection, a button or an image that is
never what an author meant.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from markdown_it.rules_block import StateBlock

BULB: Final = re.compile("[\\s\u200b\u2060\ufeff\u00ad]*💡\ufe0f?[\\s\u200b\u2060\ufeff]*")

_TARGET = r"(?:<[^<>]+>|[^\s()<>]+(?:\([^\s()<>]*\)[^\s()<>]*)*)"
_LINK = rf"\[(?:[^\[\]\\]|\\.)+\]\({_TARGET}(?:\s+\"[^\"]*\")?\)"
_LONE_LINK = re.compile(rf"(\*\*|__|\*|_)?(?:{_LINK}|<(?:https?|mailto):[^<>\s]+>)(?(1)\1)")
_IMAGE = rf"!{_LINK}(?:\{{[^{{}}\n]*\}})?"
_LONE_IMAGE = re.compile(rf"{_IMAGE}|\[{_IMAGE}\]\({_TARGET}\)")
_SENTENCE_END = re.compile(r"[.!?…:;][\"'”’»)\]*_]*\Z")
_BLOCK_START = re.compile(r"(?:#{1,6}\s|>|[-*+]\s|\d{1,9}[.)]\s|```|~~~|(?:[-*_]\s*){3,}$)")


def own_line(state: StateBlock, start: int, end: int, silent: bool) -> bool:  # noqa: FBT001 - markdown-it's signature
    """Take one line as a paragraph, or end the paragraph above it: a rule of the block parser."""
    if state.is_code_block(start):
        return False
    text = _line(state, start)
    if BULB.match(text):
        return silent  # the paragraph's own rule reads it, with the lines that continue it
    if not _LONE_IMAGE.fullmatch(text) and not _alone(state, start, end, text):
        return False
    if not silent:
        state.line = start + 1
        token = state.push("paragraph_open", "p", 1)
        token.map = [start, state.line]
        token = state.push("inline", "", 0)
        token.content, token.map, token.children = text, [start, state.line], []
        state.push("paragraph_close", "p", -1)
    return True


def _line(state: StateBlock, number: int) -> str:
    return state.src[state.bMarks[number] + state.tShift[number] : state.eMarks[number]].strip()


def _alone(state: StateBlock, start: int, end: int, text: str) -> bool:
    """Tell whether a link is alone on its line by intent, not because a sentence was wrapped."""
    if not _LONE_LINK.fullmatch(text):
        return False
    above = state.src[state.bMarks[start - 1] : state.eMarks[start - 1]] if start else ""
    below = _line(state, start + 1) if start + 1 < end else ""
    if above.endswith(("\\", "  ")):
        return False
    lazy = state.sCount[start] < state.blkIndent or state.parentType == "blockquote"
    begins = not above.strip() or lazy or _starts_block(above.strip())
    after_end = bool(_SENTENCE_END.search(above.strip()))
    return (begins or after_end) and (not below or _starts_block(below) or below[:1].isupper())


def _starts_block(text: str) -> bool:
    text = text.removesuffix("\\")
    return bool(
        _BLOCK_START.match(text)
        or BULB.match(text)
        or _LONE_LINK.fullmatch(text)
        or _LONE_IMAGE.fullmatch(text)
    )
