"""Reading an issue file: bytes, file name, front matter, hash."""

from __future__ import annotations

from datetime import time
from zoneinfo import ZoneInfo

import pytest

from newsletter import content
from newsletter.model import Draft, Issue, Severity

NAME = "2026-11-29-rust.md"
AMSTERDAM = ZoneInfo("Europe/Amsterdam")
SAMPLE = """\
---
subject: De weg naar rust: vasthouden of loslaten
preheader: Wat je lichaam je vertelt voordat je hoofd het weet
send_at: 2026-11-29 07:00
draft: no
---
Een eerste alinea.
"""


def read(text: str | bytes, name: str = NAME, zone: ZoneInfo = AMSTERDAM) -> Draft:
    raw = text if isinstance(text, bytes) else text.encode()
    return content.read(raw, name=name, path=f"issues/{name}", zone=zone, send_clock=time(7))


def issue(text: str | bytes, name: str = NAME) -> Issue:
    draft = read(text, name)
    assert draft.issue, draft.findings
    return draft.issue


def with_header(*lines: str) -> str:
    return "\n".join(["---", *lines, "---", "Tekst.", ""])


def found(draft: Draft) -> list[tuple[int, str]]:
    return [(finding.line, finding.rule) for finding in draft.findings]


def test_front_matter_becomes_the_issue() -> None:
    made = issue(SAMPLE)
    assert made.slug == "2026-11-29-rust"
    assert made.path == "issues/2026-11-29-rust.md"
    assert made.subject == "De weg naar rust: vasthouden of loslaten"
    assert made.preheader == "Wat je lichaam je vertelt voordat je hoofd het weet"
    assert made.send_at.isoformat() == "2026-11-29T07:00:00+01:00"
    assert made.draft is False


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("Rust # 3: een oefening", "Rust # 3: een oefening"),
        ('"Rust: nu"', "Rust: nu"),
        ("'Rust'", "Rust"),
        ('"Rust" is een woord', '"Rust" is een woord'),
        ('"Rust" en "ruimte"', '"Rust" en "ruimte"'),
        ('"Hij zei: "rust" en ging"', 'Hij zei: "rust" en ging'),
        ('""Rust""', '"Rust"'),
        ("'Zo'n dag'", "Zo'n dag"),
        ("'s Avonds rust", "'s Avonds rust"),
        ('"', '"'),
        (
            "{{7*7}} {% raw %} [unsubscribe_url] *|X|*",
            "{{7*7}} {% raw %} [unsubscribe_url] *|X|*",
        ),
    ],
)
def test_a_value_is_the_rest_of_its_line_without_one_pair_of_quotes(
    written: str, meant: str
) -> None:
    assert issue(with_header(f"subject:   {written}  ")).subject == meant


def test_without_send_at_the_file_date_and_the_clock_of_the_settings_hold() -> None:
    assert issue(with_header("subject: Rust")).send_at.isoformat() == "2026-11-29T07:00:00+01:00"


def test_send_at_may_have_a_t_and_has_the_offset_of_its_own_day() -> None:
    made = issue(with_header("subject: Rust", "send_at: 2026-07-05T18:30"))
    assert made.send_at.isoformat() == "2026-07-05T18:30:00+02:00"


@pytest.mark.parametrize(
    ("written", "meant"),
    [("yes", True), ("true", True), ("Yes", True), ("no", False), ("false", False)],
)
def test_draft_is_yes_or_no(written: str, meant: bool) -> None:  # noqa: FBT001 - a table
    assert issue(with_header("subject: Rust", f"draft: {written}")).draft is meant


@pytest.mark.parametrize(
    ("line", "rule"),
    [
        ("just words", "front-matter-line"),
        ("two words: value", "front-matter-line"),
        ("author: Gerrit", "unknown-key"),
        ("Subject: Rust", "unknown-key"),
        ("subject: Nog een", "doubled-key"),
        ("draft: maybe", "draft-invalid"),
        ("draft:", "draft-invalid"),
        ("send_at: zondag", "send-at-invalid"),
        ("send_at: 2026-11-29", "send-at-invalid"),
        ("send_at: 2026-02-30 07:00", "send-at-invalid"),
        ("send_at: 2026-11-29 24:00", "send-at-invalid"),
        ("send_at: 0001-01-01 00:00", "send-at-invalid"),
        ("send_at: ٢٠٢٦-11-29 07:00", "send-at-invalid"),
        ("send_at: 2026-03-29 02:30", "send-at-in-gap"),
        ("preheader: " + "x" * 251, "preheader-too-long"),
        ("preheader: a\tb", "forbidden-character"),
    ],
)
def test_a_bad_front_matter_line_is_an_error_with_its_line(line: str, rule: str) -> None:
    draft = read(with_header("subject: Rust", line))
    assert found(draft) == [(3, rule)]
    assert draft.issue is None
    assert draft.blocks


def test_an_unknown_key_names_the_nearest_one() -> None:
    (finding,) = read(with_header("subject: Rust", "Preheeder: x")).findings
    assert "Preheeder" in finding.message
    assert '"preheader"' in finding.fix


def test_a_doubled_key_names_both_lines() -> None:
    (finding,) = read(with_header("subject: Rust", "draft: no", "subject: Nog een")).findings
    assert "line 2" in finding.message
    assert "line 4" in finding.message


@pytest.mark.parametrize("line", ["subject:", 'subject: ""', "subject: \u200b", "draft: no"])
def test_a_subject_is_required(line: str) -> None:
    assert found(read(with_header(line))) == [
        (2 if line.startswith("subject") else 1, "subject-missing")
    ]


@pytest.mark.parametrize(
    ("length", "severity"),
    [(70, None), (71, Severity.WARNING), (200, Severity.WARNING), (201, Severity.ERROR)],
)
def test_a_long_subject_is_a_warning_and_a_very_long_one_an_error(
    length: int, severity: Severity | None
) -> None:
    draft = read(with_header("subject: " + "x" * length))
    assert [f.severity for f in draft.findings if f.rule == "subject-too-long"] == (
        [severity] if severity else []
    )
    assert (draft.issue is None) == (severity is Severity.ERROR)


def test_a_send_time_that_the_clock_skips_is_an_error_without_send_at_too() -> None:
    draft = content.read(
        with_header("subject: Rust").encode(),
        name="2026-03-29-rust.md",
        path="x",
        zone=AMSTERDAM,
        send_clock=time(2, 30),
    )
    assert found(draft) == [(1, "send-at-in-gap")]


def test_missing_front_matter_is_one_error() -> None:
    assert found(read("Alleen tekst.\n")) == [(1, "front-matter-missing")]


@pytest.mark.parametrize("text", ["", "\n", " "])
def test_an_empty_file_lacks_front_matter_and_body(text: str) -> None:
    assert {rule for _, rule in found(read(text))} == {"front-matter-missing", "empty-body"}


def test_unclosed_front_matter_is_an_error_and_the_body_is_still_read() -> None:
    draft = read("---\nsubject: Rust\nauthor: x\n\nEen alinea.\n\n<b>vet</b>\n")
    assert found(draft) == [(3, "front-matter-unclosed"), (3, "unknown-key"), (7, "raw-html")]
    assert draft.blocks


def test_a_divider_in_the_body_does_not_close_the_front_matter() -> None:
    draft = read("---\nsubject: Rust\n\nEen alinea: met dubbele punt.\n\n---\n\nNog een.\n")
    assert found(draft) == [(2, "front-matter-unclosed")]


def test_all_problems_are_reported_at_once_by_line() -> None:
    text = "---\nsubjct: Rust\ndraft: x\n---\n\n![](file:a.png)\n\n    code\n\n[x](file:///x) y\n"
    draft = read(text, "rust.md")
    assert found(draft) == [
        (1, "file-name"),
        (2, "unknown-key"),
        (3, "draft-invalid"),
        (6, "image-address"),
        (6, "image-alt"),
        (8, "code-block"),
        (10, "link-address"),
    ]
    assert all(finding.message and finding.fix for finding in draft.findings)
    assert all("\n" not in finding.message + finding.fix for finding in draft.findings)


@pytest.mark.parametrize(
    ("name", "fix"),
    [
        ("rust.md", "YYYY-MM-DD-rust.md"),
        ("2026-11-29.md", "2026-11-29-name.md"),
        ("2026-11-29-Één rust!.md", "2026-11-29-een-rust.md"),
        ("2026-11-29_rust_en_ruimte.md", "2026-11-29-rust-en-ruimte.md"),
        ("2026-02-30-rust.md", "YYYY-MM-DD-rust.md"),
        ("29-11-2026-rust.md", "2026-11-29-rust.md"),
        ("../2026-11-29-rust.md", "2026-11-29-rust.md"),
        ("2026-11-29-rust.txt", "2026-11-29-rust.md"),
        ("2026-11-29-rust--nu.md", "2026-11-29-rust-nu.md"),
        ("٢٠٢٦-11-29-rust.md", "YYYY-MM-DD-11-29-rust.md"),
        ("2026-11-29-" + "a" * 100 + ".md", "2026-11-29-" + "a" * 89 + ".md"),
        ("2026-11-29-rust\n.md", "2026-11-29-rust.md"),
    ],
)
def test_a_bad_file_name_is_an_error_that_says_the_right_one(name: str, fix: str) -> None:
    (finding,) = read(with_header("subject: Rust", "send_at: 2026-11-29 07:00"), name).findings
    assert finding.rule == "file-name"
    assert finding.fix == f"Rename it to {fix}"
    assert "\n" not in finding.message


def test_a_slug_of_a_hundred_characters_is_fine() -> None:
    assert issue(with_header("subject: Rust"), "2026-11-29-" + "a" * 89 + ".md")


def test_byte_order_mark_and_line_ends_change_nothing() -> None:
    plain = issue(SAMPLE)
    for raw in (
        b"\xef\xbb\xbf" + SAMPLE.encode(),
        SAMPLE.replace("\n", "\r\n").encode(),
        SAMPLE.replace("\n", "\r").encode(),
    ):
        assert issue(raw) == plain


def test_what_is_not_utf8_is_one_error_with_its_line() -> None:
    raw = SAMPLE.encode() + "caf\xe9\r\n".encode("latin-1")
    draft = read(raw.replace(b"\n", b"\r\n"))
    assert found(draft) == [(8, "not-utf8")]
    assert found(read(SAMPLE.encode("utf-16"))) == [(1, "not-utf8")]


def test_five_megabytes_are_one_error() -> None:
    assert found(read(b"a" * 5_000_000)) == [(1, "file-too-large")]
    room = 256 * 1024 - len(SAMPLE)
    assert found(read(SAMPLE.encode() + (b"zo " * room)[:room])) == []


@pytest.mark.parametrize(
    "character",
    [
        *"\x00\x07\x0b\x0c\x1b\x7f\x85\u2028\u2029\u202a\u202e\u2066\u2069",
        *"\ue000\uf8ff\ufdd0\ufffd\uffff\U0010ffff",
    ],
)
@pytest.mark.parametrize("line", [2, 3, 5])
def test_a_forbidden_character_is_an_error_anywhere(character: str, line: int) -> None:
    lines = ["---", "subject: Rust", "preheader: Nu", "---", "Tekst.", ""]
    lines[line - 1] = f"{lines[line - 1]}a{character}b"
    draft = read("\n".join(lines))
    assert found(draft) == [(line, "forbidden-character")]
    assert draft.issue is None
    assert f"U+{ord(character):04X}" in draft.findings[-1].message


@pytest.mark.parametrize(
    "written",
    [
        "&#57344;",
        "&#xE000;",
        "&#XF8FF;",
        "&#0;",
        "&#x80;",
        "&#8232;",
        "&#x202e;",
        "&#xFFFF;",
        "&#xD800;",
        "&#10;",
        "`&#57344;`",
        r"\&#57344;",
        "&#57344",
        "[x &#57344;](https://example.org)",
        "<https://example.org/%EE%80%80>",
        "**vet**\n*&#57344;*",
    ],
)
def test_a_forbidden_character_is_found_as_an_entity_too(written: str) -> None:
    draft = read(with_header("subject: Rust") + f"\nEen {written} hier.\n")
    line = 6 + written.count("\n")
    assert found(draft) == [(line, "forbidden-character")]


def test_a_placeholder_written_as_an_entity_is_refused_in_an_image_text() -> None:
    for mark in ("&#57344;", "&#x80;"):
        text = with_header("subject: Rust") + f"\n![a {mark}](https://example.org/a.png)\n"
        assert found(read(text)) == [(6, "forbidden-character")]


def test_ordinary_marks_and_languages_are_welcome() -> None:
    text = (
        "Zo’n dag — één ademhaling… 👩‍👩‍👧 ✉️ שלום \u200f مرحبا\u200e\u00a0€ &nbsp;&eacute;&#8364;"
    )
    assert issue(with_header("subject: Rust 🌿") + text)


def test_the_hash_is_of_subject_preheader_and_body_only() -> None:
    plain = issue(SAMPLE).content_hash
    assert len(plain) == 64
    same = [
        SAMPLE.replace("07:00", "08:00"),
        SAMPLE.replace("draft: no", "draft: yes"),
        SAMPLE.replace("draft: no\n", ""),
        SAMPLE + "\n\n",
        SAMPLE.replace("subject: De weg", 'subject: "De weg').replace(
            "loslaten\n", 'loslaten"\n', 1
        ),
    ]
    assert {issue(text).content_hash for text in same} == {plain}
    assert issue(SAMPLE, "2026-12-06-anders.md").content_hash == plain
    other = [
        SAMPLE.replace("De weg", "Een weg"),
        SAMPLE.replace("Wat je", "Hoe je"),
        SAMPLE.replace("eerste", "tweede"),
        with_header("subject: a", "preheader: b"),
        with_header("subject: ab"),
        with_header("subject: a b"),
    ]
    assert len({plain, *(issue(text).content_hash for text in other)}) == len(other) + 1


def test_findings_hold_no_email_address() -> None:
    text = with_header("subject: Rust", "anna@example.org: x") + (
        "\n[a](anna@example.org) [b](http://anna@example.org) ![c](anna@example.org) z\n"
    )
    findings = read(text).findings
    assert len(findings) >= 4
    assert not any("anna" in finding.message + finding.fix for finding in findings)
