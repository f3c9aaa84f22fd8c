"""`newsletter preview` as a process of its own, for tests that look at its page."""

from __future__ import annotations

import contextlib
import os
import signal
from typing import TYPE_CHECKING, Any

import httpx

from tests.support.processes import Process

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

SLUG = "2026-12-06-rust"
TEXT = """---
subject: Ruimte voor rust
preheader: Wat je lichaam je vertelt
draft: yes
---
Soms is stilzitten het moeilijkste van de dag.

> Rust is geen beloning.

[Lees verder](https://example.org/rust/)
"""


def write(root: Path, text: str = TEXT, slug: str = SLUG) -> Path:
    """Write an issue file, and return its path."""
    path = root / "issues" / f"{slug}.md"
    path.write_text(text, encoding="utf-8")
    return path


class Preview:
    """A running preview.

    Attributes:
        url: Of its page, as it printed it.
        origin: The same, without the path.
        client: Asks it.
    """

    def __init__(self, process: Process, url: str) -> None:
        self.process = process
        self.url = url
        self.origin = url.rsplit("/", 2)[0]
        self.client = httpx.Client(base_url=url, timeout=30)

    def view(self, slug: str = SLUG, subscriber: str = "anna") -> dict[str, Any]:
        """Return what the page would show."""
        answer = self.client.get("view", params={"issue": slug, "subscriber": subscriber})
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    def post_headers(self) -> dict[str, str]:
        """Return what the page sends with a POST."""
        page = self.client.get("").text
        token = page.partition('name="post-token" content="')[2].partition('"')[0]
        assert token
        return {"X-Preview-Token": token, "Origin": self.origin}

    def stop(self, number: int = signal.SIGINT) -> int:
        """Ask it to stop; return its status."""
        self.process.send_signal(number)
        return self.process.wait(30)


@contextlib.contextmanager
def previewing(
    root: Path, *options: str, env: Mapping[str, str] | None = None, opens: bool = False
) -> Iterator[Preview]:
    """Run a preview; it opens no browser unless `opens`."""
    printed, stdout = os.pipe()
    with (root / "preview.log").open("wb") as log, open(os.devnull, "rb") as nothing:  # noqa: PTH123 - a device
        process = Process(
            *("preview", "--port", "0", *(() if opens else ("--no-open",)), *options),
            cwd=root,
            env={**os.environ, **(env or {})},
            stdin=nothing.fileno(),
            stdout=stdout,
            stderr=log.fileno(),
        )
    os.close(stdout)
    with os.fdopen(printed, encoding="utf-8") as lines:
        url = lines.readline().strip()
        assert url, (root / "preview.log").read_text(encoding="utf-8")
        shown = Preview(process, url)
        try:
            yield shown
        finally:
            shown.client.close()
            process.kill()
            process.wait(30)
