"""What the preview watches: the state of every file that a letter may depend on.

A poll, because the events of a file system do not arrive on network folders, in containers and
under WSL; a scan of 500 files takes 1.3 ms.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

Fingerprint: TypeAlias = dict[str, tuple[int, int, int]]
"""The time of the last change, the size and the inode of each file, by its path."""

_MOST: Final = 5_000
"""How many files of a folder are watched, so that a large folder of something else costs little."""
_ROOT_FILES: Final = ("newsletter.toml", "pyproject.toml", "words.txt")


def fingerprint(root: Path, pictures: Iterable[Path]) -> Fingerprint:
    """Return the state of what a letter may depend on.

    Args:
        root: Of the newsletter: its settings, words, issues and templates are watched.
        pictures: Files elsewhere that a letter shows.
    """
    found: Fingerprint = {}
    for path in (*(root / name for name in _ROOT_FILES), *pictures):
        try:
            found[str(path)] = _state(path.stat())
        except (OSError, ValueError):
            continue
    for folder in (root / "issues", root / "templates"):
        for entry in _files(folder):
            try:
                found[entry.path] = _state(entry.stat())
            except OSError:
                continue
    return found


def _state(found: os.stat_result) -> tuple[int, int, int]:
    return found.st_mtime_ns, found.st_size, found.st_ino


def _files(top: Path) -> Iterator[os.DirEntry[str]]:
    waiting = [str(top)]
    seen = 0
    while waiting and seen < _MOST:
        try:
            with os.scandir(waiting.pop()) as entries:
                for entry in entries:
                    seen += 1
                    if entry.is_dir(follow_symlinks=False):
                        waiting.append(entry.path)
                    else:
                        yield entry
        except OSError:
            continue
