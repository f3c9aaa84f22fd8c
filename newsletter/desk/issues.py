"""Issue files: find the one that an ISSUE argument means, read it, check it, write its letter."""

from __future__ import annotations

import difflib
import os
import re
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final

from newsletter import checks, content, mime, personalize, pictures, render
from newsletter.atomic_write import advise
from newsletter.config import DEFAULT_ORIGIN, make_private
from newsletter.errors import NewsletterError
from newsletter.model import Batch, Draft, Finding, Severity

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from newsletter.config import Settings
    from newsletter.model import Letter, Message

_SLUG = re.compile(r"[a-z0-9][a-z0-9-]{0,119}")
_NAMED: Final = 5
_SHOWN: Final = 120
_SAMPLE_REF = "voorbeeld"  # Dutch for "example"; rendered files and proofs have it in links
_UNREADABLE: Final = "unreadable"
OUTSIDE, SLOT_TAKEN, SAME_TEXT = "outside-issues", "slot-taken", "same-text"
OVERLOOKED: Final = "overlooked-file"


def slug_of_argument(settings: Settings, issue: str) -> str:
    """Return the slug given by an ISSUE argument, directly or as a path; empty if it has none.

    The file may be gone: a mailing that has started continues without it.
    """
    if _SLUG.fullmatch(issue):
        return issue
    path = Path(issue)
    if path.suffix == ".md" and _SLUG.fullmatch(path.stem):
        inside = path.absolute().parent.resolve().is_relative_to(settings.root.resolve())
        if inside or path.name == issue:
            return path.stem
    return ""


def slug_of_path(path: Path) -> str:
    """Return the slug of an issue file."""
    return path.name.removesuffix(".md")


def guess_slug(name: str) -> str:
    """Return the probable slug of a file whose name is not that of an issue."""
    return name.partition(".")[0] or name


def in_issues(settings: Settings, path: Path) -> bool:
    """Tell whether a file is where the schedule looks: in `issues/` itself."""
    return path.absolute().parent.resolve() == settings.issues.resolve()


def find_issue_file(settings: Settings, issue: str) -> Path | None:
    """Return the file that an ISSUE argument names by its whole slug or path, if there is one.

    Raises:
        NewsletterError: It is not a file, or is outside the newsletter's folder.
    """
    path = _path_of_argument(settings, issue)
    return locate_issue(settings, issue) if _is_there(path) else None


def _path_of_argument(settings: Settings, issue: str) -> Path:
    path = Path(issue)
    if _SLUG.fullmatch(issue):
        return settings.issues / f"{issue}.md"
    if path.name == issue and not _is_there(path):
        return settings.issues / issue
    whole = path.with_name(f"{path.name}.md") if path.name else path
    return whole if not _is_there(path) and _is_there(whole) else path


def _is_there(path: Path) -> bool:
    try:
        return os.path.lexists(path)
    except ValueError:  # a NUL in it
        return False


def locate_issue(settings: Settings, issue: str) -> Path:
    """Return the file that an ISSUE argument names.

    Raises:
        NewsletterError: There is no such file, or it is outside the newsletter's folder.
    """
    shown = issue if issue.isprintable() else repr(issue)
    path = _path_of_argument(settings, issue)
    try:
        real = path.resolve(strict=True)
    except (OSError, ValueError, RuntimeError):
        raise NewsletterError(
            f"there is no issue {shown[:_SHOWN]}",
            hint="See what there is: newsletter status",
        ) from None
    if not real.is_relative_to(settings.root.resolve()):
        raise NewsletterError(
            f"{shown[:_SHOWN]} is outside the newsletter's folder", hint="Copy it into issues/"
        )
    if not real.is_file():
        raise NewsletterError(
            f"{shown[:_SHOWN]} is not a file", hint="Name one issue by its slug or path"
        )
    return path


def issue_paths(settings: Settings) -> list[Path]:
    """Return all issue files, oldest first.

    Raises:
        NewsletterError: The folder cannot be read.
    """
    try:
        names = [entry.name for entry in os.scandir(settings.issues)]
    except FileNotFoundError:
        return []
    except OSError as error:
        raise NewsletterError(
            f"the folder issues/ cannot be read: {error.strerror}",
            hint="Make it a folder that this user may read",
        ) from None
    # Editors keep files of their own there, whose names begin with a dot.
    found = sorted(
        name
        for name in names
        if name.endswith(".md") and not name.startswith(".") and name.casefold() != "readme.md"
    )
    return [settings.issues / name for name in found]


def read_all(settings: Settings) -> list[Draft]:
    """Read every issue; a file that cannot be read becomes a draft with that error."""
    return [read_or_report(settings, path) for path in issue_paths(settings)]


def read_or_report(settings: Settings, path: Path) -> Draft:
    """Read an issue file; one that cannot be read becomes a draft with that error."""
    try:
        return read_draft(settings, path)
    except NewsletterError as error:
        finding = Finding(
            path=shown_path(settings, path),
            line=1,
            rule=_UNREADABLE,
            severity=Severity.ERROR,
            message=error.problem,
            fix=error.hint or "Make it a file that this user may read",
        )
        # Its name still has the date, so that it is not overlooked.
        send_at = read_text(settings, path, b"").send_at
        return Draft(path.stem, finding.path, None, (), (finding,), send_at=send_at)


def read_draft(settings: Settings, path: Path) -> Draft:
    """Read an issue file.

    Raises:
        NewsletterError: It cannot be read. What is wrong *in* it is in the draft's findings.
    """
    return read_text(settings, path, read_bytes(settings, path))


def read_bytes(settings: Settings, path: Path) -> bytes:
    """Return the content of an issue file.

    Raises:
        NewsletterError: It cannot be read.
    """
    locate_issue(settings, str(path))
    try:
        with path.open("rb") as file:
            # One byte too many is enough for `content` to refuse it.
            return file.read(content.MAX_BYTES + 1)
    except OSError as error:
        raise NewsletterError(f"{path.name} cannot be read: {error.strerror}") from None


def read_text(settings: Settings, path: Path, raw: bytes, *, whole: bool = True) -> Draft:
    """Parse the content of an issue file, and look at the pictures it names.

    Its body is read only if the `whole` of it is wanted.
    """
    draft = content.read(
        raw,
        name=path.name,
        path=shown_path(settings, path),
        zone=settings.zone,
        send_clock=settings.send_clock,
        today=datetime.now(settings.zone).date(),
        whole=whole,
        own_url=settings.public_url,
    )
    return pictures.attach_pictures(draft, path.absolute().parent, settings)


def find_draft(settings: Settings, issue: str) -> tuple[str, Draft | None]:
    """Return the slug that an argument names in full, and its file unless that is gone."""
    path = find_issue_file(settings, issue)
    if path is None:
        return slug_of_argument(settings, issue) or locate_issue(settings, issue).stem, None
    return slug_of_path(path), read_draft(settings, path)


@dataclass(frozen=True, slots=True)
class RenderedIssue:
    """The files of a rendered issue.

    Attributes:
        slug: Of the issue.
        subject: Of its letter.
        letter_hash: Names the letter that subscribers would get.
        files: HTML, text and EML, in this order. The pictures that the HTML shows are beside
            them, in the folder `media`; the EML holds its own.
    """

    slug: str
    subject: str
    letter_hash: str
    files: tuple[Path, ...]


def render_files(settings: Settings, draft: Draft, folder: Path | None) -> RenderedIssue:
    """Write an issue as `SLUG.html`, `SLUG.txt` and `SLUG.eml`, as an invented subscriber gets it.

    Args:
        settings: The newsletter's settings.
        draft: The issue.
        folder: Where to write; `.newsletter/render` if None.

    Raises:
        NewsletterError: The file has errors, or the folder cannot be written.
    """
    ready_issue = checks.require_valid(draft)
    letter = render.letter(ready_issue, settings)
    message = sample_message(letter, draft.slug, ready_issue.send_at, "Anna")
    copies = pictures.copy_pictures(ready_issue, settings)
    html = pictures.show_copies(message.html, copies, settings, "media/")
    folder = folder or make_private(settings.state) / "render"
    written = {
        f"{draft.slug}.html": html.encode(),
        f"{draft.slug}.txt": message.text.encode(),
        f"{draft.slug}.eml": _whole_message(settings, message, copies),
    }
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, data in copies.items():
            (folder / "media").mkdir(exist_ok=True)
            (folder / "media" / name).write_bytes(data)
        for name, data in written.items():
            (folder / name).write_bytes(data)
    except OSError as error:
        raise NewsletterError(
            f"{folder} cannot be written: {error.strerror}",
            hint=advise(error, "Choose another --out"),
        ) from None
    files = tuple(folder / name for name in written)
    return RenderedIssue(draft.slug, letter.subject, letter.hash, files)


def _whole_message(settings: Settings, message: Message, copies: Mapping[str, bytes]) -> bytes:
    """Return a message that holds its own pictures, so that a mail program shows them."""
    html = pictures.show_copies(message.html, copies, settings, mime.CONTENT_ID)
    held = [
        mime.Picture(name, pictures.media_type(name), body)
        for name, body in copies.items()
        if name in html
    ]
    return mime.eml(replace(message, html=html), held)


def sample_message(letter: Letter, slug: str, send_at: datetime, first_name: str | None) -> Message:
    """Return a letter as an invented subscriber gets it; its unsubscribe link does nothing."""
    recipient = personalize.recipient(
        letter, _SAMPLE_REF, "anna@example.org", first_name, token=_SAMPLE_REF
    )
    date = datetime.fromtimestamp(send_at.timestamp(), UTC)
    return personalize.message(Batch(_SAMPLE_REF, slug, letter, date, (recipient,)), recipient)


def shown_path(settings: Settings, path: Path) -> str:
    """Return a path as its author would type it: relative to the current folder or the root.

    With slashes on every system, because JSON and a forge's annotations have it so.
    """
    real = path if path.is_absolute() else Path.cwd() / path
    here = Path.cwd()
    base = here if real.is_relative_to(here) else settings.root
    shown = Path(os.path.relpath(real, base)) if real.is_relative_to(base) else path
    return shown.as_posix()


@dataclass(frozen=True, slots=True)
class IssueMatch:
    """The issue that an argument names.

    Attributes:
        slug: The whole slug.
        path: Its file; None if that is gone.
        whole: The whole slug or a path was typed.
    """

    slug: str
    path: Path | None
    whole: bool = True


def match_issue(settings: Settings, typed: str, ledger: Callable[[], Iterable[str]]) -> IssueMatch:
    """Return the issue that an argument names.

    Args:
        settings: The newsletter's settings.
        typed: The argument.
        ledger: Returns the slugs of all mailings, whose files may be gone; called only if no file
            has that name.

    Raises:
        NewsletterError: None or several match; the error names the nearest ones.
    """
    if path := find_issue_file(settings, typed):
        return IssueMatch(slug_of_path(path), path)
    files = {slug_of_path(path): path for path in issue_paths(settings)}
    if typed in files:  # a name that is no slug
        return IssueMatch(typed, files[typed])
    known = [*dict.fromkeys([*files, *ledger()])]
    gone = slug_of_argument(settings, typed)
    if gone in known:
        return IssueMatch(gone, None)
    part = typed.casefold()
    found = [slug for slug in known if part in slug.casefold()] if part.strip("-") else []
    # The mailings of corrections begin with the slug of their issue, which is then meant.
    found = [slug for slug in found if slug.partition("--")[0] not in {*found} - {slug}]
    if len(found) == 1:
        (slug,) = found
        return IssueMatch(slug, files.get(slug), whole=False)
    if not known and not settings.issues.is_dir():
        raise NewsletterError(
            f"there is no folder issues/ in {settings.root}", hint=advise_folder(settings)
        )
    raise _no_such_issue(typed, gone, known, found)


def advise_folder(settings: Settings) -> str:
    """Return what to do where there is no `issues/`."""
    if settings.origin == DEFAULT_ORIGIN:
        return "Make a newsletter: newsletter init; or go to the folder of the one that you have"
    return "Make it: mkdir issues; or go to your newsletter's folder"


def _no_such_issue(typed: str, slug: str, known: list[str], found: list[str]) -> NewsletterError:
    shown = (typed if typed.isprintable() else repr(typed))[:_SHOWN]
    if found:
        names = ", ".join(sorted(found, reverse=True)[:_NAMED])
        return NewsletterError(
            f'"{shown}" is a part of {len(found)} issues: {names}', hint="Type more of its slug"
        )
    near = _nearest(slug or Path(typed).name.casefold(), known)
    hint = f"Did you mean {near}?" if near else "See what there is: newsletter status"
    return NewsletterError(f"there is no issue {shown}", hint=hint)


def _nearest(typed: str, known: list[str]) -> str | None:
    """Return the slug that was probably meant; the date may be missing."""
    if found := difflib.get_close_matches(typed, known, n=1, cutoff=0.7):
        return found[0]
    words = {slug[11:]: slug for slug in known if len(slug) > len("2026-11-29-")}
    found = difflib.get_close_matches(typed[11:] or typed, words, n=1, cutoff=0.7)
    found = found or difflib.get_close_matches(typed, words, n=1, cutoff=0.7)
    return words[found[0]] if found else None
