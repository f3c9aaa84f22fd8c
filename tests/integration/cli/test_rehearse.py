"""`newsletter rehearse`: everyone's own letter, whatever the provider, and the page to look at."""

from __future__ import annotations

import json
import re
import stat
from email import message_from_bytes, policy
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from newsletter.store.schema import subscribers
from tests.support import pictures
from tests.support.newsletter import Newsletter, coming, write_issue

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable
    from pathlib import Path

    from playwright.sync_api import Page

    Run = Callable[..., subprocess.CompletedProcess[str]]

pytestmark = pytest.mark.usefixtures("database")


@pytest.fixture
def newsletter(root: Path) -> Newsletter:
    return Newsletter(root, subscribers=3)


def letters(newsletter: Newsletter, slug: str = "") -> dict[str, str]:
    """Return the text of every letter in the outbox, by its address."""
    folder = newsletter.root / ".newsletter" / "outbox" / (slug or newsletter.slug)
    mails = [
        message_from_bytes(path.read_bytes(), policy=policy.default)
        for path in folder.glob("*.eml")
    ]
    return {mail["To"]: mail.get_body(("plain",)).get_content() for mail in mails}  # type: ignore[attr-defined]


def links(newsletter: Newsletter) -> set[str]:
    folder = newsletter.root / ".newsletter" / "outbox" / newsletter.slug
    return {
        message_from_bytes(path.read_bytes(), policy=policy.default)["List-Unsubscribe"]
        for path in folder.glob("*.eml")
    }


def test_a_rehearsal_follows_the_list_and_the_text(newsletter: Newsletter, run: Run) -> None:
    assert run("rehearse", newsletter.slug).returncode == 0
    again = run("rehearse", newsletter.slug)
    assert "complete already" in again.stderr
    for command, count in (
        (("subscribers", "add", "nieuw@example.org", "--consent", "x"), 4),
        (("subscribers", "unsubscribe", "lezer0@example.org"), 3),
        (("subscribers", "add", "lezer2@example.org", "--first-name", "Bo", "--consent", "x"), 3),
    ):
        assert run(*command).returncode == 0
        done = run("rehearse", newsletter.slug, "--json")
        assert json.loads(done.stdout)["audience"] == len(letters(newsletter)) == count
        assert "all letters are new" in done.stderr
    assert "Dag Bo," in letters(newsletter)["lezer2@example.org"]
    assert "lezer0@example.org" not in letters(newsletter)
    write_issue(newsletter.root, more=" En nog iets.")
    assert "all letters are new" in run("rehearse", newsletter.slug).stderr
    assert all("En nog iets" in text for text in letters(newsletter).values())


def test_letters_that_were_thrown_away_are_written_again(newsletter: Newsletter, run: Run) -> None:
    run("rehearse", newsletter.slug)
    folder = newsletter.root / ".newsletter" / "outbox" / newsletter.slug
    for path in folder.iterdir():
        path.unlink()
    run("rehearse", newsletter.slug)
    assert len(letters(newsletter)) == 3


def test_a_draft_is_rehearsed_and_not_sent(newsletter: Newsletter, run: Run) -> None:
    file = newsletter.root / "issues" / f"{newsletter.slug}.md"
    file.write_text(file.read_text().replace("---\nEen", "draft: yes\n---\nEen"))
    refused = run("send", newsletter.slug)
    assert (refused.returncode, refused.stdout) == (1, "")
    assert f"newsletter rehearse {newsletter.slug}" in refused.stderr
    assert run("rehearse", newsletter.slug).returncode == 0
    assert len(letters(newsletter)) == 3


def test_a_file_with_errors_is_not_rehearsed(newsletter: Newsletter, run: Run) -> None:
    file = newsletter.root / "issues" / f"{newsletter.slug}.md"
    file.write_text(file.read_text().replace("subject:", "subjct:"))
    assert run("rehearse", newsletter.slug).returncode == 1
    assert not (newsletter.root / ".newsletter" / "outbox").exists()


def test_sending_through_the_outbox_says_first_that_it_is_a_rehearsal(
    newsletter: Newsletter, run: Run
) -> None:
    done = run("send", newsletter.slug)
    assert done.stdout.splitlines()[0] == (
        f'A rehearsal of {newsletter.slug}: provider is "outbox", so nobody is mailed.'
    )
    assert json.loads(run("send", newsletter.slug, "--json").stdout)["rehearsal"]


def test_with_a_real_provider_the_links_work_for_nobody(newsletter: Newsletter, run: Run) -> None:
    run("rehearse", newsletter.slug)
    assert len(links(newsletter)) == 3
    newsletter.for_real("http://127.0.0.1:9")  # nothing is there, and no key is set
    done = run("rehearse", newsletter.slug, "--json")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert (found["rehearsal"], found["provider"], found["accepted"]) == (True, "outbox", 3)
    assert "all letters are new" in done.stderr
    assert len(links(newsletter)) == 1
    assert "do nothing" in index(newsletter)
    assert json.loads(run("status", newsletter.slug, "--json").stdout)["next_step"] is None
    (newsletter.root / "newsletter.toml").write_text('name = "Proefbrief"\n')
    run("rehearse", newsletter.slug)
    assert len(links(newsletter)) == 3


def index(newsletter: Newsletter) -> str:
    path = newsletter.root / ".newsletter" / "outbox" / newsletter.slug / "index.html"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    return path.read_text(encoding="utf-8")


HOSTILE = "</script><img src=x onerror=alert(1)>\"'&"


def test_the_page_shows_every_letter_and_runs_nothing_of_others(
    newsletter: Newsletter, run: Run, page: Page
) -> None:
    with newsletter.store.write() as connection:
        change = subscribers.update().where(subscribers.c.email == "lezer1@example.org")
        connection.execute(change.values(first_name=HOSTILE))
    run("rehearse", newsletter.slug)
    text = index(newsletter)
    assert len(re.findall(r"<script", text)) == 2
    assert not re.search(r'(src|href)="(?!#|[0-9a-f]{32}\.eml)', text)
    said: list[str] = []
    page.on("dialog", lambda dialog: said.append(dialog.message))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on("console", lambda line: said.append(line.text))
    page.goto(
        (newsletter.root / ".newsletter" / "outbox" / newsletter.slug / "index.html").as_uri()
    )
    assert page.locator("li").count() == 3
    page.locator("li a", has_text="lezer1@example.org").first.click()
    # What a click shows comes a moment after it: the page follows the event "hashchange".
    expect(page.locator("#to")).to_contain_text(HOSTILE)
    frame = page.frame_locator("#frame")
    expect(frame.locator("body")).to_contain_text(f"Dag {HOSTILE},")
    page.get_by_role("button", name="Plain text").click()
    expect(page.locator("#plain")).to_contain_text(f"Dag {HOSTILE},")
    page.get_by_label("Find a subscriber").fill("lezer2")
    expect(page.locator("li:visible")).to_have_count(1)
    assert said == []


def test_the_page_has_the_letters_as_they_were_written(newsletter: Newsletter, run: Run) -> None:
    run("rehearse", newsletter.slug)
    found = re.search(r'id="data">(.*?)</script>', index(newsletter), re.DOTALL)
    assert found
    data = json.loads(found[1])
    for one in data["people"]:
        filled = "".join(one[p] if i % 2 else p for i, p in enumerate(data["text"]))
        assert letters(newsletter)[one["email"]].replace("\r\n", "\n").strip() == filled.strip()


def test_an_erased_subscriber_is_on_no_page(newsletter: Newsletter, run: Run) -> None:
    run("rehearse", newsletter.slug)
    assert "lezer1@example.org" in index(newsletter)
    assert run("subscribers", "erase", "lezer1@example.org", "--yes").returncode == 0
    for path in (newsletter.root / ".newsletter" / "outbox").rglob("*"):
        assert path.is_dir() or b"lezer1@" not in path.read_bytes()


def test_a_rehearsal_keeps_nothing_from_being_sent(newsletter: Newsletter, run: Run) -> None:
    run("rehearse", newsletter.slug)
    (line,) = json.loads(run("status", "--json").stdout)["issues"]
    assert (line["issue"], line["state"]) == (newsletter.slug, "scheduled")


def test_a_part_of_the_slug_is_enough(newsletter: Newsletter, run: Run) -> None:
    assert run("rehearse", "rust").returncode == 0
    write_issue(newsletter.root, name="rustig")
    done = run("rehearse", "rust")
    assert done.returncode == 1
    assert f"{coming():%Y-%m-%d}-rustig" in done.stderr


def test_the_page_of_the_letters_holds_their_pictures(
    root: Path, run: Callable[..., subprocess.CompletedProcess[str]]
) -> None:
    pictures.put(root / "issues" / "foto.jpg", pictures.photo())
    slug = write_issue(root, more="\n\n![Een pad](foto.jpg)")
    Newsletter(root, subscribers=2, slug=slug)
    done = run("rehearse", slug)
    assert done.returncode == 0, done.stderr
    page = (root / ".newsletter" / "outbox" / slug / "index.html").read_text()
    assert page.count("data:image/jpeg;base64,") == 1
    assert "/media/" not in page
