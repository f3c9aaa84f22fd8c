"""What tests of issue files share: a body or a front matter, read and checked."""

from __future__ import annotations

from datetime import time
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from newsletter import checks, content

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
    """Return line (of the body) and rule of each finding about a body."""
    return [(f.line - 3, f.rule) for f in checks.check(read(HEADER + body))]


def in_header(*lines: str) -> list[tuple[int, str]]:
    """Return line (of the file) and rule of each finding about a front matter."""
    text = "\n".join(["---", *lines, "---", "Tekst.", ""])
    return [(f.line, f.rule) for f in checks.check(read(text))]
