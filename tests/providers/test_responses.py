"""What each status means, and what may be repeated of a provider's words."""

from __future__ import annotations

import time
from email.utils import formatdate

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsletter.model import Recipient, RequestRefused, RetryLater, Unknown
from newsletter.providers import responses
from newsletter.providers.http import HttpResponse


@pytest.mark.parametrize(
    ("meaning", "statuses"),
    [
        (type(None), (200, 201, 202, 204, 299)),
        (
            RequestRefused,
            (400, 401, 402, 403, 404, 405, 410, 413, 415, 422, 451, 301, 302, 307, 308),
        ),
        (RetryLater, (420, 421, 425, 429)),
        (Unknown, (408, 409, 418, 499, 500, 501, 502, 503, 504, 520, 599, 303, 304, 600)),
    ],
)
def test_a_status_means_accepted_rejected_retry_later_or_unknown(
    meaning: type, statuses: tuple[int, ...]
) -> None:
    for status in statuses:
        assert type(responses.failure_of(HttpResponse(status, {}, b""))) is meaning, status


def test_503_is_temporary_only_with_retry_after() -> None:
    later = responses.failure_of(HttpResponse(503, {"retry-after": "7"}, b""))
    assert later == RetryLater("the provider accepts nothing now (503)", 7.0)


def test_an_unreachable_url_points_to_the_setting() -> None:
    said = responses.failure_of(HttpResponse(404, {}, b""))
    assert said
    assert "provider_url" in said.reason


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"retry-after": "30"}, 30),
        ({"retry-after": " 0 "}, 0),
        ({"retry-after": "1.5"}, 1.5),
        ({"retry-after": "86400"}, 86400),
        ({"retry-after": "-5"}, None),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "9" * 400}, None),
        ({"retry-after": "inf"}, None),
        ({"retry-after": "Sun, 06 Nov 1994 08:49:37 GMT"}, 0),
        ({"retry-after": "Sun, 99 Nov 1994 08:49:37 GMT"}, None),
        ({"ratelimit-reset": "4"}, 4),
        ({"retry-after": "2", "ratelimit-reset": "4"}, 2),
        ({"retry-after": "soon", "ratelimit-reset": "4"}, 4),
    ],
)
def test_how_long_to_wait_is_read_in_every_form(
    headers: dict[str, str], seconds: float | None
) -> None:
    assert responses.wait(headers) == seconds


@pytest.mark.parametrize("usegmt", [True, False])
def test_a_date_is_turned_into_seconds(*, usegmt: bool) -> None:
    asked = responses.wait({"retry-after": formatdate(time.time() + 90, usegmt=usegmt)})
    assert asked is not None
    assert 60 < asked <= 90


def test_the_oldest_form_of_a_date_means_gmt(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    time.tzset()
    try:
        asked = responses.wait({"retry-after": time.asctime(time.gmtime(time.time() + 90))})
    finally:
        monkeypatch.delenv("TZ")
        time.tzset()
    assert asked is not None
    assert 60 < asked <= 90


@pytest.mark.parametrize(
    ("said", "quoted"),
    [
        ("The example.org domain is not verified.", "The example.org domain is not verified."),
        ("Invalid `to`: anna@example.org", "Invalid `to`: …"),
        ("Zoë <zoe@example.org> is\r\nnot\tgood\x00\x1b[31m", "Zoë is not good [31m"),
        ("Cannot DELETE /suppressions/zoe%40example.org now", "Cannot DELETE … now"),
        ("Not good: zoe&#64;example.org, zoe&#x40;example.org", "Not good: … …"),
        ("Key re_8fjK29_d8Kd02kD93kdl29sKqw is bad", "Key … is bad"),
        ("Key s3cret is bad", "Key … is bad"),
        ("<!doctype html><p>Hello", "Hello"),
        *(
            (f"No anna{sign}example.org here", "No … here")
            for sign in (
                *("@", " @ ", "@ ", "(at)", " (at) ", "[at]", " [ AT ] ", "{at}", "<at>", "(@)"),
                *("%40", "%2540", "%252540", "&#64;", "&#064;", "&#x40;", "&#X0040;", "&commat;"),
                *("&amp;#64;", "&amp;commat;", "&amp;amp;#x40;", "\uff20", "\ufe6b", "\\u0040"),
                *("\\\\u0040", "\\x40", "\\u{40}", "=40", "+AEA-", "\u200b@", "@\u2060", "\t@\n"),
            )
        ),
        ('No "anna jansen"@example.org here', "No … here"),
        ("Size=40960 is too much", "Size=40960 is too much"),
        ("Bad name Siân, or SIÂN, or siân.", "Bad name …, or …, or siân."),
        ("For Annabel and annabel: Annabella", "For … and …: Annabella"),
        ("Dear Anna Maria van Dam: o'brien, O'Brien", "Dear … Maria van Dam: …, …"),
        (None, ""),
        (["a"], ""),
        (7, ""),
    ],
)
def test_a_providers_words_are_quoted_without_what_must_not_be_shown(
    said: object, quoted: str
) -> None:
    hide = ["s3cret", "", "Siân", "Annabel", "Anna", "O'Brien"]
    assert responses.quote(said, hide) == quoted


def test_what_a_provider_may_echo_of_a_request_is_hidden_in_parts_too() -> None:
    subscriber = Recipient(
        "0123", "anna.jansen@example.org", "Dag Annelies,", "https://x.example/u/1"
    )
    said = "Dag Annelies, ANNELIES and annelies; anna.jansen, re_key, Anna; https://x.example/u/1"
    quoted = responses.quote(said, responses.secrets([subscriber], "re_key"))
    assert quoted == "… … and …; …, …, Anna; …"


@pytest.mark.parametrize("email", ["a@example.org", "40@example.org", "to.p@example.org"])
def test_a_short_name_does_not_cut_other_words(email: str) -> None:
    hide = responses.secrets([Recipient("0123", email, "Dag A,", "https://x.example/u/1")])
    said = "to parameter is not a valid address (error 4000)"
    assert responses.quote(said, hide) == said


@pytest.mark.parametrize("body", [b"<!DOCTYPE html><p>Attention", b"  <html><head>", b""])
@pytest.mark.parametrize("status", [401, 402, 403])
def test_a_page_from_something_in_between_is_not_the_providers_word(
    status: int, body: bytes
) -> None:
    headers = {} if body else {"content-type": "text/html; charset=UTF-8"}
    said = responses.failure_of(HttpResponse(status, headers, body))
    assert isinstance(said, RequestRefused)
    assert "key or account" not in said.reason
    assert "a proxy, a firewall" in said.reason
    assert not said.divisible
    own = responses.failure_of(
        HttpResponse(status, {"content-type": "application/json"}, b'{"message":"no"}')
    )
    assert isinstance(own, RequestRefused)
    assert "key or account" in own.reason


@pytest.mark.parametrize(
    "said",
    [
        *("a" * 1_000_000, "a@" * 500_000, "<" * 1_000_000, "&amp;" * 200_000, " (at" * 250_000),
        *("%25" * 333_333, "\\" * 1_000_000, '"a' * 500_000, "a.a-" * 250_000, "x " * 500_000),
    ],
    ids=lambda said: said[:5],
)
def test_a_quote_of_a_million_characters_takes_no_longer_than_one_of_two_thousand(
    said: str,
) -> None:
    hide = [f"secret{number}" for number in range(100)]
    for _ in range(20):
        assert len(responses.quote(said, hide)) <= 200


def test_no_part_of_an_address_or_a_name_is_left_where_a_text_is_cut() -> None:
    for before in range(1_900, 2_010):
        quoted = responses.quote("<" + "b" * before + "> no anna@example.org", [])
        assert "anna" not in quoted


@given(st.text(max_size=600))
def test_a_quote_is_one_short_line_whatever_was_said(said: str) -> None:
    quoted = responses.quote(said + " anna@example.org s3cret " + said, ["s3cret"])
    assert len(quoted) <= 200
    assert not quoted or quoted.isprintable()
    assert "anna@" not in quoted
    assert "s3cret" not in quoted
