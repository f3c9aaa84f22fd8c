"""What an author allows, and what is said of a waiver that does not hold."""

from __future__ import annotations

import pytest

from newsletter import checks
from tests.support.drafts import read


def found(allow: str, body: str = "• een\n") -> list[tuple[int, str]]:
    draft = read(f"---\nsubject: Rust\npreheader: Een andere zin\nallow: {allow}\n---\n{body}")
    return [(finding.line, finding.rule) for finding in checks.check(draft)]


def test_a_finding_that_the_file_allows_is_not_reported() -> None:
    assert found("pasted-bullets (zo staan ze in het boek)") == []


@pytest.mark.parametrize(
    ("allow", "rule"),
    [
        ("table (staat er niet)", "allow-unused"),
        ("pasted-bulets (zo is het)", "allow-unknown"),
    ],
    ids=["waives nothing", "unknown id"],
)
def test_a_waiver_that_does_not_hold_is_a_warning(allow: str, rule: str) -> None:
    assert found(allow) == [(4, rule), (6, "pasted-bullets")]


def test_an_error_stays_an_error_whatever_is_allowed() -> None:
    assert found("gap (komt nog)", "[[nog iets]]\n") == [(4, "allow-invalid"), (6, "gap")]


def test_a_rule_that_is_an_error_in_this_file_cannot_be_allowed() -> None:
    long = "x" * 201
    draft = read(
        f"---\nsubject: {long}\npreheader: Een zin\nallow: subject-too-long (zo)\n---\nTekst.\n"
    )
    rules = [finding.rule for finding in checks.check(draft)]
    assert rules == ["subject-too-long", "allow-invalid"]


def test_a_waiver_without_a_reason_is_written_out_with_the_rule_that_was_meant() -> None:
    head = "---\nsubject: Rust\npreheader: Een andere zin\nallow: "
    said = [
        checks.check(read(f"{head}{rule}\n---\nTekst.\n"))[0].fix for rule in ("table", "spelling")
    ]
    form = 'Write "allow: {} (reason)", and a comma between two of them'
    assert said == [
        form.format("table"),
        form.format("spelling") + "; a single word that is right goes into words.txt",
    ]


def test_an_unknown_id_names_the_nearest() -> None:
    draft = read(
        "---\nsubject: Rust\npreheader: Een andere zin\nallow: pasted-bulets (zo)\n---\nTekst.\n"
    )
    assert checks.check(draft)[0].fix == 'Did you mean "pasted-bullets"?'
