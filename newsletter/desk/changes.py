"""Which issues may look different since a commit: what git says."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import unquote

from newsletter.desk.issues import issue_paths, read_or_report
from newsletter.errors import NewsletterError
from newsletter.git import ask_git
from newsletter.model import Image

if TYPE_CHECKING:
    from newsletter.config import Settings

_SETTINGS: Final = ("newsletter.toml", "pyproject.toml")
# What jobs install: the list of `newsletter init` and those of the usual tools.
_VERSION: Final = re.compile(
    r"(.*/)?(newsletter-install/.+|[^/]*requirements[^/]*\.(txt|in)|[^/]+\.lock|pylock[^/]*\.toml)"
)
_WORKFLOWS: Final = (".github/workflows/", ".forgejo/workflows/", ".gitea/workflows/", ".gitlab-ci")
_NEWEST: Final = 10


@dataclass(frozen=True, slots=True)
class Changes:
    """What changed.

    Attributes:
        paths: The issue files whose letters may look different.
        why: Why the newest issues are among them, changed or not; empty if they are not.
    """

    paths: tuple[Path, ...]
    why: str = ""


def find_changes(settings: Settings, since: str) -> Changes:
    """Return the issues that changed since a commit.

    A picture that changed is one of the issues that show it. If templates, settings, a picture of
    the settings or the program's version changed, or git does not know the commit, any letter may
    look different: the newest issues are then among these.
    """
    paths = issue_paths(settings)
    changed = _changed_files(settings.root, since)
    if changed is None:
        return Changes(tuple(paths[-_NEWEST:]), f"git cannot compare with {since[:80]!r}")
    why = _change_of_every_letter(settings, changed)
    newest = set(paths[-_NEWEST:]) if why else set()
    pictures = {_bare(name) for name in changed if not name.endswith(".md")}
    return Changes(
        tuple(
            path
            for path in paths
            if path in newest
            or f"issues/{path.name}" in changed
            or (pictures and _shows(settings, path, pictures, changed))
        ),
        why,
    )


def _change_of_every_letter(settings: Settings, changed: frozenset[str]) -> str:
    """Return what changed that any letter may be made of; empty if nothing did."""
    bare = {_bare(name) for name in changed}
    if any(_bare(written) in bare for written in (settings.logo, settings.portrait) if written):
        return "the logo or the portrait changed"
    for name in changed:
        if name.startswith("templates/") or name in _SETTINGS:
            return "templates or settings changed"
        if _VERSION.fullmatch(name) or name.startswith(_WORKFLOWS):
            return "the version of the program may have changed"
    return ""


def _shows(settings: Settings, path: Path, pictures: set[str], changed: frozenset[str]) -> bool:
    """Tell whether an issue names a file that changed, or a link to one; too often is no harm."""
    files = [
        block
        for block in read_or_report(settings, path).blocks
        if isinstance(block, Image) and block.file
    ]
    root = settings.root.resolve()
    real = {Path(one.picture.path) for one in files if one.picture}
    return any(_bare(one.file) in pictures for one in files) or any(
        root / name in real for name in changed
    )


def _bare(name: str) -> str:
    """Return the name of a file without its folder, as all spellings of it have it."""
    last = unquote(name).replace("\\", "/").rpartition("/")[2]
    return unicodedata.normalize("NFC", last).casefold()


def _changed_files(root: Path, since: str) -> frozenset[str] | None:
    """Return the files that changed since a commit, as seen from the root; None if git cannot say.

    Those outside it are named from the top of the repository, where workflows are.
    """
    commit = _git(
        root, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{since}^{{commit}}"
    )
    if commit is None:
        return None
    names = _git(
        root, "diff", "-z", "--name-only", "--no-renames", f"{commit.strip()}...HEAD", "--"
    )
    prefix = _git(root, "rev-parse", "--show-prefix")
    if names is None or prefix is None:
        return None
    below = prefix.removesuffix("\n")
    return frozenset(
        name.removeprefix(below)
        for name in filter(None, names.split("\0"))
        if name.startswith((below, *_WORKFLOWS))
    )


def _git(root: Path, *arguments: str) -> str | None:
    try:
        answer = ask_git(root, *arguments)
    except NewsletterError:
        return None
    return answer.text if answer.succeeded else None
