"""Who returns is told once what they missed, and nobody of what they had."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from newsletter.store import editions, issue_notices
from newsletter.subscriptions import preferences, unsubscribe
from newsletter.subscriptions.missed import tell_returned
from tests.support.newsletter import FakeProvider, Newsletter
from tests.support.signups import VIA, queued, send_due

if TYPE_CHECKING:
    from pathlib import Path

    from newsletter.model import Batch

pytestmark = pytest.mark.usefixtures("database")

DAY = timedelta(days=1)
PAGES = "https://brief.example.org/issues"


class Sunday:
    """The time, as a test sets it, and an issue for each Sunday."""

    def __init__(self) -> None:
        self.moment = datetime(2026, 11, 1, 6, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.moment


class Reader:
    """One subscriber of a newsletter, and all that reaches them."""

    def __init__(self, root: Path, clock: Sunday) -> None:
        self.clock = clock
        # Others, so that there is always somebody to send to.
        self.newsletter = Newsletter(root, subscribers=4, slug="none", clock=clock)
        rows = self.newsletter.sql("SELECT email, public_id FROM subscribers ORDER BY id")
        self.ids = [str(public_id) for _, public_id in rows]
        preferences.choose(self.newsletter.store, self.ids[3], VIA, monthly=True)
        self.seen: list[Batch] = []
        self.provider = FakeProvider(root / "taken")
        self.noticed = FakeProvider(root / "noticed", answer=self.seen.append)

    def sends(self, name: str, *, listed: tuple[str, ...] = (), limit: int | None = None) -> str:
        """Send an issue a week after the last; one that lists others is a digest."""
        self.clock.moment += 7 * DAY
        slug = f"{self.clock.moment:%Y-%m-%d}-{name}"
        links = "\n\n".join(f"[Over iets]({PAGES}/{one}) van toen." for one in listed)
        front = f"subject: Over {name}\n" + "audience: monthly\n" * bool(listed)
        file = self.newsletter.root / "issues" / f"{slug}.md"
        file.write_text(f"---\n{front}---\nEen zin over {name}.\n\n{links}\n", encoding="utf-8")
        self.newsletter.send(self.provider, slug, limit=limit)
        return slug

    def choose(self, *, monthly: bool) -> None:
        preferences.choose(self.newsletter.store, self.ids[0], VIA, monthly=monthly)

    def pauses(self, weeks: int) -> None:
        preferences.pause(self.newsletter.store, self.ids[0], weeks, "Europe/Amsterdam")

    def resumes(self) -> None:
        preferences.resume(self.newsletter.store, self.ids[0], VIA)

    def told(self) -> list[list[str]]:
        """Send what is due; return the titles in each notice to this subscriber."""
        send_due(self.newsletter, self.noticed)
        texts = [batch.letter.text for batch in self.seen]
        assert {one.recipients[0].email for one in self.seen} <= {"lezer0@example.org"}
        self.seen.clear()
        named = re.compile(r"^Over (.+)\nhttps://\S+/issues/\S+$", re.MULTILINE)
        return [named.findall(text) for text in texts]


@pytest.fixture
def clock() -> Sunday:
    return Sunday()


@pytest.fixture
def reader(root: Path, clock: Sunday) -> Reader:
    return Reader(root, clock)


def test_who_ends_a_pause_is_told_what_was_sent_meanwhile_once(reader: Reader) -> None:
    reader.sends("eerst")
    reader.pauses(8)
    reader.sends("mist")
    reader.sends("regen")
    assert not tell_returned(reader.newsletter.store, VIA)  # it goes on
    reader.resumes()
    assert reader.told() == [["regen", "mist"]]
    reader.resumes()
    assert not tell_returned(reader.newsletter.store, VIA)
    assert reader.told() == []
    reader.sends("daarna")
    assert reader.provider.copies()["lezer0@example.org"] == 2


def test_a_pause_that_ends_by_itself_is_noticed(reader: Reader, clock: Sunday) -> None:
    reader.pauses(2)
    reader.sends("mist")
    clock.moment += 7 * DAY
    assert tell_returned(reader.newsletter.store, VIA)
    assert not tell_returned(reader.newsletter.store, VIA)
    assert reader.told() == [["mist"]]


def test_a_pause_in_which_nothing_was_sent_brings_no_notice(reader: Reader) -> None:
    reader.pauses(2)
    reader.resumes()
    assert reader.told() == []
    # It is over: what is sent now is not missed later.
    reader.sends("mist")
    reader.pauses(1)
    reader.resumes()
    assert reader.told() == []


def test_a_letter_that_a_pause_kept_back_was_missed(reader: Reader) -> None:
    slug = reader.sends("mist", limit=1)
    accepted = reader.provider.copies()
    number = next(n for n in (0, 1, 2) if not accepted[f"lezer{n}@example.org"])
    reader.ids[0] = reader.ids[number]
    reader.pauses(1)
    reader.newsletter.send(reader.provider, slug)
    reader.resumes()
    send_due(reader.newsletter, reader.noticed)
    (batch,) = reader.seen
    assert batch.recipients[0].email == f"lezer{number}@example.org"
    assert "Over mist" in batch.letter.text


def test_who_goes_back_to_every_letter_is_told_what_neither_letter_nor_digest_brought(
    reader: Reader,
) -> None:
    reader.sends("eerst")
    reader.choose(monthly=True)
    first = reader.sends("mist")
    reader.sends("maand", listed=(first,))
    reader.sends("regen")
    gone = reader.sends("weg")
    with reader.newsletter.store.write() as connection:
        editions.withdraw(connection, gone)
    reader.choose(monthly=False)
    assert reader.told() == [["regen"]]
    reader.choose(monthly=True)
    reader.choose(monthly=False)
    assert reader.told() == []


def test_an_issue_that_came_as_a_notice_was_not_missed(reader: Reader) -> None:
    reader.pauses(4)
    slug = reader.sends("mist")
    with reader.newsletter.store.write() as connection:
        row = connection.exec_driver_sql("SELECT id FROM subscribers ORDER BY id").first()
        assert row
        assert issue_notices.take(connection, row[0], slug)
    reader.resumes()
    assert reader.told() == []


def test_going_back_to_every_letter_in_a_pause_waits_for_its_end(reader: Reader) -> None:
    reader.choose(monthly=True)
    reader.sends("mist")
    reader.pauses(8)
    reader.sends("regen")
    reader.choose(monthly=False)
    assert reader.told() == []
    reader.sends("wind")
    reader.resumes()
    assert reader.told() == [["wind", "regen", "mist"]]


def test_who_pauses_and_gets_one_a_month_is_told_of_the_digests(reader: Reader) -> None:
    reader.choose(monthly=True)
    first = reader.sends("mist")
    reader.pauses(8)
    reader.sends("maand", listed=(first,))
    reader.resumes()
    assert reader.told() == [["maand"]]


def test_of_more_than_twelve_the_newest_are_named_with_the_archive(reader: Reader) -> None:
    reader.pauses(26)
    names = [f"brief{chr(ord('a') + n)}" for n in range(13)]
    for name in names:
        reader.sends(name)
    reader.resumes()
    send_due(reader.newsletter, reader.noticed)
    (batch,) = reader.seen
    text = batch.letter.text
    assert text.count(f"{PAGES}/2") == 12
    assert f"Over {names[12]}" in text
    assert f"Over {names[0]}" not in text
    assert f"{PAGES}/\n" in text


def test_who_has_left_is_told_nothing(reader: Reader) -> None:
    reader.pauses(1)
    reader.sends("mist")
    unsubscribe.unsubscribe_many(reader.newsletter.store, [reader.ids[0]])
    reader.clock.moment += 30 * DAY
    assert not tell_returned(reader.newsletter.store, VIA)
    assert queued(reader.newsletter.store) == []


def test_who_leaves_before_it_is_sent_gets_nothing(reader: Reader) -> None:
    reader.pauses(4)
    reader.sends("mist")
    reader.resumes()
    unsubscribe.unsubscribe_many(reader.newsletter.store, [reader.ids[0]])
    assert reader.told() == []
    assert queued(reader.newsletter.store) == [("missed", "skipped")]
