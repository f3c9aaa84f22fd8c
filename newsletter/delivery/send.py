"""`send`: what it means, what may be sent, and how it ended."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from newsletter import tokens
from newsletter.delivery import preflight
from newsletter.delivery.planning import (
    NewMailing,
    SendRequest,
    check_can_freeze,
    count_audience,
    freeze,
    is_edited,
    plan_send,
)
from newsletter.delivery.reconcile import can_settle
from newsletter.delivery.remarks import unknown_left
from newsletter.delivery.resolution import forecast_mailing, needs_other_account
from newsletter.delivery.sender import Sender, unheard
from newsletter.errors import DecisionNeeded, NewsletterError, TryAgain
from newsletter.model import DeliveryState, MailingReport, MailingState, PauseReason
from newsletter.schedule import is_overdue
from newsletter.store import mailing_reports, mailings
from newsletter.store.database import now
from newsletter.store.keys import record_fingerprint, signing_keys

if TYPE_CHECKING:
    from collections.abc import Callable
    from threading import Event

    from newsletter.config import Settings
    from newsletter.delivery.resolution import Resolution
    from newsletter.model import Issue, Letter, Mailing
    from newsletter.providers.base import Provider
    from newsletter.store import Store


@dataclass(frozen=True, slots=True)
class SendResult:
    """How a `send` ended.

    Attributes:
        receipt: The account.
        edited: The file was edited since the letter was frozen.
        repeated: All had been done before; nothing was left to do.
        anew: An older rehearsal, of another text or for another list, was replaced.
        trouble: What kept it from being completed, if anything did.
    """

    receipt: MailingReport
    edited: bool
    repeated: bool
    anew: bool
    trouble: NewsletterError | None


@dataclass(frozen=True, slots=True)
class DryRun:
    """An issue that has not started, its letter, and how many subscribers it would have now."""

    issue: Issue
    letter: Letter
    audience: int


def preview_send(
    store: Store, settings: Settings, provider: Provider, order: SendRequest
) -> SendResult | DryRun:
    """Say what `send` would find, and change nothing.

    Raises:
        NewsletterError: Nothing would be sent, for the reason it gives.
    """
    planned = plan_send(store, settings, provider, order)
    if not provider.capabilities.rehearsal and _owes(planned):
        preflight.check_settings(store, settings)
    with store.read() as connection:
        if isinstance(planned, NewMailing):
            same = (
                None if provider.capabilities.rehearsal else check_can_freeze(connection, planned)
            )
            if same is None:
                return DryRun(planned.issue, planned.letter, count_audience(connection))
            planned = same
        receipt = mailing_reports.report(connection, planned)
        settles = can_settle(connection, planned.id, settings, provider.capabilities)
    repeated = planned.state is MailingState.COMPLETED
    other = needs_other_account(forecast_mailing(receipt, provider.capabilities, settings))
    verdict = _verdict(receipt, None, settles=settles, other=other)
    return SendResult(
        receipt, is_edited(planned, order.draft), repeated, anew=False, trouble=verdict
    )


def send_issue(
    store: Store,
    settings: Settings,
    provider: Provider,
    order: SendRequest,
    *,
    stop: Event,
    progress: Callable[[int, int], None],
    note: Callable[[str], None] = unheard,
) -> SendResult:
    """Send an issue to everyone who is still owed it; safe to repeat, anywhere, at any time.

    Args:
        store: The ledger.
        settings: The newsletter's.
        provider: Who takes the letters.
        order: What a person asked.
        stop: Set from outside to claim nothing more and finish what is in flight.
        progress: Called with the deliveries done and the audience.
        note: Called with a line for whoever watches, when it has to wait for others.

    Raises:
        NewsletterError: Nothing was sent, for the reason it gives.
    """
    store.refuse_closed()
    planned = plan_send(store, settings, provider, order)
    if not isinstance(planned, NewMailing):
        check_same_provider(planned, settings, provider)
    if not provider.capabilities.rehearsal and _owes(planned):
        preflight.check_settings(store, settings)
        if isinstance(planned, NewMailing):
            with store.read() as connection:
                check_can_freeze(connection, planned)
        if order.preflight:
            preflight.check_web_app(store, settings)
    mailing = (
        freeze(store, settings, provider, planned) if isinstance(planned, NewMailing) else planned
    )
    check_same_provider(mailing, settings, provider)
    provider = provider.for_audience(mailing.audience)
    trouble, may_send = _open(store, settings, provider, mailing, order)
    if may_send:
        sender = Sender(store, settings, provider, mailing, stop=stop, progress=progress, note=note)
        trouble = sender.run()
    with store.write() as connection:
        mailings.complete_if_done(connection, mailing.id)
        mailings.pause_at_limit(connection, mailing.id)
        receipt = mailing_reports.report(connection, mailings.get(connection, mailing.id))
        settles = can_settle(connection, mailing.id, settings, provider.capabilities)
    repeated = mailing.state is MailingState.COMPLETED
    other = needs_other_account(forecast_mailing(receipt, provider.capabilities, settings))
    return SendResult(
        receipt,
        is_edited(mailing, order.draft),
        repeated,
        anew=isinstance(planned, NewMailing) and planned.anew,
        trouble=_verdict(receipt, trouble, settles=settles, other=other),
    )


def _owes(planned: Mailing | NewMailing) -> bool:
    """Tell whether anything may leave for this plan."""
    return isinstance(planned, NewMailing) or planned.state is not MailingState.COMPLETED


def check_same_provider(mailing: Mailing, settings: Settings, provider: Provider) -> None:
    """Keep a mailing with the account it began with: another one knows none of its letters."""
    here = (provider.capabilities.name, settings.provider_url)
    if here != (mailing.provider, mailing.provider_url):
        raise NewsletterError(
            f"{mailing.slug} was begun through {mailing.through}",
            hint="Put provider and provider_url back as they were. If nothing of it has left: "
            f"newsletter cancel {mailing.slug}, then send it anew",
        )


def _open(
    store: Store, settings: Settings, provider: Provider, mailing: Mailing, order: SendRequest
) -> tuple[NewsletterError | None, bool]:
    """Bring a mailing to *sending*; return why not, if a person must decide, and whether it is."""
    with store.write() as connection:
        if mailing.state is MailingState.COMPLETED or (
            mailing.state is MailingState.COMPLETED_WITH_UNKNOWN
            and not can_settle(connection, mailing.id, settings, provider.capabilities)
        ):
            return None, False
        overdue = is_overdue(mailing.started_at, now(connection), settings.finish_within_hours)
        if overdue and not order.late:
            mailings.change_state(
                connection, mailing.id, MailingState.PAUSED, PauseReason.OUT_OF_TIME
            )
            slug = mailing.slug
            return DecisionNeeded(
                f"{slug} was not finished within {settings.finish_within_hours:g} hours",
                hint=f"Go on: newsletter send {slug} --late. Or end it: newsletter cancel {slug}",
            ), False
        if not mailing.rehearsal:
            record_fingerprint(connection, tokens.fingerprint(signing_keys(settings)[0]))
        if not order.scheduled:
            mailings.set_limit(connection, mailing.id, order.limit)
        return None, mailings.start(connection, mailing.id)


def _verdict(
    receipt: MailingReport,
    trouble: NewsletterError | None,
    *,
    settles: bool,
    other: Resolution | None,
) -> NewsletterError | None:
    """Return what a person is told at the end: what must be decided before what will pass.

    While there is more to send and a later run can settle what is unknown (`settles`), nobody has
    to decide, unless it takes another account for some of it (`other`).
    """
    unknown = receipt.counts[DeliveryState.UNKNOWN]
    if receipt.mailing.state is MailingState.COMPLETED:
        return None
    if isinstance(trouble, DecisionNeeded) or not unknown:
        return trouble
    by_itself = settles and not other and receipt.counts[DeliveryState.PENDING]
    if isinstance(trouble, TryAgain) and by_itself:
        return trouble
    return unknown_left(receipt, settles=settles, other=other)
