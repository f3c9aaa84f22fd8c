"""What each status means, and what may be repeated of a provider's words."""

from __future__ import annotations

import time
from email.utils import formatdate

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsletter.model import Refused, RetryLater, Unknown
from newsletter.providers import replies
from newsletter.providers.wire import Reply


@pytest.mark.parametrize(
    ("meaning", "statuses"),
    [
        (type(None), (200, 201, 202, 204, 299)),
        (Refused, (400, 401, 402, 403, 404, 405, 410, 413, 415, 422, 451, 301, 302, 307, 308)),
        (RetryLater, (420, 421, 425, 429)),
        (Unknown, (408, 409, 418, 499, 500, 501, 502, 503, 504, 520, 599, 303, 304, 600)),
    ],
)
def test_a_status_means_taken_refused_later_or_nobody_knows(
    meaning: type, statuses: tuple[int, ...]
) -> None:
    for status in statuses:
        assert type(replies.verdict(Reply(status, {}, b""))) is meaning, status


def test_503_passes_only_if_it_says_when() -> None:
    later = replies.verdict(Reply(503, {"retry-after": "7"}, b""))
    assert later == RetryLater("the provider takes nothing just now (503)", 7.0)


def test_an_address_that_leads_nowhere_points_to_the_setting() -> None:
    said = replies.verdict(Reply(404, {}, b""))
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
    assert replies.wait(headers) == seconds


@pytest.mark.parametrize("usegmt", [True, False])
def test_a_date_is_turned_into_seconds(*, usegmt: bool) -> None:
    asked = replies.wait({"retry-after": formatdate(time.time() + 90, usegmt=usegmt)})
    assert asked is not None
    assert 60 < asked <= 90


def test_the_oldest_form_of_a_date_means_gmt(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    time.tzset()
    try:
        asked = replies.wait({"retry-after": time.asctime(time.gmtime(time.time() + 90))})
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
        (None, ""),
        (["a"], ""),
        (7, ""),
    ],
)
def test_a_providers_words_are_quoted_without_what_must_not_be_shown(
    said: object, quoted: str
) -> None:
    assert replies.quote(said, ["s3cret", ""]) == quoted


@given(st.text(max_size=600))
def test_a_quote_is_one_short_line_whatever_was_said(said: str) -> None:
    quoted = replies.quote(said + " anna@example.org s3cret " + said, ["s3cret"])
    assert len(quoted) <= 200
    assert not quoted or quoted.isprintable()
    assert "anna@" not in quoted
    assert "s3cret" not in quoted
