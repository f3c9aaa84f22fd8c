"""Notices: what leaves, to whom, how often, and what a crash makes of it; on both databases."""

from __future__ import annotations

import os
import re
import signal
import threading
from datetime import UTC, datetime, timedelta
from email import message_from_bytes, policy
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from newsletter import render, tokens
from newsletter.delivery import notices
from newsletter.errors import DecisionNeeded, NewsletterError, TryAgain
from newsletter.model import NoticeKind, RecipientRejected, RequestRefused, RetryLater, Unknown
from newsletter.providers.outbox.send import Outbox
from newsletter.store.notices import ProviderAccount
from newsletter.subscriptions.admin import add, unsubscribe
from newsletter.subscriptions.signup import LinkState, confirm, request_signup
from tests.support import notice_sender
from tests.support.newsletter import FakeProvider, Newsletter
from tests.support.processes import Process
from tests.support.signups import HERE, VIA, open_link, queued, send_due, signup_request
from tests.support.subscribers import sql, statuses

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable
    from email.message import EmailMessage

    from newsletter.model import Batch, Outcome

pytestmark = pytest.mark.usefixtures("database")

START = datetime(2026, 11, 1, 9, 30, tzinfo=UTC)


@pytest.fixture
def clock() -> list[datetime]:
    """Return a list whose one item is the time."""
    return [START]


@pytest.fixture
def newsletter(root: Path, clock: list[datetime]) -> Newsletter:
    return Newsletter(root, subscribers=0, slug="none", clock=lambda: clock[0])


def say(outcome: Outcome) -> Callable[[Batch], dict[str, Outcome]]:
    return lambda batch: {subscriber.ref: outcome for subscriber in batch.recipients}


def letters(folder: Path) -> list[EmailMessage]:
    files = sorted((folder / "_notices").glob("*.eml"))
    return [message_from_bytes(file.read_bytes(), policy=policy.default) for file in files]  # type: ignore[misc]


def body(mail: EmailMessage, kind: str) -> str:
    part = mail.get_body((kind,))
    assert part
    text: str = part.get_content()
    return text


# What leaves


def test_the_link_in_the_confirmation_makes_a_subscriber_active(
    newsletter: Newsletter, tmp_path: Path
) -> None:
    request_signup(newsletter.store, signup_request("anna@example.org", name="Anna"), VIA)
    assert send_due(newsletter, Outbox(tmp_path)).accepted == 1  # type: ignore[arg-type]
    (mail,) = letters(tmp_path)
    assert mail["To"] == "anna@example.org"
    assert mail["Subject"] == "Bevestig je aanmelding voor Proefbrief"
    (link,) = set(re.findall(r"https://brief\.example\.org/c/[\w.-]+", body(mail, "plain")))
    assert f'href="{link}"' in body(mail, "html")
    found = tokens.read_confirm_token(newsletter.settings.secret_keys, link.rpartition("/")[2])
    assert found == open_link(newsletter.store, "anna@example.org")
    assert confirm(newsletter.store, found, HERE) is LinkState.CONFIRMED


def test_a_confirmation_is_no_list_mail_and_holds_nothing_that_was_typed(
    newsletter: Newsletter, tmp_path: Path
) -> None:
    request_signup(newsletter.store, signup_request("anna@example.org", name="Onvoorstelbaar"), VIA)
    send_due(newsletter, Outbox(tmp_path))  # type: ignore[arg-type]
    (mail,) = letters(tmp_path)
    names = {name.lower() for name in mail}
    assert not any(name.startswith("list-") for name in names)
    assert mail["Auto-Submitted"] == "auto-generated"
    for part in (body(mail, "plain"), body(mail, "html"), mail["Subject"], mail["From"]):
        assert "Onvoorstelbaar" not in part
        assert "anna" not in part.lower()
        assert "/u/" not in part


def test_an_active_subscriber_who_signs_up_again_gets_a_notice_without_a_link(
    newsletter: Newsletter, tmp_path: Path
) -> None:
    add(newsletter.store, "anna@example.org", consent="ja", first_name="Anna")
    request_signup(newsletter.store, signup_request("anna@example.org"), VIA)
    send_due(newsletter, Outbox(tmp_path))  # type: ignore[arg-type]
    (mail,) = letters(tmp_path)
    assert mail["Subject"] == "Je staat al op de lijst van Proefbrief"
    assert "://" not in body(mail, "plain")


@pytest.mark.parametrize("kind", render.NOTICES)
def test_a_notice_is_well_under_what_mail_programs_show(
    kind: NoticeKind, newsletter: Newsletter
) -> None:
    made = render.notice(newsletter.settings, kind, linked=False)
    assert len(made.html) < 60_000
    assert made.html.isascii()


def test_a_confirmation_without_its_link_is_refused(newsletter: Newsletter) -> None:
    folder = newsletter.root / "templates" / "notices"
    folder.mkdir(parents=True)
    (folder / "confirmation.txt.j2").write_text("Dag,\n", encoding="utf-8")
    with pytest.raises(NewsletterError, match=r"no link \(.*notices/confirmation\.txt\.j2\)"):
        send_due(newsletter, FakeProvider(newsletter.root / "taken"))


def test_an_error_in_a_notices_template_names_that_template(newsletter: Newsletter) -> None:
    folder = newsletter.root / "templates" / "notices"
    folder.mkdir(parents=True)
    (folder / "confirmation.mjml.j2").write_text("<mjml><mj-nothing", encoding="utf-8")
    with pytest.raises(NewsletterError, match=r"notices/confirmation\.mjml\.j2"):
        send_due(newsletter, FakeProvider(newsletter.root / "taken"))


# To whom, and how often


def test_each_notice_leaves_once(newsletter: Newsletter) -> None:
    for n in range(5):
        request_signup(newsletter.store, signup_request(f"lezer{n}@example.org"), VIA)
    provider = FakeProvider(newsletter.root / "taken")
    assert send_due(newsletter, provider).accepted == 5
    assert send_due(newsletter, provider).accepted == 0
    assert set(provider.copies().values()) == {1}
    assert queued(newsletter.store) == [("confirmation", "accepted")] * 5
    ids = sql(
        newsletter.store, "SELECT provider_id = 'id-' || ref, accepted_at IS NULL FROM notices"
    )
    assert [tuple(map(bool, row)) for row in ids] == [(True, False)] * 5


def test_nothing_is_sent_before_it_is_committed_as_attempting(newsletter: Newsletter) -> None:
    request_signup(newsletter.store, signup_request("anna@example.org"), VIA)
    seen: list[tuple[object, ...]] = []

    def look(batch: Batch) -> None:
        query = "SELECT state, key, payload_hash IS NULL FROM notices"
        seen.extend(sql(newsletter.store, query))
        assert seen[0][1] == batch.key

    send_due(newsletter, FakeProvider(newsletter.root / "taken", answer=look))
    assert (seen[0][0], bool(seen[0][2])) == ("attempting", False)


def test_who_confirmed_left_or_was_erased_meanwhile_gets_no_notice(
    newsletter: Newsletter, clock: list[datetime]
) -> None:
    for name in ("anna", "bert", "cas", "daan"):
        request_signup(newsletter.store, signup_request(f"{name}@example.org"), VIA)
    add(newsletter.store, "eva@example.org", consent="ja")
    request_signup(newsletter.store, signup_request("eva@example.org"), VIA)
    clock[0] += timedelta(minutes=1)
    confirm(newsletter.store, open_link(newsletter.store, "anna@example.org"), HERE)
    unsubscribe(newsletter.store, "bert@example.org")
    sql(newsletter.store, "DELETE FROM subscribers WHERE email = 'cas@example.org'")
    unsubscribe(newsletter.store, "eva@example.org")
    provider = FakeProvider(newsletter.root / "taken")
    assert send_due(newsletter, provider).accepted == 1
    assert provider.copies() == {"daan@example.org": 1}
    assert sql(newsletter.store, "SELECT state, reason FROM notices ORDER BY id") == [
        ("skipped", "confirmed already"),
        ("skipped", "left since"),
        ("skipped", "erased"),
        ("accepted", None),
        ("skipped", "not subscribed any more"),
    ]


def test_a_notice_that_waited_two_days_expires(
    newsletter: Newsletter, clock: list[datetime]
) -> None:
    request_signup(newsletter.store, signup_request("anna@example.org"), VIA)
    request_signup(
        newsletter.store, signup_request("bert@example.org"), ProviderAccount("resend", "")
    )
    clock[0] += timedelta(hours=48)
    provider = FakeProvider(newsletter.root / "taken")
    assert send_due(newsletter, provider).accepted == 0
    assert sql(newsletter.store, "SELECT DISTINCT state, reason FROM notices") == [
        ("skipped", "too late")
    ]


def test_a_rehearsal_takes_no_notice_that_was_queued_for_real(
    newsletter: Newsletter, tmp_path: Path
) -> None:
    request_signup(
        newsletter.store, signup_request("anna@example.org"), ProviderAccount("resend", "")
    )
    request_signup(
        newsletter.store,
        signup_request("bert@example.org"),
        ProviderAccount("outbox", "https://elsewhere.example"),
    )
    assert send_due(newsletter, Outbox(tmp_path)).accepted == 0  # type: ignore[arg-type]
    assert queued(newsletter.store) == [("confirmation", "pending")] * 2


def test_a_missing_setting_delays_a_real_notice(newsletter: Newsletter) -> None:
    import dataclasses  # noqa: PLC0415 - for this test alone

    request_signup(newsletter.store, signup_request("anna@example.org"), VIA)
    newsletter.settings = dataclasses.replace(newsletter.settings, contact="")
    provider = FakeProvider(newsletter.root / "taken")
    assert "contact" in str(send_due(newsletter, provider).error)
    assert provider.calls == 0
    assert queued(newsletter.store) == [("confirmation", "pending")]


def test_the_key_that_signed_is_written_down(newsletter: Newsletter) -> None:
    request_signup(newsletter.store, signup_request("anna@example.org"), VIA)
    send_due(newsletter, FakeProvider(newsletter.root / "taken"))
    (key,) = newsletter.settings.secret_keys
    assert sql(newsletter.store, "SELECT fingerprint FROM signing_keys") == [
        (tokens.fingerprint(key),)
    ]


# What a provider says


@pytest.mark.parametrize(
    ("outcome", "state", "trouble"),
    [
        (RecipientRejected("no such address"), "rejected", None),
        (RetryLater("busy"), "pending", TryAgain),
        (RequestRefused("the key is not valid"), "pending", DecisionNeeded),
        (Unknown("no answer"), "unknown", TryAgain),
    ],
)
def test_an_outcome_is_recorded_and_stops_what_would_meet_the_same(
    outcome: Outcome, state: str, trouble: type | None, newsletter: Newsletter
) -> None:
    for name in ("anna", "bert"):
        request_signup(newsletter.store, signup_request(f"{name}@example.org"), VIA)
    provider = FakeProvider(newsletter.root / "taken", answer=say(outcome))
    found = send_due(newsletter, provider)
    assert (type(found.error) if found.error else None) is trouble
    assert provider.calls == (1 if trouble else 2)
    assert sql(newsletter.store, "SELECT state, reason FROM notices ORDER BY id")[0] == (
        state,
        outcome.reason,  # type: ignore[union-attr]
    )


def test_an_address_for_which_a_request_is_refused_keeps_nobody_waiting(
    newsletter: Newsletter,
) -> None:
    for name in ("anna", "bert"):
        request_signup(newsletter.store, signup_request(f"{name}@example.org"), VIA)
    refused = RequestRefused("refuses the request (400)", divisible=True)
    provider = FakeProvider(newsletter.root / "taken")
    provider.answer = lambda batch: (
        dict.fromkeys((one.ref for one in batch.recipients), refused)
        if batch.recipients[0].email.startswith("anna")
        else None
    )
    found = send_due(newsletter, provider)
    assert found.accepted == 1
    assert found.error is None
    assert isinstance(found.refused, DecisionNeeded)
    assert queued(newsletter.store) == [("confirmation", "pending"), ("confirmation", "accepted")]


def test_what_was_certainly_not_taken_leaves_later(
    newsletter: Newsletter, clock: list[datetime]
) -> None:
    request_signup(newsletter.store, signup_request("anna@example.org"), VIA)
    busy = FakeProvider(newsletter.root / "none", answer=say(RetryLater("busy", 90.0)))
    send_due(newsletter, busy)
    provider = FakeProvider(newsletter.root / "taken")
    clock[0] += timedelta(seconds=89)
    assert send_due(newsletter, provider).accepted == 0
    clock[0] += timedelta(seconds=1)
    assert send_due(newsletter, provider).accepted == 1
    keys = [entry["key"] for entry in (*busy.taken(), *provider.taken())]
    assert len(set(keys)) == 2


def test_a_lost_answer_is_asked_for_again_under_the_same_key(
    newsletter: Newsletter, clock: list[datetime]
) -> None:
    request_signup(newsletter.store, signup_request("anna@example.org"), VIA)
    provider = FakeProvider(newsletter.root / "taken", answer=say(Unknown("no answer")))
    send_due(newsletter, provider)
    provider.answer = None
    assert send_due(newsletter, provider).accepted == 0  # not at once
    clock[0] += timedelta(minutes=1)
    assert send_due(newsletter, provider).accepted == 1
    assert provider.copies() == {"anna@example.org": 1}
    assert queued(newsletter.store) == [("confirmation", "accepted")]


def test_that_a_repetition_was_not_taken_says_nothing_of_the_first(
    newsletter: Newsletter, clock: list[datetime]
) -> None:
    request_signup(newsletter.store, signup_request("anna@example.org"), VIA)
    for outcome in (Unknown("no answer"), RetryLater("busy"), RequestRefused("no")):
        send_due(newsletter, FakeProvider(newsletter.root / "taken", answer=say(outcome)))
        assert queued(newsletter.store) == [("confirmation", "unknown")]
        clock[0] += timedelta(hours=1)


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE subscribers SET email = 'b@example.org'",
        "DELETE FROM subscribers",
        "UPDATE subscribers SET status = 'active'",
    ],
)
def test_what_has_changed_since_is_never_repeated(
    change: str, newsletter: Newsletter, clock: list[datetime]
) -> None:
    request_signup(newsletter.store, signup_request("anna@example.org"), VIA)
    send_due(newsletter, FakeProvider(newsletter.root / "taken", answer=say(Unknown("no answer"))))
    sql(newsletter.store, change)
    clock[0] += timedelta(minutes=1)
    provider = FakeProvider(newsletter.root / "again")
    assert send_due(newsletter, provider).accepted == provider.calls == 0
    assert queued(newsletter.store) == [("confirmation", "unknown")]
    assert not notices.is_due(newsletter.store, newsletter.settings)


def test_a_provider_that_knows_no_keys_is_never_asked_twice(
    newsletter: Newsletter, clock: list[datetime]
) -> None:
    request_signup(newsletter.store, signup_request("anna@example.org"), VIA)
    blind = FakeProvider(
        newsletter.root / "taken", replay=timedelta(), answer=say(Unknown("no answer"))
    )
    send_due(newsletter, blind)
    clock[0] += timedelta(minutes=1)
    send_due(newsletter, blind)
    assert blind.calls == 1
    assert queued(newsletter.store) == [("confirmation", "unknown")]
    assert not notices.is_due(newsletter.store, newsletter.settings)


def test_a_key_that_the_provider_has_forgotten_is_not_used(
    newsletter: Newsletter, clock: list[datetime]
) -> None:
    request_signup(newsletter.store, signup_request("anna@example.org"), VIA)
    provider = FakeProvider(
        newsletter.root / "taken", replay=timedelta(hours=1), answer=say(Unknown("no answer"))
    )
    send_due(newsletter, provider)
    clock[0] += timedelta(minutes=50)
    send_due(newsletter, provider)
    assert provider.calls == 1


def test_an_address_that_is_erased_while_its_letter_leaves_stays_nowhere(
    newsletter: Newsletter,
) -> None:
    request_signup(newsletter.store, signup_request("anna@example.org"), VIA)

    def erase(_batch: Batch) -> None:
        sql(newsletter.store, "DELETE FROM subscribers")

    send_due(newsletter, FakeProvider(newsletter.root / "taken", answer=erase))
    assert queued(newsletter.store) == [("confirmation", "accepted")]
    tables = ("notices", "signups", "rate_counters")
    everything = [sql(newsletter.store, f"SELECT * FROM {t}") for t in tables]  # noqa: S608 - ours
    assert "anna" not in str(everything)


# Crashes

STEPS = (
    "notice_claims.claim:return",
    "notice_claims.record_payload:return",
    "notices._next:return",
    "requests.submit:call",
    "refuse",
    "submit",
    "notice_claims.settle:return",
    "notices._error_of:call",
)


def start_sender(newsletter: Newsletter, ledger: Path, hours: int, where: str) -> Process:
    with Path(os.devnull).open("r+b") as nothing:
        number = nothing.fileno()
        return Process(
            *(newsletter.root, ledger, str(hours), where),
            cwd=newsletter.root,
            env=os.environ,
            stdin=number,
            stdout=number,
            stderr=number,
            main=notice_sender.main,
        )


@pytest.mark.parametrize("hours", [24, 0], ids=["keyed", "blind"])
@pytest.mark.parametrize("where", STEPS)
def test_a_killed_process_loses_no_notice_and_sends_none_twice(
    where: str, hours: int, root: Path, tmp_path: Path
) -> None:
    newsletter = Newsletter(root, subscribers=0, slug="none")
    for n in range(3):
        request_signup(newsletter.store, signup_request(f"lezer{n}@example.org"), VIA)
    ledger = tmp_path / "taken"
    assert start_sender(newsletter, ledger, hours, where).wait(60) == -signal.SIGKILL
    assert start_sender(newsletter, ledger, hours, "nowhere").wait(60) == 0
    copies = FakeProvider(ledger).copies()
    states = [state for _, state in queued(newsletter.store)]
    assert max(copies.values()) == 1
    assert len(copies) >= states.count("accepted")
    if hours:
        assert states == ["accepted"] * 3
    else:
        # The one that may have left is there to be seen; all others have left.
        assert sorted(states) in (["accepted"] * 3, ["accepted", "accepted", "unknown"])
        assert len(copies) == 3 or "unknown" in states


def leave_one_under_way(newsletter: Newsletter, taken: Path) -> None:
    """Let a process be killed when the provider has the second of two notices."""
    for n in range(2):
        request_signup(newsletter.store, signup_request(f"lezer{n}@example.org"), VIA)
    assert start_sender(newsletter, taken, 24, "submit").wait(60) == -signal.SIGKILL
    assert queued(newsletter.store)[1] == ("confirmation", "attempting")


@pytest.mark.parametrize("hours", [24, 0], ids=["keyed", "blind"])
def test_on_the_same_machine_a_killed_sender_is_taken_over_at_once(
    hours: int, root: Path, tmp_path: Path
) -> None:
    newsletter = Newsletter(root, subscribers=0, slug="none")
    leave_one_under_way(newsletter, tmp_path / "taken")
    assert notices.is_due(newsletter.store, newsletter.settings)
    provider = FakeProvider(tmp_path / "taken", replay=timedelta(hours=hours))
    assert send_due(newsletter, provider).accepted == (1 if hours else 0)
    assert queued(newsletter.store)[1] == ("confirmation", "accepted" if hours else "unknown")
    assert set(provider.copies().values()) == {1}
    assert not notices.is_due(newsletter.store, newsletter.settings)


def test_without_the_lock_of_a_killed_sender_its_lease_decides(root: Path, tmp_path: Path) -> None:
    newsletter = Newsletter(root, subscribers=0, slug="none")
    leave_one_under_way(newsletter, tmp_path / "taken")
    (lock,) = newsletter.settings.state.glob("sender-*.lock")
    lock.rename(tmp_path / "elsewhere")
    assert not notices.is_due(newsletter.store, newsletter.settings)
    assert send_due(newsletter, FakeProvider(tmp_path / "taken")).accepted == 0
    assert queued(newsletter.store)[1] == ("confirmation", "attempting")
    sql(newsletter.store, "UPDATE notices SET lease_until = '2000-01-01 00:00:00.000000+00:00'")
    assert send_due(newsletter, FakeProvider(tmp_path / "taken")).accepted == 1


def test_from_a_running_sender_nothing_is_taken_over(root: Path, tmp_path: Path) -> None:
    newsletter = Newsletter(root, subscribers=0, slug="none")
    request_signup(newsletter.store, signup_request("anna@example.org"), VIA)
    looks: list[tuple[bool, int]] = []

    def look(_batch: Batch) -> None:
        other = FakeProvider(tmp_path / "other")
        looks.append(
            (
                notices.is_due(newsletter.store, newsletter.settings),
                send_due(newsletter, other).accepted,
            )
        )

    assert send_due(newsletter, FakeProvider(tmp_path / "taken", answer=look)).accepted == 1
    assert looks == [(False, 0)]
    assert not list(newsletter.settings.state.glob("sender-*.lock"))


def test_two_processes_at_once_send_each_notice_once(root: Path, tmp_path: Path) -> None:
    newsletter = Newsletter(root, subscribers=0, slug="none")
    for n in range(20):
        request_signup(newsletter.store, signup_request(f"lezer{n}@example.org"), VIA)
    both = [start_sender(newsletter, tmp_path / "taken", 0, "nowhere") for _ in range(2)]
    assert [process.wait(90) for process in both] == [0, 0]
    copies = FakeProvider(tmp_path / "taken").copies()
    assert (len(copies), set(copies.values())) == (20, {1})
    assert queued(newsletter.store) == [("confirmation", "accepted")] * 20


def test_asked_to_stop_it_claims_nothing_more(newsletter: Newsletter) -> None:
    for n in range(3):
        request_signup(newsletter.store, signup_request(f"lezer{n}@example.org"), VIA)
    stop = threading.Event()
    provider = FakeProvider(newsletter.root / "taken", answer=lambda _batch: stop.set())
    found = notices.NoticeSender(newsletter.settings, provider).send_due(newsletter.store, stop)
    assert found.accepted == 1
    assert [state for _, state in queued(newsletter.store)] == ["accepted", "pending", "pending"]


def test_asked_to_stop_it_takes_nobody_else_off_the_lists_of_the_provider(
    newsletter: Newsletter, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("anna", "bert"):
        request_signup(newsletter.store, signup_request(f"{name}@example.org"), VIA)
    sql(newsletter.store, "UPDATE subscribers SET status = 'bounced'")
    stop, asked = threading.Event(), []

    def remove(_settings: object, email: str) -> str:
        asked.append(email)
        stop.set()
        return ""

    monkeypatch.setattr(notices, "remove_suppression", remove)
    provider = FakeProvider(newsletter.root / "taken")
    found = notices.NoticeSender(newsletter.settings, provider).send_due(newsletter.store, stop)
    assert asked == ["anna@example.org"]
    assert found.accepted == 0


# The command


def test_send_takes_along_what_is_due(
    root: Path, run: Callable[..., subprocess.CompletedProcess[str]]
) -> None:
    newsletter = Newsletter(root, subscribers=1)
    request_signup(newsletter.store, signup_request("anna@example.org"), VIA)
    assert run("send", newsletter.slug).returncode == 0
    (mail,) = letters(root / ".newsletter" / "outbox")
    assert mail["To"] == "anna@example.org"
    assert statuses(newsletter.store)["anna@example.org"] == "pending"
    request_signup(newsletter.store, signup_request("bert@example.org"), VIA)
    assert run("send", "--due").returncode == 0
    assert len(letters(root / ".newsletter" / "outbox")) == 2


def test_a_dry_run_sends_no_notice(
    root: Path, run: Callable[..., subprocess.CompletedProcess[str]]
) -> None:
    newsletter = Newsletter(root, subscribers=1)
    request_signup(newsletter.store, signup_request("anna@example.org"), VIA)
    assert run("send", newsletter.slug, "--dry-run").returncode == 0
    assert queued(newsletter.store) == [("confirmation", "pending")]
