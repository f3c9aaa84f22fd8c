"""Preferences through the web app: what a mailed link opens, and no other does."""

from __future__ import annotations

import html
import json
import re
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING

import pytest
import served
import visitors
from house import House
from people import bring, dump, sql, statuses
from served import KEY, App, preferences_link, serving
from traces import traces
from visitors import VIA

from newsletter import tokens
from newsletter.errors import NewsletterError
from newsletter.store import notice_claims
from newsletter.subscriptions import people as list_
from newsletter.subscriptions.erasing import erase
from newsletter.subscriptions.preferences import (
    Moved,
    ask_for_change,
    ask_for_link,
    confirm_change,
)

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable, Iterator
    from email.message import EmailMessage
    from pathlib import Path

    Run = Callable[..., subprocess.CompletedProcess[str]]

pytestmark = pytest.mark.usefixtures("database")

ANNA = "anna@example.org"
HALF_AN_HOUR = 1800


@pytest.fixture
def house(root: Path) -> House:
    house = House(root, readers=2)
    list_.add(house.store, ANNA, consent="Ja, graag", first_name="Anna")
    return house


@pytest.fixture
def app(house: House) -> Iterator[App]:
    with serving(house.root) as app:
        yield app


def public_id(house: House, email: str = ANNA) -> str:
    return str(sql(house.store, "SELECT public_id FROM subscribers WHERE email = ?", email)[0][0])


def link(house: House, **ends: float) -> str:
    return preferences_link(public_id(house), **ends)


def leave_link(house: House) -> str:
    return served.leave_link(public_id(house))


def letters(house: House, count: int) -> list[EmailMessage]:
    return visitors.letters(house.root, count)


def link_in(letter: EmailMessage) -> str:
    return visitors.link_in(letter, "p")


def him(house: House, column: str) -> object:
    return sql(house.store, f"SELECT {column} FROM subscribers WHERE source = 'cli'")[0][0]  # noqa: S608


def everything(house: House) -> object:
    tables = ("signups", "changes", "notices", "deliveries")
    return dump(house.store), {t: sql(house.store, f"SELECT * FROM {t}") for t in tables}  # noqa: S608


def test_the_leave_page_mails_a_link_to_the_address_on_file_at_most_three_a_day(
    house: House, app: App
) -> None:
    answers = [app.client.post(f"{leave_link(house)}?voorkeuren") for _ in range(5)]
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.text for answer in answers}) == 1
    assert "anna" not in answers[0].text.lower()
    found = letters(house, 3)
    assert [letter["To"] for letter in found] == [ANNA] * 3
    assert sql(house.store, "SELECT count(*) FROM notices") == [(3,)]
    opened = app.client.get(link_in(found[0]))
    assert opened.status_code == 200
    assert ANNA in opened.text
    assert opened.headers["cache-control"] == "no-store"
    assert him(house, "status") == "active"


def test_the_answer_is_the_same_for_a_stranger_a_proof_and_a_reader(house: House, app: App) -> None:
    reader = app.client.post(f"{leave_link(house)}?voorkeuren")
    for whose in (tokens.NOBODY, "f" * 32):
        token = tokens.leave_token(KEY, whose, tokens.NOBODY)
        other = app.client.post(f"/u/{token}?voorkeuren")
        assert (other.status_code, other.text) == (reader.status_code, reader.text)
    assert sql(house.store, "SELECT count(*) FROM notices") == [(1,)]


def test_the_same_is_done_for_a_stranger_and_a_reader_so_that_time_tells_nothing(
    house: House,
) -> None:
    anna, complained = public_id(house), public_id(house, "lezer0@example.org")
    sql(house.store, "UPDATE subscribers SET status = 'complained' WHERE public_id = ?", complained)
    asking = {"reader": anna, "stranger": "f" * 32, "proof": tokens.NOBODY, "spurned": complained}
    done = {}
    for n, (who, id_) in enumerate(asking.items(), start=1):
        done[who] = visitors.statements(house.store, partial(ask_for_link, house.store, id_, VIA))
        # Something is written for each: a commit of nothing is a quicker one.
        assert sql(house.store, "SELECT sum(count) FROM tallies") == [(n,)]
    again = partial(ask_for_link, house.store, anna, VIA)
    for _ in range(3):
        done["had enough"] = visitors.statements(house.store, again)
    assert len(done["reader"]) > 5
    assert [who for who, said in done.items() if said != done["reader"]] == []
    assert sql(house.store, "SELECT count(*) FROM notices") == [(3,)]


def test_no_other_link_opens_preferences_and_all_that_open_nothing_look_alike(
    house: House, app: App
) -> None:
    good = link(house)
    id_ = public_id(house)
    until = int(time.time()) + HALF_AN_HOUR
    bad = {
        "leave": leave_link(house).replace("/u/", "/p/"),
        "confirm": f"/p/{tokens.confirm_token(KEY, id_)}",
        "address": f"/p/{tokens.address_token(KEY, id_, until)}",
        "old": link(house, ends_in=-1),
        "stranger": f"/p/{tokens.preferences_token(KEY, 'f' * 32, until)}",
        "another key": f"/p/{tokens.preferences_token('other', id_, until)}",
        "cut": good[:-1],
        "nonsense": "/p/x",
    }
    before = everything(house)
    answers = {
        (name, method): app.client.request(method, path, data={"do": "erase"})
        for name, path in bad.items()
        for method in ("GET", "POST")
    }
    assert {answer.status_code for answer in answers.values()} == {404}
    assert len({answer.text for answer in answers.values()}) == 1
    assert everything(house) == before
    assert app.client.get(good.replace("/p/", "/u/")).status_code == 404
    assert app.client.get(good.replace("/p/", "/c/")).status_code == 404


def test_an_old_link_asks_for_a_new_one_and_tells_nobody_whose_it_was(
    house: House, app: App
) -> None:
    old = app.client.post(link(house, ends_in=-1), data={"do": "link"})
    nonsense = app.client.post("/p/x", data={"do": "link"})
    forged = app.client.post(leave_link(house).replace("/u/", "/p/"), data={"do": "link"})
    assert len({(answer.status_code, answer.text) for answer in (old, nonsense, forged)}) == 1
    assert [letter["To"] for letter in letters(house, 1)] == [ANNA]
    assert sql(house.store, "SELECT count(*) FROM notices") == [(1,)]


def test_a_link_to_a_new_address_that_is_too_old_asks_for_one_to_the_address_on_file(
    house: House, app: App
) -> None:
    assert ask_for_change(house.store, public_id(house), "anna@nieuw.example", VIA)
    ((change,),) = sql(house.store, "SELECT public_id FROM changes")
    old = f"/p/{tokens.address_token(KEY, str(change), int(time.time()) - 1)}"
    assert "drie dagen" in app.client.get(old).text
    nobodys = f"/p/{tokens.address_token(KEY, 'f' * 32, int(time.time()) - 1)}"
    answers = [app.client.post(path, data={"do": "link"}) for path in (old, nobodys)]
    assert {answer.text for answer in answers} == {
        app.client.post("/p/x", data={"do": "link"}).text
    }
    assert sorted(letter["To"] for letter in letters(house, 2)) == [ANNA, "anna@nieuw.example"]
    assert him(house, "email") == ANNA


def test_looking_changes_nothing_however_often_a_scanner_looks(house: House, app: App) -> None:
    path = link(house)
    before = everything(house)
    for query in ("", "?gegevens", "?vergeten", "?voorkeuren"):
        for method in ("GET", "HEAD"):
            assert app.client.request(method, path + query).status_code == 200
            app.client.request(method, leave_link(house) + query)
    assert everything(house) == before


def test_a_name_is_changed_and_what_is_none_is_not(house: House, app: App) -> None:
    path = link(house)
    for _ in range(2):
        done = app.client.post(path, data={"do": "name", "first_name": " Anneke "})
        assert done.status_code == 200
        assert him(house, "first_name") == "Anneke"
    refused = app.client.post(path, data={"do": "name", "first_name": "www.koop.nl"})
    assert refused.status_code == 422
    assert him(house, "first_name") == "Anneke"
    assert app.client.post(path, data={"do": "name", "first_name": ""}).status_code == 200
    assert him(house, "first_name") is None


WRONG = {
    "an address": ("address", "email", "anneke@"),
    "a name": ("name", "first_name", "www.koop.example"),
}


@pytest.mark.parametrize(("do", "field", "typed"), WRONG.values(), ids=WRONG.keys())
def test_what_is_of_no_use_comes_back_in_its_field_with_what_is_wrong_beneath_it(
    do: str, field: str, typed: str, house: House, app: App
) -> None:
    answer = app.client.post(link(house), data={"do": do, field: typed})
    assert answer.status_code == 422
    invalid = re.findall(r"<input[^>]* aria-invalid[^>]*>", answer.text)
    assert [one for one in invalid if f'id="{field}"' in one and f'value="{typed}"' in one]
    assert len(invalid) == 1
    assert 'aria-describedby="problem" autofocus' in invalid[0]
    assert answer.text.count('id="problem"') == 1
    assert 'role="status"' not in answer.text
    assert "<title>Kijk nog even" in answer.text
    # Nobody is shown what another has typed, nor he himself once it is over.
    others = preferences_link(public_id(house, "lezer0@example.org"))
    assert typed not in app.client.post(others, data={"do": do, field: "@"}).text
    later = app.client.get(link(house)).text
    assert typed not in later
    assert 'aria-invalid="' not in later


def test_no_new_address_at_all_is_told_to_be_missing(house: House, app: App) -> None:
    for typed in ({}, {"email": ""}, {"email": " \u00a0"}):
        answer = app.client.post(link(house), data={"do": "address"} | typed)
        assert answer.status_code == 422
        assert "Vul hier een e-mailadres in." in answer.text
        assert "tikfout" not in answer.text


@pytest.mark.parametrize(("do", "field"), [("address", "email"), ("name", "first_name")])
def test_what_was_typed_comes_back_as_text_alone(
    do: str, field: str, house: House, app: App
) -> None:
    path = link(house)
    fields = app.client.get(path).text.count("<input")

    def shown(typed: str) -> str:
        answer = app.client.post(path, data={"do": do, field: typed})
        assert answer.status_code == 422
        assert "<script" not in answer.text
        assert answer.text.count("<input") == fields
        (value,) = re.findall(rf'id="{field}"[^>]* value="([^"]*)"', answer.text)
        return html.unescape(value)

    for typed in ('"><script>alert(1)</script>', "{{ 7 * 7 }}", "'\"&<>&lt;"):
        assert shown(typed) == typed
    assert shown("\ue000email\ue001\u202e\x00!") == "email!"
    assert len(shown("<" * 1000)) == {"email": 254, "first_name": 64}[field]


def test_a_pause_lasts_whole_weeks_and_asking_twice_is_once(house: House, app: App) -> None:
    path = link(house)
    for weeks in ("0", "-1", "27", "x", ""):
        assert app.client.post(path, data={"do": "pause", "weeks": weeks}).status_code == 422
    assert him(house, "paused_until") is None
    app.client.post(path, data={"do": "pause", "weeks": "2"})
    first = him(house, "paused_until")
    app.client.post(path, data={"do": "pause", "weeks": "2"})
    assert him(house, "paused_until") == first
    until = first if isinstance(first, datetime) else datetime.fromisoformat(str(first))
    until = until if until.tzinfo else until.replace(tzinfo=UTC)
    assert timedelta(days=13) <= until - datetime.now(UTC) <= timedelta(days=14)
    assert "Stuur me weer brieven" in app.client.get(path).text
    app.client.post(path, data={"do": "resume"})
    assert him(house, "paused_until") is None


def test_until_when_a_pause_lasts_is_said_in_words(house: House, app: App) -> None:
    months = "januari februari maart april mei juni juli augustus september oktober november"
    for number, month in enumerate([*months.split(), "december"], start=1):
        until = f"2099-{number:02}-03 12:00:00.000000"
        sql(house.store, "UPDATE subscribers SET paused_until = ?", until)
        assert f"geen brieven tot 3 {month} 2099." in app.client.get(link(house)).text


def test_plain_text_is_chosen_and_reaches_what_is_still_to_be_sent(house: House, app: App) -> None:
    path = link(house)
    sql(house.store, "UPDATE subscribers SET paused_until = NULL")
    app.client.post(path, data={"do": "plain"})
    assert him(house, "plain_text") == 1
    app.client.post(f"{leave_link(house)}?voorkeuren")
    (letter,) = letters(house, 1)
    assert letter.get_content_type() == "text/plain"
    app.client.post(path, data={"do": "rich"})
    assert him(house, "plain_text") == 0


def test_an_address_changes_when_the_new_one_says_so_and_the_old_one_is_told(
    house: House, app: App
) -> None:
    path = link(house)
    assert app.client.post(path, data={"do": "address", "email": "geen"}).status_code == 422
    app.client.post(path, data={"do": "address", "email": "Anna@Nieuw.example"})
    (letter,) = letters(house, 1)
    assert letter["To"] == "Anna@Nieuw.example"
    assert "Anna," not in str(letter.get_body(("plain",)))
    assert him(house, "email") == ANNA
    confirming = link_in(letter)
    app.client.get(confirming)
    assert him(house, "email") == ANNA
    assert app.client.post(confirming, data={"do": "erase"}).status_code == 200
    assert him(house, "email") == "Anna@Nieuw.example"
    assert him(house, "email_key") == "anna@nieuw.example"
    told = letters(house, 2)[-1]
    assert told["To"] == ANNA
    assert "nieuw.example" not in str(told).lower()
    assert sql(house.store, "SELECT count(*) FROM notices") == [(2,)]


def test_an_old_file_does_not_bring_back_the_address_that_was_left(house: House) -> None:
    def move(email: str) -> None:
        ask_for_change(house.store, public_id(house, him(house, "email")), email, VIA)  # type: ignore[arg-type]
        newest = "SELECT public_id FROM changes ORDER BY id DESC LIMIT 1"
        change = str(sql(house.store, newest)[0][0])
        assert confirm_change(house.store, change, VIA) is Moved.DONE

    move("anna@nieuw.example")
    before = statuses(house.store)
    old = f"email,status\n{ANNA},active\n"
    assert bring(house.store, house.root, old).reasons == {"left for another here": 1}
    with pytest.raises(NewsletterError, match="this address is left for another"):
        list_.add(house.store, ANNA, consent="x")
    # Nor is he told to be gone who is still there.
    for gone in (list_.unsubscribe, lambda store, email: erase(store, house.settings, email)):
        with pytest.raises(NewsletterError, match="left it for another"):
            gone(house.store, ANNA)
    assert statuses(house.store) == before
    # But he may come back to it, and then it is the other one that was left.
    move(ANNA)
    assert bring(house.store, house.root, old).unchanged == 1
    assert bring(house.store, house.root, "email,status\nanna@nieuw.example,active\n").skipped == 1


@pytest.mark.parametrize(
    ("how", "ago", "letters"),
    [("complaint", 40, 1), ("hard bounce", 29, 1), ("hard bounce", 32, 2)],
)
def test_an_address_from_which_such_a_letter_came_back_gets_no_other(
    how: str, ago: int, letters: int, house: House
) -> None:
    def change(to: str) -> int:
        assert ask_for_change(house.store, public_id(house), to, VIA)
        return len(sql(house.store, "SELECT * FROM notices WHERE kind = 'new-address'"))

    assert change("vreemd@example.org") == 1
    long_ago = f"{datetime.now(UTC) - timedelta(days=ago):%Y-%m-%d %H:%M:%S.%f+00:00}"
    sql(
        house.store,
        "UPDATE notices SET state = 'accepted', reason = ?, queued_at = ?",
        *(how, long_ago),
    )
    assert change("vreemd@example.org") == letters
    assert change("eigen@example.org") == letters + 1


def test_a_second_wish_waits_for_the_letter_that_is_leaving_and_not_the_other_way_round(
    house: House, database: str
) -> None:
    anna = public_id(house)
    ask_for_change(house.store, anna, "eerst@example.org", VIA)
    terms = {"key_id": "k", "lease": timedelta(minutes=1), "window": timedelta()}
    with ThreadPoolExecutor(1) as pool:
        with house.store.write() as connection:
            notice = notice_claims.claim(connection, VIA, **terms)  # type: ignore[arg-type]
            assert notice
            second = pool.submit(ask_for_change, house.store, anna, "dan@example.org", VIA)
            waits = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
            while database == "postgresql" and sql(house.store, waits) == [(0,)]:
                time.sleep(0.01)
            notice_claims.seal(connection, notice, "of these bytes")
        assert second.result(60)
    kinds = sql(house.store, "SELECT state, change_id IS NULL FROM notices ORDER BY id")
    assert [(state, bool(gone)) for state, gone in kinds] == [
        ("attempting", True),
        ("pending", False),
    ]


def test_somebody_elses_address_is_not_taken_and_nobody_learns_whose_it_is(
    house: House, app: App
) -> None:
    path = link(house)
    free = app.client.post(path, data={"do": "address", "email": "vrij@example.org"})
    letters(house, 1)  # which a second wish would have withdrawn
    taken = app.client.post(path, data={"do": "address", "email": "lezer1@example.org"})
    assert (free.status_code, free.text) == (taken.status_code, taken.text)
    letter = letters(house, 2)[-1]
    assert letter["To"] == "lezer1@example.org"
    refused = app.client.post(link_in(letter), data={"do": ""})
    assert refused.status_code == 409
    assert him(house, "email") == ANNA
    first = letters(house, 2)[0]
    assert app.client.get(link_in(first)).status_code == 404


def test_fifty_posts_of_one_wish_at_once_are_one_change(house: House, app: App) -> None:
    path = link(house)

    def at_once(address: str, wish: dict[str, str]) -> Counter[int]:
        with ThreadPoolExecutor(50) as pool:
            asked = pool.map(lambda _: app.client.post(address, data=wish), range(50))
            return Counter(answer.status_code for answer in asked)

    assert at_once(f"{leave_link(house)}?voorkeuren", {}) == {200: 50}
    assert at_once(path, {"do": "pause", "weeks": "2"}) == {200: 50}
    assert at_once(path, {"do": "address", "email": "anna@nieuw.example"}) == {200: 50}
    newest = sql(house.store, "SELECT public_id FROM changes ORDER BY id DESC")[0][0]
    until = int(time.time()) + HALF_AN_HOUR
    confirming = f"/p/{tokens.address_token(KEY, str(newest), until)}"
    assert at_once(confirming, {"do": ""}) == {200: 50}
    assert him(house, "email") == "anna@nieuw.example"
    kinds = Counter(kind for (kind,) in sql(house.store, "SELECT kind FROM notices"))
    assert kinds == {"preferences": 3, "new-address": 3, "old-address": 1}
    assert at_once(path, {"do": "erase"}) == {200: 1, 404: 49}
    assert [*statuses(house.store)] == ["lezer0@example.org", "lezer1@example.org"]


def test_own_data_are_all_that_is_held(house: House, app: App, run: Run) -> None:
    app.client.post(f"{leave_link(house)}?voorkeuren")
    (letter,) = letters(house, 1)
    app.client.post(link(house), data={"do": "address", "email": "anna@nieuw.example"})
    until = time.monotonic() + 60
    while sql(house.store, "SELECT * FROM notices WHERE state <> 'accepted'"):
        assert time.monotonic() < until
        time.sleep(0.02)
    given = dict(sql(house.store, "SELECT kind, provider_id FROM notices"))
    assert None not in given.values()
    answer = app.client.get(f"{link_in(letter)}?gegevens")
    held = answer.json()
    assert "attachment" in answer.headers["content-disposition"]
    assert (held["email"], held["first_name"], held["status"]) == (ANNA, "Anna", "active")
    assert [consent["text"] for consent in held["consents"]] == ["Ja, graag"]
    assert [notice["kind"] for notice in held["notices"]] == ["preferences", "new-address"]
    assert [change["new_email"] for change in held["changes"]] == ["anna@nieuw.example"]
    assert {"deliveries", "events", "paused_until", "plain_text"} <= held.keys()
    assert held["left_at"] is None
    for notice in held["notices"]:
        assert (notice["provider"], notice["provider_id"]) == ("outbox", given[notice["kind"]])
    # The author sees no less of him.
    shown = json.loads(run("subscribers", "show", ANNA, "--json").stdout)
    assert held | {"look_alikes": []} == shown
    told = run("subscribers", "show", ANNA).stdout
    assert "anna@nieuw.example, and has not confirmed that" in told
    assert "letter to him alone (new-address): accepted" in told


def test_own_data_say_when_somebody_left(house: House, app: App) -> None:
    app.leave(leave_link(house).removeprefix("/u/"))
    held = app.client.get(f"{link(house)}?gegevens").json()
    assert held["status"] == "unsubscribed"
    left = datetime.fromisoformat(held["left_at"])
    assert timedelta(0) <= datetime.now(UTC) - left < timedelta(minutes=5)


def test_one_link_keeps_the_database_from_nobody(house: House, app: App) -> None:
    leave = leave_link(house)
    answers = [app.client.post(f"{leave}?voorkeuren") for _ in range(40)]
    answers += [app.client.post(link(house, ends_in=-1), data={"do": "link"}) for _ in range(5)]
    assert len({(answer.status_code, answer.content) for answer in answers}) == 1
    # How often the database was asked: what is beyond that is answered without it.
    assert sql(house.store, "SELECT sum(count) FROM tallies") == [(10,)]
    other = served.leave_link(public_id(house, "lezer0@example.org"))
    assert app.client.post(f"{other}?voorkeuren").status_code == 200
    assert sql(house.store, "SELECT sum(count) FROM tallies") == [(11,)]


NAMES_OF_ONE = ("jan@gmail.com", "j.an@gmail.com", "jan+a@gmail.com", "ja.n+b@googlemail.com")


def test_one_mailbox_gets_few_letters_about_a_new_address_under_all_its_names(
    house: House,
) -> None:
    for who in ("lezer0@example.org", "lezer1@example.org"):
        for email in NAMES_OF_ONE:
            ask_for_change(house.store, public_id(house, who), email, VIA)
    assert sql(house.store, "SELECT count(*) FROM notices") == [(3,)]


def test_erasing_takes_one_button_more_and_leaves_nothing(house: House, app: App) -> None:
    app.client.post(f"{leave_link(house)}?voorkeuren")
    path = link_in(letters(house, 1)[0])
    leave = leave_link(house)
    app.client.post(path, data={"do": "address", "email": "anna@nieuw.example"})
    letters(house, 2)
    assert "Ja, wis alles" in app.client.get(f"{path}?vergeten").text
    assert ANNA in statuses(house.store)
    done = app.client.post(path, data={"do": "erase"})
    assert done.status_code == 200
    assert traces(house.root, ANNA, "anna@nieuw.example") == []
    assert app.client.get(path).status_code == 404
    assert app.client.post(path, data={"do": "erase"}).status_code == 404
    assert app.leave(leave.removeprefix("/u/")).status_code == 200


def test_without_the_database_nothing_is_promised(house: House, app: App) -> None:
    path, leave = link(house), leave_link(house)
    sql(house.store, "UPDATE ledger SET closed_at = '2026-11-29'")
    for answer in (
        app.client.post(path, data={"do": "resume"}),
        app.client.post(f"{leave}?voorkeuren"),
    ):
        assert answer.status_code == 503
        assert "retry-after" in answer.headers


def test_no_token_and_no_address_stand_in_the_log(house: House, app: App) -> None:
    path = link(house)
    app.client.get(path)
    app.client.post(path, data={"do": "address", "email": "anna@nieuw.example"})
    letters(house, 1)
    app.stop()
    said = app.said()
    assert "/p/{token}" in said
    assert path.removeprefix("/p/") not in said
    assert "nieuw.example" not in said
    assert ANNA not in said
