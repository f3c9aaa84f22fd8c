"""Habits of YAML, of other programs and of mail in the front matter: one clear message each."""

from __future__ import annotations

from datetime import date

import pytest

from newsletter import content
from newsletter.model import Severity, Waiver
from tests.support.drafts import in_header, read

SUBJECT = "subject: Rust"
ALL_KEYS = "The keys are subject, preheader, send_at, article, themes, audience, draft, allow"


def text(*lines: str) -> str:
    return "\n".join(["---", *lines, "---", "Tekst.", ""])


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        (r'"Zo’n \"gewone\" dag"', 'Zo’n "gewone" dag'),
        (r'"\"Rust\" is een woord"', '"Rust" is een woord'),
        (r'"Zij zei: \"nee\""', 'Zij zei: "nee"'),
        (r'"\"Rust\""', '"Rust"'),
    ],
)
def test_an_escaped_quote_inside_quotes_is_a_quote(written: str, meant: str) -> None:
    draft = read(text(f"subject: {written}"))
    assert draft.findings == ()
    assert draft.issue
    assert draft.issue.subject == meant


@pytest.mark.parametrize(
    ("line", "rule"),
    [
        ("subject: [Rust, ruimte]", "yaml-value"),
        ("subject: {nl: Rust, en: Rest}", "yaml-value"),
        ("subject: >", "yaml-value"),
        ("subject: |-", "yaml-value"),
        ("subject: !!str Rust", "yaml-value"),
        ("subject: &anker Rust", "yaml-value"),
        ("subject: *anker", "yaml-value"),
        ("subject: null", "yaml-value"),
        (r"subject: Zo'n \"gewone\" dag", "yaml-value"),
        (r'subject: "Rust\nen ruimte"', "yaml-value"),
        (r'subject: "Caf\u00e9"', "garbled-text"),
        ("subject: 'Zo''n dag'", "yaml-value"),
        ('subject: "Rust', "yaml-value"),
        ("subject: Rust # nog nakijken", "yaml-value"),
        ('subject: Rust"', "yaml-value"),
        ("subject: Rust &amp; ruimte", "header-marks"),
        ("subject: Rust &#39;s", "header-marks"),
        ("subject: **Rust** is fijn", "header-marks"),
        ("subject: Rust is *fijn*", "header-marks"),
        ("subject: _Rust_ is fijn", "header-marks"),
        ("subject: `Rust` is fijn", "header-marks"),
        ("subject: [Rust](https://example.org)", "header-marks"),
        ("subject: Rust <br> ruimte", "header-marks"),
        ("subject: ~~Rust~~ ruimte", "header-marks"),
        ("subject: # Rust", "header-marks"),
        ("subject: Rust :heart:", "header-marks"),
        (r"subject: Rust\!", "header-marks"),
        ("subject: Rust voor *|FNAME|*", "merge-tag"),
        ("subject: {{ first_name }}, rust", "merge-tag"),
        ("subject: [voornaam], rust", "merge-tag"),
        ("subject: Ru\u00adst", "invisible-character"),
        ("subject: Rust\u200b en ruimte", "invisible-character"),
    ],
)
def test_markup_in_a_subject_or_preheader_is_a_warning(line: str, rule: str) -> None:
    assert in_header(line) == [(2, rule)]
    preheader = line.replace("subject", "preheader", 1)
    assert in_header(SUBJECT, preheader) == [(3, rule)]
    assert {f.severity for f in read(text(line)).findings} == {Severity.WARNING}


@pytest.mark.parametrize(
    "subject",
    [
        'Hij zei "rust" en ging',
        "“Rust” is een woord",
        "'s Avonds rust",
        "'k Laat het los",
        "Zo'n dag",
        "#1: rust",
        "Rust # 3: een oefening",
        "R&D, AT&T en Q&A",
        "10 euro* korting",
        "5 * 3 * 2",
        "snake_case_naam",
        "1 < 2 > 0",
        "[Nieuw] Rust",
        "Rust - en ruimte",
        'Een scherm van 24"',
        "50% rust, 50% ruimte",
        "De weg | naar rust",
        "Rust 👩\u200d👩\u200d👧 ✉️",
        "Waar? -> Hier!",
    ],
)
def test_an_ordinary_subject_raises_no_alarm(subject: str) -> None:
    assert in_header(f"subject: {subject}") == []


@pytest.mark.parametrize(
    ("key", "said"),
    [
        ("date", '"send_at'),
        ("datum", '"send_at'),
        ("Date", '"send_at'),
        ("publish_date", '"send_at'),
        ("title", '"subject'),
        ("titel", '"subject'),
        ("onderwerp", '"subject'),
        ("subjct", '"subject"'),
        ("Subject", '"subject"'),
        ("send-at", '"send_at"'),
        ("sendat", '"send_at'),
        ("description", '"preheader'),
        ("samenvatting", '"preheader'),
        ("concept", "draft: yes"),
        ("published", "draft: yes"),
        ("tags", '"themes: '),
        ("canonical", '"article: '),
        ("link", '"article: '),
        ("trefwoorden", '"themes: '),
        ("author", "Delete this line"),
        ("audiance", '"audience"'),
        ("kleur", ALL_KEYS),
    ],
)
def test_an_unknown_key_names_the_right_one(key: str, said: str) -> None:
    lines = [f"{key}: x"] if said.startswith('"subject') else [SUBJECT, f"{key}: x"]
    findings = [f for f in read(text(*lines)).findings if f.rule != "send-at-invalid"]
    assert [f.rule for f in findings] == ["unknown-key"]
    assert said in findings[0].fix
    assert findings[0].severity is Severity.ERROR


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        (["# een opmerking", SUBJECT], [(2, "front-matter-line")]),
        ([SUBJECT, "  en meer woorden"], [(3, "front-matter-line")]),
        ([SUBJECT, "  en meer", "  en nog meer"], [(3, "front-matter-line")]),
        ([SUBJECT, "- rust", "- ruimte"], [(3, "front-matter-line")]),
        ([SUBJECT, "tags:", "  - rust", "  - ruimte"], [(3, "unknown-key")]),
        (["subject: >", "  Rust", "  en ruimte"], [(2, "yaml-value"), (3, "front-matter-line")]),
        (["subject = Rust"], [(1, "subject-missing"), (2, "front-matter-line")]),
        (["Subject: Rust", "Draft: yes"], [(2, "unknown-key"), (3, "unknown-key")]),
    ],
)
def test_one_cause_is_one_finding(lines: list[str], expected: list[tuple[int, str]]) -> None:
    assert in_header(*lines) == expected


def test_a_misspelt_key_counts_as_the_one_it_means() -> None:
    draft = read(text("Subject: Rust", "concept: yes", "datum: 2026-12-06 08:00"))
    assert draft.issue is None
    assert draft.is_draft
    assert draft.send_at
    assert draft.send_at.isoformat() == "2026-12-06T08:00:00+01:00"


@pytest.mark.parametrize("fence", ["—-", "----", "+++", "***", "–––", "—", "--", "===", "```yaml"])
def test_what_only_looks_like_three_dashes_is_called_so(fence: str) -> None:
    draft = read(f"{fence}\n{SUBJECT}\n---\nTekst.\n")
    assert [(f.line, f.rule) for f in draft.findings] == [(1, "front-matter-missing")]
    assert '"---"' in draft.findings[0].fix
    draft = read(f"---\n{SUBJECT}\n{fence}\nTekst.\n")
    assert [(f.line, f.rule) for f in draft.findings] == [(3, "front-matter-unclosed")]
    assert draft.blocks


@pytest.mark.parametrize(
    ("file", "line", "said"),
    [
        (f"{SUBJECT}\n---\nTekst.\n", 1, 'Put a line "---" above line 1'),
        (f"Kladje\n\n---\n{SUBJECT}\n---\nTekst.\n", 1, "above line 3"),
        ("\u200b---\n" + SUBJECT + "\n---\nTekst.\n", 1, '"---"'),
        ("Alleen tekst.\n", 1, 'Begin it with a line "---"'),
    ],
)
def test_a_front_matter_that_begins_wrong_says_how(file: str, line: int, said: str) -> None:
    findings = [f for f in read(file).findings if f.rule == "front-matter-missing"]
    assert [f.line for f in findings] == [line]
    assert said in findings[0].fix


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("6 december 2026 07:00", "2026-12-06 07:00"),
        ("zondag 6 december 2026 om 7.00 uur", "2026-12-06 07:00"),
        ("6 dec 2026", "2026-12-06 07:00"),
        ("December 6, 2026 7:30 pm", "2026-12-06 19:30"),
        ("2026-12-06", "2026-12-06 07:00"),
        ("2026-12-06 7:00", "2026-12-06 07:00"),
        ("2026-12-06, 07:00", "2026-12-06 07:00"),
        ("2026-12-06 07:00:00", "2026-12-06 07:00"),
        ("2026-12-06T07:00+01:00", "2026-12-06 07:00"),
        ("2026-12-06T06:00:00Z", "2026-12-06 07:00"),
        ("06-12-2026 19u30", "2026-12-06 19:30"),
        ("6/12/2026 08:15", "2026-12-06 08:15"),
        ("2026-12-06 0730", "2026-12-06 07:30"),
        ("7:00", "2026-11-29 07:00"),
        ("08.30 uur", "2026-11-29 08:30"),
        ("2026/12/06 07:00", "2026-12-06 07:00"),
    ],
)
def test_a_moment_in_another_spelling_is_shown_as_it_should_be(written: str, meant: str) -> None:
    (finding,) = read(text(SUBJECT, f"send_at: {written}")).findings
    assert finding.rule == "send-at-invalid"
    assert finding.fix == f'Write it as "send_at: {meant}"'


@pytest.mark.parametrize(
    ("written", "said"),
    [("ja", "draft: yes"), ("nee", "draft: no"), ("1", "draft: yes"), ("misschien", "or")],
)
def test_another_yes_or_no_is_shown_as_it_should_be(written: str, said: str) -> None:
    draft = read(text(SUBJECT, f"draft: {written}"))
    (finding,) = draft.findings
    assert said in finding.fix
    assert draft.is_draft == (written != "nee")


@pytest.mark.parametrize(
    ("name", "send_at", "expected"),
    [
        ("2026-12-06-a.md", "2027-12-06 07:00", ["send-at-far-from-name", "date-far-ahead"]),
        ("2026-12-06-a.md", "2026-12-27 07:00", ["send-at-far-from-name"]),
        ("2026-12-06-a.md", "2026-12-07 07:00", []),
        ("2026-12-06-a.md", "2026-12-13 07:00", []),
        ("2062-12-06-a.md", None, ["date-far-ahead"]),
        ("2027-11-29-a.md", None, []),
        ("2020-01-05-a.md", None, []),
    ],
)
def test_a_date_out_of_reason_is_a_warning(
    name: str, send_at: str | None, expected: list[str]
) -> None:
    lines = [SUBJECT, *([f"send_at: {send_at}"] if send_at else [])]
    draft = read(text(*lines), name, today=date(2026, 11, 29))
    assert sorted(f.rule for f in draft.findings) == sorted(expected)
    assert draft.issue


@pytest.mark.parametrize(
    ("name", "proposed"),
    [
        ("2026-12-06-rust.md", None),
        ("2026-12-06-rust.txt", "2026-12-06-rust.md"),
        ("2026-12-06-rust.md.txt", "2026-12-06-rust.md"),
        ("2026-12-06-rust.MD", "2026-12-06-rust.md"),
        ("2026-12-06-rust.markdown", "2026-12-06-rust.md"),
        ("2026-12-06-rust", "2026-12-06-rust.md"),
        ("2026-12-06 Rust en Ruimte.md", "2026-12-06-rust-en-ruimte.md"),
        ("2026-12-06-Één café.md", "2026-12-06-een-cafe.md"),
        ("2026-12-06_rust.md", "2026-12-06-rust.md"),
        ("06-12-2026-rust.md", "2026-12-06-rust.md"),
        ("6.12.2026 rust.txt", "2026-12-06-rust.md"),
        ("6-12-2026-rust.md", "2026-12-06-rust.md"),
        ("12-25-2026-kerst.md", "2026-12-25-kerst.md"),
        ("20261206-rust.md", "2026-12-06-rust.md"),
        ("6 december 2026 rust.md", "2026-12-06-rust.md"),
        ("rust-2026-12-06.md", "2026-12-06-rust.md"),
        ("2026-12-06.md", "2026-12-06-name.md"),
        ("rust.md", None),
        ("2026-02-30-rust.md", None),
        ("2026-12-06-rust.docx", None),
        ("2026-12-06-rust.jpg", None),
        ("2026-12-06-rust.md~", None),
    ],
)
def test_the_right_name_of_a_file_is_proposed(name: str, proposed: str | None) -> None:
    assert content.suggest_file_name(name) == proposed


ZIP = b"PK\x03\x04\x14\x00\x06\x00"


@pytest.mark.parametrize(
    ("raw", "rule", "said"),
    [
        (ZIP + b"[Content_Types].xml word/document.xml", "not-text", "a Word file (.docx)"),
        (ZIP + b"mimetypeapplication/vnd.oasis.opendocument.text", "not-text", "(.odt)"),
        (ZIP + b"a.txt", "not-text", "a zip file"),
        (ZIP + b"word/" + bytes(300_000), "not-text", "a Word file (.docx)"),
        (b"{\\rtf1\\ansi Tekst}", "not-text", "a rich-text file (.rtf)"),
        (b"%PDF-1.7\n%\xe2\xe3", "not-text", "a PDF"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(20), "not-text", "an old Word file (.doc)"),
        (b"\x1f\x8b\x08\x00", "not-text", "a compressed file (gzip)"),
        (b"\x89PNG\r\n\x1a\n", "not-text", "a picture (PNG)"),
        (b"<!DOCTYPE html>\n<html><body>", "not-text", "a web page (HTML)"),
        (b"\n<HTML lang='nl'>", "not-text", "a web page (HTML)"),
        (text(SUBJECT).encode("utf-16"), "not-utf8", "UTF-16"),
        (text(SUBJECT).encode("utf-16-le"), "not-utf8", "UTF-16"),
        (text(SUBJECT).encode("utf-16-be"), "not-utf8", "UTF-16"),
        (text(SUBJECT).encode("utf-32"), "not-utf8", "UTF-32"),
        (text(SUBJECT, "preheader: Café").encode("cp1252"), "not-utf8", "Windows-1252"),
        (text(SUBJECT, "preheader: “Rust”").encode("cp1252"), "not-utf8", "Windows-1252"),
    ],
)
def test_a_file_that_is_no_utf8_text_is_called_what_it_is(raw: bytes, rule: str, said: str) -> None:
    (finding,) = read(raw).findings
    assert finding.rule == rule
    assert said in finding.message
    assert finding.severity is Severity.ERROR
    assert finding.line == (3 if said == "Windows-1252" else 1)


@pytest.mark.parametrize("written", ["2026-02-30 07:00", "31-11-2026", "31 november 2026 07:00"])
def test_a_day_that_does_not_exist_is_not_read_as_a_time(written: str) -> None:
    (finding,) = read(text(SUBJECT, f"send_at: {written}")).findings
    assert finding.fix == 'Write a day and a time, such as "send_at: 2026-11-29 07:00"'


def test_spaces_before_the_lines_of_dashes_are_what_is_to_be_deleted() -> None:
    found = read(f" ---\n{SUBJECT}\n ---\n\nTekst.\n").findings
    assert [finding.fix for finding in found] == ["Delete the spaces before it"] * 2
    assert all('" ---"' in finding.message for finding in found)


def test_the_article_and_the_themes_are_read() -> None:
    draft = read(text(SUBJECT, "article: https://example.org/rust/", "themes: rust,  even  stil,"))
    assert draft.findings == ()
    assert draft.issue
    assert draft.issue.article == "https://example.org/rust/"
    assert draft.issue.themes == ("rust", "even stil")


def test_they_are_no_part_of_the_text_that_is_sent_once() -> None:
    bare = read(text(SUBJECT)).issue
    full = read(text(SUBJECT, "article: https://example.org/", "themes: rust", "draft: yes")).issue
    assert bare
    assert full
    assert bare.content_hash == full.content_hash


@pytest.mark.parametrize(
    ("line", "rule"),
    [
        ("article: example.org/rust", "article-address"),
        ("article: www.example.org", "article-address"),
        ("article: mailto:anna@example.org", "article-address"),
        ("article: /rust/", "article-address"),
        ("article: https://", "article-address"),
        ("article: https://[", "article-address"),
        ("article: https://example.org/een pagina", "article-address"),
        ("article: [[adres van het artikel]]", "gap"),
        ("themes: ###", "theme-invalid"),
        ("audience: maandelijks", "audience-invalid"),
        ("audience:", "audience-invalid"),
        ("themes: rust; " + "x" * 41, "theme-invalid"),
        ("themes: [rust, ruimte]", "yaml-value"),
        ("allow: almost-list", "allow-invalid"),
        ("allow: almost-list, table (zo)", "allow-invalid"),
        ("allow: almost-list ()", "allow-invalid"),
        ("allow: almost-list (zo) table (zo)", "allow-invalid"),
        ("allow: Almost List (zo)", "allow-invalid"),
        ("allow: (zo)", "allow-invalid"),
        ("preheader: [[een zin]]", "gap"),
    ],
)
def test_a_wrong_article_theme_or_waiver_is_reported(line: str, rule: str) -> None:
    found = read(text(SUBJECT, line)).findings
    assert [(f.line, f.rule) for f in found] == [(3, rule)]


def test_waivers_are_read_with_their_reasons() -> None:
    draft = read(text(SUBJECT, "allow: table (een, echte), almost-list(zo is het),"))
    assert draft.findings == ()
    assert draft.allowed == (
        Waiver("table", "een, echte", 3),
        Waiver("almost-list", "zo is het", 3),
    )


@pytest.mark.parametrize("line", ["article:", "themes:", "allow:", "themes: , ,"])
def test_an_empty_value_is_none(line: str) -> None:
    assert read(text(SUBJECT, line)).findings == ()
