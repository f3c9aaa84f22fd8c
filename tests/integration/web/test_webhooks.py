"""Webhooks at the app's own address: what is believed, what is answered, and what survives."""

from __future__ import annotations

import json
import signal
import sqlite3
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest

from newsletter.web import Limits
from tests.support.changes import check_signatures_slowly, die_before_applying
from tests.support.events import Letters, email
from tests.support.newsletter import Newsletter, raw, write_issue
from tests.support.providers.fake_resend import FakeResend
from tests.support.providers.sns import CERTIFICATE, HOST, TOPIC, Cloud, Signer, ses
from tests.support.providers.webhooks import LETTERMINT, MAILGUN, RESEND, ReportedEvent
from tests.support.subscribers import sql
from tests.support.web_server import App, serving

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path
    from subprocess import CompletedProcess
    from typing import TypeAlias

    import httpx

    from tests.support.providers.webhooks import Sender

    Run: TypeAlias = Callable[..., CompletedProcess[str]]

SECRETS = dict(sender.secret for sender in (RESEND, LETTERMINT, MAILGUN))
SENDERS = (RESEND, LETTERMINT, MAILGUN)
# What a sender held at that moment waits for the next look, by default a minute later.
SOON = Limits(chores_seconds=0.2)


@pytest.fixture
def letters(root: Path, tmp_path: Path) -> Letters:
    """Return a newsletter of which one issue has left, to three subscribers."""
    found = Letters(Newsletter(root, subscribers=3), tmp_path / "taken")
    found.send()
    return found


@pytest.fixture
def app(root: Path, letters: Letters) -> Iterator[App]:
    assert letters
    with serving(root, env=SECRETS) as app:
        yield app


def post(app: App, sender: Sender, reported: ReportedEvent) -> httpx.Response:
    body, headers = sender.webhook(reported)
    return send(app, sender, body, headers)


def send(app: App, sender: Sender, body: bytes, headers: dict[str, str]) -> httpx.Response:
    return app.client.post(f"/webhooks/{sender.name}", content=body, headers=headers)


def until(holds: Callable[[], bool]) -> None:
    """Wait for what happens after the answer."""
    deadline = time.monotonic() + 30
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def kept(letters: Letters) -> list[tuple[object, ...]]:
    return sql(letters.newsletter.store, "SELECT provider, body IS NULL FROM webhooks ORDER BY id")


@pytest.mark.usefixtures("database")
@pytest.mark.parametrize("sender", SENDERS, ids=lambda sender: sender.name)
def test_after_a_complaint_the_subscriber_is_not_mailed(
    sender: Sender, app: App, letters: Letters
) -> None:
    answer = post(app, sender, letters.event("complaint"))
    assert answer.status_code == 200
    assert answer.content == b""
    until(lambda: letters.status() == "complained")
    assert letters.status(1) == "active"
    assert [row[0] for row in kept(letters)] == [sender.name]


@pytest.mark.usefixtures("database")
def test_each_event_five_times_at_once_counts_once(app: App, letters: Letters) -> None:
    webhooks = [
        (sender, *sender.webhook(letters.event(kind, subscriber)))
        for subscriber, sender in enumerate(SENDERS)
        for kind in ("delivered", "hard bounce")
    ]
    with ThreadPoolExecutor(15) as pool:
        answers = list(pool.map(lambda one: send(app, *one), webhooks * 5))
    assert {answer.status_code for answer in answers} == {200}
    until(lambda: all(row[1] for row in kept(letters)))
    assert len(kept(letters)) == len(webhooks)
    for subscriber in range(3):
        assert letters.status(subscriber) == "bounced"
        assert letters.kinds(subscriber) == ["delivered", "hard bounce"]


@pytest.mark.usefixtures("database")
def test_what_was_stored_and_not_applied_is_applied_by_the_next_process(
    root: Path, letters: Letters
) -> None:
    """Killed between the two, after the answer: nothing is lost, and nothing counts twice."""
    body, headers = RESEND.webhook(letters.event("hard bounce"))
    with serving(root, env=SECRETS, before=[die_before_applying]) as app:
        assert send(app, RESEND, body, headers).status_code == 200
        assert app.process.wait(60) == -signal.SIGKILL
    assert letters.status() == "active"
    assert [row[1] for row in kept(letters)] in ([False], [0])
    with serving(root, env=SECRETS) as app:
        until(lambda: letters.status() == "bounced")
        # Without an answer it comes again, and changes nothing.
        assert send(app, RESEND, body, headers).status_code == 200
    assert len(kept(letters)) == 1
    assert letters.kinds() == ["hard bounce"]


class Hasty(FakeResend):
    """Reports each letter by a webhook before it answers that it took it."""

    app: App

    def note(self, entries: list[dict[str, Any]]) -> None:
        super().note(entries)
        for one in entries:
            reported = ReportedEvent("delivered", one["ref"], one["to"], provider_id=one["id"])
            assert post(self.app, RESEND, reported).status_code == 200


@pytest.mark.usefixtures("database")
def test_a_webhook_that_comes_before_our_own_commit_is_of_the_same_letter(
    root: Path, tmp_path: Path, run: Run
) -> None:
    """I15 of what must hold: two processes, the sender's answer still on its way."""
    newsletter = Newsletter(root, subscribers=150)
    with Hasty(tmp_path / "taken") as fake, serving(root, env=SECRETS, limits=SOON) as fake.app:
        environment = newsletter.for_real(fake.url)
        sent = run(
            "send", newsletter.slug, "--yes", "--early", "--no-preflight", "--json", env=environment
        )
        assert sent.returncode == 0, sent.stderr
        until(lambda: newsletter.sql("SELECT count(*) FROM events") == [(150,)])
        assert len(fake.taken()) == 150
    found = json.loads(run("status", newsletter.slug, "--json", env=environment).stdout)
    assert found["state"] == "completed"
    assert (found["accepted"], found["delivered"], found["accepted_twice"]) == (150, 150, 0)
    assert newsletter.sql("SELECT count(*) FROM batches WHERE snapshot IS NOT NULL") == [(0,)]


@pytest.mark.usefixtures("postgresql")
def test_two_apps_and_a_sender_at_once_lose_nothing_and_count_nothing_twice(
    root: Path, tmp_path: Path, run: Run
) -> None:
    letters = Letters(Newsletter(root, subscribers=60), tmp_path / "before")
    letters.send()
    kinds = ("delivered", "deferred", "hard bounce")
    webhooks = [
        RESEND.webhook(letters.event(kind, subscriber))
        for subscriber in range(60)
        for kind in (kinds if subscriber % 4 == 0 else kinds[:2])
    ]
    slug = write_issue(root, name="next", days=3)
    with (
        FakeResend(tmp_path / "taken", latency=0.05) as fake,
        serving(root, env=SECRETS, limits=SOON) as one,
        serving(root, env=SECRETS, limits=SOON) as two,
        ThreadPoolExecutor(9) as pool,
    ):
        environment = letters.newsletter.for_real(fake.url)
        send_ = pool.submit(
            run, "send", slug, "--yes", "--early", "--no-preflight", "--json", env=environment
        )
        posted = pool.map(
            lambda place: send((one, two)[place % 2], RESEND, *webhooks[place // 3]),
            range(3 * len(webhooks)),
        )
        assert {answer.status_code for answer in posted} == {200}
        assert send_.result().returncode == 0, send_.result().stderr
        until(lambda: all(row[1] for row in kept(letters)))
        for app in (one, two):
            app.stop()
            assert "chores" not in app.said()
    assert len(kept(letters)) == len(webhooks)
    found = json.loads(send_.result().stdout)
    assert found["audience"] == found["accepted"] + found["skipped"]
    for subscriber in range(60):
        bounced = subscriber % 4 == 0
        assert letters.status(subscriber) == ("bounced" if bounced else "active")
        assert letters.kinds(subscriber) == sorted(kinds if bounced else kinds[:2])


@pytest.mark.parametrize("sender", SENDERS, ids=lambda sender: sender.name)
def test_what_nobody_signed_is_refused_and_not_stored(
    sender: Sender, app: App, letters: Letters
) -> None:
    reported = letters.event("complaint")
    forged = {
        "resend": "whsec_YW5vdGhlciBzZWNyZXQgYWx0b2dldGhlcg==",
        "lettermint": "another",
        "mailgun": "another",
    }[sender.name]
    for body, headers in (
        sender.webhook(reported, secret=forged),
        (sender.webhook(reported)[0] if sender is not MAILGUN else b"{}", {}),
        (b"", {}),
    ):
        answer = send(app, sender, body, headers)
        assert answer.status_code == 401
        assert answer.content == b""
    assert kept(letters) == []
    assert letters.status() == "active"


def test_a_signature_of_mailgun_vouches_for_one_webhook_alone(app: App, letters: Letters) -> None:
    """It covers nothing of the content, and whoever has seen one could sign anything with it."""
    body, headers = MAILGUN.webhook(letters.event("delivered"))
    forged = json.loads(body)
    forged["event-data"] = MAILGUN.say(letters.event("complaint"))["event-data"]
    assert send(app, MAILGUN, body, headers).status_code == 200
    assert send(app, MAILGUN, json.dumps(forged).encode(), headers).status_code == 200
    assert post(app, MAILGUN, letters.event("deferred", 1)).status_code == 200
    until(lambda: letters.kinds(1) == ["deferred"])
    assert letters.kinds() == ["delivered"]
    assert letters.status() == "active"


def test_a_signature_of_mailgun_for_what_is_not_stored_cannot_be_used_again(
    app: App, letters: Letters
) -> None:
    body, headers = MAILGUN.webhook(ReportedEvent("opened", letters.ref(), email(0)))
    forged = json.loads(body)
    forged["event-data"] = MAILGUN.say(letters.event("complaint"))["event-data"]
    assert send(app, MAILGUN, body, headers).status_code == 200
    assert send(app, MAILGUN, json.dumps(forged).encode(), headers).status_code == 200
    assert post(app, MAILGUN, letters.event("deferred", 1)).status_code == 200
    until(lambda: letters.kinds(1) == ["deferred"])
    assert letters.status() == "active"
    assert letters.kinds() == []
    assert all(row[1] for row in kept(letters))


@pytest.mark.usefixtures("database")
def test_unreadable_events_are_counted_and_reported_and_the_rest_is_applied(
    app: App, letters: Letters, run: Run
) -> None:
    complaint = RESEND.say(letters.event("complaint")) | {"created_at": "a while ago"}
    several = [RESEND.say(letters.event("delivered", 1)), {"nothing": "known"}]
    for said in (complaint, several, [], {"type": ""}, 7):
        body, headers = RESEND.sign(said, RESEND.secret[1], time.time())  # type: ignore[arg-type]
        assert send(app, RESEND, body, headers).status_code == 200
    until(lambda: letters.status() == "complained")
    until(lambda: letters.kinds(1) == ["delivered"])
    found = json.loads(run("status", "--json").stdout)
    assert found["webhooks"] == {"unreadable": 4}
    assert "4 webhooks were genuine but could not be read" in run("status").stdout
    app.stop()
    assert app.said().count("not all of it could be read") == 4


def test_checking_forged_signatures_delays_no_other_request(root: Path, letters: Letters) -> None:
    """Signatures are checked by a few threads for each provider, and not by the event loop."""
    assert letters
    with (
        serving(root, env=SECRETS, before=[check_signatures_slowly]) as app,
        ThreadPoolExecutor(20) as pool,
    ):
        asked = [
            pool.submit(send, app, sender, *sender.webhook(ReportedEvent("delivered", "0" * 32)))
            for sender in (RESEND, RESEND, RESEND, LETTERMINT) * 5
        ]
        until((root / "checking").exists)
        for _ in range(5):
            assert app.client.get("/healthz").status_code == 200
        assert not any(one.done() for one in asked)
        (root / "go on").touch()
        assert {one.result().status_code for one in asked} == {200}
        # Two for each of two providers.
        assert max(map(int, (root / "checking").read_text().split())) <= 4


def test_without_a_secret_there_is_no_such_address(root: Path, letters: Letters) -> None:
    with serving(root) as app:
        for name in ("resend", "lettermint", "mailgun", "ses", "postmark", "outbox", "%00"):
            assert app.client.post(f"/webhooks/{name}", content=b"{}").status_code == 404
    assert kept(letters) == []


def test_a_malformed_secret_is_reported_at_the_start(run: Run) -> None:
    refused = run("serve", "--port", "0", env={"RESEND_WEBHOOK_SECRET": "re_123"})
    assert refused.returncode == 1
    assert refused.stderr.startswith("error: RESEND_WEBHOOK_SECRET is not a webhook secret")
    assert "re_123" not in refused.stderr


def test_a_body_of_10_mb_is_refused_before_its_end(app: App, letters: Letters) -> None:
    head = b"POST /webhooks/%s HTTP/1.1\r\nHost: a\r\nContent-Length: 10485760\r\n\r\n"
    for name in (b"resend", b"lettermint", b"mailgun"):
        assert app.talk(head % name, b"x" * ((1 << 18) + 1)).startswith(b"HTTP/1.1 413 ")
    assert kept(letters) == []


def test_a_body_that_does_not_come_is_waited_for_only_so_long(root: Path, letters: Letters) -> None:
    head = b"POST /webhooks/resend HTTP/1.1\r\nHost: a\r\nContent-Length: 26\r\n\r\n"
    with serving(root, env=SECRETS, limits=Limits(read_body_seconds=0.3)) as app:
        assert app.talk(head, b"{").startswith(b"HTTP/1.1 408 ")
    assert kept(letters) == []


def test_reading_the_address_changes_nothing(app: App, letters: Letters) -> None:
    for method in ("GET", "HEAD", "PUT", "DELETE"):
        assert app.client.request(method, "/webhooks/resend").status_code == 405
    assert kept(letters) == []


def test_the_answer_comes_after_the_commit(root: Path, app: App, letters: Letters) -> None:
    with raw(root / ".newsletter" / "newsletter.db", manual=True) as writer:
        writer.execute("BEGIN IMMEDIATE")
        with ThreadPoolExecutor(1) as pool:
            answer = pool.submit(post, app, RESEND, letters.event("delivered"))
            for _ in range(5):
                assert app.client.get("/healthz").status_code == 200
            assert not answer.done()
            writer.execute("ROLLBACK")
            assert answer.result().status_code == 200
    app.process.kill()
    assert len(kept(letters)) == 1


def test_a_database_that_cannot_be_used_is_a_reason_to_come_again(
    root: Path, app: App, letters: Letters
) -> None:
    sql(letters.newsletter.store, "UPDATE ledger SET closed_at = '2026-11-29 06:00:00.000000'")
    answer = post(app, RESEND, letters.event("complaint"))
    assert answer.status_code == 503
    assert answer.headers["retry-after"] == "60"
    with sqlite3.connect(root / ".newsletter" / "newsletter.db") as connection:
        connection.execute("UPDATE ledger SET closed_at = NULL")
    connection.close()
    assert post(app, RESEND, letters.event("complaint")).status_code == 200
    until(lambda: letters.status() == "complained")


def test_the_log_holds_nothing_of_an_event(app: App, letters: Letters) -> None:
    reported = letters.event("hard bounce")
    body, headers = RESEND.webhook(reported)
    send(app, RESEND, body, headers)
    send(app, RESEND, body + b" ", headers)
    until(lambda: letters.status() == "bounced")
    app.stop()
    said = app.said()
    assert "POST /webhooks/{provider} 200" in said
    assert "POST /webhooks/{provider} 401" in said
    assert "no good signature" in said
    for secret in (email(0), reported.ref, headers["svix-id"], headers["svix-signature"]):
        assert secret not in said
    assert "unexpected" not in said


# Amazon SES, by way of Amazon SNS


def test_the_events_of_amazon_ses_arrive_by_a_topic_that_confirms_itself(
    root: Path, tmp_path: Path, letters: Letters
) -> None:
    """The whole way: the certificate is fetched over TLS, from the region of the topic."""
    signer, confirm = Signer(), f"https://{HOST}/?Action=ConfirmSubscription&Token=t"
    pages = {CERTIFICATE: signer.pem, confirm: b"<ConfirmSubscriptionResponse/>"}
    sender = ses(signer)
    with (
        Cloud(tmp_path, pages) as cloud,
        serving(root, env={**cloud.environment, "SES_TOPIC_ARN": TOPIC}) as app,
    ):
        message = signer.message(
            Type="SubscriptionConfirmation", SubscribeURL=confirm, Token="t" * 20
        )
        assert send(app, sender, json.dumps(message).encode(), {}).status_code == 200
        assert cloud.asked == [CERTIFICATE, confirm]
        assert post(app, sender, letters.event("hard bounce")).status_code == 200
        until(lambda: letters.status() == "bounced")
        forged = ses(Signer()).webhook(letters.event("complaint", 1))
        assert send(app, sender, *forged).status_code == 401
        assert cloud.asked == [CERTIFICATE, confirm]
    assert letters.status(1) == "active"
    assert [row[0] for row in kept(letters)] == ["ses"]


def test_a_certificate_by_an_unknown_authority_is_not_believed(
    root: Path, tmp_path: Path, letters: Letters
) -> None:
    signer = Signer()
    with (
        Cloud(tmp_path, {CERTIFICATE: signer.pem}) as cloud,
        serving(
            root, env={"HTTPS_PROXY": cloud.environment["HTTPS_PROXY"], "SES_TOPIC_ARN": TOPIC}
        ) as app,
    ):
        assert post(app, ses(signer), letters.event("complaint")).status_code == 401
        assert cloud.asked == []
    assert letters.status() == "active"
