"""The git program: what it says of the repository around a folder."""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from newsletter.errors import NewsletterError

if TYPE_CHECKING:
    from pathlib import Path

_SECONDS: Final = 60
# A hook that runs this program, or another tool, sets these for a repository of its own.
_OF_ANOTHER_REPOSITORY: Final = {
    "GIT_ALTERNATE_OBJECT_DIRECTORIES",
    "GIT_COMMON_DIR",
    "GIT_DIR",
    "GIT_GRAFT_FILE",
    "GIT_INDEX_FILE",
    "GIT_NAMESPACE",
    "GIT_OBJECT_DIRECTORY",
    "GIT_PREFIX",
    "GIT_REPLACE_REF_BASE",
    "GIT_SHALLOW_FILE",
    "GIT_WORK_TREE",
}


@dataclass(frozen=True, slots=True)
class GitAnswer:
    """What git said.

    Attributes:
        succeeded: Whether it did what it was asked.
        text: Its answer.
        complaint: What it said was wrong, in English.
    """

    succeeded: bool
    text: str
    complaint: str


def ask_git(folder: Path, *arguments: str) -> GitAnswer:
    """Ask git about the repository around a folder; it changes nothing and asks nobody.

    Raises:
        NewsletterError: There is no git program, or it does not answer.
    """
    environment = {
        **{name: one for name, one in os.environ.items() if name not in _OF_ANOTHER_REPOSITORY},
        "GIT_NO_REPLACE_OBJECTS": "1",  # the commits as they were made
        "GIT_OPTIONAL_LOCKS": "0",
        "GIT_TERMINAL_PROMPT": "0",
        "LC_ALL": "C",
    }
    try:
        done = subprocess.run(  # noqa: S603 - no argument is an option by accident
            ["git", *arguments],  # noqa: S607 - the user's own git, where they have it
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_SECONDS,
            check=False,
        )
    except FileNotFoundError:
        raise NewsletterError("git is not installed", hint="Install git") from None
    except subprocess.TimeoutExpired:
        raise NewsletterError(
            f"git did not answer within {_SECONDS} seconds", hint="Run it again"
        ) from None
    except (OSError, ValueError) as error:
        raise NewsletterError(f"git cannot be run: {error}", hint="Correct that") from None
    return GitAnswer(
        done.returncode == 0, os.fsdecode(done.stdout), done.stderr.decode(errors="replace")
    )
