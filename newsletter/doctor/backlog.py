"""What waits for a person, a process or the provider."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

from newsletter import delivery
from newsletter.doctor.checklist import (
    BACKLOG_EVENTS,
    BACKLOG_FORM,
    BACKLOG_MAILINGS,
    BACKLOG_NOTICES,
    BACKLOG_OVERDUE,
    BACKLOG_UNKNOWN,
    BACKLOG_WEBHOOKS,
)
from newsletter.doctor.findings import attempt, failure, ok, warning
from newsletter.model import MailingState, PauseReason
from newsletter.providers import capabilities_of
from newsletter.schedule import format_utc, is_overdue, time_until
from newsletter.store import mailings
from newsletter.store.backlog import find_backlog
from newsletter.store.database import connect
from newsletter.store.url import locate
from newsletter.subscriptions.refusals import unreadable_webhooks
from newsletter.subscriptions.signup import SignupLimits, form_state

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime

    from newsletter.config import Settings
    from newsletter.model import Diagnosis, Draft, Mailing
    from newsletter.store import Store
    from newsletter.store.backlog import Backlog

_PATIENCE: Final = timedelta(hours=1)
_A_DAY: Final = timedelta(days=1)
_MEANT: Final = frozenset({PauseReason.BY_A_PERSON.value, PauseReason.LIMIT.value})


def examine_backlog(settings: Settings, drafts: Sequence[Draft]) -> Iterator[Diagnosis]:
    """Yield what waits, in a database that has all tables.

    Args:
        settings: The newsletter's.
        drafts: Every issue file as read now.
    """
    store = connect(locate(settings))
    try:
        yield from attempt(BACKLOG_OVERDUE, lambda: check_overdue(store, settings, drafts))
        yield from attempt(BACKLOG_MAILINGS, lambda: _check_mailings(store, settings))
        yield from attempt(BACKLOG_FORM, lambda: check_form(store))
        yield from attempt(BACKLOG_WEBHOOKS, lambda: check_unreadable(store))
        yield from attempt(BACKLOG_UNKNOWN, lambda: _check_waiting(store, settings))
    finally:
        store.close()


def check_overdue(store: Store, settings: Settings, drafts: Sequence[Draft]) -> Diagnosis:
    """Check that no issue should have gone out and did not."""
    if capabilities_of(settings).rehearsal:
        return ok(BACKLOG_OVERDUE, "the outbox mails nobody, so nothing is overdue")
    missed = delivery.find_missed(store, settings, drafts)
    if not missed:
        return ok(BACKLOG_OVERDUE, "no issue of the last week has missed its time")
    return failure(
        BACKLOG_OVERDUE,
        f"{missed[0]} should have gone out and did not"
        + f", and {len(missed) - 1} more" * (len(missed) > 1),
        f"See why the schedule did not run; send it with newsletter send {missed[0]} --late, or "
        "change its send_at",
    )


def _check_mailings(store: Store, settings: Settings) -> Iterator[Diagnosis]:
    with store.read() as connection:
        known = mailings.find_unfinished(connection, rehearsal=False)
    moment = delivery.current_time(store)
    ended = MailingState.COMPLETED_WITH_UNKNOWN
    found = [check_mailing(one, moment, settings) for one in known if one.state is not ended]
    yield from found or (ok(BACKLOG_MAILINGS, "no mailing is paused or unfinished"),)


def check_mailing(mailing: Mailing, moment: datetime, settings: Settings) -> Diagnosis:
    """Check one mailing that has started and not ended."""
    look = f"See: newsletter status {mailing.slug}"
    since = time_until(mailing.started_at, moment)
    if (mailing.provider, mailing.provider_url) != (settings.provider, settings.provider_url):
        return failure(
            BACKLOG_MAILINGS,
            f"{mailing.slug} began through {mailing.through}, and continues only through that",
            f"Set provider and provider_url as they were until it is done, or: newsletter cancel "
            f"{mailing.slug}",
        )
    if mailing.state is MailingState.PAUSED:
        state = warning if mailing.note in _MEANT else failure
        return state(
            BACKLOG_MAILINGS,
            f"{mailing.slug}, begun {since}, is paused: {mailing.note}",
            f"{look}; newsletter send {mailing.slug} continues it",
        )
    if is_overdue(mailing.started_at, moment, settings.finish_within_hours):
        return failure(BACKLOG_MAILINGS, f"{mailing.slug}, begun {since}, is not finished", look)
    return ok(BACKLOG_MAILINGS, f"{mailing.slug}, begun {since}, is being sent")


def check_form(store: Store) -> Diagnosis:
    """Check that visitors can sign up."""
    state = form_state(store)
    if state.closed:
        most = SignupLimits().letters_per_hour
        return warning(
            BACKLOG_FORM,
            f"the sign-up form is closed: it caused {most:,} emails within an hour",
            "It opens again by itself; look at the newest sign-ups: newsletter subscribers list",
        )
    if state.last_closed_at:
        return warning(
            BACKLOG_FORM,
            f"the sign-up form was closed for an hour from {format_utc(state.last_closed_at)}",
            "Look at the sign-ups of that time: newsletter subscribers list",
        )
    return ok(BACKLOG_FORM, "the sign-up form is open")


def check_unreadable(store: Store) -> Diagnosis:
    """Check that every webhook was understood."""
    if count := unreadable_webhooks(store):
        return warning(
            BACKLOG_WEBHOOKS,
            f"{count:,} webhook{'s' * (count != 1)} of the provider could not be read",
            "Update this program, and run: newsletter events pull (docs/events.md)",
        )
    return ok(BACKLOG_WEBHOOKS, "every webhook was read")


def _check_waiting(store: Store, settings: Settings) -> Iterator[Diagnosis]:
    with store.read() as connection:
        found = find_backlog(connection)
    yield check_unknown(found)
    yield check_notices(found)
    if found.webhook_at and found.at - found.webhook_at > _PATIENCE:
        yield warning(
            BACKLOG_WEBHOOKS,
            f"a webhook that came {time_until(found.webhook_at, found.at)} is not applied yet",
            "See whether newsletter serve runs; newsletter events pull applies it too",
        )
    if not capabilities_of(settings).rehearsal:
        yield check_events(found)


def check_unknown(found: Backlog) -> Diagnosis:
    """Check that the outcome of every delivery is known."""
    if not found.unknown:
        return ok(BACKLOG_UNKNOWN, "the outcome of every delivery is known")
    slug, count = next(iter(found.unknown.items()))
    others = sum(found.unknown.values()) - count
    return warning(
        BACKLOG_UNKNOWN,
        f"the outcome of {count:,} deliver{'y' if count == 1 else 'ies'} of {slug} is unknown"
        + f", and of {others:,} of others" * bool(others),
        f"See how it may become known: newsletter status {slug}",
    )


def check_notices(found: Backlog) -> Diagnosis:
    """Check that confirmations and other notices leave."""
    if found.notice_due and found.at - found.notice_due > _PATIENCE:
        return warning(
            BACKLOG_NOTICES,
            f"a notice was to leave {time_until(found.notice_due, found.at)} and did not",
            "See whether newsletter serve runs with the provider's key; newsletter send --due "
            "sends notices too",
        )
    if found.notices:
        one = found.notices == 1
        return ok(
            BACKLOG_NOTICES,
            f"{found.notices:,} notice{' waits' if one else 's wait'} to be sent, for less than an "
            "hour",
        )
    return ok(BACKLOG_NOTICES, "no notice waits to be sent")


def check_events(found: Backlog) -> Diagnosis:
    """Check that the provider has reported something since the last mailing."""
    silent = found.event_at is None or (found.sent_at and found.event_at < found.sent_at)
    if found.sent_at and silent and found.at - found.sent_at > _A_DAY:
        return warning(
            BACKLOG_EVENTS,
            "the provider has reported nothing since the last mailing, which ended "
            f"{time_until(found.sent_at, found.at)}: bounces and complaints are missed",
            "Register the webhook at the provider (docs/events.md), or run: newsletter events pull",
        )
    return ok(BACKLOG_EVENTS, "the provider's events arrive, or no letter needs any yet")
