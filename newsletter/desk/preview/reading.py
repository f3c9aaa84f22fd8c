"""One reading of an issue file for the preview: what is wrong with it, and its letter."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from newsletter import render
from newsletter.desk import inspection, issues
from newsletter.errors import NewsletterError
from newsletter.model import Image, Severity
from newsletter.pictures import list_pictures

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime
    from pathlib import Path

    from newsletter.config import Settings
    from newsletter.desk.folder import IssueHead
    from newsletter.model import Draft, Finding, Letter, Picture


@dataclass(frozen=True, slots=True)
class ShownLetter:
    """The newest letter that could be made of an issue.

    Attributes:
        letter: With the placeholders of a subscriber.
        send_at: When it would go out.
        pictures: Those of its images that are files.
    """

    letter: Letter
    send_at: datetime
    pictures: tuple[Picture, ...] = ()


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong, and what to do next, as the command line prints it."""

    sentence: str
    hint: str


@dataclass(frozen=True, slots=True)
class Reading:
    """What reading an issue file gave.

    Attributes:
        slug: Of the issue.
        path: The file.
        shown_path: As its author would type it.
        raw: Its bytes; of a file that is gone, those it had.
        findings: What `newsletter check` reports about it.
        shown: Its letter; an older one if the file has errors now, None if it never had one.
        problem: Why the letter is not that of the file as it is now.
        images: Where its image files are, or would be.
    """

    slug: str
    path: Path
    shown_path: str
    raw: bytes = field(repr=False)
    findings: tuple[Finding, ...] = ()
    shown: ShownLetter | None = None
    problem: Problem | None = None
    images: tuple[Path, ...] = ()

    @property
    def source(self) -> str:
        """The file as text, whatever it holds."""
        return self.raw.decode("utf-8", "replace").removeprefix("\ufeff")


def read_issue(
    settings: Settings, path: Path, before: Reading | None, heads: Sequence[IssueHead] | None = None
) -> Reading:
    """Read an issue file, check it and render it; whatever is wrong is in what is returned.

    Args:
        settings: The newsletter's settings.
        path: The file.
        before: The last reading; its letter is shown while there is no newer one.
        heads: The front matter of every issue, oldest first, where it is known.
    """
    slug, shown_path = issues.slug_of_path(path), issues.shown_path(settings, path)
    raw = before.raw if before else b""
    shown = before.shown if before else None
    try:
        raw = issues.read_bytes(settings, path)
    except NewsletterError as error:
        problem = Problem(f"{shown_path} cannot be read: {error.problem}", error.hint)
        return Reading(slug, path, shown_path, raw, shown=shown, problem=problem)
    draft = issues.read_text(settings, path, raw)
    findings = inspection.inspect_files(settings, [draft], [path], heads=heads).findings
    images = _image_files(settings, draft, path)
    reading = Reading(slug, path, shown_path, raw, findings, shown, images=images)
    if draft.issue is None:
        errors = [one for one in findings if one.severity is Severity.ERROR]
        return replace(reading, problem=_problem_of(errors))
    try:
        letter = render.letter(draft.issue, settings)
        found = list_pictures(draft.issue, settings)
    except NewsletterError as error:
        return replace(reading, problem=Problem(error.sentence, error.hint))
    return replace(reading, shown=ShownLetter(letter, draft.issue.send_at, found))


def _image_files(settings: Settings, draft: Draft, path: Path) -> tuple[Path, ...]:
    """Return where the image files of a letter are, or would be: they are watched."""
    named = [block.file for block in draft.blocks if isinstance(block, Image) and block.file]
    beside = [path.parent / name for name in named]
    of_settings = filter(None, (settings.logo, settings.portrait))
    return (*beside, *(settings.root / name.lstrip("/") for name in (*named, *of_settings)))


def _problem_of(errors: list[Finding]) -> Problem:
    if not errors:
        return Problem("this file is not an issue yet", "Give it a subject and a text")
    first = errors[0]
    if len(errors) > 1:
        first_of = f"{len(errors)} errors, the first on line {first.line}"
        return Problem(f"{first_of}: {first.message}", first.fix)
    return Problem(f"{first.message} (line {first.line})", first.fix)
