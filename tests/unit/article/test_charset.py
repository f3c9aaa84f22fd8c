"""Which character set bytes are in."""

from __future__ import annotations

import pytest

from newsletter.article.charset import decode

TEXT = "Eén “rustige” dag – café, coöperatie, € 5"
LATIN = "Eén rustige dag: café, coöperatie"


@pytest.mark.parametrize("name", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
def test_a_text_is_read_whatever_wrote_it(name: str) -> None:
    assert decode(TEXT.encode(name)) == TEXT


def test_utf_16_without_a_mark_is_read_if_the_server_says_so() -> None:
    assert decode(TEXT.encode("utf-16-le"), "text/plain; charset=utf-16le") == TEXT


@pytest.mark.parametrize(
    "declared",
    ["iso-8859-1", "windows-1252", "ISO_8859-1", "us-ascii", "utf-8", "utf8", '"utf-8"', "x-none"],
)
@pytest.mark.parametrize("actual", ["utf-8", "cp1252"])
def test_a_server_that_is_wrong_about_latin_or_utf_8_does_no_harm(
    declared: str, actual: str
) -> None:
    assert decode(TEXT.encode(actual), f"text/html; charset={declared}") == TEXT


@pytest.mark.parametrize("name", ["iso-8859-15", "koi8-r", "shift_jis", "windows-1250", "macroman"])
def test_what_a_server_says_counts_for_other_sets(name: str) -> None:
    text = {"koi8-r": "спокойно", "shift_jis": "静か", "windows-1250": "klidný večer"}.get(
        name, LATIN
    )
    assert decode(text.encode(name), f"text/html; Charset={name}") == text


@pytest.mark.parametrize(
    "head",
    [
        '<?xml version="1.0" encoding="iso-8859-15"?>',
        "<?xml version='1.0' encoding='ISO-8859-15' standalone='yes'?>",
        '<meta charset="iso-8859-15">',
        "<META CHARSET=iso-8859-15 />",
        '<meta http-equiv="Content-Type" content="text/html; charset=iso-8859-15">',
        '<meta content="text/html;charset=iso-8859-15" http-equiv="content-type">',
    ],
)
def test_what_a_page_says_of_itself_counts(head: str) -> None:
    page = f"<!doctype html>\n{head}<p>€ 5, café"
    assert decode(page.encode("iso-8859-15")) == page


def test_the_server_wins_from_the_page() -> None:
    page = "<meta charset=iso-8859-15>спокойно"
    assert decode(page.encode("koi8-r"), "text/html; charset=koi8-r") == page


def test_a_page_that_says_it_is_utf_16_in_letters_that_can_be_read_is_not() -> None:
    page = '<meta charset="utf-16"><p>Eén dag'
    assert decode(page.encode()) == page


@pytest.mark.parametrize("name", ["unicode_escape", "utf-7", "rot13", "zip", "idna", "undefined"])
def test_a_codec_that_is_no_character_set_is_not_used(name: str) -> None:
    raw = rb"<p>\x41 +AEE-"
    assert decode(raw, f"text/html; charset={name}") == raw.decode()


def test_bytes_of_no_set_are_read_with_signs_for_what_is_lost() -> None:
    assert decode(b"caf\xe9 \x81") == "café �"
    assert decode(b"\xff\xfea\0b") == "a�"
    assert decode(b"") == ""


CUT = "Eén dag – café, coöperatie 🌿".encode()[:-1]


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (CUT, ""),
        (CUT, "text/html; charset=utf-8"),
        (b"<meta charset=utf-8>" + CUT, ""),
        ("Rust 🌿".encode()[:-1] + b" voor allen", "text/html; charset=utf-8"),
        ("Eén ".encode() + b"\xff dag", "text/html; charset=utf-8"),
    ],
)
def test_half_an_emoji_does_not_spoil_the_rest(body: bytes, content_type: str) -> None:
    text = decode(body, content_type)
    assert text.count("�") == 1
    assert "Ã" not in text
    assert "ð" not in text


def test_a_page_in_windows_1252_with_one_sequence_that_could_be_utf_8() -> None:
    text = "Café, coöperatie, één: É“ – “rust”"
    assert decode(text.encode("cp1252")) == text
    assert decode(text.encode("cp1252"), "text/html; charset=utf-8") == text
