"""Erasing a person: nothing of them is left, nothing brings them back, and counts still add up."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import threading
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from newsletter import delivery
from newsletter.addresses import address_hash
from newsletter.errors import NewsletterError
from newsletter.model import Accepted, DeliveryState, RecipientRejected, Unknown
from newsletter.providers.outbox.send import Outbox
from newsletter.subscriptions import admin as list_
from newsletter.subscriptions.erasure import erase
from newsletter.subscriptions.events import apply_waiting
from newsletter.subscriptions.preferences import (
    AddressChangeState,
    confirm_address_change,
    request_address_change,
)
from tests.support.newsletter import FakeProvider, Newsletter
from tests.support.personal_data import traces
from tests.support.processes import COMMAND
from tests.support.providers.webhooks import RESEND, ReportedEvent, keep
from tests.support.signups import VIA, send_due
from tests.support.subscribers import freeze_batches, fresh_store, import_text, sql, statuses

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from newsletter.model import Batch, Outcome

    Run = Callable[..., subprocess.CompletedProcess[str]]

pytestmark = pytest.mark.usefixtures("database")

ANNA = "Anna.Teken@Example.org"
WORDS = ("anna.teken", "Annabelinda", "198.51.100.77", "Vroeg het op de markt")


@pytest.fixture
def newsletter(root: Path) -> Newsletter:
    fresh_store(root).close()
    newsletter = Newsletter(root)
    know_anna(newsletter)
    return newsletter


def know_anna(newsletter: Newsletter) -> None:
    """Let everything be known of one subscriber that can be."""
    text = f"email,first_name,optin_ip,status\n{ANNA},Annabelinda,198.51.100.77,active\n"
    import_text(newsletter.store, newsletter.root, text)
    (newsletter.root / "list.csv").unlink()
    # A name as long as it may be spills over into pages of its own.
    list_.add(newsletter.store, ANNA, consent="x", first_name="Annabelinda " + "Anna" * 20)
    newsletter.sql("UPDATE subscribers SET status = 'pending' WHERE id = 26")
    list_.add(newsletter.store, ANNA, consent="Vroeg het op de markt", first_name="Annabelinda")
    # Webhooks that wait: one does not show whose it is, the other does.
    ((secret,),) = newsletter.sql("SELECT suppression_key FROM ledger")
    digest = address_hash(secret, ANNA.lower())  # type: ignore[arg-type]
    for name, whose in (("a", None), ("b", digest)):
        sql(
            newsletter.store,
            "INSERT INTO webhooks (provider, name, at, body, address_hash)"
            " VALUES ('resend', ?, '2026-11-29', ?, ?)",
            *(name, f'{{"to": "{ANNA}"}}', whose),
        )
    assert traces(newsletter.root, *WORDS)


def test_nothing_of_an_erased_person_is_left_in_any_file_or_table(newsletter: Newsletter) -> None:
    provider = Outbox(newsletter.settings.state / "outbox")
    newsletter.send(provider)  # type: ignore[arg-type]
    assert len(traces(newsletter.root, *WORDS)) > 1
    assert erase(newsletter.store, newsletter.settings, ANNA.upper())
    assert traces(newsletter.root, *WORDS) == []
    letters = list((newsletter.settings.state / "outbox" / newsletter.slug).glob("*.eml"))
    assert len(letters) == 25
    assert "lezer3@example.org" in statuses(newsletter.store)


def test_nothing_is_left_of_earlier_and_requested_addresses(
    newsletter: Newsletter,
) -> None:
    def move(who: str, to: str) -> str:
        query = "SELECT public_id FROM subscribers WHERE email = ?"
        ((public_id,),) = sql(newsletter.store, query, who)
        assert request_address_change(newsletter.store, str(public_id), to, VIA)
        query = "SELECT public_id FROM address_changes WHERE new_email = ? AND confirmed_at IS NULL"
        ((change,),) = sql(newsletter.store, query, to)
        return str(change)

    change = move(ANNA, "Anna.Teken@elders.example")
    assert confirm_address_change(newsletter.store, change, VIA) is AddressChangeState.DONE
    move("Anna.Teken@elders.example", "anna.teken@later.example")
    move("lezer1@example.org", "anna.teken@ELDERS.example")
    # Webhooks that wait: with a reference that is nobody's, and one that nobody can read.
    for n, old in enumerate((ANNA, "anna.teken@later.example")):
        reported = ReportedEvent("delivered", "f" * 31 + str(n), old)
        keep(newsletter.store, [("resend", f"name-{n}", RESEND.webhook(reported)[0])])
        keep(
            newsletter.store,
            [("resend", f"unread-{n}", json.dumps({"type": "?", "to": old}).encode())],
        )
    assert apply_waiting(newsletter.store) == 0
    send_due(newsletter, Outbox(newsletter.settings.state / "outbox"))  # type: ignore[arg-type]
    assert len(traces(newsletter.root, "anna.teken")) > 1
    assert erase(newsletter.store, newsletter.settings, "anna.teken@elders.example")
    assert traces(newsletter.root, "anna.teken") == []
    assert newsletter.sql("SELECT count(*) FROM address_changes") == [(0,)]


def test_nothing_is_left_after_many_have_come_gone_and_changed(newsletter: Newsletter) -> None:
    """Pages that were split, joined and moved keep no copy either."""
    people = [f"anna.teken{n}@example.org" for n in range(300)]
    rows = "".join(f"{email},Annabelinda{n},active\n" for n, email in enumerate(people))
    import_text(newsletter.store, newsletter.root, f"email,first_name,status\n{rows}")
    (newsletter.root / "list.csv").unlink()
    newsletter.send(FakeProvider(newsletter.root / "taken"))
    for n, email in enumerate((*people[::2], ANNA, *people[1::2])):
        if n % 50 == 0:
            list_.add(
                newsletter.store,
                f"vriend{n}@example.org",
                consent="Ja",
                first_name="Bas" * (n // 10),
            )
        assert erase(newsletter.store, newsletter.settings, email)
    assert traces(newsletter.root, *WORDS) == []


def test_deliveries_of_an_erased_subscriber_stay_anonymous_and_add_up(
    newsletter: Newsletter,
) -> None:
    provider = FakeProvider(newsletter.root / "taken")

    def refuse(batch: Batch) -> Mapping[str, Outcome] | None:
        return {
            r.ref: RecipientRejected(f"{r.greeting} has no mailbox")
            if r.email == ANNA
            else Accepted("id")
            for r in batch.recipients
        }

    provider.answer = refuse
    newsletter.send(provider)
    before = newsletter.sql("SELECT state, count(*) FROM deliveries GROUP BY 1 ORDER BY 1")
    assert erase(newsletter.store, newsletter.settings, ANNA)
    assert newsletter.sql("SELECT state, count(*) FROM deliveries GROUP BY 1 ORDER BY 1") == before
    assert newsletter.sql(
        "SELECT state, reason, provider_id FROM deliveries WHERE subscriber_id IS NULL"
    ) == [("rejected", None, None)]
    assert traces(newsletter.root, *WORDS) == []


def test_no_provider_id_of_an_erased_subscribers_letter_stays_or_comes_back(
    newsletter: Newsletter,
) -> None:
    """By its id, the provider's own log shows whose it was: also by what it reports later."""
    newsletter.send(FakeProvider(newsletter.root / "taken"))
    ((ref,),) = newsletter.sql("SELECT ref FROM deliveries WHERE subscriber_id = 26")

    def hear(kind: str, name: str) -> None:
        reported = RESEND.webhook(ReportedEvent(kind, str(ref), ANNA, provider_id=name))[0]
        keep(newsletter.store, [("resend", name, reported)])
        assert apply_waiting(newsletter.store) == 1

    hear("accepted", "another-name")
    assert len(newsletter.sql("SELECT * FROM acceptances")) == 1
    assert erase(newsletter.store, newsletter.settings, ANNA)
    when = newsletter.sql("SELECT accepted_at FROM deliveries WHERE subscriber_id IS NULL")
    hear("delivered", "yet-another")
    assert newsletter.sql("SELECT * FROM acceptances") == []
    assert newsletter.sql(
        "SELECT state, provider_id, strongest_event FROM deliveries WHERE subscriber_id IS NULL"
    ) == [("accepted", None, "delivered")]
    assert newsletter.sql("SELECT accepted_at FROM deliveries WHERE subscriber_id IS NULL") == when


def test_an_event_still_proves_that_an_erased_subscribers_letter_was_accepted(
    newsletter: Newsletter,
) -> None:
    def lose(batch: Batch) -> Mapping[str, Outcome]:
        return {subscriber.ref: Unknown("no answer") for subscriber in batch.recipients}

    provider = FakeProvider(newsletter.root / "taken", replay=timedelta(0))
    provider.answer = lose
    newsletter.send(provider)
    ((ref,),) = newsletter.sql("SELECT ref FROM deliveries WHERE subscriber_id = 26")
    assert erase(newsletter.store, newsletter.settings, ANNA)
    reported = RESEND.webhook(ReportedEvent("delivered", str(ref), ANNA, provider_id="a-name"))[0]
    keep(newsletter.store, [("resend", "1", reported)])
    apply_waiting(newsletter.store)
    assert newsletter.sql(
        "SELECT state, provider_id FROM deliveries WHERE subscriber_id IS NULL"
    ) == [("accepted", None)]


def test_a_letter_that_is_still_owed_is_skipped_at_once(newsletter: Newsletter) -> None:
    newsletter.send(FakeProvider(newsletter.root / "taken"), limit=5)
    assert erase(newsletter.store, newsletter.settings, ANNA)
    assert newsletter.sql("SELECT state, reason FROM deliveries WHERE subscriber_id IS NULL") == [
        ("skipped", "erased")
    ]
    provider = FakeProvider(newsletter.root / "taken")
    report = newsletter.send(provider).report
    assert report.counts[DeliveryState.ACCEPTED] == 25
    assert report.counts[DeliveryState.SKIPPED] == 1
    assert ANNA not in provider.copies()


@pytest.mark.parametrize("replay", [timedelta(days=1), timedelta(0)])
def test_a_lost_request_with_an_erased_subscriber_is_never_repeated(
    newsletter: Newsletter, replay: timedelta
) -> None:
    provider = FakeProvider(newsletter.root / "taken", size=4, replay=replay)
    erased = threading.Event()

    def go(batch: Batch) -> Mapping[str, Outcome] | None:
        if any(subscriber.email == ANNA for subscriber in batch.recipients):
            assert erase(newsletter.store, newsletter.settings, ANNA)
            erased.set()
            return {subscriber.ref: Unknown("no answer") for subscriber in batch.recipients}
        return None

    provider.answer = go
    newsletter.send(provider)
    assert erased.is_set()
    counts = dict(newsletter.sql("SELECT state, count(*) FROM deliveries GROUP BY 1"))
    assert sum(counts.values()) == 26
    assert set(counts) == {"accepted", "unknown"}
    provider.answer = None
    newsletter.send(provider)
    delivery.resolve_unknown(newsletter.store, newsletter.slug, delivery.UnknownDecision.RESEND)
    newsletter.send(provider)
    assert dict(newsletter.sql("SELECT state, count(*) FROM deliveries GROUP BY 1")) == {
        "accepted": 25,
        "skipped": 1,
    }
    assert provider.copies()[ANNA] == 1
    (newsletter.root / "taken").unlink()
    assert traces(newsletter.root, *WORDS) == []


def test_erasure_at_any_moment_of_a_send_gives_one_letter_or_a_skipped_delivery(
    newsletter: Newsletter,
) -> None:
    provider = FakeProvider(newsletter.root / "taken", size=1)
    victims = iter([f"lezer{n}@example.org" for n in range(24, -1, -2)])
    failures: list[Exception] = []

    def hunt() -> None:
        try:
            for email in victims:
                assert erase(newsletter.store, newsletter.settings, email)
        except Exception as error:  # noqa: BLE001 - the test says
            failures.append(error)

    hunter = threading.Thread(target=hunt)
    hunter.start()
    result = newsletter.send(provider)
    hunter.join()
    assert failures == []
    assert result.error is None
    counts = {state: n for state, n in result.report.counts.items() if n}
    assert set(counts) <= {DeliveryState.ACCEPTED, DeliveryState.SKIPPED}
    assert counts[DeliveryState.ACCEPTED] == len(provider.copies())
    assert set(provider.copies().values()) == {1}
    assert sum(counts.values()) == result.report.mailing.audience


def test_what_an_unsettled_request_kept_of_an_erased_subscriber_is_removed(
    newsletter: Newsletter,
) -> None:
    freeze_batches(newsletter.store)
    erase(newsletter.store, newsletter.settings, "lezer3@example.org")
    kept = dict(newsletter.sql("SELECT key, snapshot IS NULL FROM batches"))
    assert [key for key, gone in kept.items() if gone] == ["with lezer3"]


def test_no_import_restores_an_erased_subscriber_and_nothing_of_it_is_kept(
    newsletter: Newsletter,
) -> None:
    assert erase(newsletter.store, newsletter.settings, ANNA)
    old = f"email,first_name,status\n{ANNA},Annabelinda,active\nbas@example.org,Bas,active\n"
    result = import_text(newsletter.store, newsletter.root, old)
    (newsletter.root / "list.csv").unlink()
    assert result.reasons == {"erased here": 1}
    assert "bas@example.org" in statuses(newsletter.store)
    assert traces(newsletter.root, *WORDS) == []
    with pytest.raises(NewsletterError, match="erased"):
        list_.add(newsletter.store, ANNA, consent="x")


def test_words_that_others_agreed_to_stay(newsletter: Newsletter) -> None:
    list_.add(newsletter.store, "bas@example.org", consent="Ja, graag")
    list_.add(newsletter.store, "eva@example.org", consent="Gevraagd door Eva")
    erase(newsletter.store, newsletter.settings, ANNA)
    erase(newsletter.store, newsletter.settings, "eva@example.org")
    assert sql(newsletter.store, "SELECT text FROM wordings") == [("Ja, graag",)]


def test_the_command_asks_and_show_says_what_is_left(newsletter: Newsletter, run: Run) -> None:
    refused = run("subscribers", "erase", ANNA)
    assert (refused.returncode, refused.stdout) == (2, "")
    assert "--yes" in refused.stderr
    assert ANNA in statuses(newsletter.store)
    done = run("subscribers", "erase", ANNA, "--yes", "--json")
    assert (done.returncode, json.loads(done.stdout), done.stderr) == (0, {"result": "erased"}, "")
    shown = json.loads(run("subscribers", "show", ANNA, "--json").stdout)
    assert shown.pop("at").endswith("Z")
    assert shown == {"status": "suppressed", "reason": "erased"}
    again = run("subscribers", "erase", ANNA, "--yes")
    assert (again.returncode, again.stdout) == (0, "Unchanged: erased already.\n")
    stranger = run("subscribers", "erase", "wie@example.org", "--yes")
    assert (stranger.returncode, stranger.stdout) == (1, "")
    assert "@" not in stranger.stderr


@pytest.mark.parametrize("answer", ["y", "n"])
def test_a_person_at_a_terminal_is_asked(newsletter: Newsletter, answer: str) -> None:
    controller, terminal = pty.openpty()
    with subprocess.Popen(
        [COMMAND, "subscribers", "erase", ANNA],
        cwd=newsletter.root,
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
    assert (ANNA in statuses(newsletter.store)) is (answer == "n")
