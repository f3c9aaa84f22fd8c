"""Names that strangers type: what is one, and what is never taken for one."""

from __future__ import annotations

import pytest

from newsletter.addresses import VISITOR_NAME_LIMIT, visitor_name


@pytest.mark.parametrize(
    "name",
    [
        "Anna",
        "Zoë",
        "Jean-Pierre",
        "J.P.",
        "St. John",
        "d'Artagnan",
        "O’Brien",
        "Анна",
        "ผู้หญิง",
        "  Anna   Maria  ",
        "x" * VISITOR_NAME_LIMIT,
    ],
)
def test_a_name_is_a_name(name: str) -> None:
    assert visitor_name(name) == " ".join(name.split())


@pytest.mark.parametrize("name", ["", "   ", "\n"])
def test_no_name_is_none(name: str) -> None:
    assert visitor_name(name) is None


@pytest.mark.parametrize(
    "name",
    [
        "<b>Anna</b>",
        "Anna & co",
        "http://spam.example",
        "spam.example",
        "WWW.spam",
        "Win 1000 euro!",
        "anna@example.org",
        "{{ 7*7 }}",
        "Anna\u202e",
        "=1+1",
        "-",
        "...",
        "x" * (VISITOR_NAME_LIMIT + 1),
        "x" * 10_000,
        "🎉",
        "\u200b",
    ],
)
def test_what_is_no_name_is_refused(name: str) -> None:
    if name == "Anna\u202e":  # what turns a text's direction is taken off, as everywhere
        assert visitor_name(name) == "Anna"
        return
    with pytest.raises(ValueError, match="name"):
        visitor_name(name)
