"""The git repository around a folder."""

from __future__ import annotations

import os
import shutil
import subprocess
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from pathlib import Path

_OF_HOOKS: Final = {"GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE"}


def find_work_tree(folder: Path) -> Path | None:
    """Return the root of the git repository that a folder is in; None if it is in none."""
    for above in (folder, *folder.parents):
        if (above / ".git").exists():
            return above
    return None


def make_work_tree(folder: Path) -> str:
    """Make a folder a git repository; return why it is none, or nothing."""
    git = shutil.which("git")
    if git is None:
        return "git is not installed"
    # A hook that runs this program sets these for a repository of its own.
    environment = {name: one for name, one in os.environ.items() if name not in _OF_HOOKS}
    done = subprocess.run(  # noqa: S603 - git itself, with fixed arguments
        [git, "init", "--quiet", "--initial-branch=main", str(folder.resolve())],
        capture_output=True,
        check=False,
        encoding="utf-8",
        env=environment,
        errors="replace",
        stdin=subprocess.DEVNULL,
    )
    lines = done.stderr.split("\n")
    return (lines[0].removeprefix("fatal: ") or "git refused") if done.returncode else ""
