"""What events change, whatever order they come in, on both databases."""

from __future__ import annotations

import contextlib
import dataclasses
import itertools
import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from newsletter import delivery
from newsletter.addresses import address_hash
from newsletter.model import Accepted, DeliveryState, Event, EventKind, ProviderSuppression, Unknown
from newsletter.store import notices, suppressions, webhooks
from newsletter.store.database import Lock, lock
from newsletter.subscriptions.event_effects import apply, apply_suppressions
from newsletter.subscriptions.events import apply_since, apply_waiting
from newsletter.subscriptions.preferences import (
    AddressChangeState,
    address_change_state,
    confirm_address_change,
    request_address_change,
)
from tests.support.events import Letters, email
from tests.support.newsletter import FakeProvider, Newsletter
from tests.support.providers.webhooks import LETTERMINT, MAILGUN, RESEND, ReportedEvent, keep
from tests.support.signups import VIA
from tests.support.subscribers import sql

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from newsletter.model import Batch, MailingReport, Outcome

pytestmark = pytest.mark.usefixtures("database")

DAY = 86_400.0


@pytest.fixture
def letters(root: Path, tmp_path: Path) -> Letters:
    """Return a newsletter of which one issue has left, to three subscribers."""
    found = Letters(Newsletter(root, subscribers=3), tmp_path / "taken")
    found.send()
    return found


def report(letters: Letters) -> MailingReport:
    (found,) = delivery.recent_reports(letters.newsletter.store, 1)
    return found


# Who may be mailed


@pytest.mark.parametrize(
    ("kind", "status"),
    [
        ("accepted", "active"),
        ("deferred", "active"),
        ("delivered", "active"),
        ("failed", "active"),
        ("soft bounce", "active"),
        ("hard bounce", "bounced"),
        ("complaint", "complained"),
        ("suppressed", "complained"),
    ],
)
def test_each_event_says_who_may_be_mailed(kind: str, status: str, letters: Letters) -> None:
    assert letters.receive(letters.event(kind)) == 1
    assert letters.status() == status
    assert letters.status(1) == "active"
    assert letters.kinds() == [kind]


def test_an_unsubscribe_at_the_provider_is_one_here(letters: Letters) -> None:
    letters.receive(letters.event("unsubscribe"), sender=MAILGUN)
    assert letters.status() == "unsubscribed"
    assert letters.standing() == "delivered"


def test_a_bounced_subscriber_gets_no_letter_that_is_still_to_be_claimed(letters: Letters) -> None:
    letters.receive(letters.event("hard bounce"))
    letters.send("later")
    assert email(0) not in {entry["email"] for entry in letters.provider.taken()[3:]}
    assert len(letters.provider.taken()) == 5


def test_after_a_complaint_during_a_mailing_the_subscriber_is_skipped(letters: Letters) -> None:
    """Their delivery in the mailing under way is skipped, and the copy of their data is deleted."""
    complaint = letters.event("complaint", 2)

    def complain(_batch: Batch) -> None:
        letters.receive(complaint)

    letters.provider = FakeProvider(letters.provider.ledger, size=1, answer=complain)
    letters.send("later")
    assert letters.status(2) == "complained"
    assert [one.state.value for one in letters.history(2).deliveries] == ["accepted", "skipped"]
    assert email(2) not in {entry["email"] for entry in letters.provider.taken()[3:]}


def test_the_most_serious_event_stays_whatever_comes_later(letters: Letters) -> None:
    letters.receive(letters.event("complaint"))
    letters.receive(letters.event("hard bounce"), letters.event("delivered"))
    letters.receive(letters.event("unsubscribe"), sender=LETTERMINT)
    assert letters.status() == "complained"
    assert letters.standing() == "complaint"


def test_who_unsubscribed_and_complains_has_complained(letters: Letters) -> None:
    letters.receive(letters.event("unsubscribe", ago=60), sender=MAILGUN)
    left_at = sql(letters.newsletter.store, "SELECT left_at FROM subscribers WHERE id = 1")
    letters.receive(letters.event("complaint"))
    assert letters.status() == "complained"
    # The time since when they get nothing does not change.
    assert sql(letters.newsletter.store, "SELECT left_at FROM subscribers WHERE id = 1") == left_at


def test_what_is_older_than_the_last_confirmation_changes_nothing(letters: Letters) -> None:
    letters.confirm(ago=60)
    letters.receive(*(letters.event(kind, ago=90) for kind in ("hard bounce", "complaint")))
    assert letters.status() == "active"
    # But it is known of the letter, and reported.
    assert letters.standing() == "complaint"
    assert letters.kinds() == ["complaint", "hard bounce"]


def test_only_a_confirmation_restores_a_bounced_subscriber(letters: Letters) -> None:
    letters.receive(letters.event("hard bounce", ago=60))
    letters.receive(letters.event("delivered"))
    assert letters.status() == "bounced"
    letters.confirm()
    letters.receive(letters.event("hard bounce", ago=120))
    assert letters.status() == "active"


EVENTS = st.tuples(
    st.sampled_from(list(EventKind)),
    st.integers(0, 6).map(lambda minutes: minutes * 60.0),
    st.booleans(),
)


class _Undo(Exception):  # noqa: N818 - it only rolls a transaction back
    pass


@settings(max_examples=25, deadline=None, suppress_health_check=[*HealthCheck])
@given(four=st.lists(EVENTS, min_size=4, max_size=4), confirmed=st.integers(0, 6))
def test_the_order_of_events_never_matters(
    four: list[tuple[EventKind, float, bool]], confirmed: int, letters: Letters
) -> None:
    """All orders of any four events of two letters end alike, one by one or all at once."""
    if len(letters.provider.taken()) == 3:
        letters.send("another")
    letters.confirm(ago=confirmed * 60.0 - 30)
    slugs = sorted({entry.issue for entry in letters.history().deliveries})
    reported = [
        Event(kind, datetime.now(UTC) - timedelta(seconds=ago), letters.ref(0, slugs[other]), "id")
        for kind, ago, other in four
    ]
    ends = set()
    for order in itertools.permutations(reported):
        for groups in ([[event] for event in order], [list(order)]):
            with contextlib.suppress(_Undo), letters.newsletter.store.write() as connection:
                for group in groups:
                    assert len(apply(connection, "resend", group).places) == len(group)
                ends.add(
                    str(
                        [
                            connection.exec_driver_sql(query).all()
                            for query in (
                                "SELECT status, left_at FROM subscribers ORDER BY id",
                                "SELECT strongest_event, state FROM deliveries ORDER BY id",
                                "SELECT provider_id FROM deliveries ORDER BY id",
                                "SELECT kind, at, delivery_id FROM events ORDER BY 1, 2, 3",
                            )
                        ]
                    )
                )
                raise _Undo
    assert len(ends) == 1


def test_of_one_kind_the_first_moment_is_reported(letters: Letters) -> None:
    letters.receive(letters.event("deferred", ago=50))
    letters.receive(letters.event("deferred", ago=70), letters.event("deferred", ago=10))
    (event,) = letters.history().events
    assert abs(event.at - (datetime.now(UTC) - timedelta(seconds=70))) < timedelta(seconds=9)


# Soft bounces


def test_five_letters_given_up_in_a_row_are_enough(letters: Letters) -> None:
    for number in range(4):
        letters.receive(
            letters.event("soft bounce", ago=100 - number), letters.event("delivered", 1)
        )
        assert letters.status() == "active"
        letters.send(f"week-{number}")
    letters.receive(letters.event("soft bounce"))
    assert letters.status() == "bounced"
    assert letters.status(1) == "active"


def test_one_that_arrives_begins_the_count_anew(letters: Letters) -> None:
    for number in range(9):
        kind = "delivered" if number == 4 else "soft bounce"
        letters.receive(letters.event(kind, ago=100 - number))
        assert letters.status() == "active"
        letters.send(f"week-{number}")
    letters.receive(letters.event("soft bounce"))
    assert letters.status() == "bounced"


def test_a_letter_given_up_twice_counts_once(letters: Letters) -> None:
    for number in range(8):
        letters.receive(letters.event("soft bounce", ago=100 - number))
    assert letters.status() == "active"
    assert letters.kinds() == ["soft bounce"]


def test_five_soft_bounces_far_apart_are_not_enough(letters: Letters) -> None:
    for number in range(5):
        letters.receive(letters.event("soft bounce", ago=(4 - number) * 23 * DAY))
        letters.send(f"week-{number}")
    assert letters.status() == "active"


def test_those_before_a_confirmation_do_not_count(letters: Letters) -> None:
    for number in range(4):
        letters.receive(letters.event("soft bounce", ago=100 - number))
        letters.send(f"week-{number}")
    letters.confirm(ago=50)
    letters.receive(letters.event("soft bounce"))
    assert letters.status() == "active"


# Whoever has another address by now

NEW = "nieuw@example.org"


def new_address_link(letters: Letters, to: str = NEW) -> str:
    """Let the first subscriber ask for another address; return the id in its link."""
    store = letters.newsletter.store
    ((public_id,),) = sql(store, "SELECT public_id FROM subscribers WHERE id = 1")
    assert request_address_change(store, str(public_id), to, VIA)
    ((change,),) = sql(store, "SELECT public_id FROM address_changes WHERE confirmed_at IS NULL")
    return str(change)


def standing(letters: Letters) -> str:
    return str(sql(letters.newsletter.store, "SELECT status FROM subscribers WHERE id = 1")[0][0])


@pytest.mark.parametrize(
    ("kind", "status"),
    [("hard bounce", "active"), ("complaint", "complained"), ("unsubscribe", "unsubscribed")],
)
def test_that_a_letter_to_the_old_address_came_back_says_nothing_of_the_new_one(
    kind: str, status: str, letters: Letters
) -> None:
    reported = letters.event(kind)
    assert (
        confirm_address_change(letters.newsletter.store, new_address_link(letters), VIA)
        is AddressChangeState.DONE
    )
    letters.receive(dataclasses.replace(reported, at=time.time() + 1), sender=MAILGUN)
    assert standing(letters) == status
    ((what,),) = sql(
        letters.newsletter.store,
        "SELECT strongest_event FROM deliveries WHERE ref = ?",
        reported.ref,
    )
    assert what == ("delivered" if kind == "unsubscribe" else kind)


def test_a_letter_to_the_new_address_that_comes_back_counts(letters: Letters) -> None:
    ref = letters.ref()
    assert (
        confirm_address_change(letters.newsletter.store, new_address_link(letters), VIA)
        is AddressChangeState.DONE
    )
    letters.receive(ReportedEvent("hard bounce", ref, NEW.upper(), at=time.time() + 1))
    assert standing(letters) == "bounced"


def test_letters_to_the_old_address_that_were_given_up_are_not_counted(letters: Letters) -> None:
    for number in range(4):
        letters.receive(letters.event("soft bounce", ago=100 - number))
        letters.send(f"week-{number}")
    fourth = letters.event("soft bounce")
    assert (
        confirm_address_change(letters.newsletter.store, new_address_link(letters), VIA)
        is AddressChangeState.DONE
    )
    letters.receive(dataclasses.replace(fourth, at=time.time() + 1))
    letters.send("week-5")
    query = "SELECT ref FROM deliveries WHERE subscriber_id = 1 ORDER BY id DESC LIMIT 1"
    ((ref,),) = sql(letters.newsletter.store, query)
    letters.receive(ReportedEvent("soft bounce", str(ref), NEW, at=time.time() + 2))
    assert standing(letters) == "active"


def test_who_has_another_address_because_the_old_one_bounced_is_on_the_list(
    letters: Letters,
) -> None:
    change = new_address_link(letters)
    letters.receive(letters.event("hard bounce"))
    assert standing(letters) == "bounced"
    assert address_change_state(letters.newsletter.store, change) is AddressChangeState.OPEN
    assert confirm_address_change(letters.newsletter.store, change, VIA) is AddressChangeState.DONE
    assert standing(letters) == "active"
    letters.send("later")
    assert letters.provider.copies()[NEW] == 1


@pytest.mark.parametrize("kind", ["complaint", "unsubscribe"])
def test_a_link_to_change_an_address_is_invalid_after_an_unsubscribe(
    kind: str, letters: Letters
) -> None:
    change = new_address_link(letters)
    letters.receive(letters.event(kind), sender=MAILGUN)
    gone = standing(letters)
    assert address_change_state(letters.newsletter.store, change) is AddressChangeState.NOTHING
    assert (
        confirm_address_change(letters.newsletter.store, change, VIA) is AddressChangeState.NOTHING
    )
    assert (standing(letters), bool(letters.history())) == (gone, True)


# What was unknown


def lose(batch: Batch) -> Mapping[str, Outcome]:
    return {subscriber.ref: Unknown("the answer was lost") for subscriber in batch.recipients}


@pytest.fixture
def unknown_letters(root: Path, tmp_path: Path) -> Letters:
    """Return a newsletter whose provider knows no keys, and gave no answer."""
    found = Letters(Newsletter(root, subscribers=3), tmp_path / "taken")
    found.provider = FakeProvider(tmp_path / "taken", replay=timedelta(0), answer=lose)
    found.send()
    assert report(found).counts[DeliveryState.UNKNOWN] == 3
    return found


@pytest.mark.parametrize("kind", ["accepted", "delivered", "hard bounce", "failed"])
def test_any_event_proves_that_a_letter_was_taken(kind: str, unknown_letters: Letters) -> None:
    unknown_letters.receive(unknown_letters.event(kind))
    found = report(unknown_letters)
    assert found.counts[DeliveryState.UNKNOWN] == 2
    assert found.counts[DeliveryState.ACCEPTED] == 1
    assert found.mailing.state.value == "completed_with_unknown"
    assert unknown_letters.history().deliveries[0].provider_id == f"id-{unknown_letters.ref()}"


def test_a_mailing_is_complete_when_events_have_settled_every_delivery(
    unknown_letters: Letters,
) -> None:
    unknown_letters.receive(
        *(unknown_letters.event("delivered", subscriber) for subscriber in range(3))
    )
    found = report(unknown_letters)
    assert found.mailing.state.value == "completed"
    assert found.counts[DeliveryState.ACCEPTED] == 3
    assert found.heard.delivered == 3
    # Nothing that a replay would need is kept, for it holds addresses.
    assert sql(
        unknown_letters.newsletter.store, "SELECT settled_at IS NULL, snapshot FROM batches"
    ) == [(0, None)]


def test_what_a_person_assumed_is_known_from_then_on(unknown_letters: Letters) -> None:
    delivery.resolve_unknown(
        unknown_letters.newsletter.store,
        report(unknown_letters).mailing.slug,
        delivery.UnknownDecision.ASSUME_SENT,
    )
    assert report(unknown_letters).assumed == 3
    unknown_letters.receive(unknown_letters.event("delivered"))
    assert report(unknown_letters).assumed == 2


def test_a_letter_that_was_accepted_twice_is_reported(letters: Letters) -> None:
    ref = letters.ref()
    letters.receive(
        letters.event("delivered"), ReportedEvent("delivered", ref, email(0), provider_id="other")
    )
    letters.receive(ReportedEvent("accepted", ref, email(0), provider_id="other"))
    names = sql(letters.newsletter.store, "SELECT delivery_id, provider_id FROM acceptances")
    assert names == [(1, "other")]
    assert letters.history().deliveries[0].provider_id == f"id-{ref}"
    assert report(letters).heard.delivered == 1


def test_an_event_before_our_own_commit_is_of_the_same_letter(root: Path, tmp_path: Path) -> None:
    """The provider reports an event before it answers."""
    letters = Letters(Newsletter(root, subscribers=3), tmp_path / "taken")

    def tell(batch: Batch) -> Mapping[str, Outcome]:
        for subscriber in batch.recipients:
            letters.receive(ReportedEvent("delivered", subscriber.ref, subscriber.email))
        return {subscriber.ref: Accepted(f"id-{subscriber.ref}") for subscriber in batch.recipients}

    letters.provider.answer = tell
    letters.send()
    found = report(letters)
    assert found.mailing.state.value == "completed"
    assert found.counts[DeliveryState.ACCEPTED] == 3
    assert found.heard.delivered == 3
    assert max(letters.provider.copies().values()) == 1


# Whose events they are


UNKNOWN_REF = "0123456789abcdef" * 2


def waiting(letters: Letters) -> int:
    (row,) = sql(letters.newsletter.store, "SELECT count(*) FROM webhooks WHERE body IS NOT NULL")
    return int(str(row[0]))


def test_a_reference_that_nobody_knows_suppresses_nobody(letters: Letters) -> None:
    sql(letters.newsletter.store, "UPDATE mailings SET provider = 'resend'")
    known = f"id-{letters.ref()}"
    stranger = ReportedEvent("complaint", UNKNOWN_REF, email(0), provider_id=known)
    assert letters.receive(stranger) == 0
    assert letters.status() == "active"
    # It is kept for a while: it may be of what is not written down yet.
    assert waiting(letters) == 1
    assert letters.receive(letters.event("delivered")) == 1
    assert waiting(letters) == 1


def test_what_waits_is_applied_when_its_delivery_is_known(letters: Letters) -> None:
    letters.receive(ReportedEvent("complaint", UNKNOWN_REF, email(0)))
    sql(
        letters.newsletter.store,
        "UPDATE deliveries SET ref = ? WHERE subscriber_id = 1",
        UNKNOWN_REF,
    )
    assert apply_waiting(letters.newsletter.store) == 1
    assert letters.status() == "complained"
    assert waiting(letters) == 0


def test_without_a_reference_both_name_and_address_must_be_known(letters: Letters) -> None:
    name = f"id-{letters.ref()}"
    sql(letters.newsletter.store, "UPDATE mailings SET provider = 'resend'")
    for wrong in (
        ReportedEvent("hard bounce", "", email(1), provider_id=name),
        ReportedEvent("hard bounce", "", "iemand@example.com", provider_id=name),
        ReportedEvent("hard bounce", "", email(0), provider_id="another"),
        ReportedEvent("hard bounce", "", "", provider_id=name),
    ):
        # It is nobody's here, so that nothing of it is kept.
        assert letters.receive(wrong) == 1
    other = f"id-{letters.ref(1)}"
    crossed = ((email(0), other), (email(1), name))
    letters.receive(
        *(ReportedEvent("hard bounce", "", who, provider_id=what) for who, what in crossed)
    )
    letters.receive(ReportedEvent("hard bounce", "", email(0), provider_id=name), sender=MAILGUN)
    assert [letters.status(subscriber) for subscriber in range(3)] == ["active"] * 3
    letters.receive(ReportedEvent("hard bounce", "", email(0).upper(), provider_id=name))
    assert [letters.status(subscriber) for subscriber in range(3)] == [
        "bounced",
        "active",
        "active",
    ]


def test_an_event_of_a_proof_belongs_to_no_subscriber(letters: Letters) -> None:
    sql(
        letters.newsletter.store,
        "INSERT INTO proofs (slug, letter_hash, ref, provider, provider_id, at)"
        " VALUES ('a', 'b', ?, 'resend', 'id', '2026-11-29')",
        UNKNOWN_REF,
    )
    assert letters.receive(ReportedEvent("delivered", UNKNOWN_REF, "gerrit@example.org")) == 1
    assert waiting(letters) == 0


def noticed(letters: Letters, kind: str = "confirmation", state: str = "unknown") -> None:
    """Let a letter to the first subscriber alone have left, an hour ago."""
    with letters.newsletter.store.write() as connection:
        digest = address_hash(suppressions.hash_key(connection), email(0))
    queued = f"{datetime.now(UTC) - timedelta(hours=1):%Y-%m-%d %H:%M:%S.%f+00:00}"
    sql(
        letters.newsletter.store,
        "INSERT INTO notices (ref, kind, subscriber_id, address_hash, provider, provider_url,"
        " state, queued_at, due_at, expires_at, attempt) VALUES (?, ?, 1, ?, 'resend', '', ?,"
        " ?, ?, ?, 1)",
        *(UNKNOWN_REF, kind, digest, state, queued, queued, queued),
    )


def spurned(letters: Letters, *, bounced_since: float = 30 * DAY) -> bool:
    with letters.newsletter.store.read() as connection:
        since = datetime.now(UTC) - timedelta(seconds=bounced_since)
        digest = address_hash(suppressions.hash_key(connection), email(0))
        return notices.bounced_or_complained(connection, (digest, digest), bounced_since=since)


@pytest.mark.parametrize(
    ("kind", "status", "after"),
    [
        ("delivered", "pending", "pending"),
        ("hard bounce", "pending", "pending"),
        ("complaint", "pending", "complained"),
        ("hard bounce", "active", "bounced"),
        ("complaint", "active", "complained"),
    ],
)
def test_an_event_of_a_notice_changes_the_status_too(
    kind: str, status: str, after: str, letters: Letters
) -> None:
    """A confirmation that nobody could take is forgotten with the address, after a week."""
    store = letters.newsletter.store
    sql(store, "UPDATE subscribers SET status = ? WHERE id = 1", status)
    noticed(letters)
    assert letters.receive(ReportedEvent(kind, UNKNOWN_REF, email(0), provider_id="id-1")) == 1
    assert letters.status() == after
    assert sql(store, "SELECT state, provider_id FROM notices") == [("accepted", "id-1")]
    assert letters.kinds() == ([] if status == after else [kind])
    # Whoever is gone by now does no harm.
    sql(store, "DELETE FROM subscribers WHERE id = 1")
    assert letters.receive(ReportedEvent("complaint", UNKNOWN_REF, email(0))) == 1


@pytest.mark.parametrize(
    ("kinds", "comes_back"),
    [
        (["delivered"], None),
        (["deferred"], None),
        (["soft bounce"], None),
        (["hard bounce"], "for a month"),
        (["delivered", "hard bounce"], "for a month"),
        (["complaint"], "always"),
        (["hard bounce", "complaint"], "always"),
        (["complaint", "hard bounce"], "always"),
        (["complaint", "delivered"], "always"),
    ],
)
@pytest.mark.parametrize("state", ["accepted", "attempting", "unknown"])
def test_a_confirmation_that_came_back_is_the_last_one(
    kinds: list[str], comes_back: str | None, state: str, letters: Letters
) -> None:
    sql(letters.newsletter.store, "UPDATE subscribers SET status = 'pending', confirmed_at = NULL")
    noticed(letters, state=state)
    for kind in kinds:
        assert letters.receive(ReportedEvent(kind, UNKNOWN_REF, email(0))) == 1
    assert spurned(letters) is (comes_back is not None)
    assert spurned(letters, bounced_since=0) is (comes_back == "always")
    assert sql(letters.newsletter.store, "SELECT state FROM notices") == [("accepted",)]


def test_who_confirmed_since_can_get_another_confirmation(letters: Letters) -> None:
    noticed(letters)
    letters.confirm()
    assert (
        letters.receive(ReportedEvent("complaint", UNKNOWN_REF, email(0), at=time.time() - 60)) == 1
    )
    assert letters.status() == "active"
    assert not spurned(letters)


@pytest.mark.parametrize("kind", ["new-address", "old-address"])
@pytest.mark.parametrize("event", ["hard bounce", "complaint"])
def test_an_event_of_another_address_changes_nothing_for_the_subscriber(
    kind: str, event: str, letters: Letters
) -> None:
    """One goes to an address that is not proven yet, one to an address that was left."""
    noticed(letters, kind)
    assert letters.receive(ReportedEvent(event, UNKNOWN_REF, "elders@example.org")) == 1
    assert letters.status() == "active"
    assert letters.kinds() == []
    assert sql(letters.newsletter.store, "SELECT state FROM notices") == [("accepted",)]
    assert spurned(letters) is (kind == "new-address")


def test_a_subscriber_can_complain_about_a_preferences_link_and_return(letters: Letters) -> None:
    noticed(letters, "preferences")
    assert letters.receive(ReportedEvent("complaint", UNKNOWN_REF, email(0))) == 1
    assert letters.status() == "complained"
    assert not spurned(letters)


@pytest.mark.parametrize("kind", ["complaint", "hard bounce"])
def test_an_event_with_an_unknown_reference_suppresses_nobody(kind: str, letters: Letters) -> None:
    noticed(letters)
    assert letters.receive(ReportedEvent(kind, "f" * 32, email(0))) == 0
    assert letters.status() == "active"
    assert not spurned(letters)


def test_an_event_of_an_erased_subscriber_is_counted_and_nothing_else_kept(
    letters: Letters,
) -> None:
    reported = letters.event("complaint")
    sql(letters.newsletter.store, "DELETE FROM subscribers WHERE id = 1")
    assert letters.receive(reported) == 1
    assert report(letters).heard.complained == 1
    assert sql(letters.newsletter.store, "SELECT * FROM events") == []


def test_with_a_subscriber_their_events_are_erased(letters: Letters) -> None:
    letters.receive(letters.event("delivered"), letters.event("delivered", 1))
    sql(letters.newsletter.store, "DELETE FROM subscribers WHERE id = 1")
    assert sql(letters.newsletter.store, "SELECT subscriber_id FROM events") == [(2,)]
    assert report(letters).heard.delivered == 2


@pytest.mark.parametrize("body", [b'{"type": "", "\xff": 1}', b'{"type": "email.sent"}\0'])
def test_what_is_no_text_keeps_nothing_else_from_being_stored(
    body: bytes, letters: Letters
) -> None:
    """Webhooks that come together share a transaction."""
    reported = RESEND.webhook(letters.event("complaint"))[0]
    keep(letters.newsletter.store, [("resend", "no text", body), ("resend", "text", reported)])
    assert apply_waiting(letters.newsletter.store) == 1
    assert letters.status() == "complained"


def test_what_waits_is_not_looked_at_again_for_each_that_comes(letters: Letters) -> None:
    """There may be very many: those of another newsletter with the same account."""
    store = letters.newsletter.store
    keep(
        store,
        [("resend", "1", RESEND.webhook(ReportedEvent("complaint", UNKNOWN_REF, email(1)))[0])],
    )
    looked_at = apply_since(store, 0)
    sql(store, "UPDATE deliveries SET ref = ? WHERE subscriber_id = 2", UNKNOWN_REF)
    keep(store, [("resend", "2", RESEND.webhook(letters.event("complaint"))[0])])
    assert apply_since(store, looked_at) > looked_at
    assert (letters.status(0), letters.status(1)) == ("complained", "active")
    assert apply_waiting(store) == 1
    assert letters.status(1) == "complained"


def test_waiting_webhooks_of_a_person_can_be_found_and_removed(letters: Letters) -> None:
    store = letters.newsletter.store
    letters.receive(ReportedEvent("complaint", UNKNOWN_REF, email(0).title()))
    letters.receive(ReportedEvent("complaint", UNKNOWN_REF, email(1)))
    keep(store, [("resend", "unread", b'{"type": "email.bounced", "to": "LEZER0@example.org"}')])
    assert waiting(letters) == 3
    with store.write() as connection:
        secret = suppressions.hash_key(connection)
        webhooks.delete_of_subscriber(connection, address_hash(secret, email(0)), email(0))
    assert waiting(letters) == 1
    ((body,),) = sql(store, "SELECT body FROM webhooks")
    assert email(1) in str(body)


def test_of_what_is_applied_no_word_is_kept(letters: Letters) -> None:
    letters.receive(letters.event("hard bounce"))
    rows = sql(letters.newsletter.store, "SELECT body, address_hash FROM webhooks")
    assert rows == [(None, None)]
    (event,) = letters.history().events
    assert "@" not in event.detail
    assert "does not exist" in event.detail


def test_webhooks_about_no_letter_are_not_stored(letters: Letters) -> None:
    assert (
        letters.receive(
            ReportedEvent("email.opened", letters.ref()), ReportedEvent("contact.created", "")
        )
        == 0
    )
    assert sql(letters.newsletter.store, "SELECT * FROM webhooks") == []


# The provider's own list


def listed(letters: Letters, *found: ProviderSuppression) -> int:
    with letters.newsletter.store.write() as connection:
        lock(connection, Lock.EVENTS)
        return apply_suppressions(connection, found)


def test_the_providers_suppression_list_is_taken_over(letters: Letters) -> None:
    at = datetime.now(UTC) - timedelta(minutes=1)
    found = (
        ProviderSuppression(email(0).upper(), EventKind.HARD_BOUNCE, at),
        ProviderSuppression(email(1), EventKind.COMPLAINT, at),
        ProviderSuppression(email(2), EventKind.UNSUBSCRIBE, at),
        ProviderSuppression("iemand@example.com", EventKind.COMPLAINT, at),
        ProviderSuppression("no address", EventKind.COMPLAINT, at),
    )
    letters.confirm(2)
    assert listed(letters, *found) == 2
    assert [letters.status(subscriber) for subscriber in range(3)] == [
        "bounced",
        "complained",
        "active",
    ]
    assert letters.history().events[0].issue is None
    before = sql(letters.newsletter.store, "SELECT * FROM events")
    assert len(before) == 2
    assert listed(letters, *found) == 0
    assert sql(letters.newsletter.store, "SELECT * FROM events") == before


# Accounts


def test_each_letter_is_counted_once_by_what_counts_most(letters: Letters) -> None:
    letters.receive(letters.event("delivered"), letters.event("complaint"))
    letters.receive(letters.event("deferred", 1), letters.event("soft bounce", 1))
    letters.receive(letters.event("delivered", 2), letters.event("delivered", 2))
    heard = report(letters).heard
    assert (heard.delivered, heard.bounced, heard.complained, heard.failed) == (1, 1, 1, 0)


def test_missing_events_are_reported_where_others_have_events(letters: Letters) -> None:
    """Accepted is not delivered: I20 of what must hold."""
    store = letters.newsletter.store
    assert report(letters).heard.silent == 0
    sql(store, "UPDATE deliveries SET accepted_at = '2026-01-01 00:00:00.000000'")
    # Nothing was ever heard through this provider: its webhooks may not be switched on.
    assert report(letters).heard.silent == 0
    letters.receive(letters.event("accepted", 1), letters.event("delivered", 2))
    assert report(letters).heard.silent == 2
    letters.send("fresh")
    assert report(letters).heard.silent == 0
