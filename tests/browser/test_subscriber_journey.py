"""A subscriber's whole way, in a real browser, while letters are being sent at every step of it."""

from __future__ import annotations

import contextlib
import dataclasses
import re
import threading
import time
from email import message_from_bytes, policy
from typing import TYPE_CHECKING

from newsletter.model import DeliveryState
from tests.browser.test_pages import settle
from tests.support.newsletter import FakeProvider, Newsletter, write_issue
from tests.support.personal_data import traces
from tests.support.subscribers import sql, statuses
from tests.support.web_server import KEY, App, serving

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable, Iterator
    from email.message import EmailMessage
    from pathlib import Path

    from playwright.sync_api import BrowserContext, Page

    from newsletter.delivery import SendResult
    from newsletter.model import Batch

    Run = Callable[..., subprocess.CompletedProcess[str]]

EVA = "Eva.Lezer@example.org"


def letter_to(newsletter: Newsletter, folder: str, *, after: int = 0) -> EmailMessage:
    """Return the newest letter to her in a folder of the outbox, once there are more than that."""
    place = newsletter.settings.state / "outbox" / folder
    until = time.monotonic() + 60
    while True:
        files = sorted(place.glob("*.eml"), key=lambda path: path.stat().st_mtime_ns)
        read = [message_from_bytes(path.read_bytes(), policy=policy.default) for path in files]
        expected = [letter for letter in read if letter["To"] == EVA]
        if len(expected) > after:
            return expected[-1]  # type: ignore[return-value]
        assert time.monotonic() < until
        time.sleep(0.05)


def link_in(letter: EmailMessage, kind: str) -> str:
    text = letter.get_body(("plain",))
    assert text is not None
    found = re.search(rf"https?://\S+(/{kind}/\S+)", text.get_content())
    assert found
    return found[1]


@contextlib.contextmanager
def half_sent(newsletter: Newsletter, name: str, days: int) -> Iterator[dict[str, SendResult]]:
    """Send an issue, of which the first request is on its way for as long as the block takes."""
    slug = write_issue(newsletter.root, name=name, days=days)
    provider = FakeProvider(newsletter.root / f"taken-{name}", size=1)
    on_its_way, go_on = threading.Event(), threading.Event()

    def wait(_batch: Batch) -> None:
        on_its_way.set()
        assert go_on.wait(120)

    provider.answer = wait
    done: dict[str, SendResult] = {}
    sender = threading.Thread(target=lambda: done.update(report=newsletter.send(provider, slug)))
    sender.start()
    try:
        assert on_its_way.wait(60)
        yield done
    finally:
        go_on.set()
        sender.join(120)
    done["copies"] = provider.copies()  # type: ignore[assignment]


def got_it(done: dict[str, SendResult]) -> bool:
    """Say whether she has the issue; everybody else has it, and the account adds up."""
    report, copies = done["report"].report, done["copies"]
    assert done["report"].error is None
    assert set(copies.values()) == {1}  # type: ignore[attr-defined]
    expected = EVA in copies  # type: ignore[operator]
    assert len(copies) == 8 + expected  # type: ignore[arg-type]
    assert report.counts[DeliveryState.ACCEPTED] == 8 + expected
    assert sum(report.counts.values()) == report.mailing.audience
    return expected


def preferences(newsletter: Newsletter, app: App, page: Page, leave: str) -> None:
    """Ask for the link on the unsubscribe page, and open it from the letter."""
    before = sql(newsletter.store, "SELECT count(*) FROM notices")[0][0]
    page.goto(app.url + leave)
    page.get_by_role("button", name="Mail me de link").click()
    page.get_by_role("heading", name="Kijk in je mailbox").wait_for()
    page.goto(app.url + link_in(letter_to(newsletter, "_notices", after=int(str(before))), "p"))


def test_a_subscriber_signs_up_reads_pauses_returns_unsubscribes_and_is_erased(
    root: Path, run: Run, new_context: Callable[..., BrowserContext]
) -> None:
    settle(root)
    newsletter = Newsletter(root, subscribers=8)
    newsletter.settings = dataclasses.replace(newsletter.settings, secret_keys=(KEY,))
    page = new_context(java_script_enabled=False, viewport={"width": 360, "height": 740}).new_page()
    with serving(root) as app:
        join(newsletter, app, page)
        leave = read(newsletter, run)

        preferences(newsletter, app, page, leave)
        with half_sent(newsletter, "pauze", 7) as done:
            page.get_by_role("button", name="Pauzeer").click()
            page.get_by_role("button", name="Stuur me weer brieven").wait_for()
        assert not got_it(done)

        page.get_by_role("button", name="Stuur me weer brieven").click()
        page.get_by_role("button", name="Pauzeer").wait_for()
        with half_sent(newsletter, "terug", 8) as done:
            pass
        assert got_it(done)

        with half_sent(newsletter, "weg", 9) as done:
            page.goto(app.url + leave)
            page.get_by_role("button", name="Ja, meld me af").click()
            page.get_by_role("heading", name="Je bent afgemeld").wait_for()
        assert not got_it(done)
        assert statuses(newsletter.store)[EVA] == "unsubscribed"

        be_forgotten(newsletter, app, page, leave)
    (root / "taken-terug").unlink()
    assert traces(root, EVA, "Evalina") == []


def join(newsletter: Newsletter, app: App, page: Page) -> None:
    """Sign up on the page and confirm from the letter, while an issue is being sent."""
    with half_sent(newsletter, "aanmelden", 5) as done:
        page.goto(app.url)
        page.get_by_label("E-mailadres").fill(EVA)
        page.get_by_label("Voornaam").fill("Evalina")
        page.wait_for_timeout(2000)  # nobody fills in a form in less
        page.get_by_role("button").click()
        page.get_by_role("heading", name="Kijk in je mailbox").wait_for()
        page.goto(app.url + link_in(letter_to(newsletter, "_notices"), "c"))
        assert statuses(newsletter.store)[EVA] == "pending"
        page.get_by_role("button").click()
        page.get_by_role("heading").wait_for()
    assert statuses(newsletter.store)[EVA] == "active"
    # Its audience was frozen before she came.
    assert not got_it(done)


def read(newsletter: Newsletter, run: Run) -> str:
    """Receive the weekly issue; return the unsubscribe link in it."""
    done = run("send", newsletter.slug, env={"NEWSLETTER_SECRET_KEY": KEY})
    assert done.returncode == 0, done.stderr
    letter = letter_to(newsletter, newsletter.slug)
    text = letter.get_body(("plain",))
    assert text is not None
    assert "Dag Evalina," in text.get_content()
    return link_in(letter, "u")


def be_forgotten(newsletter: Newsletter, app: App, page: Page, leave: str) -> None:
    """Come back by hand, so that a letter is owed; then be erased while it is on its way."""
    sql(newsletter.store, "UPDATE subscribers SET status = 'active' WHERE email = ?", EVA)
    preferences(newsletter, app, page, leave)
    page.get_by_role("link", name="Laat alles wissen").click()
    with half_sent(newsletter, "vergeten", 10) as done:
        page.get_by_role("button", name="Ja, wis alles").click()
        page.get_by_role("heading", name="Alles is gewist").wait_for()
    assert not got_it(done)
    assert EVA not in statuses(newsletter.store)
