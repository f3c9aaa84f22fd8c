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

from newsletter import tokens
from newsletter.errors import NewsletterError
from newsletter.store import notice_claims
from newsletter.subscriptions import admin as list_
from newsletter.subscriptions.erasure import erase
from newsletter.subscriptions.preferences import (
    AddressChangeState,
    confirm_address_change,
    request_address_change,
    request_link,
)
from tests.support import signups, web_server
from tests.support.newsletter import Newsletter
from tests.support.personal_data import traces
from tests.support.signups import VIA
from tests.support.subscribers import dump, import_text, sql, statuses
from tests.support.web_server import KEY, App, preferences_link, serving

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
def newsletter(root: Path) -> Newsletter:
    newsletter = Newsletter(root, subscribers=2)
    list_.add(newsletter.store, ANNA, consent="Ja, graag", first_name="Anna")
    return newsletter


@pytest.fixture
def app(newsletter: Newsletter) -> Iterator[App]:
    with serving(newsletter.root) as app:
        yield app


def public_id(newsletter: Newsletter, email: str = ANNA) -> str:
    return str(
        sql(newsletter.store, "SELECT public_id FROM subscribers WHERE email = ?", email)[0][0]
    )


def link(newsletter: Newsletter, **ends: float) -> str:
    return preferences_link(public_id(newsletter), **ends)


def unsubscribe_link(newsletter: Newsletter) -> str:
    return web_server.unsubscribe_link(public_id(newsletter))


def letters(newsletter: Newsletter, count: int) -> list[EmailMessage]:
    return signups.letters(newsletter.root, count)


def link_in(letter: EmailMessage) -> str:
    return signups.link_in(letter, "p")


def column_of_anna(newsletter: Newsletter, column: str) -> object:
    return sql(newsletter.store, f"SELECT {column} FROM subscribers WHERE source = 'cli'")[0][0]  # noqa: S608


def everything(newsletter: Newsletter) -> object:
    tables = ("signups", "address_changes", "notices", "deliveries")
    return dump(newsletter.store), {t: sql(newsletter.store, f"SELECT * FROM {t}") for t in tables}  # noqa: S608


def test_the_unsubscribe_page_mails_a_link_to_the_address_on_file_at_most_three_a_day(
    newsletter: Newsletter, app: App
) -> None:
    answers = [app.client.post(f"{unsubscribe_link(newsletter)}?voorkeuren") for _ in range(5)]
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.text for answer in answers}) == 1
    assert "anna" not in answers[0].text.lower()
    found = letters(newsletter, 3)
    assert [letter["To"] for letter in found] == [ANNA] * 3
    assert sql(newsletter.store, "SELECT count(*) FROM notices") == [(3,)]
    opened = app.client.get(link_in(found[0]))
    assert opened.status_code == 200
    assert ANNA in opened.text
    assert opened.headers["cache-control"] == "no-store"
    assert column_of_anna(newsletter, "status") == "active"


def test_the_answer_is_the_same_for_a_stranger_a_proof_and_a_subscriber(
    newsletter: Newsletter, app: App
) -> None:
    subscriber = app.client.post(f"{unsubscribe_link(newsletter)}?voorkeuren")
    for whose in (tokens.RESERVED_ID, "f" * 32):
        token = tokens.unsubscribe_token(KEY, whose, tokens.RESERVED_ID)
        other = app.client.post(f"/u/{token}?voorkeuren")
        assert (other.status_code, other.text) == (subscriber.status_code, subscriber.text)
    assert sql(newsletter.store, "SELECT count(*) FROM notices") == [(1,)]


def test_the_same_work_is_done_for_a_stranger_and_a_subscriber(
    newsletter: Newsletter,
) -> None:
    anna, complained = public_id(newsletter), public_id(newsletter, "lezer0@example.org")
    sql(
        newsletter.store,
        "UPDATE subscribers SET status = 'complained' WHERE public_id = ?",
        complained,
    )
    asking = {
        "subscriber": anna,
        "stranger": "f" * 32,
        "proof": tokens.RESERVED_ID,
        "spurned": complained,
    }
    done = {}
    for n, (who, id_) in enumerate(asking.items(), start=1):
        done[who] = signups.statements(
            newsletter.store, partial(request_link, newsletter.store, id_, VIA)
        )
        # Something is written for each: a commit of nothing is a quicker one.
        assert sql(newsletter.store, "SELECT sum(count) FROM rate_counters") == [(n,)]
    again = partial(request_link, newsletter.store, anna, VIA)
    for _ in range(3):
        done["had enough"] = signups.statements(newsletter.store, again)
    assert len(done["subscriber"]) > 5
    assert [who for who, said in done.items() if said != done["subscriber"]] == []
    assert sql(newsletter.store, "SELECT count(*) FROM notices") == [(3,)]


def test_no_other_link_opens_preferences_and_all_that_open_nothing_look_alike(
    newsletter: Newsletter, app: App
) -> None:
    good = link(newsletter)
    id_ = public_id(newsletter)
    until = int(time.time()) + HALF_AN_HOUR
    bad = {
        "leave": unsubscribe_link(newsletter).replace("/u/", "/p/"),
        "confirm": f"/p/{tokens.confirm_token(KEY, id_)}",
        "address": f"/p/{tokens.address_token(KEY, id_, until)}",
        "old": link(newsletter, ends_in=-1),
        "stranger": f"/p/{tokens.preferences_token(KEY, 'f' * 32, until)}",
        "another key": f"/p/{tokens.preferences_token('other', id_, until)}",
        "cut": good[:-1],
        "nonsense": "/p/x",
    }
    before = everything(newsletter)
    answers = {
        (name, method): app.client.request(method, path, data={"do": "erase"})
        for name, path in bad.items()
        for method in ("GET", "POST")
    }
    assert {answer.status_code for answer in answers.values()} == {404}
    assert len({answer.text for answer in answers.values()}) == 1
    assert everything(newsletter) == before
    assert app.client.get(good.replace("/p/", "/u/")).status_code == 404
    assert app.client.get(good.replace("/p/", "/c/")).status_code == 404


def test_an_expired_link_offers_a_new_one_and_shows_no_address(
    newsletter: Newsletter, app: App
) -> None:
    old = app.client.post(link(newsletter, ends_in=-1), data={"do": "link"})
    nonsense = app.client.post("/p/x", data={"do": "link"})
    forged = app.client.post(
        unsubscribe_link(newsletter).replace("/u/", "/p/"), data={"do": "link"}
    )
    assert len({(answer.status_code, answer.text) for answer in (old, nonsense, forged)}) == 1
    assert [letter["To"] for letter in letters(newsletter, 1)] == [ANNA]
    assert sql(newsletter.store, "SELECT count(*) FROM notices") == [(1,)]


def test_a_link_to_a_new_address_that_is_too_old_asks_for_one_to_the_address_on_file(
    newsletter: Newsletter, app: App
) -> None:
    assert request_address_change(
        newsletter.store, public_id(newsletter), "anna@nieuw.example", VIA
    )
    ((change,),) = sql(newsletter.store, "SELECT public_id FROM address_changes")
    old = f"/p/{tokens.address_token(KEY, str(change), int(time.time()) - 1)}"
    assert "drie dagen" in app.client.get(old).text
    unknown = f"/p/{tokens.address_token(KEY, 'f' * 32, int(time.time()) - 1)}"
    answers = [app.client.post(path, data={"do": "link"}) for path in (old, unknown)]
    assert {answer.text for answer in answers} == {
        app.client.post("/p/x", data={"do": "link"}).text
    }
    assert sorted(letter["To"] for letter in letters(newsletter, 2)) == [ANNA, "anna@nieuw.example"]
    assert column_of_anna(newsletter, "email") == ANNA


def test_looking_changes_nothing_however_often_a_scanner_looks(
    newsletter: Newsletter, app: App
) -> None:
    path = link(newsletter)
    before = everything(newsletter)
    for query in ("", "?gegevens", "?vergeten", "?voorkeuren"):
        for method in ("GET", "HEAD"):
            assert app.client.request(method, path + query).status_code == 200
            app.client.request(method, unsubscribe_link(newsletter) + query)
    assert everything(newsletter) == before


def test_a_name_is_changed_and_an_invalid_one_is_refused(newsletter: Newsletter, app: App) -> None:
    path = link(newsletter)
    for _ in range(2):
        done = app.client.post(path, data={"do": "name", "first_name": " Anneke "})
        assert done.status_code == 200
        assert column_of_anna(newsletter, "first_name") == "Anneke"
    refused = app.client.post(path, data={"do": "name", "first_name": "www.koop.nl"})
    assert refused.status_code == 422
    assert column_of_anna(newsletter, "first_name") == "Anneke"
    assert app.client.post(path, data={"do": "name", "first_name": ""}).status_code == 200
    assert column_of_anna(newsletter, "first_name") is None


WRONG = {
    "an address": ("address", "email", "anneke@"),
    "a name": ("name", "first_name", "www.koop.example"),
}


@pytest.mark.parametrize(("do", "field", "typed"), WRONG.values(), ids=WRONG.keys())
def test_what_is_of_no_use_comes_back_in_its_field_with_what_is_wrong_beneath_it(
    do: str, field: str, typed: str, newsletter: Newsletter, app: App
) -> None:
    answer = app.client.post(link(newsletter), data={"do": do, field: typed})
    assert answer.status_code == 422
    invalid = re.findall(r"<input[^>]* aria-invalid[^>]*>", answer.text)
    assert [one for one in invalid if f'id="{field}"' in one and f'value="{typed}"' in one]
    assert len(invalid) == 1
    assert 'aria-describedby="problem" autofocus' in invalid[0]
    assert answer.text.count('id="problem"') == 1
    assert 'role="status"' not in answer.text
    assert "<title>Kijk nog even" in answer.text
    # No one is shown what another typed, nor what they typed themselves once it is over.
    others = preferences_link(public_id(newsletter, "lezer0@example.org"))
    assert typed not in app.client.post(others, data={"do": do, field: "@"}).text
    later = app.client.get(link(newsletter)).text
    assert typed not in later
    assert 'aria-invalid="' not in later


def test_an_empty_new_address_is_called_missing(newsletter: Newsletter, app: App) -> None:
    for typed in ({}, {"email": ""}, {"email": " \u00a0"}):
        answer = app.client.post(link(newsletter), data={"do": "address"} | typed)
        assert answer.status_code == 422
        assert "Vul hier een e-mailadres in." in answer.text
        assert "tikfout" not in answer.text


@pytest.mark.parametrize(("do", "field"), [("address", "email"), ("name", "first_name")])
def test_what_was_typed_comes_back_as_text_alone(
    do: str, field: str, newsletter: Newsletter, app: App
) -> None:
    path = link(newsletter)
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


def test_a_pause_lasts_whole_weeks_and_asking_twice_is_once(
    newsletter: Newsletter, app: App
) -> None:
    path = link(newsletter)
    for weeks in ("0", "-1", "27", "x", ""):
        assert app.client.post(path, data={"do": "pause", "weeks": weeks}).status_code == 422
    assert column_of_anna(newsletter, "paused_until") is None
    app.client.post(path, data={"do": "pause", "weeks": "2"})
    first = column_of_anna(newsletter, "paused_until")
    app.client.post(path, data={"do": "pause", "weeks": "2"})
    assert column_of_anna(newsletter, "paused_until") == first
    until = first if isinstance(first, datetime) else datetime.fromisoformat(str(first))
    until = until if until.tzinfo else until.replace(tzinfo=UTC)
    assert timedelta(days=13) <= until - datetime.now(UTC) <= timedelta(days=14)
    assert "Stuur me weer brieven" in app.client.get(path).text
    app.client.post(path, data={"do": "resume"})
    assert column_of_anna(newsletter, "paused_until") is None


def test_until_when_a_pause_lasts_is_said_in_words(newsletter: Newsletter, app: App) -> None:
    months = "januari februari maart april mei juni juli augustus september oktober november"
    for number, month in enumerate([*months.split(), "december"], start=1):
        until = f"2099-{number:02}-03 12:00:00.000000"
        sql(newsletter.store, "UPDATE subscribers SET paused_until = ?", until)
        assert f"geen brieven tot 3 {month} 2099." in app.client.get(link(newsletter)).text


def test_plain_text_is_chosen_and_reaches_what_is_still_to_be_sent(
    newsletter: Newsletter, app: App
) -> None:
    path = link(newsletter)
    sql(newsletter.store, "UPDATE subscribers SET paused_until = NULL")
    app.client.post(path, data={"do": "plain"})
    assert column_of_anna(newsletter, "plain_text") == 1
    app.client.post(f"{unsubscribe_link(newsletter)}?voorkeuren")
    (letter,) = letters(newsletter, 1)
    assert letter.get_content_type() == "text/plain"
    app.client.post(path, data={"do": "rich"})
    assert column_of_anna(newsletter, "plain_text") == 0


def test_one_letter_a_month_is_chosen_with_its_moment_and_undone(
    newsletter: Newsletter, app: App
) -> None:
    path = link(newsletter)
    assert "Je krijgt elke brief." in app.client.get(path).text
    page = app.client.post(path, data={"do": "monthly"}).text
    assert "Je krijgt voortaan één brief per maand" in page
    assert column_of_anna(newsletter, "monthly") == 1
    since = column_of_anna(newsletter, "monthly_since")
    assert since
    app.client.post(path, data={"do": "monthly"})
    assert column_of_anna(newsletter, "monthly_since") == since
    assert "Je krijgt weer elke brief." in app.client.post(path, data={"do": "no_monthly"}).text
    assert column_of_anna(newsletter, "monthly") == 0
    assert column_of_anna(newsletter, "monthly_since") is None


def test_an_address_changes_when_the_new_one_confirms_and_the_old_one_gets_a_notice(
    newsletter: Newsletter, app: App
) -> None:
    path = link(newsletter)
    assert app.client.post(path, data={"do": "address", "email": "geen"}).status_code == 422
    app.client.post(path, data={"do": "address", "email": "Anna@Nieuw.example"})
    (letter,) = letters(newsletter, 1)
    assert letter["To"] == "Anna@Nieuw.example"
    assert "Anna," not in str(letter.get_body(("plain",)))
    assert column_of_anna(newsletter, "email") == ANNA
    confirming = link_in(letter)
    app.client.get(confirming)
    assert column_of_anna(newsletter, "email") == ANNA
    assert app.client.post(confirming, data={"do": "erase"}).status_code == 200
    assert column_of_anna(newsletter, "email") == "Anna@Nieuw.example"
    assert column_of_anna(newsletter, "email_key") == "anna@nieuw.example"
    reported = letters(newsletter, 2)[-1]
    assert reported["To"] == ANNA
    assert "nieuw.example" not in str(reported).lower()
    assert sql(newsletter.store, "SELECT count(*) FROM notices") == [(2,)]


def test_an_old_file_does_not_restore_an_earlier_address(newsletter: Newsletter) -> None:
    def move(email: str) -> None:
        request_address_change(
            newsletter.store, public_id(newsletter, column_of_anna(newsletter, "email")), email, VIA
        )  # type: ignore[arg-type]
        newest = "SELECT public_id FROM address_changes ORDER BY id DESC LIMIT 1"
        change = str(sql(newsletter.store, newest)[0][0])
        assert confirm_address_change(newsletter.store, change, VIA) is AddressChangeState.DONE

    move("anna@nieuw.example")
    before = statuses(newsletter.store)
    old = f"email,status\n{ANNA},active\n"
    assert import_text(newsletter.store, newsletter.root, old).reasons == {
        "left for another here": 1
    }
    with pytest.raises(NewsletterError, match="this address is left for another"):
        list_.add(newsletter.store, ANNA, consent="x")
    # Nor is a subscriber who is still there called gone.
    for gone in (list_.unsubscribe, lambda store, email: erase(store, newsletter.settings, email)):
        with pytest.raises(NewsletterError, match="has changed it to another"):
            gone(newsletter.store, ANNA)
    assert statuses(newsletter.store) == before
    # But they may come back to it, and then the other one was left.
    move(ANNA)
    assert import_text(newsletter.store, newsletter.root, old).unchanged == 1
    assert (
        import_text(
            newsletter.store, newsletter.root, "email,status\nanna@nieuw.example,active\n"
        ).skipped
        == 1
    )


@pytest.mark.parametrize(
    ("how", "ago", "letters"),
    [("complaint", 40, 1), ("hard bounce", 29, 1), ("hard bounce", 32, 2)],
)
def test_an_address_from_which_such_a_letter_came_back_gets_no_other(
    how: str, ago: int, letters: int, newsletter: Newsletter
) -> None:
    def change(to: str) -> int:
        assert request_address_change(newsletter.store, public_id(newsletter), to, VIA)
        return len(sql(newsletter.store, "SELECT * FROM notices WHERE kind = 'new-address'"))

    assert change("vreemd@example.org") == 1
    long_ago = f"{datetime.now(UTC) - timedelta(days=ago):%Y-%m-%d %H:%M:%S.%f+00:00}"
    sql(
        newsletter.store,
        "UPDATE notices SET state = 'accepted', reason = ?, queued_at = ?",
        *(how, long_ago),
    )
    assert change("vreemd@example.org") == letters
    assert change("eigen@example.org") == letters + 1


def test_a_second_address_change_waits_for_the_notice_that_is_being_sent(
    newsletter: Newsletter, database: str
) -> None:
    anna = public_id(newsletter)
    request_address_change(newsletter.store, anna, "eerst@example.org", VIA)
    terms = {"key_id": "k", "lease": timedelta(minutes=1), "window": timedelta()}
    with ThreadPoolExecutor(1) as pool:
        with newsletter.store.write() as connection:
            notice = notice_claims.claim(connection, VIA, **terms)  # type: ignore[arg-type]
            assert notice
            second = pool.submit(
                request_address_change, newsletter.store, anna, "dan@example.org", VIA
            )
            waits = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
            while database == "postgresql" and sql(newsletter.store, waits) == [(0,)]:
                time.sleep(0.01)
            notice_claims.record_payload(connection, notice, "of these bytes")
        assert second.result(60)
    kinds = sql(newsletter.store, "SELECT state, change_id IS NULL FROM notices ORDER BY id")
    assert [(state, bool(gone)) for state, gone in kinds] == [
        ("attempting", True),
        ("pending", False),
    ]


def test_another_subscribers_address_is_not_taken_and_not_revealed(
    newsletter: Newsletter, app: App
) -> None:
    path = link(newsletter)
    free = app.client.post(path, data={"do": "address", "email": "vrij@example.org"})
    letters(newsletter, 1)  # which a second request would have withdrawn
    taken = app.client.post(path, data={"do": "address", "email": "lezer1@example.org"})
    assert (free.status_code, free.text) == (taken.status_code, taken.text)
    letter = letters(newsletter, 2)[-1]
    assert letter["To"] == "lezer1@example.org"
    refused = app.client.post(link_in(letter), data={"do": ""})
    assert refused.status_code == 409
    assert column_of_anna(newsletter, "email") == ANNA
    first = letters(newsletter, 2)[0]
    assert app.client.get(link_in(first)).status_code == 404


def test_fifty_posts_of_one_form_at_once_are_one_change(newsletter: Newsletter, app: App) -> None:
    path = link(newsletter)

    def at_once(address: str, form: dict[str, str]) -> Counter[int]:
        with ThreadPoolExecutor(50) as pool:
            asked = pool.map(lambda _: app.client.post(address, data=form), range(50))
            return Counter(answer.status_code for answer in asked)

    assert at_once(f"{unsubscribe_link(newsletter)}?voorkeuren", {}) == {200: 50}
    assert at_once(path, {"do": "pause", "weeks": "2"}) == {200: 50}
    assert at_once(path, {"do": "address", "email": "anna@nieuw.example"}) == {200: 50}
    newest = sql(newsletter.store, "SELECT public_id FROM address_changes ORDER BY id DESC")[0][0]
    until = int(time.time()) + HALF_AN_HOUR
    confirming = f"/p/{tokens.address_token(KEY, str(newest), until)}"
    assert at_once(confirming, {"do": ""}) == {200: 50}
    assert column_of_anna(newsletter, "email") == "anna@nieuw.example"
    kinds = Counter(kind for (kind,) in sql(newsletter.store, "SELECT kind FROM notices"))
    assert kinds == {"preferences": 3, "new-address": 3, "old-address": 1}
    assert at_once(path, {"do": "erase"}) == {200: 1, 404: 49}
    assert [*statuses(newsletter.store)] == ["lezer0@example.org", "lezer1@example.org"]


def test_own_data_are_all_that_is_held(newsletter: Newsletter, app: App, run: Run) -> None:
    app.client.post(f"{unsubscribe_link(newsletter)}?voorkeuren")
    (letter,) = letters(newsletter, 1)
    app.client.post(link(newsletter), data={"do": "address", "email": "anna@nieuw.example"})
    until = time.monotonic() + 60
    while sql(newsletter.store, "SELECT * FROM notices WHERE state <> 'accepted'"):
        assert time.monotonic() < until
        time.sleep(0.02)
    given = dict(sql(newsletter.store, "SELECT kind, provider_id FROM notices"))
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
    # The author sees no less of them.
    shown = json.loads(run("subscribers", "show", ANNA, "--json").stdout)
    assert held | {"look_alikes": []} == shown
    reported = run("subscribers", "show", ANNA).stdout
    assert "for anna@nieuw.example, not confirmed" in reported
    assert "notice (new-address): accepted" in reported


def test_own_data_say_when_a_person_unsubscribed(newsletter: Newsletter, app: App) -> None:
    app.unsubscribe(unsubscribe_link(newsletter).removeprefix("/u/"))
    held = app.client.get(f"{link(newsletter)}?gegevens").json()
    assert held["status"] == "unsubscribed"
    left = datetime.fromisoformat(held["left_at"])
    assert timedelta(0) <= datetime.now(UTC) - left < timedelta(minutes=5)


def test_one_link_blocks_the_database_for_nobody(newsletter: Newsletter, app: App) -> None:
    leave = unsubscribe_link(newsletter)
    answers = [app.client.post(f"{leave}?voorkeuren") for _ in range(40)]
    answers += [
        app.client.post(link(newsletter, ends_in=-1), data={"do": "link"}) for _ in range(5)
    ]
    assert len({(answer.status_code, answer.content) for answer in answers}) == 1
    # How often the database was asked: what is beyond that is answered without it.
    assert sql(newsletter.store, "SELECT sum(count) FROM rate_counters") == [(10,)]
    other = web_server.unsubscribe_link(public_id(newsletter, "lezer0@example.org"))
    assert app.client.post(f"{other}?voorkeuren").status_code == 200
    assert sql(newsletter.store, "SELECT sum(count) FROM rate_counters") == [(11,)]


NAMES_OF_ONE = ("jan@gmail.com", "j.an@gmail.com", "jan+a@gmail.com", "ja.n+b@googlemail.com")


def test_one_mailbox_gets_few_letters_about_a_new_address_under_all_its_names(
    newsletter: Newsletter,
) -> None:
    for who in ("lezer0@example.org", "lezer1@example.org"):
        for email in NAMES_OF_ONE:
            request_address_change(newsletter.store, public_id(newsletter, who), email, VIA)
    assert sql(newsletter.store, "SELECT count(*) FROM notices") == [(3,)]


def test_erasing_takes_one_button_more_and_leaves_nothing(newsletter: Newsletter, app: App) -> None:
    app.client.post(f"{unsubscribe_link(newsletter)}?voorkeuren")
    path = link_in(letters(newsletter, 1)[0])
    leave = unsubscribe_link(newsletter)
    app.client.post(path, data={"do": "address", "email": "anna@nieuw.example"})
    letters(newsletter, 2)
    assert "Ja, wis alles" in app.client.get(f"{path}?vergeten").text
    assert ANNA in statuses(newsletter.store)
    done = app.client.post(path, data={"do": "erase"})
    assert done.status_code == 200
    assert traces(newsletter.root, ANNA, "anna@nieuw.example") == []
    assert app.client.get(path).status_code == 404
    assert app.client.post(path, data={"do": "erase"}).status_code == 404
    assert app.unsubscribe(leave.removeprefix("/u/")).status_code == 200


def test_without_the_database_no_change_is_confirmed(newsletter: Newsletter, app: App) -> None:
    path, leave = link(newsletter), unsubscribe_link(newsletter)
    sql(newsletter.store, "UPDATE ledger SET closed_at = '2026-11-29'")
    for answer in (
        app.client.post(path, data={"do": "resume"}),
        app.client.post(f"{leave}?voorkeuren"),
    ):
        assert answer.status_code == 503
        assert "retry-after" in answer.headers


def test_no_token_and_no_address_is_in_the_log(newsletter: Newsletter, app: App) -> None:
    path = link(newsletter)
    app.client.get(path)
    app.client.post(path, data={"do": "address", "email": "anna@nieuw.example"})
    letters(newsletter, 1)
    app.stop()
    said = app.said()
    assert "/p/{token}" in said
    assert path.removeprefix("/p/") not in said
    assert "nieuw.example" not in said
    assert ANNA not in said
