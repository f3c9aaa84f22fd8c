"""What an author does between `newsletter new` and the letter: the fewest edits, counted."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from newsletter.article.charset import decode
from tests.support.pages.corpus import make_pages
from tests.support.pages.expectations import Expectation, expectation
from tests.support.pages.posts import make_posts
from tests.support.pages.texts import make_texts

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.pages.corpus import Page
    from tests.support.pages.posts import Post

HERE = Path(__file__).parent
OWN_WORDS = "Een paar eigen woorden bij het stuk van deze week"
_GAP = re.compile(r"\[\[[^\]]*\]\]")


@dataclass(frozen=True)
class Sample:
    """One source of a draft: a page, a post or a text, and what its draft must have."""

    id: str
    row: str
    """Its row in the table of docs/author.md; "" for a page that others put there."""
    file: str
    raw: bytes
    expected: Expectation
    url: str
    given: str = ""
    """The address that its author gives; "" where the source has its own."""

    @property
    def text(self) -> str:
        """Its text, whatever its encoding."""
        return decode(self.raw)

    @property
    def arguments(self) -> tuple[str, ...]:
        """What follows the name of the file on the command line."""
        return ("--url", self.given) if self.given else ()

    def write(self, folder: Path) -> Path:
        """Write its file into a folder."""
        path = folder / self.file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(self.raw)
        return path


def samples() -> list[Sample]:
    """Return every source of the corpus: pages, posts, texts, and pages that others put there."""
    pages = [_sample(one, one.system, f"{one.name}.html", one.markup) for one in make_pages()]
    posts = [_sample(one, f"{one.system}-post", one.file, one.text) for one in make_posts()]
    texts = [_sample(one, one.system, one.file, one.text, one.url) for one in make_texts()]
    return [*pages, *posts, *texts, *_blind_samples()]


def _sample(source: Page | Post, row: str, file: str, text: str, given: str = "") -> Sample:
    expected = expectation(HERE / "articles" / f"{source.name}.toml", row)
    return Sample(source.id, row, file, text.encode(), expected, source.url, given)


def _blind_samples() -> Iterator[Sample]:
    for path in sorted((HERE / "blind").glob("*.html")):
        expected = expectation(path.with_suffix(".toml"))
        yield Sample(f"blind-{path.stem}", "", path.name, path.read_bytes(), expected, expected.url)


def edit_lightly(draft: str) -> tuple[str, int]:
    """Make a draft ready: delete its gaps, write what must be there, and say `draft: no`.

    Returns:
        The text, and in how many places it was changed.
    """
    parts = []
    edits = 0
    for part in re.split(r"\n{2,}", draft):
        gaps = len(_GAP.findall(part))
        edits += gaps
        if part.startswith("---"):
            parts.append(_GAP.sub(OWN_WORDS, part))
        elif not gaps:
            parts.append(part)
        elif len(_GAP.sub("", part).split()) > gaps:
            parts.append(_GAP.sub("dit", part))
    text = "\n\n".join(parts)
    assert "draft: yes\n" in text
    return text.replace("draft: yes\n", "draft: no\n"), edits + 1
