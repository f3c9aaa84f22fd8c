"""The archive in the app: what it shows, what it keeps, and what a visitor gets who asks again."""

from __future__ import annotations

import json
import re
import time
from concurrent.futures import ThreadPoolExecutor
from email.utils import formatdate
from typing import TYPE_CHECKING
from urllib.parse import urljoin

import feedparser
import httpx
import pytest

from newsletter.model import Text
from newsletter.store import editions
from tests.support.issues import rich
from tests.support.newsletter import FakeProvider, Newsletter
from tests.support.published import correct, published, record, weekly
from tests.support.web_server import App, serving

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PAGES = ("/issues/", "/issues/questions", "/issues/theme/rust", "/feed.xml", "/feed.json")
KINDS = {
    "/feed.xml": "application/atom+xml",
    "/feed.json": "application/feed+json",
    "/sitemap.xml": "application/xml",
}


@pytest.fixture
def newsletter(root: Path, database: str) -> Newsletter:
    assert database
    return Newsletter(root, subscribers=0)


@pytest.fixture
def app(newsletter: Newsletter) -> Iterator[App]:
    record(newsletter.store, weekly(3, themes=["rust"]))
    with serving(newsletter.root) as app:
        yield app


def test_every_page_of_it_is_there(app: App) -> None:
    for path in (*PAGES, "/issues", "/sitemap.xml"):
        answer = app.client.get(path)
        assert answer.status_code == 200, path
        kind = KINDS.get(path, "text/html")
        assert answer.headers["content-type"].startswith(kind)
        assert app.client.head(path).headers["content-length"] == str(len(answer.content))
    for path in ("/issues/theme/stilte", "/issues/page/2", "/issues/page/x", "/feed.rss"):
        assert app.client.get(path).status_code == 404


def test_the_page_of_no_issue_leads_to_all_issues(app: App) -> None:
    for path in ("/issues/2026-01-01-niets", "/issues/Niets!"):
        answer = app.client.get(path)
        assert answer.status_code == 404
        (found,) = re.findall('<a href="([^"]*)">alle brieven</a>', answer.text)
        assert urljoin(path, found) == "/issues/"
    assert "alle brieven" not in app.client.get("/niets").text


def test_it_may_fetch_its_own_pictures_and_nothing_else(app: App) -> None:
    policy = app.client.get("/issues/").headers["content-security-policy"]
    allowed = dict(part.strip().split(" ", 1) for part in policy.split(";"))
    assert allowed.pop("style-src").startswith("'sha256-")
    assert allowed == {
        "default-src": "'none'",
        "img-src": "'self'",
        "form-action": "'self'",
        "base-uri": "'none'",
        "frame-ancestors": "'none'",
    }


@pytest.mark.parametrize("path", PAGES)
def test_who_has_it_already_gets_no_bytes(path: str, app: App) -> None:
    first = app.client.get(path)
    for asked in (
        {"If-None-Match": first.headers["etag"]},
        {"If-None-Match": f'"other", W/{first.headers["etag"]}'},
        {"If-Modified-Since": first.headers["last-modified"]},
    ):
        again = app.client.get(path, headers=asked)
        assert (again.status_code, again.content) == (304, b"")
        assert again.headers["etag"] == first.headers["etag"]
    for asked in (
        {"If-None-Match": '"other"', "If-Modified-Since": first.headers["last-modified"]},
        {"If-Modified-Since": "Thu, 01 Jan 1970 00:00:00 GMT"},
        {"If-Modified-Since": "gisteren"},
    ):
        assert app.client.get(path, headers=asked).status_code == 200


def test_a_change_is_there_with_the_next_request(newsletter: Newsletter, app: App) -> None:
    issue = weekly(3, themes=["rust"])[1]
    feed = app.client.get("/feed.xml")
    correct(newsletter.store, issue, subject="Anders dan het was")
    asked = {
        "If-None-Match": feed.headers["etag"],
        "If-Modified-Since": feed.headers["last-modified"],
    }
    changed = app.client.get("/feed.xml", headers=asked)
    assert changed.status_code == 200
    entries = {entry.id: entry for entry in feedparser.parse(feed.content).entries}
    for entry in feedparser.parse(changed.content).entries:
        before = entries[entry.id]
        if entry.link.endswith(issue.slug):
            assert entry.updated_parsed > before.updated_parsed
            assert entry.published == before.published
            assert "Een naam klopte niet" in entry.content[0].value
        else:
            assert entry == before


def test_a_withdrawn_issue_is_gone_from_everywhere(newsletter: Newsletter, app: App) -> None:
    issue = weekly(3)[1]
    paths = (*PAGES, "/sitemap.xml", *(f"/issues/{one.slug}" for one in weekly(3)[::2]))
    before = {path: app.client.get(path) for path in paths}
    assert [path for path in PAGES[2:] if issue.slug not in before[path].text] == []
    with newsletter.store.write() as connection:
        editions.withdraw(connection, issue.slug)
    answer = app.client.get(f"/issues/{issue.slug}")
    assert answer.status_code == 410
    assert "Deze brief is er niet meer" in answer.text
    for path, had in before.items():
        asked = {"If-Modified-Since": had.headers["last-modified"]}
        now = app.client.get(path, headers=asked)
        assert now.status_code == 200
        assert issue.slug not in now.text


def test_what_was_cancelled_before_anything_left_is_a_change(root: Path) -> None:
    newsletter = Newsletter(root, subscribers=1)
    record(newsletter.store, weekly(1))
    newsletter.send(FakeProvider(root / "taken"))
    cancelled = "UPDATE mailings SET state = 'cancelled', released = 1, finished_at = started_at"
    with serving(root) as app:
        had = app.client.get("/feed.xml")
        assert newsletter.slug in had.text
        newsletter.sql(cancelled)
        asked = {"If-Modified-Since": had.headers["last-modified"]}
        now = app.client.get("/feed.xml", headers=asked)
        assert now.status_code == 200
        assert newsletter.slug not in now.text


def test_other_settings_are_a_change(newsletter: Newsletter) -> None:
    record(newsletter.store, weekly(1))
    with serving(newsletter.root) as app:
        had = app.client.get("/feed.xml").headers["last-modified"]
    settings = newsletter.root / "newsletter.toml"
    text = settings.read_text(encoding="utf-8")
    settings.write_text(text.replace("Proefbrief", "Andere brief"), encoding="utf-8")
    while formatdate(usegmt=True) == had:  # until the next second
        time.sleep(0.05)
    with serving(newsletter.root) as app:
        now = app.client.get("/feed.xml", headers={"If-Modified-Since": had})
        assert "Andere brief" in now.text


def test_a_page_that_takes_long_keeps_nobody_else_waiting(root: Path) -> None:
    newsletter = Newsletter(root, subscribers=0)
    record(newsletter.store, weekly(1))
    template = root / "templates" / "archive" / "issue.html.j2"
    template.parent.mkdir(parents=True)
    loops = "".join(f"{{% for {name} in range(99999) %}}" for name in "abc")
    template.write_text(f"{loops}{'{% endfor %}' * 3}", encoding="utf-8")
    with serving(root) as app, ThreadPoolExecutor(60) as visitors:
        path = f"/issues/{weekly(1)[0].slug}"
        asked = [visitors.submit(httpx.get, f"{app.url}{path}", timeout=60) for _ in range(60)]
        time.sleep(1)  # they arrive
        assert app.client.get("/healthz", timeout=30).status_code == 200
        assert not any(one.done() for one in asked)
        app.close()


def test_the_sign_up_page_names_the_feeds_and_no_issue_that_was_withdrawn(root: Path) -> None:
    newsletter = Newsletter(root, subscribers=1)
    newsletter.send(FakeProvider(root / "taken"))
    with serving(root) as app:
        page = app.client.get("/").text
        assert 'type="application/atom+xml" title="Proefbrief" href="feed.xml"' in page
        assert f'href="issues/{newsletter.slug}"' in page
        with newsletter.store.write() as connection:
            editions.withdraw(connection, newsletter.slug)
        assert f'href="issues/{newsletter.slug}"' not in app.client.get("/").text


def test_a_feed_that_is_read_a_thousand_times_is_rendered_once(root: Path) -> None:
    newsletter = Newsletter(root, subscribers=0)
    record(newsletter.store, weekly(60))
    template = root / "templates" / "archive" / "content.html.j2"
    with serving(root) as app:
        first = app.client.get("/feed.xml").content
        # From here on, rendering would fail.
        template.parent.mkdir(parents=True)
        template.write_text("{{ niets }}", encoding="utf-8")
        with ThreadPoolExecutor(8) as pool:
            answers = pool.map(lambda _: app.client.get("/feed.xml").content == first, range(1000))
            assert all(answers)
        record(newsletter.store, [published("2026-12-06-nieuw")])
        assert app.client.get("/feed.xml").status_code == 503


def test_it_is_there_where_the_file_of_the_logo_is_not(newsletter: Newsletter) -> None:
    record(newsletter.store, weekly(1))
    settings = newsletter.root / "newsletter.toml"
    settings.write_text(f'logo = "logo.png"\n{settings.read_text("utf-8")}', encoding="utf-8")
    with serving(newsletter.root) as app:
        for path in ("/issues/", f"/issues/{weekly(1)[0].slug}", "/feed.xml"):
            answer = app.client.get(path)
            assert answer.status_code == 200
            assert "og:image" not in answer.text


def test_search_engines_may_show_what_was_mailed_and_nothing_else(root: Path) -> None:
    newsletter = Newsletter(root, subscribers=0)
    record(newsletter.store, weekly(1))
    with serving(root) as app:
        assert app.client.get("/issues/").headers["x-robots-tag"] == "noindex"
    text = 'name = "Proefbrief"\nprovider = "resend"\nsender = "Gerrit <gerrit@example.org>"\n'
    (root / "newsletter.toml").write_text(text, encoding="utf-8")
    with serving(root) as app:
        assert app.client.get("/issues/").headers["x-robots-tag"] == "all"


def test_the_feeds_hold_whole_issues_with_whole_addresses(app: App) -> None:
    atom = feedparser.parse(app.client.get("/feed.xml").content)
    document = json.loads(app.client.get("/feed.json").content)
    assert len(atom.entries) == len(document["items"]) == 3
    for entry, item in zip(atom.entries, document["items"], strict=True):
        assert entry.content[0].value.strip() == item["content_html"].strip()
        assert "Een rustige zin." in item["content_html"]
        assert entry.link == item["url"]
        assert entry.id == item["id"]
        assert item["url"].startswith("http://localhost:8000/issues/")


def test_a_search_shows_the_sentence_that_matched(newsletter: Newsletter) -> None:
    blocks = [Text(1, rich("Even niets. Zij heeft het <losgelaten> & ademt uit. En verder."))]
    issue = published("2026-11-29-adem", subject="Adem", themes=["rust"], blocks=blocks)
    record(newsletter.store, [issue, published("2026-11-22-soep", subject="Soep")])
    with serving(newsletter.root) as app:
        page = app.client.get("/issues/search", params={"q": "loslaten"}).text
        found = app.client.get(
            "/issues/search", params={"q": "loslaten"}, headers={"Accept": "application/json"}
        )
        nothing = app.client.get("/issues/search", params={"q": "rusd"}).text
    assert 'href="../issues/2026-11-29-adem">Adem</a>' in page
    assert "Zij heeft het &lt;<mark>losgelaten</mark>&gt; &amp; ademt uit." in page
    assert "Soep" not in page
    assert found.headers["vary"] == "Accept"
    assert found.json() == [
        {
            "issue": "2026-11-29-adem",
            "title": "Adem",
            "date": "2026-11-29",
            "excerpt": "Zij heeft het <losgelaten> & ademt uit.",
            "url": "http://localhost:8000/issues/2026-11-29-adem",
        }
    ]
    assert 'href="../issues/theme/rust">rust</a>' in nothing


@pytest.mark.parametrize(
    "query",
    [
        "",
        " ",
        "%",
        "%00",
        "a\0b",
        '"',
        "' OR 1=1 --",
        "<script>",
        "покой",
        "🌱",
        "x" * 3000,
        "\u202eabc",
    ],
)
def test_any_text_may_be_searched_for(query: str, app: App) -> None:
    for headers in ({}, {"Accept": "application/json"}):
        answer = app.client.get("/issues/search", params={"q": query}, headers=headers)
        assert answer.status_code == 200
        assert "<script" not in answer.text
        assert answer.headers["x-robots-tag"] == "noindex"
