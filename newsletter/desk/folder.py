"""Everything in `issues/`: which files are issues, and why the others are never sent."""

from __future__ import annotations

import hashlib
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from newsletter import content
from newsletter.desk import issues
from newsletter.errors import NewsletterError
from newsletter.model import Draft, Finding, Severity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from newsletter.config import Settings

_PICTURE: Final = re.compile(
    r"\.(?:jpe?g|jpe|jfif|png|gif|webp|avif|svg|hei[cf]|bmp|tiff?|ico)", re.IGNORECASE
)
_NOT_LETTERS: Final = frozenset({"readme.md", "thumbs.db", "desktop.ini", "icon\r"})
_TEXT: Final = re.compile(
    r"\.(?:md|markdown|mdown|mkdn?|mdx|mdtext|rmd|qmd|txt|text|rtf|docx?|odt|pages|html?)",
    re.IGNORECASE,
)
"""Suffixes of texts."""
_COPIES: Final = frozenset({".bak", ".orig", ".old", ".rej", ".tmp", ".swp"})
"""Suffixes of copies that editors and git leave beside a file."""
_DATED: Final = re.compile(r"[0-9]{4}-?[0-9]{2}-?[0-9]{2}|[0-9]{1,2}[-_.][0-9]{1,2}[-_.][0-9]{2,4}")
_ISSUE_NAME: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}.*\.md", re.IGNORECASE)
_FRONT_MATTER: Final = re.compile(
    rb"(?:\xef\xbb\xbf)?\s*---[ \t]*\r?\n(?s:.*?)(?<=\n)---[ \t]*(?:\r?\n|\Z)"
)
_MOST: Final = 5000
"""How many entries are examined, so that a large folder of something else takes no minutes."""


@dataclass(frozen=True, slots=True)
class IgnoredFile:
    """A file that looks like an issue, or is among them, and is never sent.

    Attributes:
        path: As its author would type it.
        name: The name alone.
        why: What prevents sending.
        fix: What to do next.
        likely: It was probably meant as an issue.
        new_name: The name that it can be given to be one; empty if there is none.
    """

    path: str
    name: str
    why: str
    fix: str
    likely: bool
    new_name: str = ""

    @property
    def line(self) -> str:
        """The path, the reason and the fix on one line."""
        return f"{content.printable(self.path)} is never sent: {self.why}. {self.fix}"

    def finding(self) -> Finding:
        """Return it as a finding of `check`."""
        severity = Severity.ERROR if self.likely else Severity.WARNING
        return Finding(
            self.path,
            1,
            issues.OVERLOOKED,
            severity,
            f"never sent: {self.why}",
            self.fix,
            fixable=bool(self.new_name),
        )


@dataclass(frozen=True, slots=True)
class IssueHead:
    """The front matter of an issue file; its body is not read.

    Attributes:
        path: The file.
        draft: As `issues.read_draft` gives it, without blocks and with the findings of the front
            matter only.
        text: A hash of what subscribers would read, whatever the name of the file.
    """

    path: Path
    draft: Draft
    text: str


def require_folder(settings: Settings) -> None:
    """Check that there is a folder `issues/`.

    Raises:
        NewsletterError: There is none.
    """
    if settings.issues.is_dir():
        return
    near = [
        entry.name
        for entry in _entries(settings.root)
        if entry.name.casefold() in {"issues", "issue", "letters", "brieven"} and entry.is_dir()
    ]
    hint = f"Rename the folder {near[0]}/ to issues/" if near else issues.advise_folder(settings)
    raise NewsletterError(f"there is no folder issues/ in {settings.root}", hint=hint)


def ignored_files(settings: Settings) -> list[IgnoredFile]:
    """Return every file in, below and beside `issues/` that is never sent as it is.

    Pictures, dotfiles and README.md are not returned, nor is a file in `issues/` itself that ends
    in ".md": with a wrong name it is an issue with an error.
    """
    beside = (
        IgnoredFile(
            _shown_path(settings, entry.path),
            entry.name,
            "it is beside the folder issues/, not in it",
            "Move it into issues/",
            likely=True,
        )
        for entry in _entries(settings.root)
        if _ISSUE_NAME.fullmatch(entry.name) and entry.is_file()
    )
    return [*_below(settings, settings.issues), *beside]


def _below(settings: Settings, top: Path) -> Iterator[IgnoredFile]:
    seen = 0
    waiting = [top]
    while waiting and seen < _MOST:
        here = waiting.pop(0)
        for entry in sorted(_entries(here), key=lambda one: one.name):
            seen += 1
            if entry.name.startswith("."):
                continue
            # In issues/ itself, any name that ends in ".md" is an issue, perhaps with an error.
            if here == top and entry.name.endswith(".md"):
                continue
            if entry.is_dir():
                yield from _folder(settings, entry)
                if not entry.is_symlink():
                    waiting.append(Path(entry.path))
            elif not _is_irrelevant(entry.name):
                yield (_misnamed if here == top else _misplaced)(settings, entry)


def _is_irrelevant(name: str) -> bool:
    return name.casefold() in _NOT_LETTERS or _PICTURE.fullmatch(_suffix(name)) is not None


def _looks_like_letter(name: str) -> bool:
    return bool(_TEXT.fullmatch(_suffix(name)) or _DATED.search(name))


def _suffix(name: str) -> str:
    return Path(name.casefold()).suffix


def _misnamed(settings: Settings, entry: os.DirEntry[str]) -> IgnoredFile:
    """Return a file in `issues/` itself that does not end in ".md"."""
    ending = "".join(re.findall(r"\.[A-Za-z][A-Za-z0-9]*~?", entry.name)[-2:])
    ends = f'ends in "{ending}", not in' if ending else "does not end in"
    likely = not _suffix(entry.name) or _looks_like_letter(entry.name)
    fix = _rename(settings, entry.name)
    better = content.suggest_file_name(entry.name) or ""
    return IgnoredFile(
        _shown_path(settings, entry.path),
        entry.name,
        f'its name {ends} ".md"',
        fix,
        likely=likely,
        new_name=better if likely and fix == f"Rename it to {better}" else "",
    )


def _misplaced(settings: Settings, entry: os.DirEntry[str]) -> IgnoredFile:
    """Return a file in a folder within `issues/`."""
    return IgnoredFile(
        _shown_path(settings, entry.path),
        entry.name,
        "it is in a folder within issues/, which is not searched",
        "Move it into issues/ itself; or out of issues/, if it is not a letter",
        likely=_looks_like_letter(entry.name),
    )


def _folder(settings: Settings, entry: os.DirEntry[str]) -> Iterator[IgnoredFile]:
    """Yield a folder that has the name of an issue, or whose content cannot be seen."""
    why = ""
    if entry.name.casefold().endswith(".md"):
        why = "it is a folder, not a file"
    elif entry.is_symlink():
        why = "it is a link to a folder, which is not searched"
    elif not os.access(entry.path, os.R_OK | os.X_OK):
        why = "this folder cannot be read"
    if why:
        path = _shown_path(settings, entry.path)
        fix = "Put the letters that are in it into issues/ itself"
        yield IgnoredFile(path, entry.name, why, fix, likely=True)


def _rename(settings: Settings, name: str) -> str:
    if name.endswith("~") or _suffix(name) in _COPIES:
        return "Delete it, or move it out of issues/: it looks like a copy that an editor left"
    better = content.suggest_file_name(name)
    if better and better in {entry.name for entry in _entries(settings.issues)}:
        return f"{better} exists too: keep one of the two, under that name"
    if better:
        return f"Rename it to {better}"
    if _suffix(name) in {".doc", ".docx", ".odt", ".pages", ".rtf"}:
        return "Save its text as a plain-text file named YYYY-MM-DD-name.md"
    return "Rename it to YYYY-MM-DD-name.md; or move it out of issues/, if it is not a letter"


def _entries(folder: Path) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            return list(entries)
    except OSError:
        return []


def _shown_path(settings: Settings, path: str) -> str:
    return issues.shown_path(settings, Path(path))


def read_heads(settings: Settings) -> list[IssueHead]:
    """Read the front matter of every issue file; this is fast, however many there are."""
    return [read_head(settings, path) for path in issues.issue_paths(settings)]


def read_head(settings: Settings, path: Path) -> IssueHead:
    """Read the front matter of one file; one that cannot be read has that error."""
    try:
        raw = issues.read_bytes(settings, path)
    except NewsletterError:
        return IssueHead(path, issues.read_or_report(settings, path), "")
    head, body = _cut(raw)
    draft = issues.read_text(settings, path, head, whole=False)
    issue = draft.issue
    text = ""
    if issue:
        parts = [issue.subject, issue.preheader, body.decode("utf-8", "replace").strip("\r\n")]
        text = hashlib.sha256("\0".join(parts).replace("\r\n", "\n").encode()).hexdigest()
    return IssueHead(path, draft, text)


def _cut(raw: bytes) -> tuple[bytes, bytes]:
    """Return a file's front matter with its two lines of dashes, and what follows."""
    found = _FRONT_MATTER.match(raw)
    return (raw[: found.end()], raw[found.end() :]) if found else (raw, b"")
