"""Every page and post of the corpus becomes a draft that needs at most three edits."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from newsletter import checks, config
from newsletter.article.page import read_page
from newsletter.desk.authoring import make_draft
from tests.support.databases import where
from tests.support.drafts import read
from tests.support.pages.corpus import NAMES
from tests.support.pages.posts import PERMALINK
from tests.support.pages.walk import Sample, edit_lightly, samples

if TYPE_CHECKING:
    from newsletter.desk.authoring import NewDraft

SAMPLES = samples()
NOW = datetime(2026, 11, 30, 12, tzinfo=UTC)
DOCUMENT = Path(__file__).parents[3] / "docs" / "author.md"
MOST_EDITS = 3

each = pytest.mark.parametrize("sample", SAMPLES, ids=lambda one: one.id)


def draft(sample: Sample, root: Path) -> NewDraft:
    (root / "newsletter.toml").write_text(
        f'name = "Stil Water"\npermalink = "{PERMALINK}"\n', encoding="utf-8"
    )
    settings = config.load(root, where())
    file = str(sample.write(root))
    return make_draft(settings, file, url=sample.given, day=None, entry=None, now=NOW, write=False)


@each
def test_a_draft_has_what_was_expected_of_it(sample: Sample, root: Path) -> None:
    expected = sample.expected

    made = draft(sample, root)

    text = made.draft.text
    head, _, body = text.removeprefix("---\n").partition("\n---\n")
    assert f"subject: {expected.subject}\n" in head
    assert f"article: {sample.url}\n" in head
    assert body.strip().startswith(expected.opening)
    assert _questions(body) == list(expected.questions)
    assert all(f"→ {hint}\n" in body for hint in expected.hints)
    quote = re.findall(r"^> [\"“]?(.+)$", body, re.MULTILINE)
    if expected.quotes:
        assert quote
        assert quote[0].startswith(expected.quotes)
    prompt = re.findall(r"^💡 (.+)$", body, re.MULTILINE)
    if expected.prompts:
        assert prompt
        assert prompt[0].startswith(expected.prompts)
    assert f"]({sample.url})" in body
    assert [one for one in expected.absent if one in text] == []
    for label in expected.related:
        # Pasted text has no addresses, so the link is a gap that names the article.
        link = rf"\[\[.*{label}.*\]\]" if sample.given else rf"\[{label}\]\(http"
        assert re.search(link, body)


@each
def test_a_draft_is_clean_after_three_edits_at_most(sample: Sample, root: Path) -> None:
    text, edits = edit_lightly(draft(sample, root).draft.text)

    assert checks.check(read(text, "2026-12-06-x.md", NOW.date())) == ()
    assert edits <= MOST_EDITS


@each
def test_every_sentence_of_a_draft_is_the_articles_own(sample: Sample, root: Path) -> None:
    if sample.file.endswith(".html"):
        article = read_page(sample.text, sample.url)
        parts = [article.title, article.summary, *(line.text for line in article.lines)]
        source = " ".join(parts)
    else:
        source = sample.text
    source = _words(source)
    body = draft(sample, root).draft.text.partition("\n---\n")[2]

    for sentence in re.split(r"(?<=[.?!])\s|\n|→", body):
        if not sentence.startswith(("[", "[[")):
            assert _words(sentence) in source


def test_the_table_in_the_document_is_what_the_drafts_need(root: Path) -> None:
    needed: dict[str, list[int]] = {}
    for sample in SAMPLES:
        if sample.row:
            _, edits = edit_lightly(draft(sample, root).draft.text)
            needed.setdefault(sample.row, []).append(edits)

    rows = re.findall(r"^\| `([\w-]+)` \|((?: \d \|)+)$", DOCUMENT.read_text("utf-8"), re.MULTILINE)

    assert {
        name: [int(cell) for cell in re.findall(r"\d", cells)] for name, cells in rows
    } == needed
    assert {len(cells) for cells in needed.values()} == {len(NAMES)}


def _questions(body: str) -> list[str]:
    """Return the questions of the list below the heading that announces them."""
    below = re.search(r"^## .*vragen.*\n\n((?:- .+\n)+)", body, re.MULTILINE | re.IGNORECASE)
    items = below[1].splitlines() if below else []
    return [item.removeprefix("- ").partition(" → ")[0] for item in items]


def _words(text: str) -> str:
    return " ".join(re.findall(r"\w+", text.replace("*", "")))
