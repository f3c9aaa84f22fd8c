"""What is expected of the pages of the corpus: line by line, and of the draft."""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from newsletter.model import LineKind

if TYPE_CHECKING:
    from tests.support.pages.corpus import Page
    from tests.support.pages.sources import Block

HERE = Path(__file__).parent
_DASHED = {"wordpress-elementor"}
"""Systems that name who said a quote, under it."""


@dataclass(frozen=True)
class Expectation:
    """What a draft of one article must have, written by hand."""

    subject: str
    opening: str
    questions: tuple[str, ...] = ()
    hints: tuple[str, ...] = ()
    quotes: tuple[str, ...] = ()
    """How its quotes begin; the draft has one of them."""
    prompts: tuple[str, ...] = ()
    related: tuple[str, ...] = ()
    absent: tuple[str, ...] = ()
    """What its site has around the article, and no draft has."""
    url: str = ""


def expectation(path: Path, system: str = "") -> Expectation:
    """Read the expectation of an article, with what is different in one system."""
    table = tomllib.loads(path.read_text("utf-8"))
    exceptions = table.pop("exceptions", {})
    table.update(exceptions.get(system, {}))
    return Expectation(**{key: _frozen(value) for key, value in table.items()})


def _frozen(value: object) -> object:
    return tuple(value) if isinstance(value, list) else value


def expected_lines(page: Page) -> list[tuple[str, str]]:
    """Return the kind and the text of every line that a page's article has."""
    return [line for block in page.source.blocks for line in _lines(block, page.system)]


def _lines(block: Block, system: str) -> list[tuple[str, str]]:
    if block.kind == "faq":
        pairs = [
            (("heading", question), ("paragraph", answer)) for question, (answer,) in block.items
        ]
        return [line for pair in pairs for line in pair]
    if block.kind in {"bullets", "numbers"}:
        texts = [text for item, nested in block.items for text in (item, *nested)]
        return [("item", without_marks(text)) for text in texts]
    if block.kind == "table":
        return [("gap", "embed" if system == "medium" else "table")]
    if block.kind == "embed":
        return [("gap", "video")]
    if block.kind == "quote":
        kind = "paragraph" if system == "handmade" else "quote"
        return [(kind, block.text + (" — Marijke" if system in _DASHED else ""))]
    kind = "paragraph" if block.kind == "prompt" else block.kind
    return [(LineKind(kind).value, without_marks(block.text))]


def without_marks(text: str) -> str:
    """Return a text of the corpus without its marks."""
    return re.sub(r"\*+", "", re.sub(r"\[([^\]]+)\]\([^)]+\)", r"\1", text))


def comparable(text: str) -> str:
    """Return a text as it is compared: quotation marks and spaces are a matter of the system."""
    return " ".join(re.sub(r"[“”\"]", "", text).split())
