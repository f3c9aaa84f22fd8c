"""`erratum` and `withdraw` as commands: what they ask, say and refuse, and what subscribers get."""

from __future__ import annotations

import json
import os
import pty
import re
import signal
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.newsletter import Newsletter, is_one_error
from tests.support.processes import run_command
from tests.support.providers.fake_resend import FAULTS, FakeResend
from tests.support.web_server import serving

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Iterator
    from pathlib import Path

    from tests.support.web_server import App

pytestmark = pytest.mark.usefixtures("database")
PEOPLE = 120  # two requests


class Author:
    """An author whose issue was sent, and whose web app is there.

    Attributes:
        newsletter: The folder.
        fake: The provider.
        app: The web app.
        env: The environment of commands.
    """

    def __init__(self, newsletter: Newsletter, fake: FakeResend, app: App) -> None:
        self.newsletter, self.fake, self.app = newsletter, fake, app
        self.env = newsletter.for_real(fake.url) | {"NEWSLETTER_PUBLIC_URL": app.url}
        self.slug = newsletter.slug
        self.erratum = f"{self.slug}--erratum-1"

    def run(self, *arguments: str, env: dict[str, str] | None = None) -> Any:  # noqa: ANN401
        return run_command(*arguments, cwd=self.newsletter.root, env=self.env | (env or {}))

    def document(self, *arguments: str, code: int = 0) -> Any:  # noqa: ANN401 - JSON
        done = self.run(*arguments, "--json")
        assert done.returncode == code, done.stderr
        return json.loads(done.stdout)

    def at_a_terminal(self, answer: str, *arguments: str) -> str:
        master, slave = pty.openpty()
        os.write(master, f"{answer}\n".encode())
        root = self.newsletter.root
        done = run_command(*arguments, cwd=root, env=self.env, stdin=slave)
        os.close(slave)
        os.close(master)
        return done.stdout + done.stderr

    def correct(self, old: str = "over rust.", new: str = "over water.") -> None:
        file = self.newsletter.root / "issues" / f"{self.slug}.md"
        text = file.read_text(encoding="utf-8")
        assert old in text
        file.write_text(text.replace(old, new), encoding="utf-8")

    def letters(self) -> list[dict[str, Any]]:
        """Return what was mailed since the issue was sent."""
        return self.fake.taken()[PEOPLE:]

    def page(self) -> str:
        answer = self.app.client.get(f"/issues/{self.slug}")
        assert answer.status_code == 200
        return answer.text


def refused(done: subprocess.CompletedProcess[str], code: int = 1) -> str:
    assert (done.returncode, done.stdout) == (code, ""), done.stderr
    assert is_one_error(done.stderr), done.stderr
    return done.stderr


@pytest.fixture
def author(root: Path, tmp_path: Path) -> Iterator[Author]:
    newsletter = Newsletter(root, subscribers=PEOPLE)
    with FakeResend(tmp_path / "taken") as fake:
        env = newsletter.for_real(fake.url)
        with serving(root, env=env) as app:
            author = Author(newsletter, fake, app)
            sent = author.document("send", author.slug, "--early", "--yes", "--no-preflight")
            assert sent["accepted"] == PEOPLE
            yield author


def test_a_correction_is_published_and_then_mailed_once(author: Author) -> None:
    slug = author.slug
    same = author.document("erratum", slug)
    assert (same["number"], same["changed"], same["mailing"]) == (0, False, None)
    author.correct()
    before = author.page()
    assert "over rust" in before

    found = author.document("erratum", slug)
    assert (found["issue"], found["number"], found["changed"]) == (slug, 1, True)
    assert found["mailing"] is None
    assert found["published_at"].endswith("Z")
    after = author.page()
    assert after.count("<li>Een rustige zin over water.</li>") == 1
    assert "over rust." not in after  # a mistake is not repeated
    again = author.document("erratum", slug)
    assert again == found | {"changed": False}
    assert author.letters() == []

    unasked = refused(author.run("erratum", slug, "--mail"), 2)
    assert f"this mails {PEOPLE} subscribers through resend" in unasked
    assert "--yes" in unasked
    mailed = author.document("erratum", slug, "--mail", "--yes")
    assert mailed["published_at"] == found["published_at"]
    mailing = mailed["mailing"]
    assert (mailing["issue"], mailing["accepted"]) == (author.erratum, PEOPLE)
    assert (mailing["state"], mailing["rehearsal"]) == ("completed", False)
    assert author.document("erratum", slug, "--mail", "--yes") == mailed
    assert author.document("status", author.erratum) == mailing
    assert author.run("send", slug, "--yes", "--no-preflight").returncode == 0
    letters = author.letters()
    assert len({one["to"] for one in letters}) == len(letters) == PEOPLE
    message = letters[0]["message"]
    headers = dict(message["headers"])
    assert headers["Subject"] == "Correctie: Over rust"
    assert f"{author.app.url}/issues/{slug}" in message["html"]
    assert "--erratum" not in message["html"]
    history = author.document("subscribers", "show", "lezer1@example.org")
    assert {one["issue"] for one in history["deliveries"]} == {slug, author.erratum}
    (line,) = author.document("status")["issues"]
    assert (line["issue"], line["state"]) == (slug, "sent")
    correction = {"number": 1, "published_at": found["published_at"], "mailing": author.erratum}
    assert line["corrections"] == author.document("status", slug)["corrections"] == [correction]
    # A part of both names is the issue.
    assert author.document("status", "rust") == author.document("status", slug)
    assert author.document("status", "rust--erratum") == mailing


def test_a_sender_that_is_killed_leaves_the_rest_to_the_schedule(author: Author) -> None:
    author.correct()
    author.fake.faults[author.fake.count + 1] = FAULTS["kill-taken"]
    done = author.run("erratum", author.slug, "--mail", "--yes")
    assert done.returncode == -signal.SIGKILL, done.stderr
    author.fake.faults.clear()
    assert 0 < len(author.letters()) < PEOPLE
    due = author.run("send", "--due", "--no-preflight", "--json")
    assert due.returncode == 0, due.stderr
    (found,) = json.loads(due.stdout)["mailings"]
    assert (found["issue"], found["accepted"]) == (author.erratum, PEOPLE)
    assert "edited" not in due.stderr
    copies = Counter(one["to"] for one in author.letters())
    assert (len(copies), set(copies.values())) == (PEOPLE, {1})
    assert author.document("erratum", author.slug, "--mail", "--yes")["changed"] is False
    assert len(author.letters()) == PEOPLE


def test_the_question_names_what_changed_and_for_whom(author: Author) -> None:
    author.correct()
    author.newsletter.sql("UPDATE deliveries SET state = 'unknown' WHERE subscriber_id = 1")
    said = author.at_a_terminal("n", "erratum", "rust", "--mail")
    for part in (
        author.erratum,
        "Correctie: Over rust",
        "warning: 1 subscriber will not get it",
        f"{PEOPLE - 1} subscribers, through resend",
        "- Een rustige zin over rust.",
        "+ Een rustige zin over water.",
        "none of this text yet",
        "[y/N]",
    ):
        assert part in said, said
    author.correct("subject: Over rust", "subject: Over water")
    said = author.at_a_terminal("n", "erratum", "rust")
    for part in ("  - subject: Over rust\n  - Een", "  + subject: Over water\n  + Een"):
        assert part in said.replace("\r", ""), said
    assert f"Publish this text of {author.slug}? [y/N]" in said
    assert "over rust" in author.page()
    assert author.letters() == []
    author.at_a_terminal("y", "erratum", "rust")
    assert "Bijgewerkt op" in author.page()
    assert "<li>Over water</li>" in author.page()
    again = author.run("erratum", author.slug).stdout
    assert "\n  - subject: Over rust\n" in again


def test_a_part_of_a_slug_is_not_enough_where_nobody_is_asked(author: Author) -> None:
    author.correct()
    for command in (("erratum", "rust"), ("erratum", "rust", "--mail", "--yes")):
        assert author.slug in refused(author.run(*command))
    assert author.slug in refused(author.run("withdraw", "rust"))
    assert "over rust" in author.page()


def test_a_correction_needs_a_proof_where_letters_do(author: Author) -> None:
    author.correct()
    with (author.newsletter.root / "newsletter.toml").open("a") as file:
        file.write("require_proof = true\n")
    said = refused(author.run("erratum", author.slug, "--mail", "--yes"))
    assert "nobody got a proof of it yet" in said or "changed after its proof" in said
    assert "over rust" in author.page()  # nothing was published
    assert author.run("proof", author.slug, "--to", "ik@example.org").returncode == 0
    mailed = author.document("erratum", author.slug, "--mail", "--yes")
    assert (mailed["mailing"]["accepted"], mailed["mailing"]["proofed"]) == (PEOPLE, True)


def test_a_correction_for_nobody_is_published_all_the_same(author: Author) -> None:
    author.newsletter.sql("UPDATE subscribers SET status = 'unsubscribed'")
    author.correct()
    done = author.run("erratum", author.slug, "--mail", "--yes", "--json")
    assert done.returncode == 0, done.stderr
    assert "nobody is mailed" in done.stderr
    found = json.loads(done.stdout)
    assert (found["number"], found["changed"], found["mailing"]) == (1, True, None)
    assert "Bijgewerkt op" in author.page()
    assert author.letters() == []


def test_through_the_outbox_it_is_a_rehearsal_that_publishes_nothing(author: Author) -> None:
    author.correct()
    url = author.env.pop("NEWSLETTER_PROVIDER_URL")
    outbox = {"NEWSLETTER_PROVIDER": "outbox"}
    done = author.run("erratum", author.slug, "--mail", env=outbox)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("A rehearsal of a correction")
    folder = author.newsletter.root / ".newsletter" / "outbox" / author.erratum
    assert len(list(folder.glob("*.eml"))) == PEOPLE
    assert (folder / "index.html").exists()
    assert "over rust" in author.page()
    assert author.letters() == []
    author.env["NEWSLETTER_PROVIDER_URL"] = url
    assert author.document("erratum", author.slug)["changed"] is True


def test_what_is_next_is_said(author: Author) -> None:
    author.correct()
    sent = author.run("send", author.slug, "--yes", "--no-preflight")
    assert f"newsletter erratum {author.slug}" in sent.stderr
    settings = author.newsletter.root / "newsletter.toml"
    text = settings.read_text(encoding="utf-8")
    for command, builds in (("erratum", False), ("withdraw", True)):
        if builds:
            archive = 'archive_url = "https://archief.example.org/"\n'
            settings.write_text(archive + text, encoding="utf-8")
        done = author.run(command, author.slug)
        assert done.returncode == 0, done.stderr
        assert ("https://archief.example.org/ follows" in done.stderr) == builds


def test_what_cannot_be_corrected_or_withdrawn_says_why(author: Author) -> None:
    assert "there is no issue" in refused(author.run("erratum", "2026-01-01-niets"))
    assert "there is no issue" in refused(author.run("withdraw", "2026-01-01-niets"))
    author.correct()
    author.newsletter.sql("UPDATE mailings SET state = 'sending'")
    for command in ("erratum", "withdraw"):
        assert f"{author.slug} is being sent" in refused(author.run(command, author.slug))
    author.newsletter.sql("UPDATE mailings SET state = 'completed'")
    file = author.newsletter.root / "issues" / f"{author.slug}.md"
    text = file.read_text()
    file.write_text(text.replace("subject", "subjct"))
    assert "error" in refused(author.run("erratum", author.slug))
    file.write_text(text.replace("---\nEen", "draft: yes\n---\nEen"))
    assert "draft" in refused(author.run("erratum", author.slug))
    file.unlink()
    assert "is gone" in refused(author.run("erratum", author.slug))


def test_status_says_what_was_corrected_mailed_and_withdrawn(author: Author) -> None:
    commands = (("status",), ("status", author.slug))
    for command in commands:
        assert not {"corrected", "withdrawn"} & set(author.run(*command).stdout.split())
    assert author.document("status", author.slug)["corrections"] == []
    author.correct()
    first = author.document("erratum", author.slug)["published_at"]
    author.newsletter.sql("UPDATE subscribers SET status = 'unsubscribed' WHERE id > 12")
    for command in commands:
        assert re.search(
            r"^ +corrected \d{4}-\d\d-\d\d \(1 correction, not mailed\)$",
            author.run(*command).stdout,
            re.MULTILINE,
        )
    author.document("erratum", author.slug, "--mail", "--yes")
    for command in commands:
        assert "(1 correction, mailed to 12)\n" in author.run(*command).stdout
    author.correct("over water.", "over wind.")
    second = author.document("erratum", author.slug)["published_at"]
    author.document("withdraw", author.slug)
    for command in commands:
        said = author.run(*command).stdout
        assert "(2 corrections, number 1 mailed to 12)\n" in said
        assert re.search("^ +withdrawn from the archive$", said, re.MULTILINE)
    author.newsletter.sql("UPDATE mailings SET state = 'paused' WHERE erratum = 1")
    said = author.run("status", author.slug).stdout
    assert f"number 1 mailing paused: newsletter status {author.erratum})" in said
    found = author.document("status", author.slug)
    (line,) = author.document("status")["issues"]
    assert line["withdrawn"] is found["withdrawn"] is True
    assert line["corrections"] == found["corrections"]
    assert found["corrections"] == [
        {"number": 1, "published_at": first, "mailing": author.erratum},
        {"number": 2, "published_at": second, "mailing": None},
    ]


def test_a_withdrawn_issue_is_gone_from_the_archive(author: Author) -> None:
    assert author.slug in author.app.client.get("/issues/search?q=rustige").text
    found = author.document("withdraw", author.slug)
    assert found == {"issue": author.slug, "withdrawn": True, "already": False}
    assert author.app.client.get(f"/issues/{author.slug}").status_code == 410
    for path in ("/issues/", "/issues/search?q=rustige", "/feed.xml", "/feed.json", "/sitemap.xml"):
        answer = author.app.client.get(path)
        assert answer.status_code == 200
        assert author.slug not in answer.text
    assert author.document("withdraw", author.slug)["already"] is True
    author.correct()
    assert "was withdrawn" in refused(author.run("erratum", author.slug))
    assert author.run("status", author.slug).returncode == 0
