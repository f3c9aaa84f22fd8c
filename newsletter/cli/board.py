"""All of `issues/` as lines for a person: what is next, later, a draft, ignored, sent."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from newsletter.content import printable
from newsletter.desk.overview import OLD

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from newsletter.desk.overview import IssueStatus, Overview

_HEADINGS: Final = (
    (("scheduled", "blocked", "sending"), "Scheduled"),
    (("draft",), "Drafts"),
    (("expired",), "Missed"),
    (("cancelled",), "Cancelled"),
    (("ignored",), "Never sent as they are"),
)
_SENT_SHOWN: Final = 5
_OLD_SHOWN: Final = 3


def board_text(board: Overview) -> Iterator[str]:
    """Yield the lines that tell of every file in `issues/` but the next one, which has its own."""
    upcoming = board.upcoming.slug if board.upcoming else None
    lines = [one for one in board.lines if one.issue != upcoming or one.state == "ignored"]
    for states, heading in _HEADINGS:
        some = [one for one in lines if one.state in states and one.why != OLD]
        if some:
            yield f"{heading}:"
            yield from (part for one in some for part in _of_one(one))
    yield from _of_old([one for one in lines if one.why == OLD])
    yield from _of_sent([one for one in lines if one.state == "sent"])


def warnings_text(line: IssueStatus | None) -> Iterator[str]:
    """Yield how many warnings an issue has, if it has any."""
    if line and line.warnings:
        plural = "s" * (line.warnings != 1)
        yield f"  {line.warnings:,} warning{plural}: newsletter check {line.issue}"


def _of_one(line: IssueStatus) -> Iterator[str]:
    if line.state == "ignored" and line.send_at is None:
        yield f"  {printable(line.path)}"
    else:
        state = f" ({line.state})" * (line.state in {"blocked", "sending"})
        proof = ", proof seen" * line.proofed
        subject = f": {line.subject}" if line.subject else ""
        when = f"{line.send_at:%Y-%m-%d %H:%M}" if line.send_at else "no date"
        yield f"  {when}  {line.issue}{state}{subject}{proof}"
    if line.why:
        yield f"    {printable(line.why)}"
    if line.errors and line.state == "draft":
        yield f"    {line.errors:,} error{'s' * (line.errors != 1)}: newsletter check {line.issue}"
    yield from (f"  {part}" for part in warnings_text(line))


def _of_old(old: Sequence[IssueStatus]) -> Iterator[str]:
    if old:
        newest = ", ".join(one.issue for one in old[-_OLD_SHOWN:])
        yield f"Left alone, {OLD}: {len(old):,}; the newest: {newest}"


def _of_sent(sent: Sequence[IssueStatus]) -> Iterator[str]:
    if not sent:
        return
    newest = sorted(sent, key=lambda one: (str(one.send_at), one.issue))[-_SENT_SHOWN:]
    yield f"Sent: {len(sent):,} issue{'s' * (len(sent) != 1)}; the newest:"
    for one in reversed(newest):
        to = f", to {one.audience:,}" if one.audience is not None else ""
        yield f"  {one.send_at:%Y-%m-%d %H:%M}  {one.issue}{to}"
        if one.why:
            yield f"    {one.why}"
