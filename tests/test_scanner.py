"""Programs that open links: whatever a scanner of mail does, it lets nobody leave."""

from __future__ import annotations

import re
from dataclasses import replace
from email import message_from_bytes, policy
from html.parser import HTMLParser
from typing import TYPE_CHECKING

import pytest
from house import House, raw
from served import KEY, App, serving

from newsletter.providers.outbox import Outbox

if TYPE_CHECKING:
    from collections.abc import Iterator
    from email.message import EmailMessage
    from pathlib import Path

    from playwright.sync_api import BrowserContext, Page

PREFETCH = (
    {"Purpose": "prefetch"},
    {"Sec-Purpose": "prefetch;prerender"},
    {"X-Moz": "prefetch"},
    {"User-Agent": "GoogleImageProxy"},
    {"Range": "bytes=0-99"},
    {"X-HTTP-Method-Override": "POST"},
    {"Upgrade": "websocket", "Connection": "Upgrade"},
)


class Addresses(HTMLParser):
    """Every address in a page, in whichever attribute it stands."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.found: set[str] = set()
        self.feed(html)
        self.close()

    def handle_starttag(self, _tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found |= {value for _, value in attrs if value and "://" in value}


class Letter:
    """A reader's real letter, with every address in it."""

    def __init__(self, folder: Path) -> None:
        (file,) = folder.rglob("*.eml")
        mail: EmailMessage = message_from_bytes(file.read_bytes(), policy=policy.default)  # type: ignore[assignment]
        html, plain = mail.get_body(("html",)), mail.get_body(("plain",))
        assert html
        assert plain
        self.html: str = html.get_content()
        text: str = plain.get_content()
        self.leave = re.sub(r"[<>\s]", "", mail["List-Unsubscribe"])
        self.links = (
            Addresses(self.html).found | set(re.findall(r"https?://\S+", text)) | {self.leave}
        )


@pytest.fixture
def app(root: Path) -> Iterator[App]:
    """Return the app behind a letter that is in the outbox."""
    house = House(root, readers=1)
    with serving(root) as app:
        house.settings = replace(house.settings, public_url=app.url, secret_keys=(KEY,))
        house.send(Outbox(root / ".newsletter" / "outbox"))  # type: ignore[arg-type]
        yield app


@pytest.fixture
def mail(root: Path, app: App) -> Letter:
    assert app
    return Letter(root / ".newsletter" / "outbox")


def dump(root: Path) -> list[str]:
    with raw(root / ".newsletter" / "newsletter.db") as connection:
        return list(connection.iterdump())


def ours(app: App, mail: Letter) -> list[str]:
    found = sorted(link for link in mail.links if link.startswith(app.url))
    assert len(found) == 2, found
    assert mail.leave in found
    return found


def test_every_link_of_a_letter_can_be_opened_in_every_way_but_pressing(
    root: Path, app: App, mail: Letter
) -> None:
    before = dump(root)
    for link in ours(app, mail):
        for headers in ({}, *PREFETCH):
            for method in ("GET", "HEAD"):
                answer = app.client.request(method, link, headers=headers)
                assert answer.status_code == 200
                for further in Addresses(answer.text).found:
                    if further.startswith(app.url):
                        app.client.get(further)
        for method in ("OPTIONS", "PUT", "DELETE", "PATCH", "TRACE", "PROPFIND"):
            assert app.client.request(method, link).status_code == 405
        for query in ("?List-Unsubscribe=One-Click", "?_method=POST", "?confirm=1"):
            assert app.client.get(link + query).status_code == 200
    assert dump(root) == before


def crawl(page: Page, app: App, start: str) -> set[str]:
    """Open a page and everything that it leads to, as a scanner's browser does."""
    seen: set[str] = set()
    todo = [start]
    while todo:
        address = todo.pop()
        if address in seen or not address.startswith(app.url):
            continue
        seen.add(address)
        page.goto(address, wait_until="networkidle")
        page.mouse.wheel(0, 2000)
        for link in page.get_by_role("link").all():
            link.hover()
        todo += page.eval_on_selector_all(
            "[href], [src], [action]", "all => all.map(e => e.href || e.src || e.action)"
        )
    return seen


def test_a_browser_that_runs_scripts_and_follows_links_lets_nobody_leave(
    root: Path, app: App, mail: Letter, context: BrowserContext
) -> None:
    before = dump(root)
    page = context.new_page()
    opened: set[str] = set()
    for link in ours(app, mail):
        opened |= crawl(page, app, link)
    assert {mail.leave} < opened
    # The letter itself, shown by a program that opens what is in it ahead of time.
    page.route("https://**", lambda route: route.abort())
    prefetch = "".join(
        f'<link rel="prefetch" href="{link}"><link rel="preload" as="fetch" href="{link}">'
        f'<iframe src="{link}"></iframe><img src="{link}">'
        for link in ours(app, mail)
    )
    page.set_content(mail.html + prefetch, wait_until="networkidle")
    assert dump(root) == before


def test_the_simulation_would_notice(root: Path, app: App, mail: Letter) -> None:
    before = dump(root)
    assert app.client.post(mail.leave).status_code == 200
    assert dump(root) != before
