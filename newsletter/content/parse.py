"""Reading one issue file, whole."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING

from newsletter.content.body import read_body
from newsletter.content.decoding import decode
from newsletter.content.file_names import read_file_name
from newsletter.content.findings import FindingCollector
from newsletter.content.front_matter import read_header
from newsletter.content.front_matter_fields import read_fields
from newsletter.content.send_at import note_far_ahead
from newsletter.content.subject_marks import note_repeated
from newsletter.model import Draft, Issue, IssueSource

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date, time
    from zoneinfo import ZoneInfo

    from newsletter.content.front_matter import Header
    from newsletter.content.front_matter_fields import Fields
    from newsletter.model import Block


def read(
    raw: bytes,
    *,
    name: str,
    path: str,
    zone: ZoneInfo,
    send_clock: time,
    today: date | None = None,
    whole: bool = True,
    own_url: str = "",
) -> Draft:
    """Read an issue file.

    Args:
        raw: The file's bytes.
        name: The file's name, such as `2026-11-29-rust.md`.
        path: What findings call the file.
        zone: The newsletter's time zone.
        send_clock: The local time at which an issue without `send_at` goes out.
        today: The day from which a moment may be too far ahead; None when that is of no matter.
        whole: Read the body too. Without it the issue has no blocks, and nobody may be sent it.
        own_url: Where the newsletter's own pages are: links to them are not judged.

    Returns:
        The issue, unless a finding is an error; all findings, by line.
    """
    problems = FindingCollector(path, own_url)
    slug, day = read_file_name(name, problems)
    # A file of which the time cannot be read must not be overlooked on its day.
    usual = _local(datetime.combine(day, send_clock, zone)) if day else None
    text = decode(raw, problems)
    if text is None:
        return Draft(slug, path, None, (), problems.found, send_at=usual)
    lines = text.split("\n")
    header = read_header(lines, problems)
    fields = read_fields(header, day, zone=zone, send_clock=send_clock, problems=problems)
    if today:
        written = header.entries.get("send_at")
        note_far_ahead(fields.send_at, today, written.line if written else 1, problems)
    body = "\n".join(lines[header.body :])
    blocks = read_body(body, header.body, problems) if whole else ()
    note_repeated(fields.subject, blocks, problems)
    issue = None if problems.errors else _issue(slug, path, fields, blocks, body)
    if issue:
        issue = replace(issue, source_hash=_source_hash(lines, header))
    return Draft(
        slug,
        path,
        issue,
        blocks,
        problems.found,
        send_at=fields.send_at or usual,
        is_draft=fields.draft,
        entries=header.entries,
        allowed=fields.allowed,
        source=IssueSource(raw.decode(), name, zone, send_clock, today, own_url),
    )


def read_again(draft: Draft, text: str) -> Draft:
    """Read another text in the place of a file's own; the file must have been readable.

    Raises:
        ValueError: It was not.
    """
    source = draft.source
    if source is None:
        raise ValueError(draft.path)
    return read(
        text.encode(),
        name=source.name,
        path=draft.path,
        zone=source.zone,
        send_clock=source.send_clock,
        today=source.today,
        own_url=source.own_url,
    )


def _issue(
    slug: str, path: str, fields: Fields, blocks: tuple[Block, ...], body: str
) -> Issue | None:
    """Return the issue of a file without errors, unless it has no moment to be sent at."""
    if fields.send_at is None:
        return None
    return Issue(
        slug=slug,
        path=path,
        subject=fields.subject,
        preheader=fields.preheader,
        send_at=fields.send_at,
        draft=fields.draft,
        blocks=blocks,
        content_hash=_content_hash(fields.subject, fields.preheader, body),
        article=fields.article,
        themes=fields.themes,
        monthly=fields.monthly,
    )


def _local(moment: datetime) -> datetime:
    """Return a moment with its offset in place of its zone, as `send_at` has it."""
    return datetime.fromisoformat(moment.isoformat())


def _content_hash(subject: str, preheader: str, body: str) -> str:
    # As JSON, no two different triples are the same bytes.
    triple = json.dumps([subject, preheader, body.strip("\n")])
    return hashlib.sha256(triple.encode()).hexdigest()


def _source_hash(lines: Sequence[str], header: Header) -> str:
    draft = header.entries.get("draft")
    kept = [line for number, line in enumerate(lines, 1) if not draft or number != draft.line]
    return hashlib.sha256("\n".join(kept).encode()).hexdigest()
