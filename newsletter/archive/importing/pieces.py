"""The pieces of an old letter, in order; and the body of an issue file that holds them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum
from itertools import groupby
from typing import TYPE_CHECKING, Final

from newsletter.archive.runs import Run, text_of, to_markdown
from newsletter.article.drafting import escape_label

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

SIGN: Final = "💡\ufe0f "
"""The characters before the text of a reflection."""
_DEEPEST: Final = 3
_LARGEST_NUMBER: Final = 999_999_999  # CommonMark 0.31, section 5.2: at most nine digits


class PieceKind(Enum):
    """What a piece is."""

    TEXT = "text"
    HEADING = "heading"
    DIVIDER = "divider"
    IMAGE = "image"


@dataclass(frozen=True, slots=True)
class Piece:
    """A paragraph, a heading, a divider or a picture.

    Attributes:
        kind: What it is.
        runs: Its prose; of a picture, the text that can stand for it.
        level: Of a heading, from 1.
        quote: Which quote it is in; 0 for none.
        lists: Of a paragraph in a list: each list it is in, outermost first.
        item: The item of the innermost of them.
        file: Of a picture: its name beside the letter.
        caption: What stands below it.
    """

    kind: PieceKind
    runs: tuple[Run, ...] = ()
    level: int = 0
    quote: int = 0
    lists: tuple[ListPlace, ...] = ()
    item: int = 0
    file: str = ""
    caption: str = ""


@dataclass(frozen=True, slots=True)
class ListPlace:
    """A list: its number in the letter, and where its own numbers begin if it has any."""

    number: int
    start: int | None = None


def write_body(pieces: Iterable[Piece], title: str) -> str:
    """Return the body of an issue file.

    Args:
        pieces: The letter.
        title: Its title: a first heading that repeats it is left out.
    """
    kept = _without_edges(_without_title(list(pieces), title))
    outermost = min((one.level for one in kept if one.kind is PieceKind.HEADING), default=1)
    blocks: list[str] = []
    other_marks = False
    for (quote, root), group in groupby(kept, _container):
        inside = list(group)
        if quote:
            blocks.append(_quote(inside))
        elif root:
            follows = bool(blocks) and blocks[-1][:1] in "-*0123456789" and _is_list(blocks[-1])
            other_marks = follows and not other_marks
            blocks.append(_list(inside, other_marks=other_marks))
        else:
            blocks += [_block(one, outermost) for one in inside]
    return "\n\n".join(blocks) + "\n" if blocks else ""


def _container(piece: Piece) -> tuple[int, int]:
    return piece.quote, piece.lists[0].number if piece.lists and not piece.quote else 0


def _is_list(block: str) -> bool:
    mark = block.partition(" ")[0]
    return mark in {"-", "*"} or (mark[:-1].isdigit() and mark[-1:] in ".)")


def _without_title(pieces: list[Piece], title: str) -> list[Piece]:
    for index, piece in enumerate(pieces[:3]):
        same = text_of(piece.runs).casefold().split() == title.casefold().split()
        if same and piece.kind in {PieceKind.HEADING, PieceKind.TEXT}:
            return [*pieces[:index], *pieces[index + 1 :]]
    return pieces


def _without_edges(pieces: list[Piece]) -> list[Piece]:
    """Leave out dividers at the ends and in a row, and headings with nothing below them."""
    kept: list[Piece] = []
    for piece in pieces:
        is_divider = piece.kind is PieceKind.DIVIDER
        if not is_divider or (kept and kept[-1].kind is not PieceKind.DIVIDER):
            kept.append(piece)
    while kept and kept[-1].kind in {PieceKind.DIVIDER, PieceKind.HEADING} and len(kept) > 1:
        kept.pop()
    return [] if [one.kind for one in kept] == [PieceKind.DIVIDER] else kept


def _block(piece: Piece, outermost: int) -> str:
    if piece.kind is PieceKind.DIVIDER:
        return "---"
    if piece.kind is PieceKind.IMAGE:
        caption = piece.caption.replace("\\", "").replace('"', "”")
        title = f' "{escape_label(caption)}"' if caption else ""
        return f"![{escape_label(text_of(piece.runs))}]({piece.file}{title})"
    if piece.kind is PieceKind.HEADING:
        mark = "##" if piece.level == outermost else "###"
        return f"{mark} {to_markdown(piece.runs, one_line=True)}"
    return to_markdown(piece.runs)


def _quote(pieces: Sequence[Piece]) -> str:
    """Return a quote, which holds nothing but paragraphs."""
    paragraphs = (
        to_markdown((Run("– "), *piece.runs) if piece.lists else piece.runs) for piece in pieces
    )
    lines = "\n\n".join(paragraphs).split("\n")
    return "\n".join(f"> {line}".rstrip() for line in lines)


def _list(pieces: Sequence[Piece], *, other_marks: bool) -> str:
    """Return a list and those in it, as deep as an issue may have them.

    Args:
        pieces: Its paragraphs.
        other_marks: Whether a list stands directly above it, which it would become a part of.
    """
    lines: list[str] = []
    levels: list[_Level] = []
    for piece in pieces:
        depth = min(len(piece.lists), len(levels) + 1, _DEEPEST)
        if len(levels) == depth and levels[-1].item == piece.item:
            lines += ["", _indented(to_markdown(piece.runs), levels)]
            continue
        del levels[depth:]
        own = piece.lists[depth - 1]
        number = own.start
        if len(levels) == depth:
            above = levels.pop()
            number = None if above.number is None else above.number + 1
        mark = "*" if other_marks and depth == 1 else "-"
        if number is not None:
            number = min(max(number, 0), _LARGEST_NUMBER)
            mark = f"{number}{')' if other_marks and depth == 1 else '.'}"
        text = to_markdown(piece.runs)
        indent = sum(level.width for level in levels)
        levels.append(_Level(piece.item, number, len(mark) + 1))
        if depth > 1 and number not in {None, 1}:
            lines.append("")  # only a list that begins with 1 may follow a paragraph directly
        lines.append(f"{' ' * indent}{mark} {_indented(text, levels).lstrip(' ')}")
    return "\n".join(lines)


@dataclass(frozen=True, slots=True)
class _Level:
    """The item that is open at a depth: its number if it has one, and how wide its mark is."""

    item: int
    number: int | None
    width: int


def _indented(text: str, levels: Iterable[_Level]) -> str:
    indent = " " * sum(level.width for level in levels)
    return "\n".join(f"{indent}{line}" for line in text.split("\n"))


def without_sign(piece: Piece) -> Piece:
    """Return a paragraph of a quote or list without the sign of a reflection, which is neither."""
    if not (piece.quote or piece.lists) or not text_of(piece.runs).startswith("💡"):
        return piece
    first, *others = piece.runs
    bare = first.text.lstrip(SIGN)
    return replace(piece, runs=(first._replace(text=bare), *others) if bare else tuple(others))
