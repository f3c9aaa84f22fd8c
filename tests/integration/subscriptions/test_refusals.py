"""Letters that servers refuse for what is not the subscriber's, from the webhook to `status`."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from newsletter.model import Event, EventKind, ProviderSuppression
from newsletter.providers.resend.events import ResendEvents
from newsletter.store.database import Lock, lock
from newsletter.subscriptions.event_effects import apply, apply_suppressions
from newsletter.subscriptions.events import apply_since, apply_waiting
from newsletter.subscriptions.refusals import (
    OTHERS,
    mailbox_provider,
    refused_lately,
)
from tests.support.events import Letters, email
from tests.support.newsletter import Newsletter
from tests.support.providers.webhooks import LETTERMINT, RESEND, ReportedEvent, keep
from tests.support.subscribers import sql

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from subprocess import CompletedProcess
    from typing import TypeAlias

    Run: TypeAlias = Callable[..., CompletedProcess[str]]

DAY = 86_400.0
BLOCK = "550 5.7.1 203.0.113.7 is on our block list (S3150)"
SIZE = "552 5.3.4 message too big"


@pytest.fixture
def letters(root: Path, tmp_path: Path) -> Letters:
    found = Letters(Newsletter(root, subscribers=3), tmp_path / "taken")
    found.send()
    return found


def bounce(letters: Letters, text: str, subscriber: int = 0, *, ago: float = 0.0) -> None:
    """Let Resend report a permanent bounce with these words of a server."""
    said = RESEND.say(letters.event("hard bounce", subscriber, ago=ago))
    said["data"]["bounce"]["diagnosticCode"] = [f"smtp; {text}"]
    name = f"bounce {letters.ref(subscriber)} {text}"
    keep(letters.newsletter.store, [("resend", name, json.dumps(said).encode())])
    assert apply_waiting(letters.newsletter.store) == 1


def listed(letters: Letters, subscriber: int = 0) -> int:
    """Let the provider's list say that an address is dead."""
    entry = ProviderSuppression(email(subscriber), EventKind.HARD_BOUNCE, datetime.now(UTC))
    with letters.newsletter.store.write() as connection:
        lock(connection, Lock.EVENTS)
        return apply_suppressions(connection, [entry])


@pytest.mark.usefixtures("database")
def test_a_block_of_the_sender_takes_nobody_off_the_list(letters: Letters) -> None:
    bounce(letters, BLOCK)
    assert letters.status() == "active"
    assert letters.kinds() == ["soft bounce"]
    bounce(letters, "550 5.1.1 user unknown", 1)
    assert letters.status(1) == "bounced"


@pytest.mark.usefixtures("database")
def test_blocks_never_count_towards_the_five(letters: Letters) -> None:
    for number in range(5):
        bounce(letters, SIZE if number == 3 else BLOCK, ago=(7 - number) * DAY)
        bounce(letters, "552 5.2.2 mailbox full", 1, ago=(7 - number) * DAY)
        letters.send(f"letter{number}")
    assert letters.status() == "active"
    assert letters.status(1) == "bounced"


@pytest.mark.usefixtures("database")
def test_what_the_providers_list_says_after_a_block_is_not_believed(letters: Letters) -> None:
    """A provider puts every permanent failure on its list, and lists no useful reason."""
    bounce(letters, BLOCK)
    assert listed(letters) == 0
    letters.send("later")
    said = RESEND.say(letters.event("suppressed"))
    said["data"]["suppressed"]["reason"] = "previous_bounce"
    keep(letters.newsletter.store, [("resend", "suppressed", json.dumps(said).encode())])
    apply_waiting(letters.newsletter.store)
    assert letters.status() == "active"
    reason = letters.history().subscriber.block_reason
    assert reason
    assert "refused the sender" in reason
    # Once a server says that there is no such address, the list is right.
    bounce(letters, "550 5.1.1 user unknown")
    assert letters.status() == "bounced"
    # And of whom nothing else is known, it is believed.
    assert listed(letters, 1) == 1
    assert letters.status(1) == "bounced"


@pytest.mark.usefixtures("database")
def test_a_list_of_letters_without_words_does_not_overrule_the_server(letters: Letters) -> None:
    """Lettermint lists what a letter came to, and not what the server said."""
    bounce(letters, BLOCK)
    name = str(letters.history().deliveries[0].acceptances[0].provider_id)
    bare = Event(EventKind.HARD_BOUNCE, datetime.now(UTC), "", name, email(0))
    other = sql(letters.newsletter.store, "SELECT provider FROM mailings")[0][0]
    with letters.newsletter.store.write() as connection:
        lock(connection, Lock.EVENTS)
        assert apply(connection, str(other), [bare]).places == {0}
    assert letters.status() == "active"
    assert listed(letters) == 0


def test_what_came_before_is_not_read_again(
    letters: Letters, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A provider repeats a webhook for hours; reading it costs more than asking for its name."""
    webhook = ("resend", "again", RESEND.webhook(letters.event("delivered"))[0])
    read, times = ResendEvents.read, list[int]()

    def counted(*given: Any) -> Any:  # noqa: ANN401 - as it was
        times.append(1)
        return read(*given)

    monkeypatch.setattr(ResendEvents, "read", counted)
    keep(letters.newsletter.store, [webhook] * 20)
    assert times == [1]
    apply_waiting(letters.newsletter.store)
    keep(letters.newsletter.store, [webhook] * 20)
    assert times == [1, 1]


def test_a_webhook_that_is_applied_at_once_is_parsed_once(
    letters: Letters, monkeypatch: pytest.MonkeyPatch
) -> None:
    webhook = ("resend", "once", RESEND.webhook(letters.event("hard bounce"))[0])
    kept = keep(letters.newsletter.store, [webhook])
    monkeypatch.setattr(ResendEvents, "read", None)
    assert apply_since(letters.newsletter.store, 0, kept.parsed) == 1
    assert letters.status() == "bounced"


def test_not_spam_is_noted_and_no_complaint(letters: Letters) -> None:
    at = datetime.now(UTC)
    note = Event(EventKind.NOTE, at, letters.ref(), detail="a report of the type not-spam")
    with letters.newsletter.store.write() as connection:
        lock(connection, Lock.EVENTS)
        apply(connection, "ses", [note])
    assert letters.status() == "active"
    assert letters.standing() is None
    assert [event.detail for event in letters.history().events] == [note.detail]


@pytest.mark.usefixtures("database")
def test_status_shows_a_block_as_the_authors_problem(letters: Letters, run: Run) -> None:
    for subscriber, address in enumerate(
        ("bram@hotmail.nl", "anna@outlook.com", "cees@klein.example")
    ):
        sql(
            letters.newsletter.store,
            "UPDATE subscribers SET email = ?, email_key = ? WHERE email = ?",
            *(address, address, email(subscriber)),
        )
    refs = sql(letters.newsletter.store, "SELECT ref FROM deliveries ORDER BY id")
    for number, address in enumerate(("bram@hotmail.nl", "anna@outlook.com", "cees@klein.example")):
        said = RESEND.say(
            ReportedEvent("hard bounce", str(refs[number][0]), address, at=time.time())
        )
        text = SIZE if number == 2 else f"550 5.7.1 <{address}> Bram is on our block list (S3150)"
        said["data"]["bounce"]["diagnosticCode"] = [f"smtp; {text}"]
        keep(letters.newsletter.store, [("resend", address, json.dumps(said).encode())])
    apply_waiting(letters.newsletter.store)

    found = json.loads(run("status", "--json").stdout)
    policy, size = found["refused"]
    assert (policy["cause"], policy["mailbox_provider"]) == ("policy", "Outlook and Hotmail")
    assert policy["subscribers"] == 2
    assert "S3150" in policy["says"]
    assert "@" not in policy["says"]
    assert policy["next_step"]
    assert (size["cause"], size["mailbox_provider"], size["subscribers"]) == ("size", OTHERS, 1)
    assert found["webhooks"] == {"unreadable": 0}

    shown = run("status").stdout
    assert (
        "Outlook and Hotmail blocks or limits your letters: 2 subscribers missed a letter" in shown
    )
    assert "S3150" in shown
    assert "ask your email provider" in shown
    assert "hotmail.nl" not in shown
    assert "klein.example" not in shown


@pytest.mark.usefixtures("database")
def test_a_block_is_over_when_the_next_letter_arrives(letters: Letters) -> None:
    bounce(letters, BLOCK, ago=60)
    bounce(letters, BLOCK, 1, ago=60)
    assert [one.subscribers for one in refused_lately(letters.newsletter.store)] == [2]
    letters.send("later")
    letters.receive(letters.event("delivered"))
    assert [one.subscribers for one in refused_lately(letters.newsletter.store)] == [1]
    letters.receive(letters.event("delivered", 1), sender=LETTERMINT)
    assert refused_lately(letters.newsletter.store) == []


@pytest.mark.parametrize(
    ("domain", "says", "name"),
    [
        ("hotmail.co.uk", "", "Outlook and Hotmail"),
        ("live.nl", "", "Outlook and Hotmail"),
        ("gmail.com", "", "Gmail"),
        ("yahoo.com.br", "", "Yahoo and AOL"),
        ("me.com", "", "iCloud"),
        ("kpnmail.nl", "", "KPN"),
        ("home.nl", "", "Ziggo"),
        ("jansen.example", "see sendersupport.OLC.protection.outlook.com", "Microsoft 365"),
        ("jansen.example", "gsmtp 5", "Google Workspace"),
        ("jansen.example", "no", OTHERS),
        ("outlook.jansen.example", "", OTHERS),
        ("live", "", OTHERS),
    ],
)
def test_a_mailbox_provider_is_named_and_a_persons_domain_is_not(
    domain: str, says: str, name: str
) -> None:
    assert mailbox_provider(domain, says) == name
