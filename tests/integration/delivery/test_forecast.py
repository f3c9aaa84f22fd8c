"""What a person reads of a mailing: what every state means, what is next, and that it is so."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from newsletter import config, delivery
from newsletter.cli.status_text import explain_mailing
from newsletter.delivery import ResolutionMethod
from newsletter.model import (
    Accepted,
    DeliveryState,
    Mailing,
    MailingDetails,
    MailingReport,
    MailingState,
    PauseReason,
    RecipientRejected,
    Search,
    Unknown,
    UnresolvedBatch,
)
from newsletter.providers.base import Capabilities
from tests.integration.delivery.test_search import LAG, Clock, Searchable
from tests.support.newsletter import FakeProvider, Newsletter, write_issue

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from newsletter.config import Settings
    from newsletter.delivery import MailingForecast
    from newsletter.model import Batch, Outcome

S, D = MailingState, DeliveryState
SLUG = "2026-11-29-rust"
NOW = datetime(2026, 11, 29, 6, 30, tzinfo=UTC)
HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)
BLIND = Capabilities("fake", rehearsal=False, max_messages=10, lease=MINUTE)
KEYED = replace(BLIND, replay=10 * HOUR)
LISTING = replace(BLIND, search=Search(lag=LAG, retention=72 * HOUR))
SEND = f"newsletter send {SLUG}"
RESOLVE = f"newsletter resolve {SLUG}"


def mailing(state: MailingState, **more: Any) -> Mailing:  # noqa: ANN401
    return Mailing(
        **{
            "id": 1,
            "public_id": "p",
            "slug": SLUG,
            "send_at": NOW,
            "content_hash": "c",
            "letter_hash": "l",
            "provider": "fake",
            "provider_url": "",
            "rehearsal": False,
            "state": state,
            "note": "",
            "released": False,
            "audience": 30,
            "started_at": NOW - HOUR,
            "finished_at": None,
            **more,
        }
    )


def unsettled(state: DeliveryState = D.UNKNOWN, **more: Any) -> UnresolvedBatch:  # noqa: ANN401
    return UnresolvedBatch(
        **{
            "state": state,
            "letters": 10,
            "claimed_at": NOW - HOUR,
            "lease_until": NOW - 59 * MINUTE,
            "kept": True,
            "searchable": True,
            "missed_at": None,
            **more,
        }
    )


BUSY = unsettled(D.ATTEMPTING, lease_until=NOW + MINUTE)
LOST = unsettled(D.ATTEMPTING)
HELD = unsettled(kept=False)
FRESH = unsettled(claimed_at=NOW - MINUTE, lease_until=NOW - 30 * timedelta(seconds=1))
MISSED = unsettled(missed_at=NOW - MINUTE)
IN_VAIN = unsettled(missed_at=NOW - MINUTE, searchable=False)


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    return config.load(tmp_path_factory.mktemp("root"), {})


def forecast_of(
    settings: Settings, of: Mailing, *open_: UnresolvedBatch, can: Capabilities = BLIND
) -> MailingForecast:
    counts = dict.fromkeys(DeliveryState, 0)
    for one in open_:
        counts[one.state] += one.letters
    counts[D.PENDING] = of.audience - sum(counts.values())
    details = MailingDetails({}, open_, 0, ())
    report = MailingReport(of, counts, assumed=0, details=details, at=NOW)
    return delivery.forecast_mailing(report, can, settings)


@pytest.mark.parametrize(
    ("state", "more", "open_", "can", "step"),
    [
        (S.FROZEN, {}, (), BLIND, SEND),
        (S.FROZEN, {"started_at": NOW - 49 * HOUR}, (), BLIND, f"{SEND} --late"),
        (S.SENDING, {}, (), BLIND, SEND),
        (S.SENDING, {}, (BUSY,), BLIND, f"newsletter status {SLUG}"),
        (S.SENDING, {}, (LOST,), BLIND, SEND),
        (S.SENDING, {}, (LOST, BUSY), BLIND, f"newsletter status {SLUG}"),
        (S.SENDING, {"started_at": NOW - 49 * HOUR}, (LOST,), BLIND, f"{SEND} --late"),
        (S.PAUSED, {}, (), BLIND, f"{SEND}\nnewsletter cancel {SLUG}"),
        (
            S.PAUSED,
            {"started_at": NOW - 49 * HOUR},
            (),
            BLIND,
            f"{SEND} --late\nnewsletter cancel {SLUG}",
        ),
        (S.COMPLETED, {}, (), BLIND, None),
        (S.COMPLETED, {"provider": "other"}, (), BLIND, None),
        (
            S.COMPLETED_WITH_UNKNOWN,
            {},
            (HELD,),
            BLIND,
            f"{RESOLVE} --resend\n{RESOLVE} --assume-sent",
        ),
        (
            S.COMPLETED_WITH_UNKNOWN,
            {},
            (HELD,),
            KEYED,
            f"{RESOLVE} --resend\n{RESOLVE} --assume-sent",
        ),
        (S.COMPLETED_WITH_UNKNOWN, {}, (FRESH, HELD), KEYED, SEND),
        (
            S.COMPLETED_WITH_UNKNOWN,
            {"started_at": NOW - 49 * HOUR},
            (FRESH,),
            KEYED,
            f"{SEND} --late",
        ),
        # 29:30 after its lease was over it is listed, if it was taken; to the whole minute.
        (S.COMPLETED_WITH_UNKNOWN, {}, (FRESH,), LISTING, f"{SEND}  # not before 2026-11-29 08:00"),
        (
            S.COMPLETED_WITH_UNKNOWN,
            {},
            (MISSED,),
            LISTING,
            f"{SEND}  # not before 2026-11-29 07:44",
        ),
        (S.COMPLETED_WITH_UNKNOWN, {}, (unsettled(),), LISTING, SEND),
        (
            S.COMPLETED_WITH_UNKNOWN,
            {},
            (IN_VAIN,),
            LISTING,
            f"{RESOLVE} --resend\n{RESOLVE} --assume-sent",
        ),
        (
            S.COMPLETED_WITH_UNKNOWN,
            {"provider_url": "https://elsewhere.example.org"},
            (FRESH,),
            KEYED,
            f"set provider to fake at https://elsewhere.example.org again, then run {SEND}",
        ),
        (
            S.PAUSED,
            {"provider": "other"},
            (),
            BLIND,
            f"set provider to other again, then run {SEND}",
        ),
        (
            S.PAUSED,
            {"provider": "outbox", "rehearsal": True},
            (),
            BLIND,
            f"newsletter rehearse {SLUG}\nnewsletter cancel {SLUG}",
        ),
        (S.CANCELLED, {}, (), KEYED, None),
        (S.CANCELLED, {}, (FRESH,), KEYED, f"{RESOLVE} --assume-sent"),
        (S.CANCELLED, {}, (LOST,), KEYED, f"{RESOLVE} --assume-sent"),
        (S.CANCELLED, {}, (BUSY,), KEYED, None),
        (S.EXPIRED, {}, (), BLIND, f"{SEND} --late\nnewsletter cancel {SLUG}"),
    ],
)
def test_every_state_has_its_next_step(
    settings: Settings,
    *,
    state: MailingState,
    more: dict[str, Any],
    open_: tuple[UnresolvedBatch, ...],
    can: Capabilities,
    step: str | None,
) -> None:
    assert forecast_of(settings, mailing(state, **more), *open_, can=can).next_step == step


@pytest.mark.parametrize(
    ("one", "can", "means", "moment"),
    [
        (HELD, KEYED, ResolutionMethod.WAIT, None),
        # Four fifths of what the provider promises, for clocks may disagree.
        (FRESH, KEYED, ResolutionMethod.REPLAY, FRESH.claimed_at + 8 * HOUR),
        (unsettled(claimed_at=NOW - 8 * HOUR), KEYED, ResolutionMethod.WAIT, None),
        (
            unsettled(claimed_at=NOW - 8 * HOUR + MINUTE),
            KEYED,
            ResolutionMethod.REPLAY,
            NOW + MINUTE,
        ),
        (FRESH, BLIND, ResolutionMethod.WAIT, None),
        (unsettled(claimed_at=NOW - 72 * HOUR), LISTING, ResolutionMethod.WAIT, None),
        (MISSED, LISTING, ResolutionMethod.SEARCH, NOW + 14 * MINUTE),
        # A provider of both is asked by the key alone.
        (HELD, replace(LISTING, replay=10 * HOUR), ResolutionMethod.WAIT, None),
    ],
)
def test_what_may_still_settle_a_letter_follows_from_what_the_provider_can_do(
    settings: Settings,
    one: UnresolvedBatch,
    can: Capabilities,
    means: ResolutionMethod,
    moment: datetime | None,
) -> None:
    (found,) = forecast_of(settings, mailing(S.SENDING), one, can=can).resolutions
    assert (found.method, found.letters, found.moment) == (means, 10, moment)


def test_nothing_of_a_cancelled_mailing_is_asked_again(settings: Settings) -> None:
    (found,) = forecast_of(settings, mailing(S.CANCELLED), FRESH, can=KEYED).resolutions
    assert found.method is ResolutionMethod.WAIT


def test_several_requests_have_the_moment_that_suits_all(settings: Settings) -> None:
    later = replace(FRESH, claimed_at=NOW, lease_until=NOW)
    for can, moment in ((KEYED, FRESH.claimed_at + 8 * HOUR), (LISTING, NOW + LAG)):
        found, wait = forecast_of(
            settings, mailing(S.SENDING), later, HELD_ELSE[can], FRESH, can=can
        ).resolutions
        assert (found.letters, found.moment) == (20, moment)
        assert (wait.method, wait.letters) == (ResolutionMethod.WAIT, 10)


HELD_ELSE = {KEYED: HELD, LISTING: IN_VAIN}


@pytest.mark.parametrize(
    ("state", "more", "open_", "can", "said"),
    [
        (S.FROZEN, {}, (), BLIND, "nothing has been sent yet"),
        (
            S.SENDING,
            {},
            (BUSY,),
            BLIND,
            "a process is sending their letters, until 2026-11-29 07:31",
        ),
        (S.SENDING, {}, (LOST,), BLIND, "is gone; send finds out"),
        (S.CANCELLED, {}, (LOST,), BLIND, "is gone; resolve counts them as unknown"),
        (S.PAUSED, {"note": PauseReason.LIMIT}, (), BLIND, "--limit again"),
        (S.PAUSED, {"note": PauseReason.OUT_OF_TIME}, (), BLIND, "finish_within_hours"),
        (S.PAUSED, {"note": PauseReason.BY_A_PERSON}, (), BLIND, "at any time"),
        (S.PAUSED, {"note": "the provider refuses this key"}, (), BLIND, "correct the cause"),
        (S.PAUSED, {"provider": "other"}, (), BLIND, "it was started through other"),
        (
            S.PAUSED,
            {"rehearsal": True, "provider": "outbox"},
            (),
            BLIND,
            f"newsletter rehearse {SLUG}",
        ),
        (S.PAUSED, {"started_at": NOW - 49 * HOUR}, (), BLIND, "only --late continues"),
        (
            S.SENDING,
            {},
            (FRESH,),
            KEYED,
            "the same key until 2026-11-29 15:29 (so does send --due)",
        ),
        (S.PAUSED, {}, (FRESH,), KEYED, "the same key until 2026-11-29 15:29:"),
        (S.SENDING, {}, (MISSED,), LISTING, "from 2026-11-29 07:44 on, what it does not find"),
        (S.SENDING, {}, (FRESH,), LISTING, "from 2026-11-29 08:00 on, what two searches do not"),
        (S.SENDING, {}, (HELD,), BLIND, "--resend (who has one gets two)"),
        (S.CANCELLED, {"released": True}, (), BLIND, f"sent again: {SEND}"),
        (S.CANCELLED, {}, (), BLIND, "they get no letter"),
    ],
)
def test_every_state_is_explained_in_plain_words(
    settings: Settings,
    *,
    state: MailingState,
    more: dict[str, Any],
    open_: tuple[UnresolvedBatch, ...],
    can: Capabilities,
    said: str,
) -> None:
    found = forecast_of(settings, mailing(state, **more), *open_, can=can)
    assert said in explain_mailing(found, settings.zone)


def test_a_mistake_in_a_frozen_letter_can_be_corrected_while_no_subscriber_has_it(
    settings: Settings,
) -> None:
    refused = mailing(S.PAUSED, note="the provider has not verified the sender")
    anew = "cancel it and send it again"
    assert anew in explain_mailing(forecast_of(settings, refused), settings.zone)
    assert anew not in explain_mailing(forecast_of(settings, refused, HELD), settings.zone)
    assert anew not in explain_mailing(
        forecast_of(settings, mailing(S.PAUSED, note=PauseReason.LIMIT)), settings.zone
    )


def test_of_a_cancelled_mailing_nothing_is_offered_that_would_be_refused(
    settings: Settings,
) -> None:
    found = forecast_of(settings, mailing(S.CANCELLED), FRESH, can=KEYED)
    text = explain_mailing(found, settings.zone)
    assert "--assume-sent" in text
    assert "--resend" not in text
    assert SEND not in text


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def newsletter(root: Path, clock: Clock, database: str) -> Newsletter:
    assert database
    return Newsletter(root, subscribers=30, clock=clock)


def see(newsletter: Newsletter, provider: FakeProvider) -> MailingForecast:
    report = delivery.find_report(newsletter.store, newsletter.slug)
    assert report
    return delivery.forecast_mailing(report, provider.capabilities, newsletter.settings)


def states(newsletter: Newsletter) -> dict[object, object]:
    return dict(newsletter.sql("SELECT state, count(*) FROM deliveries GROUP BY state"))  # type: ignore[arg-type]


def lose(*calls: int) -> Callable[[Batch], dict[str, Outcome] | None]:
    """Return answers of which these are lost, the first being number 1."""
    seen: list[Batch] = []

    def answer(batch: Batch) -> dict[str, Outcome] | None:
        seen.append(batch)
        lost = len(seen) in calls
        return {r.ref: Unknown("it broke off") for r in batch.recipients} if lost else None

    return answer


def test_whoever_follows_each_next_step_completes_the_mailing(
    newsletter: Newsletter, clock: Clock, tmp_path: Path
) -> None:
    provider = Searchable(tmp_path / "taken")
    provider.drop = {2, 3}
    report = newsletter.send(provider)
    assert "Without risk: newsletter send" in str(report.error)
    for _ in range(2):
        step = see(newsletter, provider).next_step
        assert step
        assert step.startswith(f"newsletter send {newsletter.slug}  # not before ")
        # Before the minute that it is rounded up to nothing is decided ...
        moment = datetime.fromisoformat(step[-16:]).replace(tzinfo=newsletter.settings.zone)
        clock.moment = moment.astimezone(UTC) - MINUTE - timedelta(seconds=1)
        newsletter.send(provider)
        assert states(newsletter)["unknown"] == 20
        # ... and then it is.
        clock.moment = moment.astimezone(UTC)
        newsletter.send(provider)
    assert see(newsletter, provider).next_step is None
    assert states(newsletter) == {"accepted": 30}
    assert set(provider.copies().values()) == {1}


class LostError(BaseException):
    """What the sender never sees of itself: it was killed."""


@pytest.mark.parametrize("alive", [True, False])
def test_the_next_step_is_safe_for_as_long_as_it_says(
    newsletter: Newsletter, clock: Clock, tmp_path: Path, *, alive: bool
) -> None:
    def die(_batch: Batch) -> None:
        raise LostError

    provider = FakeProvider(tmp_path / "taken", replay=10 * HOUR, answer=die)
    with pytest.raises(LostError):
        newsletter.send(provider)
    newsletter.lose_process()
    delivery.pause_mailing(newsletter.store, newsletter.slug)
    (remedy,) = see(newsletter, provider).resolutions
    assert (remedy.method, remedy.letters) == (ResolutionMethod.REPLAY, 10)
    assert remedy.moment
    clock.moment = remedy.moment - MINUTE * alive
    provider.answer = None
    newsletter.send(provider)
    assert set(provider.copies().values()) == {1}
    found = see(newsletter, provider)
    if alive:
        assert states(newsletter) == {"accepted": 30}
        assert found.next_step is None
    else:
        assert states(newsletter) == {"accepted": 20, "unknown": 10}
        resolve = f"newsletter resolve {newsletter.slug}"
        assert found.next_step == f"{resolve} --resend\n{resolve} --assume-sent"


def test_reasons_are_counted_and_name_nobody(newsletter: Newsletter, tmp_path: Path) -> None:
    def answer(batch: Batch) -> dict[str, Outcome]:
        refs = [subscriber.ref for subscriber in batch.recipients]
        return {
            **{ref: Accepted(f"id-{ref}") for ref in refs[:-3]},
            **dict.fromkeys(refs[-3:-1], RecipientRejected("no such mailbox")),
            refs[-1]: Unknown("it broke off"),
        }

    provider = FakeProvider(tmp_path / "taken", replay=timedelta(), answer=answer)
    newsletter.send(provider, write_issue(newsletter.root, name="ander", days=13))
    newsletter.send(provider, limit=10)
    newsletter.sql("UPDATE subscribers SET status = 'unsubscribed' WHERE id > 25")
    newsletter.send(provider)
    found = see(newsletter, provider)
    assert found.report.details.reasons == {
        D.REJECTED: {"no such mailbox": 6},
        D.SKIPPED: {"unsubscribed": 5},
        D.UNKNOWN: {"it broke off": 3},
    }
    text = explain_mailing(found, newsletter.settings.zone)
    for line in ("6 × no such mailbox", "5 × unsubscribed", "3 × it broke off"):
        assert f"    {line}" in text
    assert "@" not in text


def test_the_most_frequent_reasons_are_reported(newsletter: Newsletter, tmp_path: Path) -> None:
    provider = FakeProvider(tmp_path / "taken")
    newsletter.send(provider)
    newsletter.sql(
        "UPDATE deliveries SET state = 'rejected', reason = 'reason ' || id WHERE id < 10"
    )
    newsletter.sql(
        "UPDATE deliveries SET state = 'rejected', reason = 'often' WHERE id = 10 OR id = 11"
    )
    lines = explain_mailing(see(newsletter, provider), newsletter.settings.zone).splitlines()
    place = lines.index("    2 × often")
    assert lines[place + 5].startswith("    5 × other reasons")


def test_those_who_may_have_two_letters_are_counted(newsletter: Newsletter, tmp_path: Path) -> None:
    provider = FakeProvider(tmp_path / "taken")
    newsletter.send(provider)
    moment = datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%S")
    for delivery_id, name in ((3, "other"), (3, "third"), (4, "other")):
        newsletter.sql(
            f"INSERT INTO acceptances (delivery_id, provider_id, at) "  # noqa: S608
            f"VALUES ({delivery_id}, '{name}', '{moment}')"
        )
    found = see(newsletter, provider)
    assert found.report.details.accepted_twice == 2
    text = explain_mailing(found, newsletter.settings.zone)
    assert "2 accepted twice" in text
    assert "newsletter subscribers show EMAIL" in text


def test_what_a_person_decided_is_reported_with_their_name(
    newsletter: Newsletter, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("LOGNAME", "USER", "LNAME", "USERNAME"):
        monkeypatch.setenv(name, "gerrit")
    provider = FakeProvider(tmp_path / "taken", replay=timedelta(), answer=lose(1))
    newsletter.send(provider, limit=20)
    delivery.resolve_unknown(newsletter.store, newsletter.slug, delivery.UnknownDecision.RESEND)
    delivery.cancel_mailing(newsletter.store, newsletter.slug)
    text = explain_mailing(see(newsletter, provider), newsletter.settings.zone)
    on = r"on \d{4}-\d\d-\d\d \d\d:\d\d gerrit decided: "
    assert re.search(on + r"resolve --resend \(10 letters\)", text)
    assert re.search(on + r"cancel \(20 letters\)", text)
