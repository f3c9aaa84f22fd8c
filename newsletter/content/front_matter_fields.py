"""What the values of the front matter mean."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from newsletter.content.decoding import has_words
from newsletter.content.findings import quote_text
from newsletter.content.front_matter_lists import read_allowed, read_article, read_themes
from newsletter.content.front_matter_values import YES_OR_NO_WORDS
from newsletter.content.send_at import read_send_at
from newsletter.content.subject_marks import note_headline_marks
from newsletter.model.issue import MONTHLY

if TYPE_CHECKING:
    from datetime import date, datetime, time
    from zoneinfo import ZoneInfo

    from newsletter.content.findings import FindingCollector
    from newsletter.content.front_matter import Header
    from newsletter.model import Entry, Waiver

MAX_SUBJECT: Final = 200
CALM_SUBJECT: Final = 70
"""Beyond about this length mail programs cut a subject off."""
MAX_PREHEADER: Final = 250


_YES_OR_NO = {"yes": True, "true": True, "no": False, "false": False}


@dataclass(frozen=True, slots=True)
class Fields:
    """The values of the front matter; `send_at` is None where it could not be understood."""

    subject: str
    preheader: str
    draft: bool
    send_at: datetime | None
    article: str
    themes: tuple[str, ...]
    monthly: bool
    allowed: tuple[Waiver, ...]


def read_fields(
    header: Header,
    day: date | None,
    *,
    zone: ZoneInfo,
    send_clock: time,
    problems: FindingCollector,
) -> Fields:
    """Return what the front matter says; `day` is the date of the file's name."""
    entries = header.entries
    return Fields(
        subject=_subject(entries.get("subject"), header, problems),
        preheader=_preheader(entries.get("preheader"), problems),
        draft=_draft(entries.get("draft"), problems),
        send_at=read_send_at(entries.get("send_at"), day, zone, send_clock, problems),
        article=read_article(entries.get("article"), problems),
        themes=read_themes(entries.get("themes"), problems),
        monthly=_monthly(entries.get("audience"), problems),
        allowed=read_allowed(entries.get("allow"), problems),
    )


def _subject(entry: Entry | None, header: Header, problems: FindingCollector) -> str:
    if entry is None or not has_words(entry.value):
        if header.found:
            line = entry.line if entry else header.line
            problems.error(
                line,
                "subject-missing",
                "there is no subject",
                'Write a line "subject: …" in the front matter',
            )
        return ""
    length = len(entry.value)
    if length > CALM_SUBJECT:
        note = problems.error if length > MAX_SUBJECT else problems.warning
        note(
            entry.line,
            "subject-too-long",
            f"the subject has {length} characters; mail programs show about {CALM_SUBJECT}",
            f"Say it in {CALM_SUBJECT} characters or fewer",
        )
    _no_tab(entry, "subject", problems)
    note_headline_marks(entry, "subject", problems)
    return entry.value


def _preheader(entry: Entry | None, problems: FindingCollector) -> str:
    if entry is None:
        return ""
    if len(entry.value) > MAX_PREHEADER:
        problems.error(
            entry.line,
            "preheader-too-long",
            f"the preheader has {len(entry.value)} characters, more than {MAX_PREHEADER}",
            "Say it in 100 characters or fewer: that is what mail programs show",
        )
    _no_tab(entry, "preheader", problems)
    note_headline_marks(entry, "preheader", problems)
    return entry.value


def _no_tab(entry: Entry, key: str, problems: FindingCollector) -> None:
    if "\t" in entry.value:
        problems.error(
            entry.line,
            "forbidden-character",
            f"the {key} holds a tab",
            "Write a space instead",
        )


def _draft(entry: Entry | None, problems: FindingCollector) -> bool:
    if entry is None:
        return False
    answer = _YES_OR_NO.get(entry.value.casefold())
    if answer is None:
        likely = YES_OR_NO_WORDS.get(entry.value.partition("#")[0].strip(" .!").casefold())
        problems.error(
            entry.line,
            "draft-invalid",
            f'draft is "{quote_text(entry.value)}", which is neither yes nor no',
            f'Write "draft: {likely}"' if likely else 'Write "draft: yes" or "draft: no"',
        )
        return likely != "no"
    return answer


def _monthly(entry: Entry | None, problems: FindingCollector) -> bool:
    if entry is None:
        return False
    if entry.value.casefold() == MONTHLY:
        return True
    problems.error(
        entry.line,
        "audience-invalid",
        f'audience is "{quote_text(entry.value)}", which is no audience',
        f'Write "audience: {MONTHLY}" for those who get one letter a month, or delete the line '
        "for all others",
    )
    return False
