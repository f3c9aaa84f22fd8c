"""Posts for the author's own site: what is read from one is what the issue said."""

from __future__ import annotations

import dataclasses
import re
from datetime import UTC, date, datetime
from html import escape
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from newsletter.archive.block_markdown import write_markdown
from newsletter.archive.posts import post_text
from newsletter.article.post import read_post
from newsletter.model import (
    Ask,
    Edition,
    Image,
    LineKind,
    PublishedIssue,
    Questions,
    Quote,
    Reflection,
    RichText,
    Text,
)
from tests.support.drafts import read
from tests.support.issues import SETTINGS, every_block, rich

if TYPE_CHECKING:
    from newsletter.model import Draft

SIGNS = st.characters(codec="utf-8", exclude_categories=["C", "Z"])
CLEAN = sorted((Path(__file__).parents[2] / "corpora/clean").glob("*.md"))


def of_draft(draft: Draft, **changes: Any) -> PublishedIssue:  # noqa: ANN401 - of an edition
    issue = draft.issue
    assert issue, draft.findings
    edition = Edition(
        slug=issue.slug,
        number=0,
        at=issue.send_at,
        day=issue.send_at.date(),
        subject=issue.subject,
        preheader=issue.preheader,
        article=issue.article,
        themes=issue.themes,
        blocks=issue.blocks,
        content_hash=issue.content_hash,
    )
    return PublishedIssue(dataclasses.replace(edition, **changes), issue.send_at)


def of_text(body: str) -> PublishedIssue:
    return of_draft(read(f"---\nsubject: Rust\n---\n\n{body}\n"))


def split(post: str) -> tuple[dict[str, Any], str]:
    """Return what a real YAML parser reads above the text, and the text."""
    _, header, body = re.split(r"^---$\n", post, maxsplit=2, flags=re.MULTILINE)
    fields: dict[str, Any] = yaml.safe_load(header)
    return fields, body


def bare(value: Any) -> Any:  # noqa: ANN401 - whatever a block holds
    """Return blocks without what is about the file that they are written in."""
    if isinstance(value, tuple):
        return tuple(map(bare, value))
    if isinstance(value, RichText):
        return value.html, value.text, value.links
    if not dataclasses.is_dataclass(value):
        return value
    named = {one.name: bare(getattr(value, one.name)) for one in dataclasses.fields(value)}
    return type(value).__name__, {name: one for name, one in named.items() if name != "line"}


@pytest.mark.parametrize("file", CLEAN, ids=lambda path: path.stem[11:])
def test_a_post_holds_the_same_blocks(file: Path) -> None:
    issue = of_draft(read(file.read_bytes(), file.name))

    _, body = split(post_text(issue, SETTINGS, {}))

    kept = tuple(block for block in issue.edition.blocks if not isinstance(block, Ask))
    assert bare(read(f"---\nsubject: x\n---\n{body}").blocks) == bare(kept)


@pytest.mark.parametrize("file", CLEAN, ids=lambda path: path.stem[11:])
def test_new_reads_the_same_article_from_a_post_as_from_the_issue(file: Path) -> None:
    issue = of_draft(read(file.read_bytes(), file.name))
    post = post_text(issue, SETTINGS, {})

    found = read_post(post, PurePosixPath(f"{issue.slug}/index.md"))

    assert (found.title, found.summary) == (issue.edition.subject, issue.edition.preheader)
    assert found.published == issue.edition.day
    assert found.url == f"https://brief.example.org/issues/{issue.slug}"
    said = " ".join(line.text for line in found.lines)
    for block in issue.edition.blocks:
        if isinstance(block, Quote):
            assert all(
                any(line.kind is LineKind.QUOTE and line.text in one.text for line in found.lines)
                or one.text in said
                for one in block.paragraphs
            )
        if isinstance(block, Questions):
            for one in block.items:
                assert f"{one.question.text} → {one.hint.text}" in re.sub(r" \[\d+\]", "", said)
        if isinstance(block, Reflection) and not block.body.links:
            assert f"💡 {block.body.text}" in said


def test_the_front_matter() -> None:
    issue = of_draft(
        read(
            "---\nsubject: \"Wat is: 'rust' # nee?\"\npreheader: [a] — b\nthemes: rust, yes, 12\n"
            "---\n\nEen zin.\n"
        ),
        at=datetime(2026, 11, 29, 6, 0, 12, 345, tzinfo=UTC),
    )
    published = dataclasses.replace(issue, published_at=issue.edition.at)

    fields, body = split(post_text(published, SETTINGS, {}))

    assert list(fields) == ["title", "date", "description", "slug", "tags", "canonical"]
    assert fields == {
        "title": "Wat is: 'rust' # nee?",
        "date": date(2026, 11, 29),
        "description": "[a] — b",
        "slug": "2026-11-29-rust",
        "tags": ["rust", "yes", "12"],
        "canonical": "https://brief.example.org/issues/2026-11-29-rust",
    }
    assert body == "\nEen zin.\n"


def test_what_is_empty_or_private_is_left_out_of_the_front_matter() -> None:
    local = dataclasses.replace(SETTINGS, public_url="http://localhost:8000")

    fields, _ = split(post_text(of_text("Een zin."), local, {}))

    assert set(fields) == {"title", "date", "slug"}


def test_the_address_is_that_of_the_static_site_if_there_is_one() -> None:
    static = dataclasses.replace(SETTINGS, archive_url="https://archief.example.org/")

    fields, _ = split(post_text(of_text("Een zin."), static, {}))

    assert fields["canonical"] == "https://archief.example.org/issues/2026-11-29-rust.html"


def test_the_day_is_that_of_the_issue_although_it_was_sent_the_evening_before() -> None:
    issue = of_text("Een zin.")
    early = dataclasses.replace(issue, published_at=datetime(2026, 11, 28, 19, tzinfo=UTC))

    fields, _ = split(post_text(early, SETTINGS, {}))

    assert fields["date"] == date(2026, 11, 29)


@pytest.mark.parametrize(
    ("body", "written"),
    [
        ("[Lees][1] en [meer][1]\n\n[1]: https://x.example/a", ("[Lees](https://x.example/a) en "
         "[meer](https://x.example/a)")),
        ("Zie <https://x.example/a_b>.", "Zie <https://x.example/a_b>."),
        ("Zie https://x.example/a_b nu", "Zie <https://x.example/a_b> nu"),
        ("Zie https://x.example/{{a}} nu", "Zie https://x.example/\\{\\{a\\}\\} nu"),
        ("a\\\nb", "a\\\nb"),
        ("\\{\\{ site.title }} \\{% raw %} \\{\\{\\< x >}}",
         "\\{\\{ site.title \\}\\} \\{&#37; raw %\\} \\{\\{&lt; x >\\}\\}"),
        ("`\\{{ x }}` en `a`", "\\\\\\{\\{ x \\}\\} en `a`"),
        ("AT\\&amp;T en \\<b>", "AT&amp;amp;T en &lt;b>"),
        ("1\\. a \\* b \\_c\\_", "1\\. a \\* b \\_c\\_"),
        ("- a\n\n* b", "- a\n\n* b"),
        ("1. a\n\n1) b", "1. a\n\n1) b"),
        ("3. a\n   - b\n\n     c\n4. d", "3. a\n   - b\n\n     c\n4. d"),
        ("> a\n>\n> — b", "> a\n>\n> — b"),
        ("- Wat? → **Dit**", "- Wat? → **Dit**"),
        ("[Lees](https://x.example/a)\n\n[Meer](<https://x.example/(b)>)",
         "[Lees](https://x.example/a)\n\n[Meer](<https://x.example/(b)>)"),
        ("## Veelgestelde vragen\n\n### Mag dat?\n\nJa.\n\n- a",
         "## Veelgestelde vragen\n\n### Mag dat?\n\nJa.\n\n- a"),
        ("![Een \\[pad\\]](https://x.example/a.jpg \"Bij 'ons'\")",
         "![Een \\[pad\\]](https://x.example/a.jpg \"Bij 'ons'\")"),
    ],
)  # fmt: skip
def test_text_as_any_generator_reads_it(body: str, written: str) -> None:
    assert write_markdown(of_text(body).edition.blocks, {}) == f"{written}\n"


def test_every_block_but_the_question_to_subscribers() -> None:
    blocks = (*every_block().blocks, Ask(1, rich("Hoe was het?"), ("Goed", "Anders")))

    text = write_markdown(blocks, {})

    assert "Hoe was het" not in text
    assert text.count("woorden") >= len(every_block().blocks) - 2


def test_pictures_are_beside_the_post_or_not_at_all() -> None:
    name = "0" * 40 + ".jpg"
    image = Image(1, f"media/{name}", "Een stoel", caption='Bij "ons"', link="https://x.example/a")

    with_file = write_markdown((image,), {image.url: name})
    without = write_markdown((image, Text(2, rich("Een zin."))), {})

    assert with_file == (f'[![Een stoel]({name} "Bij &quot;ons&quot;")](https://x.example/a)\n')
    assert without == "Een zin.\n"


@settings(max_examples=150, deadline=None)
@given(st.text(SIGNS, min_size=1, max_size=25))
def test_whatever_a_text_says_it_is_read_so_and_no_generator_runs_it(words: str) -> None:
    block = Text(1, RichText(escape(words, quote=False), words, words))

    text = write_markdown((block,), {})

    (line,) = read_post(text, PurePosixPath("x.md")).lines or (None,)
    if line:
        assert "".join(line.text.split()) == "".join(words.split())
    assert not re.search(r"\{[%{]", text)
