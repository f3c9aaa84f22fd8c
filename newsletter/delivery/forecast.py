"""Forecast a mailing: what settles by itself, what waits for a person, what is next.

Pure: it needs the mailing's report and what the provider can do.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from newsletter.delivery.reconcile import replay_window
from newsletter.model import DeliveryState, MailingState
from newsletter.providers.base import account_id
from newsletter.schedule import is_overdue
from newsletter.store.unresolved import BETWEEN_SEARCHES

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from newsletter.config import Settings
    from newsletter.model import Mailing, MailingReport, Search, UnresolvedBatch
    from newsletter.providers.base import Capabilities


class ResolutionMethod(StrEnum):
    """How it may become known whether a letter left."""

    REPLAY = "replay"
    """The same request is sent under the same key, which makes no second letter."""
    SEARCH = "search"
    """The provider lists what it took."""
    ACCOUNT = "account"
    """One of these two, once the settings name the account again through which the letter left."""
    WAIT = "wait"
    """Only an event or a person can settle it."""


@dataclass(frozen=True, slots=True)
class Resolution:
    """How some of the unknown letters of a mailing may still be settled.

    Attributes:
        method: How.
        letters: How many.
        moment: Until when a replay is safe, or another account can be asked; from when a search
            settles them; None for a wait.
        missed: One search has not found them, so that the next one decides.
        put_back: The variable that has to name another account first.
    """

    method: ResolutionMethod
    letters: int
    moment: datetime | None
    missed: bool = False
    put_back: str = ""


@dataclass(frozen=True, slots=True)
class MailingForecast:
    """A mailing's report, and what will become of it.

    Attributes:
        report: The report.
        resolutions: For all unknown letters, the safest first; empty for a mailing that is
            `elsewhere`.
        busy_until: When a process that seems alive must have reported what it sends, if one is.
        lost: Letters that a process was sending when it died; the next `send` reconciles them.
        elsewhere: It is not done, and belongs to another provider than the settings name.
        overdue: It should be finished by now, so that only `send --late` continues it.
        by_itself: `send --due` continues it, without a person.
        next_step: What a person types next, or None if there is nothing to do; of several lines
            they choose one.
    """

    report: MailingReport
    resolutions: tuple[Resolution, ...]
    busy_until: datetime | None
    lost: int
    elsewhere: bool
    overdue: bool
    by_itself: bool
    next_step: str | None


_IN_PROGRESS: Final = frozenset(
    {MailingState.FROZEN, MailingState.SENDING, MailingState.COMPLETED_WITH_UNKNOWN}
)
_OPEN: Final = _IN_PROGRESS | {MailingState.PAUSED}


def forecast_mailing(
    report: MailingReport, can: Capabilities, settings: Settings
) -> MailingForecast:
    """Return what will become of a mailing, if `can` is what the provider can do."""
    mailing, at = report.mailing, report.at
    is_open = mailing.state in _OPEN
    elsewhere = is_open and not _is_here(mailing, can, settings)
    overdue = is_open and is_overdue(mailing.started_at, at, settings.finish_within_hours)
    attempting = _in_state(report, DeliveryState.ATTEMPTING)
    leases = [one.lease_until for one in attempting if one.lease_until > at]
    unknown = _in_state(report, DeliveryState.UNKNOWN)
    own = account_id(settings, can)
    known = MailingForecast(
        report,
        () if elsewhere else _resolutions(unknown, can if is_open else None, at, own),
        max(leases, default=None),
        lost=sum(one.letters for one in attempting if one.lease_until <= at),
        elsewhere=elsewhere,
        overdue=overdue,
        by_itself=mailing.state in _IN_PROGRESS and not (elsewhere or overdue or mailing.rehearsal),
        next_step=None,
    )
    return replace(known, next_step=_next_step(known, settings))


def _is_here(mailing: Mailing, can: Capabilities, settings: Settings) -> bool:
    """Return whether a mailing belongs to the provider that the settings name."""
    # A rehearsal is written to the outbox, whatever provider is set.
    here = (can.name, settings.provider_url)
    return mailing.rehearsal or (mailing.provider, mailing.provider_url) == here


def _in_state(report: MailingReport, state: DeliveryState) -> list[UnresolvedBatch]:
    return [one for one in report.details.unsettled if one.state is state]


def resume_command(found: MailingForecast) -> str:
    """Return what a person types to continue a mailing."""
    mailing = found.report.mailing
    if mailing.rehearsal:
        return f"newsletter rehearse {mailing.slug}"
    return f"newsletter send {mailing.slug}{' --late' * found.overdue}"


def needs_other_account(found: MailingForecast) -> Resolution | None:
    """Return what could be settled if the account through which it left were asked."""
    return next((one for one in found.resolutions if one.method is ResolutionMethod.ACCOUNT), None)


def _resolutions(
    unknown: Iterable[UnresolvedBatch], can: Capabilities | None, at: datetime, own: str | None
) -> tuple[Resolution, ...]:
    """Group the unknown letters by method, with the moment that suits all of a group."""
    found: dict[tuple[ResolutionMethod, bool], Resolution] = {}
    for one in unknown:
        new = (
            _resolution(one, can, at, own)
            if can
            else Resolution(ResolutionMethod.WAIT, one.letters, None)
        )
        old = found.get((new.method, new.missed))
        found[new.method, new.missed] = _together(old, new) if old else new
    return tuple(sorted(found.values(), key=lambda one: [*ResolutionMethod].index(one.method)))


def _together(one: Resolution, other: Resolution) -> Resolution:
    moments = [part.moment for part in (one, other) if part.moment]
    choose = max if one.method is ResolutionMethod.SEARCH else min
    moment = choose(moments, default=None)
    return replace(one, letters=one.letters + other.letters, moment=moment)


def _resolution(
    one: UnresolvedBatch, can: Capabilities, at: datetime, own: str | None
) -> Resolution:
    """Return how the letters of one request may be settled; `reconcile` does it."""
    search = None if can.replay else can.search
    if one.kept and at < (until := one.claimed_at + replay_window(can)):
        found = Resolution(ResolutionMethod.REPLAY, one.letters, until)
    elif search and one.searchable and at < (until := one.claimed_at + search.retention):
        found = _by_search(one, search)
    else:
        return Resolution(ResolutionMethod.WAIT, one.letters, None)
    # With no account set, its owner is unknown and no account is asked.
    if own is None or one.account == own:
        return found
    return Resolution(ResolutionMethod.ACCOUNT, one.letters, until, put_back=can.account_variable)


def _by_search(one: UnresolvedBatch, search: Search) -> Resolution:
    if one.missed_at:
        again = _whole_minute(one.missed_at + BETWEEN_SEARCHES)
        return Resolution(ResolutionMethod.SEARCH, one.letters, again, missed=True)
    listed = _whole_minute(max(one.claimed_at, one.lease_until) + search.lag)
    return Resolution(ResolutionMethod.SEARCH, one.letters, listed)


def _whole_minute(moment: datetime) -> datetime:
    """Round up to a whole minute, so that a person who waits until then is not too early."""
    return (moment + timedelta(seconds=59, microseconds=999_999)).replace(second=0, microsecond=0)


def _next_step(known: MailingForecast, settings: Settings) -> str | None:
    """Return what a person types next."""
    mailing = known.report.mailing
    slug = mailing.slug
    send = resume_command(known)
    if known.elsewhere:
        return f"set provider to {mailing.through} again, then run {send}"
    open_ended = known.report.counts[DeliveryState.UNKNOWN] or known.lost
    steps = {
        MailingState.FROZEN: send,
        MailingState.SENDING: f"newsletter status {slug}" if known.busy_until else send,
        MailingState.PAUSED: f"{send}\nnewsletter cancel {slug}",
        MailingState.COMPLETED_WITH_UNKNOWN: _to_settle(known, send, settings),
        MailingState.CANCELLED: f"newsletter resolve {slug} --assume-sent" if open_ended else None,
        MailingState.EXPIRED: f"newsletter send {slug} --late\nnewsletter cancel {slug}",
    }
    return steps.get(mailing.state)


_HERE: Final = frozenset({ResolutionMethod.REPLAY, ResolutionMethod.SEARCH})
"""What the account of now can do."""


def _to_settle(known: MailingForecast, send: str, settings: Settings) -> str:
    """Return how unknown letters are settled: without a person for as long as that is possible."""
    methods = {one.method for one in known.resolutions}
    resolve = f"newsletter resolve {known.report.mailing.slug}"
    decide = f"{resolve} --resend\n{resolve} --assume-sent"
    if methods <= {ResolutionMethod.WAIT}:
        return decide
    here = {one for one in known.resolutions if one.method in _HERE}
    if not here and (other := needs_other_account(known)):
        return f"set {other.put_back} to its previous value, then run {send}\n{decide}"
    moment = max(one.moment for one in here if one.moment)
    if ResolutionMethod.REPLAY in methods or moment <= known.report.at:
        return send
    return f"{send}  # not before {moment.astimezone(settings.zone):%Y-%m-%d %H:%M}"
