"""Programs that open links: whatever a scanner of mail does, nobody leaves, joins or changes."""

from __future__ import annotations

import re
from dataclasses import replace
from email import message_from_bytes, policy
from html.parser import HTMLParser
from typing import TYPE_CHECKING
from urllib.parse import urljoin

import pytest
from playwright.sync_api import Error

from newsletter.providers.outbox.send import Outbox
from newsletter.subscriptions import preferences
from newsletter.subscriptions.signup import request_signup
from tests.support import changes
from tests.support.newsletter import Newsletter, raw
from tests.support.parameters import choose
from tests.support.signups import VIA, send_due, signup_request
from tests.support.subscribers import sql
from tests.support.web_server import KEY, STILL, App, serving

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
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
SUBSCRIBER = "lezer0@example.org"
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
BUTTONS = {
    "letter": "List-Unsubscribe=One-Click",
    "confirmation": "",
    "preferences": "do=plain",
    "new-address": "",
}
"""What the button behind a link posts, by the kind of letter that the link stands in."""
# What an app would be whose pages do on a GET what only a button may do.
CARELESS = {
    "letter": changes.unsubscribe_by_looking,
    "confirmation": changes.confirm_by_looking,
    "preferences": changes.choose_by_looking,
    "new-address": changes.move_by_looking,
}


class Addresses(HTMLParser):
    """Every address in a page, in whichever attribute it stands.

    Args:
        html: The page.
        base: Its own address; empty for a letter, which has none.
    """

    def __init__(self, html: str, base: str = "") -> None:
        super().__init__()
        self.base = base
        self.found: set[str] = set()
        self.feed(html)
        self.close()

    def handle_starttag(self, _tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for name, value in attrs:
            if value and (name in {"href", "src", "action"} or "://" in value):
                self.found.add(urljoin(self.base, value))


class Letter:
    """A letter as it arrived, with every address in it."""

    def __init__(self, file: Path) -> None:
        mail: EmailMessage = message_from_bytes(file.read_bytes(), policy=policy.default)  # type: ignore[assignment]
        html, plain = mail.get_body(("html",)), mail.get_body(("plain",))
        assert html
        assert plain
        self.html: str = html.get_content()
        text: str = plain.get_content()
        self.links = Addresses(self.html).found | set(re.findall(r"https?://\S+", text))
        if leave := mail["List-Unsubscribe"]:
            self.links.add(re.sub(r"[<>\s]", "", leave))


class Mailbox:
    """Letters of every kind that a newsletter writes, of which no link was opened yet.

    Attributes:
        letters: By kind; "letter" is the weekly one.
    """

    def __init__(self, root: Path, url: str) -> None:
        self.newsletter = Newsletter(root, subscribers=1)
        self.newsletter.settings = replace(
            self.newsletter.settings, public_url=url, secret_keys=(KEY,)
        )
        self.folder = root / ".newsletter" / "outbox"
        self.outbox = Outbox(self.folder)
        store = self.newsletter.store
        public_id = str(sql(store, "SELECT public_id FROM subscribers")[0][0])
        self.letters = {
            "letter": self._cause(lambda: self.newsletter.send(self.outbox)),  # type: ignore[arg-type]
            "confirmation": self._cause(
                lambda: request_signup(store, signup_request("nieuw@example.org"), VIA)
            ),
            "already-here": self._cause(
                lambda: request_signup(store, signup_request(SUBSCRIBER), VIA)
            ),
            "preferences": self._cause(lambda: preferences.request_link(store, public_id, VIA)),
        }
        self._cause(
            lambda: preferences.request_address_change(store, public_id, "een@example.org", VIA)
        )
        change = str(sql(store, "SELECT public_id FROM address_changes")[0][0])
        self.letters["old-address"] = self._cause(
            lambda: preferences.confirm_address_change(store, change, VIA)
        )
        self.letters["new-address"] = self._cause(
            lambda: preferences.request_address_change(store, public_id, "twee@example.org", VIA)
        )

    def _cause(self, happen: Callable[[], object]) -> Letter:
        """Let something happen that causes one letter; return that letter."""
        before = set(self.folder.rglob("*.eml"))
        happen()
        send_due(self.newsletter, self.outbox)  # type: ignore[arg-type]
        (file,) = set(self.folder.rglob("*.eml")) - before
        return Letter(file)

    def ours(self, kind: str) -> list[str]:
        """Return the links in a letter that lead to the app, sorted."""
        url = self.newsletter.settings.public_url
        return sorted(link for link in self.letters[kind].links if link.startswith(url))


@pytest.fixture
def app(root: Path) -> Iterator[App]:
    Newsletter(root, subscribers=0).store.close()
    with serving(root, limits=STILL) as app:
        yield app


@pytest.fixture
def mailbox(root: Path, app: App) -> Mailbox:
    return Mailbox(root, app.url)


@pytest.fixture(params=choose(BUTTONS, always=["letter"]))
def kind(request: pytest.FixtureRequest) -> str:
    which: str = request.param
    return which


def dump(root: Path) -> list[str]:
    with raw(root / ".newsletter" / "newsletter.db") as connection:
        return list(connection.iterdump())


def open_in_every_way(app: App, links: list[str]) -> None:
    """Do all that a program may do with a link but press what is behind it."""
    for link in links:
        for headers in ({}, *PREFETCH):
            for method in ("GET", "HEAD"):
                answer = app.client.request(method, link, headers=headers)
                assert answer.status_code == 200
                for further in Addresses(answer.text, link).found:
                    if further.startswith(app.url):
                        app.client.get(further)
        for method in ("OPTIONS", "PUT", "DELETE", "PATCH", "TRACE", "PROPFIND"):
            assert app.client.request(method, link).status_code == 405
        for query in ("?List-Unsubscribe=One-Click", "?_method=POST", "?confirm=1", "?do=erase"):
            assert app.client.get(link + query).status_code == 200


def crawl(page: Page, app: App, start: str) -> set[str]:
    """Open a page and everything that it leads to, as a scanner's browser does."""
    seen: set[str] = set()
    todo = [start]
    while todo:
        address = todo.pop()
        if address in seen or not address.startswith(app.url):
            continue
        seen.add(address)
        try:
            page.goto(address, wait_until="networkidle")
        except Error as error:
            assert "Download is starting" in error.message  # noqa: PT017 - it leads to a file
            continue
        page.mouse.wheel(0, 2000)
        for link in page.get_by_role("link").all():
            link.hover()
        todo += page.eval_on_selector_all(
            "[href], [src], [action]", "all => all.map(e => e.href || e.src || e.action)"
        )
    return seen


def look_ahead(page: Page, html: str, links: list[str]) -> None:
    """Show a letter in a program that opens what is in it ahead of time."""
    page.route("https://**", lambda route: route.abort())
    prefetch = "".join(
        f'<link rel="prefetch" href="{link}"><link rel="preload" as="fetch" href="{link}">'
        f'<iframe src="{link}"></iframe><img src="{link}">'
        for link in links
    )
    page.set_content(html + prefetch, wait_until="networkidle")


def test_every_letter_leads_to_its_own_pages_and_no_others(mailbox: Mailbox) -> None:
    url = mailbox.newsletter.settings.public_url
    leads = {
        kind: [re.sub(r"/[^/]+$", "", link.removeprefix(url)) for link in mailbox.ours(kind)]
        for kind in mailbox.letters
    }
    assert leads == {
        "letter": ["/issues", "/u"],
        "confirmation": ["/c"],
        "preferences": ["/p"],
        "new-address": ["/p"],
        "already-here": [],
        "old-address": [],
    }


def test_every_link_of_a_letter_can_be_opened_in_every_way_but_pressing(
    kind: str, root: Path, app: App, mailbox: Mailbox
) -> None:
    before = dump(root)
    open_in_every_way(app, mailbox.ours(kind))
    assert dump(root) == before


def test_a_browser_that_runs_scripts_and_follows_links_changes_nothing(
    kind: str, root: Path, app: App, mailbox: Mailbox, context: BrowserContext
) -> None:
    before = dump(root)
    page = context.new_page()
    links = mailbox.ours(kind)
    opened: set[str] = set()
    for link in links:
        opened |= crawl(page, app, link)
    assert set(links) <= opened
    if kind == "preferences":
        assert {f"{links[0]}?gegevens", f"{links[0]}?vergeten"} < opened
    look_ahead(page, mailbox.letters[kind].html, links)
    assert dump(root) == before


def test_the_simulation_would_notice_a_button(
    kind: str, root: Path, app: App, mailbox: Mailbox
) -> None:
    before = dump(root)
    link = mailbox.ours(kind)[-1]
    answer = app.client.post(link, content=BUTTONS[kind], headers=FORM)
    assert answer.status_code == 200
    assert dump(root) != before


def test_the_simulation_would_notice_a_page_that_does_it_by_itself(
    kind: str, root: Path, context: BrowserContext
) -> None:
    Newsletter(root, subscribers=0).store.close()
    with serving(root, limits=STILL, before=[CARELESS[kind]]) as app:
        mailbox = Mailbox(root, app.url)
        before = dump(root)
        crawl(context.new_page(), app, mailbox.ours(kind)[-1])
        assert dump(root) != before
