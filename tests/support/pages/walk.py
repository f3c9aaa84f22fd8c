"""What an author does between `newsletter new` and the letter: the fewest edits, counted."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from tests.support.pages.corpus import SYSTEMS, make_pages
from tests.support.pages.expectations import Expectation, expectation
from tests.support.pages.posts import make_posts
from tests.support.pages.texts import make_texts

HERE = Path(__file__).parent
OWN_WORDS = "Een paar eigen woorden bij het stuk van deze week"
_GAP = re.compile(r"\[\[[^\]]*\]\]")


@dataclass(frozen=True)
class Sample:
    """One source of a draft: a page or a post, and what its draft must have."""

    id: str
    row: str
    """Its row in the table of docs/author.md; "" for a page that others put there."""
    name: str
    file: str
    text: str
    expected: Expectation
    url: str
    given: str = ""
    """The address that its author gives; "" where the source has its own."""

    @property
    def arguments(self) -> tuple[str, ...]:
        """What follows the name of the file on the command line."""
        return ("--url", self.given) if self.given else ()

    def write(self, folder: Path) -> Path:
        """Write its file into a folder."""
        path = folder / self.file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(self.text, encoding="utf-8")
        return path


def samples() -> list[Sample]:
    """Return every source of the corpus: pages, posts, texts, and pages that others put there."""
    pages = [(one, one.system, f"{one.name}.html", one.markup) for one in make_pages(SYSTEMS)]
    posts = [(one, f"{one.system}-post", one.file, one.text) for one in make_posts()]
    found = [
        Sample(one.id, row, one.name, file, text, _expected(one.name, row), one.url)
        for one, row, file, text in (*pages, *posts)
    ]
    for one in make_texts():
        expected = _expected(one.name, one.system)
        found.append(
            Sample(
                one.system + "-" + one.name,
                one.system,
                one.name,
                one.file,
                one.text,
                expected,
                one.url,
                one.url,
            )
        )
    for path in sorted((HERE / "blind").glob("*.html")):
        blind = expectation(path.with_suffix(".toml"))
        text = path.read_text("utf-8")
        found.append(Sample(f"blind-{path.stem}", "", "", path.name, text, blind, blind.url))
    return found


def _expected(name: str, row: str) -> Expectation:
    return expectation(HERE / "articles" / f"{name}.toml", row)


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
