from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsletter import tokens
from newsletter.store.sql import new_id

SUBSCRIBER, MAILING = "a" * 32, "b" * 32


def test_a_token_names_subscriber_and_mailing_and_nothing_else() -> None:
    subscriber, mailing = new_id(), new_id()
    token = tokens.unsubscribe_token("key", subscriber, mailing)
    assert tokens.read_unsubscribe_token(["key"], token) == (subscriber, mailing)
    payload = base64.urlsafe_b64decode(token.split(".")[0] + "=")
    assert len(payload) == 32
    assert len(token) == 87


def test_the_same_letter_has_the_same_token() -> None:
    first = tokens.unsubscribe_token("key", SUBSCRIBER, MAILING)
    assert first == tokens.unsubscribe_token("key", SUBSCRIBER, MAILING)
    assert first != tokens.unsubscribe_token("other", SUBSCRIBER, MAILING)


@pytest.mark.parametrize("signed_with", ["new", "older", "oldest"])
def test_every_key_of_the_list_verifies(signed_with: str) -> None:
    token = tokens.unsubscribe_token(signed_with, SUBSCRIBER, MAILING)
    assert tokens.read_unsubscribe_token(["new", "older", "oldest"], token)
    assert not tokens.read_unsubscribe_token(["another"], token)


MADE = {
    "leave": tokens.unsubscribe_token("key", SUBSCRIBER, MAILING),
    "confirm": tokens.confirm_token("key", SUBSCRIBER),
    "preferences": tokens.preferences_token("key", SUBSCRIBER, 1_796_000_000),
    "address": tokens.address_token("key", SUBSCRIBER, 1_796_000_000),
}
READ = {
    "leave": tokens.read_unsubscribe_token,
    "confirm": tokens.read_confirm_token,
    "preferences": tokens.read_preferences_token,
    "address": tokens.read_address_token,
}


@pytest.mark.parametrize("purpose", READ)
def test_a_token_is_good_for_one_purpose(purpose: str) -> None:
    good = [made for made, token in MADE.items() if READ[purpose](["key"], token)]
    assert good == [purpose]


def test_a_token_of_the_same_content_is_good_for_its_purpose_only() -> None:
    token = tokens.address_token("key", SUBSCRIBER, 5)
    other = tokens.preferences_token("key", SUBSCRIBER, 5)
    assert token.partition(".")[0] == other.partition(".")[0]
    assert tokens.read_address_token(["key"], token) == (SUBSCRIBER, 5)
    assert tokens.read_preferences_token(["key"], token) is None


EARLIER = {
    "leave": (
        "qqqqqqqqqqqqqqqqqqqqqru7u7u7u7u7u7u7u7u7u7s.b8Qv0utjhhJbXIuQe8K8mMbjp6AqEwZ94dmKxJudLOs"
    ),
    "confirm": "qqqqqqqqqqqqqqqqqqqqqg.WrUWt68ZJ6yOhgDgj14e6CtyP_Ion9nTYbkCfwEScTE",
    "preferences": ("qqqqqqqqqqqqqqqqqqqqqgAAAABrDMkA.ZZl7RlkJgy9_HX9OU2DHROH2w9a-vqchYHeAXnQYbWA"),
    "address": "qqqqqqqqqqqqqqqqqqqqqgAAAABrDMkA.i3h8GgHisgmnHRZVObgwBJDxtWNMZZoSQ7Wm_43DQJ8",
}
"""Tokens that the program made before it was released, of the same ids and moments as `MADE`."""
EARLIER_STAMP = (
    "AAABoinxKABodHRwczovL2V4YW1wbGUub3JnL8Op.mT-NUfzgM_At0Es_1ovjSKo9nRQQSTZM50nNyNgrZmg"
)


def test_links_in_letters_that_were_sent_go_on_working() -> None:
    assert MADE == EARLIER
    stamp = (1_796_000_000_000, "https://example.org/é")
    assert tokens.form_stamp("key", *stamp) == EARLIER_STAMP
    assert tokens.read_form_stamp(["key"], EARLIER_STAMP) == stamp


def test_the_end_of_a_link_is_signed_with_it() -> None:
    token = tokens.preferences_token("key", SUBSCRIBER, 1_796_000_000)
    assert tokens.read_preferences_token(["key"], token) == (SUBSCRIBER, 1_796_000_000)
    later = tokens.preferences_token("key", SUBSCRIBER, 1_796_000_001)
    forged = later.partition(".")[0] + "." + token.partition(".")[2]
    assert tokens.read_preferences_token(["key"], forged) is None


@pytest.mark.parametrize(
    "damage",
    [
        lambda _token: "",
        lambda token: token[:-1],
        lambda token: token[1:],
        lambda token: token + "A",
        lambda token: token + "=",
        lambda token: token.replace(".", ""),
        lambda token: token + "\0",
        lambda token: token * 200,
        lambda token: token[:10] + "é" + token[11:],
        lambda token: ("B" if token[0] == "A" else "A") + token[1:],
    ],
)
def test_a_damaged_token_is_refused_without_an_exception(damage: object) -> None:
    assert callable(damage)
    token = tokens.unsubscribe_token("key", SUBSCRIBER, MAILING)
    assert tokens.read_unsubscribe_token(["key"], damage(token)) is None


@given(st.text(max_size=300))
def test_no_text_is_a_token(text: str) -> None:
    assert tokens.read_unsubscribe_token(["key"], text) is None


def test_a_fingerprint_distinguishes_keys_and_reveals_nothing() -> None:
    assert tokens.fingerprint("one") != tokens.fingerprint("two")
    assert "one" not in tokens.fingerprint("one")
