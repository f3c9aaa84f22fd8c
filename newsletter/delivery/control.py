"""What a person decides about a mailing: pause, cancel, resolve; recorded with their name."""

from __future__ import annotations

import getpass
import os
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from newsletter.delivery.upcoming import get_mailing
from newsletter.errors import NewsletterError
from newsletter.model import DeliveryState, MailingReport, MailingState, PauseReason
from newsletter.store import mailing_reports, mailings, recovery

if TYPE_CHECKING:
    from newsletter.model import Mailing
    from newsletter.store import Connection, Store


_AT_A_FORGE: Final = ("GITHUB_TRIGGERING_ACTOR", "GITHUB_ACTOR", "GITLAB_USER_LOGIN")
"""Variables with the name of the person who started a job, or started it again."""


class UnknownDecision(StrEnum):
    """What to do with deliveries that are unknown."""

    RESEND = "resend"
    ASSUME_SENT = "assume-sent"


def pause_mailing(store: Store, slug: str) -> MailingReport:
    """Let a mailing claim nothing more; what is in flight still settles.

    Raises:
        NewsletterError: There is no such mailing, or it has ended.
    """
    return _change_state(store, slug, MailingState.PAUSED, "pause")


def cancel_mailing(store: Store, slug: str) -> MailingReport:
    """End a mailing for good; if nothing was attempted, its slug, slot and text are free again.

    An expired mailing is dismissed: it is not reported any more.

    Raises:
        NewsletterError: There is no such mailing, or it has ended.
    """
    return _change_state(store, slug, MailingState.CANCELLED, "cancel")


def report_unknown(store: Store, slug: str, decision: UnknownDecision) -> MailingReport:
    """Return the report of a mailing about which `resolve` would decide; decide nothing.

    Raises:
        NewsletterError: As `resolve`.
    """
    with store.write() as connection:
        return mailing_reports.report(connection, _lock_unknown(connection, slug, decision))


def resolve_unknown(store: Store, slug: str, decision: UnknownDecision) -> MailingReport:
    """Settle all unknown deliveries as a person decided; no other delivery changes.

    Raises:
        NewsletterError: There is no such mailing, nothing in it is unknown, or it was cancelled
            and would never be sent again.
    """
    with store.write() as connection:
        mailing = _lock_unknown(connection, slug, decision)
        count = recovery.resolve(connection, mailing.id, resend=decision is UnknownDecision.RESEND)
        _record(connection, mailing, f"resolve --{decision}", count)
        if mailing.state is MailingState.COMPLETED_WITH_UNKNOWN:
            mailings.start(connection, mailing.id)
        mailings.complete_if_done(connection, mailing.id)
        return mailing_reports.report(connection, mailings.get(connection, mailing.id))


def _lock_unknown(connection: Connection, slug: str, decision: UnknownDecision) -> Mailing:
    """Lock a mailing with unknown deliveries, also what a lost process left attempting."""
    mailing = mailings.lock(connection, get_mailing(connection, slug).id)
    recovery.expire_leases(connection, mailing.id)
    if mailing.state is MailingState.CANCELLED and decision is UnknownDecision.RESEND:
        raise NewsletterError(
            f"{slug} was cancelled, so nothing of it is sent again",
            hint=f"Count them as sent: newsletter resolve {slug} --assume-sent",
        )
    if not mailing_reports.count_by_state(connection, mailing.id)[DeliveryState.UNKNOWN]:
        raise NewsletterError(
            f"nothing in {slug} is unknown", hint=f"See: newsletter status {slug}"
        )
    return mailing


def _change_state(store: Store, slug: str, target: MailingState, action: str) -> MailingReport:
    with store.write() as connection:
        mailing = mailings.lock(connection, get_mailing(connection, slug).id)
        recovery.expire_leases(connection, mailing.id)
        pending = mailing_reports.count_by_state(connection, mailing.id)[DeliveryState.PENDING]
        if mailing.state is not target:
            note = _note(mailing, target)
            if not mailings.change_state(connection, mailing.id, target, note):
                raise NewsletterError(
                    f"{slug} is {mailing.state.replace('_', ' ')}, so there is nothing to {action}",
                    hint=f"See: newsletter status {slug}",
                )
            _record(connection, mailing, action, pending)
            if target is MailingState.CANCELLED:
                mailings.release(connection, mailing.id)
        return mailing_reports.report(connection, mailings.get(connection, mailing.id))


def _note(mailing: Mailing, target: MailingState) -> str:
    if target is MailingState.PAUSED:
        return PauseReason.BY_A_PERSON
    if mailing.state is MailingState.EXPIRED:
        return "its time had passed, and a person left it at that"
    return "cancelled by a person"


def _record(connection: Connection, mailing: Mailing, action: str, count: int) -> None:
    mailings.record_decision(connection, mailing.id, who=_who(), what=action, count=count)


def _who() -> str:
    """Return the person's name: at the forge whose job this is, otherwise on this machine."""
    names = [os.environ[variable] for variable in _AT_A_FORGE if os.environ.get(variable)]
    if names:
        return names[0]
    try:
        return getpass.getuser()
    except (OSError, KeyError):  # in a container, a user may have no name
        return "unnamed"
