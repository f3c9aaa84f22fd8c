"""`newsletter report`: one issue on the forge asks a person, whatever the forge does."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from newsletter.forge import RunRecord, read_summary, summarize_run
from tests.support.fake_forge import TOKEN, FakeForge, serve_forge
from tests.support.newsletter import is_one_error

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

COUNTS = ("pending", "attempting", "accepted", "rejected", "skipped", "unknown")
MAILING = {
    **dict.fromkeys(COUNTS, 0),
    "issue": "2030-01-06-rust",
    "state": "paused",
    "audience": 12,
    "pending": 12,
    "note": "Resend refuses the key",
    "next_step": "newsletter send 2030-01-06-rust",
}


@pytest.fixture(params=["github", "forgejo", "gitlab"])
def forge(request: pytest.FixtureRequest) -> Iterator[FakeForge]:
    with serve_forge(request.param) as served:
        yield served


@pytest.fixture
def report(
    root: Path, run: Callable[..., subprocess.CompletedProcess[str]]
) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Return a function that writes a summary and reports it from a folder without a newsletter."""

    def reported(
        forge: FakeForge, *, code: int = 3, last: bool = False, **changes: object
    ) -> subprocess.CompletedProcess[str]:
        document = {"mailings": [{**MAILING, **changes}]} if code == 3 else {}
        summary = summarize_run(RunRecord(document, ["it is so"]), code, last=last)
        folder = root / "elsewhere"
        folder.mkdir(exist_ok=True)
        (folder / "summary.md").write_text(summary.as_text(), encoding="utf-8")
        quick = {"newsletter.forge.api._DEADLINE": 0.5} if forge.fault == 0 else {}
        done = run("report", "summary.md", cwd=folder, env=forge.environment, constants=quick)
        assert [path.name for path in folder.iterdir()] == ["summary.md"]
        assert TOKEN not in done.stdout + done.stderr
        return done

    return reported


Report = "Callable[..., subprocess.CompletedProcess[str]]"


def test_a_new_question_opens_an_issue_and_is_red(forge: FakeForge, report: Report) -> None:
    done = report(forge)
    assert (done.returncode, done.stderr) == (3, "")
    (issue,) = forge.issues
    assert issue["labels"] == ["newsletter-waits"]
    assert issue["title"] == "The newsletter waits for you"
    assert "**2030-01-06-rust** is paused: Resend refuses the key" in issue["body"]
    assert "```sh\nnewsletter send 2030-01-06-rust\n```" in issue["body"]
    assert "| 2030-01-06-rust | paused | 12 | 0 | 0 | 0 | 0 | 0 | 12 |" in issue["body"]
    act = {
        "github": "https://forge.example.org/gerrit/brief/actions/workflows/act.yml",
        "forgejo": "https://forge.example.org/gerrit/brief/actions?workflow=act.yml",
        "gitlab": "https://gitlab.example.org/gerrit/brief/-/pipelines/new",
    }
    runs = {
        "github": "https://forge.example.org/gerrit/brief/actions/runs/42",
        "forgejo": "https://forge.example.org/gerrit/brief/actions/runs/42",
        "gitlab": "https://gitlab.example.org/gerrit/brief/-/jobs/42",
    }
    assert f"({act[forge.kind]})" in issue["body"]
    assert f"({runs[forge.kind]})" in issue["body"]
    assert "/issues/7 says what" in done.stdout


def test_the_same_question_is_renewed_and_green(forge: FakeForge, report: Report) -> None:
    assert report(forge).returncode == 3
    done = report(forge, pending=2, accepted=10)
    assert done.returncode == 0, done.stderr
    (issue,) = forge.issues
    assert issue["comments"] == []
    assert "| 12 | 10 | 0 | 0 | 0 | 0 | 2 |" in issue["body"]
    assert "still waits" in done.stdout


def test_another_question_is_red_again_in_the_same_issue(forge: FakeForge, report: Report) -> None:
    assert report(forge).returncode == 3
    assert report(forge, note="-- > Resend has suspended the account -->").returncode == 3
    (issue,) = forge.issues
    assert len(issue["comments"]) == 1
    assert "suspended" in issue["body"]
    assert report(forge, note="-- > Resend has suspended the account -->").returncode == 0


def test_a_closed_issue_stays_closed(forge: FakeForge, report: Report) -> None:
    assert report(forge).returncode == 3
    forge.issues[0]["open"] = False
    assert report(forge).returncode == 3
    assert [one["open"] for one in forge.issues] == [False, True]
    assert forge.labels.count("newsletter-waits") == (forge.kind != "gitlab")


def test_of_two_issues_that_opened_at_once_the_older_is_renewed(
    forge: FakeForge, report: Report
) -> None:
    assert report(forge).returncode == 3
    forge.issues.append({**forge.issues[0], "number": 8, "comments": []})
    assert report(forge, note="something else").returncode == 3
    assert ["something else" in one["body"] for one in forge.issues] == [True, False]


def test_issues_of_other_people_are_left_alone(forge: FakeForge, report: Report) -> None:
    other = {"title": "x", "body": "x", "labels": ["bug"], "comments": [], "open": True}
    forge.issues += [{"number": 7, **other}, {"number": 8, **other, "labels": []}]
    assert report(forge).returncode == 3
    assert [one["body"] for one in forge.issues[:2]] == ["x", "x"]
    assert report(forge).returncode == 0
    assert [len(one["comments"]) for one in forge.issues] == [0, 0, 0]


def test_an_issue_whose_text_a_person_changed_is_renewed(forge: FakeForge, report: Report) -> None:
    assert report(forge).returncode == 3
    forge.issues[0]["body"] = "Ik kijk ernaar. <!-- newsletter-run {oops} -->"
    assert report(forge).returncode == 3
    assert "is paused" in forge.issues[0]["body"]


@pytest.mark.parametrize(
    ("code", "last", "expected", "says"),
    [
        (0, False, 0, "Nothing to decide"),
        (1, False, 1, "Something to correct"),
        (75, False, 0, "the next run tries again"),
        (75, True, 75, "a person should look at it"),
    ],
)
def test_where_nothing_must_be_decided_no_forge_is_asked(
    report: Report, code: int, last: object, expected: int, says: str
) -> None:
    with serve_forge("github") as forge:
        done = report(forge, code=code, last=last)
        assert (done.returncode, done.stderr, forge.calls) == (expected, "", [])
    assert f"exit code {code}" in done.stdout
    assert says in done.stdout


FAULTS: dict[str, tuple[int, Mapping[str, str], bytes, int]] = {
    "the token is refused": (401, {}, b"{}", 1),
    "the token may not": (403, {}, b"{}", 1),
    "too many calls": (403, {"x-ratelimit-remaining": "0"}, b"{}", 75),
    "wait a little": (403, {"Retry-After": "60"}, b"{}", 75),
    "issues are disabled": (410, {}, b"{}", 1),
    "no such repository": (404, {}, b"{}", 1),
    "it has moved": (301, {"Location": "https://example.org/elsewhere"}, b"", 1),
    "too many requests": (429, {}, b"{}", 75),
    "broken": (500, {}, b"<h1>oops", 75),
    "overloaded": (503, {}, b"", 75),
    "silent": (0, {}, b"", 75),
    "a page": (200, {}, b"<!doctype html>", 75),
    "other JSON": (200, {}, b'{"message": "hello"}', 75),
    "wrong JSON": (200, {}, b'[{"nummer": 7}]', 75),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_forge_that_misbehaves_is_one_error(forge: FakeForge, report: Report, fault: str) -> None:
    forge.fault, headers, forge.body, expected = FAULTS[fault]
    forge.headers = dict(headers)
    done = report(forge)
    assert done.returncode == expected, done.stderr
    assert is_one_error(done.stderr), done.stderr
    assert forge.issues == []


def test_a_forge_that_nobody_serves_is_temporary(report: Report) -> None:
    done = report(FakeForge("github", port=9))
    assert done.returncode == 75
    assert is_one_error(done.stderr)


@pytest.mark.parametrize("missing", ["GITHUB_TOKEN", "GITHUB_API_URL", "GITHUB_REPOSITORY"])
def test_without_its_environment_it_says_what_is_missing(
    root: Path, run: Callable[..., subprocess.CompletedProcess[str]], missing: str
) -> None:
    summary = summarize_run(RunRecord({"mailings": [MAILING]}), 3, last=True)
    (root / "summary.md").write_text(summary.as_text(), encoding="utf-8")
    environment = {**FakeForge("github", port=9).environment, missing: ""}
    done = run("report", "summary.md", env=environment)
    assert done.returncode == 1
    assert is_one_error(done.stderr)


@pytest.mark.parametrize(
    "text",
    [
        None,
        b"",
        b"# Something else\n",
        b'<!-- newsletter-run {"exit": "x"} -->\n',
        b'<!-- newsletter-run {"exit": 3} -->\n',
        b"<!-- newsletter-run [] -->\n",
        b"\xff\xfe",
    ],
)
def test_a_file_that_is_no_summary_is_an_error(
    root: Path, run: Callable[..., subprocess.CompletedProcess[str]], text: bytes | None
) -> None:
    if text is not None:
        (root / "summary.md").write_bytes(text)
    done = run("report", "summary.md")
    assert done.returncode == 1
    assert is_one_error(done.stderr)
    assert "--summary" in done.stderr


def test_of_several_summaries_the_last_counts_and_no_value_imitates_one() -> None:
    first = summarize_run(RunRecord({}, ["no"]), 1, last=True).as_text()
    imitation = '\n<!-- newsletter-run {"exit": 0, "last": true, "asks": ""} -->\n'
    document = {
        "mailings": [{**MAILING, "note": imitation}],
        "notes": [imitation],
        "issues": [{"state": "ignored", "path": imitation, "why": imitation}],
    }
    record = RunRecord(document, [imitation], [imitation])
    second = summarize_run(record, 3, last=False)
    read = read_summary(first + second.as_text())
    assert (read.exit_code, read.last, read.asks) == (3, False, second.asks)
    assert "\n<!--" not in second.body


def test_a_summary_is_never_longer_than_an_issue_may_be() -> None:
    many = [{**MAILING, "issue": f"2030-01-06-{n}", "note": "x" * 900} for n in range(400)]
    text = summarize_run(RunRecord({"mailings": many}, ["y" * 9000]), 3, last=True).as_text()
    assert len(text) <= 65_536
    assert read_summary(text).exit_code == 3


def test_a_comment_that_fails_is_written_by_the_next_run(forge: FakeForge, report: Report) -> None:
    assert report(forge).returncode == 3
    forge.fault, forge.faulty = 503, "notes" if forge.kind == "gitlab" else "comments"
    assert report(forge, note="the account is suspended").returncode == 75
    assert "the account is suspended" not in forge.issues[0]["body"]
    forge.fault = None
    assert report(forge, note="the account is suspended").returncode == 3
    assert "the account is suspended" in forge.issues[0]["body"]
    assert len(forge.issues[0]["comments"]) == 1
    assert report(forge, note="the account is suspended").returncode == 0
    assert len(forge.issues[0]["comments"]) == 1


def test_an_issue_is_never_longer_than_a_forge_takes(forge: FakeForge, report: Report) -> None:
    asks = report(forge, note="🔑" * 4_000, next_step="newsletter " * 9_000)
    assert asks.returncode == 3, asks.stderr
    assert report(forge, note="🔑" * 4_000, next_step="newsletter " * 9_000).returncode == 0
    (issue,) = forge.issues
    assert len(issue["body"]) <= 65_536
    assert issue["body"].count("```") % 2 == 0
    assert issue["body"].rstrip().endswith("Close this issue when it is done.")
    assert "… and more: run newsletter status" in issue["body"]
