"""What "Fix" would write into an issue file, and writing it."""

from __future__ import annotations

import difflib
import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from newsletter.atomic_write import advise, write_whole
from newsletter.checks.fixes import repair
from newsletter.desk import issues
from newsletter.errors import NewsletterError

if TYPE_CHECKING:
    from pathlib import Path

    from newsletter.config import Settings


@dataclass(frozen=True, slots=True)
class PlannedFix:
    """What is to be written in the place of one file.

    Attributes:
        shown: The path as its author would type it.
        before: What it held when it was read.
        after: What it is to hold.
    """

    shown: str
    before: bytes
    after: bytes

    @property
    def difference(self) -> str:
        """The change as a unified difference."""
        old, new = (text.decode().splitlines() for text in (self.before, self.after))
        return "\n".join(difflib.unified_diff(old, new, self.shown, self.shown, lineterm=""))

    @property
    def hash(self) -> str:
        """Names the change: what the file holds and will hold."""
        return hashlib.sha256(self.before + b"\0" + self.after).hexdigest()


def plan_fix(settings: Settings, path: Path) -> PlannedFix | None:
    """Return what can be repaired in a file; None if that is nothing.

    Raises:
        NewsletterError: It cannot be read.
    """
    raw = issues.read_bytes(settings, path)
    draft = issues.read_text(settings, path, raw)
    if draft.source is None:
        return None
    after = repair(draft.source.text, draft).text.encode()
    return PlannedFix(draft.path, raw, after) if after != raw else None


def write_fix(settings: Settings, path: Path, expected: str) -> None:
    """Write the fix that a person saw into its file.

    Args:
        settings: The newsletter's settings.
        path: The file.
        expected: The hash of that fix.

    Raises:
        NewsletterError: The file changed since, or cannot be written; nothing is lost.
    """
    fix = plan_fix(settings, path)
    if fix is None or fix.hash != expected:
        raise NewsletterError(
            "the file changed meanwhile, so nothing is written",
            hint="Close this, and look at what would change now",
        )
    try:
        write_whole(path, fix.after)
    except OSError as error:
        raise NewsletterError(
            f"{fix.shown} cannot be written: {error.strerror}", hint=advise(error)
        ) from None
