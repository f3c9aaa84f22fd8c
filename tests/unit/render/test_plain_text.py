from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsletter import placeholders
from newsletter.render.text_wrap import underline, wrap

LONG = "https://example.org/" + "heel-lang/" * 30


def test_lines_are_at_most_72_columns_and_words_stay_whole() -> None:
    text = " ".join(["vasthouden"] * 50)
    lines = wrap(text).split("\n")
    assert max(map(len, lines)) <= 72
    assert " ".join(lines) == text


def test_an_address_longer_than_a_line_stays_whole() -> None:
    assert wrap(f"Lees {LONG} en rust").split("\n") == ["Lees", LONG, "en rust"]


def test_a_placeholder_stays_whole_and_hyphens_do_not_break() -> None:
    words = f"{'x' * 70} {placeholders.GREETING} wit-zwart-{'y' * 65}"
    assert wrap(words).split("\n") == ["x" * 70, placeholders.GREETING, f"wit-zwart-{'y' * 65}"]


def test_the_number_of_a_link_stays_with_its_word() -> None:
    assert wrap("a " * 32 + "woorden [12]. Zo").split("\n")[1] == "woorden [12]. Zo"


def test_margins_count_and_hang() -> None:
    lines = wrap("een twee drie vier", first="1. ", rest="   ", width=11).split("\n")
    assert lines == ["1. een twee", "   drie", "   vier"]


def test_line_breaks_are_kept_and_no_line_ends_in_a_space() -> None:
    assert wrap("een \n twee\n\ndrie", first="> ") == "> een\n> twee\n>\n> drie"


def test_wide_characters_take_two_columns_and_combining_ones_none() -> None:
    assert wrap("禅 禅 禅", width=5).split("\n") == ["禅 禅", "禅"]
    assert wrap("e\u0301e\u0301 e\u0301e\u0301", width=5) == "e\u0301e\u0301 e\u0301e\u0301"


@pytest.mark.parametrize("line", ["> citaat", "-- ", "--", "From nu af", ">", "-- Gerrit"])
def test_prose_cannot_look_like_a_quotation_a_signature_or_a_separator(line: str) -> None:
    assert wrap(line) == f" {line}".rstrip()
    assert wrap(f"Zo\n{line}") == f"Zo\n {line}".rstrip()


def test_wrapping_cannot_make_such_a_line_either() -> None:
    assert wrap("en > dan", width=3).split("\n") == ["en", " >", "dan"]


@given(st.text(st.characters(exclude_categories=["Cs", "Cc", "Zl", "Zp"]), max_size=300))
def test_wrapping_loses_nothing_but_spaces(text: str) -> None:
    assert "".join(wrap(text).split()) == "".join(text.split())


def test_a_heading_is_underlined_as_far_as_it_goes() -> None:
    assert underline("Rust") == "Rust\n----"
    assert underline("禅", "=") == "禅\n==="
    assert underline("a" * 40 + " " + "b" * 40).split("\n")[-1] == "-" * 40
