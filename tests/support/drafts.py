"""What tests of issue files share: a body or a front matter, read and checked."""

from __future__ import annotations

from datetime import time
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from newsletter import checks, content
from newsletter.model import Severity

if TYPE_CHECKING:
    from datetime import date

    from newsletter.model import Draft

HEADER = "---\nsubject: Rust\n---\n"
NAME = "2026-11-29-rust.md"


def read(raw: str | bytes, name: str = NAME, today: date | None = None) -> Draft:
    return content.read(
        raw if isinstance(raw, bytes) else raw.encode(),
        name=name,
        path=f"issues/{name}",
        zone=ZoneInfo("Europe/Amsterdam"),
        send_clock=time(7),
        today=today,
    )


def in_body(body: str) -> list[tuple[int, str]]:
    """Return line (of the body) and rule of each error and warning about a body."""
    return [(line - 3, rule) for line, rule in _found(HEADER + body)]


def in_header(*lines: str) -> list[tuple[int, str]]:
    """Return line (of the file) and rule of each error and warning about a front matter."""
    text = "\n".join(["---", *lines, "---", "Tekst.", ""])
    return _found(text)


def _found(text: str) -> list[tuple[int, str]]:
    found = checks.check(read(text))
    return [(f.line, f.rule) for f in found if f.severity is not Severity.HINT]
