from __future__ import annotations

import contextlib
import json
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, cast

import pytest
from fake_resend import FakeResend
from house import House, Provider, add_readers

from newsletter import delivery, desk, render
from newsletter.delivery import plan
from newsletter.model import MailingState, RetryLater, Unknown
from newsletter.providers.outbox import Outbox
from newsletter.store import open_store

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from newsletter.delivery import DueReport, Report
    from newsletter.model import Batch, Outcome

    Run = Callable[..., subprocess.CompletedProcess[str]]

pytestmark = pytest.mark.usefixtures("database")

HOUR = timedelta(hours=1)
SECOND = timedelta(seconds=1)
DAY = timedelta(days=1)
SLUG = "2026-11-29-rust"
SEVEN = datetime.fromisoformat("2026-11-29T07:00:00+01:00")
BLIND = timedelta(0)


class Clock:
    """The time, as a test sets it."""

    def __init__(self, moment: datetime = SEVEN) -> None:
        self.moment = moment

    def __call__(self) -> datetime:
        return self.moment.astimezone(UTC)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def house(root: Path, clock: Clock) -> House:
    made = House(root, slug=SLUG, clock=clock)
    write(made)
    return made


@pytest.fixture
def provider(tmp_path: Path) -> Provider:
    return Provider(tmp_path / "taken")


@pytest.fixture
def outbox(house: House) -> Provider:
    return cast("Provider", Outbox(house.root / "outbox"))


def write(house: House, slug: str = SLUG, *, front: str = "", body: str = "") -> Path:
    """Write an issue file; without more, it is for its date at seven."""
    path = house.root / "issues" / f"{slug}.md"
    body = body or f"Een rustige zin over {slug[11:]}."
    path.write_text(f"---\nsubject: Over {slug[11:]}\n{front}---\n{body}\n", encoding="utf-8")
    return path


@contextlib.contextmanager
def quiet(_slug: str) -> Iterator[Callable[[int, int], None]]:
    yield lambda _done, _total: None


def due(house: House, provider: Provider, stop: threading.Event | None = None) -> DueReport:
    return delivery.due(
        house.store,
        house.settings,
        provider,
        desk.read_all(house.settings),
        stop=stop or threading.Event(),
        progress=quiet,
        preflight=False,
    )


def states(found: DueReport) -> dict[str, str]:
    for report in found.reports:
        assert sum(report.receipt.counts.values()) == report.receipt.mailing.audience
    return {r.receipt.mailing.slug: r.receipt.mailing.state.value for r in found.reports}


def said(found: DueReport) -> str:
    """Return all that is told, having seen that each of it is one line."""
    lines = [*map(str, found.troubles), *found.notes]
    assert all(line and line.isprintable() for line in lines)
    return "\n".join(lines)


def ledger(house: House) -> list[tuple[object, ...]]:
    return house.sql("SELECT slug, slot, state, released, rehearsal FROM mailings ORDER BY id")


def only(found: DueReport) -> Report:
    (report,) = found.reports
    return report


# Early, due, late, twice


def test_before_its_time_nothing_happens(house: House, clock: Clock, provider: Provider) -> None:
    clock.moment = SEVEN - SECOND
    found = due(house, provider)
    assert (found.reports, found.troubles, found.notes, found.exit_code) == ((), (), (), 0)
    assert ledger(house) == []
    assert found.next
    assert (found.next.slug, found.next.send_at, found.next.audience) == (SLUG, SEVEN, 25)
    assert found.next.blocked_by == ()


@pytest.mark.parametrize("after", [timedelta(0), 6 * HOUR])
def test_in_its_window_an_issue_is_sent(
    house: House, clock: Clock, provider: Provider, after: timedelta
) -> None:
    clock.moment = SEVEN + after
    found = due(house, provider)
    assert (states(found), found.exit_code) == ({SLUG: "completed"}, 0)
    assert len(provider.copies()) == 25
    assert found.next is None


def test_twice_is_once(house: House, clock: Clock, provider: Provider) -> None:
    first = due(house, provider)
    calls = provider.calls
    for later in (timedelta(0), 5 * HOUR):
        clock.moment = SEVEN + later
        again = due(house, provider)
        # What is due now is accounted for, also by a run that came too late to help.
        assert only(again).repeated
        assert only(again).receipt == only(first).receipt
        assert (again.exit_code, said(again)) == (0, "")
    clock.moment = SEVEN + 7 * HOUR
    assert due(house, provider).reports == ()
    assert provider.calls == calls
    assert set(provider.copies().values()) == {1}


def test_no_issue_this_week(house: House, provider: Provider) -> None:
    (house.root / "issues" / f"{SLUG}.md").unlink()
    found = due(house, provider)
    assert (found.reports, found.next, found.exit_code, said(found)) == ((), None, 0, "")
    write(house, "2026-12-06-later")
    found = due(house, provider)
    assert (found.reports, found.exit_code) == ((), 0)
    assert found.next
    assert found.next.slug == "2026-12-06-later"


def test_a_missed_issue_is_recorded_and_told_once(
    house: House, clock: Clock, provider: Provider
) -> None:
    clock.moment = SEVEN + 6 * HOUR + SECOND
    found = due(house, provider)
    assert (states(found), found.exit_code) == ({SLUG: "expired"}, 3)
    assert "--late" in said(found)
    assert SLUG in said(found)
    assert ledger(house) == [(SLUG, "2026-11-29T07:00", "expired", 1, 0)]
    before = ledger(house)
    for later in (HOUR, 6 * DAY, 30 * DAY):
        clock.moment = SEVEN + later + 6 * HOUR
        again = due(house, provider)
        assert (again.reports, again.exit_code, said(again)) == ((), 0, "")
    assert ledger(house) == before
    assert provider.copies() == {}


def test_what_was_told_stays_told_whatever_is_lacking_now(
    house: House, clock: Clock, provider: Provider
) -> None:
    clock.moment = SEVEN + DAY
    assert due(house, provider).exit_code == 3
    house.settings = replace(house.settings, sender="")
    assert due(house, provider).exit_code == 0


def test_what_expired_can_be_sent_late_by_name(
    house: House, clock: Clock, provider: Provider
) -> None:
    clock.moment = SEVEN + DAY
    due(house, provider)
    report = house.send(provider, SLUG, late=True)
    assert report.receipt.mailing.state is MailingState.COMPLETED
    again = due(house, provider)
    assert (again.exit_code, said(again)) == (0, "")
    assert set(provider.copies().values()) == {1}
    assert len(provider.copies()) == 25


def test_what_expired_can_have_a_new_time(house: House, clock: Clock, provider: Provider) -> None:
    clock.moment = SEVEN + DAY
    due(house, provider)
    write(house, front="send_at: 2026-11-30 09:00\n")
    assert due(house, provider).reports == ()
    clock.moment = SEVEN + DAY + 2 * HOUR
    assert states(due(house, provider)) == {SLUG: "completed"}
    assert len(provider.copies()) == 25


def test_a_second_time_that_is_missed_is_told_again(
    house: House, clock: Clock, provider: Provider
) -> None:
    clock.moment = SEVEN + DAY
    assert due(house, provider).exit_code == 3
    write(house, front="send_at: 2026-11-30 09:00\n")
    clock.moment = SEVEN + 2 * DAY
    assert due(house, provider).exit_code == 3
    assert due(house, provider).exit_code == 0
    assert [row[1] for row in ledger(house)] == ["2026-11-29T07:00", "2026-11-30T09:00"]


def test_what_is_long_past_is_left_alone(house: House, clock: Clock, provider: Provider) -> None:
    clock.moment = SEVEN + 7 * DAY + SECOND
    found = due(house, provider)
    assert (found.reports, found.exit_code) == ((), 0)
    assert SLUG in said(found)
    assert ledger(house) == []
    clock.moment = SEVEN + 7 * DAY
    assert due(house, provider).exit_code == 3


def test_a_window_of_weeks_does_not_bring_back_the_past(
    house: House, clock: Clock, provider: Provider
) -> None:
    house.settings = replace(house.settings, max_lateness_hours=24 * 30)
    clock.moment = SEVEN + 8 * DAY
    found = due(house, provider)
    assert (found.reports, found.next, ledger(house)) == ((), None, [])


# What has started


def interrupt(house: House, provider: Provider) -> None:
    """Let one batch leave, and the rest wait for another run."""
    stop = threading.Event()
    provider.answer = lambda _batch: stop.set()
    found = due(house, provider, stop)
    assert (states(found), found.exit_code) == ({SLUG: "sending"}, 75)
    assert 0 < len(provider.copies()) < 25
    provider.answer = None


def gone(house: House) -> None:
    (house.root / "issues" / f"{SLUG}.md").unlink()


@pytest.mark.parametrize(
    ("change", "edited", "after"),
    [
        (lambda _house: None, False, HOUR),
        (lambda _house: None, False, 48 * HOUR),
        (lambda house: write(house, body="Iets heel anders."), True, HOUR),
        (lambda house: write(house, body="Iets heel anders."), True, 8 * HOUR),
        (lambda house: write(house, front="onderwerp: x\n"), True, 8 * HOUR),
        (lambda house: write(house, front="draft: yes\n"), False, 8 * HOUR),
        (gone, False, 8 * HOUR),
    ],
)
def test_what_has_started_is_finished_as_it_was_frozen(
    house: House,
    clock: Clock,
    provider: Provider,
    change: Callable[[House], None],
    *,
    edited: bool,
    after: timedelta,
) -> None:
    interrupt(house, provider)
    frozen = house.sql("SELECT letter_hash, letter FROM mailings")
    change(house)
    clock.moment = SEVEN + after
    found = due(house, provider)
    assert (states(found), found.exit_code) == ({SLUG: "completed"}, 0)
    assert only(found).edited is edited
    assert house.sql("SELECT letter_hash, letter FROM mailings") == frozen
    assert set(provider.copies().values()) == {1}
    assert len(provider.copies()) == 25


def test_what_takes_too_long_is_paused_and_stays_so(
    house: House, clock: Clock, provider: Provider
) -> None:
    interrupt(house, provider)
    calls = provider.calls
    clock.moment = SEVEN + 48 * HOUR + SECOND
    for _ in range(3):
        found = due(house, provider)
        assert (states(found), found.exit_code) == ({SLUG: "paused"}, 3)
        assert f"send {SLUG} --late" in said(found)
    assert provider.calls == calls


def test_what_takes_too_long_is_told_also_when_nothing_could_leave(
    house: House, clock: Clock, provider: Provider, tmp_path: Path
) -> None:
    interrupt(house, provider)
    house.settings = replace(house.settings, sender="")
    assert due(house, provider).exit_code == 1
    clock.moment = SEVEN + 48 * HOUR + SECOND
    other = Provider(tmp_path / "elsewhere")
    other.capabilities = replace(other.capabilities, name="other")
    assert (states(due(house, other)), due(house, other).exit_code) == ({SLUG: "sending"}, 1)
    found = due(house, provider)
    assert (states(found), found.exit_code) == ({SLUG: "paused"}, 3)
    assert "15 letters" in said(found)


def test_what_is_not_taken_is_tried_once_in_a_run(house: House, provider: Provider) -> None:
    interrupt(house, provider)
    calls = provider.calls
    provider.answer = lambda batch: {
        reader.ref: RetryLater("not now", after=1e6) for reader in batch.recipients
    }
    found = due(house, provider)
    assert (states(found), found.exit_code, len(found.troubles)) == ({SLUG: "sending"}, 75, 1)
    assert provider.calls == calls + 1


def test_a_paused_mailing_is_told_of_and_never_resumed(house: House, provider: Provider) -> None:
    house.send(provider, SLUG, limit=5)
    calls = provider.calls
    for _ in range(2):
        found = due(house, provider)
        assert (states(found), found.exit_code) == ({SLUG: "paused"}, 3)
        assert "20 letters" in said(found)
        assert "--late" not in said(found)
    assert provider.calls == calls
    assert only(found).receipt.counts["pending"] == 20


def test_a_limit_that_a_person_set_holds_for_the_schedule_too(
    house: House, provider: Provider
) -> None:
    def die(_batch: Batch) -> None:
        raise KeyboardInterrupt

    provider.answer = die
    with pytest.raises(KeyboardInterrupt):
        house.send(provider, SLUG, limit=15)
    provider.answer = None
    house.lose_process()
    found = due(house, provider)
    assert (states(found), found.exit_code) == ({SLUG: "paused"}, 3)
    assert only(found).receipt.counts["accepted"] == 15
    assert house.send(provider, SLUG).receipt.counts["accepted"] == 25
    assert set(provider.copies().values()) == {1}


def unknown(batch: Batch) -> Mapping[str, Outcome]:
    return {reader.ref: Unknown("no answer") for reader in batch.recipients}


def test_what_nothing_can_settle_waits_for_a_person(house: House, tmp_path: Path) -> None:
    blind = Provider(tmp_path / "taken", replay=BLIND, answer=unknown)
    due(house, blind)
    blind.answer = None
    calls = blind.calls
    for _ in range(2):
        found = due(house, blind)
        assert (states(found), found.exit_code) == ({SLUG: "completed_with_unknown"}, 3)
        assert "25 letters" in said(found)
        assert f"resolve {SLUG}" in said(found)
    # Also when something else would keep letters back: a person comes first.
    house.settings = replace(house.settings, sender="")
    assert due(house, blind).exit_code == 3
    assert blind.calls == calls


def test_what_a_repetition_can_settle_is_settled(
    house: House, clock: Clock, tmp_path: Path
) -> None:
    provider = Provider(tmp_path / "taken", size=25, answer=unknown)
    assert states(due(house, provider)) == {SLUG: "completed_with_unknown"}
    provider.answer = None
    clock.moment = SEVEN + 48 * HOUR + SECOND
    house.settings = replace(house.settings, finish_within_hours=1, sender="")
    assert due(house, provider).exit_code == 3
    clock.moment = SEVEN
    house.settings = replace(house.settings, finish_within_hours=48, sender="x@example.org")
    found = due(house, provider)
    assert (states(found), found.exit_code) == ({SLUG: "completed"}, 0)
    assert set(provider.copies().values()) == {1}


def test_what_a_lost_process_left_is_finished(house: House, provider: Provider) -> None:
    _, draft = desk.draft_if_there(house.settings, SLUG)
    fresh = plan.plan(house.store, house.settings, provider, delivery.Order(SLUG, draft))
    assert isinstance(fresh, plan.Fresh)
    plan.freeze(house.store, house.settings, provider, fresh)
    assert ledger(house)[0][2] == "frozen"
    assert states(due(house, provider)) == {SLUG: "completed"}


def test_what_another_process_starts_meanwhile_is_joined(house: House, provider: Provider) -> None:
    write(house, "2026-11-29-tweede", front="send_at: 2026-11-29 06:30\n")

    def freeze_the_other(_batch: Batch) -> None:
        provider.answer = None
        _, draft = desk.draft_if_there(house.settings, SLUG)
        fresh = plan.plan(house.store, house.settings, provider, delivery.Order(SLUG, draft))
        assert isinstance(fresh, plan.Fresh)
        plan.freeze(house.store, house.settings, provider, fresh)

    provider.answer = freeze_the_other
    found = due(house, provider)
    assert states(found) == {"2026-11-29-tweede": "completed", SLUG: "completed"}
    assert set(provider.copies().values()) == {2}


def test_a_mailing_begun_elsewhere_is_left_as_it_is(
    house: House, clock: Clock, provider: Provider, tmp_path: Path
) -> None:
    interrupt(house, provider)
    before = house.sql("SELECT * FROM mailings")
    other = Provider(tmp_path / "elsewhere")
    other.capabilities = replace(other.capabilities, name="other")
    write(house, "2026-11-29-tweede", front="send_at: 2026-11-29 08:00\n")
    clock.moment = SEVEN + HOUR
    found = due(house, other)
    assert found.exit_code == 1
    assert "fake" in said(found)
    assert states(found) == {SLUG: "sending", "2026-11-29-tweede": "completed"}
    assert house.sql("SELECT * FROM mailings ORDER BY id LIMIT 1") == before
    assert [entry["key"] for entry in other.taken()] != []


# Drafts, errors, rivals


def test_a_draft_is_told_of_at_its_time_and_never_expires(
    house: House, clock: Clock, provider: Provider
) -> None:
    write(house, front="draft: yes\n")
    found = due(house, provider)
    assert (found.reports, found.exit_code) == ((), 0)
    assert "draft" in said(found)
    clock.moment = SEVEN + DAY
    found = due(house, provider)
    assert (found.reports, found.exit_code, said(found)) == ((), 0, "")
    assert ledger(house) == []


def test_a_half_written_draft_is_a_draft(house: House, provider: Provider) -> None:
    write(house, front="draft: yes\nonderwerp: x\n")
    found = due(house, provider)
    assert (found.exit_code, ledger(house)) == (0, [])
    assert "draft" in said(found)


def test_a_word_that_is_neither_yes_nor_no_is_an_error(house: House, provider: Provider) -> None:
    write(house, front="draft: nee\n")
    found = due(house, provider)
    assert found.exit_code == 1
    assert "nee" in said(found)


@pytest.mark.parametrize(
    "front", ["onderwerp: x\n", "send_at: zondag\n", "send_at: 2026-03-29 02:30\n"]
)
def test_a_due_file_with_errors_keeps_no_other_back(
    house: House, clock: Clock, provider: Provider, front: str
) -> None:
    bad = "2026-11-29-anders"
    write(house, bad, front=front)
    for _ in range(2):
        found = due(house, provider)
        assert (states(found), found.exit_code) == ({SLUG: "completed"}, 1)
        assert f"{bad}.md" in said(found)
    clock.moment = SEVEN + DAY
    found = due(house, provider)
    assert (states(found), found.exit_code) == ({bad: "expired"}, 3)
    assert "check" in said(found)
    assert due(house, provider).exit_code == 0


@pytest.mark.parametrize("content", [b"\xff\xfe\x00", b"", b"x" * 2_000_000])
def test_a_file_that_cannot_be_read_is_due_at_its_date(
    house: House, clock: Clock, provider: Provider, content: bytes
) -> None:
    (house.root / "issues" / "2026-11-29-kapot.md").write_bytes(content)
    clock.moment = SEVEN - SECOND
    assert due(house, provider).exit_code == 0
    clock.moment = SEVEN
    found = due(house, provider)
    assert (states(found), found.exit_code) == ({SLUG: "completed"}, 1)
    clock.moment = SEVEN + DAY
    assert due(house, provider).exit_code == 3
    assert ledger(house)[1][:3] == ("2026-11-29-kapot", "2026-11-29T07:00", "expired")


def test_errors_in_what_is_not_due_stand_in_its_way_only(
    house: House, clock: Clock, provider: Provider
) -> None:
    clock.moment = SEVEN - HOUR
    write(house, front="onderwerp: x\n")
    found = due(house, provider)
    assert (found.exit_code, said(found)) == (0, "")
    assert found.next
    assert "error" in found.next.blocked_by[0]


def test_a_date_more_than_a_year_ahead_is_told_of(house: House, provider: Provider) -> None:
    write(house, "2028-01-02-jaartal")
    write(house, "2028-01-09-ontwerp", front="draft: yes\n")
    found = due(house, provider)
    assert (states(found), found.exit_code) == ({SLUG: "completed"}, 0)
    assert found.notes == ("More than a year ahead, so look at the year: 2028-01-02-jaartal.",)


def test_a_file_without_a_date_is_told_of(house: House, provider: Provider) -> None:
    (house.root / "issues" / "zomaar.md").write_text("---\nsubject: x\n---\nEen zin.\n")
    found = due(house, provider)
    assert (states(found), found.exit_code) == ({SLUG: "completed"}, 0)
    assert "zomaar.md" in said(found)


def test_what_no_rule_foresaw_keeps_no_other_back(
    house: House, provider: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(house, "2026-11-29-tweede", front="send_at: 2026-11-29 06:30\n")
    letter = render.letter

    def break_on_one(issue: Any, settings: Any) -> Any:  # noqa: ANN401 - passed on
        if issue.slug != SLUG:
            raise RuntimeError("something that nobody thought of")
        return letter(issue, settings)

    monkeypatch.setattr(render, "letter", break_on_one)
    found = due(house, provider)
    assert (states(found), found.exit_code) == ({SLUG: "completed"}, 1)
    assert "RuntimeError" in said(found)
    assert "2026-11-29-tweede.md" in said(found)


def test_trouble_with_one_mailing_keeps_no_other_back(
    house: House, clock: Clock, provider: Provider
) -> None:
    interrupt(house, provider)
    house.sql("UPDATE mailings SET letter = ''")
    write(house, "2026-11-29-tweede", front="send_at: 2026-11-29 08:00\n")
    clock.moment = SEVEN + HOUR
    found = due(house, provider)
    assert states(found) == {SLUG: "sending", "2026-11-29-tweede": "completed"}
    assert found.exit_code == 1
    assert said(found)


@pytest.mark.parametrize("same", ["slot", "text"])
def test_a_letter_that_went_out_under_another_name(
    house: House, clock: Clock, provider: Provider, same: str
) -> None:
    due(house, provider)
    if same == "slot":
        other = "2026-11-29-hernoemd"
        write(house, other)
    else:
        other = "2026-11-30-hernoemd"
        text = (house.root / "issues" / f"{SLUG}.md").read_bytes()
        (house.root / "issues" / f"{other}.md").write_bytes(text)
    gone(house)
    clock.moment = SEVEN + (HOUR if same == "slot" else DAY)
    for _ in range(2):  # in its window it is refused
        found = due(house, provider)
        assert (states(found), found.exit_code) == ({}, 1)
        assert SLUG in said(found)
    clock.moment += 7 * HOUR
    found = due(house, provider)  # and after that it is no miss: its readers have it
    assert (states(found), found.exit_code) == ({}, 0)
    assert SLUG in said(found)
    assert len(ledger(house)) == 1
    assert set(provider.copies().values()) == {1}


def test_another_time_for_what_went_out_sends_nothing(
    house: House, clock: Clock, provider: Provider
) -> None:
    due(house, provider)
    write(house, front="send_at: 2026-11-30 07:00\n", body="Nieuw.")
    clock.moment = SEVEN + DAY
    found = due(house, provider)
    assert (states(found), found.exit_code) == ({SLUG: "completed"}, 0)
    assert only(found).edited
    assert "sent once" in said(found)
    assert set(provider.copies().values()) == {1}


def test_two_in_one_slot_are_both_kept_back(house: House, clock: Clock, provider: Provider) -> None:
    write(house, "2026-11-29-tweede")
    for _ in range(2):
        found = due(house, provider)
        assert (states(found), found.exit_code, len(found.troubles)) == ({}, 1, 2)
    assert ledger(house) == []
    clock.moment = SEVEN + 7 * HOUR
    found = due(house, provider)
    assert states(found) == {SLUG: "expired", "2026-11-29-tweede": "expired"}
    assert found.exit_code == 3
    assert due(house, provider).exit_code == 0
    assert provider.copies() == {}


def test_two_in_one_slot_of_which_one_went_out_before(
    house: House, clock: Clock, provider: Provider
) -> None:
    clock.moment = SEVEN - 7 * DAY
    write(house, "2026-11-22-eerder", body="Dezelfde tekst.")
    due(house, provider)
    path = house.root / "issues" / "2026-11-29-kopie.md"
    path.write_bytes((house.root / "issues" / "2026-11-22-eerder.md").read_bytes())
    clock.moment = SEVEN
    found = due(house, provider)
    assert (states(found), found.exit_code) == ({}, 1)
    assert SLUG in said(found)


@pytest.mark.parametrize("front", ["draft: yes\n", "onderwerp: x\n"])
def test_what_could_not_go_takes_no_slot(house: House, provider: Provider, front: str) -> None:
    write(house, "2026-11-29-tweede", front=front)
    assert states(due(house, provider)) == {SLUG: "completed"}


def test_what_was_cancelled_takes_no_slot(house: House, provider: Provider) -> None:
    cancelled(house, provider)
    write(house, "2026-11-29-tweede")
    assert states(due(house, provider)) == {"2026-11-29-tweede": "completed"}


def cancelled(house: House, provider: Provider) -> None:
    def later(batch: Batch) -> Mapping[str, Outcome]:
        return {reader.ref: RetryLater("not now", after=1e6) for reader in batch.recipients}

    provider.answer = later
    due(house, provider)
    delivery.cancel(house.store, SLUG)
    provider.answer = None
    assert ledger(house) == [(SLUG, "2026-11-29T07:00", "cancelled", 1, 0)]


def test_what_a_person_cancelled_is_not_started_by_a_schedule(
    house: House, clock: Clock, provider: Provider
) -> None:
    cancelled(house, provider)
    calls = provider.calls
    found = due(house, provider)
    assert (states(found), found.exit_code) == ({}, 0)
    assert f"send {SLUG}" in said(found)
    clock.moment = SEVEN + DAY
    found = due(house, provider)
    assert (states(found), found.exit_code, said(found)) == ({}, 0, "")
    assert provider.calls == calls
    # With a new time it is as good as new.
    write(house, front="send_at: 2026-11-30 07:30\n")
    clock.moment = SEVEN + DAY + HOUR
    assert states(due(house, provider)) == {SLUG: "completed"}


def test_an_empty_list_is_something_to_mend(root: Path, clock: Clock, provider: Provider) -> None:
    house = House(root, readers=0, slug=SLUG, clock=clock)
    write(house)
    for _ in range(2):
        found = due(house, provider)
        assert (states(found), found.exit_code, ledger(house)) == ({}, 1, [])
        assert "nobody" in said(found)
    add_readers(house.store, 1)
    assert states(due(house, provider)) == {SLUG: "completed"}


def test_a_database_that_is_not_the_ledger_expires_nothing(
    house: House, clock: Clock, provider: Provider
) -> None:
    house.settings = replace(house.settings, ledger="another")
    clock.moment = SEVEN + DAY
    found = due(house, provider)
    assert (found.exit_code, ledger(house)) == (1, [])
    assert "ledger" in said(found)


def test_the_gravest_of_all_is_the_exit_code(house: House, provider: Provider) -> None:
    interrupt(house, provider)  # a later run can finish it: 75

    def later(batch: Batch) -> Mapping[str, Outcome]:
        return {reader.ref: RetryLater("not now", after=1e6) for reader in batch.recipients}

    provider.answer = later
    assert due(house, provider).exit_code == 75
    write(house, "2026-11-29-kapot", front="onderwerp: x\n")
    found = due(house, provider)
    assert ({t.exit_code for t in found.troubles}, found.exit_code) == ({75, 1}, 1)
    write(house, "2026-11-28-gemist")
    found = due(house, provider)
    assert ({t.exit_code for t in found.troubles}, found.exit_code) == ({75, 1, 3}, 3)


def test_a_wish_to_stop_starts_nothing(house: House, provider: Provider) -> None:
    stop = threading.Event()
    stop.set()
    found = due(house, provider, stop)
    assert (found.exit_code, ledger(house), provider.calls) == (75, [], 0)


# The outbox: the schedule never rehearses


def test_what_is_due_is_not_rehearsed_but_refused(house: House, outbox: Provider) -> None:
    house.send(outbox, SLUG)  # that it was rehearsed changes nothing
    before = ledger(house)
    found = due(house, outbox)
    assert (found.reports, found.exit_code) == ((), 1)
    assert 'provider is "outbox", which mails nobody' in said(found)
    assert f"newsletter rehearse {SLUG}" in said(found)
    assert ledger(house) == before
    assert due(house, outbox).exit_code == 1


@pytest.mark.parametrize("front", ["draft: yes\n", "send_at: 2026-11-29 07:01\n"])
def test_with_the_outbox_and_nothing_due_all_is_well(
    house: House, outbox: Provider, front: str
) -> None:
    write(house, front=front)
    found = due(house, outbox)
    assert (found.reports, found.troubles, found.exit_code) == ((), (), 0)


def test_with_the_outbox_a_missed_issue_is_told_once_too(
    house: House, clock: Clock, outbox: Provider, provider: Provider
) -> None:
    clock.moment = SEVEN + 7 * HOUR
    house.settings = replace(house.settings, ledger="another")
    assert due(house, outbox).exit_code == 1  # in another database everything looks missed
    house.settings = replace(house.settings, ledger="")
    assert due(house, outbox).exit_code == 3
    assert due(house, outbox).exit_code == 0
    assert ledger(house) == [(SLUG, "2026-11-29T07:00", "expired", 1, 0)]
    here = str(house.sql("SELECT id FROM ledger")[0][0])
    house.settings = replace(house.settings, ledger=here)
    assert house.send(provider, SLUG, late=True).receipt.mailing.state is MailingState.COMPLETED


def test_a_real_mailing_is_left_to_its_provider_and_rehearsals_to_people(
    house: House, provider: Provider, outbox: Provider
) -> None:
    house.send(provider, SLUG, limit=5)
    house.sql("UPDATE mailings SET state = 'sending', room = NULL")
    before = ledger(house)
    found = due(house, outbox)
    assert found.exit_code == 1
    assert "was begun through fake" in said(found)
    assert ledger(house) == before
    write(house, "2026-11-29-tweede", front="send_at: 2026-11-29 08:30\n")
    house.send(outbox, "2026-11-29-tweede", limit=5)
    assert states(due(house, provider)) == {SLUG: "completed"}


# Clocks that change


@pytest.mark.parametrize(
    ("local", "due_at"),
    [
        ("2026-03-29 00:30", "2026-03-28T23:30:00Z"),
        ("2026-03-29 07:00", "2026-03-29T05:00:00Z"),
        ("2026-10-25 02:30", "2026-10-25T00:30:00Z"),
        ("2026-10-25 00:30", "2026-10-24T22:30:00Z"),
    ],
)
def test_windows_are_real_hours_when_clocks_change(
    house: House, clock: Clock, provider: Provider, local: str, due_at: str
) -> None:
    gone(house)
    slug = f"{local[:10]}-klok"
    write(house, slug, front=f"send_at: {local}\n")
    begins = datetime.fromisoformat(due_at)
    clock.moment = begins - SECOND
    assert due(house, provider).reports == ()
    clock.moment = begins + 6 * HOUR
    assert states(due(house, provider)) == {slug: "completed"}
    assert ledger(house)[0][:2] == (slug, local.replace(" ", "T"))

    house.sql("DELETE FROM deliveries")
    house.sql("DELETE FROM batches")
    house.sql("DELETE FROM mailings")
    clock.moment = begins + 6 * HOUR + SECOND
    assert states(due(house, provider)) == {slug: "expired"}


def test_a_time_that_comes_twice_is_sent_once(
    house: House, clock: Clock, provider: Provider
) -> None:
    gone(house)
    slug = "2026-10-25-klok"
    write(house, slug, front="send_at: 2026-10-25 02:30\n")
    clock.moment = datetime.fromisoformat("2026-10-25T02:30:00+02:00")
    assert states(due(house, provider)) == {slug: "completed"}
    clock.moment = datetime.fromisoformat("2026-10-25T02:30:00+01:00")
    assert only(due(house, provider)).repeated
    assert set(provider.copies().values()) == {1}


def test_a_time_that_never_comes_is_an_error_at_the_usual_time(
    house: House, clock: Clock, provider: Provider
) -> None:
    gone(house)
    write(house, "2026-03-29-klok", front="send_at: 2026-03-29 02:30\n")
    clock.moment = datetime.fromisoformat("2026-03-29T06:59:59+02:00")
    assert due(house, provider).exit_code == 0
    clock.moment += SECOND
    found = due(house, provider)
    assert found.exit_code == 1
    assert "does not exist" in said(found)


# Several at once


def test_two_that_see_a_miss_at_once_tell_it_once(
    house: House, clock: Clock, tmp_path: Path
) -> None:
    clock.moment = SEVEN + DAY
    ready = threading.Barrier(4)
    codes = []

    def one() -> None:
        store = open_store(house.settings, clock=clock)
        ready.wait()
        found = delivery.due(
            store,
            house.settings,
            Provider(tmp_path / "none"),
            desk.read_all(house.settings),
            stop=threading.Event(),
            progress=quiet,
            preflight=False,
        )
        codes.append(found.exit_code)
        store.close()

    threads = [threading.Thread(target=one) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(codes) == [0, 0, 0, 3]
    assert len(ledger(house)) == 1


# As typed


def this_hour(house: House) -> str:
    """Write an issue that has been due for half an hour, by the clock on the wall."""
    moment = datetime.now(house.settings.zone) - HOUR / 2
    slug = f"{moment:%Y-%m-%d}-nu"
    write(house, slug, front=f"send_at: {moment:%Y-%m-%d %H:%M}\n")
    return slug


@pytest.fixture
def present(root: Path) -> House:
    """Return a newsletter that lives by the clock on the wall, with nothing written."""
    return House(root, readers=250, slug=SLUG)


def test_two_processes_at_once_are_one_send(present: House, run: Run, tmp_path: Path) -> None:
    slug = this_hour(present)
    with FakeResend(tmp_path / "taken", latency=0.3) as fake:
        env = present.for_real(fake.url)
        asked = ("send", "--due", "--no-preflight", "--json")
        with ThreadPoolExecutor() as pool:
            both = list(pool.map(lambda _: run(*asked, env=env), range(2)))
        third = run(*asked, env=env)
        for done in (*both, third):
            assert done.returncode == 0, done.stderr
            (mailing,) = json.loads(done.stdout)["mailings"]
            assert (mailing["issue"], mailing["state"]) == (slug, "completed")
            assert (mailing["audience"], mailing["accepted"]) == (250, 250)
        copies = Counter(letter["to"] for letter in fake.taken())
        assert (len(copies), set(copies.values())) == (250, {1})
        assert fake.count == 3


def test_a_schedule_says_all_in_one_document(present: House, run: Run, tmp_path: Path) -> None:
    slug = this_hour(present)
    write(present, "2099-01-04-later")
    (present.root / "issues" / "zomaar.md").write_text("---\nsubject: x\n---\nEen zin.\n")
    with FakeResend(tmp_path / "taken") as fake:
        env = present.for_real(fake.url)
        done = run("send", "--due", "--no-preflight", "--json", env=env)
        spoken = run("send", "--due", "--no-preflight", env=env)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert [mailing["issue"] for mailing in found["mailings"]] == [slug]
    assert not found["mailings"][0]["rehearsal"]
    assert found["next"]["issue"] == "2099-01-04-later"
    assert found["troubles"] == []
    assert "zomaar.md" in found["notes"][0]
    assert "zomaar.md" in done.stderr
    assert slug in spoken.stdout
    assert "Next: 2099-01-04-later" in spoken.stdout


def test_every_trouble_is_a_line_and_the_gravest_the_exit_code(present: House, run: Run) -> None:
    yesterday = datetime.now(present.settings.zone) - DAY
    write(present, f"{yesterday:%Y-%m-%d}-gemist")
    moment = f"{datetime.now(present.settings.zone) - HOUR:%Y-%m-%d %H:%M}"
    write(present, f"{moment[:10]}-kapot", front=f"send_at: {moment}\nonderwerp: x\n")
    done = run("-q", "send", "--due", "--json")
    assert done.returncode == 3
    lines = done.stderr.splitlines()
    assert len(lines) == 2
    assert all(line.startswith("newsletter: ") for line in lines)
    assert len(json.loads(done.stdout)["troubles"]) == 2
    assert run("send", "--due").returncode == 1  # what is broken still is; the miss is known


def test_a_missing_key_is_told_and_changes_nothing(present: House, run: Run) -> None:
    this_hour(present)
    env = present.for_real("http://127.0.0.1:9")
    del env["RESEND_API_KEY"]
    done = run("send", "--due", env=env)
    assert (done.returncode, done.stdout) == (1, "")
    assert "RESEND_API_KEY" in done.stderr
    assert ledger(present) == []
