"""Signing up and confirming over HTTP: the form, its guards, and what nobody can find out."""

from __future__ import annotations

import itertools
import json
import re
import secrets
import shutil
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import TYPE_CHECKING

import httpx
import pytest

from newsletter import tokens
from newsletter.addresses import address_hash
from newsletter.store import suppressions
from newsletter.store.sql import new_id
from newsletter.subscriptions.admin import (
    SubscriberHistory,
    add,
    count_subscribers,
    load_history,
    unsubscribe,
)
from newsletter.subscriptions.export import as_document
from newsletter.subscriptions.signup import SignupLimits, confirm, request_signup
from newsletter.web import Limits
from tests.support.newsletter import FakeProvider, Newsletter, raw
from tests.support.signups import HERE, VIA, letters, link_in, open_link, queued, signup_request
from tests.support.subscribers import dump, sql, statuses
from tests.support.web_server import KEY, STILL, App, SubscriberList, serving, subscriber_list

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path
    from subprocess import CompletedProcess

    from newsletter.store import Store

    Run = Callable[..., CompletedProcess[str]]

on_both = pytest.mark.usefixtures("database")
"""Runs a test on SQLite and on PostgreSQL."""

LIMITS = SignupLimits()
UNSLOWED = replace(LIMITS, unconfirmed_per_day=1000)
PROXY = ("--proxy", "127.0.0.1")
OURS = "http://localhost:8000/"


def stamp(*, ago: float = 60.0, page: str = OURS, key: str = KEY) -> str:
    return tokens.form_stamp(key, int((time.time() - ago) * 1000), page)


_NETWORKS = itertools.count(1)


def anywhere() -> dict[str, str]:
    """Return what a web server before the app says of a visitor from yet another network."""
    n = next(_NETWORKS)
    return {"X-Forwarded-For": f"198.{18 + (n >> 8)}.{n & 255}.7"}


def ask(
    app: App,
    email: str,
    *,
    headers: dict[str, str] | None = None,
    path: str = "/subscribe",
    **fields: str,
) -> httpx.Response:
    """Post our own form as a browser does."""
    asked = {"email": email, "first_name": "", "stamp": stamp(), **fields}
    return app.client.post(path, data=asked, headers={**anywhere(), **(headers or {})})


@pytest.fixture
def subscribers(root: Path) -> SubscriberList:
    return subscriber_list(root)


@pytest.fixture
def app(root: Path, subscribers: SubscriberList) -> Iterator[App]:
    assert subscribers
    with serving(root, *PROXY, limits=STILL) as app:
        yield app


@pytest.fixture(scope="module")
def idle(tmp_path_factory: pytest.TempPathFactory) -> Iterator[App]:
    """Return an app for requests after which its database must be as it was."""
    root = tmp_path_factory.mktemp("idle")
    (root / "newsletter.toml").write_text('name = "Proefbrief"\n', encoding="utf-8")
    store = subscriber_list(root).store
    before = everything(store)
    with serving(root, *PROXY) as app:
        yield app
    assert everything(store) == before
    store.close()


def everything(store: Store) -> list[list[tuple[object, ...]]]:
    tables = ("subscribers", "signups", "notices", "rate_counters", "wordings", "consents")
    return [sql(store, f"SELECT * FROM {table}") for table in tables]  # noqa: S608 - ours


def heading(answer: httpx.Response) -> str:
    (found,) = re.findall(r"<h1>(.*?)</h1>", answer.text)
    return str(found)


ASKED = "Kijk in je mailbox"
ONCE_MORE = "Nog één klik"


# The form


@pytest.mark.parametrize("path", ["/", "/subscribe"])
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_the_form_is_shown_and_changes_nothing(method: str, path: str, idle: App) -> None:
    answer = idle.client.request(method, path)
    assert answer.status_code == 200
    if method == "GET":
        assert heading(answer) == "Wil je Proefbrief ontvangen?"
        names = re.findall(r'<input[^>]* name="(\w+)"', answer.text)
        assert names == ["email", "first_name", "onderwerp", "stamp", "van"]
        assert len(answer.content) < 15_000


def test_the_form_as_it_is_shown_can_be_posted(app: App, subscribers: SubscriberList) -> None:
    shown = re.search(r'name="stamp" value="([^"]+)"', app.client.get("/").text)
    assert shown
    time.sleep(1.6)  # as long as nobody fills in a form
    answer = ask(app, "anna@example.org", stamp=shown[1])
    assert (answer.status_code, heading(answer)) == (200, ASKED)
    assert queued(subscribers.store) == [("confirmation", "pending")]
    assert sql(subscribers.store, "SELECT form FROM signups") == [(OURS,)]


def kept_source(store: Store) -> object:
    ((source,),) = sql(store, "SELECT source FROM signups")
    return source


@pytest.mark.parametrize("path", ["/", "/subscribe"])
@pytest.mark.parametrize(
    ("query", "label"),
    [
        ("van=blog", "blog"),
        ("utm_source=x&van=Mijn_blog-2.0", "Mijn_blog-2.0"),
        (f"van={'a' * 40}", "a" * 40),
        (f"van={'a' * 41}", ""),
        ("van=anna%40example.org", ""),
        ("van=%22%3E%3Cscript%3E", ""),
        ("van=blog%00", ""),
        ("van=%C3%A9", ""),
        ("van=", ""),
        ("VAN=blog", ""),
    ],
)
def test_the_form_keeps_only_a_proper_label(path: str, query: str, label: str, idle: App) -> None:
    shown = idle.client.get(f"{path}?{query}").text
    assert re.findall(r'name="van" value="([^"]*)"', shown) == [label]


@on_both
def test_a_label_becomes_the_source_of_the_consent(app: App, subscribers: SubscriberList) -> None:
    store = subscribers.store
    wrong = ask(app, "anna", van="blog")
    assert 'name="van" value="blog"' in wrong.text
    elsewhere = ask(app, "anna@example.org", stamp="", path="/subscribe?van=blog")
    assert 'name="van" value="blog"' in elsewhere.text
    assert heading(ask(app, "anna@example.org", van="blog")) == ASKED
    assert kept_source(store) == "blog"
    before = count_subscribers(store).sources
    confirm(store, open_link(store, "anna@example.org"), HERE)
    assert [before, count_subscribers(store).sources] == [{"blog": (0, 1)}, {"blog": (1, 0)}]
    own = load_history(store, "anna@example.org")
    assert isinstance(own, SubscriberHistory)
    document = as_document(own)
    assert [one["source"] for one in document["consents"]] == ["form: blog"]
    assert [one["source"] for one in document["signups"]] == ["blog"]


def test_without_a_proper_label_the_source_is_the_form(
    app: App, subscribers: SubscriberList
) -> None:
    ask(app, "anna@example.org", van="wie ben ik?")
    assert kept_source(subscribers.store) is None
    confirm(subscribers.store, open_link(subscribers.store, "anna@example.org"), HERE)
    assert sql(subscribers.store, "SELECT source FROM consents") == [("form",)]
    assert count_subscribers(subscribers.store).sources == {None: (1, 0)}


@on_both
@pytest.mark.parametrize("encoding", ["urlencoded", "multipart"])
def test_both_encodings_of_a_form_are_read(
    encoding: str, app: App, subscribers: SubscriberList
) -> None:
    fields = {"email": "zoë@exämple.org", "first_name": "Zoë", "stamp": stamp()}
    posted = (
        {"data": fields}
        if encoding == "urlencoded"
        else {"files": {name: (None, value) for name, value in fields.items()}}
    )
    answer = app.client.post("/subscribe", headers=anywhere(), **posted)  # type: ignore[arg-type]
    assert heading(answer) == ASKED
    assert statuses(subscribers.store) == {"zoë@exämple.org": "pending"}
    assert sql(subscribers.store, "SELECT first_name FROM signups") == [("Zoë",)]


@on_both
def test_a_sign_up_is_stored_with_its_origin(app: App, subscribers: SubscriberList) -> None:
    ask(
        app,
        "anna@example.org",
        headers={"X-Forwarded-For": "203.0.113.9", "User-Agent": "Mozilla/5.0\t" + "x" * 500},
    )
    ((ip, program),) = sql(subscribers.store, "SELECT ip, user_agent FROM signups")
    assert ip == "203.0.113.9"
    assert str(program).startswith("Mozilla/5.0")
    assert len(str(program)) <= 200


@on_both
def test_a_visitor_who_signs_up_is_mailed_a_link_and_confirms_by_it(
    root: Path, subscribers: SubscriberList
) -> None:
    # Nothing looks by itself whether a letter waits: the request must be enough.
    with serving(root, *PROXY, limits=Limits(notices_seconds=3600)) as app:
        assert heading(ask(app, "Anna@example.org", first_name="Anna")) == ASKED
        (letter,) = letters(root, 1)
        assert letter["To"] == "Anna@example.org"
        path = link_in(letter, "c")
        assert heading(app.client.get(path)) == "Bevestig je aanmelding"
        assert statuses(subscribers.store) == {"Anna@example.org": "pending"}
        assert heading(app.client.post(path)) == "Welkom, je staat op de lijst"
        assert statuses(subscribers.store) == {"Anna@example.org": "active"}
        assert letters(root, 2)[1]["Subject"].startswith("Welkom bij ")
    assert queued(subscribers.store) == [("confirmation", "accepted"), ("welcome", "accepted")]
    assert sql(subscribers.store, "SELECT first_name FROM subscribers") == [("Anna",)]


# Nobody learns anything


@on_both
def test_every_sign_up_gets_the_same_answer(app: App, subscribers: SubscriberList) -> None:
    store = subscribers.store
    for name, status in (
        ("actief", "active"),
        ("wachtend", "pending"),
        ("weg", "unsubscribed"),
        ("stuk", "bounced"),
        ("boos", "complained"),
    ):
        subscribers.add(name, status)
    with store.write() as connection:
        digest = address_hash(suppressions.hash_key(connection), "gewist@example.org")
    sql(
        store, "INSERT INTO suppressions VALUES (?, 'erased', '2026-01-01 00:00:00.000000')", digest
    )
    names = ("nieuw", "actief", "wachtend", "weg", "stuk", "boos", "gewist", "nieuw", "nieuw+b")
    answers = [ask(app, f"{name}@example.org") for name in names]
    answers.append(ask(app, "nieuw@example.org", onderwerp="Goedkoop!"))
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.content for answer in answers}) == 1
    headers = [dict(answer.headers) for answer in answers]
    for one in headers:
        one.pop("date")
    assert all(one == headers[0] for one in headers)
    assert sorted(queued(store)) == [
        ("already-here", "pending"),
        *[("confirmation", "pending")] * 6,
    ]
    assert "example.org" not in answers[0].text


# What was typed


@pytest.mark.parametrize("email", ["", "   ", "\u00a0\t"])
def test_an_empty_field_is_called_empty_and_not_mistyped(email: str, idle: App) -> None:
    answer = ask(idle, email, first_name="Anna")
    assert (answer.status_code, heading(answer)) == (422, "Kijk nog even")
    assert "Vul hier een e-mailadres in." in answer.text
    assert "tikfout" not in answer.text
    assert 'value="Anna"' in answer.text
    assert 'aria-invalid="true" aria-describedby="problem"' in answer.text


@pytest.mark.parametrize(
    "email",
    [
        "anna",
        "anna@",
        "@example.org",
        "anna@example",
        "a b@c.nl",
        "anna@example.org\r\nBcc: b@example.org",
        "anna@example.org,bert@example.org ",
        "anna@example..org",
        "anna..b@example.org",
        ".anna@example.org",
        "anna.@example.org",
        "anna@-example.org",
        "anna@example.org.",
        "anna@exam_ple.org",
        "anna@example.test",
        "anna@@example.org",
        "anna@[127.0.0.1]",
        "Anna <anna@example.org>",
    ],
)
def test_an_invalid_address_gets_a_kind_explanation(email: str, idle: App) -> None:
    answer = ask(idle, email, first_name="Anna")
    assert (answer.status_code, heading(answer)) == (422, "Kijk nog even")
    assert "tikfout" in answer.text
    assert 'name="email"' in answer.text
    assert 'value="Anna"' in answer.text
    assert 'aria-invalid="true" aria-describedby="problem"' in answer.text


@pytest.mark.parametrize(
    "name",
    ["<b>Anna</b>", "Koop nu: https://spam.example", "spam.example", "x" * 65, "1"],
)
def test_an_invalid_name_gets_a_kind_explanation_and_is_never_shown_as_markup(
    name: str, idle: App
) -> None:
    answer = ask(idle, "anna@example.org", first_name=name)
    assert (answer.status_code, heading(answer)) == (422, "Kijk nog even")
    assert "Vul alleen je voornaam in" in answer.text
    assert "<b>" not in answer.text
    assert "<a" not in answer.text.partition("<form")[2].partition("</form")[0]


@pytest.mark.parametrize(
    "text",
    ['"><script>alert(1)</script>', "{{ 7 * 7 }}", "\ue000stamp\ue001", "'\"&<>", "\u202eabc"],
)
def test_what_was_typed_comes_back_as_text_alone(text: str, idle: App) -> None:
    answer = ask(idle, text, first_name=text)
    assert answer.status_code == 422
    assert "<script" not in answer.text
    form = answer.text.partition("<form")[2].partition("</form")[0]
    assert "49" not in re.sub(r'name="stamp" value="[^"]*"', "", form)
    assert answer.text.count("<input") == 5
    assert answer.text.count(stamp()[:8]) == 1


def test_of_what_was_typed_no_more_comes_back_than_a_field_holds(idle: App) -> None:
    answer = ask(idle, "a" * 1000, first_name="b\x00\x1b" + "b" * 200)
    assert re.search(r'value="(a+)"', answer.text)[1] == "a" * 254  # type: ignore[index]
    assert re.search(r'value="(b+)"', answer.text)[1] == "b" * 64  # type: ignore[index]


def test_a_corrected_form_can_be_posted_at_once(app: App, subscribers: SubscriberList) -> None:
    answer = ask(app, "anna", first_name="Anna")
    found = re.search(r'name="stamp" value="([^"]+)"', answer.text)
    assert found
    assert heading(ask(app, "anna@example.org", stamp=found[1])) == ASKED
    assert len(queued(subscribers.store)) == 1


# Stamps, and other sites


NO_STAMPS = {
    "none": "",
    "a word": "x",
    "by an unknown key": stamp(key="another key"),
    "too old": stamp(ago=25 * 3600),
    "from tomorrow": stamp(ago=-3600),
    "cut": stamp()[:-1],
    "longer": stamp() + "A",
    "10 KB": stamp() * 20,
    "a confirming link": tokens.confirm_token(KEY, new_id()),
    "an unsubscribe link": tokens.unsubscribe_token(KEY, new_id(), new_id()),
}


@pytest.mark.parametrize("bad", NO_STAMPS.values(), ids=NO_STAMPS.keys())
def test_without_a_good_stamp_it_takes_one_more_click(bad: str, idle: App) -> None:
    answer = ask(idle, "anna@example.org", first_name="Anna", stamp=bad)
    assert (answer.status_code, heading(answer)) == (200, ONCE_MORE)
    assert 'value="anna@example.org"' in answer.text
    assert 'value="Anna"' in answer.text
    fresh = re.search(r'name="stamp" value="([^"]+)"', answer.text)
    assert fresh
    assert tokens.read_form_stamp([KEY], fresh[1])
    assert fresh[1] != bad  # it would be no better the second time


def test_a_form_that_is_posted_too_fast_asks_to_wait(idle: App) -> None:
    quick = stamp(ago=0.0)
    answer = ask(idle, "anna@example.org", stamp=quick)
    assert heading(answer) == ONCE_MORE
    # The same stamp, so that the second click is not too fast again.
    assert f'value="{quick}"' in answer.text


ELSEWHERE = {"Origin": "https://jijenloslaten.example"}


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Fetch-Site": "cross-site", **ELSEWHERE},
        {"Sec-Fetch-Site": "same-site", **ELSEWHERE},
        {"Sec-Fetch-Site": "cross-site", "Origin": "null"},
        ELSEWHERE,
    ],
)
def test_no_other_page_can_make_a_browser_sign_anybody_up(
    headers: dict[str, str], idle: App
) -> None:
    # Even with a stamp that it fetched for itself.
    answer = ask(idle, "anna@example.org", headers=headers)
    assert heading(answer) == ONCE_MORE


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Fetch-Site": "same-origin", "Origin": "null"},
        {"Sec-Fetch-Site": "none"},
        {"Origin": "null"},
        {"Origin": "http://localhost:8000"},
        {},
    ],
)
def test_our_own_page_is_known_in_every_browser(
    headers: dict[str, str], app: App, subscribers: SubscriberList
) -> None:
    assert heading(ask(app, "anna@example.org", headers=headers)) == ASKED
    assert len(queued(subscribers.store)) == 1


def test_an_authors_own_form_leads_through_one_more_click_and_is_remembered(
    app: App, subscribers: SubscriberList, run: Run
) -> None:
    snippet = run("subscribers", "form").stdout
    names = set(re.findall(r'name="(\w+)"', snippet))
    assert names == {"email", "first_name"}
    elsewhere = {"Sec-Fetch-Site": "cross-site", **ELSEWHERE}
    answer = app.client.post("/subscribe", data={"email": "anna@example.org"}, headers=elsewhere)
    assert heading(answer) == ONCE_MORE
    found = re.search(r'name="stamp" value="([^"]+)"', answer.text)
    assert found
    assert tokens.read_form_stamp([KEY], found[1])[1] == ELSEWHERE["Origin"]  # type: ignore[index]
    time.sleep(1.6)
    assert heading(ask(app, "anna@example.org", stamp=found[1])) == ASKED
    assert sql(subscribers.store, "SELECT form FROM signups") == [(ELSEWHERE["Origin"],)]


@pytest.mark.parametrize("said", ["javascript:alert(1)", "https://" + "x" * 500, 'https://a"b c'])
def test_what_is_no_origin_is_not_kept(said: str, idle: App) -> None:
    headers = {"Sec-Fetch-Site": "cross-site", "Origin": said}
    answer = idle.client.post("/subscribe", data={"email": "a@example.org"}, headers=headers)
    found = re.search(r'name="stamp" value="([^"]+)"', answer.text)
    assert found
    assert tokens.read_form_stamp([KEY], found[1])[1] == "another site"  # type: ignore[index]


def test_a_hidden_field_that_is_filled_in_signs_up_nobody(
    app: App, subscribers: SubscriberList
) -> None:
    before = everything(subscribers.store)
    assert heading(ask(app, "anna@example.org", onderwerp="Goedkoop!")) == ASKED
    assert everything(subscribers.store) == before


# Limits


@on_both
def test_past_the_cap_the_form_closes_and_says_so(
    root: Path, app: App, subscribers: SubscriberList, run: Run
) -> None:
    for n in range(LIMITS.letters_per_hour):
        request_signup(subscribers.store, signup_request(f"lezer{n}@example.org"), VIA, UNSLOWED)
    answer = ask(app, "anna@example.org")
    assert (answer.status_code, heading(answer)) == (503, "Het is even te druk")
    assert answer.headers["retry-after"] == "3600"
    shown = app.client.get("/")
    assert (shown.status_code, shown.content) == (503, answer.content)
    assert app.unsubscribe(subscribers.add("bert")).status_code == 200
    reported = run("status").stdout
    assert f"form is closed: {LIMITS.letters_per_hour} notices within an hour" in reported
    assert app.stop() == 0
    most = LIMITS.letters_per_hour
    line = f"POST /subscribe 503 .*: the sign-up form is closed after {most} "
    assert re.search(line, app.said())
    assert len(queued(subscribers.store)) == LIMITS.letters_per_hour
    assert root


@on_both
def test_a_slowed_form_answers_everybody_alike_and_status_says_so(
    app: App, subscribers: SubscriberList, run: Run
) -> None:
    subscribers.add("actief")
    for n in range(LIMITS.unconfirmed_per_day):
        assert "Wie terugkomt" not in ask(app, f"lezer{n}@example.org").text
    people = ["actief@example.org", "lezer1@example.org", "nieuw@example.org"]
    answers = [ask(app, email) for email in people]
    assert {(one.status_code, one.content) for one in answers} == {(200, answers[0].content)}
    assert heading(answers[0]) == ASKED
    assert "Wie terugkomt, gaat voor" in answers[0].text
    assert app.client.get("/").status_code == 200
    assert len(queued(subscribers.store)) == LIMITS.unconfirmed_per_day
    reported = json.loads(run("status", "--json").stdout)["form"]
    assert reported == {
        "closed": False,
        "last_closed_at": None,
        "slowed": {"asked": 33, "written": 30, "confirmed": 0, "letters_a_day": 30},
    }
    said = " ".join(run("status").stdout.split())
    assert "form is slowed: 33 asked within 24 hours, and of 30 who got a letter 0" in said


@on_both
def test_one_network_has_to_wait(app: App, subscribers: SubscriberList) -> None:
    theirs = {"X-Forwarded-For": "203.0.113.9"}
    for n in range(LIMITS.requests_per_hour):
        assert ask(app, f"lezer{n}@example.org", headers=theirs).status_code == 200
    answer = ask(app, "anna@example.org", headers=theirs)
    assert (answer.status_code, heading(answer)) == (429, "Even wachten")
    assert answer.headers["retry-after"] == "3600"
    assert ask(app, "anna@example.org").status_code == 200
    assert len(queued(subscribers.store)) == LIMITS.requests_per_hour + 1


@on_both
def test_two_processes_share_the_limits(root: Path, app: App, subscribers: SubscriberList) -> None:
    theirs = {"X-Forwarded-For": "203.0.113.9"}
    with serving(root, *PROXY, limits=STILL) as other:
        reported = [
            ask(one, f"lezer{n}@example.org", headers=theirs).status_code
            for n, one in zip(
                range(LIMITS.requests_per_hour + 2), itertools.cycle((app, other)), strict=False
            )
        ]
    assert reported == [200] * LIMITS.requests_per_hour + [429] * 2
    assert len(queued(subscribers.store)) == LIMITS.requests_per_hour


@on_both
@pytest.mark.parametrize(("addresses", "most"), [(1, 1), (60, 7)], ids=["one address", "the cap"])
def test_many_processes_that_are_asked_at_once_keep_the_limits(
    addresses: int, most: int, root: Path, subscribers: SubscriberList
) -> None:
    few = replace(STILL, signup=SignupLimits(letters_per_hour=7))
    workers = ("--workers", "3")
    with (
        serving(root, *PROXY, *workers, limits=few) as one,
        serving(root, *PROXY, *workers, limits=few) as other,
        ThreadPoolExecutor(30) as pool,
    ):
        apps = (one, other)

        def sign_up(n: int) -> int:
            return ask(apps[n % 2], f"lezer{n % addresses}@example.org").status_code

        # Each process has its connections then, so that it is only the limits that they wait for.
        list(pool.map(lambda n: apps[n % 2].client.get("/"), range(60)))
        reported = set(pool.map(sign_up, range(60)))
    assert reported == ({200} if addresses == 1 else {200, 503})
    assert queued(subscribers.store) == [("confirmation", "pending")] * most
    assert len(statuses(subscribers.store)) == most


@on_both
def test_the_limits_outlive_the_process(root: Path, app: App, subscribers: SubscriberList) -> None:
    theirs = {"X-Forwarded-For": "203.0.113.9"}
    for n in range(LIMITS.requests_per_hour):
        ask(app, f"lezer{n}@example.org", headers=theirs)
    assert ask(app, "anna@example.org", headers=theirs).status_code == 429
    assert app.stop() == 0
    with serving(root, *PROXY, limits=STILL) as again:
        assert ask(again, "anna@example.org", headers=theirs).status_code == 429
        for n in range(LIMITS.requests_per_hour, LIMITS.letters_per_hour):
            wanted = signup_request(f"lezer{n}@example.org")
            request_signup(subscribers.store, wanted, VIA, UNSLOWED)
        assert ask(again, "anna@example.org").status_code == 503
    with serving(root, *PROXY, limits=STILL) as again:
        assert again.client.get("/").status_code == 503
        assert ask(again, "anna@example.org").status_code == 503
    assert len(queued(subscribers.store)) == LIMITS.letters_per_hour


@on_both
def test_fifty_sign_ups_for_one_address_at_once_are_one_letter(
    app: App, subscribers: SubscriberList
) -> None:
    with ThreadPoolExecutor(25) as pool:
        answers = list(pool.map(lambda _n: ask(app, "anna@example.org"), range(50)))
    assert {answer.content for answer in answers} == {answers[0].content}
    assert queued(subscribers.store) == [("confirmation", "pending")]


# Bodies

HEAD = b"POST /subscribe HTTP/1.1\r\nHost: a\r\nContent-Type: application/x-www-form-urlencoded\r\n"


@pytest.mark.parametrize(
    ("headers", "body", "status"),
    [
        ({"Content-Type": "application/json"}, b'{"email": "a@example.org"}', 415),
        ({"Content-Type": "text/plain"}, b"email=a@example.org", 415),
        ({}, b"email=a@example.org", 415),
        ({"Content-Type": "multipart/form-data"}, b"email=a@example.org", 400),
        ({"Content-Type": "multipart/form-data; boundary=x"}, b"--x\r\nnothing", 422),
        (
            {"Content-Type": "multipart/form-data; boundary=x"},
            b'--x\r\nContent-Disposition: form-data; name="email"; filename="a"\r\n\r\nx\r\n--x--',
            400,
        ),
        ({"Content-Type": "application/x-www-form-urlencoded"}, b"x" * 4097, 413),
        ({"Content-Type": "application/x-www-form-urlencoded"}, b"\xff\xfe&=&%zz", 422),
        ({"Content-Type": "application/x-www-form-urlencoded"}, b"", 422),
        ({"Content-Type": "application/x-www-form-urlencoded"}, b"email=%00%0d%0a", 422),
        ({"Content-Type": "application/x-www-form-urlencoded; charset=nonsense"}, b"email=a", 422),
    ],
)
def test_what_is_no_form_of_ours_is_refused(
    headers: dict[str, str], body: bytes, status: int, idle: App
) -> None:
    answer = idle.client.post("/subscribe", content=body, headers={**anywhere(), **headers})
    assert answer.status_code == status
    assert "set-cookie" not in answer.headers
    assert idle.client.get("/healthz").status_code == 200


def test_a_form_in_chunks_is_a_form(app: App, subscribers: SubscriberList) -> None:
    body = f"email=anna%40example.org&stamp={stamp()}".encode()
    kind = {"Content-Type": "application/x-www-form-urlencoded"}
    parts = iter([body[:10], body[10:]])
    assert heading(app.client.post("/subscribe", content=parts, headers=kind | anywhere())) == ASKED
    assert len(queued(subscribers.store)) == 1


@pytest.mark.parametrize(
    "body",
    [
        b"Content-Length: 31457280\r\n\r\n" + b"x" * 5000,
        b"Transfer-Encoding: chunked\r\n\r\n800\r\n%b\r\n801\r\n%b" % (b"x" * 2048, b"x" * 2049),
    ],
    ids=["30 MB to come", "chunks"],
)
def test_a_form_that_is_far_too_long_is_refused_before_its_end(body: bytes, idle: App) -> None:
    assert idle.talk(HEAD + body).startswith(b"HTTP/1.1 413 ")


def test_an_incomplete_request_changes_nothing(app: App, subscribers: SubscriberList) -> None:
    whole = f"email=anna%40example.org&stamp={stamp()}".encode()
    with app.connection() as connection:
        connection.sendall(HEAD + b"Content-Length: %d\r\n\r\n" % (len(whole) + 1) + whole)
    app.wait_for("POST")
    assert app.stop() == 0
    assert "POST /subscribe 400" in app.said()
    assert queued(subscribers.store) == []


@pytest.mark.parametrize(
    "lengths",
    [
        b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
        b"Content-Length: 5\r\nContent-Length: 6\r\n",
        b"Transfer-Encoding: chunked, identity\r\n",
        b"Content-Length: +5\r\n",
        b"X: a\0b\r\nContent-Length: 5\r\n",
        b"X : a\r\nContent-Length: 5\r\n",
    ],
)
def test_a_form_with_an_ambiguous_length_hides_no_second_request(lengths: bytes, idle: App) -> None:
    hidden = b"GET /verborgen HTTP/1.1\r\nHost: a\r\n\r\n"
    answer = idle.talk(HEAD + lengths + b"\r\n0\r\n\r\n" + hidden)
    assert answer.count(b"HTTP/1.1 ") == 1
    assert re.match(rb"HTTP/1\.1 4(00|22) ", answer)


def test_a_form_that_does_not_come_is_waited_for_only_so_long(
    root: Path, subscribers: SubscriberList
) -> None:
    head = HEAD + b"Content-Length: 60\r\n\r\n"
    with serving(root, limits=Limits(read_body_seconds=0.3)) as app:
        assert app.talk(head, b"email=").startswith(b"HTTP/1.1 408 ")
    assert queued(subscribers.store) == []


# Confirming


@on_both
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_opening_the_link_shows_one_button_and_changes_nothing(
    method: str, app: App, subscribers: SubscriberList
) -> None:
    request_signup(subscribers.store, signup_request("anna@example.org"), VIA)
    token = tokens.confirm_token(KEY, open_link(subscribers.store, "anna@example.org"))
    before = (dump(subscribers.store), sql(subscribers.store, "SELECT * FROM signups"))
    answer = app.client.request(method, f"/c/{token}")
    assert answer.status_code == 200
    assert (dump(subscribers.store), sql(subscribers.store, "SELECT * FROM signups")) == before
    if method == "GET":
        assert answer.text.count("<form") == answer.text.count("<button") == 1
        assert "anna" not in answer.text


@on_both
def test_pressing_the_button_makes_the_subscriber_active(
    app: App, subscribers: SubscriberList
) -> None:
    request_signup(subscribers.store, signup_request("anna@example.org", name="Anna"), VIA)
    token = tokens.confirm_token(KEY, open_link(subscribers.store, "anna@example.org"))
    answer = app.client.post(f"/c/{token}", headers=anywhere())
    assert (answer.status_code, heading(answer)) == (200, "Welkom, je staat op de lijst")
    assert statuses(subscribers.store) == {"anna@example.org": "active"}
    again = app.client.post(f"/c/{token}", headers=anywhere())
    assert (again.status_code, again.content) == (200, answer.content)
    assert app.client.get(f"/c/{token}").content == answer.content
    assert "/issues/" not in answer.text
    ((ip, asked),) = sql(subscribers.store, "SELECT ip, requested_ip FROM consents")
    assert str(ip).startswith("198.")
    assert asked is None


@on_both
def test_fifty_posts_of_one_link_at_once_are_one_change(
    app: App, subscribers: SubscriberList
) -> None:
    request_signup(subscribers.store, signup_request("anna@example.org"), VIA)
    token = tokens.confirm_token(KEY, open_link(subscribers.store, "anna@example.org"))
    with ThreadPoolExecutor(50) as pool:
        answers = list(pool.map(lambda _n: app.client.post(f"/c/{token}"), range(50)))
    assert {answer.status_code for answer in answers} == {200}
    assert {answer.content for answer in answers} == {answers[0].content}
    assert sql(subscribers.store, "SELECT count(*) FROM consents") == [(1,)]


@on_both
def test_who_confirms_gets_a_link_to_the_newest_issue_that_was_sent(root: Path) -> None:
    newsletter = Newsletter(root, subscribers=1)
    request_signup(newsletter.store, signup_request("anna@example.org"), VIA)
    key = newsletter.settings.secret_keys[0]
    path = f"/c/{tokens.confirm_token(key, open_link(newsletter.store, 'anna@example.org'))}"
    newsletter.send(FakeProvider(root / "taken"))
    with serving(root, env={"NEWSLETTER_SECRET_KEY": key}) as app:
        answer = app.client.post(path)
        (link,) = re.findall(r'href="(\.\./issues/[^"]+)"', answer.text)
        assert link == f"../issues/{newsletter.slug}"
        read = app.client.get(str(httpx.URL(app.url + path).join(link)))
        assert (read.status_code, read.headers["content-type"]) == (200, "text/html; charset=utf-8")


GOOD = tokens.confirm_token(KEY, new_id())


@on_both
def test_a_confirmation_link_unsubscribes_nobody_and_the_reverse(
    app: App, subscribers: SubscriberList
) -> None:
    request_signup(subscribers.store, signup_request("anna@example.org"), VIA)
    signup = open_link(subscribers.store, "anna@example.org")
    public_id = str(sql(subscribers.store, "SELECT public_id FROM subscribers")[0][0])
    before = dump(subscribers.store)
    assert app.unsubscribe(tokens.confirm_token(KEY, signup)).status_code == 404
    leave = tokens.unsubscribe_token(KEY, public_id, new_id())
    assert app.client.post(f"/c/{leave}").status_code == 404
    # The other subscriber's id in the right kind of token is no sign-up.
    assert app.client.post(f"/c/{tokens.confirm_token(KEY, public_id)}").status_code == 410
    assert dump(subscribers.store) == before


@on_both
def test_an_expired_link_gets_a_kind_explanation(app: App, subscribers: SubscriberList) -> None:
    request_signup(subscribers.store, signup_request("anna@example.org"), VIA)
    path = f"/c/{tokens.confirm_token(KEY, open_link(subscribers.store, 'anna@example.org'))}"
    sql(subscribers.store, "UPDATE signups SET requested_at = '2026-01-01 00:00:00.000000'")
    for answer in (app.client.get(path), app.client.post(path)):
        assert (answer.status_code, heading(answer)) == (410, "Deze link is verlopen")
        assert 'href="../"' in answer.text
    assert statuses(subscribers.store) == {"anna@example.org": "pending"}


def test_the_link_of_a_removed_sign_up_looks_like_an_expired_one(idle: App) -> None:
    for method in ("GET", "POST"):
        answer = idle.client.request(method, f"/c/{GOOD}")
        assert (answer.status_code, heading(answer)) == (410, "Deze link is verlopen")


@on_both
def test_a_used_link_restores_nobody(app: App, subscribers: SubscriberList) -> None:
    request_signup(subscribers.store, signup_request("anna@example.org"), VIA)
    signup = open_link(subscribers.store, "anna@example.org")
    confirm(subscribers.store, signup, HERE)
    unsubscribe(subscribers.store, "anna@example.org")
    assert app.client.post(f"/c/{tokens.confirm_token(KEY, signup)}").status_code == 410
    assert statuses(subscribers.store) == {"anna@example.org": "unsubscribed"}


def test_a_link_signed_by_a_key_that_was_replaced_still_confirms(
    root: Path, subscribers: SubscriberList
) -> None:
    request_signup(subscribers.store, signup_request("anna@example.org"), VIA)
    path = f"/c/{tokens.confirm_token(KEY, open_link(subscribers.store, 'anna@example.org'))}"
    with serving(root, env={"NEWSLETTER_SECRET_KEY": f"a newer key,{KEY}"}) as app:
        assert app.client.post(path).status_code == 200
    assert statuses(subscribers.store) == {"anna@example.org": "active"}


def test_while_the_database_is_away_no_sign_up_is_confirmed(
    root: Path, app: App, subscribers: SubscriberList
) -> None:
    request_signup(subscribers.store, signup_request("anna@example.org"), VIA)
    path = f"/c/{tokens.confirm_token(KEY, open_link(subscribers.store, 'anna@example.org'))}"
    database, away = root / ".newsletter" / "newsletter.db", root / "away"
    with raw(database, manual=True) as connection:  # waits for what the app is writing
        (busy, *_) = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        assert not busy
    assert app.client.get("/healthz").status_code == 200
    shutil.move(database, away)
    database.mkdir()
    pressed, asked = app.client.post(path), ask(app, "bert@example.org")
    for answer in (pressed, asked, app.client.get("/"), app.client.get(path)):
        assert answer.status_code == 503
        assert answer.headers["retry-after"] == "60"
    assert heading(pressed) == "Het is nog niet gelukt"
    assert pressed.text.count("<form") == 1
    database.rmdir()
    shutil.move(away, database)
    assert app.client.post(path).status_code == 200


@on_both
def test_a_moved_list_takes_no_sign_up(app: App, subscribers: SubscriberList) -> None:
    request_signup(subscribers.store, signup_request("anna@example.org"), VIA)
    path = f"/c/{tokens.confirm_token(KEY, open_link(subscribers.store, 'anna@example.org'))}"
    sql(subscribers.store, "UPDATE ledger SET closed_at = '2026-11-29 06:00:00.000000'")
    assert app.client.post(path).status_code == 503
    assert ask(app, "bert@example.org").status_code == 503


# What is written down


def test_the_log_holds_no_address_no_name_and_no_token(
    root: Path, subscribers: SubscriberList
) -> None:
    secret = secrets.token_hex(8)
    request_signup(subscribers.store, signup_request("anna@example.org"), VIA)
    token = tokens.confirm_token(KEY, open_link(subscribers.store, "anna@example.org"))
    with serving(root, *PROXY) as app:
        ask(app, f"{secret}@example.org", first_name="Onvoorstelbaar", headers={"Referer": secret})
        ask(app, secret, first_name=secret)
        ask(app, f"{secret}@example.org", onderwerp=secret)
        ask(app, f"a.{secret}@example.org", headers={"X-Forwarded-For": "127.0.0.1"})
        app.client.get(f"/c/{token}?email={secret}")
        app.client.post(f"/c/{token}", headers={"X-Forwarded-For": "203.0.113.77"})
        sql(subscribers.store, "ALTER TABLE signups RENAME TO hidden")
        assert app.client.post(f"/c/{token}").status_code == 500
        assert ask(app, f"b{secret}@example.org").status_code == 500
        assert app.stop() == 0
        said = app.said()
    assert "POST /subscribe 200 " in said
    assert "POST /subscribe 422 " in said
    assert "POST /c/{token} 200 " in said
    assert "GET /c/{token} 200 " in said
    assert "a hidden field was filled in" in said
    assert "its network is unknown: see --proxy" in said
    for private in (secret, token, token[:20], "Onvoorstelbaar", "anna", "203.0.113", "198.18"):
        assert private not in said
    assert "Traceback" not in said


def test_no_answer_has_an_address_but_the_one_that_was_typed(
    app: App, subscribers: SubscriberList
) -> None:
    add(subscribers.store, "geheim@example.org", consent="ja")
    for answer in (
        app.client.get("/"),
        ask(app, "geheim@example.org"),
        app.client.get(f"/c/{GOOD}"),
    ):
        assert "geheim" not in answer.text
        assert "@example.org" not in answer.text
