"""The articles of the corpus: one text each, and the blocks that the systems dress up."""

from __future__ import annotations

import html
import re
from dataclasses import dataclass
from pathlib import Path

ARTICLES = Path(__file__).with_name("articles")
SITE = "https://www.stilwater.example"


@dataclass(frozen=True)
class Block:
    """One piece of an article, before a system dresses it up."""

    kind: str
    text: str = ""
    items: tuple[tuple[str, tuple[str, ...]], ...] = ()
    """Items with what is nested under each, the cells of rows, or questions with answers."""
    src: str = ""
    caption: str = ""

    @property
    def markup(self) -> str:
        return inline(self.text)


@dataclass(frozen=True)
class Source:
    """One article as its author wrote it."""

    name: str
    title: str
    date: str
    lead: str
    description: str
    tags: tuple[str, ...]
    related: tuple[str, ...]
    blocks: tuple[Block, ...]
    body: str


def inline(text: str) -> str:
    """Turn the marks inside a paragraph into elements."""
    text = html.escape(text, quote=False)
    text = re.sub(r"\[([^\]]+)\]\(([^)]+)\)", r'<a href="\2">\1</a>', text)
    text = re.sub(r"\*\*([^*]+)\*\*", r"<strong>\1</strong>", text)
    return re.sub(r"\*([^*]+)\*", r"<em>\1</em>", text)


def read_source(name: str) -> Source:
    """Read one article of the corpus."""
    head, _, body = (ARTICLES / f"{name}.md").read_text("utf-8").partition("\n\n")
    fields = dict(line.partition(":")[::2] for line in head.splitlines())
    fields = {key: value.strip() for key, value in fields.items()}
    return Source(
        name,
        fields["title"],
        fields["date"],
        fields["lead"],
        fields["description"],
        tuple(filter(None, fields["tags"].split(", "))),
        tuple(filter(None, fields["related"].split(", "))),
        tuple(read_blocks(body)),
        body,
    )


def read_blocks(body: str) -> list[Block]:
    """Tell the blocks of a body apart; questions with answers that follow one another are one."""
    blocks: list[Block] = []
    for part in re.split(r"\n{2,}", body.strip()):
        block = _read_block(part)
        if block.kind == "faq" and blocks and blocks[-1].kind == "faq":
            block = Block("faq", items=blocks.pop().items + block.items)
        blocks.append(block)
    return blocks


def _read_block(part: str) -> Block:
    lines = part.splitlines()
    text = part.partition(" ")[2]
    if part.startswith(("- ", "1. ")):
        return Block("bullets" if part.startswith("-") else "numbers", items=_read_items(lines))
    if part.startswith("| "):
        rows = [line.strip("| ").split(" | ") for line in lines]
        return Block("table", items=tuple((row[0], tuple(row[1:])) for row in rows))
    if image := re.fullmatch(r'!\[([^\]]*)\]\((\S+?)(?: "([^"]*)")?\)', part):
        return Block("image", image[1], src=image[2], caption=image[3] or "")
    simple = {
        "##": Block("heading", text),
        ">": Block("quote", text),
        "?": Block("faq", items=((lines[0][2:], (lines[-1][2:],)),)),
        "embed:": Block("embed", src=text),
        "💡": Block("prompt", part),
    }
    return simple.get(part.partition(" ")[0], Block("paragraph", part))


def _read_items(lines: list[str]) -> tuple[tuple[str, tuple[str, ...]], ...]:
    items: list[tuple[str, list[str]]] = []
    for line in lines:
        text = re.sub(r"^\s*(?:-|\d+\.) ", "", line)
        if line.startswith(" "):
            items[-1][1].append(text)
        else:
            items.append((text, []))
    return tuple((text, tuple(nested)) for text, nested in items)
