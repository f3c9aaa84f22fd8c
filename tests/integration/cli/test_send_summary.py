"""`send --due --summary FILE`: a summary for people, however the run ends."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import pytest

from newsletter.forge import read_summary
from tests.support.newsletter import Newsletter, coming, write_issue
from tests.support.providers.fake_resend import FAULTS, FakeResend

if TYPE_CHECKING:
    import subprocess
    from pathlib import Path

    from newsletter.forge import RunSummary

Run = "Callable[..., subprocess.CompletedProcess[str]]"
SUBSCRIBERS = 6


def read(root: Path) -> RunSummary:
    return read_summary((root / "summary.md").read_text(encoding="utf-8"))


def due_issue(root: Path, name: str = "rust") -> str:
    """Write an issue whose time came a moment ago."""
    when = datetime.now(ZoneInfo("Europe/Amsterdam")) - timedelta(minutes=5)
    slug = f"{when:%Y-%m-%d}-{name}"
    text = f"---\nsubject: Over {name}\nsend_at: {when:%Y-%m-%d %H:%M}\n---\nEen zin over {name}.\n"
    (root / "issues" / f"{slug}.md").write_text(text, encoding="utf-8")
    return slug


@pytest.fixture
def newsletter(root: Path) -> Newsletter:
    return Newsletter(root, subscribers=SUBSCRIBERS, slug=due_issue(root))


def due(
    run: Run, *more: str, env: dict[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    return run("send", "--due", "--no-preflight", "--summary", "summary.md", *more, env=env)


def test_rows_add_up_and_nothing_waits(root: Path, run: Run, newsletter: Newsletter) -> None:
    with FakeResend(root / "taken") as fake:
        done = due(run, env=newsletter.for_real(fake.url))
    assert done.returncode == 0, done.stderr
    found = read(root)
    assert (found.exit_code, found.asks) == (0, "")
    row = f"| {newsletter.slug} | completed | {SUBSCRIBERS} | {SUBSCRIBERS} | 0 | 0 | 0 | 0 | 0 |"
    assert row in found.body
    assert "::" not in done.stderr


def test_it_is_added_to_what_is_there_and_json_stays_one_document(
    root: Path, run: Run, newsletter: Newsletter
) -> None:
    (root / "summary.md").write_text("# Earlier\n", encoding="utf-8")
    with FakeResend(root / "taken") as fake:
        environment = {**newsletter.for_real(fake.url), "GITHUB_ACTIONS": "true"}
        done = due(run, "--json", env=environment)
        assert json.loads(done.stdout)["mailings"][0]["accepted"] == SUBSCRIBERS
        due(run, env=environment)
    text = (root / "summary.md").read_text(encoding="utf-8")
    assert text.startswith("# Earlier\n")
    assert text.count("<!-- newsletter-run ") == 2


def test_a_refused_key_asks_a_person_without_an_address(
    root: Path, run: Run, newsletter: Newsletter
) -> None:
    with FakeResend(root / "taken") as fake:
        fake.faults[1] = FAULTS["401"]
        environment = {**newsletter.for_real(fake.url), "GITHUB_ACTIONS": "true"}
        done = due(run, env=environment)
        assert done.returncode == 3
        first = read(root)
        again = due(run, env=environment)
    assert again.returncode == 3
    assert first.exit_code == 3
    assert f"newsletter send {newsletter.slug}" in first.body
    assert read(root).asks == first.asks != ""
    assert re.search("^::warning title=A person must decide::.+", done.stderr, re.MULTILINE)
    assert "@" not in (root / "summary.md").read_text(encoding="utf-8")


def test_a_refused_key_says_where_the_right_one_is_stored(
    root: Path, run: Run, newsletter: Newsletter
) -> None:
    with FakeResend(root / "taken") as fake:
        fake.faults[1] = FAULTS["401"]
        server = {"GITHUB_SERVER_URL": "https://github.com"}
        assert due(run, env={**newsletter.for_real(fake.url), **server}).returncode == 3
    boxes = re.findall(r"```sh\n(.*?)\n```", read(root).body, re.DOTALL)
    assert boxes == [
        "gh secret set --env newsletter RESEND_API_KEY",
        f"newsletter send {newsletter.slug}",
        f"newsletter cancel {newsletter.slug}",
    ]


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("draft: yes", 'is due and still says "draft: yes": not sent'),
        ("send_at: zondag om 7", "send_at"),
        ("send_at: 2026-13-29 07:00", "send_at"),
    ],
)
def test_a_letter_that_does_not_leave_is_a_warning_in_a_green_run(
    root: Path, run: Run, newsletter: Newsletter, line: str, says: str
) -> None:
    slug = newsletter.slug
    path = root / "issues" / f"{slug}.md"
    text = path.read_text(encoding="utf-8")
    changed = re.sub("send_at: .*", line, text) if "send_at" in line else None
    path.write_text(changed or text.replace("---\nEen", f"{line}\n---\nEen"), encoding="utf-8")
    if changed:  # its day is the one in its name, which is due at 07:00
        slug = f"{coming(3):%Y-%m-%d}-rust"
        path.rename(path.with_name(f"{slug}.md"))
    with FakeResend(root / "taken") as fake:
        done = due(run, env={**newsletter.for_real(fake.url), "GITHUB_ACTIONS": "true"})
    assert done.returncode == 0, done.stderr
    (shown,) = re.findall("^::warning title=Warning::.*", done.stderr, re.MULTILINE)
    assert slug in shown
    assert says in shown
    assert "warning: " in done.stderr
    body = read(root).body.replace("\\", "")
    (listed,) = (line for line in body.splitlines() if line.startswith("- warning: "))
    assert slug in listed
    assert says in listed


def test_a_draft_without_a_date_is_named_without_a_warning(
    root: Path, run: Run, newsletter: Newsletter
) -> None:
    text = "---\nsubject: Later\ndraft: yes\n---\nEen alinea.\n"
    (root / "issues" / "zonder-datum.md").write_text(text, encoding="utf-8")
    (root / "issues" / f"{newsletter.slug}.md").unlink()
    with FakeResend(root / "taken") as fake:
        done = due(run, env={**newsletter.for_real(fake.url), "GITHUB_ACTIONS": "true"})
    assert done.returncode == 0, done.stderr
    assert "zonder-datum.md is never sent as it is" in done.stdout + done.stderr
    assert "::warning" not in done.stderr


def test_the_sentence_about_the_ledger_is_once_in_the_summary(
    root: Path, run: Run, newsletter: Newsletter
) -> None:
    settings = root / "newsletter.toml"
    with FakeResend(root / "taken") as fake:
        environment = {**newsletter.for_real(fake.url), "GITHUB_ACTIONS": "true"}
        text = settings.read_text(encoding="utf-8")
        settings.write_text(re.sub("(?m)^ledger.*$", 'ledger = ""', text), encoding="utf-8")
        done = due(run, env=environment)
    assert done.returncode == 1
    assert read(root).body.replace("\\", "").count('setting "ledger" is empty') == 1
    assert re.findall("^::warning", done.stderr, re.MULTILINE) == []
    assert len(re.findall("^::error title=Something to correct", done.stderr, re.MULTILINE)) == 1


@pytest.mark.parametrize(
    ("settings", "code", "says"),
    [
        ('nmae = "x"\n', 1, "nmae"),
        ("name = [\n", 1, "newsletter.toml"),
        ('name = "x"\nprovider = "resend"\n', 1, "RESEND_API_KEY"),
    ],
)
def test_an_error_before_anything_is_sent_is_in_it(
    root: Path, run: Run, settings: str, code: int, says: str
) -> None:
    write_issue(root)
    (root / "newsletter.toml").write_text(settings, encoding="utf-8")
    done = due(run, env={"GITHUB_ACTIONS": "true"})
    found = read(root)
    assert (done.returncode, found.exit_code) == (code, code)
    assert says in found.body.replace("\\", "")
    (reported,) = re.findall("^::error title=Something to correct.*", done.stderr, re.MULTILINE)
    assert says in reported


@pytest.mark.parametrize(
    ("hours", "event", "last"),
    [(-1, "schedule", False), (-8, "schedule", True), (-1, "workflow_dispatch", True)],
)
def test_a_temporary_failure_is_an_error_only_if_no_later_run_tries_again(
    root: Path, run: Run, hours: int, event: str, *, last: bool
) -> None:
    begin = datetime.now(UTC) + timedelta(hours=hours)
    settings = f'timezone = "UTC"\nsend_time = "{begin:%H:%M}"\nmax_lateness_hours = 6\n'
    (root / "newsletter.toml").write_text(settings, encoding="utf-8")
    environment = {
        "GITHUB_ACTIONS": "true",
        "GITHUB_EVENT_NAME": event,
        "NEWSLETTER_DATABASE_URL": "postgresql://u:canary@127.0.0.1:9/letter",
    }
    done = due(run, env=environment)
    found = read(root)
    assert (done.returncode, found.exit_code, found.last) == (75, 75, last)
    shown = "error title=Temporary failure; a person should look at it"
    waits = "warning title=Temporary failure; the next run tries again"
    assert re.findall("^::(.*?)::", done.stderr, re.MULTILINE) == [shown if last else waits]
    assert "canary" not in done.stderr + found.body


def test_a_summary_that_cannot_be_written_changes_no_outcome(
    root: Path, run: Run, newsletter: Newsletter
) -> None:
    with FakeResend(root / "taken") as fake:
        done = run(
            *("send", "--due", "--no-preflight", "--summary", "no/such/folder.md"),
            env=newsletter.for_real(fake.url),
        )
    assert done.returncode == 0
    assert "warning: the summary cannot be written" in done.stderr


def test_a_bug_in_the_program_is_in_it(root: Path, run: Run, newsletter: Newsletter) -> None:
    with FakeResend(root / "taken") as fake:
        environment = {**newsletter.for_real(fake.url), "GITHUB_ACTIONS": "true"}
        broken = {"newsletter.cli.send.survey_issues": None}
        arguments = ("send", "--due", "--no-preflight", "--summary", "summary.md")
        done = run(*arguments, env=environment, constants=broken)
    assert done.returncode == 1
    assert "unexpected TypeError" in read(root).body
    assert "::error title=Something to correct" in done.stderr


def test_a_summary_needs_due(root: Path, run: Run) -> None:
    slug = write_issue(root)
    assert run("send", slug, "--summary", "summary.md").returncode == 2
    assert not (root / "summary.md").exists()


def test_what_an_author_wrote_is_no_command_of_the_runner(root: Path, run: Run) -> None:
    name = "twee\n::error::x ##[add-path]y.md"
    (root / "issues" / name).write_text("---\nsubject: x\n---\nx\n", encoding="utf-8")
    done = due(run, env={"GITHUB_ACTIONS": "true"})
    reported = (done.stdout + done.stderr).splitlines()
    (own,) = (line for line in reported if line.lstrip().startswith("::"))
    assert own.startswith("::warning title=Warning::issues/twee%0A::error::x # #[add-path]y.md ")
    assert [line for line in reported if "##[" in line] == []
    assert "twee" in read(root).body
