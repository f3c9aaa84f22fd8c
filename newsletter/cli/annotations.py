"""Lines that a runner of GitHub (or Forgejo) reads as commands: those we mean, and no others.

https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-commands
"""

from __future__ import annotations

import os
import re
from typing import Final

_LONGEST: Final = 1_000
# A runner reads `::command::` at the beginning of a line, and the older `##[command]` anywhere.
_AT_BEGIN: Final = re.compile(r"(^|[\r\n])(\s*):(?=:)")
_OLDER: Final = re.compile(r"##(?=\[)")
_SPACES: Final = "\n\t\u00a0\u202f"


def on_actions() -> bool:
    """Tell whether a runner of GitHub or Forgejo reads what is printed."""
    return os.environ.get("GITHUB_ACTIONS") == "true"


def annotation(kind: str, text: str, *, title: str, file: str = "", line: int = 0) -> str:
    """Return the command that shows an error or a warning on the page of a run.

    Args:
        kind: `error`, `warning` or `notice`.
        text: What it says; of several lines if need be.
        title: The words above it.
        file: The file beside whose line it is shown.
        line: That line.
    """
    where = f"file={_property(file)},line={line}," if file else ""
    shown = text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"
    return f"::{kind} {where}title={_property(title)}::{_data(shown)}"


def without_commands(text: str) -> str:
    """Return a text in which a runner finds no command."""
    return _OLDER.sub("# #", _AT_BEGIN.sub(r"\1\2: ", text))


def visible(text: str) -> str:
    """Return a text in which a terminal finds nothing to obey: other characters become escapes."""
    return "".join(c if c.isprintable() or c in _SPACES else f"\\u{ord(c):04x}" for c in text)


def _data(text: str) -> str:
    """Escape what would end a command or change its text."""
    shown = _OLDER.sub("# #", "\r".join(map(visible, text.split("\r"))))
    return shown.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    """Escape what would also end a property of a command."""
    return _data(text).replace(":", "%3A").replace(",", "%2C")
