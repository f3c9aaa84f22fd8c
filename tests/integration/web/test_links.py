"""What a link must not do, at every address that takes one: /u/, /c/ and /p/, of both kinds.

Each is tried with tokens that are none or are of something else, and with bodies that no form of
ours has. Nothing changes in any table, and the answer says the same as to any nonsense.
"""

from __future__ import annotations

import re
import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import pytest

from newsletter import tokens
from newsletter.subscriptions import admin as list_
from newsletter.subscriptions import preferences
from newsletter.subscriptions.signup import request_signup
from tests.integration.web.test_signup import stamp
from tests.support.newsletter import raw
from tests.support.signups import VIA, open_link, signup_request
from tests.support.subscribers import sql
from tests.support.web_server import KEY, STILL, App, serving, subscriber_list

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

FORM = "Content-Type: application/x-www-form-urlencoded"
IN_A_WHILE = int(time.time()) + 24 * 3600


@dataclass(frozen=True)
class Door:
    """An address that takes a token.

    Attributes:
        path: What stands before the token.
        sign: Returns the token of an id, by a key.
        pressed: What its button posts.
    """

    path: str
    sign: Callable[[str, str], str]
    pressed: str = ""


DOORS = {
    "leave": Door("/u/", lambda key, id_: tokens.unsubscribe_token(key, id_, tokens.RESERVED_ID)),
    "confirm": Door("/c/", tokens.confirm_token),
    "preferences": Door(
        "/p/", lambda key, id_: tokens.preferences_token(key, id_, IN_A_WHILE), "do=erase"
    ),
    "address": Door("/p/", lambda key, id_: tokens.address_token(key, id_, IN_A_WHILE), "do=erase"),
}
with_each_door = pytest.mark.parametrize("door", DOORS)


class Hall:
    """A list on which every door is open to two people, and the app that keeps the doors.

    Attributes:
        ids: By door, what the tokens of the one and of the other name.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self.store = subscriber_list(root).store
        self.ids: dict[str, list[str]] = {door: [] for door in DOORS}
        for name in ("anna", "bas"):
            request_signup(self.store, signup_request(f"nieuwe.{name}@example.org"), VIA)
            self.ids["confirm"].append(open_link(self.store, f"nieuwe.{name}@example.org"))
            list_.add(self.store, f"{name}@example.org", consent="ja", first_name=name)
            public_id = str(self._one("public_id", "subscribers", f"email = '{name}@example.org'"))
            self.ids["leave"].append(public_id)
            self.ids["preferences"].append(public_id)
            preferences.request_address_change(self.store, public_id, f"{name}@elders.example", VIA)
            wanted = f"new_email = '{name}@elders.example'"
            self.ids["address"].append(str(self._one("public_id", "address_changes", wanted)))

    def _one(self, column: str, table: str, where: str) -> object:
        return sql(self.store, f"SELECT {column} FROM {table} WHERE {where}")[0][0]  # noqa: S608

    def token(self, door: str, whose: int = 0, key: str = KEY) -> str:
        return DOORS[door].sign(key, self.ids[door][whose])

    def everything(self) -> list[str]:
        with raw(self.root / ".newsletter" / "newsletter.db") as connection:
            return list(connection.iterdump())

    def rows_of(self, name: str) -> list[str]:
        return [row for row in self.everything() if name in row]


@pytest.fixture
def hall(root: Path) -> Hall:
    return Hall(root)


@pytest.fixture
def app(hall: Hall) -> Iterator[App]:
    with serving(hall.root, limits=STILL) as app:
        yield app


@pytest.fixture(scope="module")
def closed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Hall, App]]:
    """Return a hall and its app for tests in which no door opens: none changes anything."""
    root = tmp_path_factory.mktemp("closed")
    (root / "newsletter.toml").write_text('name = "Proefbrief"\n', encoding="utf-8")
    hall = Hall(root)
    with serving(root, limits=STILL) as app:
        yield hall, app
    hall.store.close()


def knock(app: App, method: str, target: str, body: str = "") -> tuple[bytes, bytes]:
    """Ask for a target as it is written; return head and body of the answer."""
    more = f"{FORM}\r\nContent-Length: {len(body)}\r\n" if method == "POST" else ""
    asked = f"{method} {target} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n{more}\r\n{body}"
    head, _, said = app.talk(asked.encode()).partition(b"\r\n\r\n")
    return head, said


def assert_shut(closed: tuple[Hall, App], path: str, token: str) -> None:
    """See that a token opens nothing, by looking or by pressing whatever there is to press."""
    hall, app = closed
    before = hall.everything()
    nonsense = {knock(app, "GET", target)[1] for target in (f"{path}x", "/nergens")}
    for method, body in (("GET", ""), ("HEAD", ""), *(("POST", body) for body in PRESSED)):
        head, said = knock(app, method, path + token, body)
        assert head.startswith(b"HTTP/1.1 404 ")
        if method == "HEAD":
            assert said == b""
        else:
            assert said in nonsense
            assert b"Deze link werkt niet" in said
        assert b"set-cookie" not in head.lower()
        assert b"\r\nlocation:" not in head.lower()
    assert hall.everything() == before


# What each button posts: behind a door that is shut none may do anything.
PRESSED = ("", "List-Unsubscribe=One-Click", "do=erase", "do=pause&weeks=2")
DAMAGED: Mapping[str, Callable[[str, str], str]] = {
    "cut": lambda good, _: good[:-1],
    "cut in front": lambda good, _: good[1:],
    "half": lambda good, _: good[: len(good) // 2],
    "longer": lambda good, _: f"{good}A",
    "changed": lambda good, _: ("B" if good[0] == "A" else "A") + good[1:],
    "with another's signature": lambda good, other: (
        f"{good.partition('.')[0]}.{other.partition('.')[2]}"
    ),
    "without a signature": lambda good, _: good.partition(".")[0],
    "10 KB": lambda good, _: good * (10_240 // len(good) + 1),
    "NUL": lambda good, _: f"{good}%00",
    "NUL in front": lambda good, _: f"%00{good}",
    "line break": lambda good, _: f"{good}%0d%0aSet-Cookie:%20a=b",
    "line breaks": lambda good, _: f"{good}%0d%0a%0d%0a<script>alert(1)</script>",
    "not ASCII": lambda good, _: f"{good[:-1]}%C3%A9",
    "not UTF-8": lambda good, _: f"{good}%ff",
    "slash": lambda good, _: f"{good[:20]}%2f{good[20:]}",
    "folder": lambda good, _: f"{good}/x",
    "end slash": lambda good, _: f"{good}/",
    "dots": lambda _good, _: "../healthz",
    "space": lambda good, _: f"%20{good}",
    "twice encoded": lambda good, _: good.replace(".", "%252e"),
    "in capitals": lambda good, _: good.swapcase(),
    "empty": lambda _good, _: "",
}


@with_each_door
@pytest.mark.parametrize("damage", DAMAGED)
def test_a_token_that_is_damaged_opens_nothing(
    damage: str, door: str, closed: tuple[Hall, App]
) -> None:
    hall, _ = closed
    token = DAMAGED[damage](hall.token(door), hall.token(door, 1))
    assert_shut(closed, DOORS[door].path, token)


@with_each_door
def test_a_token_of_an_unknown_key_opens_nothing(door: str, closed: tuple[Hall, App]) -> None:
    hall, _ = closed
    assert_shut(closed, DOORS[door].path, hall.token(door, key="another key"))


@pytest.mark.parametrize("of", [*DOORS, "a form"])
@pytest.mark.parametrize("path", ["/u/", "/c/", "/p/"])
def test_a_token_of_another_purpose_opens_nothing(
    path: str, of: str, closed: tuple[Hall, App]
) -> None:
    hall, app = closed
    token = stamp() if of == "a form" else hall.token(of)
    if of in DOORS and DOORS[of].path == path:
        assert app.client.get(path + token).status_code == 200
    else:
        assert_shut(closed, path, token)


@pytest.mark.parametrize(("at", "of"), [("preferences", "address"), ("address", "preferences")])
def test_of_two_tokens_at_one_address_neither_does_what_the_other_does(
    at: str, of: str, closed: tuple[Hall, App]
) -> None:
    # The other's id, rightly signed for this purpose: such a token was never mailed to anybody.
    hall, _ = closed
    assert_shut(closed, "/p/", DOORS[at].sign(KEY, hall.ids[of][0]))


@with_each_door
def test_another_subscribers_token_changes_nothing_for_this_subscriber(
    door: str, hall: Hall, app: App
) -> None:
    of_bas, of_anna = hall.rows_of("bas"), hall.rows_of("anna")
    head, _ = knock(app, "POST", DOORS[door].path + hall.token(door), DOORS[door].pressed)
    assert head.startswith(b"HTTP/1.1 200 ")
    assert hall.rows_of("bas") == of_bas
    assert hall.rows_of("anna") != of_anna


# Bodies


@with_each_door
@pytest.mark.parametrize(
    "body",
    [
        b"Content-Length: 4097\r\n\r\n" + b"x" * 4097,
        b"Content-Length: 31457280\r\n\r\n" + b"x" * 5000,
        b"Transfer-Encoding: chunked\r\n\r\n800\r\n%b\r\n801\r\n%b" % (b"x" * 2048, b"x" * 2049),
    ],
    ids=["4097 bytes", "30 MB to come", "chunks"],
)
def test_a_body_that_is_far_too_long_is_refused_before_its_end(
    body: bytes, door: str, closed: tuple[Hall, App]
) -> None:
    hall, app = closed
    before = hall.everything()
    assert app.talk(_post(hall, door) + body).startswith(b"HTTP/1.1 413 ")
    assert hall.everything() == before


@with_each_door
def test_a_body_in_chunks_is_a_body(door: str, hall: Hall, app: App) -> None:
    before = hall.everything()
    pressed = DOORS[door].pressed.encode() or b"a=b"
    chunks = b"%x\r\n%b\r\n%x\r\n%b\r\n0\r\n\r\n" % (
        *(2, pressed[:2]),
        *(len(pressed) - 2, pressed[2:]),
    )
    answer = app.talk(
        _post(hall, door) + b"Connection: close\r\nTransfer-Encoding: chunked\r\n\r\n" + chunks
    )
    assert answer.startswith(b"HTTP/1.1 200 ")
    assert hall.everything() != before


@with_each_door
def test_a_body_that_does_not_come_is_waited_for_only_so_long(door: str, hall: Hall) -> None:
    before = hall.everything()
    with serving(hall.root, limits=replace(STILL, read_body_seconds=0.3)) as app:
        answer = app.talk(_post(hall, door) + b"Content-Length: 26\r\n\r\n", b"do=er")
        assert answer.startswith(b"HTTP/1.1 408 ")
    assert hall.everything() == before


@with_each_door
def test_an_incomplete_request_changes_nothing(door: str, hall: Hall, app: App) -> None:
    before = hall.everything()
    with app.connection() as connection:
        connection.sendall(_post(hall, door) + b"Content-Length: 9\r\n\r\ndo=erase"[:-1])
    app.wait_for("POST")
    assert app.stop() == 0
    assert f"POST {DOORS[door].path}{{token}} 400" in app.said()
    assert hall.everything() == before


@pytest.mark.parametrize("door", ["preferences", "address"])
@pytest.mark.parametrize(
    "headers",
    [
        {"Content-Type": "application/json"},
        {"Content-Type": "text/plain"},
        {"Content-Type": "multipart/form-data"},
        {},
    ],
    ids=["JSON", "text", "no boundary", "none"],
)
def test_what_is_no_form_is_refused_where_a_form_says_what_to_do(
    headers: dict[str, str], door: str, closed: tuple[Hall, App]
) -> None:
    hall, app = closed
    before = hall.everything()
    answer = app.client.post(f"/p/{hall.token(door)}", content=b"do=erase", headers=headers)
    assert answer.status_code in {400, 415}
    assert hall.everything() == before


def _post(hall: Hall, door: str) -> bytes:
    """Return the head of a POST of a good token, up to what describes its body."""
    return f"POST {DOORS[door].path}{hall.token(door)} HTTP/1.1\r\nHost: a\r\n{FORM}\r\n".encode()


# Headers and answers


@pytest.mark.parametrize(
    "query", ["gegevens%0d%0aSet-Cookie:%20a=b", "gegevens%0d%0a%0d%0a<p>", "%00", "vergeten%0a"]
)
def test_no_query_splits_an_answer(query: str, closed: tuple[Hall, App]) -> None:
    hall, app = closed
    usual = knock(app, "GET", f"/p/{hall.token('preferences')}")[1]
    for door, address in DOORS.items():
        head, said = knock(app, "GET", f"{address.path}{hall.token(door)}?{query}")
        assert head.startswith(b"HTTP/1.1 200 ")
        assert b"set-cookie" not in head.lower()
        assert door != "preferences" or said == usual


@pytest.mark.parametrize(
    "asked",
    [
        {"do": "address", "email": "anna@example.org\r\nBcc: bas@example.org"},
        {"do": "address", "email": "anna@example.org\nX: y"},
        {"do": "address", "email": "anna@example.org, bas@example.org"},
        {"do": "address", "email": "anna@example.org\0"},
        {"do": "name", "first_name": "Anna\r\nBcc: bas@example.org"},
        {"do": "name", "first_name": "<b>Anna</b>"},
        {"do": "name", "first_name": "https://koop.example"},
        {"do": "name", "first_name": "{{ slots.email }}"},
        {"do": "pause", "weeks": "2\r\nX: y"},
        {"do": "erase\r\n"},
        {"do": "rename"},
    ],
    ids=str,
)
def test_nothing_that_is_typed_reaches_a_letter_or_a_header(
    asked: dict[str, str], closed: tuple[Hall, App]
) -> None:
    hall, app = closed
    before = hall.everything()
    answer = app.client.post(f"/p/{hall.token('preferences')}", data=asked)
    assert answer.status_code in {400, 422}
    # It is in the field in which it can be corrected, and nowhere else.
    elsewhere = re.sub(r' value="[^"]*"', "", answer.text)
    for typed in ("bas@", "koop.example", "<b>", "X: y"):
        assert typed not in str(answer.headers) + elsewhere
    assert hall.everything() == before
