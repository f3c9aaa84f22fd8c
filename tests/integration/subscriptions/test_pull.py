"""`newsletter events pull`: what providers list, and taking an address off their lists."""

from __future__ import annotations

import dataclasses
import json
import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, TypeAlias

import pytest

from newsletter import config
from newsletter.providers.registry import remove_suppression
from newsletter.store.notices import ProviderAccount
from newsletter.subscriptions.events import pull_events
from newsletter.subscriptions.signup import request_signup
from tests.support.events import Letters, email
from tests.support.newsletter import Newsletter, is_one_error, write_issue
from tests.support.providers.fake_lists import (
    LettermintLists,
    Lists,
    MailgunLists,
    ResendLists,
    SesLists,
)
from tests.support.providers.fake_resend import FakeResend
from tests.support.providers.fake_server import CONNECTIONS, Fault, error
from tests.support.providers.webhooks import MAILGUN, ReportedEvent
from tests.support.signups import signup_request
from tests.support.subscribers import sql

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path
    from subprocess import CompletedProcess

    from newsletter.config import Settings

    Run: TypeAlias = Callable[..., CompletedProcess[str]]

KINDS: dict[str, type[Lists]] = {
    "resend": ResendLists,
    "mailgun": MailgunLists,
    "ses": SesLists,
    "lettermint": LettermintLists,
}
# What is on a list of addresses, and where.
ADDRESSES = {"resend": "suppressions", "ses": "addresses", "lettermint": "suppressions"}


@pytest.fixture
def letters(root: Path, tmp_path: Path) -> Letters:
    """Return a newsletter of which one issue has left, to five subscribers."""
    found = Letters(Newsletter(root, subscribers=5), tmp_path / "taken")
    found.send()
    return found


@pytest.fixture(params=KINDS)
def lists(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Lists]:
    with KINDS[request.param](tmp_path / "listed") as lists:
        yield lists


@pytest.fixture
def provider(request: pytest.FixtureRequest, lists: Lists) -> str:
    """Return the name of the provider whose lists these are."""
    assert lists
    which: str = request.node.callspec.params["lists"]
    return which


def these(*names: str) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("lists", names, indirect=True)


def settings(letters: Letters, provider: str, lists: Lists) -> Settings:
    return dataclasses.replace(
        letters.newsletter.settings,
        provider=provider,
        provider_url=lists.url,
        credentials=lists.environment,
    )


def moment(ago: float) -> datetime:
    return datetime.now(UTC) - timedelta(seconds=ago)


def entry(provider: str, subscriber: int, why: str, ago: float = 60.0) -> dict[str, Any]:
    """Return an entry of a provider's own list; `why` is bounce, complaint or unsubscribe."""
    at = moment(ago)
    if provider == "resend":
        origin = "manual" if why == "unsubscribe" else why
        when = at.strftime("%Y-%m-%d %H:%M:%S.%f+00")
        return {
            "id": f"e{subscriber}",
            "email": email(subscriber),
            "origin": origin,
            "created_at": when,
        }
    if provider == "ses":
        return {
            "EmailAddress": email(subscriber),
            "Reason": why.upper(),
            "LastUpdateTime": at.timestamp(),
        }
    reason = {"bounce": "hard_bounce", "complaint": "spam_complaint"}.get(why, why)
    return {
        "id": f"e{subscriber}",
        "type": "email",
        "value": email(subscriber),
        "reason": reason,
        "scope": "team",
        "applies_to": "all",
        "created_at": at.isoformat(),
    }


def message(letters: Letters, subscriber: int, status: str, ago: float = 60.0) -> dict[str, Any]:
    """Return a letter as Lettermint lists it."""
    return {
        "id": f"id-{letters.ref(subscriber)}",
        "status": status,
        "to": [{"email": email(subscriber), "name": None}],
        "status_changed_at": moment(ago).isoformat(),
    }


def asked(lists: Lists, name: str) -> list[str]:
    """Return the value of a query's field in each request."""
    found = [request.path.partition(f"{name}=")[2] for request in lists.requests]
    return [value.partition("&")[0] for value in found if value]


# Addresses


@pytest.mark.usefixtures("database")
@these("resend", "ses", "lettermint")
def test_who_is_on_the_providers_list_is_not_mailed_again(
    lists: Lists, provider: str, letters: Letters
) -> None:
    lists.entries[ADDRESSES[provider]] = [
        entry(provider, 0, "bounce", 10.0),
        entry(provider, 1, "complaint", 20.0),
        entry(provider, 99, "bounce", 30.0),
        entry(provider, 2, "bounce", 40.0),
        entry(provider, 3, "complaint", 3600.0),
    ]
    letters.confirm(3)
    found = pull_events(letters.newsletter.store, settings(letters, provider, lists))
    assert found.left == 3
    assert found.until
    assert abs(found.until - moment(0)) < timedelta(minutes=1)
    assert [letters.status(subscriber) for subscriber in range(5)] == [
        *("bounced", "complained", "bounced", "active", "active"),
    ]


@these("resend", "ses", "lettermint")
def test_it_is_read_from_where_it_was_read_last_and_a_little_before(
    lists: Lists, provider: str, letters: Letters
) -> None:
    listed = [
        entry(provider, subscriber, "bounce", 7000.0 * subscriber + 10)
        for subscriber in range(1, 5)
    ]
    lists.entries[ADDRESSES[provider]] = listed
    ours = settings(letters, provider, lists)
    pull_events(letters.newsletter.store, ours)
    requests = len(lists.requests)
    lists.entries[ADDRESSES[provider]] = [entry(provider, 0, "complaint", 1800.0), *listed]
    assert pull_events(letters.newsletter.store, ours).left == 1
    assert letters.status() == "complained"
    if provider == "resend":
        # Since when is not known; so it is read until it gets older than that.
        assert len(lists.requests) == requests + 1
    else:
        field = "StartDate" if provider == "ses" else "startDate%5D"
        first, last = asked(lists, field)[0], asked(lists, field)[-1]
        assert first < last
    assert pull_events(letters.newsletter.store, ours).left == 0


def test_of_lettermints_lists_those_that_may_be_anothers_are_passed_over(
    tmp_path: Path, letters: Letters
) -> None:
    with LettermintLists(tmp_path / "listed") as lists:
        lists.entries["suppressions"] = [
            entry("lettermint", 0, "unsubscribe") | {"scope": "project"},
            entry("lettermint", 1, "unsubscribe") | {"type": "domain", "value": "example.org"},
            entry("lettermint", 2, "unsubscribe") | {"scope": "global"},
        ]
        assert (
            pull_events(letters.newsletter.store, settings(letters, "lettermint", lists)).left == 1
        )
    assert letters.status(2) == "unsubscribed"


# Letters


@pytest.mark.usefixtures("database")
def test_mailguns_events_are_read_in_their_order_and_none_is_lost(
    tmp_path: Path, letters: Letters
) -> None:
    store = letters.newsletter.store
    said = [
        MAILGUN.say(letters.event(kind, subscriber, ago=ago))["event-data"]
        for subscriber, kind, ago in (
            *((0, "delivered", 300.0), (1, "deferred", 200.0), (1, "hard bounce", 100.0)),
            *((2, "complaint", 50.0), (3, "unsubscribe", 40.0)),
        )
    ]
    with MailgunLists(tmp_path / "listed") as lists:
        ours = settings(letters, "mailgun", lists)
        lists.entries["events"] = said[:4]
        assert pull_events(store, ours).events == 4
        assert [letters.status(subscriber) for subscriber in range(4)] == [
            *("active", "bounced", "complained", "active"),
        ]
        # One that is listed late, with a moment before the last.
        late = MAILGUN.say(letters.event("soft bounce", 4, ago=1800.0))["event-data"]
        lists.entries["events"] = [late, *said]
        pull_events(store, ours)
    assert letters.status(3) == "unsubscribed"
    assert letters.kinds(4) == ["soft bounce"]
    assert letters.kinds(1) == ["deferred", "hard bounce"]
    first, *_, last = asked(lists, "begin")
    assert float(first) < time.time() - 2 * 86_400
    assert time.time() - 3700 < float(last) < time.time() - 3500


def test_what_was_read_before_it_broke_off_is_not_lost(tmp_path: Path, letters: Letters) -> None:
    reported = [
        MAILGUN.say(letters.event("delivered", subscriber))["event-data"] for subscriber in range(4)
    ]
    with MailgunLists(tmp_path / "listed") as lists:
        lists.entries["events"] = reported
        lists.faults = {2: error(500, "trouble")}
        with pytest.raises(Exception, match="could not be asked"):
            pull_events(letters.newsletter.store, settings(letters, "mailgun", lists))
        assert letters.kinds(1) == ["delivered"]
        assert letters.kinds(2) == []
        pull_events(letters.newsletter.store, settings(letters, "mailgun", lists))
    assert letters.kinds(3) == ["delivered"]


def test_the_same_event_by_webhook_and_by_list_counts_once(
    tmp_path: Path, letters: Letters
) -> None:
    reported = letters.event("hard bounce")
    letters.receive(reported, sender=MAILGUN)
    with MailgunLists(tmp_path / "listed") as lists:
        lists.entries["events"] = [MAILGUN.say(reported)["event-data"]]
        pull_events(letters.newsletter.store, settings(letters, "mailgun", lists))
    assert letters.kinds() == ["hard bounce"]


@pytest.mark.usefixtures("database")
def test_lettermints_letters_are_known_by_name_and_address(
    tmp_path: Path, letters: Letters
) -> None:
    sql(letters.newsletter.store, "UPDATE mailings SET provider = 'lettermint'")
    with LettermintLists(tmp_path / "listed") as lists:
        lists.entries["messages"] = [
            message(letters, 0, "delivered"),
            message(letters, 1, "hard_bounced"),
            message(letters, 2, "spam_complaint") | {"id": "another"},
            message(letters, 3, "spam_complaint") | {"to": [{"email": email(4)}]},
            message(letters, 4, "queued"),
        ]
        pull_events(letters.newsletter.store, settings(letters, "lettermint", lists))
        requests = len(lists.requests)
        pull_events(letters.newsletter.store, settings(letters, "lettermint", lists))
        # All of it happened since: but once it is old, reading stops.
        for one in lists.entries["messages"]:
            one["status_changed_at"] = moment(3 * 3600).isoformat()
        pull_events(letters.newsletter.store, settings(letters, "lettermint", lists))
    assert len(lists.requests) == 2 * requests + 2
    assert [letters.status(subscriber) for subscriber in range(5)] == [
        *("active", "bounced", "active", "active", "active"),
    ]
    assert letters.kinds() == ["delivered"]


# What keeps it from asking


def test_a_key_that_may_only_send_is_reported(
    lists: Lists, provider: str, letters: Letters, run: Run
) -> None:
    environment = letters.newsletter.for_real(lists.url) | {"NEWSLETTER_PROVIDER": provider}
    other = {
        "RESEND_API_KEY": "re_sending_only",
        "LETTERMINT_TEAM_TOKEN": "lm_team_other",
        "AWS_SECRET_ACCESS_KEY": "an0ther/secret",
    }
    keys = lists.environment | {k: v for k, v in other.items() if k in lists.environment}
    if provider == "mailgun":
        lists.may = lambda _request: False  # type: ignore[method-assign]
    refused = run("events", "pull", env=environment | keys)
    assert refused.returncode == 3
    assert "does not show its lists to this key (401: This key is restricted" in refused.stderr
    assert "docs/events.md" in refused.stderr
    for secret in keys.values():
        assert secret not in refused.stderr or secret == "eu-west-1"
    assert sql(letters.newsletter.store, "SELECT * FROM checkpoints") == []


def test_without_lettermints_team_token_it_is_said_what_is_missing(
    letters: Letters, run: Run
) -> None:
    environment = letters.newsletter.for_real("http://127.0.0.1:9")
    refused = run(
        "events",
        "pull",
        env=environment | {"NEWSLETTER_PROVIDER": "lettermint", "LETTERMINT_API_TOKEN": "lm_any"},
    )
    assert refused.returncode == 1
    assert refused.stderr.startswith("error: LETTERMINT_TEAM_TOKEN is not set")


@pytest.mark.parametrize(
    "case",
    [
        (error(500, "trouble"), 75),
        (error(429, "slow_down", retry_after="0"), 75),
        (error(400, "bad"), 1),
        (error(402, "payment_required"), 3),
        (error(404, "not_found"), 1),
        (CONNECTIONS["reset-accepted"], 75),
        (CONNECTIONS["page"], 1),
        (CONNECTIONS["empty"], 1),
    ],
    ids=["500", "429", "400", "402", "404", "reset", "a page", "nothing"],
)
def test_what_cannot_be_asked_now_changes_nothing(
    case: tuple[Fault, int], lists: Lists, provider: str, letters: Letters, run: Run
) -> None:
    fault, code = case
    lists.faults = dict.fromkeys(range(1, 9), fault)
    environment = letters.newsletter.for_real(lists.url) | {"NEWSLETTER_PROVIDER": provider}
    found = run("events", "pull", "--json", env=environment | lists.environment)
    assert found.returncode == code, found.stderr
    assert found.stdout == ""
    assert is_one_error(found.stderr)
    assert "could not be asked" in found.stderr
    assert sql(letters.newsletter.store, "SELECT * FROM checkpoints") == []


def test_one_that_came_too_soon_is_asked_again(
    lists: Lists, provider: str, letters: Letters
) -> None:
    lists.faults = {1: error(429, "slow_down", retry_after="0")}
    assert pull_events(letters.newsletter.store, settings(letters, provider, lists)).until
    assert len(lists.requests) > 1


# The command, and sending


def test_the_command_reports_what_it_read(letters: Letters, run: Run, tmp_path: Path) -> None:
    letters.receive(ReportedEvent("complaint", "0" * 32, email(1)))
    with MailgunLists(tmp_path / "listed") as lists:
        lists.entries["events"] = [MAILGUN.say(letters.event("complaint"))["event-data"]]
        environment = letters.newsletter.for_real(lists.url) | lists.environment
        environment |= {"NEWSLETTER_PROVIDER": "mailgun"}
        found = run("events", "pull", "--json", env=environment)
        again = run("events", "pull", env=environment)
    assert found.returncode == again.returncode == 0
    document = json.loads(found.stdout)
    assert document.pop("until").endswith("Z")
    assert document == {"provider": "mailgun", "events": 1, "left": 0, "webhooks": 0}
    assert again.stdout == "1 event; 0 subscribers suppressed from the provider's own list.\n"


def test_the_outbox_lists_nothing(root: Path, run: Run) -> None:
    Newsletter(root, subscribers=1)
    found = run("events", "pull")
    assert (found.returncode, found.stdout) == (0, "outbox has no list of events.\n")


@pytest.mark.parametrize("how", ["issue", "due"])
def test_a_send_knows_first_what_became_of_earlier_letters(
    how: str, root: Path, tmp_path: Path, run: Run
) -> None:
    letters = Letters(Newsletter(root, subscribers=3), tmp_path / "before")
    letters.send()
    with FakeResend(tmp_path / "taken") as fake:
        fake.suppressed = [entry("resend", 1, "bounce")]
        # A webhook was stored, and its process was killed before it was applied.
        letters.newsletter.sql("UPDATE deliveries SET ref = lower(ref)")
        body = json.dumps(
            {
                "type": "email.complained",
                "created_at": moment(5).isoformat(),
                "data": {"tags": {"delivery": letters.ref(2)}, "to": [email(2)]},
            }
        )
        sql(
            letters.newsletter.store,
            "INSERT INTO webhooks (provider, name, at, body) VALUES ('resend', 'a', ?, ?)",
            "2026-01-01 00:00:00.000000",
            body,
        )
        slug = write_issue(root, name="next", days=0 if how == "due" else 5)
        command = ["send", "--due"] if how == "due" else ["send", slug, "--yes", "--early"]
        if how == "due":
            text = (root / "issues" / f"{slug}.md").read_text(encoding="utf-8")
            at = datetime.now().astimezone() - timedelta(minutes=5)
            path = root / "issues" / f"{slug}.md"
            path.write_text(
                text.replace("---\nsub", f"---\nsend_at: {at:%Y-%m-%d %H:%M}\nsub", 1),
                encoding="utf-8",
            )
        sent = run(*command, "--no-preflight", env=letters.newsletter.for_real(fake.url))
        assert sent.returncode == 0, sent.stderr
        assert [one["to"] for one in fake.taken()] == [email(0)]
    assert [letters.status(subscriber) for subscriber in range(3)] == [
        "active",
        "bounced",
        "complained",
    ]


def test_a_send_goes_on_when_nothing_can_be_learned(root: Path, tmp_path: Path, run: Run) -> None:
    newsletter = Newsletter(root, subscribers=3)
    said = "some events of earlier letters are missing: Resend could not"
    with FakeResend(tmp_path / "taken") as fake:
        fake.suppressed = [{"id": "e", "email": "x" * (2 << 20)}]  # longer than is ever read
        command = ("send", "--yes", "--early", "--no-preflight")
        first = run(*command, newsletter.slug, env=newsletter.for_real(fake.url))
        assert first.returncode == 0, first.stderr
        assert said not in first.stderr, "before the first letter there is nothing to know"
        assert len(fake.taken()) == 3
        later = run(
            *command, write_issue(root, name="later", days=9), env=newsletter.for_real(fake.url)
        )
        assert later.returncode == 0, later.stderr
        assert said in later.stderr
        assert len(fake.taken()) == 6


def test_a_dry_run_asks_nobody(root: Path, tmp_path: Path, run: Run) -> None:
    newsletter = Newsletter(root, subscribers=3)
    with FakeResend(tmp_path / "taken") as fake:
        sent = run(
            "send", newsletter.slug, "--early", "--dry-run", env=newsletter.for_real(fake.url)
        )
        assert sent.returncode == 0
        assert fake.requests == []


# Coming back


def test_an_address_is_taken_off_the_providers_list(
    lists: Lists, provider: str, letters: Letters
) -> None:
    ours = settings(letters, provider, lists)
    if provider == "mailgun":
        for name in ("bounces", "complaints", "unsubscribes"):
            lists.entries[name] = [{"address": email(0)}, {"address": email(1)}]
    else:
        name = ADDRESSES[provider]
        lists.entries[name] = [entry(provider, subscriber, "bounce") for subscriber in (1, 0, 10)]
    # An address that is a part of another one; and one with signs that mean something in a path.
    for address in (email(0), "wie+niet/bekend?@example.org"):
        assert remove_suppression(ours, address) == ""
    kept = [str(one) for entries in lists.entries.values() for one in entries]
    assert not any(email(0) in one for one in kept)
    assert any(email(1) in one for one in kept)


def test_what_blocks_it_is_reported(lists: Lists, provider: str, letters: Letters) -> None:
    ours = settings(letters, provider, lists)
    name = ADDRESSES.get(provider, "")
    lists.entries[name] = [entry(provider, 0, "bounce")] if name else []
    lists.faults = dict.fromkeys(range(1, 9), error(500, "trouble"))
    reason = remove_suppression(ours, email(0))
    assert "could not be asked: the provider had an error of its own" in reason
    assert email(0) not in reason
    lists.faults = dict.fromkeys(range(10, 30), error(401, "restricted"))
    lists.count = 9
    assert "does not show its lists to this key" in remove_suppression(ours, email(0))


def test_lettermint_may_leave_it_to_a_person(tmp_path: Path, letters: Letters) -> None:
    with LettermintLists(tmp_path / "listed") as lists:
        assert isinstance(lists, LettermintLists)
        lists.reviews = True
        lists.entries["suppressions"] = [entry("lettermint", 0, "complaint")]
        ours = settings(letters, "lettermint", lists)
        assert "a person at Lettermint decides" in remove_suppression(ours, email(0))
        assert remove_suppression(ours, email(1)) == ""
        alone = dataclasses.replace(ours, credentials={"LETTERMINT_API_TOKEN": "lm_any"})
        assert "is not set" in remove_suppression(alone, email(0))


@pytest.mark.usefixtures("database")
@pytest.mark.parametrize("restricted", [False, True], ids=["may", "may not"])
def test_a_new_sign_up_is_removed_from_the_providers_list_before_its_confirmation(
    restricted: bool,  # noqa: FBT001 - a parameter of the test
    letters: Letters,
    run: Run,
    tmp_path: Path,
) -> None:
    letters.receive(letters.event("hard bounce"), letters.event("delivered", 1))
    with FakeResend(tmp_path / "confirmations") as fake:
        fake.suppressed = [entry("resend", subscriber, "bounce", 9000.0) for subscriber in (0, 1)]
        fake.account.permission = "sending_access" if restricted else "full_access"
        environment = letters.newsletter.for_real(fake.url)
        via = ProviderAccount("resend", fake.url)
        for who in (email(0), "nieuw@example.org"):
            request_signup(letters.newsletter.store, signup_request(who), via)
        sent = run("send", "--due", "--no-preflight", env=environment)
        assert sent.returncode == 0, sent.stderr
        assert [one["to"] for one in fake.taken()] == [email(0), "nieuw@example.org"]
        # A subscriber who asked for nothing stays as they are.
        assert len(fake.suppressed) == (2 if restricted else 1)
    shown = json.loads(run("subscribers", "show", email(0), "--json").stdout)["block_reason"]
    if restricted:
        assert shown.startswith("Resend does not show its lists to this key")
    else:
        assert shown is None


def test_the_outbox_has_no_suppression_to_remove(root: Path) -> None:
    assert remove_suppression(config.load(root), "anna@example.org") == ""


def test_a_block_is_shown_until_a_letter_arrives(letters: Letters, run: Run) -> None:
    sql(letters.newsletter.store, "UPDATE subscribers SET block_reason = 'on a list' WHERE id = 1")
    shown = run("subscribers", "show", email(0), "--json")
    assert json.loads(shown.stdout)["block_reason"] == "on a list"
    letters.receive(letters.event("accepted"), letters.event("delivered", 1))
    assert letters.history().subscriber.block_reason == "on a list"
    letters.receive(letters.event("delivered"))
    assert letters.history().subscriber.block_reason is None
