"""`newsletter subscribers show`: what it says of a person who got a letter twice."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from newsletter.subscriptions import admin as list_
from newsletter.subscriptions.preferences import own_data
from tests.support.newsletter import FakeProvider, Newsletter

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable
    from pathlib import Path

    Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def newsletter(root: Path, database: str) -> Newsletter:
    assert database
    return Newsletter(root, subscribers=0)


@pytest.fixture
def show(run: Run) -> Callable[[str], Any]:
    def show(email: str) -> Any:  # noqa: ANN401 - JSON
        done = run("subscribers", "show", email, "--json")
        assert (done.returncode, done.stderr) == (0, "")
        return json.loads(done.stdout)

    return show


def join(newsletter: Newsletter, *emails: str) -> None:
    for email in emails:
        list_.add(newsletter.store, email, consent="ja")


@pytest.mark.parametrize(
    "same",
    [
        ["anna@example.org", "Anna+news@Example.org", "anna+2@example.org", "anna+a+b@example.org"],
        ["jan.jansen@gmail.com", "janjansen+x@gmail.com", "j.a.n.jansen@googlemail.com"],
        ["kees_de-wit@proton.me", "keesdewit@pm.me", "Kees.de.Wit+x@protonmail.com"],
        ["piet@icloud.com", "piet@me.com", "Piet+x@mac.com"],
    ],
)
def test_each_of_them_is_listed_as_a_similar_address_of_the_others(
    newsletter: Newsletter, same: list[str]
) -> None:
    join(newsletter, *same)
    for one in same:
        alike = [found.subscriber.email for found in list_.find_same_mailbox(newsletter.store, one)]
        assert alike == [other for other in same if other != one]


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_other_people_are_other_people(newsletter: Newsletter) -> None:
    different = [
        *("jan.jansen@example.org", "janjansen@example.org", "jan-jansen@gmail.com"),
        *("janjansen@gmail.com", "janjansen@gmial.com", "janjansen@outlook.com"),
        *("janjansen@proton.me", "jan.jansen@icloud.com", "janjansen@icloud.com"),
        *("+janjansen@example.org", "janjansen-news@example.org", "janjansen@mail.example.org"),
        *("anjansen@gmail.com", "janjansen@x-gmail.com"),
    ]
    join(newsletter, *different)
    for one in different:
        assert list_.find_same_mailbox(newsletter.store, one) == ()


def test_a_similar_address_is_shown_with_its_status_and_deliveries(
    newsletter: Newsletter, show: Callable[[str], Any], tmp_path: Path
) -> None:
    join(
        newsletter, "jan.jansen@gmail.com", "JanJansen+brief@googlemail.com", "janjansen@gmail.com"
    )
    join(newsletter, "jan.jansen@gmail.nl", "jan.jansen.x@gmail.com", "jan@gmail.com")
    newsletter.send(FakeProvider(tmp_path / "taken"))
    join(newsletter, "janjansen+later@gmail.com")
    list_.unsubscribe(newsletter.store, "janjansen@gmail.com")
    assert show("Jan.Jansen@gmail.com")["look_alikes"] == [
        {
            "email": "JanJansen+brief@googlemail.com",
            "status": "active",
            "why": "gmail.com and googlemail.com are one, dots do not count there, "
            "what follows + is a label",
            "issues": [newsletter.slug],
        },
        {
            "email": "janjansen@gmail.com",
            "status": "unsubscribed",
            "why": "dots do not count there",
            "issues": [newsletter.slug],
        },
        {
            "email": "janjansen+later@gmail.com",
            "status": "active",
            "why": "dots do not count there, what follows + is a label",
            "issues": [],
        },
    ]


def test_wildcards_of_the_database_are_plain_characters(
    newsletter: Newsletter, show: Callable[[str], Any]
) -> None:
    join(
        newsletter,
        "a%b@my-site.example.org",
        "a%b+x@my-site.example.org",
        "axb+x@my-site.example.org",
    )
    join(
        newsletter,
        "a%b+x@mysite.example.org",
        "a_b@my-site.example.org",
        "a_b+x@my-site.example.org",
    )
    (alike,) = show("a%b@my-site.example.org")["look_alikes"]
    assert alike["email"] == "a%b+x@my-site.example.org"
    (alike,) = show("a_b@my-site.example.org")["look_alikes"]
    assert alike["email"] == "a_b+x@my-site.example.org"


def test_every_acceptance_of_a_letter_is_shown_in_the_order_of_time(
    newsletter: Newsletter, run: Run, show: Callable[[str], Any], tmp_path: Path
) -> None:
    join(newsletter, "anna@example.org")
    newsletter.send(FakeProvider(tmp_path / "taken"))
    ((own,),) = newsletter.sql("SELECT provider_id FROM deliveries")
    for name, at in (("late", "2999-01-02 03:04:05.000000"), (own, "2999-01-03 03:04:05.000000")):
        newsletter.sql(
            "INSERT INTO acceptances (delivery_id, provider_id, at) "  # noqa: S608
            f"VALUES (1, '{name}', '{at}+00:00')"
        )
    found = show("anna@example.org")
    (delivery,) = found["deliveries"]
    assert (delivery["issue"], delivery["state"], delivery["assumed"]) == (
        newsletter.slug,
        "accepted",
        False,
    )
    assert delivery["acceptances"] == [
        {"at": delivery["accepted_at"], "provider_id": own},
        {"at": "2999-01-02T03:04:05Z", "provider_id": "late"},
    ]
    assert found["look_alikes"] == []
    text = run("subscribers", "show", "anna@example.org").stdout
    assert "    2999-01-02 04:04:05 accepted by fake as late\n" in text
    assert f"{newsletter.slug} may have arrived 2 times" in text
    assert "no letter was accepted twice" not in text


def test_what_no_provider_named_has_no_acceptance(
    newsletter: Newsletter, run: Run, show: Callable[[str], Any], tmp_path: Path
) -> None:
    join(newsletter, "anna@example.org")
    newsletter.send(FakeProvider(tmp_path / "taken"))
    newsletter.sql("UPDATE deliveries SET assumed = true, accepted_at = NULL, provider_id = NULL")
    (delivery,) = show("anna@example.org")["deliveries"]
    assert (delivery["assumed"], delivery["acceptances"]) == (True, [])
    text = run("subscribers", "show", "anna@example.org").stdout
    assert f"{newsletter.slug}: accepted, assumed by a person\n" in text
    assert "no letter was accepted twice, and nobody else has another spelling" in text


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_a_history_is_readable_text(newsletter: Newsletter, run: Run) -> None:
    list_.add(newsletter.store, "Anna@example.org", consent="Ja, graag", first_name="Anna")
    join(newsletter, "anna+x@example.org")
    newsletter.sql("UPDATE subscribers SET created_at = '2026-01-02 03:04:05', confirmed_at = NULL")
    first, since, agreed, alike = run("subscribers", "show", "anna@example.org").stdout.splitlines()
    assert first == "Anna@example.org: active (Anna)"
    assert since == "  on the list since 2026-01-02 04:04, by cli"
    assert agreed.endswith('(cli): "Ja, graag"')
    assert alike == (
        "  possibly the same mailbox: anna+x@example.org, active (what follows + is a label)"
    )


def test_an_unknown_address_is_reported_with_similar_ones(newsletter: Newsletter, run: Run) -> None:
    join(newsletter, "janjansen@gmail.com")
    done = run("subscribers", "show", "jan.jansen@googlemail.com")
    assert (done.returncode, done.stdout) == (1, "")
    assert "but 1 has another spelling of it" in done.stderr
    assert "@" not in done.stderr


def test_a_subscribers_export_names_nobody_else(newsletter: Newsletter) -> None:
    join(newsletter, "anna@example.org", "anna+x@example.org")
    ((public_id,),) = newsletter.sql("SELECT public_id FROM subscribers WHERE id = 1")
    assert list_.find_same_mailbox(newsletter.store, "anna@example.org")
    assert "anna+x" not in json.dumps(own_data(newsletter.store, str(public_id)))
