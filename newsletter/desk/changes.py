"""Which issues may look different since a commit: what git says."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from newsletter.desk.issues import issue_paths
from newsletter.errors import NewsletterError
from newsletter.git import ask_git

if TYPE_CHECKING:
    from pathlib import Path

    from newsletter.config import Settings

_OF_EVERY_LETTER: Final = ("templates/", "newsletter.toml", "pyproject.toml")
_NEWEST: Final = 10


@dataclass(frozen=True, slots=True)
class Changes:
    """What changed.

    Attributes:
        paths: The issue files whose letters may look different.
        why: Why these are the newest issues and not those that changed; empty if they did.
    """

    paths: tuple[Path, ...]
    why: str = ""


def find_changes(settings: Settings, since: str) -> Changes:
    """Return the issues that changed since a commit.

    If templates or settings changed, or git does not know the commit, any letter may look
    different: these are the newest issues.
    """
    paths = issue_paths(settings)
    changed = _changed_files(settings.root, since)
    if changed is None:
        return Changes(tuple(paths[-_NEWEST:]), f"git cannot compare with {since[:80]!r}")
    if any(name.startswith(_OF_EVERY_LETTER) for name in changed):
        return Changes(tuple(paths[-_NEWEST:]), "templates or settings changed")
    return Changes(tuple(path for path in paths if f"issues/{path.name}" in changed))


def _changed_files(root: Path, since: str) -> frozenset[str] | None:
    """Return the files below the root that changed since a commit; None if git cannot say."""
    commit = _git(
        root, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{since}^{{commit}}"
    )
    if commit is None:
        return None
    names = _git(root, "diff", "-z", "--name-only", "--relative", f"{commit.strip()}...HEAD", "--")
    return None if names is None else frozenset(filter(None, names.split("\0")))


def _git(root: Path, *arguments: str) -> str | None:
    try:
        answer = ask_git(root, *arguments)
    except NewsletterError:
        return None
    return answer.text if answer.succeeded else None
