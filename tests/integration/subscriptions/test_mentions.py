"""Which addresses are found in a webhook, and that whoever is erased goes from those that wait."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING

import pytest

from newsletter.subscriptions import mentions
from newsletter.subscriptions.admin import add
from newsletter.subscriptions.erasure import erase
from newsletter.subscriptions.events import apply_waiting
from tests.support.newsletter import Newsletter
from tests.support.providers.webhooks import RESEND, ReportedEvent, keep
from tests.support.subscribers import sql

if TYPE_CHECKING:
    from pathlib import Path

ANNA = "anna.teken@example.org"
SPELLINGS = (
    '{"to": "anna.teken@example.org"}',
    '{"to": ["Bas <bas@example.org>", "Anna <Anna.Teken@Example.ORG>"]}',
    '{"to": "anna\\u002eteken\\u0040example.org"}',
    json.dumps({"Message": json.dumps({"mail": {"to": ["anna.teken@example.org"]}})}),
    json.dumps({"Message": '{"to": "anna\\u002eteken@example.org"}'}),
    '{"reason": "550 5.1.1 rfc822;anna.teken@example.org: user unknown"}',
    '{"link": "https://x.example/u?e=anna.teken%40example.org&x=1"}',
    '{"html": "anna.teken&#64;example.org"}',
    '{"anna.teken@example.org": {"x": 1}}',
    '{"to": "mailto:anna.teken@example.org."}',
    '[1, {"headers": [["X-To", "\'anna.teken@example.org\'"]]}]',
    "not json: anna\\u002eteken@example.org,",
    "event=bounce&recipient=anna.teken%40example.org",
    '{"to": "anna.teken@example.org"',
)


@pytest.mark.parametrize("body", SPELLINGS)
def test_an_address_is_found_however_it_is_spelled(body: str) -> None:
    assert ANNA in mentions.addresses(body)


def test_letters_beyond_ascii_are_found_in_each_of_their_forms() -> None:
    for body in (
        '{"to": "zoë@köln.example.org"}',
        json.dumps({"to": "zoë@köln.example.org"}),
        '{"to": "zoe\\u0308@xn--kln-sna.example.org"}',
        '{"to": "ZOË@KÖLN.example.org"}',
    ):
        assert mentions.addresses(body) == {"zoë@xn--kln-sna.example.org"}, body


@pytest.mark.parametrize(
    "part", ["@", "a@", "a@a", "x" * 64 + "@", "[", '{"a":', "%40", "&#64;", '\\"']
)
def test_no_body_takes_long(part: str) -> None:
    body = part * (300_000 // len(part))
    began = time.process_time()
    mentions.addresses(body)
    mentions.addresses(json.dumps([body]))
    assert time.process_time() - began < 20


@pytest.mark.usefixtures("database")
def test_an_erased_person_is_removed_from_waiting_webhooks_in_any_spelling(root: Path) -> None:
    newsletter = Newsletter(root, subscribers=2)
    zoe = "zoë@köln.example.org"
    for email in (ANNA, zoe):
        add(newsletter.store, email, consent="x", first_name="")
    named = [json.dumps({"to": zoe, "n": 1}), json.dumps({"to": ["bas@example.org", zoe]})]
    named += SPELLINGS
    other = '{"to": "lezer0@example.org"}'
    # Of a delivery that nobody knows, it waits.
    known = json.loads(
        RESEND.webhook(ReportedEvent("delivered", "f" * 32, "nobody@example.org"))[0]
    )
    bodies = [json.dumps({**known, "more": one}) for one in (*named, other)]
    keep(
        newsletter.store, [("resend", f"name-{n}", body.encode()) for n, body in enumerate(bodies)]
    )
    apply_waiting(newsletter.store)
    kept = sql(newsletter.store, "SELECT body FROM webhooks WHERE body IS NOT NULL")
    assert len(kept) == len(bodies)
    for email in (ANNA, zoe):
        assert erase(newsletter.store, newsletter.settings, email)
    assert [body for (body,) in sql(newsletter.store, "SELECT body FROM webhooks")] == bodies[-1:]


@pytest.mark.usefixtures("database")
def test_another_subscribers_request_for_the_persons_earlier_address_goes_too(root: Path) -> None:
    newsletter = Newsletter(root, subscribers=3)
    day = "2026-11-29 00:00:00.000000+00:00"
    for row in (
        ("a", 1, ANNA, "lezer0@example.org", day),
        ("b", 2, "lezer1@example.org", ANNA, None),
        ("c", 3, "lezer2@example.org", "x@example.org", None),
    ):
        sql(
            newsletter.store,
            "INSERT INTO address_changes (public_id, subscriber_id, old_email, new_email,"
            " new_email_key, requested_at, confirmed_at) VALUES (?, ?, ?, ?, ?, ?, ?)",
            *(*row[:4], row[3], day, row[4]),
        )
    assert erase(newsletter.store, newsletter.settings, "lezer0@example.org")
    assert sql(newsletter.store, "SELECT public_id FROM address_changes") == [("c",)]
