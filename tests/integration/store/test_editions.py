"""The archive's texts: what was published, in which order, and what is shown."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from newsletter.model import Edition
from newsletter.providers import open_provider
from newsletter.store import block_json, editions, schema
from tests.support.drafts import read
from tests.support.newsletter import FakeProvider, Newsletter

if TYPE_CHECKING:
    from newsletter.model import Block

CLEAN = sorted((Path(__file__).parents[2] / "corpora/clean").glob("*.md"))


@pytest.fixture
def newsletter(root: Path, database: str) -> Newsletter:
    assert database
    return Newsletter(root, subscribers=1)


def edition(slug: str, number: int = 0, *, change: str = "", subject: str = "Rust") -> Edition:
    return Edition(
        slug=slug,
        number=number,
        at=datetime(2026, 11, 30, 7, number, tzinfo=UTC),
        day=date.fromisoformat(slug[:10]),
        subject=subject,
        preheader="Even niets",
        article="",
        themes=("rust", "één / twee"),
        blocks=(),
        content_hash=f"{slug}{number}",
        change=change,
        imported_from="" if number else "substack",
    )


def test_every_block_of_the_examples_comes_back_as_it_was() -> None:
    seen: set[str] = set()
    assert CLEAN
    for file in CLEAN:
        blocks: tuple[Block, ...] = read(file.read_bytes(), file.name).blocks
        assert block_json.decode(block_json.encode(blocks)) == blocks
        seen |= {block.kind for block in blocks}
    assert seen >= {"text", "heading", "quote", "questions", "list", "button", "image", "faq"}


def test_a_correction_takes_the_place_of_the_text_and_a_withdrawal_of_all(
    newsletter: Newsletter,
) -> None:
    with newsletter.store.write() as connection:
        editions.record(connection, edition("2026-01-04-oud"))
        editions.record(connection, edition("2026-02-01-nieuw"))
        before = editions.fingerprint(connection)
        changed = edition("2026-01-04-oud", 1, change="+ Een naam klopte niet", subject="Rust!")
        editions.record(connection, changed)
        assert editions.fingerprint(connection) != before
        newest, oldest = editions.published(connection, rehearsals=False)
        assert (newest.slug, oldest.slug) == ("2026-02-01-nieuw", "2026-01-04-oud")
        assert oldest.edition == changed
        assert [one.change for one in oldest.corrections] == ["+ Een naam klopte niet"]
        assert oldest.published_at < oldest.corrections[0].at
        before = editions.fingerprint(connection)
        assert editions.withdraw(connection, "2026-01-04-oud")
        assert not editions.withdraw(connection, "2026-01-04-oud")
        assert editions.fingerprint(connection) != before
        assert editions.published(connection, rehearsals=False) == [newest]
        assert editions.published(connection, rehearsals=False, slugs=["2026-01-04-oud"]) == []


def test_what_was_sent_is_shown_and_a_rehearsal_only_where_nobody_is_mailed(
    newsletter: Newsletter, root: Path
) -> None:
    outbox = open_provider(newsletter.settings)
    newsletter.send(outbox, drafts=True)  # type: ignore[arg-type]
    with newsletter.store.read() as connection:
        assert editions.published(connection, rehearsals=False) == []
        (shown,) = editions.published(connection, rehearsals=True)
        before = editions.fingerprint(connection)
    newsletter.send(FakeProvider(root / "taken"))
    with newsletter.store.read() as connection:
        (sent,) = editions.published(connection, rehearsals=False)
        assert sent.edition.subject == shown.edition.subject
        assert sent.edition.blocks
        assert editions.published(connection, rehearsals=True) == [sent]
        assert editions.fingerprint(connection) != before
    # A rehearsal of a later text takes nothing back.
    file = root / "issues" / f"{newsletter.slug}.md"
    file.write_text(file.read_text(encoding="utf-8") + "\nEn meer.\n", encoding="utf-8")
    newsletter.send(outbox, drafts=True)  # type: ignore[arg-type]
    with newsletter.store.read() as connection:
        assert editions.published(connection, rehearsals=True) == [sent]


def test_a_correction_of_what_is_not_there_shows_nothing(newsletter: Newsletter) -> None:
    with newsletter.store.write() as connection:
        editions.record(connection, edition("2026-01-04-oud", 1))
        assert editions.published(connection, rehearsals=True) == []


def test_what_is_committed_late_is_a_change(newsletter: Newsletter) -> None:
    with newsletter.store.write() as connection:
        editions.record(connection, edition("2026-01-04-oud"))
        editions.record(connection, edition("2026-02-01-nieuw"))
        first = sa.select(sa.func.min(schema.editions.c.id)).scalar_subquery()
        both = editions.fingerprint(connection)
        # Another transaction took its number before, and is not over.
        connection.execute(schema.editions.delete().where(schema.editions.c.id == first))
        assert editions.fingerprint(connection) != both
