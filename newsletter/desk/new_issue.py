"""The place of a new issue among the others: its day, its name, and whether it is there already."""

from __future__ import annotations

import re
from contextlib import suppress
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Final
from urllib.parse import parse_qsl, urlencode, urlsplit

from newsletter.atomic_write import advise, write_whole
from newsletter.content.file_names import MAX_SLUG, has_file_name_words, issue_file_name
from newsletter.content.words import any_of, words
from newsletter.desk.folder import read_heads
from newsletter.desk.issues import issue_paths, shown_path, slug_of_path
from newsletter.errors import NewsletterError
from newsletter.tracking_parameters import without_tracking

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from newsletter.config import Settings
    from newsletter.desk.folder import IssueHead

_ARTICLE: Final = re.compile(rb"^article:[ \t]*[\"']?(\S+?)[\"']?[ \t]*\r?$", re.MULTILINE)
_HEAD: Final = 4000
_A_YEAR: Final = timedelta(days=366)


@dataclass(frozen=True, slots=True)
class IssuePlace:
    """Where a new issue goes.

    Attributes:
        path: Its file, which is not there yet.
        send_at: When it goes out if its file does not say otherwise.
        held: Which earlier days are held by a draft; a sentence on each.
    """

    path: Path
    send_at: datetime
    held: tuple[str, ...] = ()

    @property
    def slug(self) -> str:
        """The issue's slug."""
        return slug_of_path(self.path)


def find_place(
    settings: Settings,
    names: Sequence[str],
    day: date | None,
    now: datetime,
    *,
    monthly: bool = False,
) -> IssuePlace:
    """Return the place of a new issue: on a day that is asked for, or the next free `send_day`.

    Args:
        settings: The newsletter's settings.
        names: What the file may be named after: the first that has letters for a name.
        day: The day that the author asks for.
        now: The moment.
        monthly: It is for those who get one letter a month, so that only their slots count.

    Raises:
        NewsletterError: Another issue has that day's slot.
    """
    taken = {
        head.draft.send_at.astimezone(settings.zone): head
        for head in read_heads(settings)
        if head.draft.send_at and head.draft.monthly == monthly
    }
    held: tuple[str, ...] = ()
    if day is None:
        days = {moment.date(): head for moment, head in taken.items()}
        day, passed = _next_free(settings, days, now)
        held = tuple(_held_by(settings, one, days[one]) for one in passed)
    send_at = datetime.combine(day, settings.send_clock, settings.zone)
    if send_at in taken:
        raise _slot_taken(settings, taken[send_at], send_at)
    name = next((one for one in names if has_file_name_words(one)), "")
    return IssuePlace(settings.issues / issue_file_name(day, name), send_at, held)


def _slot_taken(settings: Settings, head: IssueHead, send_at: datetime) -> NewsletterError:
    shown, hint = shown_path(settings, head.path), "Give --date another day"
    problem = f"{shown} goes out at {send_at:%Y-%m-%d %H:%M} already"
    if head.draft.is_draft:
        problem = f"{shown}, a draft, has {send_at:%Y-%m-%d %H:%M} already"
        hint = f"{hint}, or delete {_delete(head)}"
    return NewsletterError(problem, hint=f"{hint}; without --date it is the next free one")


def _held_by(settings: Settings, day: date, head: IssueHead) -> str:
    shown = shown_path(settings, head.path)
    return f"{day:%A %Y-%m-%d} is held by {shown}, a draft. You may delete {_delete(head)}."


def _delete(head: IssueHead) -> str:
    """Return what a draft may be called when it may be deleted."""
    try:
        text = head.path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        text = ""
    is_sample = re.search(any_of(words().samples), text, re.IGNORECASE)
    return "it: it is the sample of newsletter init" if is_sample else "it if you do not need it"


def _next_free(
    settings: Settings, taken: Mapping[date, IssueHead], now: datetime
) -> tuple[date, list[date]]:
    """Return the next free day, and those before it that only a draft holds."""
    local = now.astimezone(settings.zone)
    day = local.date() - timedelta(days=1)
    held: list[date] = []
    while True:
        day = settings.next_send_day(day)
        is_ahead = datetime.combine(day, settings.send_clock, settings.zone) > local
        if is_ahead and day not in taken:
            return day, held
        if is_ahead and taken[day].draft.is_draft:
            held.append(day)


def require_sensible_day(day: date, settings: Settings, now: datetime) -> None:
    """Check that a day that an author asks for is ahead.

    Raises:
        NewsletterError: It is past, or more than a year ahead.
    """
    send_at = datetime.combine(day, settings.send_clock, settings.zone)
    if send_at <= now:
        raise NewsletterError(
            f"{send_at:%Y-%m-%d %H:%M} is past", hint="Give --date a day that is to come"
        )
    if send_at > now + _A_YEAR:
        raise NewsletterError(
            f"{day:%Y-%m-%d} is more than a year from now", hint="Look at the year of --date"
        )


def find_introduction(settings: Settings, article: str) -> Path | None:
    """Return the issue that introduces an article, by its key `article`."""
    wanted = same_address(article)
    if not wanted:
        return None
    for path in issue_paths(settings):
        if not path.is_file():
            continue  # nobody may ever write into a pipe
        with suppress(OSError), path.open("rb") as file:
            found = _ARTICLE.search(file.read(_HEAD).partition(b"\n---")[0])
            if found and same_address(found[1].decode("utf-8", "replace")) == wanted:
                return path
    return None


def find_namesake(settings: Settings, place: IssuePlace) -> Path | None:
    """Return an issue of another day that has the same name otherwise."""
    name = place.slug[len("2026-11-29-") :]
    return next(
        (
            path
            for path in issue_paths(settings)
            if slug_of_path(path)[len("2026-11-29-") :] == name
        ),
        None,
    )


def same_address(url: str) -> str:
    """Return an address in the form in which two that lead to one page are equal."""
    try:
        parts = urlsplit(without_tracking(url.strip()))
        host = (parts.hostname or "").removeprefix("www.")
    except ValueError:
        return ""
    query = urlencode([one for one in parse_qsl(parts.query) if one[0] != "ref"])
    path = parts.path.rstrip("/").removesuffix("/index.html")
    return f"{host}{path}?{query}" if host else ""


def write_issue(
    settings: Settings, place: IssuePlace, text: str, pictures: Mapping[str, bytes]
) -> None:
    """Write the file of a new issue, and the pictures beside it; none that is there is replaced.

    Args:
        settings: The newsletter's settings.
        place: Where the issue goes.
        text: The file.
        pictures: The data of each picture, by its name.

    Raises:
        NewsletterError: A file of that name is there, or cannot be written.
    """
    folder = place.path.parent
    files = [*((folder / name, data) for name, data in pictures.items())]
    files.append((place.path, text.encode()))  # when it is there, all of it is there
    written: list[Path] = []
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for path, data in files:
            _require_new(path)
            written.append(path)
            write_whole(path, data)
    except BaseException as error:
        for path in written:
            path.unlink(missing_ok=True)
        if not isinstance(error, OSError):
            raise
        if isinstance(error, FileExistsError):
            raise NewsletterError(
                f"{shown_path(settings, place.path)} is there already, or a picture beside it",
                hint="Give --date another day, or rename that file",
            ) from None
        raise NewsletterError(
            f"{shown_path(settings, place.path)} cannot be written: {error.strerror}",
            hint=advise(error),
        ) from None


def _require_new(path: Path) -> None:
    if path.exists() or path.is_symlink():
        raise FileExistsError(path)


__all__ = [
    "MAX_SLUG", "IssuePlace", "find_introduction", "find_namesake", "find_place",
    "require_sensible_day", "same_address", "write_issue",
]  # fmt: skip
