"""The document that the page shows: one issue, as one invented subscriber gets it."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from newsletter import mime
from newsletter.desk.issues import sample_message
from newsletter.desk.preview.inbox import inbox_lines
from newsletter.pictures import stored_at
from newsletter.render import MAX_BYTES

if TYPE_CHECKING:
    from newsletter.desk.folder import IssueHead
    from newsletter.desk.preview.reading import Reading, ShownLetter
    from newsletter.desk.preview.session import Sight

SUBSCRIBERS: Final = {
    "anna": ("Anna", "Anna"),
    "nameless": ("No name", None),
    "long": (
        "A very long name",
        "Wilhelmina-Alexandrina van Nieuwenhuizen-de Graaf tot Oosterwijk en Bovenkarspel",
    ),
}
"""The invented subscribers: what the page calls them, and their first name."""


def view_document(sight: Sight, subscriber: str) -> dict[str, object]:
    """Return all that a page shows, as JSON."""
    reading = sight.reading
    document: dict[str, object] = {
        "version": sight.version,
        "issues": [_head(head) for head in sight.heads],
        "subscribers": [{"id": id_, "label": label} for id_, (label, _) in SUBSCRIBERS.items()],
        "problem": asdict(sight.problem) if sight.problem else None,
        "issue": None,
        "letter": None,
    }
    if reading is None:
        return document
    if reading.problem and not sight.problem:
        document["problem"] = asdict(reading.problem)
    return document | {
        "issue": reading.slug,
        "path": reading.shown_path,
        "source": reading.source,
        "findings": [asdict(finding) for finding in reading.findings],
        "letter": _letter(reading, reading.shown, subscriber) if reading.shown else None,
        "media": stored_at(sight.settings),
    }


def _letter(reading: Reading, shown: ShownLetter, subscriber: str) -> dict[str, object]:
    _, first_name = SUBSCRIBERS.get(subscriber, SUBSCRIBERS["anna"])
    message = sample_message(shown.letter, reading.slug, shown.send_at, first_name)
    try:
        source = mime.eml(message).decode("utf-8", "replace")
    except ValueError as error:
        source = f"This letter cannot be an email: {error}."
    return {
        "subject": shown.letter.subject,
        "sender": shown.letter.sender,
        "html": message.html,
        "text": message.text,
        "headers": [list(header) for header in message.headers],
        "source": source.replace("\r\n", "\n"),
        "size": len(message.html),
        "limit": MAX_BYTES,
        "pictures": shown.letter.pictures,
        "inbox": [asdict(line) for line in inbox_lines(shown.letter.subject, message.html)],
    }


def _head(head: IssueHead) -> dict[str, object]:
    draft = head.draft
    subject = draft.issue.subject if draft.issue else ""
    return {"issue": draft.slug, "subject": subject, "state": _state(head), "send_at": _when(head)}


def _state(head: IssueHead) -> str:
    """Return where an issue is on its way, as far as its file says."""
    if head.draft.is_draft:
        return "draft"
    if head.draft.send_at is None:
        return "without a date"
    return "past" if head.draft.send_at < datetime.now(UTC) else "scheduled"


def _when(head: IssueHead) -> str | None:
    return f"{head.draft.send_at:%Y-%m-%d %H:%M}" if head.draft.send_at else None
