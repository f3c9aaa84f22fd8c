"""Rules that need more than one file: the settings, the letter, the other issues."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from newsletter import config, desk
from newsletter.model import Severity
from tests.support.newsletter import coming

if TYPE_CHECKING:
    from newsletter.model import Finding

PROJECT = Path(__file__).parents[3]
GOOD = {
    "name": "Jij en Rust",
    "sender": "Gerrit <gerrit@example.org>",
    "contact": "Postbus 1, Deventer",
}
HEAD = "---\nsubject: {subject}\npreheader: Over een middag zonder afspraken\n---\n"
SENTENCE = "De kat sliep op de vensterbank en de buurman gaf zijn planten water. "


def inspect(root: Path, issues: dict[str, str], **own: str) -> tuple[Finding, ...]:
    lines = [f'{key} = "{value}"\n' for key, value in {**GOOD, **own}.items() if value]
    (root / "newsletter.toml").write_text("".join(lines), encoding="utf-8")
    for name, text in issues.items():
        (root / "issues" / f"{name}.md").write_text(text, encoding="utf-8")
    return desk.inspect_folder(config.load(root, {})).findings


def rules_of(findings: tuple[Finding, ...]) -> list[tuple[str, str, int]]:
    return [(one.rule, one.severity, one.line) for one in findings]


@pytest.mark.parametrize(
    ("setting", "value", "rule", "line"),
    [
        ("name", "", "name-missing", 1),
        ("sender", "", "sender-missing", 1),
        ("sender", "gerrit@example.org", "sender-without-name", 2),
        ("sender", "Gerrit <no-reply@example.org>", "no-reply-sender", 2),
        ("contact", "", "contact-missing", 1),
        ("reply_to", "noreply@example.org", "no-reply-sender", 4),
        ("accent_color", "#9fd5c3", "contrast", 4),
        ("accent_color", "#767676", "contrast", 4),  # 4.5 with white, 4.1 with the page
    ],
)
def test_a_setting_that_makes_letters_worse_is_a_hint(
    root: Path, setting: str, value: str, rule: str, line: int
) -> None:
    found = inspect(root, {}, **{setting: value})
    assert rules_of(found) == [(rule, Severity.HINT, line)]
    assert found[0].path == "newsletter.toml"


@pytest.mark.parametrize(
    ("setting", "value", "rule", "line"),
    [
        ("contact", "Straatnaam 1, 1234 AB Plaatsnaam", "contact-placeholder", 3),
        ("contact", "Postbus 123, 1234 AB Utrecht", "contact-placeholder", 3),
        ("contact", "Your Name, 123 Main Street, Anytown", "contact-placeholder", 3),
        ("sender", "Gerrit <gerrit@gmail.com>", "sender-free-mailbox", 2),
        ("sender", "Gerrit <gerrit@KPNmail.nl>", "sender-free-mailbox", 2),
        ("sender", "Gerrit <gerrit@hotmail.co.uk>", "sender-free-mailbox", 2),
    ],
)
def test_a_setting_that_cannot_be_meant_is_a_warning(
    root: Path, setting: str, value: str, rule: str, line: int
) -> None:
    found = inspect(root, {}, **{setting: value})
    assert rules_of(found) == [(rule, Severity.WARNING, line)]


@pytest.mark.parametrize(
    "value",
    [
        "Kade 1, 1000 AA Amsterdam",
        "Postbus 123, 7400 AE Deventer",
        "De Plaats 12, 1231 AB Loosdrecht",
    ],
)
def test_a_real_address_is_no_placeholder(root: Path, value: str) -> None:
    assert inspect(root, {}, contact=value) == ()


def test_settings_without_a_fault_have_no_hint(root: Path) -> None:
    own = {
        "reply_to": "gerrit@example.org",
        "greeting": "Dag {first_name},",
        "accent_color": "#2f5d50",
    }
    assert inspect(root, {}, **own) == ()


def paragraphs(count: int) -> str:
    return "".join(f"Dag {number}: {SENTENCE}\n\n" for number in range(count))


@pytest.mark.parametrize(
    ("count", "found"),
    [
        (120, []),
        (200, [("letter-size", Severity.WARNING)]),
        (400, [("letter", Severity.ERROR)]),
    ],
)
def test_a_letter_of_more_than_60_kb_is_a_warning_and_of_100_kb_an_error(
    root: Path, count: int, found: list[tuple[str, Severity]]
) -> None:
    text = HEAD.format(subject="Rust") + paragraphs(count)
    findings = inspect(root, {"2026-12-06-rust": text})
    assert [(one.rule, one.severity) for one in findings if one.rule != "long-letter"] == found


@pytest.mark.parametrize(("count", "rules"), [(100, []), (101, ["long-letter"])])
def test_a_letter_of_more_than_1500_words_is_a_hint(
    root: Path, count: int, rules: list[str]
) -> None:
    text = HEAD.format(subject="Rust") + paragraphs(count)
    assert [one.rule for one in inspect(root, {"2026-12-06-rust": text})] == rules


@pytest.mark.parametrize(("images", "rules"), [(2, []), (3, ["little-text"])])
def test_many_images_with_little_text_are_a_hint(root: Path, images: int, rules: list[str]) -> None:
    shown = [f"![Een kat bij raam {n}](https://example.org/{n}.png)\n\n" for n in range(images)]
    text = HEAD.format(subject="Rust") + SENTENCE + "\n\n" + "".join(shown)
    assert [one.rule for one in inspect(root, {"2026-12-06-rust": text})] == rules


@pytest.mark.parametrize(
    ("template", "part"), [("blocks.txt.j2", "plain text"), ("blocks.mjml.j2", "HTML")]
)
def test_a_template_that_leaves_a_block_out_is_found(root: Path, template: str, part: str) -> None:
    whole = (PROJECT / "templates" / template).read_text(encoding="utf-8")
    macro = "{% macro quote(block) %}"
    own, count = re.subn(re.escape(macro) + r"[^~]*?{%-? endmacro", macro + "{% endmacro", whole)
    assert count == 1
    (root / "templates").mkdir()
    (root / "templates" / template).write_text(own, encoding="utf-8")
    text = HEAD.format(subject="Rust") + f"{SENTENCE}\n\n> De dag vroeg niets van mij.\n"
    (found,) = inspect(root, {"2026-12-06-rust": text})
    assert (found.rule, found.line) == ("text-part", 7)
    assert f"the {part} of the letter lacks" in found.message


def test_a_subject_that_an_earlier_issue_has_is_a_warning(root: Path) -> None:
    first, second = (f"{coming(days):%Y-%m-%d}" for days in (6, 13))
    texts = {
        f"{first}-rust": HEAD.format(subject="Rust in huis") + SENTENCE,
        f"{second}-stil": HEAD.format(subject="rust in huis") + "De regen tikte op het dak.",
    }
    (found,) = inspect(root, texts)
    assert (found.rule, found.path) == ("subject-used-before", f"issues/{second}-stil.md")
    assert (found.severity, found.line) == (Severity.WARNING, 2)


@pytest.mark.parametrize(("clock", "rules"), [("05:00", ["slots-close"]), ("09:00", [])])
def test_two_issues_within_24_hours_are_a_hint(root: Path, clock: str, rules: list[str]) -> None:
    first, second = (f"{coming(days):%Y-%m-%d}" for days in (6, 7))
    later = HEAD.format(subject="Stil").replace("---\n", f"---\nsend_at: {second} {clock}\n", 1)
    texts = {
        f"{first}-rust": HEAD.format(subject="Rust") + SENTENCE,
        f"{second}-stil": later + "De regen tikte op het dak.",
    }
    assert [one.rule for one in inspect(root, texts)] == rules


@pytest.mark.parametrize("name", ["Gerrit", "Gerrit de Wit", "Gerrit!"])
def test_the_name_of_the_sender_below_the_text_is_a_signature_of_its_own(
    root: Path, name: str
) -> None:
    text = HEAD.format(subject="Rust") + f"{SENTENCE}\n\nGeniet van de zon.\n\n{name}\n"
    found = inspect(
        root, {f"{coming():%Y-%m-%d}-rust": text}, sender="Gerrit de Wit <gerrit@example.org>"
    )
    assert rules_of(found) == [("own-signature", Severity.WARNING, 9)]


def test_a_sentence_that_begins_with_the_name_of_the_sender_is_none(root: Path) -> None:
    text = HEAD.format(subject="Rust") + f"{SENTENCE}\n\nGerrit bleef stil.\n"
    assert inspect(root, {f"{coming():%Y-%m-%d}-rust": text}) == ()
