"""Every file in `issues/` counts: what is never sent is named, and what is fine is left alone."""

from __future__ import annotations

import json
import re
import shlex
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from newsletter import delivery
from newsletter.desk.overview import IssueStatus, survey_issues
from tests.support.newsletter import FakeProvider, Newsletter, coming, write_issue

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable
    from pathlib import Path

    Run = Callable[..., subprocess.CompletedProcess[str]]

TEXT = "---\nsubject: Proef\n---\nEen zin.\n"
DAY = f"{datetime.now(UTC) + timedelta(days=3):%Y-%m-%d}"


def faults(run: Run) -> list[dict[str, Any]]:
    """Return the errors and warnings of `check`."""
    found = json.loads(run("check", "--json").stdout)
    return [one for one in found if one["severity"] != "hint"]


NEVER_SENT = {
    f"{DAY}-brief.MD": f"{DAY}-brief.md",
    f"{DAY}-brief.markdown": f"{DAY}-brief.md",
    f"{DAY}-brief.md.txt": f"{DAY}-brief.md",
    f"{DAY}-brief.txt": f"{DAY}-brief.md",
    f"{DAY}-brief": f"{DAY}-brief.md",
    f"{DAY}-brief.mdx": "",
    f"{DAY}-brief.docx": "",
    f"{DAY}-brief.md.bak": "",
    "brief.txt": "",
    "2026/brief.md": "Move it",
    f"klaar/oud/{DAY}-brief.md": "Move it",
    f"klaar/{DAY}-brief.txt": "Move it",
    f"{DAY}-Brief.md": f"{DAY}-brief.md",
    "brief.md": "Rename",
    "06-12-2026-brief.md": "Rename",
    "2026-13-45-brief.md": "Rename",
    f"{DAY} brief.md": f"{DAY}-brief.md",
}


@pytest.mark.parametrize("name", NEVER_SENT)
def test_what_is_never_sent_is_named_by_every_command(root: Path, run: Run, name: str) -> None:
    file = root / "issues" / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(TEXT)
    path = f"issues/{name}"
    checked = run("check")
    assert checked.returncode == 1
    assert f"{path}:1: error" in checked.stdout
    assert NEVER_SENT[name] in checked.stdout
    reported = run("status")
    assert path in reported.stdout
    (line,) = json.loads(run("status", "--json").stdout)["issues"]
    assert (line["path"], line["state"]) == (path, "ignored")
    assert line["why"]
    due = run("send", "--due")
    assert due.returncode == 0
    assert path in due.stderr
    found = json.loads(run("send", "--due", "--json").stdout)
    assert [one["state"] for one in found["issues"]] == ["ignored"]


def test_a_file_that_is_no_issue_is_ignored(root: Path, run: Run) -> None:
    issues = root / "issues"
    (issues / "beeld").mkdir()
    for name in ("foto.JPG", "README.md", ".DS_Store", ".#x.md", "beeld/kaart.webp", "Thumbs.db"):
        (issues / name).write_text("x")
    assert run("check").stdout.endswith("0 issues checked: 0 errors, 0 warnings, 2 hints\n")
    assert json.loads(run("status", "--json").stdout)["issues"] == []


def test_a_file_of_another_kind_in_issues_is_a_warning(root: Path, run: Run) -> None:
    (root / "issues" / "lijst.csv").write_text("x")
    done = run("check")
    assert done.returncode == 0
    assert "issues/lijst.csv:1: warning overlooked-file" in done.stdout


def test_links_and_folders_in_the_place_of_a_letter(root: Path, run: Run) -> None:
    issues = root / "issues"
    (issues / f"{DAY}-map.md").mkdir()
    (issues / f"{DAY}-map.MD").mkdir()
    (issues / "2099-12-03-weg.md").symlink_to("nowhere")
    (root / "elders").mkdir()
    (root / "elders" / f"{DAY}-x.md").write_text(TEXT)
    (issues / "elders").symlink_to(root / "elders")
    found = {f["path"]: f["rule"] for f in faults(run)}
    assert found == {
        f"issues/{DAY}-map.md": "unreadable",
        "issues/2099-12-03-weg.md": "unreadable",
        f"issues/{DAY}-map.MD": "overlooked-file",
        "issues/elders": "overlooked-file",
    }
    lines = json.loads(run("status", "--json").stdout)["issues"]
    assert {line["path"] for line in lines} == set(found)


def test_a_file_outside_issues_is_reported_by_each_command(root: Path, run: Run) -> None:
    Newsletter(root, subscribers=1)
    for slug in [path.stem for path in (root / "issues").iterdir()]:
        (root / "issues" / f"{slug}.md").unlink()
    name = f"{DAY}-los.md"
    (root / name).write_text(TEXT)
    checked = run("check", name)
    assert checked.returncode == 0
    assert "warning outside-issues" in checked.stdout
    for command in (("render", name), ("rehearse", name), ("proof", name, "--to", "a@b.nl")):
        assert "send --due never sees it" in run(*command).stderr
    assert f"{name}:1: error overlooked-file" in run("check").stdout
    assert name in run("status").stdout


def test_two_issues_in_one_slot_are_both_errors_also_later(root: Path, run: Run) -> None:
    first = write_issue(root, name="eerst", days=5)
    pair = [write_issue(root, name=name, days=12) for name in ("twee", "drie")]
    write_issue(root, name="vier", days=19)
    draft = root / "issues" / f"{coming(12):%Y-%m-%d}-concept.md"
    draft.write_text("---\nsubject: Concept\ndraft: yes\n---\nIets anders.\n")
    found = [
        (f["path"], f["severity"])
        for f in json.loads(run("check", "--json").stdout)
        if f["rule"] == "slot-taken"
    ]
    assert sorted(found) == sorted(
        [*((f"issues/{slug}.md", "error") for slug in pair), (f"issues/{draft.name}", "warning")]
    )
    assert run("check", first).returncode == 0
    assert run("check", pair[0]).returncode == 1
    lines = {line["issue"]: line for line in json.loads(run("status", "--json").stdout)["issues"]}
    assert [lines[slug]["state"] for slug in pair] == ["blocked", "blocked"]
    assert pair[1] in lines[pair[0]]["why"]
    assert lines[draft.stem]["state"] == "draft"


def test_drafts_alone_do_not_clash(root: Path, run: Run) -> None:
    for name in ("een", "twee"):
        file = root / "issues" / f"{DAY}-{name}.md"
        file.write_text(f"---\nsubject: {name}\ndraft: yes\n---\nIets van {name}.\n")
    assert "2 issues checked, 2 drafts: 0 errors, 0 warnings" in run("check").stdout


def test_the_same_text_twice_is_reported(root: Path, run: Run) -> None:
    for days in (5, 12):
        (root / "issues" / f"{coming(days):%Y-%m-%d}-a.md").write_text(TEXT)
    found = faults(run)
    assert [(f["rule"], f["severity"]) for f in found] == [("same-text", "error")] * 2
    (root / "issues" / f"{coming(5):%Y-%m-%d}-a.md").rename(root / "issues" / "2025-01-05-a.md")
    (warned,) = faults(run)
    assert (warned["severity"], "2025-01-05-a" in warned["message"]) == ("warning", True)


def test_check_without_issues_says_where_to_go(root: Path, run: Run) -> None:
    (root / "issues").rmdir()
    done = run("check")
    assert (done.returncode, done.stdout) == (1, "")
    assert "mkdir issues" in done.stderr
    (root / "Issues").mkdir()
    if not (root / "issues").exists():
        assert "Rename the folder Issues/" in run("check").stderr


READ_ONLY = (
    ("status",),
    ("status", "--json"),
    ("check",),
    ("render", "x"),
    ("subscribers", "list"),
    ("subscribers", "show", "a@example.org"),
    ("subscribers", "stats"),
    ("subscribers", "export"),
    ("subscribers", "form"),
    ("db", "status"),
    ("send", "x", "--dry-run"),
    ("pause", "x"),
    ("cancel", "x"),
    ("resolve", "x", "--resend"),
    ("send", "--due"),
)


@pytest.mark.parametrize("command", READ_ONLY, ids=" ".join)
def test_a_wrong_folder_gets_no_database(
    tmp_path_factory: pytest.TempPathFactory, run: Run, command: tuple[str]
) -> None:
    wrong = tmp_path_factory.mktemp("wrong")
    done = run(*command, cwd=wrong)
    assert "Traceback" not in done.stderr
    assert [*wrong.iterdir()] == []
    if command[0] in {"check", "send"}:
        assert done.returncode == 1
        assert "0 errors" not in done.stdout


def test_a_list_that_begins_in_a_wrong_folder_is_reported(
    tmp_path_factory: pytest.TempPathFactory, run: Run
) -> None:
    wrong = tmp_path_factory.mktemp("wrong")
    add = ("subscribers", "add", "anna@example.org", "--consent", "asked")
    first, second = run(*add, cwd=wrong), run(*add, cwd=wrong)
    assert (first.returncode, second.returncode) == (0, 0)
    assert f"{wrong} has no newsletter.toml and no issues/" in first.stderr
    assert second.stderr == ""


def states(newsletter: Newsletter) -> dict[str, IssueStatus]:
    return {line.issue: line for line in survey_issues(newsletter.store, newsletter.settings).lines}


def at(newsletter: Newsletter, slug: str, front: str = "", body: str = "") -> None:
    text = f"---\nsubject: Over {slug[11:]}\n{front}---\n{body or f'Een zin over {slug[11:]}.'}\n"
    (newsletter.root / "issues" / f"{slug}.md").write_text(text)


def test_status_shows_what_every_issue_is(root: Path, tmp_path: Path) -> None:
    moment = datetime.fromisoformat("2026-11-22T07:00:00+01:00")
    clock = [moment.astimezone(UTC)]
    newsletter = Newsletter(root, subscribers=3, slug="2026-11-22-gegaan", clock=lambda: clock[0])
    provider = FakeProvider(tmp_path / "taken")
    for slug in ("2026-11-22-gegaan", "2026-11-23-half", "2026-11-24-niet"):
        at(newsletter, slug)
    newsletter.send(provider)
    newsletter.send(provider, "2026-11-23-half", limit=1)
    newsletter.send(provider, "2026-11-24-niet", limit=1)
    delivery.cancel_mailing(newsletter.store, "2026-11-24-niet")
    clock[0] += timedelta(days=3)
    at(newsletter, "2026-11-20-gemist")
    at(newsletter, "2026-11-29-komt")
    at(newsletter, "2026-12-06-fout", front="onderwerp: x\n")
    at(newsletter, "2026-12-13-concept", front="draft: yes\n")
    at(newsletter, "2026-12-20-kopie", body="Een zin over gegaan.")
    at(newsletter, "2028-01-02-jaar")
    at(newsletter, "2026-01-04-oud")
    file = newsletter.root / "issues" / "2026-12-20-kopie.md"
    file.write_text(file.read_text().replace("Over kopie", "Over gegaan"))
    found = states(newsletter)
    assert {slug: line.state for slug, line in found.items()} == {
        "2026-11-22-gegaan": "sent",
        "2026-11-23-half": "blocked",
        "2026-11-24-niet": "cancelled",
        "2026-11-20-gemist": "expired",
        "2026-11-29-komt": "scheduled",
        "2026-12-06-fout": "blocked",
        "2026-12-13-concept": "draft",
        "2026-12-20-kopie": "blocked",
        "2028-01-02-jaar": "ignored",
        "2026-01-04-oud": "ignored",
    }
    assert "newsletter check 2026-12-06-fout" in str(found["2026-12-06-fout"].why)
    assert "2026-11-22-gegaan" in str(found["2026-12-20-kopie"].why)
    assert "year" in str(found["2028-01-02-jaar"].why)
    assert found["2026-11-22-gegaan"].subject == "Over gegaan"
    assert all(line.why for line in found.values() if line.state in {"blocked", "ignored"})


def test_dates_long_past_are_counted_and_the_newest_named(root: Path, run: Run) -> None:
    for month in range(1, 6):
        (root / "issues" / f"2025-0{month}-05-oud.md").write_text(f"{TEXT}{month}\n")
    assert "5 issues checked: 0 errors, 0 warnings" in run("check").stdout
    (reported,) = [
        line for line in run("status").stdout.splitlines() if line.startswith("Ignored, ")
    ]
    assert "5" in reported
    assert re.findall(r"2025-0\d", reported) == ["2025-03", "2025-04", "2025-05"]


def test_an_expired_issue_whose_file_is_gone_can_be_dismissed(root: Path, run: Run) -> None:
    yesterday = f"{datetime.now(UTC) - timedelta(days=1):%Y-%m-%d}-gemist"
    (root / "issues" / f"{yesterday}.md").write_text(TEXT)
    assert run("send", "--due").returncode == 3
    (root / "issues" / f"{yesterday}.md").unlink()
    assert walk(run) == [f"newsletter cancel {yesterday}"]
    assert f"next: newsletter cancel {yesterday}" not in run("status").stdout
    assert run("send", "--due").returncode == 0
    (root / "issues" / f"{yesterday}.md").write_text(TEXT)
    assert run("send", "--due").returncode == 0  # it stays dismissed


def walk(run: Run, steps: int = 6) -> list[str]:
    """Do what `status` says is next, again and again, and return what was typed."""
    typed: list[str] = []
    for _ in range(steps):
        found: list[dict[str, Any]] = json.loads(run("status", "--json").stdout)["mailings"]
        step = next((one["next_step"] for one in found if one["next_step"]), None)
        if step is None:
            return typed
        typed.append(step)
        done = run(*shlex.split(step.splitlines()[0])[1:])
        assert done.returncode in {0, 3}, f"{step}: {done.stderr}"
    raise AssertionError(f"it leads in a circle: {typed}")


def test_every_next_step_leads_on(root: Path, run: Run) -> None:
    newsletter = Newsletter(root, subscribers=6)
    run("send", newsletter.slug, "--limit", "2")
    reported = run("status").stdout
    assert f"  next: newsletter rehearse {newsletter.slug}\n" in reported
    assert f"  or: newsletter cancel {newsletter.slug}\n" in reported
    assert walk(run) == [
        f"newsletter rehearse {newsletter.slug}\nnewsletter cancel {newsletter.slug}"
    ]


@pytest.mark.parametrize(
    "command",
    [
        ("status", "rsut"),
        ("check", "rsut"),
        ("render", "issues/rsut.md"),
        ("send", "rsut", "--yes"),
        ("cancel", "rsut"),
    ],
    ids=" ".join,
)
def test_a_misspelt_slug_names_the_nearest_and_never_itself(
    root: Path, run: Run, command: tuple[str, ...]
) -> None:
    slug = write_issue(root)
    done = run(*command)
    assert done.returncode == 1
    assert f"Did you mean {slug}?" in done.stderr


def test_a_slug_that_is_near_nothing_leads_to_status(run: Run) -> None:
    done = run("render", "2026-11-29-rust")
    assert "newsletter status" in done.stderr
    assert done.stderr.count("2026-11-29-rust") == 1
    assert run("status").returncode == 0


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        (("sned",), "send"),
        (("stauts",), "status"),
        (("list",), "status"),
        (("subscribers", "improt"), "import"),
        (("subscribers", "delete"), "erase"),
        (("db", "migrate"), ""),
        (("status", "--jsno"), "--json"),
    ],
)
def test_a_misspelt_command_or_option_names_the_nearest(
    run: Run, typed: tuple[str, ...], meant: str
) -> None:
    done = run(*typed)
    assert done.returncode == 2
    assert (f'"{meant}"' in done.stderr or f"'{meant}'" in done.stderr) if meant else True


@pytest.mark.parametrize("command", ["render", "rehearse", "status", "send"])
def test_warnings_are_counted_wherever_an_issue_is_shown(
    root: Path, run: Run, command: str
) -> None:
    newsletter = Newsletter(root, subscribers=2)
    file = root / "issues" / f"{newsletter.slug}.md"
    file.write_text(file.read_text() + "\n• een\n• twee\n")
    line = re.compile(rf"1 warning(, 1 hint)?: newsletter check {newsletter.slug}")
    done = run(command, newsletter.slug)
    assert line.search(done.stderr)
    assert line.search(run("status").stdout)
    proof = run("proof", newsletter.slug, "--to", "ik@example.org")
    assert line.search(proof.stderr)


def test_names_that_would_break_a_line_do_not(root: Path, run: Run) -> None:
    (root / "issues" / f"{DAY}-a\nb\u202e.txt").write_text(TEXT)
    (root / "issues" / f"{DAY}-c\rd.md").write_text(TEXT)
    for command in (("check",), ("status",), ("send", "--due")):
        done = run(*command)
        for text in (done.stdout + done.stderr).splitlines():
            assert text.isprintable(), (command, text)


def test_an_unreadable_file_is_blocked_on_its_day(root: Path, run: Run) -> None:
    (root / "issues" / f"{DAY}-weg.md").symlink_to("nowhere")
    (line,) = json.loads(run("status", "--json").stdout)["issues"]
    assert (line["state"], line["errors"], line["issue"]) == ("blocked", 1, f"{DAY}-weg")


@pytest.mark.parametrize("name", [f"{DAY}-brief.txt", f"{DAY}-brief.md.txt", f"{DAY}-brief.MD"])
def test_no_file_is_to_take_the_name_of_another(root: Path, run: Run, name: str) -> None:
    (root / "issues" / f"{DAY}-brief.md").write_text(TEXT)
    (root / "issues" / name).write_text(TEXT)
    if len(list((root / "issues").iterdir())) == 1:
        return  # this file system knows no capitals
    (found,) = faults(run)
    assert found["fix"].startswith(f"{DAY}-brief.md exists too")


@pytest.mark.parametrize("ending", ["~", ".bak", ".orig"])
def test_what_an_editor_left_is_to_be_deleted(root: Path, run: Run, ending: str) -> None:
    (root / "issues" / f"{DAY}-brief.md{ending}").write_text(TEXT)
    (found,) = faults(run)
    assert f'ends in ".md{ending}", not in ".md"' in found["message"]
    assert found["fix"].startswith("Delete it")


def test_the_second_of_two_with_one_text_is_blocked(root: Path, run: Run) -> None:
    for days in (5, 12):
        (root / "issues" / f"{coming(days):%Y-%m-%d}-a.md").write_text(TEXT)
    first, second = json.loads(run("status", "--json").stdout)["issues"]
    assert "same subject and text" not in (first["why"] or "")
    assert second["state"] == "blocked"
    assert second["why"].startswith(f"{first['issue']} has the same subject and text")


def test_the_schedule_says_before_the_day_that_it_will_mail_nobody(root: Path, run: Run) -> None:
    (root / "issues" / f"{coming(5):%Y-%m-%d}-a.md").write_text(TEXT)
    assert 'provider is "outbox", which mails nobody' in run("send", "--due").stdout


@pytest.mark.parametrize(
    ("typed", "meant"),
    [("import", "subscribers import"), ("add", "subscribers add"), ("publish", "send")],
)
def test_a_command_of_another_group_is_named(run: Run, typed: str, meant: str) -> None:
    assert f'Did you mean "{meant}"?' in run(typed).stderr


@pytest.mark.parametrize("command", ["check", "new", "status", "preview een-brief", "render een"])
def test_outside_a_newsletter_the_first_advice_is_to_make_one(
    command: str, run: Run, root: Path
) -> None:
    (root / "newsletter.toml").unlink()
    (root / "issues").rmdir()
    assert "newsletter init" in run(*command.split()).stderr


def test_check_says_that_an_issue_is_a_draft(run: Run, root: Path) -> None:
    text = "---\nsubject: Rust\npreheader: Een zin\ndraft: yes\n---\nIets.\n"
    (root / "issues" / f"{DAY}-rust.md").write_text(text)
    assert "1 issue checked, a draft: 0 errors" in run("check", f"{DAY}-rust").stdout


def test_status_counts_what_check_prints(run: Run, root: Path) -> None:
    text = "---\nsubject: Rust\npreheader: Over een bootje\n---\nIk zag een woesternj.\n"
    (root / "issues" / f"{DAY}-rust.md").write_text(text)
    found = json.loads(run("check", f"{DAY}-rust", "--json").stdout)
    (line,) = json.loads(run("status", "--json").stdout)["issues"]
    counts = [line[f"{kind}s"] for kind in ("error", "warning", "hint")]
    assert "spelling" in {one["rule"] for one in found}
    assert counts == [
        sum(one["severity"] == kind for one in found) for kind in ("error", "warning", "hint")
    ]
