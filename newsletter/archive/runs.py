"""Prose with emphasis and links, as runs; and as Markdown that says exactly that."""

from __future__ import annotations

import re
from itertools import groupby
from typing import TYPE_CHECKING, Final, NamedTuple

from newsletter.article.drafting import escape, escape_label
from newsletter.content.decoding import FORBIDDEN
from newsletter.content.links import is_link
from newsletter.content.markdown import parse, plain

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

_SPACE: Final = re.compile(r"[^\S\n]+")
_AROUND_BREAK: Final = re.compile(r" *\n *")
_ADDRESS: Final = re.compile(r"https?://\S+")
_EVERY_MARK: Final = re.compile(r"([!-/:-@\[-`{-~])")
_NOT_SEEN: Final = dict.fromkeys(map(ord, "\u00ad\u034f\u180e\u200b\u200c\u2060\ufeff"))
"""Soft hyphens, and what mail templates fill a preview with."""


class Dialect(NamedTuple):
    """How text is written so that Markdown finds no mark in it.

    Attributes:
        text: Of a paragraph.
        label: Of a link.
    """

    text: Callable[[str], str]
    label: Callable[[str], str]


class Run(NamedTuple):
    """A piece of prose; a line feed in it is a line break."""

    text: str
    strong: bool = False
    em: bool = False
    code: bool = False
    url: str = ""


def tidy_runs(runs: Iterable[Run]) -> list[Run]:
    """Return runs with single spaces, without what nobody sees, and with nothing at the ends."""
    kept: list[Run] = []
    for style, group in groupby(runs, lambda run: run[1:]):
        text = _SPACE.sub(" ", _seen("".join(run.text for run in group)))
        before = kept[-1].text[-1:] if kept else "\n"
        if before in {" ", "\n"}:
            text = text.lstrip(" ")
        text = _AROUND_BREAK.sub("\n", text)
        if text[:1] == "\n" and before == " ":
            kept[-1] = kept[-1]._replace(text=kept[-1].text.rstrip(" "))
        if text:
            kept.append(Run(text, *style))
    return _trimmed(kept)


def _seen(text: str) -> str:
    # A lost letter stays visible as such.
    return FORBIDDEN.sub(_replacement, text.translate(_NOT_SEEN))


def _replacement(found: re.Match[str]) -> str:
    if found[0] == "\n":
        return "\n"
    return "?" if found[0] == "\ufffd" else " " if found[0].isspace() else ""


def _trimmed(runs: list[Run]) -> list[Run]:
    while runs and not runs[0].text.strip():
        runs.pop(0)
    while runs and not runs[-1].text.strip():
        runs.pop()
    if runs:
        runs[0] = runs[0]._replace(text=runs[0].text.lstrip())
        runs[-1] = runs[-1]._replace(text=runs[-1].text.rstrip())
    return runs


def text_of(runs: Iterable[Run]) -> str:
    """Return the text of runs."""
    return "".join(run.text for run in runs)


def split_lines(runs: Iterable[Run]) -> list[list[Run]]:
    """Cut runs where a line was left empty: there another paragraph begins."""
    parts: list[list[Run]] = [[]]
    text = list(runs)
    breaks = 0
    for run in text:
        for piece in re.split(r"(\n)", run.text):
            if piece == "\n":
                breaks += 1
            elif piece.strip():
                if breaks > 1:
                    parts.append([])
                elif breaks:
                    parts[-1].append(Run("\n"))
                breaks = 0
                parts[-1].append(run._replace(text=piece))
            elif piece:
                parts[-1].append(run._replace(text=piece))
    return [tidied for part in parts if (tidied := tidy_runs(part))]


def _own_text(text: str) -> str:
    return escape(text) if all(map(is_link, _ADDRESS.findall(text))) else escape_label(text)


OF_ISSUES: Final = Dialect(_own_text, escape_label)
"""That of issue files."""


def to_markdown(
    runs: Sequence[Run], *, one_line: bool = False, dialect: Dialect = OF_ISSUES
) -> str:
    """Return Markdown that is read as these runs.

    What emphasis the rules of CommonMark cannot express, as within some words, is left out.

    Args:
        runs: The prose, tidied.
        one_line: Whether its line breaks become spaces, as in a heading.
        dialect: How text is written.
    """
    if one_line:
        runs = tidy_runs(run._replace(text=run.text.replace("\n", " ")) for run in runs)
    plain_runs = [Run(run.text, url=run.url) for run in runs]
    bare = [Run(text_of(runs))]
    for attempt in (runs, tidy_runs(plain_runs), tidy_runs(bare)):
        written = _write(attempt, dialect)
        if _says(written, text_of(attempt)):
            return written
    return _EVERY_MARK.sub(r"\\\1", text_of(runs)).replace("\n", "\\\n")


def _write(runs: Sequence[Run], dialect: Dialect) -> str:
    parts: list[str] = []
    for url, group in groupby(runs, lambda run: run.url):
        inside = list(group)
        if inside == [Run(url, url=url)]:
            parts.append(f"<{url}>")
            continue
        if not url:
            parts += _pieces(inside, dialect.text)
            continue
        label = "".join(_pieces(inside, dialect.label)).replace("\\\n", " ")
        lead = label[: len(label) - len(label.lstrip())]
        trail = label[len(label.rstrip()) :]
        target = f"<{url}>" if re.search(r"[()\s]", url) else url
        parts.append(f"{lead}[{label.strip()}]({target}){trail}" if label.strip() else label)
    return "".join(parts)


def _pieces(runs: Sequence[Run], escaped: Callable[[str], str]) -> Iterator[str]:
    for run in runs:
        for line in re.split(r"(\n)", run.text):
            if line == "\n":
                yield "\\\n"
            elif line.strip():
                yield _emphasised(line, run, escaped)
            else:
                yield line


def _emphasised(text: str, run: Run, escaped: Callable[[str], str]) -> str:
    """Return a piece of one line with its marks, which stand close to its words."""
    bare = text.strip(" ")
    lead, trail = text[: len(text) - len(text.lstrip(" "))], text[len(text.rstrip(" ")) :]
    if run.code and "`" not in bare:
        return f"{lead}`{bare}`{trail}"
    mark = "*" * (2 * run.strong + run.em)
    return f"{lead}{mark}{escaped(bare)}{mark}{trail}"


def _says(markdown: str, text: str) -> bool:
    """Tell whether Markdown is read as one paragraph with this text, and links that lead on."""
    tokens, _ = parse(markdown)
    if [token.type for token in tokens] != ["paragraph_open", "inline", "paragraph_close"]:
        return False
    children = tokens[1].children or []
    links = (str(token.attrGet("href")) for token in children if token.type == "link_open")
    strange = any(token.type in {"html_inline", "image"} for token in children)
    return plain(children).split() == text.split() and not strange and all(map(is_link, links))
