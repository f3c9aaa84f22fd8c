"""Who returns learns once what they missed, and nobody of what they had."""

from __future__ import annotations

import re
import threading
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from newsletter.store import editions, freezing, issue_notices
from newsletter.subscriptions import preferences, unsubscribe
from newsletter.subscriptions.missed import tell_returned
from tests.support.newsletter import FakeProvider, Newsletter
from tests.support.signups import VIA, queued, send_due

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable
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


class Person:
    """One subscriber of a newsletter, and all that reaches them."""

    def __init__(self, root: Path, clock: Sunday) -> None:
        self.clock = clock
        # Others, so that an issue always has an audience.
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

    def heard(self) -> list[list[str]]:
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
def person(root: Path, clock: Sunday) -> Person:
    return Person(root, clock)


def test_who_ends_a_pause_learns_what_was_sent_meanwhile_once(person: Person) -> None:
    person.sends("eerst")
    person.pauses(8)
    person.sends("mist")
    person.sends("regen")
    assert not tell_returned(person.newsletter.store, VIA)  # it goes on
    person.resumes()
    assert person.heard() == [["regen", "mist"]]
    person.resumes()
    assert not tell_returned(person.newsletter.store, VIA)
    assert person.heard() == []
    person.sends("daarna")
    assert person.provider.copies()["lezer0@example.org"] == 2


def test_a_pause_that_ends_by_itself_is_noticed(person: Person, clock: Sunday) -> None:
    person.pauses(2)
    person.sends("mist")
    clock.moment += 7 * DAY
    assert tell_returned(person.newsletter.store, VIA)
    assert not tell_returned(person.newsletter.store, VIA)
    assert person.heard() == [["mist"]]


def test_a_pause_in_which_nothing_was_sent_brings_no_notice(person: Person) -> None:
    person.pauses(2)
    person.resumes()
    assert person.heard() == []
    # It is over: what is sent now is not missed later.
    person.sends("mist")
    person.pauses(1)
    person.resumes()
    assert person.heard() == []


def test_a_letter_that_a_pause_kept_back_was_missed(person: Person) -> None:
    slug = person.sends("mist", limit=1)
    accepted = person.provider.copies()
    number = next(n for n in (0, 1, 2) if not accepted[f"lezer{n}@example.org"])
    person.ids[0] = person.ids[number]
    person.pauses(1)
    person.newsletter.send(person.provider, slug)
    person.resumes()
    send_due(person.newsletter, person.noticed)
    (batch,) = person.seen
    assert batch.recipients[0].email == f"lezer{number}@example.org"
    assert "Over mist" in batch.letter.text


def test_who_goes_back_to_every_letter_learns_what_neither_letter_nor_digest_brought(
    person: Person,
) -> None:
    person.sends("eerst")
    person.choose(monthly=True)
    first = person.sends("mist")
    person.sends("maand", listed=(first,))
    person.sends("regen")
    gone = person.sends("weg")
    with person.newsletter.store.write() as connection:
        editions.withdraw(connection, gone)
    person.choose(monthly=False)
    assert person.heard() == [["regen"]]
    person.choose(monthly=True)
    person.choose(monthly=False)
    assert person.heard() == []


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE mailings SET rehearsal = (1 = 1) WHERE monthly",
        "UPDATE mailings SET state = 'cancelled' WHERE monthly",
        "UPDATE mailings SET state = 'paused' WHERE monthly",
    ],
)
def test_a_digest_that_was_rehearsed_or_cancelled_brought_nothing(
    person: Person, change: str
) -> None:
    person.choose(monthly=True)
    first = person.sends("mist")
    person.sends("maand", listed=(first,))
    person.newsletter.sql(change)
    if "state" in change:  # before this person's letter left
        person.newsletter.sql(
            "UPDATE deliveries SET state = 'pending'"
            " WHERE mailing_id = (SELECT id FROM mailings WHERE monthly)"
        )
    person.choose(monthly=False)
    # One that is paused goes on.
    assert person.heard() == ([] if "paused" in change else [["mist"]])


def test_an_issue_that_came_as_a_notice_was_not_missed(person: Person) -> None:
    person.pauses(4)
    slug = person.sends("mist")
    with person.newsletter.store.write() as connection:
        row = connection.exec_driver_sql("SELECT id FROM subscribers ORDER BY id").first()
        assert row
        assert issue_notices.take(connection, row[0], slug)
    person.resumes()
    assert person.heard() == []


def test_going_back_to_every_letter_in_a_pause_waits_for_its_end(person: Person) -> None:
    person.choose(monthly=True)
    person.sends("mist")
    person.pauses(8)
    person.sends("regen")
    person.choose(monthly=False)
    assert person.heard() == []
    person.sends("wind")
    person.resumes()
    assert person.heard() == [["wind", "regen", "mist"]]


def test_who_pauses_and_gets_one_a_month_learns_of_the_digests(person: Person) -> None:
    person.choose(monthly=True)
    first = person.sends("mist")
    person.pauses(8)
    person.sends("maand", listed=(first,))
    person.resumes()
    assert person.heard() == [["maand"]]


def test_of_more_than_twelve_the_newest_are_named_with_the_archive(person: Person) -> None:
    person.pauses(26)
    names = [f"brief{chr(ord('a') + n)}" for n in range(13)]
    for name in names:
        person.sends(name)
    person.resumes()
    send_due(person.newsletter, person.noticed)
    (batch,) = person.seen
    text = batch.letter.text
    assert text.count(f"{PAGES}/2") == 12
    assert f"Over {names[12]}" in text
    assert f"Over {names[0]}" not in text
    assert f"{PAGES}/\n" in text


def test_who_has_left_learns_nothing(person: Person) -> None:
    person.pauses(1)
    person.sends("mist")
    unsubscribe.unsubscribe_many(person.newsletter.store, [person.ids[0]])
    person.clock.moment += 30 * DAY
    assert not tell_returned(person.newsletter.store, VIA)
    assert queued(person.newsletter.store) == []


def test_who_leaves_before_it_is_sent_gets_nothing(person: Person) -> None:
    person.pauses(4)
    person.sends("mist")
    person.resumes()
    unsubscribe.unsubscribe_many(person.newsletter.store, [person.ids[0]])
    assert person.heard() == []
    assert queued(person.newsletter.store) == [("missed", "skipped")]


def test_what_is_frozen_and_has_not_left_was_missed(person: Person) -> None:
    person.pauses(8)
    person.sends("mist")
    # As a sender leaves it that dies before its first request.
    person.newsletter.sql("UPDATE mailings SET state = 'frozen', finished_at = NULL")
    person.resumes()
    person.newsletter.sql("UPDATE mailings SET state = 'completed'")
    assert person.heard() == [["mist"]]


@pytest.mark.parametrize("how", ["resumes", "chooses", "is over"])
def test_who_returns_while_an_audience_is_made_misses_nothing(
    person: Person, clock: Sunday, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    if how == "chooses":
        person.choose(monthly=True)
    else:
        person.pauses(1 if how == "is over" else 8)

    def come_back() -> None:
        if how == "chooses":
            person.choose(monthly=False)
        elif how == "resumes":
            person.resumes()
        else:
            tell_returned(person.newsletter.store, VIA)

    other = threading.Thread(target=come_back)
    freeze = freezing.freeze

    def freeze_slowly(*args: object, **kwargs: object) -> object:
        frozen = freeze(*args, **kwargs)  # type: ignore[arg-type]
        if how == "is over":
            clock.moment += 8 * DAY
        other.start()
        other.join(0.5)  # it waits: its audience is not there yet for others
        return frozen

    monkeypatch.setattr(freezing, "freeze", freeze_slowly)
    if how == "is over":
        clock.moment -= 2 * DAY  # the pause ends just after
    person.sends("mist")
    other.join()
    assert person.heard() == [["mist"]]


def test_under_the_outbox_which_mails_nobody_they_wait(
    person: Person, run: Callable[..., subprocess.CompletedProcess[str]]
) -> None:
    person.pauses(1)
    person.sends("mist")
    person.newsletter.sql("UPDATE subscribers SET paused_until = paused_at")
    assert run("events", "pull").returncode == 0
    assert person.heard() == []
    assert tell_returned(person.newsletter.store, VIA)
