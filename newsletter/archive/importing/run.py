"""Bring the old letters of an export into the archive, all of them or none.

What an export holds is read first; then one transaction stores what is new. A letter that is in
the archive stays as it is there, so a repeated import changes nothing.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final

from newsletter.archive.importing.editing import Editor
from newsletter.archive.importing.export_file import open_export, shown_name
from newsletter.archive.importing.letters import LeftOut, SentLetter
from newsletter.archive.importing.markup import Surroundings
from newsletter.archive.importing.pictures import ExportPictures
from newsletter.archive.importing.recognise import recognise
from newsletter.article.words import draft_texts
from newsletter.content.file_names import MAX_SLUG
from newsletter.errors import NewsletterError, PictureError, TryAgain
from newsletter.store import editions, freezing, media
from newsletter.store.database import now

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping
    from pathlib import Path

    from newsletter.config import Settings
    from newsletter.model import Edition
    from newsletter.store import Connection, Store

_REJECTED: Final = 100
_TWICE: Final = "twice in the export"
_ANOTHER_TEXT: Final = "in the archive with another text, which stays"
_OWN_ISSUE: Final = "an issue of this name is in the archive"


@dataclass(frozen=True, slots=True)
class ImportReport:
    """The result of an import; added, unchanged and skipped add up to rows.

    Attributes:
        program: The program of the export.
        reasons: How many were skipped, by reason.
        rejected: The first of those, each with its reason.
    """

    program: str
    rows: int
    added: int
    unchanged: int
    skipped: int
    reasons: Mapping[str, int]
    rejected: tuple[LeftOut, ...] = ()


@dataclass(slots=True)
class _Outcome:
    """What was found so far."""

    kept: list[Edition] = field(default_factory=list)
    unchanged: int = 0
    left_out: list[LeftOut] = field(default_factory=list)


def import_export(
    store: Store, settings: Settings, path: Path, progress: Callable[[int, int], None]
) -> ImportReport:
    """Bring an export's letters into the archive.

    Args:
        store: The database.
        settings: The newsletter's settings.
        path: The export: a ZIP file, a folder, or a file.
        progress: Called with how many items were read, and how many there are.

    Raises:
        NewsletterError: It is no export, or cannot be read; nothing was stored.
    """
    with store.read() as connection:
        moment = now(connection)
    with open_export(path) as export:
        found = recognise(export)
        pictures = ExportPictures(export)
        things = draft_texts(settings.language).things
        editor = Editor(
            found.program, settings.zone, moment, pictures, Surroundings(things, pictures.find)
        )
        outcome = _Outcome()
        letters: list[Edition] = []
        for done, one in enumerate(found.items, start=1):
            edited = editor.edit(one) if isinstance(one, SentLetter) else one
            if isinstance(edited, LeftOut):
                outcome.left_out.append(edited)
            else:
                letters.append(edited)
            progress(done, found.total)
        _store(store, _with_own_slugs(letters, outcome), outcome, pictures)
    return _report(found.program, outcome)


def _with_own_slugs(letters: Iterable[Edition], outcome: _Outcome) -> list[Edition]:
    """Give each letter a slug of its own: of two of one day and name, the second gets a number."""
    chosen: dict[str, Edition] = {}
    for letter in sorted(letters, key=lambda one: (one.at, one.slug, one.content_hash)):
        slug, number = letter.slug, 1
        while slug in chosen and chosen[slug].content_hash != letter.content_hash:
            number += 1
            end = f"-{number}"
            slug = f"{letter.slug[: MAX_SLUG - len(end)].rstrip('-')}{end}"
        if slug in chosen:
            outcome.left_out.append(LeftOut(letter.subject, _TWICE))
        else:
            chosen[slug] = replace(letter, slug=slug)
    return list(chosen.values())


def _choose(connection: Connection, letters: Iterable[Edition], outcome: _Outcome) -> None:
    """Decide which letters are new."""
    known = editions.content_hashes(connection)
    imported = editions.imported_slugs(connection)
    for letter in letters:
        if letter.slug not in known:
            outcome.kept.append(letter)
        elif letter.slug not in imported:
            outcome.left_out.append(LeftOut(letter.subject, _OWN_ISSUE))
        elif known[letter.slug] == letter.content_hash:
            outcome.unchanged += 1
        else:
            outcome.left_out.append(LeftOut(letter.subject, _ANOTHER_TEXT))


def _store(
    store: Store, letters: Collection[Edition], outcome: _Outcome, pictures: ExportPictures
) -> None:
    with store.read() as connection:
        preview = _Outcome()
        _choose(connection, letters, preview)
        needed = {name for letter in preview.kept for name in letter.pictures}
        stored = media.find_stored(connection, needed) if needed else frozenset()
    # Outside the transaction: a large photo takes a second.
    made = {name: _copy(pictures, name) for name in sorted(needed - stored)}
    with store.write() as connection:
        freezing.lock_freezing(connection)
        _choose(connection, letters, outcome)
        if needed and (media.store(connection, needed, made) | media.mark_sent(connection, needed)):
            raise TryAgain("a picture was deleted from the database meanwhile", hint="Run it again")
        for letter in outcome.kept:
            editions.record(connection, letter)


def _copy(pictures: ExportPictures, name: str) -> bytes:
    try:
        return pictures.copy(name)
    except PictureError as error:
        raise NewsletterError(
            f"a picture of the export cannot be copied: {error.problem}",
            hint="Take it out of the export, and run it again",
        ) from None


def _report(program: str, outcome: _Outcome) -> ImportReport:
    left = [replace(one, name=shown_name(one.name)) for one in outcome.left_out]
    added, skipped = len(outcome.kept), len(left)
    return ImportReport(
        program=program,
        rows=added + outcome.unchanged + skipped,
        added=added,
        unchanged=outcome.unchanged,
        skipped=skipped,
        reasons=dict(Counter(one.reason for one in left).most_common()),
        rejected=tuple(left[:_REJECTED]),
    )
