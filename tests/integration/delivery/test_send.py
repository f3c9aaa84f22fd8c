from __future__ import annotations

import itertools
import threading
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from sqlalchemy.exc import IntegrityError

from newsletter import delivery, desk, render, tokens
from newsletter.delivery import planning, requests
from newsletter.errors import ContentError, DecisionNeeded, NewsletterError, TryAgain
from newsletter.model import (
    Accepted,
    DeliveryState,
    MailingState,
    RecipientRejected,
    RetryLater,
    Unknown,
)
from newsletter.providers.base import Payload, SubmitResult
from newsletter.providers.outbox.send import Outbox
from newsletter.store import (
    claims,
    freezing,
    mailing_reports,
    mailings,
    recovery,
    settlement,
)
from newsletter.store.keys import signing_keys
from tests.support.newsletter import FakeProvider, Newsletter, add_subscribers, write_issue

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from newsletter.model import Batch, MailingReport, Outcome

pytestmark = pytest.mark.usefixtures("database")

BLIND = timedelta(0)


@pytest.fixture
def newsletter(root: Path) -> Newsletter:
    return Newsletter(root)


def adds_up(report: MailingReport) -> bool:
    return sum(report.counts.values()) == report.mailing.audience


def counts(report: MailingReport) -> dict[str, int]:
    assert adds_up(report)
    return {state.value: n for state, n in report.counts.items() if n}


def test_everyone_gets_one_letter_and_a_second_send_sends_nothing(
    newsletter: Newsletter, tmp_path: Path
) -> None:
    provider = FakeProvider(tmp_path / "taken")
    first = newsletter.send(provider)
    assert counts(first.report) == {"accepted": 25}
    assert first.report.mailing.state is MailingState.COMPLETED
    assert first.error is None
    calls = provider.calls

    second = newsletter.send(provider)

    assert second.report == first.report
    assert provider.calls == calls
    assert set(provider.copies().values()) == {1}
    assert len(provider.copies()) == 25


def test_the_attempt_is_committed_before_anything_is_sent(
    newsletter: Newsletter, tmp_path: Path
) -> None:
    seen = []

    def look(batch: Batch) -> None:
        # Another connection sees only what is committed.
        refs = [subscriber.ref for subscriber in batch.recipients]
        with newsletter.store.read() as other:
            query = (
                "SELECT d.state, b.key, b.payload_hash IS NOT NULL FROM deliveries d "  # noqa: S608 - random names only
                f"JOIN batches b ON b.id = d.batch_id WHERE d.ref IN ({str(refs)[1:-1]})"
            )
            seen.extend(tuple(row) for row in other.exec_driver_sql(query).all())
        assert all(row == ("attempting", batch.key, 1) for row in seen[-len(refs) :])

    newsletter.send(FakeProvider(tmp_path / "taken", answer=look))
    assert len(seen) == 25


def test_only_active_subscribers_who_did_not_pause_are_in_the_audience(
    newsletter: Newsletter, tmp_path: Path
) -> None:
    for n, status in enumerate(("pending", "unsubscribed", "bounced", "complained")):
        newsletter.sql(f"UPDATE subscribers SET status = '{status}' WHERE id = {n + 1}")  # noqa: S608
    newsletter.sql("UPDATE subscribers SET paused_until = '2999-01-01' WHERE id = 5")
    newsletter.sql("UPDATE subscribers SET paused_until = '2001-01-01' WHERE id = 6")
    assert newsletter.send(FakeProvider(tmp_path / "taken")).report.mailing.audience == 20


def test_who_leaves_pauses_or_is_erased_after_the_freeze_is_skipped(
    newsletter: Newsletter, tmp_path: Path
) -> None:
    provider = FakeProvider(tmp_path / "taken", size=5)

    def leave(_batch: Batch) -> None:
        newsletter.sql("UPDATE subscribers SET status = 'unsubscribed' WHERE id IN (6, 7)")
        newsletter.sql("UPDATE subscribers SET paused_until = '2999-01-01' WHERE id = 8")
        newsletter.sql("DELETE FROM subscribers WHERE id = 25")

    provider.answer = leave
    report = newsletter.send(provider).report
    assert counts(report) == {"accepted": 21, "skipped": 4}
    assert report.mailing.state is MailingState.COMPLETED
    reasons = newsletter.sql(
        "SELECT reason, count(*) FROM deliveries WHERE state = 'skipped' GROUP BY 1"
    )
    assert sorted(reasons) == [("erased", 1), ("paused", 1), ("unsubscribed", 2)]
    assert len(provider.copies()) == 21


def test_every_outcome_finds_its_own_delivery(newsletter: Newsletter, tmp_path: Path) -> None:
    newsletter.sql("DELETE FROM subscribers WHERE id > 5")

    def answer(batch: Batch) -> Mapping[str, Outcome]:
        refs = [subscriber.ref for subscriber in batch.recipients]
        # In another order, and one is missing.
        return {
            refs[3]: Unknown("half an answer"),
            refs[1]: RecipientRejected("no such mailbox"),
            refs[0]: Accepted("id-0"),
            refs[2]: RetryLater("come back tomorrow", after=86_400),
        }

    provider = FakeProvider(tmp_path / "taken", replay=BLIND, answer=answer)
    result = newsletter.send(provider)
    assert counts(result.report) == {"accepted": 1, "rejected": 1, "pending": 1, "unknown": 2}
    # What a person must decide comes before what will pass.
    assert isinstance(result.error, DecisionNeeded)
    rows = newsletter.sql("SELECT state, reason, provider_id FROM deliveries ORDER BY id")
    assert rows == [
        ("accepted", None, "id-0"),
        ("rejected", "no such mailbox", None),
        ("pending", "come back tomorrow", None),
        ("unknown", "half an answer", None),
        ("unknown", "missing from the provider's answer", None),
    ]


def test_an_unknown_outcome_is_never_sent_again_without_a_key(
    newsletter: Newsletter, tmp_path: Path
) -> None:
    def lost(batch: Batch) -> Mapping[str, Outcome]:
        return {subscriber.ref: Unknown("no answer") for subscriber in batch.recipients}

    provider = FakeProvider(tmp_path / "taken", replay=BLIND, answer=lost)
    result = newsletter.send(provider)
    assert counts(result.report) == {"unknown": 25}
    assert result.report.mailing.state is MailingState.COMPLETED_WITH_UNKNOWN
    assert isinstance(result.error, DecisionNeeded)

    provider.answer = None
    again = newsletter.send(provider)
    assert counts(again.report) == {"unknown": 25}
    assert isinstance(again.error, DecisionNeeded)
    assert set(provider.copies().values()) == {1}


class ProcessLostError(BaseException):
    """Stands for a process that is gone: nothing after it runs."""


def _interrupted(newsletter: Newsletter, provider: FakeProvider) -> None:
    """Let the provider take one batch, and the sender die before it hears of it."""

    def die(_batch: Batch) -> None:
        raise ProcessLostError

    provider.answer = die
    with pytest.raises(ProcessLostError):
        newsletter.send(provider)
    provider.answer = None
    newsletter.lose_process()


def test_a_lost_answer_is_asked_again_with_the_same_key_and_bytes(
    newsletter: Newsletter, tmp_path: Path
) -> None:
    provider = FakeProvider(tmp_path / "taken")
    _interrupted(newsletter, provider)
    result = newsletter.send(provider)
    assert counts(result.report) == {"accepted": 25}
    assert set(provider.copies().values()) == {1}


def test_what_a_lost_process_attempted_is_unknown_to_a_blind_provider(
    newsletter: Newsletter, tmp_path: Path
) -> None:
    provider = FakeProvider(tmp_path / "taken", replay=BLIND)
    _interrupted(newsletter, provider)
    result = newsletter.send(provider)
    assert counts(result.report) == {"accepted": 15, "unknown": 10}
    assert isinstance(result.error, DecisionNeeded)
    assert set(provider.copies().values()) == {1}


def test_a_key_is_not_trusted_to_the_end_of_its_life(
    newsletter: Newsletter, tmp_path: Path
) -> None:
    provider = FakeProvider(tmp_path / "taken", replay=timedelta(milliseconds=1))
    _interrupted(newsletter, provider)
    assert counts(newsletter.send(provider).report) == {"accepted": 15, "unknown": 10}


def test_a_sender_that_lost_its_lease_before_sending_sends_nothing(
    newsletter: Newsletter, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    provider = FakeProvider(tmp_path / "taken", replay=BLIND, size=25)
    asleep = itertools.count(1)
    # Each look at the clock is a quarter of an hour later.
    monkeypatch.setattr(requests, "clocks", lambda: (0.0, next(asleep) * 900.0))
    result = newsletter.send(provider)
    assert counts(result.report) == {"pending": 25}
    assert isinstance(result.error, TryAgain)
    assert provider.copies() == {}


def test_a_batch_that_was_partly_sent_again_is_not_replayed(
    newsletter: Newsletter, tmp_path: Path
) -> None:
    def half(batch: Batch) -> Mapping[str, Outcome]:
        later, *lost = [subscriber.ref for subscriber in batch.recipients]
        return {
            later: RetryLater("tomorrow", 86_400),
            **{ref: Unknown("no answer") for ref in lost},
        }

    provider = FakeProvider(tmp_path / "taken", answer=half)
    newsletter.send(provider)
    provider.answer = None
    newsletter.lose_process()
    assert counts(newsletter.send(provider).report) == {"accepted": 16, "unknown": 9}


def test_a_batch_with_a_subscriber_who_left_is_never_replayed(
    newsletter: Newsletter, tmp_path: Path
) -> None:
    provider = FakeProvider(tmp_path / "taken")
    _interrupted(newsletter, provider)
    # As leaving does, in the same transaction; test_subscribers proves that it does.
    newsletter.sql("UPDATE subscribers SET status = 'unsubscribed' WHERE id = 1")
    newsletter.sql("UPDATE batches SET snapshot = NULL")
    assert counts(newsletter.send(provider).report) == {"accepted": 15, "unknown": 10}


def test_a_batch_whose_bytes_came_out_differently_is_not_replayed(
    newsletter: Newsletter, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    provider = FakeProvider(tmp_path / "taken")
    _interrupted(newsletter, provider)
    build = FakeProvider.build
    monkeypatch.setattr(
        FakeProvider, "build", lambda self, batch: Payload.of((*build(self, batch).parts, b"more"))
    )
    assert counts(newsletter.send(provider).report) == {"accepted": 15, "unknown": 10}
    assert set(provider.copies().values()) == {1}
    assert newsletter.sql("SELECT count(*) FROM batches WHERE snapshot IS NOT NULL") == [(0,)]


def test_a_batch_whose_key_is_gone_is_not_replayed(newsletter: Newsletter, tmp_path: Path) -> None:
    provider = FakeProvider(tmp_path / "taken")
    _interrupted(newsletter, provider)
    newsletter.settings = replace(newsletter.settings, secret_keys=("another key for these tests",))
    newsletter.sql("DELETE FROM signing_keys")
    assert counts(newsletter.send(provider).report) == {"accepted": 15, "unknown": 10}


def _claimed(newsletter: Newsletter, lease: timedelta) -> tuple[int, claims.Claim]:
    _, draft = desk.find_draft(newsletter.settings, newsletter.slug)
    assert draft
    assert draft.issue
    letter = render.letter(draft.issue, newsletter.settings)
    with newsletter.store.write() as connection:
        mailing = freezing.freeze(
            connection, draft.issue, letter, provider="fake", provider_url="", rehearsal=False
        )
        mailings.change_state(connection, mailing.id, MailingState.SENDING)
        key_id = tokens.fingerprint(signing_keys(newsletter.settings)[0])
        claim = claims.claim(connection, mailing.id, size=5, lease=lease, key_id=key_id)
        assert claim
        assert claims.record_payload(connection, claim, "0")
    return mailing.id, claim


def test_an_answer_after_the_end_completes_what_ended_with_it_unknown(
    newsletter: Newsletter, tmp_path: Path
) -> None:
    """Another process took this one to be lost, and found nothing left to do."""

    def end(_batch: Batch) -> None:
        newsletter.lose_process()
        with newsletter.store.write() as connection:
            recovery.expire_leases(connection, 1)
            mailings.complete_if_done(connection, 1)
        assert newsletter.sql("SELECT state FROM mailings") == [("completed_with_unknown",)]

    moments: list[object] = []

    def reported(_done: int, _audience: int) -> None:
        moments.extend(newsletter.sql("SELECT state FROM mailings"))

    newsletter.send(
        FakeProvider(tmp_path / "taken", size=25, replay=timedelta(), answer=end), progress=reported
    )
    assert moments == [("completed",)]


@pytest.mark.parametrize(("replay", "kept"), [(timedelta(), False), (timedelta(hours=24), True)])
def test_addresses_are_kept_with_a_request_only_where_it_can_be_repeated(
    *, replay: timedelta, kept: bool, newsletter: Newsletter, tmp_path: Path
) -> None:
    found: list[tuple[object, ...]] = []

    def look(_batch: Batch) -> None:
        found.extend(newsletter.sql("SELECT count(snapshot) FROM batches"))

    newsletter.send(FakeProvider(tmp_path / "taken", replay=replay, answer=look))
    assert any(count for (count,) in found) is kept


def test_only_the_owner_settles(newsletter: Newsletter) -> None:
    mailing_id, claim = _claimed(newsletter, timedelta(hours=1))
    newsletter.lose_process()
    with newsletter.store.write() as connection:
        recovery.expire_leases(connection, mailing_id)
        taken_over = recovery.replay(
            connection, mailing_id, lease=timedelta(hours=1), window=timedelta(hours=1)
        )
    assert taken_over
    accepted = {subscriber.ref: Accepted("late") for subscriber in claim.subscribers}
    with newsletter.store.write() as connection:
        assert not settlement.settle(connection, claim, accepted)
        assert not claims.record_payload(connection, claim, "0")
        assert settlement.settle(connection, taken_over, accepted)
    assert newsletter.sql("SELECT DISTINCT provider_id FROM deliveries WHERE batch_id = 1") == [
        ("late",)
    ]


def test_a_slow_answer_still_settles_what_nobody_took_over(newsletter: Newsletter) -> None:
    mailing_id, claim = _claimed(newsletter, timedelta(hours=1))
    newsletter.lose_process()
    with newsletter.store.write() as connection:
        assert recovery.expire_leases(connection, mailing_id) == 5
        # Too late to start sending ...
        assert not claims.record_payload(connection, claim, "0")
        # ... but an answer that comes now is still an answer.
        assert settlement.settle(
            connection, claim, {r.ref: Accepted("id") for r in claim.subscribers}
        )
        report = mailing_reports.report(connection, mailings.get(connection, mailing_id))
    assert counts(report) == {"pending": 20, "accepted": 5}


def test_a_claim_needs_a_mailing_that_is_sending(newsletter: Newsletter) -> None:
    mailing_id, _ = _claimed(newsletter, timedelta(hours=1))
    delivery.pause_mailing(newsletter.store, newsletter.slug)
    with newsletter.store.write() as connection:
        again = claims.claim(connection, mailing_id, size=5, lease=timedelta(1), key_id="k")
    assert again is None


def test_pausing_stops_a_running_sender_and_send_goes_on(
    newsletter: Newsletter, tmp_path: Path
) -> None:
    provider = FakeProvider(tmp_path / "taken")

    def pause(_batch: Batch) -> None:
        delivery.pause_mailing(newsletter.store, newsletter.slug)

    provider.answer = pause
    result = newsletter.send(provider)
    assert result.report.mailing.state is MailingState.PAUSED
    assert counts(result.report) == {"accepted": 10, "pending": 15}
    assert isinstance(result.error, DecisionNeeded)

    provider.answer = None
    assert counts(newsletter.send(provider).report) == {"accepted": 25}
    assert set(provider.copies().values()) == {1}


def test_a_limit_freezes_everyone_and_pauses_after_so_many(
    newsletter: Newsletter, tmp_path: Path
) -> None:
    provider = FakeProvider(tmp_path / "taken")
    result = newsletter.send(provider, limit=7)
    assert counts(result.report) == {"accepted": 7, "pending": 18}
    assert result.report.mailing.state is MailingState.PAUSED
    assert result.error is None
    assert counts(newsletter.send(provider, limit=12).report) == {"accepted": 19, "pending": 6}
    assert counts(newsletter.send(provider, limit=6).report) == {"accepted": 25}


def test_a_request_to_stop_finishes_what_is_in_flight(
    newsletter: Newsletter, tmp_path: Path
) -> None:
    stop = threading.Event()
    provider = FakeProvider(tmp_path / "taken", answer=lambda _batch: stop.set())
    result = newsletter.send(provider, stop=stop)
    assert counts(result.report) == {"accepted": 10, "pending": 15}
    assert isinstance(result.error, TryAgain)
    assert "15" in str(result.error)


def test_cancelling_before_anything_was_attempted_frees_the_slug(
    newsletter: Newsletter, tmp_path: Path
) -> None:
    mailing_id, claim = _claimed(newsletter, timedelta(hours=1))
    with newsletter.store.write() as connection:
        settlement.settle(
            connection, claim, {r.ref: RetryLater("not now") for r in claim.subscribers}
        )
    report = delivery.cancel_mailing(newsletter.store, newsletter.slug)
    assert report.mailing.state is MailingState.CANCELLED

    result = newsletter.send(FakeProvider(tmp_path / "taken"))
    assert result.report.mailing.id != mailing_id
    assert counts(result.report) == {"accepted": 25}
    assert newsletter.send(FakeProvider(tmp_path / "taken")).report == result.report
    assert delivery.find_report(newsletter.store, newsletter.slug) == result.report


def test_a_cancelled_mailing_that_reached_people_is_not_started_anew(
    newsletter: Newsletter, tmp_path: Path
) -> None:
    provider = FakeProvider(tmp_path / "taken")
    newsletter.send(provider, limit=3)
    delivery.cancel_mailing(newsletter.store, newsletter.slug)
    with pytest.raises(NewsletterError):
        newsletter.send(provider)
    assert len(provider.copies()) == 3


def test_resolving_by_sending_again_reaches_only_the_unknown(
    newsletter: Newsletter, tmp_path: Path
) -> None:
    provider = FakeProvider(tmp_path / "taken", replay=BLIND)
    _interrupted(newsletter, provider)
    newsletter.send(provider)
    report = delivery.resolve_unknown(
        newsletter.store, newsletter.slug, delivery.UnknownDecision.RESEND
    )
    assert counts(report) == {"accepted": 15, "pending": 10}
    assert counts(newsletter.send(provider).report) == {"accepted": 25}
    assert sorted(provider.copies().values()) == [1] * 15 + [2] * 10
    assert newsletter.sql("SELECT what, deliveries FROM decisions") == [("resolve --resend", 10)]


def test_resolving_by_assuming_completes_and_says_so(
    newsletter: Newsletter, tmp_path: Path
) -> None:
    provider = FakeProvider(tmp_path / "taken", replay=BLIND)
    _interrupted(newsletter, provider)
    newsletter.send(provider)
    report = delivery.resolve_unknown(
        newsletter.store, newsletter.slug, delivery.UnknownDecision.ASSUME_SENT
    )
    assert counts(report) == {"accepted": 25}
    assert report.assumed == 10
    assert report.mailing.state is MailingState.COMPLETED
    with pytest.raises(NewsletterError):
        delivery.resolve_unknown(newsletter.store, newsletter.slug, delivery.UnknownDecision.RESEND)


def test_after_resolving_a_late_answer_of_the_lost_process_keeps_a_second_letter_back(
    newsletter: Newsletter,
) -> None:
    mailing_id, claim = _claimed(newsletter, timedelta(hours=1))
    newsletter.lose_process()
    with newsletter.store.write() as connection:
        recovery.expire_leases(connection, mailing_id)
    delivery.resolve_unknown(newsletter.store, newsletter.slug, delivery.UnknownDecision.RESEND)
    with newsletter.store.write() as connection:
        late = {r.ref: Accepted(f"id-{r.ref}") for r in claim.subscribers}
        assert not settlement.settle(connection, claim, late)
        settlement.record_late_answers(connection, claim, late)
        report = mailing_reports.report(connection, mailings.get(connection, mailing_id))
    assert counts(report) == {"pending": 20, "accepted": 5}


@pytest.mark.parametrize("what", ["renamed", "redated", "same slot"])
def test_a_letter_that_went_out_is_refused_under_another_name(
    newsletter: Newsletter, tmp_path: Path, what: str
) -> None:
    provider = FakeProvider(tmp_path / "taken")
    newsletter.send(provider)
    file = newsletter.root / "issues" / f"{newsletter.slug}.md"
    if what == "same slot":
        other = write_issue(newsletter.root, name="anders")
    else:
        other = write_issue(newsletter.root, name="kopie", days=6 if what == "renamed" else 9)
        (newsletter.root / "issues" / f"{other}.md").write_bytes(file.read_bytes())
    with pytest.raises(NewsletterError, match=newsletter.slug):
        newsletter.send(provider, other)
    assert set(provider.copies().values()) == {1}


@pytest.mark.parametrize("column", ["slug", "slot", "content_hash"])
def test_the_database_itself_refuses_a_second_real_mailing(
    newsletter: Newsletter, column: str
) -> None:
    _claimed(newsletter, timedelta(hours=1))
    copied = [c for c in ("slug", "slot", "content_hash") if c != column]
    changes = ", ".join(f"{c} || 'x'" if c in copied else c for c in ("slug", "slot"))
    with pytest.raises(IntegrityError, match=column):
        newsletter.sql(
            "INSERT INTO mailings SELECT id + 1, 'other', "  # noqa: S608 - column names only
            f"{changes}, send_at, "
            f"{'content_hash' if column == 'content_hash' else 'public_id'}, letter_hash, letter, "
            "provider, provider_url, rehearsal, state, note, released, audience, claims_left, "
            "started_at, finished_at, monthly, erratum, erratum_of FROM mailings"
        )


def test_the_database_refuses_a_second_delivery_to_a_subscriber(newsletter: Newsletter) -> None:
    _claimed(newsletter, timedelta(hours=1))
    with pytest.raises(IntegrityError, match=r"subscriber_id|one_delivery_per_subscriber"):
        newsletter.sql(
            "INSERT INTO deliveries (mailing_id, subscriber_id, ref, state, assumed) "
            "SELECT mailing_id, subscriber_id, 'other', 'pending', false FROM deliveries LIMIT 1"
        )


def test_an_edit_after_the_freeze_changes_nothing_and_is_reported(
    newsletter: Newsletter, tmp_path: Path
) -> None:
    provider = FakeProvider(tmp_path / "taken")
    newsletter.send(provider, limit=5)
    before = newsletter.sql("SELECT letter_hash FROM mailings")
    write_issue(newsletter.root, more=" En nog iets.")
    result = newsletter.send(provider)
    assert result.edited
    assert counts(result.report) == {"accepted": 25}
    assert newsletter.sql("SELECT letter_hash FROM mailings") == before


def test_a_started_mailing_goes_on_without_its_file(newsletter: Newsletter, tmp_path: Path) -> None:
    provider = FakeProvider(tmp_path / "taken")
    newsletter.send(provider, limit=5)
    (newsletter.root / "issues" / f"{newsletter.slug}.md").unlink()
    assert counts(newsletter.send(provider).report) == {"accepted": 25}


def test_a_rehearsal_leaves_the_real_mailing_alone(newsletter: Newsletter, tmp_path: Path) -> None:
    outbox = Outbox(newsletter.root / "outbox")
    rehearsed = newsletter.send(outbox)  # type: ignore[arg-type]
    assert rehearsed.report.mailing.rehearsal
    provider = FakeProvider(tmp_path / "taken")
    assert counts(newsletter.send(provider).report) == {"accepted": 25}
    shown = delivery.find_report(newsletter.store, newsletter.slug)
    assert shown
    assert not shown.mailing.rehearsal


def test_an_edited_issue_replaces_its_rehearsal_and_its_files(newsletter: Newsletter) -> None:
    outbox = Outbox(newsletter.root / "outbox")
    first = newsletter.send(outbox).report  # type: ignore[arg-type]
    write_issue(newsletter.root, more=" En nog iets.")
    second = newsletter.send(outbox).report  # type: ignore[arg-type]
    assert second.mailing.letter_hash != first.mailing.letter_hash
    files = list((newsletter.root / "outbox" / newsletter.slug).glob("*.eml"))
    assert len(files) == 25
    assert all(b"En nog iets" in file.read_bytes() for file in files)
    assert newsletter.sql("SELECT count(*) FROM mailings") == [(1,)]


def test_a_rehearsal_is_not_replaced_while_its_letters_are_being_written(
    newsletter: Newsletter,
) -> None:
    outbox = Outbox(newsletter.root / "outbox")

    class Edited(Outbox):
        def submit(self, batch: Batch, payload: Payload) -> SubmitResult:
            write_issue(newsletter.root, more=" En nog iets.")
            with pytest.raises(TryAgain):
                newsletter.send(outbox)  # type: ignore[arg-type]
            return super().submit(batch, payload)

    newsletter.send(Edited(newsletter.root / "outbox"))  # type: ignore[arg-type]
    newsletter.send(outbox)  # type: ignore[arg-type]
    files = list((newsletter.root / "outbox" / newsletter.slug).glob("*.eml"))
    assert len(files) == 25
    assert all(b"En nog iets" in file.read_bytes() for file in files)


def test_a_sender_whose_rehearsal_was_replaced_stops(newsletter: Newsletter) -> None:
    other = Outbox(newsletter.root / "outbox")
    one_by_one = Outbox(newsletter.root / "outbox")
    one_by_one.capabilities = replace(Outbox.capabilities, max_messages=10)  # type: ignore[misc]

    def edit(_done: int, _total: int) -> None:
        write_issue(newsletter.root, more=" En nog iets.")
        newsletter.lose_process()
        newsletter.send(other)  # type: ignore[arg-type]

    with pytest.raises(DecisionNeeded, match="replaced"):
        newsletter.send(one_by_one, progress=edit)  # type: ignore[arg-type]
    # What it held in its hands when it was thought to be lost may lie beside the new ones.
    files = list((newsletter.root / "outbox" / newsletter.slug).glob("*.eml"))
    assert sum(b"En nog iets" in file.read_bytes() for file in files) == 25
    assert newsletter.sql("SELECT count(*), min(state) FROM mailings") == [(1, "completed")]


def test_early_is_allowed_and_late_needs_an_option(newsletter: Newsletter, tmp_path: Path) -> None:
    provider = FakeProvider(tmp_path / "taken")
    late = write_issue(newsletter.root, name="oud", days=-2)
    with pytest.raises(NewsletterError, match="--late"):
        newsletter.send(provider, late)
    assert counts(newsletter.send(provider, late, late=True).report) == {"accepted": 25}
    assert counts(newsletter.send(provider).report) == {"accepted": 25}


def test_a_mailing_that_took_too_long_waits_for_a_person(
    newsletter: Newsletter, tmp_path: Path
) -> None:
    provider = FakeProvider(tmp_path / "taken")
    newsletter.send(provider, limit=5)
    newsletter.sql("UPDATE mailings SET started_at = '2020-01-01 00:00:00.000000'")
    result = newsletter.send(provider)
    assert isinstance(result.error, DecisionNeeded)
    assert result.report.mailing.state is MailingState.PAUSED
    assert len(provider.copies()) == 5
    assert counts(newsletter.send(provider, late=True).report) == {"accepted": 25}


def test_nothing_is_frozen_for_nobody(root: Path, tmp_path: Path) -> None:
    newsletter = Newsletter(root, subscribers=0)
    with pytest.raises(NewsletterError, match="nobody"):
        newsletter.send(FakeProvider(tmp_path / "taken"))
    assert newsletter.sql("SELECT count(*) FROM mailings") == [(0,)]
    add_subscribers(newsletter.store, 1)
    assert counts(newsletter.send(FakeProvider(tmp_path / "taken")).report) == {"accepted": 1}


def test_drafts_and_files_with_errors_are_refused(newsletter: Newsletter, tmp_path: Path) -> None:
    file = newsletter.root / "issues" / f"{newsletter.slug}.md"
    good = file.read_text(encoding="utf-8")
    file.write_text(good.replace("---\nEen", "draft: yes\n---\nEen"), encoding="utf-8")
    with pytest.raises(NewsletterError, match="draft"):
        newsletter.send(FakeProvider(tmp_path / "taken"))
    file.write_text(good.replace("---\nEen", "onderwerp: x\n---\nEen"), encoding="utf-8")
    with pytest.raises(ContentError):
        newsletter.send(FakeProvider(tmp_path / "taken"))
    assert newsletter.sql("SELECT count(*) FROM mailings") == [(0,)]


def test_a_failing_outbox_leaves_its_deliveries_pending(newsletter: Newsletter) -> None:
    (newsletter.root / "outbox").write_text("in the way", encoding="utf-8")
    result = newsletter.send(Outbox(newsletter.root / "outbox"))  # type: ignore[arg-type]
    assert isinstance(result.error, TryAgain)
    assert counts(result.report) == {"pending": 25}
    (newsletter.root / "outbox").unlink()
    again = newsletter.send(Outbox(newsletter.root / "outbox"))  # type: ignore[arg-type]
    assert again.report.counts[DeliveryState.ACCEPTED] == 25


def _always(
    outcome: Outcome, times: int = 1_000
) -> Callable[[Batch], Mapping[str, Outcome] | None]:
    """Return an answer for every letter, for the first so many requests."""
    left = iter(range(times))

    def answer(batch: Batch) -> Mapping[str, Outcome] | None:
        if next(left, None) is None:
            return None
        return {subscriber.ref: outcome for subscriber in batch.recipients}

    return answer


def test_an_unknown_outcome_is_asked_again_at_once_where_that_is_safe(
    newsletter: Newsletter, tmp_path: Path
) -> None:
    provider = FakeProvider(
        tmp_path / "taken", size=25, answer=_always(Unknown("no answer"), times=1)
    )
    result = newsletter.send(provider)
    assert result.error is None
    assert counts(result.report) == {"accepted": 25}
    assert set(provider.copies().values()) == {1}


def test_a_provider_that_stays_silent_is_asked_again_by_the_next_run(
    newsletter: Newsletter, tmp_path: Path
) -> None:
    provider = FakeProvider(tmp_path / "taken", size=25, answer=_always(Unknown("no answer")))
    result = newsletter.send(provider)
    assert provider.calls == 4
    assert counts(result.report) == {"unknown": 25}
    assert result.report.mailing.state is MailingState.COMPLETED_WITH_UNKNOWN
    assert isinstance(result.error, DecisionNeeded)

    provider.answer = None
    assert counts(newsletter.send(provider).report) == {"accepted": 25}
    assert set(provider.copies().values()) == {1}


def test_that_a_repetition_was_refused_says_nothing_of_the_first_attempt(
    newsletter: Newsletter, tmp_path: Path
) -> None:
    provider = FakeProvider(tmp_path / "taken")
    _interrupted(newsletter, provider)
    provider.answer = _always(RetryLater("too many requests", after=86_400), times=1)
    result = newsletter.send(provider)
    assert counts(result.report) == {"pending": 15, "unknown": 10}

    provider.answer = None
    assert counts(newsletter.send(provider).report) == {"accepted": 25}
    assert set(provider.copies().values()) == {1}


def test_a_key_is_trusted_for_most_of_its_life_only(newsletter: Newsletter, tmp_path: Path) -> None:
    provider = FakeProvider(tmp_path / "taken", replay=timedelta(hours=24))
    _interrupted(newsletter, provider)
    twenty_hours = f"{datetime.now(UTC) - timedelta(hours=20):%Y-%m-%d %H:%M:%S.%f}+00"
    newsletter.sql(f"UPDATE batches SET claimed_at = '{twenty_hours}'")  # noqa: S608
    assert counts(newsletter.send(provider).report) == {"accepted": 15, "unknown": 10}
    # It was not even tried: a replay with this other date would have been abandoned.
    assert newsletter.sql("SELECT count(*) FROM batches WHERE snapshot IS NOT NULL") == [(1,)]


def test_a_pause_stops_replays_too(newsletter: Newsletter, tmp_path: Path) -> None:
    provider = FakeProvider(tmp_path / "taken")
    _interrupted(newsletter, provider)
    delivery.pause_mailing(newsletter.store, newsletter.slug)
    with newsletter.store.write() as connection:
        assert recovery.replay(connection, 1, lease=timedelta(1), window=timedelta(1)) is None


def test_what_a_lost_process_left_can_be_resolved_after_a_pause(
    newsletter: Newsletter, tmp_path: Path
) -> None:
    provider = FakeProvider(tmp_path / "taken", replay=BLIND)
    _interrupted(newsletter, provider)
    report = delivery.pause_mailing(newsletter.store, newsletter.slug)
    assert counts(report) == {"pending": 15, "unknown": 10}
    report = delivery.resolve_unknown(
        newsletter.store, newsletter.slug, delivery.UnknownDecision.RESEND
    )
    # Only `send` goes on with a paused mailing.
    assert report.mailing.state is MailingState.PAUSED
    assert counts(report) == {"pending": 25}


def test_a_cancelled_mailing_is_never_reopened(newsletter: Newsletter, tmp_path: Path) -> None:
    provider = FakeProvider(tmp_path / "taken", replay=BLIND)
    _interrupted(newsletter, provider)
    assert counts(delivery.cancel_mailing(newsletter.store, newsletter.slug)) == {
        "pending": 15,
        "unknown": 10,
    }
    with pytest.raises(NewsletterError, match="cancelled"):
        delivery.resolve_unknown(newsletter.store, newsletter.slug, delivery.UnknownDecision.RESEND)
    report = delivery.resolve_unknown(
        newsletter.store, newsletter.slug, delivery.UnknownDecision.ASSUME_SENT
    )
    assert report.mailing.state is MailingState.CANCELLED
    assert counts(report) == {"pending": 15, "accepted": 10}


def test_a_paused_mailing_with_nothing_left_to_send_is_complete(
    newsletter: Newsletter, tmp_path: Path
) -> None:
    def pause(_batch: Batch) -> None:
        delivery.pause_mailing(newsletter.store, newsletter.slug)

    result = newsletter.send(FakeProvider(tmp_path / "taken", size=25, answer=pause))
    assert result.report.mailing.state is MailingState.COMPLETED
    assert result.error is None


def test_pausing_a_mailing_that_completed_with_unknown_says_what_it_is(
    newsletter: Newsletter, tmp_path: Path
) -> None:
    lost = FakeProvider(tmp_path / "taken", replay=BLIND, answer=lambda _batch: {})
    newsletter.send(lost)
    with pytest.raises(NewsletterError, match="is completed with unknown, so there is nothing to"):
        delivery.pause_mailing(newsletter.store, newsletter.slug)


def test_a_request_to_stop_that_comes_too_late_is_no_error(
    newsletter: Newsletter, tmp_path: Path
) -> None:
    stop = threading.Event()
    provider = FakeProvider(tmp_path / "taken", size=25, answer=lambda _batch: stop.set())
    result = newsletter.send(provider, stop=stop)
    assert result.report.mailing.state is MailingState.COMPLETED
    assert result.error is None


def test_a_limited_send_that_was_stopped_is_paused_all_the_same(
    newsletter: Newsletter, tmp_path: Path
) -> None:
    stop = threading.Event()
    provider = FakeProvider(tmp_path / "taken", size=5, answer=lambda _batch: stop.set())
    result = newsletter.send(provider, stop=stop, limit=10)
    assert result.report.mailing.state is MailingState.PAUSED
    assert counts(result.report) == {"accepted": 5, "pending": 20}


def test_a_limit_holds_for_a_process_that_was_lost(newsletter: Newsletter, tmp_path: Path) -> None:
    def die(_batch: Batch) -> None:
        raise ProcessLostError

    provider = FakeProvider(tmp_path / "taken", size=5, answer=die)
    with pytest.raises(ProcessLostError):
        newsletter.send(provider, limit=10)
    assert newsletter.sql("SELECT state, claims_left FROM mailings") == [("sending", 5)]
    with newsletter.store.write() as connection:
        again = claims.claim(connection, 1, size=20, lease=timedelta(1), key_id="k")
    assert again
    assert len(again.subscribers) == 5


def test_a_file_with_errors_counts_as_edited(newsletter: Newsletter, tmp_path: Path) -> None:
    provider = FakeProvider(tmp_path / "taken")
    newsletter.send(provider, limit=5)
    (newsletter.root / "issues" / f"{newsletter.slug}.md").write_text("half", encoding="utf-8")
    result = newsletter.send(provider)
    assert result.edited
    assert counts(result.report) == {"accepted": 25}


def test_a_mailing_stays_with_its_provider(newsletter: Newsletter, tmp_path: Path) -> None:
    provider = FakeProvider(tmp_path / "taken")
    newsletter.send(provider, limit=5)
    elsewhere = FakeProvider(tmp_path / "elsewhere")
    elsewhere.capabilities = replace(elsewhere.capabilities, name="other")
    with pytest.raises(NewsletterError, match="fake"):
        newsletter.send(elsewhere)
    newsletter.settings = replace(newsletter.settings, provider_url="https://sandbox.example.org")
    with pytest.raises(NewsletterError, match="fake"):
        newsletter.send(provider)
    assert elsewhere.copies() == {}


def test_two_that_freeze_at_once_have_one_mailing(newsletter: Newsletter, tmp_path: Path) -> None:
    provider = FakeProvider(tmp_path / "taken")
    _, draft = desk.find_draft(newsletter.settings, newsletter.slug)
    order = delivery.SendRequest(newsletter.slug, draft, early=True)
    fresh = planning.plan_send(newsletter.context(provider), order)
    assert isinstance(fresh, planning.Plan)
    first = planning.freeze(newsletter.context(provider), fresh)
    assert planning.freeze(newsletter.context(provider), fresh) == first


def test_a_late_rehearsal_that_is_edited_may_be_rehearsed_again(newsletter: Newsletter) -> None:
    outbox = Outbox(newsletter.root / "outbox")
    slug = write_issue(newsletter.root, name="oud", days=-2)
    newsletter.send(outbox, slug, late=True)  # type: ignore[arg-type]
    write_issue(newsletter.root, name="oud", days=-2, more=" Nog iets.")
    assert newsletter.send(outbox, slug).report.counts[DeliveryState.ACCEPTED] == 25  # type: ignore[arg-type]


def planned(newsletter: Newsletter, provider: FakeProvider) -> delivery.Plan:
    _, draft = desk.find_draft(newsletter.settings, newsletter.slug)
    request = delivery.SendRequest(newsletter.slug, draft, early=True, preflight=False)
    plan = delivery.plan_send(newsletter.context(provider), request)
    assert isinstance(plan, delivery.Plan)
    return plan


def test_what_is_confirmed_is_what_is_frozen(
    newsletter: Newsletter, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    provider = FakeProvider(tmp_path / "taken")
    plan = planned(newsletter, provider)
    assert plan.audience == 25
    # While a person reads the question: the file changes, and nothing is rendered again.
    write_issue(newsletter.root, more=" En nog een zin.")
    monkeypatch.setattr(render, "letter", lambda *_: pytest.fail("rendered twice"))

    result = delivery.send_plan(
        newsletter.context(provider), plan, progress=lambda _done, _total: None
    )

    assert result.error is None
    assert result.report.mailing.letter_hash == plan.letter.hash
    assert result.report.mailing.state is MailingState.COMPLETED


def test_a_plan_that_is_confirmed_too_late_is_refused(
    newsletter: Newsletter, tmp_path: Path
) -> None:
    provider = FakeProvider(tmp_path / "taken")
    plan = planned(newsletter, provider)
    long_ago = replace(plan.issue, send_at=plan.issue.send_at - timedelta(days=30))

    with pytest.raises(NewsletterError, match="more than 6 hours ago"):
        planning.freeze(newsletter.context(provider), replace(plan, issue=long_ago))

    assert newsletter.sql("SELECT count(*) FROM mailings") == [(0,)]


def test_a_mailing_that_is_cancelled_while_a_person_confirms_is_not_sent(
    newsletter: Newsletter, tmp_path: Path
) -> None:
    provider = FakeProvider(tmp_path / "taken")
    newsletter.send(provider, limit=1)
    _, draft = desk.find_draft(newsletter.settings, newsletter.slug)
    request = delivery.SendRequest(newsletter.slug, draft, early=True, preflight=False)
    plan = delivery.plan_send(newsletter.context(provider), request)
    assert isinstance(plan, delivery.Resumption)
    delivery.cancel_mailing(newsletter.store, newsletter.slug)

    with pytest.raises(NewsletterError, match="cancelled meanwhile"):
        delivery.send_plan(newsletter.context(provider), plan, progress=lambda _done, _total: None)

    assert sum(provider.copies().values()) == 1


def test_a_plan_that_another_process_has_sent_sends_nothing_twice(
    newsletter: Newsletter, tmp_path: Path
) -> None:
    provider = FakeProvider(tmp_path / "taken")
    plan = planned(newsletter, provider)
    newsletter.send(provider)

    result = delivery.send_plan(
        newsletter.context(provider), plan, progress=lambda _done, _total: None
    )

    assert result.repeated
    assert set(provider.copies().values()) == {1}
