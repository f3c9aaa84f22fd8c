"""`send`: what is planned, sent and reported."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from newsletter import pictures, tokens
from newsletter.delivery import errata, preflight
from newsletter.delivery.forecast import forecast_mailing, needs_other_account
from newsletter.delivery.media import store_pictures
from newsletter.delivery.messages import unknown_left
from newsletter.delivery.planning import Plan, Resumption, freeze, is_edited, plan_send
from newsletter.delivery.reconcile import can_settle
from newsletter.delivery.sender import Sender
from newsletter.delivery.sender_domain import check_sending_domain
from newsletter.errors import DecisionNeeded, NewsletterError, TryAgain
from newsletter.model import DeliveryState, Letter, MailingReport, MailingState, PauseReason
from newsletter.schedule import is_overdue
from newsletter.store import mailing_reports, mailings
from newsletter.store.database import now
from newsletter.store.keys import record_fingerprint, signing_keys

if TYPE_CHECKING:
    from collections.abc import Callable

    from newsletter.delivery.context import Context
    from newsletter.delivery.forecast import Resolution
    from newsletter.delivery.planning import SendRequest
    from newsletter.model import Mailing
    from newsletter.store import Connection


@dataclass(frozen=True, slots=True)
class SendResult:
    """How a `send` ended.

    Attributes:
        report: The mailing's report.
        edited: The file was edited since the letter was frozen.
        repeated: Everything had been done before; nothing was left to do.
        replaced: An older rehearsal, of another text or for another list, was replaced.
        warnings: What the preflight found that kept nothing back.
        error: What kept it from being completed, if anything did.
    """

    report: MailingReport
    edited: bool = False
    repeated: bool = False
    replaced: bool = False
    warnings: tuple[str, ...] = ()
    error: NewsletterError | None = None


def report_resumption(context: Context, resumption: Resumption) -> SendResult:
    """Return how a mailing that has started is now, and change nothing.

    Raises:
        NewsletterError: It may not continue, for the reason it gives.
    """
    if not (context.capabilities.rehearsal or resumption.is_complete):
        preflight.check_settings(context.store, context.settings)
    with context.store.read() as connection:
        return _result(connection, context, resumption, resumption.mailing, None)


def send_issue(
    context: Context,
    request: SendRequest,
    *,
    progress: Callable[[int, int], None],
) -> SendResult:
    """Plan a request and send it, if no person has to confirm the plan.

    Raises:
        NewsletterError: Nothing was sent, for the reason it gives.
    """
    context.store.refuse_closed()
    plan = plan_send(context, request)
    return _send(context, plan, progress=progress)


def send_plan(
    context: Context,
    plan: Plan | Resumption,
    *,
    progress: Callable[[int, int], None],
) -> SendResult:
    """Send an issue to everyone who is still owed it; safe to repeat, anywhere, at any time.

    Args:
        context: What it works with.
        plan: What `plan_send` returned; a person may have confirmed it meanwhile.
        progress: Called with the deliveries done and the audience.

    Raises:
        NewsletterError: Nothing was sent, for the reason it gives.
    """
    context.store.refuse_closed()
    return _send(context, plan, progress=progress)


def _send(
    context: Context,
    plan: Plan | Resumption,
    *,
    progress: Callable[[int, int], None],
) -> SendResult:
    _store_pictures(context, plan)
    warnings = _run_preflight(context, plan)
    mailing = _freeze_or_resume(context, plan)
    context = replace(context, provider=context.provider.for_audience(mailing.audience))
    error, may_send = _start(context, mailing, plan.request)
    if may_send:
        error = Sender(context, mailing, progress=progress).run()
    with context.store.write() as connection:
        mailings.complete_if_done(connection, mailing.id)
        mailings.pause_at_limit(connection, mailing.id)
        after = mailings.get(connection, mailing.id)
        result = _result(connection, context, plan, after, error)
    return replace(result, repeated=mailing.state is MailingState.COMPLETED, warnings=warnings)


def _store_pictures(context: Context, plan: Plan | Resumption) -> None:
    """Store the pictures of a new letter, whatever the preflight leaves out.

    A rehearsal shows copies, and its letters may be of a draft; only where nobody is ever mailed
    does the web app show them.
    """
    if isinstance(plan, Resumption):
        return
    if context.capabilities.rehearsal and context.settings.provider_url:
        pictures.copy_pictures(plan.issue, context.settings)  # a damaged one is an error here too
    else:
        store_pictures(context.store, context.settings, plan.issue)


def _one_picture(context: Context, plan: Plan | Resumption) -> str:
    """Return the name of a picture that the letter shows; empty if it shows none."""
    if isinstance(plan, Plan):
        letter = plan.letter
    else:
        with context.store.read() as connection:
            letter = Letter.decode(mailings.letter_of(connection, plan.mailing.id))
    return next(iter(letter.pictures), "")


def _run_preflight(context: Context, plan: Plan | Resumption) -> tuple[str, ...]:
    """Check all that must hold before letters leave; return what is only worth a warning."""
    if isinstance(plan, Resumption):
        check_same_provider(context, plan.mailing)
        if plan.is_complete:
            return ()
    if context.capabilities.rehearsal:
        return ()
    # Again: a key or a ledger may have changed while a person confirmed the plan.
    preflight.check_settings(context.store, context.settings)
    known = plan.warnings if isinstance(plan, Plan) else ()
    if not plan.request.preflight:
        return known
    preflight.check_web_app(context.store, context.settings, _one_picture(context, plan))
    return known + check_sending_domain(context.settings, context.resolver)


def _freeze_or_resume(context: Context, plan: Plan | Resumption) -> Mailing:
    """Return the frozen mailing."""
    if isinstance(plan, Plan):
        mailing = errata.freeze(context, plan) if plan.erratum else freeze(context, plan)
        check_same_provider(context, mailing)
        return mailing
    with context.store.read() as connection:
        # Another process may have continued or ended it while a person confirmed the plan.
        mailing = mailings.get(connection, plan.mailing.id)
    if mailing.state in {MailingState.CANCELLED, MailingState.EXPIRED}:
        raise NewsletterError(
            f"{mailing.slug} was {mailing.state} meanwhile, so nothing was sent",
            hint=f"See: newsletter status {mailing.slug}",
        )
    return mailing


def check_same_provider(context: Context, mailing: Mailing) -> None:
    """Keep a mailing with the account that it began with: another knows none of its letters."""
    if not context.is_provider_of(mailing):
        raise NewsletterError(
            f"{mailing.slug} was started through {mailing.through}",
            hint="Set provider and provider_url to their old values. If nothing of it was sent: "
            f"newsletter cancel {mailing.slug}, then send it again",
        )


def _start(
    context: Context, mailing: Mailing, request: SendRequest
) -> tuple[NewsletterError | None, bool]:
    """Bring a mailing to *sending*; return why not, if a person must decide, and whether it is."""
    hours = context.settings.finish_within_hours
    with context.store.write() as connection:
        if mailing.state is MailingState.COMPLETED or (
            mailing.state is MailingState.COMPLETED_WITH_UNKNOWN
            and not can_settle(connection, mailing.id, context.capabilities, context.account_id)
        ):
            return None, False
        if is_overdue(mailing.started_at, now(connection), hours) and not request.late:
            mailings.change_state(
                connection, mailing.id, MailingState.PAUSED, PauseReason.OUT_OF_TIME
            )
            slug = mailing.slug
            return DecisionNeeded(
                f"{slug} was not finished within {hours:g} hours",
                hint=f"Continue: newsletter send {slug} --late. "
                f"Or end it: newsletter cancel {slug}",
            ), False
        if not mailing.rehearsal:
            first_key = signing_keys(context.settings)[0]
            record_fingerprint(connection, tokens.fingerprint(first_key))
        if not request.scheduled:
            mailings.set_limit(connection, mailing.id, request.limit)
        return None, mailings.start(connection, mailing.id)


def _result(
    connection: Connection,
    context: Context,
    plan: Plan | Resumption,
    mailing: Mailing,
    error: NewsletterError | None,
) -> SendResult:
    report = mailing_reports.report(connection, mailing)
    settles = can_settle(connection, mailing.id, context.capabilities, context.account_id)
    other = needs_other_account(forecast_mailing(report, context.capabilities, context.settings))
    return SendResult(
        report,
        edited=is_edited(connection, mailing, plan.request.draft),
        repeated=mailing.state is MailingState.COMPLETED,
        replaced=isinstance(plan, Plan) and plan.replaced,
        error=_final_error(report, error, settles=settles, other=other),
    )


def _final_error(
    report: MailingReport,
    error: NewsletterError | None,
    *,
    settles: bool,
    other: Resolution | None,
) -> NewsletterError | None:
    """Return the error at the end: what a person must decide comes before what will pass.

    While there is more to send and a later run can settle what is unknown (`settles`), no person
    has to decide, unless some of it needs another account (`other`).
    """
    unknown = report.counts[DeliveryState.UNKNOWN]
    if report.mailing.state is MailingState.COMPLETED:
        return None
    if isinstance(error, DecisionNeeded) or not unknown:
        return error
    by_itself = settles and not other and report.counts[DeliveryState.PENDING]
    if isinstance(error, TryAgain) and by_itself:
        return error
    return unknown_left(report, settles=settles, other=other)
