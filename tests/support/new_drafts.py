"""What tests of `newsletter new` share: sources, and the draft or the error that they give."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from newsletter import config
from newsletter.desk.authoring import make_draft
from newsletter.errors import NewsletterError
from tests.support.articles import ARTICLE, FIRST, LEAD, QUOTE, SECOND

if TYPE_CHECKING:
    from pathlib import Path

    from newsletter.desk.authoring import NewDraft

NOW = datetime(2026, 11, 30, 10, tzinfo=UTC)  # a Monday
NEXT = "2026-12-06"
POST = f"---\ntitle: De tuin rust\nslug: rust\n---\n\n{LEAD}\n\n{FIRST}\n\n{SECOND}\n\n> {QUOTE}\n"
FEED = """<?xml version="1.0" encoding="utf-8"?>
<rss version="2.0" xmlns:content="http://purl.org/rss/1.0/modules/content/"><channel>
<title>Het Groene Pad</title>{items}</channel></rss>
"""


PAGE = """<!doctype html><html lang="nl"><head><title>De tuin in november | Het Groene Pad</title>
<link rel="canonical" href="{url}"><link rel="alternate" type="application/rss+xml" href="/feed/">
</head><body><nav><a href="/">Home</a></nav><main><article><h1>De tuin in november</h1>
{text}</article></main><footer>Alle rechten voorbehouden</footer></body></html>"""
PROSE = (
    "".join(f"<p>{part}</p>" for part in (LEAD, FIRST, SECOND))
    + f"<blockquote>{QUOTE}</blockquote>"
)


def entry(number: int) -> str:
    paragraphs = "".join(f"<p>{part}</p>" for part in (f"Stuk {number}. {LEAD}", FIRST, SECOND) * 3)
    return (
        f"<item><title>Brief {number} over de tuin</title>"
        f"<link>https://example.org/brief-{number}/</link>"
        f"<pubDate>Sun, {number:02} Nov 2026 08:00:00 +0000</pubDate>"
        f"<content:encoded><![CDATA[{paragraphs}]]></content:encoded></item>"
    )


def make(root: Path, source: Path | str = "", **options: object) -> NewDraft:
    defaults = {"url": "", "day": None, "entry": None, "now": NOW, "write": True}
    return make_draft(config.load(root), str(source), **(defaults | options))  # type: ignore[arg-type]


def article(root: Path, text: str | bytes = ARTICLE, name: str = "artikel.txt") -> Path:
    path = root / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def refused(root: Path, source: Path | str, **options: object) -> NewsletterError:
    """Return the error; nothing was written."""
    before = sorted(root.rglob("*"))
    with pytest.raises(NewsletterError) as caught:
        make(root, source, **options)
    assert sorted(root.rglob("*")) == before
    assert caught.value.exit_code == 1
    assert caught.value.hint
    return caught.value
