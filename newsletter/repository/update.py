"""Compares the files that `init` renews with what this version writes, and renews them."""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from newsletter.atomic_write import advise, write_whole
from newsletter.errors import NewsletterError
from newsletter.repository.ownership import is_edited, is_marked, mark, unmark
from newsletter.repository.write import copy_wheel, read_wheel, wheel_path

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from newsletter.repository.files import RepositoryFile


class ChangeKind(StrEnum):
    """Why a file is not what this version writes."""

    NEW = "new"
    """It is not there."""
    DIFFERS = "differs"
    """It is as another version, or other settings, wrote it."""
    EDITED = "edited"
    """A person edited it, or wrote it."""


@dataclass(frozen=True, slots=True)
class Change:
    """One file that is not what this version writes.

    Attributes:
        path: Below the root, with slashes.
        kind: Why.
        before: What it says; empty if it is not there.
        after: What this version writes.
        wheel: The file is a copy of this one, and no text; empty for all others.
    """

    path: str
    kind: ChangeKind
    before: str
    after: str
    wheel: str = ""

    def diff(self) -> str:
        """Return the difference, as `diff --unified` shows it."""
        lines = difflib.unified_diff(
            self.before.splitlines(keepends=True),
            self.after.splitlines(keepends=True),
            "/dev/null" if self.kind is ChangeKind.NEW else f"a/{self.path}",
            f"b/{self.path}",
        )
        return "".join(line if line.endswith("\n") else f"{line}\n" for line in lines)


_KEPT: Final = {"fly.toml": ("app", "primary_region")}
"""What names something that exists at a host by now: as it was, whatever the settings say."""

REPLACED: Final = "replaced"
"""The folder in `.newsletter/` that keeps what a person had edited."""


def compare_files(root: Path, files: Iterable[RepositoryFile]) -> tuple[Change, ...]:
    """Return what is to be renewed; settings, issues and texts of the author are never part of it.

    Raises:
        NewsletterError: A file cannot be read.
    """
    found = []
    for file in files:
        if not file.owned:
            continue
        text = read_text(root / file.path)
        if text is None:
            found.append(Change(file.path, ChangeKind.NEW, "", file.text))
            continue
        here = unmark(text)
        after = _keep_names(file.text, here, _KEPT.get(file.path, ()))
        if here != after:
            kind = ChangeKind.EDITED if is_edited(text) else ChangeKind.DIFFERS
            found.append(Change(file.path, kind, here, after))
    return tuple(found)


def _keep_names(text: str, here: str, keys: Sequence[str]) -> str:
    """Return a TOML text with the lines of these top-level keys as they are in the file here."""
    top = re.split(r"^\[", here, maxsplit=1, flags=re.MULTILINE)[0]
    for key in keys:
        line = re.compile(rf"^{key} *=.*$", re.MULTILINE)
        if kept := line.search(top):
            text = line.sub(kept[0].replace("\\", r"\\"), text, count=1)
    return text


def compare_wheel(root: Path, wheel: str) -> tuple[Change, ...]:
    """Return the copy of a wheel in the repository as a change, unless it is as it must be.

    Args:
        root: The folder of the repository.
        wheel: The path of the wheel that jobs install.

    Raises:
        NewsletterError: One of the two cannot be read.
    """
    path = wheel_path(wheel)
    data = read_wheel(wheel)
    try:
        if (root / path).read_bytes() == data:
            return ()
        kind = ChangeKind.DIFFERS
    except (FileNotFoundError, NotADirectoryError):
        kind = ChangeKind.NEW
    except OSError as error:
        raise NewsletterError(f"{path} cannot be read: {error.strerror}") from None
    return (Change(path, kind, "", "", wheel),)


def renew_files(root: Path, changes: Sequence[Change], keep: Path) -> tuple[str, ...]:
    """Write what this version writes; return where each file that a person had edited is kept.

    Raises:
        NewsletterError: A file cannot be written.
    """
    kept = []
    for at, change in enumerate(changes):
        target = root / change.path
        if change.wheel:
            copy_wheel(root, change.wheel, [one.path for one in changes[:at]])
            continue
        try:
            if change.kind is ChangeKind.EDITED:
                copy = keep / REPLACED / change.path
                copy.parent.mkdir(parents=True, exist_ok=True)
                write_whole(copy, target.read_bytes())
                kept.append(str(copy))
            target.parent.mkdir(parents=True, exist_ok=True)
            write_whole(target, mark(change.after).encode())
        except OSError as error:
            raise NewsletterError(
                f"{change.path} cannot be written: {error.strerror}",
                hint=f"{advise(error)}, and run the same command again",
            ) from None
    return tuple(kept)


def find_kind(root: Path, candidates: Mapping[str, Sequence[str]]) -> str:
    """Return the kind whose files `init` wrote here: the one with the most of them, else `none`.

    Args:
        root: The folder of the repository.
        candidates: The paths of the files of each kind.
    """

    def written(kind: str) -> int:
        return sum(is_written(root, path) for path in candidates[kind])

    best = max(candidates, key=written)
    return best if written(best) else "none"


def is_written(root: Path, path: str) -> bool:
    """Return whether a file is there and says that `init` wrote it."""
    text = read_text(root / path)
    return text is not None and is_marked(text)


def read_text(path: Path) -> str | None:
    """Return the text of a file; None if it is not there.

    Raises:
        NewsletterError: It cannot be read.
    """
    try:
        return path.read_bytes().decode("utf-8", "replace")
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise NewsletterError(
            f"{path.name} cannot be read: {error.strerror}", where=str(path)
        ) from None
