"""Sets one setting in the text of a settings file; every other character stays as it is.

The result is parsed again: unless it says what the file said, with that one setting changed, it is
thrown away. So whatever form a file has, it is edited right or not at all.
"""

from __future__ import annotations

import re
import tomllib
from typing import TYPE_CHECKING, Any, Final

from newsletter.config.settings_file import SHARED, TABLE
from newsletter.config.toml import quoted
from newsletter.errors import NewsletterError

if TYPE_CHECKING:
    from collections.abc import Sequence

_HEADING: Final = re.compile(r"\s*\[")
_VALUE: Final = r"""(?:"(?:[^"\\]|\\.)*"|'[^']*')"""
"""A text of TOML on one line, in double quotes or in single ones."""


def set_text(text: str, file: str, key: str, value: str) -> str:
    """Return a settings file's text in which a setting has another text as its value.

    A line that sets it is changed; without one, a line is added below the other settings.

    Args:
        text: All of the file.
        file: Its name: in a `pyproject.toml` the settings stand in a table.
        key: The setting.
        value: Its new value.

    Raises:
        NewsletterError: The file is written in a way that this cannot change.
    """
    line = f"{key} = {quoted(value)}"
    lines = text.splitlines(keepends=True)
    begin, end = _section(lines) if file == SHARED else (0, len(lines))
    edited = _replaced(lines, range(begin, end), key, value) or _added(lines, begin, end, line)
    if _says(edited, file) != {**_says(text, file), key: value}:
        raise NewsletterError(
            f"the setting {key} cannot be set there without a change of something else",
            where=file,
            hint=f"Write the line yourself: {line}",
        )
    return edited


def value_in(text: str, file: str, key: str) -> Any:  # noqa: ANN401 - whatever the file says
    """Return the value of a setting in a settings file's text; None if it is not there."""
    return _says(text, file).get(key)


def _section(lines: Sequence[str]) -> tuple[int, int]:
    """Return the lines of our table: the first one after its heading, and the one after its end."""
    heading = re.compile(rf"\s*\[\s*{re.escape(TABLE)}\s*\]")
    begin = next((at for at, line in enumerate(lines, 1) if heading.match(line)), len(lines))
    rest = range(begin, len(lines))
    return begin, next((at for at in rest if _HEADING.match(lines[at])), len(lines))


def _replaced(lines: Sequence[str], among: range, key: str, value: str) -> str:
    """Return the text with the value of a line changed; empty if no line sets the key."""
    named = re.compile(rf"(\s*[\"']?{re.escape(key)}[\"']?\s*=\s*){_VALUE}")
    for at in among:
        if found := named.match(lines[at]):
            changed = f"{found[1]}{quoted(value)}{lines[at][found.end() :]}"
            return "".join((*lines[:at], changed, *lines[at + 1 :]))
    return ""


def _added(lines: Sequence[str], begin: int, end: int, line: str) -> str:
    """Return the text with a line below the last one of a section that is not blank."""
    newline = "\r\n" if any(one.endswith("\r\n") for one in lines) else "\n"
    while end > begin and not lines[end - 1].strip():
        end -= 1
    before = "".join(lines[:end])
    if before and not before.endswith(("\n", "\r")):
        before += newline
    return before + line + newline + "".join(lines[end:])


def _says(text: str, file: str) -> dict[str, Any]:
    """Return the settings of a text; of a shared file everything else as well, under one key."""
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return {}
    if file != SHARED:
        return document
    tools = document.get("tool")
    table = tools.pop("newsletter", None) if isinstance(tools, dict) else None
    return {**table, "": document} if isinstance(table, dict) else {}
