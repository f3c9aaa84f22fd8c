"""The git repository around a folder."""

from __future__ import annotations

import shutil
import subprocess
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


def find_work_tree(folder: Path) -> Path | None:
    """Return the root of the git repository that a folder is in; None if it is in none."""
    for above in (folder, *folder.parents):
        if (above / ".git").exists():
            return above
    return None


def make_work_tree(folder: Path) -> bool:
    """Make a folder a git repository; return False if git is not installed or refuses."""
    git = shutil.which("git")
    if git is None:
        return False
    done = subprocess.run(  # noqa: S603 - git itself, with fixed arguments
        [git, "init", "--quiet", "--initial-branch=main", str(folder)],
        capture_output=True,
        check=False,
        stdin=subprocess.DEVNULL,
    )
    return done.returncode == 0
