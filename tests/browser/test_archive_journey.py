"""A stranger's way through the archive: from a mistyped word to the digest of a month."""

from __future__ import annotations

import json
import re
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from tests.support.newsletter import FakeProvider, Newsletter
from tests.support.providers.fake_resend import FakeResend
from tests.support.subscribers import statuses
from tests.support.web_server import App, serving

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


EVA = "Eva.Lezer@example.org"


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
    root: Path, run: Run, new_context: Callable[..., BrowserContext], tmp_path: Path
) -> None:
    clock = Clock()
    newsletter = Newsletter(root, subscribers=3, slug=next(iter(SENT)), clock=clock)
    everyone = [f"lezer{number}@example.org" for number in range(3)]
    page = new_context(viewport={"width": 375, "height": 740}).new_page()
    with FakeResend(tmp_path / "taken") as fake:
        env = newsletter.for_real(fake.url)
        with (root / "newsletter.toml").open("a", encoding="utf-8") as settings:
            settings.write("welcome_with_latest = true\n")
        for slug, body in SENT.items():
            assert send(newsletter, clock, slug, body) == everyone
        with serving(root, env=env) as app:
            find(app, page)
            join(app, page, fake)
            assert statuses(newsletter.store)[EVA] == "active"
            choose_monthly(app, page, fake)
            assert send(newsletter, clock, AFTER, "Over de regen.") == everyone
            assert send_digest(newsletter, clock, run) == [EVA]
    assert [one["to"] for one in fake.taken()] == [EVA] * 4


def letter_to_eva(fake: FakeResend, subject: str) -> str:
    """Return the text of the one letter to her with this in its subject, once it is there."""
    until = time.monotonic() + 60
    while True:
        messages = [one["message"] for one in fake.taken() if one["to"] == EVA]
        found = [one for one in messages if subject in dict(one["headers"])["Subject"]]
        if found:
            (only,) = found
            text: str = only["text"]
            return text
        assert time.monotonic() < until, [dict(one["headers"])["Subject"] for one in messages]
        time.sleep(0.1)


def path_in(text: str, kind: str) -> str:
    """Return the path of a link in a letter."""
    found = re.search(rf"https?://[^/\s]+(/{kind}/\S+)", text)
    assert found, text
    return found[1]


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


def join(app: App, page: Page, fake: FakeResend) -> None:
    """Sign up on the page of the issue, confirm, and get the welcome with the latest issue."""
    page.get_by_label("E-mailadres").fill(EVA)
    page.get_by_role("button", name="Meld me aan").click()
    # A form that is not the app's own is asked once more, by a page of the app.
    page.get_by_role("heading", name="Nog één klik").wait_for()
    page.wait_for_timeout(2000)  # nobody reads it in less
    page.get_by_role("button", name="Meld me aan").click()
    page.get_by_role("heading", name="Kijk in je mailbox").wait_for()
    page.goto(app.url + path_in(letter_to_eva(fake, "Bevestig"), "c"))
    page.get_by_role("button").click()
    letter_to_eva(fake, "Welkom")
    assert "Het loslaten begint met zitten." in letter_to_eva(fake, "Een brief over bank")


def choose_monthly(app: App, page: Page, fake: FakeResend) -> None:
    """Choose a letter a month on the preferences page, by a link that was mailed."""
    page.goto(app.url + path_in(letter_to_eva(fake, "Een brief over bank"), "u"))
    page.get_by_role("button", name="Mail me de link").click()
    page.goto(app.url + path_in(letter_to_eva(fake, "voorkeuren"), "p"))
    page.get_by_role("button", name=re.compile("maand", re.IGNORECASE)).click()
    page.get_by_role("status").wait_for()


def send_digest(newsletter: Newsletter, clock: Clock, run: Run) -> list[str]:
    """Write the digest of October, and send it as it is; return who got it."""
    where = {"NEWSLETTER_PUBLIC_URL": newsletter.settings.public_url}
    made = run("new", "--digest", "2026-10", "--json", env=where)
    assert made.returncode == 0, made.stderr
    file = newsletter.root / json.loads(made.stdout)["path"]
    text = file.read_text(encoding="utf-8")
    listed = re.findall(r"/issues/([\w-]+)\)", text)
    assert sorted(listed) == ["2026-10-04-touw", "2026-10-11-bank", AFTER]
    file.write_text(text.replace("draft: yes\n", ""), encoding="utf-8")
    return send(newsletter, clock, file.stem, "")
