"""The articles as text that their author selected in the browser and pasted into a file."""

from __future__ import annotations

from tests.support.pages.corpus import NAMES
from tests.support.pages.expectations import without_marks
from tests.support.pages.posts import Post
from tests.support.pages.sources import SITE, Block, read_source

ROW = "pasted-text"
READING_TIME = "Leestijd: 6 minuten"
FOOTER = ("Deel dit artikel", "Geen reacties", "© 2026 Stil Water")


def make_text(name: str) -> Post:
    """Write one article as pasted text: no marks, no addresses, and the lines around it."""
    source = read_source(name)
    blocks = filter(None, (_paste(block) for block in source.blocks))
    text = "\n\n".join((source.title, READING_TIME, *blocks, *FOOTER))
    return Post(ROW, name, f"{SITE}/{name}/", f"{name}.txt", f"{text}\n")


def make_texts() -> list[Post]:
    """Make every pasted text of the corpus."""
    return [make_text(name) for name in NAMES]


def _paste(block: Block) -> str:
    if block.kind == "image":
        return block.caption  # a picture is no text
    if block.kind == "faq":
        return "\n\n".join(f"{question}\n{answer[0]}" for question, answer in block.items)
    if block.kind == "table":
        return "\n".join("\t".join((first, *cells)) for first, cells in block.items)
    if block.kind in {"bullets", "numbers"}:
        return _list(block)
    return without_marks(block.text)


def _list(block: Block) -> str:
    lines = []
    for number, (text, nested) in enumerate(block.items, 1):
        sign = f"{number}." if block.kind == "numbers" else "•"
        lines.append(f"{sign} {without_marks(text)}")
        lines += [f"  ◦ {without_marks(inner)}" for inner in nested]
    return "\n".join(lines)
