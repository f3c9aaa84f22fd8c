"""Links that were changed on their way: what is left behind after a token, and any query string."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import pytest

from newsletter import tokens
from newsletter.delivery.web_self_test import _QUERIES
from newsletter.web.links import query_names, repair
from tests.integration.web.test_links import DOORS, Hall, knock
from tests.integration.web.test_signup import ask, heading
from tests.support.parameters import choose_named
from tests.support.subscribers import sql
from tests.support.web_server import (
    KEY,
    ONE_CLICK,
    PROOF,
    STILL,
    SubscriberList,
    preferences_link,
    serving,
    subscriber_list,
    unsubscribe_link,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.support.web_server import App

# As a browser or a mail program sends it: percent-encoded.
LEFT_BEHIND = {
    "full stop": ".",
    "ellipsis": "%E2%80%A6",
    "comma": ",",
    "semicolon": ";",
    "colon": ":",
    "exclamation mark": "!",
    "bracket": ")",
    "bracket and full stop": ").",
    "angle bracket": "%3E",
    "angle bracket, raw": ">",
    "square bracket": "]",
    "brace": "%7D",
    "double quote": "%22",
    "single quote": "'",
    "curly quotes": "%E2%80%9D%E2%80%99",
    "guillemet": "%C2%BB",
    "star": "*",
    "underscore": "_",
    "hyphen": "-",
    "backslash": "%5C",
    "backtick": "%60",
    "pipe": "%7C",
    "space": "%20",
    "plus": "+",
    "no-break space": "%C2%A0",
    "narrow no-break space": "%E2%80%AF",
    "ideographic space": "%E3%80%80",
    "line break": "%0D%0A",
    "tab": "%09",
    "zero-width space": "%E2%80%8B",
    "zero-width joiner": "%E2%80%8D",
    "zero-width no-break space": "%EF%BB%BF",
    "word joiner": "%E2%81%A0",
    "soft hyphen": "%C2%AD",
    "right-to-left mark": "%E2%80%8F",
    "grapheme joiner": "%CD%8F",
    "quoted-printable break": "=",
    "quoted-printable space": "=20",
    "quoted-printable line": "=0D=0A",
    "quoted-printable sign": "=3D",
    "encoded twice": "%2520",
    "entity": "&gt;",
    "entity of a no-break space": "&nbsp;",
    "numbered entity": "%26%2362;",
    "all at once": "%22).%C2%A0%E2%80%8B=20",
}
QUERIES = {
    "bare": "{}",
    "with a sign": "{}=",
    "with a value": "{}=1",
    "before another": "{}&utm_source=brief",
    "after another": "utm_source=brief&{}",
    "between others": "a=b&{}=&c=d",
    "twice": "{0}&{0}=1",
    "semicolons": "a=b;{};c=d",
    "another added by a question mark": "{}?utm_source=brief",
    "after a question mark": "utm_source=brief?{}",
    "empty parts": "&&{}&",
    "followed by a full stop": "{}.",
    "followed by a space": "{}%20",
    "an HTML entity": "{}&amp;utm_source=brief",
}
USUAL_SIGNS = ("full stop", "no-break space", "zero-width space", "quoted-printable line")
USUAL_QUERIES = ("bare", "before another", "semicolons", "an HTML entity")
PASSED_OVER = ("utm_source=brief", "fbclid=x&gclid=y", "a", "=", "&", "voorkeur", "mijnvoorkeuren")


def encoded(name: str) -> str:
    """Return a name as nobody has to write it."""
    return f"%{ord(name[0]):02X}{name[1:]}"


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Hall, App]]:
    root = tmp_path_factory.mktemp("links")
    (root / "newsletter.toml").write_text('name = "Proefbrief"\n', encoding="utf-8")
    hall = Hall(root)
    with serving(root, limits=STILL) as app:
        yield hall, app
    hall.store.close()


@pytest.fixture
def subscribers(root: Path) -> SubscriberList:
    return subscriber_list(root)


@pytest.fixture
def app(root: Path, subscribers: SubscriberList) -> Iterator[App]:
    assert subscribers
    with serving(root, limits=STILL) as app:
        yield app


# Tokens


@pytest.mark.parametrize("left", choose_named(LEFT_BEHIND, always=USUAL_SIGNS))
def test_characters_after_a_token_are_ignored(left: str, shared: tuple[Hall, App]) -> None:
    hall, app = shared
    before = hall.everything()
    for door, at in DOORS.items():
        good = at.path + hall.token(door)
        for method in ("GET", "HEAD"):
            head, said = knock(app, method, good + left)
            assert head.startswith(b"HTTP/1.1 200 "), door
            assert said == knock(app, method, good)[1]
    assert hall.everything() == before


@pytest.mark.parametrize("left", [".", "%3E", "%E2%80%8B", "=20", "%C2%A0"])
def test_the_button_of_such_a_link_does_what_that_of_the_link_does(
    left: str, app: App, subscribers: SubscriberList
) -> None:
    token = subscribers.add("anna")
    assert app.unsubscribe(token + left).status_code == 200
    assert subscribers.status("anna") == "unsubscribed"


@pytest.mark.parametrize("unseen", ["%C2%AD", "%E2%80%8B", "=%0D%0A"])
def test_invisible_characters_within_a_token_are_ignored(
    unseen: str, app: App, subscribers: SubscriberList
) -> None:
    token = subscribers.add("anna")
    assert app.unsubscribe(token[:40] + unseen + token[40:]).status_code == 200
    assert subscribers.status("anna") == "unsubscribed"


@pytest.mark.parametrize("left", ["A", ".A", "%20Groet", "&copy=1", "%00", "%EF%BF%BD", "%C3%A9"])
def test_what_says_more_than_a_sign_is_still_no_link(left: str, shared: tuple[Hall, App]) -> None:
    hall, app = shared
    for door, at in DOORS.items():
        head, _ = knock(app, "GET", at.path + hall.token(door) + left)
        assert head.startswith(b"HTTP/1.1 404 "), door


def test_of_a_signature_only_our_own_spelling_counts() -> None:
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    good = tokens.unsubscribe_token("key", "a" * 32, "b" * 32)
    taken = [one for one in letters if tokens.read_unsubscribe_token(["key"], good[:-1] + one)]
    assert taken == [good[-1]]


def test_a_very_long_address_is_looked_at_no_further() -> None:
    assert repair(tokens.PATTERN, "." * 100_000) == "." * 100_000
    assert repair(tokens.PATTERN, PROOF + "." * 100) == PROOF


# Queries


@pytest.mark.parametrize("query", choose_named(QUERIES, always=USUAL_QUERIES))
@pytest.mark.parametrize("spelled", [str, encoded], ids=["plain", "encoded"])
def test_who_asks_for_preferences_is_never_unsubscribed(
    spelled: type[str], query: str, app: App, subscribers: SubscriberList
) -> None:
    token = subscribers.add("anna")
    path = f"/u/{token}?{query.format(spelled('voorkeuren'))}"
    head, said = knock(app, "POST", path)
    assert head.startswith(b"HTTP/1.1 200 ")
    assert "Kijk in je mailbox" in said.decode()
    assert subscribers.status("anna") == "active"
    assert sql(subscribers.store, "SELECT kind FROM notices") == [("preferences",)]


@pytest.mark.parametrize("query", PASSED_OVER)
def test_other_parameters_keep_nobody_from_unsubscribing_by_one_click(
    query: str, app: App, subscribers: SubscriberList
) -> None:
    token = subscribers.add("anna")
    assert app.unsubscribe(f"{token}?{query}").status_code == 200
    assert subscribers.status("anna") == "unsubscribed"


@pytest.mark.parametrize("query", choose_named(QUERIES, always=USUAL_QUERIES))
def test_own_data_and_erasure_are_found_in_every_spelling(
    query: str, shared: tuple[Hall, App]
) -> None:
    hall, app = shared
    path = f"/p/{hall.token('preferences')}"
    before = hall.everything()
    for spelled in (str, encoded):
        data = app.client.get(f"{path}?{query.format(spelled('gegevens'))}")
        assert data.headers["content-type"] == "application/json"
        asked = app.client.get(f"{path}?{query.format(spelled('vergeten'))}")
        assert heading(asked) == "Wil je dat we je vergeten?"
    for other in PASSED_OVER:
        assert heading(app.client.get(f"{path}?{other}")) == "Je voorkeuren"
    assert hall.everything() == before


def test_a_link_that_confirms_and_the_form_take_no_notice_of_a_query(
    app: App, subscribers: SubscriberList
) -> None:
    for n, query in enumerate(("utm_source=brief", "voorkeuren", "email=b@example.org")):
        assert app.client.get(f"/?{query}").status_code == 200
        answer = ask(app, f"anna{n}@example.org", path=f"/subscribe?{query}")
        assert heading(answer) == "Kijk in je mailbox"
    for (signup,) in sql(subscribers.store, "SELECT public_id FROM signups"):
        path = f"/c/{tokens.confirm_token(KEY, str(signup))}?utm_source=brief&voorkeuren="
        assert heading(app.client.get(path)) == "Bevestig je aanmelding"
        assert heading(app.client.post(path)) == "Welkom, je staat op de lijst"
    assert sql(subscribers.store, "SELECT DISTINCT status FROM subscribers") == [("active",)]


@pytest.mark.parametrize("value", [b"", b"&" * 9000, b"%", b"%zz", b"\xff", b"voorkeuren%00"])
def test_no_query_is_an_error(value: bytes) -> None:
    assert "voorkeuren" not in query_names({"query_string": value})


# Targets that are whole URLs (RFC 9112, section 3.2.2)


@pytest.mark.parametrize("front", ["http://brief.example.org", "HTTPS://a:8000", "http://[::1]:80"])
def test_a_target_may_be_a_whole_url(front: str, app: App, subscribers: SubscriberList) -> None:
    token = subscribers.add("anna")
    assert knock(app, "GET", f"{front}/healthz")[0].startswith(b"HTTP/1.1 200 ")
    assert knock(app, "GET", front)[0].startswith(b"HTTP/1.1 200 ")
    assert knock(app, "GET", f"{front}/nergens")[0].startswith(b"HTTP/1.1 404 ")
    asked = knock(app, "POST", f"{front}/u/{token}?voorkeuren=")
    assert "Kijk in je mailbox" in asked[1].decode()
    assert subscribers.status("anna") == "active"
    assert knock(app, "POST", f"{front}/u/{token}%2E?utm_source=a")[0].startswith(b"HTTP/1.1 200 ")
    assert subscribers.status("anna") == "unsubscribed"
    assert app.stop() == 0
    assert "POST /u/{token} 200 " in app.said()
    assert "brief.example.org" not in app.said()


# The preflight's own question


def test_the_preflight_distinguishes_a_wrong_answer_from_a_right_one(
    app: App, subscribers: SubscriberList
) -> None:
    before = sql(subscribers.store, "SELECT * FROM subscribers")
    left = app.client.post(f"/u/{PROOF}", data=ONE_CLICK).content
    for query in _QUERIES:
        assert app.client.get(f"/u/{PROOF}?{query}").status_code == 200
        assert app.client.post(f"/u/{PROOF}?{query}").content != left
    assert sql(subscribers.store, "SELECT * FROM subscribers") == before
    assert sql(subscribers.store, "SELECT * FROM notices") == []


def test_every_link_of_ours_is_its_own_best_spelling() -> None:
    for link in (unsubscribe_link("a" * 32), preferences_link("b" * 32)):
        token = link.rpartition("/")[2]
        assert repair(tokens.PATTERN, token) is token
    assert len({*itertools.chain(LEFT_BEHIND.values())}) == len(LEFT_BEHIND)
