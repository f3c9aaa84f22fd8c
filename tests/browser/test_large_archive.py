"""The static site of 500 issues: built by the command, checked page by page, searched offline."""

from __future__ import annotations

import gzip
import json
import subprocess
from dataclasses import replace
from datetime import UTC, datetime, time
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urldefrag, urljoin, urlsplit

import jsonschema
import pytest
from selectolax.lexbor import LexborHTMLParser

from newsletter.model import Edition, RichText, Text
from newsletter.store import editions
from tests.support import npm
from tests.support.generated_issues import GeneratedIssue, generate
from tests.support.newsletter import Newsletter

if TYPE_CHECKING:
    from collections.abc import Callable

    from playwright.sync_api import Page

    Run = Callable[..., subprocess.CompletedProcess[str]]

pytestmark = pytest.mark.all

PUBLISHED_AT = "https://archief.example.org/"
MOST_BYTES = 40_000
MOST_TO_SEARCH = 200_000
SUBJECT = "Vertrouwen"
FEEDSMITH = """
import { parseFeed } from 'feedsmith'
import { readFileSync } from 'node:fs'
const read = (path) => parseFeed(readFileSync(path, 'utf8'))
console.log(JSON.stringify(process.argv.slice(2).map(read)))
"""


def edition(issue: GeneratedIssue) -> Edition:
    texts = (" ".join(sentences) for sentences in issue.paragraphs)
    return Edition(
        slug=issue.slug,
        number=0,
        at=datetime.combine(issue.day, time(6), UTC),
        day=issue.day,
        subject=issue.subject,
        preheader=issue.preheader,
        article="",
        themes=issue.themes,
        blocks=tuple(Text(1, RichText(text, text, text)) for text in texts),
        content_hash=issue.slug,
        imported_from="substack",
    )


def test_the_site_of_five_hundred_issues(root: Path, run: Run, page: Page, tmp_path: Path) -> None:
    newsletter = Newsletter(root, subscribers=0)
    with (root / "newsletter.toml").open("a", encoding="utf-8") as settings:
        settings.write(f'\narchive_url = "{PUBLISHED_AT}"\n')
    issues = [edition(issue) for issue in generate(500)]
    text = "Wie durft te vertrouwen, valt zacht."
    blocks = (Text(1, RichText(text, text, text)),)
    issues[250] = replace(issues[250], subject=SUBJECT, blocks=blocks)
    issues[7] = replace(issues[7], subject=issues[6].subject)
    with newsletter.store.write() as connection:
        for one in issues:
            editions.record(connection, one)
    out = tmp_path / "public"
    built = run("archive", "build", "--out", out, "--json")
    assert built.returncode == 0, built.stderr
    assert json.loads(built.stdout)["issues"] == 500
    pages = {path: path.read_bytes() for path in out.rglob("*.html")}
    assert len(pages) > 500
    assert max(map(len, pages.values())) <= MOST_BYTES
    check_links(out, pages)
    check_feeds(out, tmp_path)
    search_offline(out, page, text)
    again = run("archive", "build", "--out", out, "--json")
    assert json.loads(again.stdout)["written"] == json.loads(again.stdout)["deleted"] == 0


def check_links(out: Path, pages: dict[Path, bytes]) -> None:
    """Check that every link and resource within the site is a file of it."""
    missing = set()
    for path, body in pages.items():
        document = LexborHTMLParser(body)
        for name in ("href", "src"):
            for node in document.css(f"[{name}]"):
                address = urldefrag(node.attributes[name] or "")[0]
                whole = urljoin(path.as_uri(), address)
                if whole.startswith("file:"):
                    file = unquote(urlsplit(whole).path)
                elif whole.startswith(PUBLISHED_AT):
                    file = str(out / unquote(whole.removeprefix(PUBLISHED_AT)))
                else:
                    continue
                if not (out / file).exists():
                    missing.add((path.name, address))
    assert missing == set()


def check_feeds(out: Path, scratch: Path) -> None:
    """Let programs that are not ours read the feeds."""
    modules = npm.programs("feeds").parent
    schema = json.loads((modules / "jsonfeed-schema" / "schema-v1.1.json").read_bytes())
    document = json.loads((out / "feed.json").read_bytes())
    jsonschema.validate(document, schema, format_checker=jsonschema.FormatChecker())
    (scratch / "node_modules").symlink_to(modules)
    (scratch / "read.mjs").write_text(FEEDSMITH, encoding="utf-8")
    command = ["node", scratch / "read.mjs", out / "feed.xml", out / "feed.json"]
    read = subprocess.run(command, capture_output=True, text=True, check=False)
    assert read.returncode == 0, read.stderr
    atom, feed = json.loads(read.stdout)
    assert (atom["format"], feed["format"]) == ("atom", "json")
    entries, items = atom["feed"]["entries"], feed["feed"]["items"]
    assert [one["id"] for one in entries] == [one["id"] for one in items]
    assert len(items) == 50
    for entry, item in zip(entries, items, strict=True):
        assert entry["links"][0]["href"] == item["url"]
        assert (out / item["url"].removeprefix(PUBLISHED_AT)).exists()


def search_offline(out: Path, page: Page, sentence: str) -> None:
    """Search from the disk, for a word with a typing error that one issue has."""
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto((out / "issues" / "index.html").as_uri())
    page.get_by_role("searchbox").fill("vertouwen")
    page.get_by_role("button", name="Zoek").click()
    page.get_by_text("We zochten op vertrouwen").wait_for()
    page.get_by_role("link", name=SUBJECT, exact=True).click()
    page.get_by_text(sentence).wait_for()
    assert [url for url in asked if not url.startswith(out.as_uri())] == []
    scripts = {Path(unquote(urlsplit(url).path)) for url in asked if url.endswith(".js")}
    assert scripts
    sizes = [len(gzip.compress(script.read_bytes())) for script in scripts]
    assert sum(sizes) <= MOST_TO_SEARCH
