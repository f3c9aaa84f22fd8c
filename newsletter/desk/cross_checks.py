"""Checks between issues: two in one slot, one text twice."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

from newsletter.desk import issues
from newsletter.model import Finding, Severity
from newsletter.schedule import is_long_past, slot_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from newsletter.desk.folder import IssueHead
    from newsletter.model import Draft

_NAMED: Final = 3
_A_DAY: Final = timedelta(hours=24)


def outside(draft: Draft) -> Finding:
    """Return the finding about a file that is not in `issues/`."""
    return Finding(
        path=draft.path,
        line=1,
        rule=issues.OUTSIDE,
        severity=Severity.WARNING,
        message="the file is not in issues/, so the schedule never sends it",
        fix="Move it into issues/ if the schedule is to send it",
    )


def conflicts(skimmed: Sequence[IssueHead], only: str | None = None) -> Iterator[Finding]:
    """Yield the conflicts between issues; only those of one if `only` names it."""
    moment = datetime.now(UTC)
    coming = [
        one for one in skimmed if one.draft.send_at and not is_long_past(one.draft.send_at, moment)
    ]
    for one in coming:
        if only in {None, one.draft.slug}:
            yield from _same_slot(one, coming)
            yield from _same_text(one, coming, skimmed)
            yield from _same_subject(one, skimmed)
            yield from _near_slot(one, coming)


def _same_slot(one: IssueHead, coming: Sequence[IssueHead]) -> Iterator[Finding]:
    """Yield a finding if other issues have this date and time; drafts do not count yet."""
    at = one.draft.send_at
    if at is None:
        return
    beside = [
        other.draft
        for other in coming
        if other is not one
        and other.draft.monthly == one.draft.monthly
        and other.draft.send_at
        and slot_of(other.draft.send_at) == slot_of(at)
    ]
    others = [other.slug for other in beside if not other.is_draft]
    if not others:
        return
    names, when = _names(others), f"{at:%Y-%m-%d %H:%M}"
    is_draft = one.draft.is_draft
    yield Finding(
        path=one.draft.path,
        line=1,
        rule=issues.SLOT_TAKEN,
        severity=Severity.WARNING if is_draft else Severity.ERROR,
        message=f"{names} has the same date and time, {when}"
        + (
            ": when this is no longer a draft, neither is sent"
            if is_draft
            else ", so neither is sent"
        ),
        fix='Give one of them another date, or a line "send_at: YYYY-MM-DD HH:MM"',
    )


def _same_text(
    one: IssueHead, coming: Sequence[IssueHead], skimmed: Sequence[IssueHead]
) -> Iterator[Finding]:
    """Yield a finding if another file has this issue's text: a text is sent once."""
    same = [
        other
        for other in skimmed
        if other is not one and one.text and other.text == one.text and not other.draft.is_draft
    ]
    if not same or one.draft.is_draft:
        return
    both = any(other in coming for other in same)
    yield Finding(
        path=one.draft.path,
        line=1,
        rule=issues.SAME_TEXT,
        severity=Severity.ERROR if both else Severity.WARNING,
        message=f"{_names([other.draft.slug for other in same])} has the same subject and text, "
        "and a letter is sent once, whatever its name or date",
        fix="Change the text, or delete one of the files",
    )


def _same_subject(one: IssueHead, skimmed: Sequence[IssueHead]) -> Iterator[Finding]:
    """Yield a finding if an earlier issue has this subject, and another text."""
    entry = one.draft.entries.get("subject")
    if not entry or not one.draft.send_at:
        return
    subject = entry.value.casefold()
    for other in reversed(skimmed):
        held = other.draft.entries.get("subject")
        earlier = other.draft.send_at and other.draft.send_at < one.draft.send_at
        if held and earlier and other.text != one.text and held.value.casefold() == subject:
            yield Finding(
                path=one.draft.path,
                line=entry.line,
                rule="subject-used-before",
                severity=Severity.WARNING,
                message=f"{other.draft.slug} has the same subject",
                fix="Write another one, so that subscribers do not take it for a copy",
            )
            return


def _near_slot(one: IssueHead, coming: Sequence[IssueHead]) -> Iterator[Finding]:
    """Yield a finding if another issue goes out within a day before this one."""
    at = one.draft.send_at
    before = [
        other.draft.slug
        for other in coming
        if at
        and other.draft.monthly == one.draft.monthly
        and other.draft.send_at
        and timedelta() < at - other.draft.send_at < _A_DAY
        and slot_of(other.draft.send_at) != slot_of(at)
    ]
    if before and not one.draft.is_draft:
        yield Finding(
            path=one.draft.path,
            line=1,
            rule="slots-close",
            severity=Severity.HINT,
            message=f"{_names(before)} goes out less than 24 hours before",
            fix="Give one of them another day",
        )


def _names(slugs: Sequence[str]) -> str:
    more = len(slugs) - _NAMED
    return ", ".join(slugs[:_NAMED]) + (f" and {more} more" if more > 0 else "")
