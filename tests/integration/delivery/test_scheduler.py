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

from newsletter import delivery, desk, render
from newsletter.delivery import planning
from newsletter.model import MailingState, RetryLater, Unknown
from newsletter.providers.outbox.send import Outbox
from newsletter.store import open_store
from tests.support.newsletter import FakeProvider, Newsletter, add_subscribers
from tests.support.providers.fake_resend import FakeResend

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from newsletter.delivery import DueResult, SendResult
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
def newsletter(root: Path, clock: Clock) -> Newsletter:
    made = Newsletter(root, slug=SLUG, clock=clock)
    write(made)
    return made


@pytest.fixture
def provider(tmp_path: Path) -> FakeProvider:
    return FakeProvider(tmp_path / "taken")


@pytest.fixture
def outbox(newsletter: Newsletter) -> FakeProvider:
    return cast("FakeProvider", Outbox(newsletter.root / "outbox"))


def write(newsletter: Newsletter, slug: str = SLUG, *, front: str = "", body: str = "") -> Path:
    """Write an issue file; without more, it is for its date at seven."""
    path = newsletter.root / "issues" / f"{slug}.md"
    body = body or f"Een rustige zin over {slug[11:]}."
    path.write_text(f"---\nsubject: Over {slug[11:]}\n{front}---\n{body}\n", encoding="utf-8")
    return path


@contextlib.contextmanager
def quiet(_slug: str) -> Iterator[Callable[[int, int], None]]:
    yield lambda _done, _total: None


def due(
    newsletter: Newsletter, provider: FakeProvider, stop: threading.Event | None = None
) -> DueResult:
    return delivery.send_due(
        newsletter.context(provider, stop),
        desk.read_all(newsletter.settings),
        progress=quiet,
        preflight=False,
    )


def states(found: DueResult) -> dict[str, str]:
    for result in found.results:
        assert sum(result.report.counts.values()) == result.report.mailing.audience
    return {r.report.mailing.slug: r.report.mailing.state.value for r in found.results}


def said(found: DueResult) -> str:
    """Return all that is reported, having seen that each of it is one line."""
    lines = [*map(str, found.errors), *found.notes]
    assert all(line and line.isprintable() for line in lines)
    return "\n".join(lines)


def ledger(newsletter: Newsletter) -> list[tuple[object, ...]]:
    return newsletter.sql("SELECT slug, slot, state, released, rehearsal FROM mailings ORDER BY id")


def only(found: DueResult) -> SendResult:
    (result,) = found.results
    return result


# Early, due, late, twice


def test_before_its_time_nothing_happens(
    newsletter: Newsletter, clock: Clock, provider: FakeProvider
) -> None:
    clock.moment = SEVEN - SECOND
    found = due(newsletter, provider)
    assert (found.results, found.errors, found.notes, found.exit_code) == ((), (), (), 0)
    assert ledger(newsletter) == []
    assert found.next
    assert (found.next.slug, found.next.send_at, found.next.audience) == (SLUG, SEVEN, 25)
    assert found.next.blocked_by == ()


@pytest.mark.parametrize("after", [timedelta(0), 6 * HOUR])
def test_in_its_window_an_issue_is_sent(
    newsletter: Newsletter, clock: Clock, provider: FakeProvider, after: timedelta
) -> None:
    clock.moment = SEVEN + after
    found = due(newsletter, provider)
    assert (states(found), found.exit_code) == ({SLUG: "completed"}, 0)
    assert len(provider.copies()) == 25
    assert found.next is None


def test_twice_is_once(newsletter: Newsletter, clock: Clock, provider: FakeProvider) -> None:
    first = due(newsletter, provider)
    calls = provider.calls
    for later in (timedelta(0), 5 * HOUR):
        clock.moment = SEVEN + later
        again = due(newsletter, provider)
        # What is due now is accounted for, also by a run that came too late to help.
        assert only(again).repeated
        assert only(again).report == only(first).report
        assert (again.exit_code, said(again)) == (0, "")
    clock.moment = SEVEN + 7 * HOUR
    assert due(newsletter, provider).results == ()
    assert provider.calls == calls
    assert set(provider.copies().values()) == {1}


def test_no_issue_this_week(newsletter: Newsletter, provider: FakeProvider) -> None:
    (newsletter.root / "issues" / f"{SLUG}.md").unlink()
    found = due(newsletter, provider)
    assert (found.results, found.next, found.exit_code, said(found)) == ((), None, 0, "")
    write(newsletter, "2026-12-06-later")
    found = due(newsletter, provider)
    assert (found.results, found.exit_code) == ((), 0)
    assert found.next
    assert found.next.slug == "2026-12-06-later"


def test_a_missed_issue_is_recorded_and_reported_once(
    newsletter: Newsletter, clock: Clock, provider: FakeProvider
) -> None:
    clock.moment = SEVEN + 6 * HOUR + SECOND
    found = due(newsletter, provider)
    assert (states(found), found.exit_code) == ({SLUG: "expired"}, 3)
    assert "--late" in said(found)
    assert SLUG in said(found)
    assert ledger(newsletter) == [(SLUG, "2026-11-29T07:00", "expired", 1, 0)]
    before = ledger(newsletter)
    for later in (HOUR, 6 * DAY, 30 * DAY):
        clock.moment = SEVEN + later + 6 * HOUR
        again = due(newsletter, provider)
        assert (again.results, again.exit_code, said(again)) == ((), 0, "")
    assert ledger(newsletter) == before
    assert provider.copies() == {}


def test_a_reported_issue_stays_reported_whatever_is_missing_now(
    newsletter: Newsletter, clock: Clock, provider: FakeProvider
) -> None:
    clock.moment = SEVEN + DAY
    assert due(newsletter, provider).exit_code == 3
    newsletter.settings = replace(newsletter.settings, sender="")
    assert due(newsletter, provider).exit_code == 0


def test_what_expired_can_be_sent_late_by_name(
    newsletter: Newsletter, clock: Clock, provider: FakeProvider
) -> None:
    clock.moment = SEVEN + DAY
    due(newsletter, provider)
    result = newsletter.send(provider, SLUG, late=True)
    assert result.report.mailing.state is MailingState.COMPLETED
    again = due(newsletter, provider)
    assert (again.exit_code, said(again)) == (0, "")
    assert set(provider.copies().values()) == {1}
    assert len(provider.copies()) == 25


def test_what_expired_can_have_a_new_time(
    newsletter: Newsletter, clock: Clock, provider: FakeProvider
) -> None:
    clock.moment = SEVEN + DAY
    due(newsletter, provider)
    write(newsletter, front="send_at: 2026-11-30 09:00\n")
    assert due(newsletter, provider).results == ()
    clock.moment = SEVEN + DAY + 2 * HOUR
    assert states(due(newsletter, provider)) == {SLUG: "completed"}
    assert len(provider.copies()) == 25


def test_a_second_missed_slot_is_reported_again(
    newsletter: Newsletter, clock: Clock, provider: FakeProvider
) -> None:
    clock.moment = SEVEN + DAY
    assert due(newsletter, provider).exit_code == 3
    write(newsletter, front="send_at: 2026-11-30 09:00\n")
    clock.moment = SEVEN + 2 * DAY
    assert due(newsletter, provider).exit_code == 3
    assert due(newsletter, provider).exit_code == 0
    assert [row[1] for row in ledger(newsletter)] == ["2026-11-29T07:00", "2026-11-30T09:00"]


def test_what_is_long_past_is_left_alone(
    newsletter: Newsletter, clock: Clock, provider: FakeProvider
) -> None:
    clock.moment = SEVEN + 7 * DAY + SECOND
    found = due(newsletter, provider)
    assert (found.results, found.exit_code) == ((), 0)
    assert SLUG in said(found)
    assert ledger(newsletter) == []
    clock.moment = SEVEN + 7 * DAY
    assert due(newsletter, provider).exit_code == 3


def test_a_window_of_weeks_does_not_bring_back_the_past(
    newsletter: Newsletter, clock: Clock, provider: FakeProvider
) -> None:
    newsletter.settings = replace(newsletter.settings, max_lateness_hours=24 * 30)
    clock.moment = SEVEN + 8 * DAY
    found = due(newsletter, provider)
    assert (found.results, found.next, ledger(newsletter)) == ((), None, [])


# What has started


def interrupt(newsletter: Newsletter, provider: FakeProvider) -> None:
    """Let one batch leave, and the rest wait for another run."""
    stop = threading.Event()
    provider.answer = lambda _batch: stop.set()
    found = due(newsletter, provider, stop)
    assert (states(found), found.exit_code) == ({SLUG: "sending"}, 75)
    assert 0 < len(provider.copies()) < 25
    provider.answer = None


def gone(newsletter: Newsletter) -> None:
    (newsletter.root / "issues" / f"{SLUG}.md").unlink()


@pytest.mark.parametrize(
    ("change", "edited", "after"),
    [
        (lambda _newsletter: None, False, HOUR),
        (lambda _newsletter: None, False, 48 * HOUR),
        (lambda newsletter: write(newsletter, body="Iets heel anders."), True, HOUR),
        (lambda newsletter: write(newsletter, body="Iets heel anders."), True, 8 * HOUR),
        (lambda newsletter: write(newsletter, front="onderwerp: x\n"), True, 8 * HOUR),
        (lambda newsletter: write(newsletter, front="draft: yes\n"), False, 8 * HOUR),
        (gone, False, 8 * HOUR),
    ],
)
def test_what_has_started_is_finished_as_it_was_frozen(
    newsletter: Newsletter,
    clock: Clock,
    provider: FakeProvider,
    change: Callable[[Newsletter], None],
    *,
    edited: bool,
    after: timedelta,
) -> None:
    interrupt(newsletter, provider)
    frozen = newsletter.sql("SELECT letter_hash, letter FROM mailings")
    change(newsletter)
    clock.moment = SEVEN + after
    found = due(newsletter, provider)
    assert (states(found), found.exit_code) == ({SLUG: "completed"}, 0)
    assert only(found).edited is edited
    assert newsletter.sql("SELECT letter_hash, letter FROM mailings") == frozen
    assert set(provider.copies().values()) == {1}
    assert len(provider.copies()) == 25


def test_what_takes_too_long_is_paused_and_stays_so(
    newsletter: Newsletter, clock: Clock, provider: FakeProvider
) -> None:
    interrupt(newsletter, provider)
    calls = provider.calls
    clock.moment = SEVEN + 48 * HOUR + SECOND
    for _ in range(3):
        found = due(newsletter, provider)
        assert (states(found), found.exit_code) == ({SLUG: "paused"}, 3)
        assert f"send {SLUG} --late" in said(found)
    assert provider.calls == calls


def test_a_mailing_that_takes_too_long_is_reported_also_when_nothing_could_be_sent(
    newsletter: Newsletter, clock: Clock, provider: FakeProvider, tmp_path: Path
) -> None:
    interrupt(newsletter, provider)
    newsletter.settings = replace(newsletter.settings, sender="")
    assert due(newsletter, provider).exit_code == 1
    clock.moment = SEVEN + 48 * HOUR + SECOND
    other = FakeProvider(tmp_path / "elsewhere")
    other.capabilities = replace(other.capabilities, name="other")
    assert (states(due(newsletter, other)), due(newsletter, other).exit_code) == (
        {SLUG: "sending"},
        1,
    )
    found = due(newsletter, provider)
    assert (states(found), found.exit_code) == ({SLUG: "paused"}, 3)
    assert "15 letters" in said(found)


def test_what_is_not_taken_is_tried_once_in_a_run(
    newsletter: Newsletter, provider: FakeProvider
) -> None:
    interrupt(newsletter, provider)
    calls = provider.calls
    provider.answer = lambda batch: {
        subscriber.ref: RetryLater("not now", after=1e6) for subscriber in batch.recipients
    }
    found = due(newsletter, provider)
    assert (states(found), found.exit_code, len(found.errors)) == ({SLUG: "sending"}, 75, 1)
    assert provider.calls == calls + 1


def test_a_paused_mailing_is_reported_and_never_resumed(
    newsletter: Newsletter, provider: FakeProvider
) -> None:
    newsletter.send(provider, SLUG, limit=5)
    calls = provider.calls
    for _ in range(2):
        found = due(newsletter, provider)
        assert (states(found), found.exit_code) == ({SLUG: "paused"}, 3)
        assert "20 letters" in said(found)
        assert "--late" not in said(found)
    assert provider.calls == calls
    assert only(found).report.counts["pending"] == 20


def test_a_limit_that_a_person_set_holds_for_the_schedule_too(
    newsletter: Newsletter, provider: FakeProvider
) -> None:
    def die(_batch: Batch) -> None:
        raise KeyboardInterrupt

    provider.answer = die
    with pytest.raises(KeyboardInterrupt):
        newsletter.send(provider, SLUG, limit=15)
    provider.answer = None
    newsletter.lose_process()
    found = due(newsletter, provider)
    assert (states(found), found.exit_code) == ({SLUG: "paused"}, 3)
    assert only(found).report.counts["accepted"] == 15
    assert newsletter.send(provider, SLUG).report.counts["accepted"] == 25
    assert set(provider.copies().values()) == {1}


def unknown(batch: Batch) -> Mapping[str, Outcome]:
    return {subscriber.ref: Unknown("no answer") for subscriber in batch.recipients}


def test_what_nothing_can_settle_waits_for_a_person(newsletter: Newsletter, tmp_path: Path) -> None:
    blind = FakeProvider(tmp_path / "taken", replay=BLIND, answer=unknown)
    due(newsletter, blind)
    blind.answer = None
    calls = blind.calls
    for _ in range(2):
        found = due(newsletter, blind)
        assert (states(found), found.exit_code) == ({SLUG: "completed_with_unknown"}, 3)
        assert "25 letters" in said(found)
        assert f"resolve {SLUG}" in said(found)
    # Also when something else would keep letters back: a person comes first.
    newsletter.settings = replace(newsletter.settings, sender="")
    assert due(newsletter, blind).exit_code == 3
    assert blind.calls == calls


def test_what_a_repetition_can_settle_is_settled(
    newsletter: Newsletter, clock: Clock, tmp_path: Path
) -> None:
    provider = FakeProvider(tmp_path / "taken", size=25, answer=unknown)
    assert states(due(newsletter, provider)) == {SLUG: "completed_with_unknown"}
    provider.answer = None
    clock.moment = SEVEN + 48 * HOUR + SECOND
    newsletter.settings = replace(newsletter.settings, finish_within_hours=1, sender="")
    assert due(newsletter, provider).exit_code == 3
    clock.moment = SEVEN
    newsletter.settings = replace(
        newsletter.settings, finish_within_hours=48, sender="x@example.org"
    )
    found = due(newsletter, provider)
    assert (states(found), found.exit_code) == ({SLUG: "completed"}, 0)
    assert set(provider.copies().values()) == {1}


def test_what_a_lost_process_left_is_finished(
    newsletter: Newsletter, provider: FakeProvider
) -> None:
    _, draft = desk.find_draft(newsletter.settings, SLUG)
    fresh = planning.plan_send(newsletter.context(provider), delivery.SendRequest(SLUG, draft))
    assert isinstance(fresh, planning.Plan)
    planning.freeze(newsletter.context(provider), fresh)
    assert ledger(newsletter)[0][2] == "frozen"
    assert states(due(newsletter, provider)) == {SLUG: "completed"}


def test_what_another_process_starts_meanwhile_is_joined(
    newsletter: Newsletter, provider: FakeProvider
) -> None:
    write(newsletter, "2026-11-29-tweede", front="send_at: 2026-11-29 06:30\n")

    def freeze_the_other(_batch: Batch) -> None:
        provider.answer = None
        _, draft = desk.find_draft(newsletter.settings, SLUG)
        fresh = planning.plan_send(newsletter.context(provider), delivery.SendRequest(SLUG, draft))
        assert isinstance(fresh, planning.Plan)
        planning.freeze(newsletter.context(provider), fresh)

    provider.answer = freeze_the_other
    found = due(newsletter, provider)
    assert states(found) == {"2026-11-29-tweede": "completed", SLUG: "completed"}
    assert set(provider.copies().values()) == {2}


def test_a_mailing_begun_elsewhere_is_left_as_it_is(
    newsletter: Newsletter, clock: Clock, provider: FakeProvider, tmp_path: Path
) -> None:
    interrupt(newsletter, provider)
    before = newsletter.sql("SELECT * FROM mailings")
    other = FakeProvider(tmp_path / "elsewhere")
    other.capabilities = replace(other.capabilities, name="other")
    write(newsletter, "2026-11-29-tweede", front="send_at: 2026-11-29 08:00\n")
    clock.moment = SEVEN + HOUR
    found = due(newsletter, other)
    assert found.exit_code == 1
    assert "fake" in said(found)
    assert states(found) == {SLUG: "sending", "2026-11-29-tweede": "completed"}
    assert newsletter.sql("SELECT * FROM mailings ORDER BY id LIMIT 1") == before
    assert [entry["key"] for entry in other.taken()] != []


# Drafts, errors, rivals


def test_a_draft_is_reported_at_its_slot_and_never_expires(
    newsletter: Newsletter, clock: Clock, provider: FakeProvider
) -> None:
    write(newsletter, front="draft: yes\n")
    found = due(newsletter, provider)
    assert (found.results, found.exit_code) == ((), 0)
    assert "draft" in said(found)
    clock.moment = SEVEN + DAY
    found = due(newsletter, provider)
    assert (found.results, found.exit_code, said(found)) == ((), 0, "")
    assert ledger(newsletter) == []


def test_a_half_written_draft_is_a_draft(newsletter: Newsletter, provider: FakeProvider) -> None:
    write(newsletter, front="draft: yes\nonderwerp: x\n")
    found = due(newsletter, provider)
    assert (found.exit_code, ledger(newsletter)) == (0, [])
    assert "draft" in said(found)


def test_a_word_that_is_neither_yes_nor_no_is_an_error(
    newsletter: Newsletter, provider: FakeProvider
) -> None:
    write(newsletter, front="draft: nee\n")
    found = due(newsletter, provider)
    assert found.exit_code == 1
    assert "nee" in said(found)


@pytest.mark.parametrize(
    "front", ["onderwerp: x\n", "send_at: zondag\n", "send_at: 2026-03-29 02:30\n"]
)
def test_a_due_file_with_errors_delays_no_other(
    newsletter: Newsletter, clock: Clock, provider: FakeProvider, front: str
) -> None:
    bad = "2026-11-29-anders"
    write(newsletter, bad, front=front)
    for _ in range(2):
        found = due(newsletter, provider)
        assert (states(found), found.exit_code) == ({SLUG: "completed"}, 1)
        assert f"{bad}.md" in said(found)
    clock.moment = SEVEN + DAY
    found = due(newsletter, provider)
    assert (states(found), found.exit_code) == ({bad: "expired"}, 3)
    assert "check" in said(found)
    assert due(newsletter, provider).exit_code == 0


@pytest.mark.parametrize("content", [b"\xff\xfe\x00", b"", b"x" * 2_000_000])
def test_a_file_that_cannot_be_read_is_due_at_its_date(
    newsletter: Newsletter, clock: Clock, provider: FakeProvider, content: bytes
) -> None:
    (newsletter.root / "issues" / "2026-11-29-kapot.md").write_bytes(content)
    clock.moment = SEVEN - SECOND
    assert due(newsletter, provider).exit_code == 0
    clock.moment = SEVEN
    found = due(newsletter, provider)
    assert (states(found), found.exit_code) == ({SLUG: "completed"}, 1)
    clock.moment = SEVEN + DAY
    assert due(newsletter, provider).exit_code == 3
    assert ledger(newsletter)[1][:3] == ("2026-11-29-kapot", "2026-11-29T07:00", "expired")


def test_errors_in_an_issue_that_is_not_due_block_only_that_issue(
    newsletter: Newsletter, clock: Clock, provider: FakeProvider
) -> None:
    clock.moment = SEVEN - HOUR
    write(newsletter, front="onderwerp: x\n")
    found = due(newsletter, provider)
    assert (found.exit_code, found.errors) == (0, ())
    (line,) = found.warnings
    assert "onderwerp" in line
    assert found.next
    assert "error" in found.next.blocked_by[0]


def test_a_date_more_than_a_year_ahead_is_reported(
    newsletter: Newsletter, provider: FakeProvider
) -> None:
    write(newsletter, "2028-01-02-jaartal")
    write(newsletter, "2028-01-09-ontwerp", front="draft: yes\n")
    found = due(newsletter, provider)
    assert (states(found), found.exit_code) == ({SLUG: "completed"}, 0)
    assert found.notes == (
        "Not sent, more than a year ahead (check the year): 2028-01-02-jaartal.",
    )


def test_a_file_without_a_date_is_reported(newsletter: Newsletter, provider: FakeProvider) -> None:
    (newsletter.root / "issues" / "zomaar.md").write_text("---\nsubject: x\n---\nEen zin.\n")
    found = due(newsletter, provider)
    assert (states(found), found.exit_code) == ({SLUG: "completed"}, 0)
    assert "zomaar.md" in said(found)


def test_an_unexpected_error_delays_no_other_issue(
    newsletter: Newsletter, provider: FakeProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(newsletter, "2026-11-29-tweede", front="send_at: 2026-11-29 06:30\n")
    letter = render.letter

    def break_on_one(issue: Any, settings: Any) -> Any:  # noqa: ANN401 - passed on
        if issue.slug != SLUG:
            raise RuntimeError("something that nobody thought of")
        return letter(issue, settings)

    monkeypatch.setattr(render, "letter", break_on_one)
    found = due(newsletter, provider)
    assert (states(found), found.exit_code) == ({SLUG: "completed"}, 1)
    assert "RuntimeError" in said(found)
    assert "2026-11-29-tweede.md" in said(found)


def test_an_error_in_one_mailing_delays_no_other(
    newsletter: Newsletter, clock: Clock, provider: FakeProvider
) -> None:
    interrupt(newsletter, provider)
    newsletter.sql("UPDATE mailings SET letter = ''")
    write(newsletter, "2026-11-29-tweede", front="send_at: 2026-11-29 08:00\n")
    clock.moment = SEVEN + HOUR
    found = due(newsletter, provider)
    assert states(found) == {SLUG: "sending", "2026-11-29-tweede": "completed"}
    assert found.exit_code == 1
    assert said(found)


@pytest.mark.parametrize("same", ["slot", "text"])
def test_a_letter_that_went_out_under_another_name(
    newsletter: Newsletter, clock: Clock, provider: FakeProvider, same: str
) -> None:
    due(newsletter, provider)
    if same == "slot":
        other = "2026-11-29-hernoemd"
        write(newsletter, other)
    else:
        other = "2026-11-30-hernoemd"
        text = (newsletter.root / "issues" / f"{SLUG}.md").read_bytes()
        (newsletter.root / "issues" / f"{other}.md").write_bytes(text)
    gone(newsletter)
    clock.moment = SEVEN + (HOUR if same == "slot" else DAY)
    for _ in range(2):  # in its window it is refused
        found = due(newsletter, provider)
        assert (states(found), found.exit_code) == ({}, 1)
        assert SLUG in said(found)
    clock.moment += 7 * HOUR
    found = due(newsletter, provider)  # and after that it is no miss: its subscribers have it
    assert (states(found), found.exit_code) == ({}, 0)
    assert SLUG in said(found)
    assert len(ledger(newsletter)) == 1
    assert set(provider.copies().values()) == {1}


def test_another_time_for_what_went_out_sends_nothing(
    newsletter: Newsletter, clock: Clock, provider: FakeProvider
) -> None:
    due(newsletter, provider)
    write(newsletter, front="send_at: 2026-11-30 07:00\n", body="Nieuw.")
    clock.moment = SEVEN + DAY
    found = due(newsletter, provider)
    assert (states(found), found.exit_code) == ({SLUG: "completed"}, 0)
    assert only(found).edited
    assert "sent once" in said(found)
    assert set(provider.copies().values()) == {1}


def test_two_issues_in_one_slot_are_both_blocked(
    newsletter: Newsletter, clock: Clock, provider: FakeProvider
) -> None:
    write(newsletter, "2026-11-29-tweede")
    for _ in range(2):
        found = due(newsletter, provider)
        assert (states(found), found.exit_code, len(found.errors)) == ({}, 1, 2)
    assert ledger(newsletter) == []
    clock.moment = SEVEN + 7 * HOUR
    found = due(newsletter, provider)
    assert states(found) == {SLUG: "expired", "2026-11-29-tweede": "expired"}
    assert found.exit_code == 3
    assert due(newsletter, provider).exit_code == 0
    assert provider.copies() == {}


def test_two_issues_in_one_slot_of_which_one_was_sent_before(
    newsletter: Newsletter, clock: Clock, provider: FakeProvider
) -> None:
    clock.moment = SEVEN - 7 * DAY
    write(newsletter, "2026-11-22-eerder", body="Dezelfde tekst.")
    due(newsletter, provider)
    path = newsletter.root / "issues" / "2026-11-29-kopie.md"
    path.write_bytes((newsletter.root / "issues" / "2026-11-22-eerder.md").read_bytes())
    clock.moment = SEVEN
    found = due(newsletter, provider)
    assert (states(found), found.exit_code) == ({}, 1)
    assert SLUG in said(found)


@pytest.mark.parametrize("front", ["draft: yes\n", "onderwerp: x\n"])
def test_an_issue_that_could_not_be_sent_takes_no_slot(
    newsletter: Newsletter, provider: FakeProvider, front: str
) -> None:
    write(newsletter, "2026-11-29-tweede", front=front)
    assert states(due(newsletter, provider)) == {SLUG: "completed"}


def test_a_cancelled_mailing_takes_no_slot(newsletter: Newsletter, provider: FakeProvider) -> None:
    cancelled(newsletter, provider)
    write(newsletter, "2026-11-29-tweede")
    assert states(due(newsletter, provider)) == {"2026-11-29-tweede": "completed"}


def cancelled(newsletter: Newsletter, provider: FakeProvider) -> None:
    def later(batch: Batch) -> Mapping[str, Outcome]:
        return {subscriber.ref: RetryLater("not now", after=1e6) for subscriber in batch.recipients}

    provider.answer = later
    due(newsletter, provider)
    delivery.cancel_mailing(newsletter.store, SLUG)
    provider.answer = None
    assert ledger(newsletter) == [(SLUG, "2026-11-29T07:00", "cancelled", 1, 0)]


def test_what_a_person_cancelled_is_not_started_by_a_schedule(
    newsletter: Newsletter, clock: Clock, provider: FakeProvider
) -> None:
    cancelled(newsletter, provider)
    calls = provider.calls
    found = due(newsletter, provider)
    assert (states(found), found.exit_code) == ({}, 0)
    assert f"send {SLUG}" in said(found)
    clock.moment = SEVEN + DAY
    found = due(newsletter, provider)
    assert (states(found), found.exit_code, said(found)) == ({}, 0, "")
    assert provider.calls == calls
    # With a new time it is as good as new.
    write(newsletter, front="send_at: 2026-11-30 07:30\n")
    clock.moment = SEVEN + DAY + HOUR
    assert states(due(newsletter, provider)) == {SLUG: "completed"}


def test_an_empty_list_is_an_error(root: Path, clock: Clock, provider: FakeProvider) -> None:
    newsletter = Newsletter(root, subscribers=0, slug=SLUG, clock=clock)
    write(newsletter)
    for _ in range(2):
        found = due(newsletter, provider)
        assert (states(found), found.exit_code, ledger(newsletter)) == ({}, 1, [])
        assert "nobody" in said(found)
    add_subscribers(newsletter.store, 1)
    assert states(due(newsletter, provider)) == {SLUG: "completed"}


def test_a_database_that_is_not_the_ledger_expires_nothing(
    newsletter: Newsletter, clock: Clock, provider: FakeProvider
) -> None:
    newsletter.settings = replace(newsletter.settings, ledger="another")
    clock.moment = SEVEN + DAY
    found = due(newsletter, provider)
    assert (found.exit_code, ledger(newsletter)) == (1, [])
    assert "ledger" in said(found)


def test_the_most_serious_problem_is_the_exit_code(
    newsletter: Newsletter, provider: FakeProvider
) -> None:
    interrupt(newsletter, provider)  # a later run can finish it: 75

    def later(batch: Batch) -> Mapping[str, Outcome]:
        return {subscriber.ref: RetryLater("not now", after=1e6) for subscriber in batch.recipients}

    provider.answer = later
    assert due(newsletter, provider).exit_code == 75
    write(newsletter, "2026-11-29-kapot", front="onderwerp: x\n")
    found = due(newsletter, provider)
    assert ({t.exit_code for t in found.errors}, found.exit_code) == ({75, 1}, 1)
    write(newsletter, "2026-11-28-gemist")
    found = due(newsletter, provider)
    assert ({t.exit_code for t in found.errors}, found.exit_code) == ({75, 1, 3}, 3)


def test_after_a_request_to_stop_nothing_starts(
    newsletter: Newsletter, provider: FakeProvider
) -> None:
    stop = threading.Event()
    stop.set()
    found = due(newsletter, provider, stop)
    assert (found.exit_code, ledger(newsletter), provider.calls) == (75, [], 0)


# The outbox: the schedule never rehearses


def test_what_is_due_is_not_rehearsed_but_refused(
    newsletter: Newsletter, outbox: FakeProvider
) -> None:
    newsletter.send(outbox, SLUG)  # that it was rehearsed changes nothing
    before = ledger(newsletter)
    found = due(newsletter, outbox)
    assert (found.results, found.exit_code) == ((), 1)
    assert 'provider is "outbox", which mails nobody' in said(found)
    assert f"newsletter rehearse {SLUG}" in said(found)
    assert ledger(newsletter) == before
    assert due(newsletter, outbox).exit_code == 1


@pytest.mark.parametrize("front", ["draft: yes\n", "send_at: 2026-11-29 07:01\n"])
def test_with_the_outbox_and_nothing_due_all_is_well(
    newsletter: Newsletter, outbox: FakeProvider, front: str
) -> None:
    write(newsletter, front=front)
    found = due(newsletter, outbox)
    assert (found.results, found.errors, found.exit_code) == ((), (), 0)


def test_with_the_outbox_a_missed_issue_is_reported_once_too(
    newsletter: Newsletter, clock: Clock, outbox: FakeProvider, provider: FakeProvider
) -> None:
    clock.moment = SEVEN + 7 * HOUR
    newsletter.settings = replace(newsletter.settings, ledger="another")
    assert due(newsletter, outbox).exit_code == 1  # in another database everything looks missed
    newsletter.settings = replace(newsletter.settings, ledger="")
    assert due(newsletter, outbox).exit_code == 3
    assert due(newsletter, outbox).exit_code == 0
    assert ledger(newsletter) == [(SLUG, "2026-11-29T07:00", "expired", 1, 0)]
    here = str(newsletter.sql("SELECT id FROM ledger")[0][0])
    newsletter.settings = replace(newsletter.settings, ledger=here)
    assert newsletter.send(provider, SLUG, late=True).report.mailing.state is MailingState.COMPLETED


def test_a_real_mailing_is_left_to_its_provider_and_rehearsals_to_people(
    newsletter: Newsletter, provider: FakeProvider, outbox: FakeProvider
) -> None:
    newsletter.send(provider, SLUG, limit=5)
    newsletter.sql("UPDATE mailings SET state = 'sending', claims_left = NULL")
    before = ledger(newsletter)
    found = due(newsletter, outbox)
    assert found.exit_code == 1
    assert "was started through fake" in said(found)
    assert ledger(newsletter) == before
    write(newsletter, "2026-11-29-tweede", front="send_at: 2026-11-29 08:30\n")
    newsletter.send(outbox, "2026-11-29-tweede", limit=5)
    assert states(due(newsletter, provider)) == {SLUG: "completed"}


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
    newsletter: Newsletter, clock: Clock, provider: FakeProvider, local: str, due_at: str
) -> None:
    gone(newsletter)
    slug = f"{local[:10]}-klok"
    write(newsletter, slug, front=f"send_at: {local}\n")
    begins = datetime.fromisoformat(due_at)
    clock.moment = begins - SECOND
    assert due(newsletter, provider).results == ()
    clock.moment = begins + 6 * HOUR
    assert states(due(newsletter, provider)) == {slug: "completed"}
    assert ledger(newsletter)[0][:2] == (slug, local.replace(" ", "T"))

    newsletter.sql("DELETE FROM deliveries")
    newsletter.sql("DELETE FROM batches")
    newsletter.sql("DELETE FROM mailings")
    clock.moment = begins + 6 * HOUR + SECOND
    assert states(due(newsletter, provider)) == {slug: "expired"}


def test_a_time_that_comes_twice_is_sent_once(
    newsletter: Newsletter, clock: Clock, provider: FakeProvider
) -> None:
    gone(newsletter)
    slug = "2026-10-25-klok"
    write(newsletter, slug, front="send_at: 2026-10-25 02:30\n")
    clock.moment = datetime.fromisoformat("2026-10-25T02:30:00+02:00")
    assert states(due(newsletter, provider)) == {slug: "completed"}
    clock.moment = datetime.fromisoformat("2026-10-25T02:30:00+01:00")
    assert only(due(newsletter, provider)).repeated
    assert set(provider.copies().values()) == {1}


def test_a_time_that_never_comes_is_an_error_at_the_usual_time(
    newsletter: Newsletter, clock: Clock, provider: FakeProvider
) -> None:
    gone(newsletter)
    write(newsletter, "2026-03-29-klok", front="send_at: 2026-03-29 02:30\n")
    clock.moment = datetime.fromisoformat("2026-03-29T06:59:59+02:00")
    assert due(newsletter, provider).exit_code == 0
    clock.moment += SECOND
    found = due(newsletter, provider)
    assert found.exit_code == 1
    assert "does not exist" in said(found)


# Several at once


def test_two_that_see_a_missed_issue_at_once_report_it_once(
    newsletter: Newsletter, clock: Clock, tmp_path: Path
) -> None:
    clock.moment = SEVEN + DAY
    ready = threading.Barrier(4)
    codes = []

    def one() -> None:
        store = open_store(newsletter.settings, clock=clock)
        ready.wait()
        found = delivery.send_due(
            delivery.Context(store, newsletter.settings, FakeProvider(tmp_path / "none")),
            desk.read_all(newsletter.settings),
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
    assert len(ledger(newsletter)) == 1


# As typed


def this_hour(newsletter: Newsletter) -> str:
    """Write an issue that has been due for half an hour, by the clock on the wall."""
    moment = datetime.now(newsletter.settings.zone) - HOUR / 2
    slug = f"{moment:%Y-%m-%d}-nu"
    write(newsletter, slug, front=f"send_at: {moment:%Y-%m-%d %H:%M}\n")
    return slug


@pytest.fixture
def present(root: Path) -> Newsletter:
    """Return a newsletter that lives by the clock on the wall, with nothing written."""
    return Newsletter(root, subscribers=250, slug=SLUG)


def test_two_processes_at_once_are_one_send(present: Newsletter, run: Run, tmp_path: Path) -> None:
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


def test_a_schedule_says_all_in_one_document(present: Newsletter, run: Run, tmp_path: Path) -> None:
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


def test_every_problem_is_a_line_and_the_most_serious_the_exit_code(
    present: Newsletter, run: Run
) -> None:
    yesterday = datetime.now(present.settings.zone) - DAY
    write(present, f"{yesterday:%Y-%m-%d}-gemist")
    moment = f"{datetime.now(present.settings.zone) - HOUR:%Y-%m-%d %H:%M}"
    write(present, f"{moment[:10]}-kapot", front=f"send_at: {moment}\nonderwerp: x\n")
    done = run("-q", "send", "--due", "--json")
    assert done.returncode == 3
    lines = done.stderr.splitlines()
    assert [line.partition(":")[0] for line in lines] == ["error", "hint"] * 2
    assert len(json.loads(done.stdout)["troubles"]) == 2
    assert run("send", "--due").returncode == 1  # what is broken still is; the miss is known


def test_a_missing_key_is_reported_and_changes_nothing(present: Newsletter, run: Run) -> None:
    this_hour(present)
    env = present.for_real("http://127.0.0.1:9")
    del env["RESEND_API_KEY"]
    done = run("send", "--due", env=env)
    assert (done.returncode, done.stdout) == (1, "")
    assert "RESEND_API_KEY" in done.stderr
    assert ledger(present) == []
