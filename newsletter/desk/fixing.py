"""What `check --fix` would write: the new text of each file, its new name, and the difference."""

from __future__ import annotations

import difflib
import hashlib
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from newsletter import checks, content
from newsletter.atomic_write import advise, write_whole
from newsletter.desk import folder, issues
from newsletter.errors import NewsletterError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from newsletter.config import Settings
    from newsletter.model import Finding


@dataclass(frozen=True, slots=True)
class FileFix:
    """What to write in the place of one file.

    Attributes:
        path: The file.
        target: The file under its new name; the same where that stays.
        shown: The path as its author would type it, and that of the target.
        before: What it held when it was read.
        after: What it is to hold.
        fixed: The findings that vanish.
    """

    path: Path
    target: Path
    shown: tuple[str, str]
    before: bytes
    after: bytes
    fixed: tuple[Finding, ...]

    @property
    def difference(self) -> str:
        """The change as a unified difference, as git shows it."""
        old, new = (text.decode().splitlines(keepends=True) for text in (self.before, self.after))
        lines = [*difflib.unified_diff(old, new, *self.shown)]
        if not lines and self.path != self.target:
            lines = [f"rename {self.shown[0]}\n", f"to     {self.shown[1]}\n"]
        return "".join(line if line.endswith("\n") else f"{line}\n" for line in lines)

    @property
    def hash(self) -> str:
        """Names the change: what the file is called and holds, and what it will."""
        names = "\0".join(self.shown).encode()
        return hashlib.sha256(b"\0".join((names, self.before, self.after))).hexdigest()


def plan_fixes(settings: Settings, paths: Iterable[Path]) -> Iterator[FileFix]:
    """Yield what can be repaired in these files."""
    for path in paths:
        try:
            raw = issues.read_bytes(settings, path)
        except NewsletterError:
            continue
        if fix := _plan(settings, path, raw):
            yield fix


def plan_fix(settings: Settings, path: Path) -> FileFix | None:
    """Return what can be repaired in one file; None if that is nothing.

    Raises:
        NewsletterError: It cannot be read.
    """
    return _plan(settings, path, issues.read_bytes(settings, path))


def ignored_paths(settings: Settings) -> list[Path]:
    """Return the files in `issues/` that are no issues only because of their names."""
    ignored = [one.name for one in folder.ignored_files(settings) if one.new_name]
    return [settings.issues / name for name in ignored if (settings.issues / name).is_file()]


def _plan(settings: Settings, path: Path, raw: bytes) -> FileFix | None:
    target = path.with_name(new_name(path) or path.name)
    misnamed = issues.read_text(settings, path, raw)
    draft = issues.read_text(settings, target, raw)
    if draft.source is None:
        return None
    repaired = checks.repair(draft.source.text, draft)
    after = repaired.text.encode()
    if after == raw and target == path:
        return None
    renamed = (
        [] if target == path else [one for one in misnamed.findings if one.rule == "file-name"]
    )
    shown = issues.shown_path(settings, path), issues.shown_path(settings, target)
    fixed = tuple(replace(one, fixable=True) for one in (*renamed, *repaired.fixed))
    return FileFix(path, target, shown, raw, after, fixed)


def new_name(path: Path) -> str:
    """Return the name that a file should have and can get; nothing where there is none."""
    better = content.suggest_file_name(path.name) or ""
    return better if better and not path.with_name(better).exists() else ""


def write_fix(fix: FileFix) -> None:
    """Write a file anew, and give it its new name.

    Raises:
        NewsletterError: It changed since it was read, or cannot be written; nothing is lost.
    """
    try:
        if fix.path.read_bytes() != fix.before:
            raise NewsletterError(
                f"{fix.shown[0]} changed while it was checked, so nothing is written",
                hint="Save it in the editor, and run newsletter check --fix again",
            )
        if fix.after != fix.before:
            write_whole(fix.path, fix.after)
        if fix.target != fix.path:
            # A link with the new name, which fails where that is taken, and then the old one goes.
            fix.target.hardlink_to(fix.path)
            fix.path.unlink()
    except OSError as error:
        raise NewsletterError(
            f"{fix.shown[1]} cannot be written: {error.strerror}", hint=advise(error)
        ) from None
