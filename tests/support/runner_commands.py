"""What GitHub's runner takes for a command in what a step prints, and texts that imitate one."""

from __future__ import annotations

import re
from dataclasses import dataclass

IMITATIONS = {
    "newline": "twee\n::error::x",
    "return": "twee\r::warning file=x::y",
    "older": "x ##[add-path]y",
    "older-error": "##[error]boe",
    "stop": "x\n::stop-commands::weg",
    "spaces": "x\n   ::add-mask::e",
    "percent": "100%0A::error::x, of: zo",
    "ansi": "\x1b[31mrood\x1b[0m\x9b1m",
    "markdown": "`x` | <img src=x onerror=y> @gerrit [a](b)",
    "line-separator": "a\u2028::error::b",
}

_UNESCAPED = {"%0A": "\n", "%0D": "\r", "%3A": ":", "%2C": ",", "%25": "%"}


@dataclass(frozen=True)
class Command:
    """A line that GitHub's runner acts on."""

    name: str
    properties: dict[str, str]
    data: str


def commands(printed: str) -> list[Command]:
    """Read what is printed as the runner does.

    https://github.com/actions/runner/blob/main/src/Runner.Common/ActionCommand.cs
    """
    found = []
    for line in re.split(r"\r\n|\r|\n", printed):
        new = re.fullmatch(r"::([^: ]+)(?: ([^:]*))?::(.*)", line.lstrip())
        old = re.search(r"##\[([^ \]]+)([^\]]*)\](.*)", line)
        if new:
            properties = dict(one.split("=", 1) for one in (new[2] or "").split(",") if one)
            texts = {name: _unescape(text) for name, text in properties.items()}
            found.append(Command(new[1], texts, _unescape(new[3])))
        elif old:
            found.append(Command(old[1], {}, old[3]))
    return found


def _unescape(text: str) -> str:
    return re.sub("%(0A|0D|3A|2C|25)", lambda match: _UNESCAPED[match[0]], text)
