"""Blocks as CommonMark for the generator of any site: Hugo, Jekyll, Astro, Eleventy.

Their programs read more in a text than CommonMark does: the braces of Liquid (Jekyll, Eleventy) and
of Hugo's shortcodes, and kramdown's own marks (Jekyll). So what could be one of these is written as
an entity, or with a backslash that kramdown knows.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from selectolax.lexbor import LexborHTMLParser

from newsletter.archive.runs import Dialect, Run, tidy_runs, to_markdown
from newsletter.article.page_tree import walk
from newsletter.content.links import is_link
from newsletter.model import (
    Ask,
    Button,
    Divider,
    Faq,
    Heading,
    Image,
    ItemList,
    Links,
    Questions,
    Quote,
    Reflection,
    Text,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from newsletter.model import Block, Link, RichText

_MARKS: Final = re.compile(r"([\\`*_\[\]{}|~$])")
_START: Final = re.compile(r"([#>+=:-])")
_NUMBERED: Final = re.compile(r"(\d{1,9})([.)])(?=\s|$)")
_ENTITY: Final = re.compile(r"&(?=#?\w+;)")
_ADDRESS: Final = re.compile(r"(https?://[^\s<>\"“”]*[^\s<>\"“”.,;:!?)\]'’])")
_LIQUID: Final = re.compile(r"\{[%{]")


def write_markdown(blocks: Sequence[Block], pictures: Mapping[str, str]) -> str:
    """Return blocks as CommonMark. Questions to subscribers (*ask*) are left out.

    Args:
        blocks: Those of an issue.
        pictures: The file of each image that is not at another site, by its address; one that is
            not in it is left out.
    """
    parts: list[str] = []
    other_marks = False
    for index, block in enumerate(blocks):
        follows = index > 0 and isinstance(block, ItemList) and type(blocks[index - 1]) is ItemList
        other_marks = follows and not other_marks
        parts += _write(block, pictures, other_marks=other_marks)
    return "\n\n".join(parts) + "\n"


def _write(block: Block, pictures: Mapping[str, str], *, other_marks: bool) -> list[str]:
    if isinstance(block, Image):
        return list(_image(block, pictures))
    if isinstance(block, ItemList):
        return [_list(block, other_marks=other_marks)]
    return list(_WRITERS[type(block)](block))


def _markdown(runs: Sequence[Run], *, one_line: bool = False) -> str:
    tidied = tidy_runs(
        run._replace(code=False) if run.code and _LIQUID.search(run.text) else run for run in runs
    )
    return to_markdown(tidied, one_line=one_line, dialect=_OF_SITES)


def _prose(text: RichText) -> str:
    return _markdown(_runs(text))


def _line(text: RichText) -> str:
    return _markdown(_runs(text), one_line=True)


def _runs(text: RichText) -> list[Run]:
    """Return prose as runs, from its HTML: a link by reference has its address there."""
    body = LexborHTMLParser(text.html).body
    runs: list[Run] = []
    opened: list[str] = []
    urls: list[str] = []
    for node, begins in walk(body, lambda _: False) if body else ():
        tag = node.tag or ""
        if node.is_text_node:
            runs.append(
                Run(
                    node.text_content or "",
                    strong="strong" in opened,
                    em="em" in opened,
                    code="code" in opened,
                    url=urls[-1] if urls else "",
                )
            )
        elif tag == "br":
            runs += [Run("\n")] if begins else []
        elif begins:
            opened.append(tag)
            urls += [node.attributes.get("href") or ""] if tag == "a" else []
        else:
            opened.pop()
            if tag == "a":
                urls.pop()
    return runs


def _quoted(text: str) -> str:
    return "\n".join(f"> {line}".rstrip() for line in text.split("\n"))


def _list(block: ItemList, *, other_marks: bool = False) -> str:
    """Return a list; with other marks, so that it is not read as a part of one directly above."""
    rows: list[str] = []
    for number, item in enumerate(block.items, start=block.start):
        ordered = f"{number})" if other_marks else f"{number}."
        mark = ordered if block.ordered else "*" if other_marks else "-"
        parts = [_prose(paragraph) for paragraph in item.paragraphs]
        text = "\n\n".join(parts)
        if item.sublist:
            # Directly below a paragraph, a list must begin with 1 to be one.
            apart = len(parts) > 1 or (item.sublist.ordered and item.sublist.start != 1)
            text = ("\n\n" if apart else "\n").join((text, _list(item.sublist)))
        rows.append(f"{mark} {_indented(text, len(mark) + 1)}")
    return "\n".join(rows)


def _indented(text: str, width: int) -> str:
    first, *others = text.split("\n")
    return "\n".join([first, *(f"{' ' * width}{line}".rstrip() for line in others)])


def _link(link: Link) -> str:
    return _markdown([Run(link.label, url=link.url)], one_line=True)


def _image(image: Image, pictures: Mapping[str, str]) -> Iterator[str]:
    source = pictures.get(image.url, "" if image.url.startswith("media/") else image.url)
    if not source:
        return
    caption = _label(image.caption).replace('"', "&quot;")
    title = f' "{caption}"' if caption else ""
    shown = f"![{_label(image.alt)}]({_target(source)}{title})"
    yield f"[{shown}]({_target(image.link)})" if image.link else shown


def _target(url: str) -> str:
    return f"<{url}>" if re.search(r"[()\s]", url) else url


def _faq(block: Faq) -> Iterator[str]:
    for item in block.items:
        yield f"### {_line(item.question)}"
        for part in item.answer:
            yield _list(part) if isinstance(part, ItemList) else _prose(part.body)


def _text(text: str) -> str:
    """Return text in which no generator finds a mark; an address in it becomes a link."""
    parts = _ADDRESS.split(text)
    return _at_start(
        "".join(
            f"<{part}>" if number % 2 and "{" not in part and is_link(part) else _inner(part)
            for number, part in enumerate(parts)
        )
    )


def _label(text: str) -> str:
    return _at_start(_inner(text))


def _inner(text: str) -> str:
    marked = _MARKS.sub(r"\\\1", _ENTITY.sub("&amp;", text).replace("<", "&lt;"))
    return marked.replace("{%", "{&#37;")


def _at_start(text: str) -> str:
    text = _NUMBERED.sub(r"\1\\\2", text, count=1) if _NUMBERED.match(text) else text
    return f"\\{text}" if _START.match(text) else text


_OF_SITES: Final = Dialect(_text, _label)


def _questions(block: Questions) -> Iterator[str]:
    asked = ([*_runs(one.question), Run(" → "), *_runs(one.hint)] for one in block.items)
    yield "\n".join(f"- {_markdown(runs, one_line=True)}" for runs in asked)


_WRITERS: Final[Mapping[type[Block], Callable[[Any], Iterable[str]]]] = {
    Text: lambda block: [_prose(block.body)],
    Heading: lambda block: [f"{'#' * block.level} {_line(block.body)}"],
    Quote: lambda block: [_quoted("\n\n".join(map(_prose, block.paragraphs)))],
    Reflection: lambda block: [_markdown([Run("💡 "), *_runs(block.body)])],
    Questions: _questions,
    Button: lambda block: [_link(block.link)],
    Links: lambda block: map(_link, block.links),
    Divider: lambda _: ["---"],
    Faq: _faq,
    Ask: lambda _: [],
}
