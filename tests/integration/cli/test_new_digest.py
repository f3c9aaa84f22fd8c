"""`newsletter new --digest`: through the command, from a ledger with sent issues."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from newsletter import desk
from newsletter.desk.digest import Month, make_digest
from newsletter.desk.inspection import inspect_issue
from newsletter.errors import NewsletterError
from newsletter.model import Severity
from newsletter.store import editions
from newsletter.store.notices import ProviderAccount
from newsletter.subscriptions import preferences
from tests.support.newsletter import FakeProvider, Newsletter

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable
    from pathlib import Path

    Run = Callable[..., subprocess.CompletedProcess[str]]

NOVEMBER = Month(2026, 11)
BODIES = {
    "2026-10-25-eerder": "Dit was in oktober.",
    "2026-11-01-vijver": "## Stil water\n\nDe vijver lag *stil* (om 7.30 uur al). Er was niemand.",
    "2026-11-15-mist": "> Alleen een citaat.\n\nHij zei: “Kom maar.” Toen kwam de mist.",
    "2026-11-29-regen": "> Alleen een citaat.",
    "2026-11-22-weg": "Deze is er niet meer.",
}


class Clock:
    """The time, as a test sets it."""

    moment = datetime(2026, 10, 25, 8, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.moment


@pytest.fixture
def newsletter(root: Path) -> Newsletter:
    clock = Clock()
    made = Newsletter(root, subscribers=3, slug="none", clock=clock)
    (root / "newsletter.toml").write_text('name = "Stil Water"\nsend_day = "sunday"\n')
    provider = FakeProvider(root / "taken")
    for slug, body in BODIES.items():
        clock.moment = datetime.fromisoformat(f"{slug[:10]}T08:00Z")
        text = f"---\nsubject: Over *{slug[11:]}*\n---\n{body}\n"
        (root / "issues" / f"{slug}.md").write_text(text, encoding="utf-8")
        made.send(provider, slug)
    with made.store.write() as connection:
        editions.withdraw(connection, "2026-11-22-weg")
    return made


def digest(newsletter: Newsletter, month: Month = NOVEMBER, *, write: bool = True) -> str:
    made = make_digest(
        newsletter.settings,
        newsletter.store,
        month,
        day=None,
        now=datetime(2026, 11, 30, 9, tzinfo=UTC),
        write=write,
    )
    return made.draft.text


def test_a_digest_has_titles_first_sentences_and_links_of_the_month(
    newsletter: Newsletter,
) -> None:
    assert digest(newsletter) == (
        "---\n"
        "subject: De brieven van november 2026\n"
        "preheader: Over *vijver*, Over *mist*, Over *regen*\n"
        "audience: monthly\n"
        "draft: yes\n"
        "---\n"
        "\n## Over \\*vijver\\*\n"
        "\nDe vijver lag stil (om 7.30 uur al).\n"
        "\n[Lees deze brief](https://brief.example.org/issues/2026-11-01-vijver)\n"
        "\n## Over \\*mist\\*\n"
        "\nHij zei: “Kom maar.”\n"
        "\n[Lees deze brief](https://brief.example.org/issues/2026-11-15-mist)\n"
        "\n## Over \\*regen\\*\n"
        "\n[Lees deze brief](https://brief.example.org/issues/2026-11-29-regen)\n"
    )
    path = newsletter.root / "issues" / "2026-12-06-de-brieven-van-november-2026.md"
    assert path.read_text(encoding="utf-8") == digest(newsletter, write=False)
    with pytest.raises(NewsletterError, match="is the digest of 2026-11 already"):
        digest(newsletter)


def test_a_digest_takes_the_first_slot_after_the_month_that_no_other_digest_has(
    newsletter: Newsletter,
) -> None:
    issues = newsletter.root / "issues"
    (issues / "2026-12-06-wind.md").write_text("---\nsubject: Wind\n---\nEen zin.\n")
    (issues / "2026-12-06-ander.md").write_text(
        "---\nsubject: Ander\naudience: monthly\n---\nEen zin.\n"
    )
    digest(newsletter)
    assert (issues / "2026-12-13-de-brieven-van-november-2026.md").exists()


def test_a_digest_as_it_was_written_is_checked_sent_and_contains_what_it_links_to(
    newsletter: Newsletter,
) -> None:
    text = digest(newsletter).replace("draft: yes\n", "")
    slug = "2026-12-06-de-brieven-van-november-2026"
    (newsletter.root / "issues" / f"{slug}.md").write_text(text, encoding="utf-8")
    _, draft = desk.find_draft(newsletter.settings, slug)
    assert draft
    problems = inspect_issue(newsletter.settings, draft)
    assert [one.rule for one in problems if one.severity is Severity.ERROR] == []
    rows = newsletter.sql("SELECT public_id FROM subscribers ORDER BY id")
    via = ProviderAccount("outbox", "")
    with newsletter.store.write() as connection:
        connection.exec_driver_sql("DELETE FROM deliveries WHERE subscriber_id = 1")
    preferences.choose(newsletter.store, str(rows[0][0]), via, monthly=True)
    newsletter.send(FakeProvider(newsletter.root / "taken"), slug, late=True)
    listed = newsletter.sql("SELECT slug FROM digest_issues ORDER BY slug")
    assert [one[0] for one in listed] == [
        "2026-11-01-vijver", "2026-11-15-mist", "2026-11-29-regen",
    ]  # fmt: skip


def test_links_of_a_digest_to_an_archive_on_the_own_machine_are_no_finding(
    newsletter: Newsletter,
) -> None:
    settings = replace(newsletter.settings, public_url="http://localhost:800")
    moment = datetime(2026, 11, 30, 9, tzinfo=UTC)
    made = make_digest(settings, newsletter.store, NOVEMBER, day=None, now=moment, write=False)
    text = made.draft.text
    assert "(http://localhost:800/issues/" in text
    path = settings.issues / "2026-12-06-overzicht.md"

    def rules(text: str) -> list[str]:
        found = desk.issues.read_text(settings, path, text.encode()).findings
        return [one.rule for one in found if one.rule in {"link-insecure", "private-address"}]

    assert rules(text) == []
    other = text.replace("http://localhost:800/", "http://localhost:8000/", 1)
    assert rules(other) == ["link-insecure", "private-address"]


def test_a_digest_of_a_month_that_is_not_over_says_so(newsletter: Newsletter) -> None:
    moments = (datetime(2026, 11, 30, 22, 59, tzinfo=UTC), datetime(2026, 11, 30, 23, tzinfo=UTC))
    said = [
        make_digest(
            newsletter.settings, newsletter.store, NOVEMBER, day=None, now=now, write=False
        ).held
        for now in moments
    ]
    assert [len(one) for one in said] == [1, 0]
    assert "2026-11 is not over" in said[0][0]


def test_a_month_without_issues_has_no_digest(newsletter: Newsletter) -> None:
    with pytest.raises(NewsletterError, match="no issue of 2026-09 was sent"):
        digest(newsletter, Month(2026, 9))


def test_the_command_makes_it_and_refuses_what_is_no_month(
    newsletter: Newsletter, run: Run
) -> None:
    made = run("new", "--digest", "2026-09")
    assert (made.returncode, made.stderr.count("no issue of 2026-09")) == (1, 1)
    for typed in ("2026-13", "november", "2026-11-01"):
        assert run("new", "--digest", typed).returncode == 2
    both = run("new", "https://example.org/", "--digest", "2026-11")
    assert both.returncode == 2
    day = f"{datetime.now(UTC) + timedelta(9):%Y-%m-%d}"
    made = run("new", "--digest", "2026-11", "--date", day, "--json")
    assert made.returncode == 0, made.stderr
    document = json.loads(made.stdout)
    assert document["subject"] == "De brieven van november 2026"
    assert document["parts"]["opening"] == 3
    (newsletter.root / document["path"]).unlink()
    assert "Taken: 3 issues." in run("new", "--digest", "2026-11", "--date", day).stderr
