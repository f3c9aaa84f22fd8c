"""The line with which `init` begins the files that it renews: a file says whether it was edited."""

from __future__ import annotations

import hashlib
import re
from typing import Final

_LINE: Final = "# Written by newsletter init; newsletter init --update renews it. {}\n"
_PATTERN: Final = re.compile(re.escape(_LINE.rstrip("\n")).replace(r"\{\}", "([0-9a-f]{16})"))


def mark(text: str) -> str:
    """Return a file's text with the line that says who wrote it and what it was."""
    line = _LINE.format(_digest(text))
    if text.startswith("#!"):
        shebang, _, rest = text.partition("\n")
        return f"{shebang}\n{line}{rest}"
    return line + text


def unmark(text: str) -> str:
    """Return a file's text without that line, with the line endings of Unix."""
    return _split(text)[0]


def is_marked(text: str) -> bool:
    """Return whether a file says that `init` wrote it."""
    return bool(_split(text)[1])


def is_edited(text: str) -> bool:
    """Return whether a file is not what `init` wrote: it was changed, or is someone else's."""
    body, digest = _split(text)
    return digest != _digest(body)


def _split(text: str) -> tuple[str, str]:
    """Return a file's text without the line, and the digest that the line has."""
    lines = text.replace("\r\n", "\n").splitlines(keepends=True)
    for at in range(min(2, len(lines))):
        if found := _PATTERN.fullmatch(lines[at].rstrip("\n")):
            return "".join(lines[:at] + lines[at + 1 :]), found[1]
    return "".join(lines), ""


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]
