"""The words of issues as the search reads them, kept from one build to the next.

To find them takes most of a build, and those of an issue change with its text alone.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
from typing import TYPE_CHECKING

from newsletter.archive.analysis import WordUse, analyse
from newsletter.atomic_write import write_whole

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from newsletter.archive.analysis import SearchDocument


class WordCache:
    """Returns the words of an issue, those of last time if its text is the same.

    Args:
        file: Where they are kept; it is made anew when it is missing or cannot be read.
        code: What changes with the program.
    """

    def __init__(self, file: Path, code: str) -> None:
        self._file = file
        self._code = code
        self._kept = self._read()
        self._used: dict[str, Sequence[WordUse]] = {}

    def _read(self) -> dict[str, list[list[object]]]:
        with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
            value = json.loads(self._file.read_bytes())
            if value["code"] == self._code:
                return dict(value["issues"])
        return {}

    def words(self, document: SearchDocument) -> Sequence[WordUse]:
        """Return what `analyse` returns of an issue."""
        key = hashlib.sha256(repr(document).encode()).hexdigest()
        if key not in self._used:
            kept = self._kept.get(key)
            self._used[key] = [WordUse(*one) for one in kept] if kept else analyse(document)  # type: ignore[arg-type]
        return self._used[key]

    def write(self) -> None:
        """Keep what was used, where the newsletter has a folder for what it keeps."""
        if self._file.parent.is_dir() and self._used.keys() != self._kept.keys():
            value = {"code": self._code, "issues": self._used}
            with contextlib.suppress(OSError):  # the next build only takes longer
                write_whole(self._file, json.dumps(value).encode(), 0o600)
