"""The Markdown that a run leaves for people."""

from __future__ import annotations

import re
from typing import Any

import pytest

from newsletter.forge import RunRecord, read_summary, summarize_run
from newsletter.model import PauseReason

COUNTS = ("pending", "attempting", "accepted", "rejected", "skipped", "unknown")
MAILING = {
    **dict.fromkeys(COUNTS, 0),
    "issue": "2030-01-06-rust",
    "state": "completed",
    "audience": 3,
    "accepted": 3,
}
PAUSED = {**MAILING, "state": "paused", "accepted": 0, "pending": 3, "note": "the key is refused"}


def body(document: dict[str, Any], *errors: str, warnings: tuple[str, ...] = ()) -> str:
    return summarize_run(RunRecord(document, [*errors], [*warnings]), 0, last=True).body


def asks(*errors: str, code: int = 3, **changed: object) -> str:
    document = {"mailings": [{**PAUSED, **changed}], "next": None}
    return summarize_run(RunRecord(document, [*errors]), code, last=True).asks


def test_the_question_changes_with_what_waits_and_not_with_the_counts() -> None:
    assert asks() == asks(pending=2, accepted=1) == asks("an error")
    others = {asks(note=None), asks(state="expired"), asks(issue="2030-01-13-stil")}
    assert len({asks(), *others}) == 4
    assert asks(code=1) == ""


def test_without_a_mailing_that_waits_the_errors_are_the_question() -> None:
    found = summarize_run(RunRecord({}, ["the account is suspended"]), 3, last=True)
    assert found.asks == "the account is suspended"


def test_the_first_line_is_a_comment_whatever_is_in_it() -> None:
    found = summarize_run(RunRecord({}, ['a --> "b" <b> @gerrit -- \n ---']), 3, last=False)
    first, _, _ = found.as_text().partition("\n")
    assert re.fullmatch(r"<!-- [^-]*(-[^-]+)* -->", first)
    assert "@" not in first
    assert read_summary(found.as_text()) == found


def test_errors_are_quoted_and_cannot_be_markdown() -> None:
    text = body({}, "the database does not answer. Try again", "<b>`x`</b> [a](b) @gerrit")
    assert "> the database does not answer. Try again" in text
    assert r"> \<b\>\`x\`\</b\> \[a\](b)" in text
    assert "@gerrit" not in text


def test_a_rehearsal_is_named_as_one() -> None:
    real = body({"mailings": [{**MAILING, "rehearsal": False}]})
    assert "| 2030-01-06-rust | completed | 3 |" in real
    assert "rehearsal" not in real
    text = body({"mailings": [{**MAILING, "rehearsal": True}]})
    assert "| 2030-01-06-rust | rehearsal: completed, nobody was mailed | 3 |" in text
    assert "A rehearsal mails nobody" in text


def test_rows_add_up_in_the_order_of_their_heads() -> None:
    counts = {count: number for number, count in enumerate(COUNTS, 1)}
    text = body({"mailings": [{**MAILING, **counts, "audience": sum(counts.values())}]})
    head, _, row = (line.strip("| ").split(" | ") for line in text.splitlines() if "|" in line)
    assert dict(zip(head[3:], map(int, row[3:]), strict=True)) == counts
    assert sum(map(int, row[3:])) == int(row[2])


def test_what_will_not_be_sent_by_itself_is_listed_with_its_reason() -> None:
    issues = [
        {"path": "issues/2030-01-06-a.md.txt", "state": "ignored", "why": "its name must end .md"},
        {"path": "issues/2030-01-13-b.md", "state": "draft", "why": None},
        {"path": "issues/2030-01-20-c.md", "state": "blocked", "why": "2030-01-20-d has its slot"},
        {"path": "issues/2030-01-27-e.md", "state": "scheduled", "why": None},
        {"path": "issues/2029-01-27-f.md", "state": "sent", "why": None},
    ]
    text = body({"mailings": [], "issues": issues}).replace("\\", "")
    assert "- ignored: issues/2030-01-06-a.md.txt: its name must end .md" in text
    assert "- draft: issues/2030-01-13-b.md\n" in text
    assert "- blocked: issues/2030-01-20-c.md: 2030-01-20-d has its slot" in text
    assert "-e.md" not in text
    assert "-f.md" not in text


@pytest.mark.parametrize(("count", "said"), [(0, "0 subscribers."), (1, "1 subscriber.")])
def test_the_next_issue_is_named_in_good_english(count: int, said: str) -> None:
    following = {"issue": "2030-01-06-rust", "send_at": "2030-01-06T07:00+01:00"}
    text = body(
        {"mailings": [], "next": {**following, "audience": count, "blocked_by": ["a draft"]}}
    )
    assert f"Next: 2030-01-06-rust, 2030-01-06 07:00, {said}" in text
    assert "- blocked: a draft" in text


def test_a_warning_is_in_it_once() -> None:
    text = body({"mailings": []}, warnings=("the key is short", "the key is short"))
    assert text.count("- warning: the key is short") == 1


def test_each_command_has_a_box_of_its_own_and_prose_has_none() -> None:
    steps = "set provider to fake again\nnewsletter send x\nnewsletter cancel x"
    text = body({"mailings": [{**PAUSED, "next_step": steps}]})
    boxes = re.findall(r"```sh\n(.*?)```", text, re.DOTALL)
    assert boxes == ["newsletter send x\n", "newsletter cancel x\n"]
    assert text.count("\nor\n") == 2
    assert "\nset provider to fake again\n" in text


@pytest.mark.parametrize(
    ("note", "on_github", "boxes"),
    [
        ("the key is refused", True, ["gh secret set --env newsletter RESEND_API_KEY\n"]),
        ("the key is refused", False, []),
        (PauseReason.BY_A_PERSON.value, True, []),
    ],
)
def test_where_a_refused_key_is_stored_is_said(
    note: str, boxes: list[str], *, on_github: bool
) -> None:
    document = {"mailings": [{**PAUSED, "note": note}]}
    record = RunRecord(document, keys=("RESEND_API_KEY",), on_github=on_github)
    text = summarize_run(record, 3, last=True).body
    assert re.findall(r"```sh\n(.*?)```", text, re.DOTALL) == boxes
    assert ("RESEND" in text) == (note == "the key is refused")
    advice = "secret `RESEND_API_KEY` (without `--env newsletter` on a free plan).\n"
    assert (advice in text) == bool(boxes)


def test_one_sentence_is_in_it_once_wherever_it_comes_from() -> None:
    said = 'setting "ledger" is empty. Fill it in; then commit it'
    following = {"issue": "2030-01-06-rust", "send_at": "2030-01-06T07:00+01:00", "audience": 2}
    document = {
        "mailings": [],
        "notes": [said],
        "next": {**following, "blocked_by": [said, "a draft"]},
        "issues": [{"path": "issues/a.md", "state": "blocked", "why": f"{said}; a draft"}],
    }
    for errors, warnings in ([said, said], [said]), ([], [said, said]), ([], []):
        record = RunRecord(document, list(errors), list(warnings))
        text = summarize_run(record, 1, last=True).body.replace("\\", "")
        # Without an error or a warning, it is among the notes and among what blocks.
        assert text.count('setting "ledger" is empty') == (1 if errors or warnings else 2)
        assert "see above" in text


@pytest.mark.parametrize(
    ("code", "last", "says"),
    [
        (0, True, "Nothing to decide or to correct"),
        (1, True, "Something to correct (exit code 1)"),
        (3, True, "A person must decide"),
        (75, False, "Temporary failure; the next run tries again"),
        (75, True, "Temporary failure; a person should look at it"),
    ],
)
def test_how_it_ended_has_one_sentence(code: int, says: str, *, last: bool) -> None:
    assert summarize_run(RunRecord(), code, last=last).outcome == says


def test_nothing_to_do_is_said() -> None:
    assert "Nothing is due" in body({"mailings": [], "next": None})
    assert "without a result" in body({})


@pytest.mark.parametrize("warnings", [0, 400, 20_000])
def test_a_summary_is_cut_between_lines(warnings: int) -> None:
    record = RunRecord({"mailings": []}, [], [f"key {n} is short" for n in range(warnings)])
    text = summarize_run(record, 0, last=True).as_text("the end\n")
    assert len(text) <= 65_536
    assert text.endswith("\nthe end\n")
    *lines, _ = text.splitlines()
    shown = [line for line in lines if line.startswith("- warning")]
    assert all(line.endswith(" is short") for line in shown)
    assert (len(shown) == warnings) == ("… and more: run newsletter status" not in lines)
