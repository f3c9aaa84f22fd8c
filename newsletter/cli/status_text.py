"""`newsletter status` as text: all of `issues/`, refusals, and one mailing explained."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Final

from newsletter.cli.mailing_output import next_step, report_lines
from newsletter.cli.output import counted
from newsletter.content import printable
from newsletter.delivery import ResolutionMethod, resume_command
from newsletter.desk import archive_changes
from newsletter.desk.overview import OLD
from newsletter.errors import check_command
from newsletter.model import Cause, DeliveryState, MailingState, PauseReason
from newsletter.subscriptions.refusals import refused_lately, unreadable_webhooks

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime
    from zoneinfo import ZoneInfo

    from newsletter.delivery import MailingForecast, Resolution
    from newsletter.desk.overview import IssueStatus, Overview
    from newsletter.model import MailingReport, SentCounts
    from newsletter.store import Store
    from newsletter.subscriptions.refusals import RefusalSummary

_HEADINGS: Final = (
    (("scheduled", "blocked"), "Scheduled"),
    (("draft",), "Drafts"),
    (("expired",), "Missed"),
    (("cancelled",), "Cancelled"),
    (("ignored",), "Never sent as they are"),
)
SENT_SHOWN: Final = 5
"""How many sent issues are shown, the newest first."""
_OLD_SHOWN: Final = 3
_PREFIX: Final = 12  # characters of a hash or of a commit
_REFUSALS: Final = {
    Cause.POLICY: "blocks or limits your letters",
    Cause.SENDER: "refuses your letters because of how they are sent",
    Cause.SIZE: "refuses your letters because they are too large",
}
NEXT_STEP: Final = {
    Cause.POLICY: "ask your email provider to have the block lifted",
    Cause.SENDER: "check SPF, DKIM and DMARC of your sender's domain at your email provider",
    Cause.SIZE: "make the next letter smaller",
}
_REASONS_SHOWN: Final = 5
_MAILINGS: Final = {
    MailingState.FROZEN: "letter and audience are frozen; nothing has been sent yet",
    MailingState.PAUSED: "nothing is sent until a person continues it",
    MailingState.COMPLETED: "done",
    MailingState.COMPLETED_WITH_UNKNOWN: "done, except for letters whose outcome is unknown",
    MailingState.CANCELLED: "no more of it is sent",
    MailingState.EXPIRED: "nothing of it was sent",
}
_IN_PROGRESS: Final = "a process is sending it, or was a moment ago"
_INTERRUPTED: Final = (
    "it is not finished; it is safe to continue, even if another process is sending it"
)
_AFTER_PAUSE: Final = {
    PauseReason.BY_A_PERSON.value: "continue it at any time",
    PauseReason.LIMIT.value: "continue with the rest, or use --limit again",
    PauseReason.OUT_OF_TIME.value: "it took longer than finish_within_hours",
}
_AFTER_REFUSAL: Final = "correct the cause of the pause, then continue: it goes on where it stopped"
_DELIVERIES: Final = {
    DeliveryState.PENDING: "not sent yet",
    DeliveryState.ACCEPTED: "the provider accepted the letter",
    DeliveryState.REJECTED: "the provider rejected the letter for good; it is not sent again",
    DeliveryState.SKIPPED: "the subscriber left, paused or was suppressed before their turn",
    DeliveryState.UNKNOWN: "the letter may have been sent, or may not",
}


def overview_text(board: Overview, zone: ZoneInfo, *, every: bool, real: bool) -> Iterator[str]:
    """Yield the lines about every file in `issues/` except the next issue, which has its own.

    Args:
        board: The states of all files.
        zone: The time zone of the times in it.
        every: Show every sent issue, not only the newest.
        real: A provider mails them, so that proofs and approvals matter.
    """
    lines = _other_lines(board)
    recent = [one for one in lines if one.why != OLD]
    started = [one for one in recent if is_open(one)]
    yield from _group_lines("Started", started, None)
    for states, heading in _HEADINGS:
        group = [one for one in recent if one.state in states and one not in started]
        coming = real and states != ("ignored",)
        yield from _group_lines(heading, group, zone if coming else None)
    yield from _old_lines([one for one in lines if one.why == OLD])
    yield from _sent_lines([one for one in lines if one.state == "sent"], zone, every=every)


def is_open(line: IssueStatus) -> bool:
    """Tell whether an issue is frozen, and not yet sent, cancelled or missed."""
    return line.started and line.state in {"blocked", "sending"}


def _other_lines(board: Overview) -> list[IssueStatus]:
    upcoming = board.upcoming.slug if board.upcoming else None
    return [one for one in board.lines if one.issue != upcoming or one.state == "ignored"]


def is_done(report: MailingReport) -> bool:
    """Tell whether all letters of a real mailing left, so that it is among what was sent."""
    return report.mailing.state is MailingState.COMPLETED and not report.mailing.rehearsal


def _group_lines(
    heading: str, group: Sequence[IssueStatus], zone: ZoneInfo | None
) -> Iterator[str]:
    """Yield a group of issues; with a zone, also what is known of their letters."""
    if group:
        yield f"{heading}:"
        for one in group:
            yield from _issue_lines(one)
            if zone:
                yield from (f"  {part}" for part in letter_text(one, zone))


def letter_text(line: IssueStatus | None, zone: ZoneInfo) -> Iterator[str]:
    """Yield the hash of a letter that may be sent, and who has seen or approved it."""
    if line is None or not line.letter_hash:
        return
    known = f"proofed {_moment(line.proofed_at, zone)}" if line.proofed_at else "no proof"
    if line.commit:
        known = f"approved by commit {line.commit[:_PREFIX]}"
    yield f"  letter {line.letter_hash[:_PREFIX]}: {known}"


def findings_text(line: IssueStatus | None) -> Iterator[str]:
    """Yield how many warnings and hints an issue has, if it has any."""
    if line is None:
        return
    known = {"warning": line.warnings, "hint": line.hints}
    if found := ", ".join(counted(count, noun) for noun, count in known.items() if count):
        yield f"  {found}: {check_command(line.issue)}"


def _issue_lines(line: IssueStatus) -> Iterator[str]:
    if line.state == "ignored" and line.send_at is None:
        yield f"  {printable(line.path)}"
    else:
        shown = "paused" if line.started and line.state == "blocked" else line.state
        state = f" ({shown})" * (shown in {"blocked", "paused", "sending"})
        proof = ", proof seen" * (line.proofed_at is not None)
        subject = f": {line.subject}" if line.subject else ""
        when = f"{line.send_at:%Y-%m-%d %H:%M}" if line.send_at else "no date"
        yield f"  {when}  {line.issue}{state}{subject}{proof}"
    if line.why:
        yield f"    {printable(line.why)}"
    if line.errors and line.state == "draft":
        yield f"    {counted(line.errors, 'error')}: {check_command(line.issue)}"
    yield from (f"  {part}" for part in findings_text(line))


def _old_lines(old: Sequence[IssueStatus]) -> Iterator[str]:
    if old:
        newest = ", ".join(one.issue for one in old[-_OLD_SHOWN:])
        yield f"Ignored, {OLD}: {len(old):,}; the newest: {newest}"


def _sent_lines(sent: Sequence[IssueStatus], zone: ZoneInfo, *, every: bool) -> Iterator[str]:
    if not sent:
        return
    shown = sorted(sent, key=lambda one: (str(one.send_at), one.issue))[::-1]
    if not every and len(sent) > SENT_SHOWN:
        shown = shown[:SENT_SHOWN]
        yield f"Sent: {counted(len(sent), 'issue')}; the newest (all with newsletter -v status):"
    else:
        yield f"Sent: {counted(len(sent), 'issue')}; the newest:"
    for one in shown:
        to = f", to {one.audience:,}" if one.audience is not None else ""
        yield f"  {one.send_at:%Y-%m-%d %H:%M}  {one.issue}{to}"
        if one.counts:
            yield f"    {_counts_text(one.counts)}"
        yield from (f"    {line}" for line in archive_changes.as_text(one.changes, zone))
        if one.why:
            yield f"    {one.why}"


def _counts_text(counts: SentCounts) -> str:
    parts = asdict(counts)
    left, accepted = parts.pop("left"), parts.pop("accepted")
    known = [f"{count:,} {name}" for name, count in parts.items() if count]
    return ", ".join([f"{accepted:,} accepted", *known, f"{left:,} left since"])


def problem_lines(store: Store) -> Iterator[str]:
    """Yield what mailbox providers refused, and unreadable webhooks; nothing while all is well."""
    for one in refused_lately(store):
        yield from _refusal_lines(one)
    if count := unreadable_webhooks(store):
        some = "1 webhook was" if count == 1 else f"{count:,} webhooks were"
        yield (
            f"{some} genuine but could not be read: its events may be missing here (docs/events.md)"
        )


def _refusal_lines(one: RefusalSummary) -> Iterator[str]:
    many = counted(one.subscribers, "subscriber")
    yield (
        f"{one.mailbox_provider} {_REFUSALS[one.cause]}: {many} missed a letter,"
        f" last {one.last_at:%Y-%m-%d}; they stay on the list"
    )
    if one.says:
        yield f"  it says: {one.says}"
    yield f"  next: {NEXT_STEP[one.cause]} (docs/events.md)"


def explain_mailing(found: MailingForecast, zone: ZoneInfo) -> str:
    """Return a report that explains every state in it, and says what is next.

    Args:
        found: The mailing, and what will happen to it.
        zone: The time zone of the times in it.
    """
    lines = [*report_lines(found), *(f"  {line}" for line in _mailing_lines(found))]
    if letter := found.report.mailing.letter_hash:
        at = found.report.proofed_at
        lines.append(
            f"  letter's hash: {letter}" + (f", proofed {_moment(at, zone)}" if at else "")
        )
    for state in DeliveryState:
        if count := found.report.counts[state]:
            lines += [f"  {line}" for line in _delivery_lines(found, state, count, zone)]
    lines += [f"  {line}" for line in _decision_lines(found, zone)]
    lines += [f"  {line}" for line in archive_changes.as_text(found.report.changes, zone)]
    return "\n".join([*lines, *next_step(found)])


def safe_options(found: MailingForecast, zone: ZoneInfo) -> list[str]:
    """Return how unknown outcomes may still be found out without a risk, a line for each way.

    Args:
        found: The mailing, and what will happen to it.
        zone: The time zone of the times in it.
    """
    if found.elsewhere:
        return [f"{_other_provider(found)}; under that provider there may be a way without risk"]
    safe = [
        resolution
        for resolution in found.resolutions
        if resolution.method is not ResolutionMethod.WAIT
    ]
    ways = [" ".join(line.strip() for line in _resolution_lines(found, one, zone)) for one in safe]
    return [f"without risk {way}" for way in ways]


def _mailing_lines(found: MailingForecast) -> Iterator[str]:
    mailing = found.report.mailing
    meaning = _MAILINGS.get(mailing.state, _IN_PROGRESS if found.busy_until else _INTERRUPTED)
    if mailing.state is MailingState.PAUSED:
        meaning += f"; {_AFTER_PAUSE.get(mailing.note, _AFTER_REFUSAL)}"
    yield meaning
    if meaning.endswith(_AFTER_REFUSAL) and not _possibly_sent(found):
        yield "letter and sender are frozen: to change them, cancel it and send it again"
    if found.elsewhere:
        yield _other_provider(found)
    if found.overdue:
        yield "it should be finished by now: only --late continues it"
    if mailing.state is MailingState.CANCELLED and (mailing.released or mailing.rehearsal):
        yield f"it may be sent again: {resume_command(found)}"


def _possibly_sent(found: MailingForecast) -> int:
    """Return how many letters may have reached a subscriber."""
    counts = found.report.counts
    return sum(counts.values()) - counts[DeliveryState.PENDING] - counts[DeliveryState.SKIPPED]


def _other_provider(found: MailingForecast) -> str:
    return f"it was started through {found.report.mailing.through}, and continues only through that"


def _delivery_lines(
    found: MailingForecast, state: DeliveryState, count: int, zone: ZoneInfo
) -> Iterator[str]:
    """Explain one state of deliveries, and what becomes of those that are in it."""
    if state is DeliveryState.ATTEMPTING:
        yield from _attempting_lines(found, count, zone)
        return
    meaning = _DELIVERIES[state]
    if state is DeliveryState.PENDING and found.report.mailing.state is MailingState.CANCELLED:
        meaning = "they get no letter"
    if state is DeliveryState.ACCEPTED and found.report.mailing.rehearsal:
        meaning = "the letter is in the outbox"
    yield f"{count:,} {state}: {meaning}"
    reasons = found.report.details.reasons.get(state, {})
    shown = list(reasons.items())[:_REASONS_SHOWN]
    yield from (f"  {letters:,} × {reason}" for reason, letters in shown)
    if rest := sum(reasons.values()) - sum(letters for _, letters in shown):
        yield f"  {rest:,} × other reasons (see all with --json)"
    if state is DeliveryState.UNKNOWN:
        for resolution in found.resolutions:
            yield from (f"  {line}" for line in _resolution_lines(found, resolution, zone))


def _attempting_lines(found: MailingForecast, count: int, zone: ZoneInfo) -> Iterator[str]:
    if busy := count - found.lost:
        until = (
            f", until {_moment(found.busy_until, zone)} at the latest" if found.busy_until else ""
        )
        yield f"{busy:,} attempting: a process is sending their letters{until}"
    if found.lost:
        cancelled = found.report.mailing.state is MailingState.CANCELLED
        what = "resolve counts them as unknown" if cancelled else "send finds out the outcome"
        yield f"{found.lost:,} attempting: the process that was sending them is gone; {what}"


def _resolution_lines(
    found: MailingForecast, resolution: Resolution, zone: ZoneInfo
) -> Iterator[str]:
    """Say how the outcome of some letters may become known, and when."""
    slug, letters = found.report.mailing.slug, f"for {resolution.letters:,}"
    send = resume_command(found)
    also = " (so does send --due)" if found.by_itself else ""
    when = _moment(resolution.moment, zone)
    if resolution.method is ResolutionMethod.REPLAY:
        yield f"{letters}, {send} asks again under the same key until {when}{also}:"
        yield "  nobody gets a second letter from that"
    elif resolution.method is ResolutionMethod.SEARCH and resolution.missed:
        yield f"{letters}, one search did not find some; {send} searches again{also}:"
        yield f"  from {when} on, what it does not find either was not sent, and is sent then"
    elif resolution.method is ResolutionMethod.SEARCH:
        yield f"{letters}, {send} searches the provider's records{also}: what it finds was sent;"
        yield f"  from {when} on, what two searches do not find was not sent, and is sent then"
    elif resolution.method is ResolutionMethod.ACCOUNT:
        yield f"{letters}, another account can find out until {when}: they were sent through it;"
        yield f"  set {resolution.put_back} to its previous value, then run {send}"
    else:
        yield f"{letters}, an event from the provider or the provider's own log may still show it:"
        yield f"  if sent: newsletter resolve {slug} --assume-sent (who has no letter gets none)"
        if found.report.mailing.state is not MailingState.CANCELLED:
            yield f"  if not sent: newsletter resolve {slug} --resend (who has one gets two)"


def _decision_lines(found: MailingForecast, zone: ZoneInfo) -> Iterator[str]:
    """Yield who may have two letters, and what people decided."""
    details = found.report.details
    if twice := details.accepted_twice:
        yield f"{twice:,} accepted twice, under two ids, so they may have arrived twice:"
        yield "  newsletter subscribers show EMAIL shows both ids, for the provider's log"
    for one in details.decisions:
        letters = counted(one.letters, "letter")
        yield f"on {_moment(one.at, zone)} {one.who} decided: {one.what} ({letters})"


def _moment(moment: datetime | None, zone: ZoneInfo) -> str:
    return f"{moment.astimezone(zone):%Y-%m-%d %H:%M}" if moment else ""
