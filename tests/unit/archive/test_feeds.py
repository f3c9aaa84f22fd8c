"""The feeds, read by programs that are not ours, and by the schema of JSON Feed."""

from __future__ import annotations

import dataclasses
import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree as ET

import feedparser
import jsonschema
import pytest

from newsletter.archive.site import Site
from newsletter.model import Image, RichText, Text
from tests.support.issues import SETTINGS, every_block
from tests.support.published import published, weekly

if TYPE_CHECKING:
    from newsletter.model import PublishedIssue

SCHEMA = json.loads((Path(__file__).parent / "json-feed-1.1.schema.json").read_text("utf-8"))
ATOM = "{http://www.w3.org/2005/Atom}"
MOVED = dataclasses.replace(SETTINGS, archive_url="https://archief.example.org")
HOSTILE = "<b>&amp; ]]> \x00\x0b\x1b\ufffe\ufeff\u2028 🌱 покой \u202e"


def feeds(issues: list[PublishedIssue], settings: Any = SETTINGS) -> tuple[Any, Any]:  # noqa: ANN401
    """Return Atom as feedparser reads it, and JSON Feed, both found valid."""
    site = Site(settings, issues)
    atom, document = site.page("feed.xml"), site.page("feed.json")
    assert atom
    assert document
    _check_atom(atom.body)
    parsed = feedparser.parse(atom.body)
    assert parsed.bozo == 0, parsed.get("bozo_exception")
    assert parsed.version == "atom10"
    read = json.loads(document.body)
    jsonschema.validate(read, SCHEMA, format_checker=jsonschema.FormatChecker())
    return parsed, read


def _check_atom(body: bytes) -> None:
    """Check what RFC 4287 requires, sections 4.1.1 and 4.1.2."""
    feed = ET.fromstring(body)  # noqa: S314 - our own
    for element in (feed, *feed.iter(f"{ATOM}entry")):
        for name in ("id", "title", "updated"):
            assert len(element.findall(f"{ATOM}{name}")) == 1
    for moment in (*feed.iter(f"{ATOM}updated"), *feed.iter(f"{ATOM}published")):
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", moment.text or "")
    ids = [one.text for one in feed.iter(f"{ATOM}id")]
    assert len(set(ids)) == len(ids)
    kinds = [(link.get("rel"), link.get("type")) for link in feed.findall(f"{ATOM}link")]
    assert sorted(kinds) == [("alternate", "text/html"), ("self", "application/atom+xml")]


def test_both_hold_the_newest_fifty_issues() -> None:
    issues = weekly(60, themes=["rust", "één / twee"], blocks=every_block().blocks)
    atom, document = feeds(issues)
    assert [entry.link for entry in atom.entries] == [item["url"] for item in document["items"]]
    assert len(atom.entries) == 50
    assert document["items"][0]["tags"] == ["rust", "één / twee"]
    assert atom.feed.author == document["authors"][0]["name"] == "Gerrit"
    assert document["items"][0]["date_published"] == "2026-11-29T06:00:00Z"


def test_an_archive_without_issues_has_valid_feeds() -> None:
    atom, document = feeds([])
    assert atom.entries == document["items"] == []


def test_hostile_text_leaves_both_valid() -> None:
    blocks = [Text(1, RichText(html=HOSTILE, text=HOSTILE, source=HOSTILE))]
    issue = published(subject=HOSTILE, preheader=HOSTILE, themes=[HOSTILE], blocks=blocks)
    atom, document = feeds([issue], dataclasses.replace(SETTINGS, name=HOSTILE))
    assert "🌱" in atom.entries[0].title
    assert document["items"][0]["title"] == HOSTILE


def test_an_id_stays_the_same_wherever_the_archive_is() -> None:
    issues = [published(corrections=["+ Een naam"]), published("2026-11-22-b")]
    first, moved = feeds(issues), feeds(issues, MOVED)
    ids = [entry.id for entry in first[0].entries]
    assert ids == [
        "tag:example.org,2026-11-29:issues/2026-11-29-rust",
        "tag:example.org,2026-11-22:issues/2026-11-22-b",
    ]
    for atom, document in (first, moved):
        assert [entry.id for entry in atom.entries] == ids
        assert [item["id"] for item in document["items"]] == ids
    assert first[0].feed.id == moved[0].feed.id
    assert first[0].entries[0].link == "https://brief.example.org/issues/2026-11-29-rust"
    assert moved[0].entries[0].link == "https://archief.example.org/issues/2026-11-29-rust.html"


@pytest.mark.parametrize("settings", [SETTINGS, MOVED])
def test_every_address_in_the_content_is_whole(settings: Any) -> None:  # noqa: ANN401
    picture = Image(1, "media/aa.jpg", "Een stoel", width=520, height=300)
    _, document = feeds([published(blocks=(*every_block().blocks, picture))], settings)
    (item,) = document["items"]
    addresses = re.findall(r'(?:href|src)="([^"]+)"', item["content_html"])
    assert len(addresses) > 5
    assert [one for one in addresses if not one.startswith("https://")] == []
    base = settings.archive_url or settings.public_url
    assert f"{base}/media/aa.jpg" in addresses
    assert item["image"] == f"{base}/media/aa.jpg"


def test_a_correction_changes_the_date_of_the_last_change_alone() -> None:
    before, _ = feeds([published()])
    after, document = feeds([published(corrections=["+ Een naam klopte niet"])])
    assert after.entries[0].published == before.entries[0].published
    assert after.entries[0].updated == after.feed.updated == "2026-11-30T06:00:00Z"
    assert "Een naam klopte niet" in document["items"][0]["content_html"]


def test_the_sitemap_names_every_page_once() -> None:
    site = Site(SETTINGS, weekly(3, themes=["rust"]))
    page = site.page("sitemap.xml")
    assert page
    urls = ET.fromstring(page.body)  # noqa: S314 - our own
    space = "{http://www.sitemaps.org/schemas/sitemap/0.9}"
    found = [url.findtext(f"{space}loc") for url in urls]
    base = "https://brief.example.org/issues/"
    assert sorted(filter(None, found)) == sorted(
        [base, *(f"{base}{one.slug}" for one in weekly(3)), f"{base}questions", f"{base}theme/rust"]
    )
    assert urls[1].findtext(f"{space}lastmod") == "2026-11-29T06:00:00Z"
