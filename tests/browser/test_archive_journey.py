"""A stranger's way through the archive: from a mistyped word to the digest of a month."""

from __future__ import annotations

import dataclasses
import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from tests.browser.test_pages import settle
from tests.browser.test_subscriber_journey import EVA, letter_to, link_in, preferences
from tests.support.newsletter import FakeProvider, Newsletter
from tests.support.subscribers import statuses
from tests.support.web_server import KEY, App, serving

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable
    from pathlib import Path

    from playwright.sync_api import BrowserContext, Page

    Run = Callable[..., subprocess.CompletedProcess[str]]

SENT = {
    "2026-09-27-moestuin": "Over de moestuin.\n\nDe bonen staan er droog bij.",
    "2026-10-04-touw": "Over een touw.\n\nWie niet durft los te laten, wordt moe.",
    "2026-10-11-bank": "Over een bank in het park.\n\nHet loslaten begint met zitten.",
}
AFTER = "2026-10-18-regen"
DIGEST = "2026-11-01"


class Clock:
    """The time of those who send; the web app and its letters live now."""

    moment = datetime(2026, 9, 1, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.moment

    def go_to(self, slug: str) -> None:
        self.moment = datetime.fromisoformat(f"{slug[:10]}T07:00+01:00").astimezone(UTC)


def send(newsletter: Newsletter, clock: Clock, slug: str, body: str) -> list[str]:
    """Send an issue at its time; return who got it."""
    name = slug[11:]
    text = f"---\nsubject: Een brief over {name}\nthemes: {name}\n---\n{body}\n"
    file = newsletter.root / "issues" / f"{slug}.md"
    if not file.exists():
        file.write_text(text, encoding="utf-8")
    clock.go_to(slug)
    provider = FakeProvider(newsletter.root / f"taken-{slug}")
    sent = newsletter.send(provider, slug)
    assert sent.error is None
    assert set(provider.copies().values()) == {1}
    return sorted(provider.copies())


def test_a_stranger_finds_an_issue_signs_up_there_and_gets_the_digest_of_the_month(
    root: Path, run: Run, new_context: Callable[..., BrowserContext]
) -> None:
    settle(root, more="welcome_with_latest = true\n")
    clock = Clock()
    newsletter = Newsletter(root, subscribers=3, slug=next(iter(SENT)), clock=clock)
    newsletter.settings = dataclasses.replace(newsletter.settings, secret_keys=(KEY,))
    everyone = [f"lezer{number}@example.org" for number in range(3)]
    for slug, body in SENT.items():
        assert send(newsletter, clock, slug, body) == everyone
    page = new_context(viewport={"width": 375, "height": 740}).new_page()
    with serving(root) as app:
        find(app, page)
        leave = join(newsletter, app, page)
        choose_monthly(newsletter, app, page, leave)
        assert send(newsletter, clock, AFTER, "Over de regen.") == everyone
        assert send_digest(newsletter, clock, run) == [EVA]


def find(app: App, page: Page) -> None:
    """Search for a word with two letters the wrong way round, and read what is found."""
    page.goto(f"{app.url}/issues/")
    page.get_by_role("searchbox").fill("losltaen")
    page.get_by_role("button", name="Zoek").click()
    marked = page.locator("mark").all_inner_texts()
    assert "loslaten" in marked
    page.get_by_role("link", name="Een brief over bank").first.click()
    page.get_by_role("heading", name="Een brief over bank", level=1).wait_for()
    assert "Het loslaten begint met zitten." in page.inner_text("main")


def join(newsletter: Newsletter, app: App, page: Page) -> str:
    """Sign up on the page of the issue and confirm; return the way to leave of the latest issue."""
    page.get_by_label("E-mailadres").fill(EVA)
    page.wait_for_timeout(2000)  # nobody fills in a form in less
    page.get_by_role("button", name="Meld me aan").click()
    page.get_by_role("heading", name="Kijk in je mailbox").wait_for()
    page.goto(app.url + link_in(letter_to(newsletter, "_notices"), "c"))
    page.get_by_role("button").click()
    page.get_by_role("heading").first.wait_for()
    assert statuses(newsletter.store)[EVA] == "active"
    latest = letter_to(newsletter, "_notices", after=2)
    folder = newsletter.settings.state / "outbox" / "_notices"
    letters = [file.read_text(encoding="utf-8") for file in folder.glob("*.eml")]
    subjects = sorted(
        found[1] for text in letters if (found := re.search(r"(?m)^Subject: (.*)$", text))
    )
    assert sum("Een brief over bank" in subject for subject in subjects) == 1, subjects
    assert len(subjects) == 3, subjects
    return link_in(latest, "u")


def choose_monthly(newsletter: Newsletter, app: App, page: Page, leave: str) -> None:
    """Choose a letter a month on the preferences page, by a link that was mailed."""
    preferences(newsletter, app, page, leave)
    page.get_by_role("button", name=re.compile("maand", re.IGNORECASE)).click()
    page.get_by_role("status").wait_for()


def send_digest(newsletter: Newsletter, clock: Clock, run: Run) -> list[str]:
    """Write the digest of October, and send it as it is; return who got it."""
    made = run("new", "--digest", "2026-10", "--date", DIGEST)
    assert made.returncode == 0, made.stderr
    (file,) = (newsletter.root / "issues").glob(f"{DIGEST}-*.md")
    text = file.read_text(encoding="utf-8")
    listed = re.findall(r"/issues/([\w-]+)\)", text)
    assert sorted(listed) == ["2026-10-04-touw", "2026-10-11-bank", AFTER]
    file.write_text(text.replace("draft: yes\n", ""), encoding="utf-8")
    return send(newsletter, clock, file.stem, "")
