from __future__ import annotations

import json
import shlex
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from newsletter import delivery, desk
from newsletter.cli.mailing_output import as_text, next_text
from newsletter.model import RetryLater
from newsletter.providers import capabilities_of
from newsletter.store import freezing
from tests.support.newsletter import FakeProvider, Newsletter, write_issue
from tests.support.providers.fake_resend import FakeResend

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from newsletter.delivery import Upcoming
    from newsletter.model import Batch, Outcome

    Run = Callable[..., subprocess.CompletedProcess[str]]

SEVEN = datetime.fromisoformat("2026-11-29T07:00:00+01:00")
REAL = {"provider": "resend", "credentials": {"RESEND_API_KEY": "re_of_these_tests"}}


@pytest.fixture
def clock() -> list[datetime]:
    return [SEVEN.astimezone(UTC)]


@pytest.fixture
def newsletter(root: Path, clock: list[datetime]) -> Newsletter:
    made = Newsletter(root, subscribers=3, slug="2026-11-29-rust", clock=lambda: clock[0])
    write(made, "2026-11-29-rust")
    return made


def write(newsletter: Newsletter, slug: str, front: str = "") -> Path:
    path = newsletter.root / "issues" / f"{slug}.md"
    path.write_text(f"---\nsubject: Over rust\n{front}---\nEen zin.\n", encoding="utf-8")
    return path


def upcoming(newsletter: Newsletter) -> Upcoming | None:
    return delivery.find_upcoming(
        newsletter.store, newsletter.settings, desk.read_all(newsletter.settings)
    )


def blocked_by(newsletter: Newsletter) -> str:
    found = upcoming(newsletter)
    assert found
    assert all(line.isprintable() for line in found.blocked_by)
    return "\n".join(found.blocked_by)


def missed(newsletter: Newsletter) -> tuple[str, ...]:
    return delivery.find_missed(
        newsletter.store, newsletter.settings, desk.read_all(newsletter.settings)
    )


def refuse(batch: Batch) -> Mapping[str, Outcome]:
    return {subscriber.ref: RetryLater("not now", after=1e6) for subscriber in batch.recipients}


def test_a_complete_setup_blocks_nothing(newsletter: Newsletter) -> None:
    newsletter.settings = replace(newsletter.settings, **REAL)  # type: ignore[arg-type]
    assert blocked_by(newsletter) == ""


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"ledger": ""}, "ledger"),
        ({"sender": ""}, "sender"),
        ({"secret_keys": ()}, "NEWSLETTER_SECRET_KEY"),
        ({"credentials": {}}, "RESEND_API_KEY"),
    ],
)
def test_what_a_real_provider_still_needs_blocks_sending(
    newsletter: Newsletter, change: dict[str, object], said: str
) -> None:
    newsletter.settings = replace(newsletter.settings, **{**REAL, **change})  # type: ignore[arg-type]
    assert said in blocked_by(newsletter)
    newsletter.settings = replace(newsletter.settings, provider="outbox")
    assert blocked_by(newsletter) == ""


def test_a_letter_that_cannot_be_rendered_blocks_sending(newsletter: Newsletter) -> None:
    (newsletter.root / "templates").mkdir()
    (newsletter.root / "templates" / "issue.txt.j2").write_text("{{ foo }}")
    assert "issue.txt.j2" in blocked_by(newsletter)


def test_an_issue_that_cannot_be_sent_does_not_block_another(newsletter: Newsletter) -> None:
    write(newsletter, "2026-11-29-tweede", "draft: yes\n")
    write(newsletter, "2026-11-29-vierde", "onderwerp: x\n")
    assert blocked_by(newsletter) == ""
    write(newsletter, "2026-11-29-vijfde")
    assert blocked_by(newsletter) == "2026-11-29-vijfde has the same date and time"


def test_a_half_written_draft_is_both(newsletter: Newsletter) -> None:
    write(newsletter, "2026-11-29-rust", "draft: yes\nonderwerp: x\n")
    assert "error" in blocked_by(newsletter)
    assert "draft" in blocked_by(newsletter)


def test_what_was_cancelled_is_started_by_nothing_but_send(
    newsletter: Newsletter, clock: list[datetime], tmp_path: Path
) -> None:
    newsletter.send(FakeProvider(tmp_path / "taken", answer=refuse))
    delivery.cancel_mailing(newsletter.store, newsletter.slug)
    newsletter.settings = replace(newsletter.settings, **REAL)  # type: ignore[arg-type]
    assert f"only newsletter send {newsletter.slug}" in blocked_by(newsletter)
    clock[0] += timedelta(hours=7)
    assert missed(newsletter) == ()


def test_a_copy_of_a_sent_issue_is_reported_before_its_slot(
    newsletter: Newsletter, tmp_path: Path
) -> None:
    newsletter.send(FakeProvider(tmp_path / "taken"))
    write(newsletter, "2026-12-06-kopie")
    newsletter.settings = replace(newsletter.settings, **REAL)  # type: ignore[arg-type]
    assert "2026-11-29-rust was already sent" in blocked_by(newsletter)


def test_only_what_was_to_go_out_can_be_missed(
    newsletter: Newsletter, clock: list[datetime], tmp_path: Path
) -> None:
    newsletter.send(FakeProvider(tmp_path / "taken"))
    newsletter.settings = replace(newsletter.settings, **REAL)  # type: ignore[arg-type]
    write(newsletter, "2026-11-28-concept", "draft: yes\n")
    write(newsletter, "2026-11-28-half", "draft: yes\nonderwerp: x\n")
    write(newsletter, "2026-11-28-hernoemd")  # the text of what went out
    assert missed(newsletter) == ()
    write(newsletter, "2026-11-27-vergeten").write_text("---\nsubject: x\n---\nAnders.\n")
    assert missed(newsletter) == ("2026-11-27-vergeten",)
    clock[0] += timedelta(days=6)
    assert missed(newsletter) == ()


def test_what_expired_has_an_account_and_a_next_step(
    newsletter: Newsletter, clock: list[datetime]
) -> None:
    (draft,) = desk.read_all(newsletter.settings)
    with newsletter.store.write() as connection:
        freezing.record_expired(
            connection, draft, SEVEN, provider="resend", provider_url="", rehearsal=False
        )
    report = delivery.find_report(newsletter.store, newsletter.slug)
    assert report
    text = as_text(
        delivery.forecast_mailing(report, capabilities_of(newsletter.settings), newsletter.settings)
    )
    assert text.splitlines()[:2] == [f"{newsletter.slug}: expired (resend)", "  nobody was mailed"]
    assert "--late" in text
    clock[0] += timedelta(hours=7)
    assert missed(newsletter) == (newsletter.slug,)


def test_what_is_next_is_one_line(newsletter: Newsletter) -> None:
    found = upcoming(newsletter)
    assert found
    line = f"Next: {newsletter.slug}, Sunday 29 November 2026 07:00, 3 subscribers"
    assert next_text(found) == line
    assert next_text(found, real=True).splitlines() == [
        line,
        f"  no proof of this text yet: newsletter proof {newsletter.slug} --to you@example.org",
    ]
    assert found.letter
    seen = replace(found, letter=replace(found.letter, proofed_at=SEVEN))
    assert next_text(seen, real=True) == f"{line}, proof seen"
    assert next_text(None) == "Next: nothing; no issue in issues/ is scheduled."
    assert next_text(None, started=True) == "Next: nothing; no other issue in issues/ is scheduled."


def test_of_a_file_with_an_error_no_proof_is_missed(root: Path, run: Run) -> None:
    newsletter = Newsletter(root, subscribers=3)
    environment = newsletter.for_real("http://127.0.0.1:9")
    path = root / "issues" / f"{newsletter.slug}.md"
    path.write_text(path.read_text().replace("subject:", "sbject:"))
    reported = run("status", env=environment).stdout
    assert f"newsletter check {newsletter.slug}" in reported
    assert "no proof" not in reported


def test_a_paused_letter_has_started_and_is_not_scheduled(root: Path, run: Run) -> None:
    newsletter = Newsletter(root, subscribers=3)
    with FakeResend(root / "taken") as fake:
        environment = newsletter.for_real(fake.url)
        options = ("--yes", "--early", "--no-preflight", "--limit", "1")
        done = run("send", newsletter.slug, *options, env=environment)
        assert "paused" in done.stdout, done.stderr
        reported = run("status", env=environment).stdout
    assert "Next: nothing; no other issue in issues/ is scheduled." in reported
    assert "Scheduled:" not in reported
    started = reported.partition("\nStarted:\n")[2].splitlines()
    assert f"{newsletter.slug} (paused)" in started[0]
    steps = [line for line in reported.splitlines() if line.startswith(("  next: ", "  or: "))]
    assert steps == [
        f"  next: newsletter send {newsletter.slug}",
        f"  or: newsletter cancel {newsletter.slug}",
    ]


def test_a_rehearsal_does_not_look_sent(root: Path, run: Run) -> None:
    newsletter = Newsletter(root, subscribers=3)
    run("rehearse", newsletter.slug)
    for arguments in ((), (newsletter.slug,)):
        reported = run("status", *arguments).stdout
        assert f"{newsletter.slug}: rehearsal completed (nobody is mailed)" in reported
        assert "  3 subscribers = 3 in the outbox" in reported


@pytest.mark.parametrize("typed", ["Tweede Brief", "tweede", "BRIEF", "Tweede Brief.md"])
def test_a_file_whose_name_is_no_slug_is_found_and_quoted(root: Path, run: Run, typed: str) -> None:
    (root / "issues").mkdir(exist_ok=True)
    (root / "issues" / "Tweede Brief.md").write_text("---\nsubject: x\n---\nx\n")
    (line,) = (
        line for line in run("status", typed).stdout.splitlines() if line.startswith("  next: ")
    )
    command = shlex.split(line.removeprefix("  next: "))
    assert command == ["newsletter", "check", "Tweede Brief"]
    done = run(*command[1:])
    assert done.returncode == 1
    assert "Rename it" in done.stdout
    assert run("check", typed).stdout == done.stdout


def test_status_needs_no_provider_and_no_key(root: Path, run: Run) -> None:
    newsletter = Newsletter(root, subscribers=3)
    newsletter.for_real("http://127.0.0.1:9")
    done = run("status", "--json")
    assert done.returncode == 0, done.stderr
    assert "RESEND_API_KEY" in str(json.loads(done.stdout)["next"]["blocked_by"])
    one = json.loads(run("status", newsletter.slug, "--json").stdout)
    assert (one["state"], one["provider"], one["proofed"]) == (None, "resend", False)
    assert "no proof of this text yet" in run("status").stdout


def test_status_of_what_cannot_be_rendered_is_no_error(root: Path, run: Run) -> None:
    newsletter = Newsletter(root, subscribers=3)
    (root / "templates").mkdir()
    (root / "templates" / "issue.txt.j2").write_text("{{ foo }}")
    for arguments in (["status"], ["status", newsletter.slug], ["status", "--json"]):
        done = run(*arguments)
        assert (done.returncode, done.stderr) == (0, "")


def test_with_the_outbox_nothing_is_said_of_proofs(root: Path, run: Run) -> None:
    Newsletter(root, subscribers=3)
    write_issue(root, name="later", days=13)
    assert "proof" not in run("status").stdout
