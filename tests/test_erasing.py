"""Erasing a person: nothing of him is left, nothing brings him back, and counts still add up."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import threading
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from hooks import RESEND, Told
from house import COMMAND, House, Provider
from people import bring, freeze_batches, fresh_store, sql, statuses
from traces import traces
from visitors import VIA, send_due

from newsletter import delivery
from newsletter.errors import NewsletterError
from newsletter.model import Accepted, DeliveryState, Rejected, Unknown
from newsletter.providers.outbox import Outbox
from newsletter.subscriptions import people as list_
from newsletter.subscriptions.addresses import address_hash
from newsletter.subscriptions.erasing import erase
from newsletter.subscriptions.events import apply_waiting, keep
from newsletter.subscriptions.preferences import Moved, ask_for_change, confirm_change

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from newsletter.model import Batch, Outcome

    Run = Callable[..., subprocess.CompletedProcess[str]]

pytestmark = pytest.mark.usefixtures("database")

ANNA = "Anna.Teken@Example.org"
WORDS = ("anna.teken", "Annabelinda", "198.51.100.77", "Vroeg het op de markt")


@pytest.fixture
def house(root: Path) -> House:
    fresh_store(root).close()
    house = House(root)
    know_anna(house)
    return house


def know_anna(house: House) -> None:
    """Let everything be known of one reader that can be."""
    text = f"email,first_name,optin_ip,status\n{ANNA},Annabelinda,198.51.100.77,active\n"
    bring(house.store, house.root, text)
    (house.root / "list.csv").unlink()
    # A name as long as it may be spills over into pages of its own.
    list_.add(house.store, ANNA, consent="x", first_name="Annabelinda " + "Anna" * 20)
    house.sql("UPDATE subscribers SET status = 'pending' WHERE id = 26")
    list_.add(house.store, ANNA, consent="Vroeg het op de markt", first_name="Annabelinda")
    # Webhooks that wait: of one nobody could tell whose it is, of the other everybody.
    ((secret,),) = house.sql("SELECT suppression_key FROM ledger")
    digest = address_hash(secret, ANNA.lower())  # type: ignore[arg-type]
    for name, whose in (("a", None), ("b", digest)):
        sql(
            house.store,
            "INSERT INTO webhooks (provider, name, at, body, address_hash)"
            " VALUES ('resend', ?, '2026-11-29', ?, ?)",
            *(name, f'{{"to": "{ANNA}"}}', whose),
        )
    assert traces(house.root, *WORDS)


def test_nothing_of_an_erased_person_is_left_in_any_file_or_table(house: House) -> None:
    provider = Outbox(house.settings.state / "outbox")
    house.send(provider)  # type: ignore[arg-type]
    assert len(traces(house.root, *WORDS)) > 1
    assert erase(house.store, house.settings, ANNA.upper())
    assert traces(house.root, *WORDS) == []
    letters = list((house.settings.state / "outbox" / house.slug).glob("*.eml"))
    assert len(letters) == 25
    assert "lezer3@example.org" in statuses(house.store)


def test_nothing_is_left_of_the_addresses_that_he_had_before_or_wished_for(house: House) -> None:
    def move(who: str, to: str) -> str:
        query = "SELECT public_id FROM subscribers WHERE email = ?"
        ((public_id,),) = sql(house.store, query, who)
        assert ask_for_change(house.store, str(public_id), to, VIA)
        wish = "SELECT public_id FROM changes WHERE new_email = ? AND confirmed_at IS NULL"
        ((change,),) = sql(house.store, wish, to)
        return str(change)

    change = move(ANNA, "Anna.Teken@elders.example")
    assert confirm_change(house.store, change, VIA) is Moved.DONE
    move("Anna.Teken@elders.example", "anna.teken@later.example")
    move("lezer1@example.org", "anna.teken@ELDERS.example")
    # Webhooks that wait: with a reference that is nobody's, and one that nobody can read.
    for n, old in enumerate((ANNA, "anna.teken@later.example")):
        told = Told("delivered", "f" * 31 + str(n), old)
        keep(house.store, [("resend", f"name-{n}", RESEND.webhook(told)[0])])
        keep(
            house.store, [("resend", f"unread-{n}", json.dumps({"type": "?", "to": old}).encode())]
        )
    assert apply_waiting(house.store) == 0
    send_due(house, Outbox(house.settings.state / "outbox"))  # type: ignore[arg-type]
    assert len(traces(house.root, "anna.teken")) > 1
    assert erase(house.store, house.settings, "anna.teken@elders.example")
    assert traces(house.root, "anna.teken") == []
    assert house.sql("SELECT count(*) FROM changes") == [(0,)]


def test_nothing_is_left_after_many_have_come_gone_and_changed(house: House) -> None:
    """Pages that were split, joined and moved keep no copy either."""
    people = [f"anna.teken{n}@example.org" for n in range(300)]
    rows = "".join(f"{email},Annabelinda{n},active\n" for n, email in enumerate(people))
    bring(house.store, house.root, f"email,first_name,status\n{rows}")
    (house.root / "list.csv").unlink()
    house.send(Provider(house.root / "taken"))
    for n, email in enumerate((*people[::2], ANNA, *people[1::2])):
        if n % 50 == 0:
            list_.add(
                house.store, f"vriend{n}@example.org", consent="Ja", first_name="Bas" * (n // 10)
            )
        assert erase(house.store, house.settings, email)
    assert traces(house.root, *WORDS) == []


def test_his_deliveries_stay_without_him_and_add_up(house: House) -> None:
    provider = Provider(house.root / "taken")

    def refuse(batch: Batch) -> Mapping[str, Outcome] | None:
        return {
            r.ref: Rejected(f"{r.greeting} has no mailbox") if r.email == ANNA else Accepted("id")
            for r in batch.recipients
        }

    provider.answer = refuse
    house.send(provider)
    before = house.sql("SELECT state, count(*) FROM deliveries GROUP BY 1 ORDER BY 1")
    assert erase(house.store, house.settings, ANNA)
    assert house.sql("SELECT state, count(*) FROM deliveries GROUP BY 1 ORDER BY 1") == before
    assert house.sql(
        "SELECT state, reason, provider_id FROM deliveries WHERE subscriber_id IS NULL"
    ) == [("rejected", None, None)]
    assert traces(house.root, *WORDS) == []


def test_no_name_that_the_provider_has_for_his_letter_stays_or_comes_back(house: House) -> None:
    """By its name, the provider's own log tells whose it was: also by what it tells afterwards."""
    house.send(Provider(house.root / "taken"))
    ((ref,),) = house.sql("SELECT ref FROM deliveries WHERE subscriber_id = 26")

    def hear(kind: str, name: str) -> None:
        told = RESEND.webhook(Told(kind, str(ref), ANNA, provider_id=name))[0]
        keep(house.store, [("resend", name, told)])
        assert apply_waiting(house.store) == 1

    hear("accepted", "another-name")
    assert len(house.sql("SELECT * FROM acceptances")) == 1
    assert erase(house.store, house.settings, ANNA)
    when = house.sql("SELECT accepted_at FROM deliveries WHERE subscriber_id IS NULL")
    hear("delivered", "yet-another")
    assert house.sql("SELECT * FROM acceptances") == []
    assert house.sql(
        "SELECT state, provider_id, standing FROM deliveries WHERE subscriber_id IS NULL"
    ) == [("accepted", None, "delivered")]
    assert house.sql("SELECT accepted_at FROM deliveries WHERE subscriber_id IS NULL") == when


def test_an_event_still_proves_that_the_letter_of_somebody_who_is_gone_was_taken(
    house: House,
) -> None:
    def lose(batch: Batch) -> Mapping[str, Outcome]:
        return {reader.ref: Unknown("no answer") for reader in batch.recipients}

    provider = Provider(house.root / "taken", replay=timedelta(0))
    provider.answer = lose
    house.send(provider)
    ((ref,),) = house.sql("SELECT ref FROM deliveries WHERE subscriber_id = 26")
    assert erase(house.store, house.settings, ANNA)
    told = RESEND.webhook(Told("delivered", str(ref), ANNA, provider_id="a-name"))[0]
    keep(house.store, [("resend", "1", told)])
    apply_waiting(house.store)
    assert house.sql("SELECT state, provider_id FROM deliveries WHERE subscriber_id IS NULL") == [
        ("accepted", None)
    ]


def test_a_letter_that_is_still_owed_is_skipped_at_once(house: House) -> None:
    house.send(Provider(house.root / "taken"), limit=5)
    assert erase(house.store, house.settings, ANNA)
    assert house.sql("SELECT state, reason FROM deliveries WHERE subscriber_id IS NULL") == [
        ("skipped", "erased")
    ]
    provider = Provider(house.root / "taken")
    receipt = house.send(provider).receipt
    assert receipt.counts[DeliveryState.ACCEPTED] == 25
    assert receipt.counts[DeliveryState.SKIPPED] == 1
    assert ANNA not in provider.copies()


@pytest.mark.parametrize("replay", [timedelta(days=1), timedelta(0)])
def test_a_lost_request_with_somebody_who_was_erased_is_never_repeated(
    house: House, replay: timedelta
) -> None:
    provider = Provider(house.root / "taken", size=4, replay=replay)
    erased = threading.Event()

    def go(batch: Batch) -> Mapping[str, Outcome] | None:
        if any(reader.email == ANNA for reader in batch.recipients):
            assert erase(house.store, house.settings, ANNA)
            erased.set()
            return {reader.ref: Unknown("no answer") for reader in batch.recipients}
        return None

    provider.answer = go
    house.send(provider)
    assert erased.is_set()
    counts = dict(house.sql("SELECT state, count(*) FROM deliveries GROUP BY 1"))
    assert sum(counts.values()) == 26
    assert set(counts) == {"accepted", "unknown"}
    provider.answer = None
    house.send(provider)
    delivery.resolve(house.store, house.slug, delivery.Verdict.RESEND)
    house.send(provider)
    assert dict(house.sql("SELECT state, count(*) FROM deliveries GROUP BY 1")) == {
        "accepted": 25,
        "skipped": 1,
    }
    assert provider.copies()[ANNA] == 1
    (house.root / "taken").unlink()
    assert traces(house.root, *WORDS) == []


def test_at_any_moment_of_a_send_he_has_it_or_is_skipped(house: House) -> None:
    provider = Provider(house.root / "taken", size=1)
    victims = iter([f"lezer{n}@example.org" for n in range(24, -1, -2)])
    failures: list[Exception] = []

    def hunt() -> None:
        try:
            for email in victims:
                assert erase(house.store, house.settings, email)
        except Exception as error:  # noqa: BLE001 - the test tells
            failures.append(error)

    hunter = threading.Thread(target=hunt)
    hunter.start()
    report = house.send(provider)
    hunter.join()
    assert failures == []
    assert report.trouble is None
    counts = {state: n for state, n in report.receipt.counts.items() if n}
    assert set(counts) <= {DeliveryState.ACCEPTED, DeliveryState.SKIPPED}
    assert counts[DeliveryState.ACCEPTED] == len(provider.copies())
    assert set(provider.copies().values()) == {1}
    assert sum(counts.values()) == report.receipt.mailing.audience


def test_what_an_unsettled_request_kept_of_him_is_forgotten(house: House) -> None:
    freeze_batches(house.store)
    erase(house.store, house.settings, "lezer3@example.org")
    kept = dict(house.sql("SELECT key, snapshot IS NULL FROM batches"))
    assert [key for key, gone in kept.items() if gone] == ["with lezer3"]


def test_no_import_brings_him_back_and_nothing_of_it_is_kept(house: House) -> None:
    assert erase(house.store, house.settings, ANNA)
    old = f"email,first_name,status\n{ANNA},Annabelinda,active\nbas@example.org,Bas,active\n"
    report = bring(house.store, house.root, old)
    (house.root / "list.csv").unlink()
    assert report.reasons == {"erased here": 1}
    assert "bas@example.org" in statuses(house.store)
    assert traces(house.root, *WORDS) == []
    with pytest.raises(NewsletterError, match="erased"):
        list_.add(house.store, ANNA, consent="x")


def test_words_that_others_agreed_to_stay(house: House) -> None:
    list_.add(house.store, "bas@example.org", consent="Ja, graag")
    list_.add(house.store, "eva@example.org", consent="Gevraagd door Eva")
    erase(house.store, house.settings, ANNA)
    erase(house.store, house.settings, "eva@example.org")
    assert sql(house.store, "SELECT text FROM wordings") == [("Ja, graag",)]


def test_the_command_asks_and_show_says_what_is_left(house: House, run: Run) -> None:
    refused = run("subscribers", "erase", ANNA)
    assert (refused.returncode, refused.stdout) == (2, "")
    assert "--yes" in refused.stderr
    assert ANNA in statuses(house.store)
    done = run("subscribers", "erase", ANNA, "--yes", "--json")
    assert (done.returncode, json.loads(done.stdout), done.stderr) == (0, {"result": "erased"}, "")
    shown = json.loads(run("subscribers", "show", ANNA, "--json").stdout)
    assert shown.pop("at").endswith("Z")
    assert shown == {"status": "suppressed", "reason": "erased"}
    again = run("subscribers", "erase", ANNA, "--yes")
    assert (again.returncode, again.stdout) == (0, "Unchanged: was erased already.\n")
    stranger = run("subscribers", "erase", "wie@example.org", "--yes")
    assert (stranger.returncode, stranger.stdout) == (1, "")
    assert "@" not in stranger.stderr


@pytest.mark.parametrize("answer", ["y", "n"])
def test_a_person_at_a_terminal_is_asked(house: House, answer: str) -> None:
    controller, terminal = pty.openpty()
    with subprocess.Popen(
        [COMMAND, "subscribers", "erase", ANNA],
        cwd=house.root,
        env=os.environ,
        stdin=terminal,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
    ) as process:
        os.write(controller, f"{answer}\n".encode())
        out, _ = process.communicate(timeout=60)
    os.close(terminal)
    os.close(controller)
    assert (process.returncode, out) == ((0, "Erased.\n") if answer == "y" else (1, ""))
    assert (ANNA in statuses(house.store)) is (answer == "n")
