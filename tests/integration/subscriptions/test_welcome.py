"""Who confirms is welcomed once, and gets the latest issue at most once in whatever way."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from newsletter.model import RecipientRejected
from newsletter.store import editions
from newsletter.subscriptions import admin, signup, unsubscribe
from newsletter.subscriptions.erasure import erase_subscriber
from newsletter.subscriptions.export import as_document
from newsletter.subscriptions.signup import LinkState
from newsletter.subscriptions.welcome import Welcome
from tests.support.newsletter import FakeProvider, Newsletter
from tests.support.signups import HERE, VIA, open_link, queued, send_due, signup_request

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from newsletter.model import Batch

pytestmark = pytest.mark.usefixtures("database")

SLUG = "2026-11-29-rust"
ANNA = "anna@example.org"
DAY = timedelta(days=1)


class Clock:
    """The time, as a test sets it."""

    def __init__(self) -> None:
        self.moment = datetime(2026, 11, 29, 6, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.moment


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def newsletter(root: Path, clock: Clock) -> Newsletter:
    made = Newsletter(root, subscribers=2, slug=SLUG, clock=clock)
    (root / "issues" / f"{SLUG}.md").write_text("---\nsubject: Over rust\n---\nEen zin.\n")
    return made


@pytest.fixture
def seen() -> list[Batch]:
    return []


@pytest.fixture
def provider(tmp_path: Path, seen: list[Batch]) -> FakeProvider:
    return FakeProvider(tmp_path / "taken", answer=seen.append)


def join(
    newsletter: Newsletter, email: str = ANNA, *, latest: bool = True, name: str | None = "Anna"
) -> None:
    signup.request_signup(newsletter.store, signup_request(email, name=name), VIA)
    link = open_link(newsletter.store, email)
    welcome = Welcome(VIA, with_latest=latest)
    assert signup.confirm(newsletter.store, link, HERE, welcome) is LinkState.CONFIRMED
    # Pressed twice, as people do.
    assert signup.confirm(newsletter.store, link, HERE, welcome) is LinkState.CONFIRMED


def leave(newsletter: Newsletter) -> None:
    rows = newsletter.sql("SELECT public_id FROM subscribers WHERE email = 'anna@example.org'")
    assert unsubscribe.unsubscribe_many(newsletter.store, [str(rows[0][0])]) == 1


def kinds(newsletter: Newsletter) -> list[object]:
    return [kind for kind, _ in queued(newsletter.store) if kind != "confirmation"]


def test_who_confirms_gets_a_welcome_and_the_latest_issue_once(
    newsletter: Newsletter, provider: FakeProvider, seen: list[Batch], clock: Clock
) -> None:
    newsletter.send(provider, SLUG)
    seen.clear()
    clock.moment += DAY
    join(newsletter)
    assert kinds(newsletter) == ["welcome", "issue"]
    assert send_due(newsletter, provider).accepted == 2  # the confirmation is pointless by now
    welcome, issue = seen
    assert welcome.letter.subject.startswith("Welkom bij ")
    assert welcome.letter.list_id
    assert "voorkeuren" in welcome.letter.text
    assert issue.letter.subject == "Over rust"
    assert issue.letter.hash
    frozen = newsletter.sql("SELECT letter_hash FROM mailings")
    assert [(issue.letter.hash,)] == frozen
    for batch in seen:
        (to,) = batch.recipients
        assert to.email == ANNA
        assert to.greeting == "Dag Anna,"
        token = to.unsubscribe_url.rpartition("/")[2]
        keys = newsletter.settings.secret_keys
        assert (
            unsubscribe.subscriber_of_link(keys, token)
            == newsletter.sql("SELECT public_id FROM subscribers WHERE email = 'anna@example.org'")[
                0
            ][0]
        )
    history = admin.load_history(newsletter.store, ANNA)
    assert isinstance(history, admin.SubscriberHistory)
    document = as_document(history)
    assert document["issue_notices"] == [{"issue": SLUG, "at": "2026-11-30T06:00:00Z"}]
    assert [one["issues"] for one in document["notices"]] == [(), (), (SLUG,)]


@pytest.mark.parametrize("away", [2 * DAY, 30 * DAY - timedelta(hours=1)])
def test_who_comes_back_within_thirty_days_is_not_welcomed_again(
    newsletter: Newsletter, provider: FakeProvider, clock: Clock, away: timedelta
) -> None:
    newsletter.send(provider, SLUG)
    join(newsletter)
    leave(newsletter)
    clock.moment += away
    join(newsletter)
    assert kinds(newsletter) == ["welcome", "issue"]


def test_who_comes_back_later_is_welcomed_without_the_issue_they_had(
    newsletter: Newsletter, provider: FakeProvider, clock: Clock
) -> None:
    newsletter.send(provider, SLUG)
    join(newsletter)
    leave(newsletter)
    clock.moment += 31 * DAY
    join(newsletter)
    assert kinds(newsletter) == ["welcome", "issue", "welcome"]


def test_who_was_erased_lately_is_not_welcomed_again(newsletter: Newsletter, clock: Clock) -> None:
    join(newsletter)
    rows = newsletter.sql("SELECT public_id FROM subscribers WHERE email = 'anna@example.org'")
    erase_subscriber(newsletter.store, newsletter.settings, str(rows[0][0]))
    assert newsletter.sql("SELECT * FROM issue_notices") == []
    clock.moment += 2 * DAY
    join(newsletter)
    assert kinds(newsletter) == []
    leave(newsletter)
    clock.moment += 31 * DAY
    join(newsletter)
    assert kinds(newsletter) == ["welcome"]


def _never_sent(newsletter: Newsletter, _provider: FakeProvider) -> None:
    assert newsletter.sql("SELECT 1 FROM mailings") == []


def _withdrawn(newsletter: Newsletter, provider: FakeProvider) -> None:
    newsletter.send(provider, SLUG)
    with newsletter.store.write() as connection:
        editions.withdraw(connection, SLUG)


def _had_a_letter(newsletter: Newsletter, provider: FakeProvider) -> None:
    join(newsletter, latest=False)
    newsletter.sql("UPDATE subscribers SET welcomed_at = NULL")
    newsletter.send(provider, SLUG)
    leave(newsletter)


def _is_a_digest(newsletter: Newsletter, provider: FakeProvider) -> None:
    newsletter.send(provider, SLUG)
    newsletter.sql("UPDATE mailings SET monthly = NOT monthly")


def _is_paused(newsletter: Newsletter, provider: FakeProvider) -> None:
    newsletter.send(provider, SLUG, limit=1)


@pytest.mark.parametrize(
    "before", [_never_sent, _withdrawn, _had_a_letter, _is_a_digest, _is_paused]
)
def test_without_an_issue_they_may_get_there_is_only_the_welcome(
    newsletter: Newsletter,
    provider: FakeProvider,
    clock: Clock,
    before: Callable[[Newsletter, FakeProvider], None],
) -> None:
    before(newsletter, provider)
    clock.moment += 2 * DAY
    join(newsletter)
    assert kinds(newsletter)[-1] == "welcome"
    assert "issue" not in kinds(newsletter)


def test_a_letter_that_is_still_to_be_sent_counts(
    newsletter: Newsletter, provider: FakeProvider, clock: Clock
) -> None:
    join(newsletter, latest=False)
    newsletter.send(provider, SLUG, limit=1)  # Anna's is not the first
    leave(newsletter)
    clock.moment += 2 * DAY
    newsletter.sql("UPDATE mailings SET state = 'sending'")
    newsletter.sql("UPDATE subscribers SET welcomed_at = NULL")
    join(newsletter)
    assert kinds(newsletter) == ["welcome", "welcome"]
    newsletter.sql("UPDATE mailings SET state = 'paused'")
    newsletter.send(provider, SLUG, late=True)
    assert provider.copies()[ANNA] == 1


def test_a_letter_of_a_cancelled_mailing_counts_no_more(
    newsletter: Newsletter, provider: FakeProvider, clock: Clock
) -> None:
    join(newsletter, latest=False)
    newsletter.send(provider, SLUG, limit=1)
    # As if nothing had been attempted: the same issue is sent once more, while Anna is away.
    newsletter.sql("UPDATE deliveries SET state = 'pending', batch_id = NULL")
    newsletter.sql("UPDATE mailings SET state = 'cancelled', released = (1 = 1)")
    leave(newsletter)
    newsletter.send(provider, SLUG)
    newsletter.sql("UPDATE subscribers SET welcomed_at = NULL")
    clock.moment += 2 * DAY
    join(newsletter)
    assert kinds(newsletter) == ["welcome", "welcome", "issue"]


def test_what_is_withdrawn_before_it_leaves_does_not_leave(
    newsletter: Newsletter, provider: FakeProvider, seen: list[Batch]
) -> None:
    newsletter.send(provider, SLUG)
    seen.clear()
    join(newsletter)
    with newsletter.store.write() as connection:
        editions.withdraw(connection, SLUG)
    assert send_due(newsletter, provider).accepted == 1
    assert ("issue", "skipped") in queued(newsletter.store)


def _withdraw(newsletter: Newsletter, _clock: Clock) -> None:
    with newsletter.store.write() as connection:
        editions.withdraw(connection, SLUG)


def _cancel(newsletter: Newsletter, _clock: Clock) -> None:
    newsletter.sql("UPDATE mailings SET state = 'cancelled'")


def _leave(newsletter: Newsletter, _clock: Clock) -> None:
    leave(newsletter)


def _wait(_newsletter: Newsletter, clock: Clock) -> None:
    clock.moment += 2 * DAY


@pytest.mark.parametrize("meanwhile", [_withdraw, _cancel, _leave, _wait])
def test_an_issue_that_never_left_is_not_one_that_they_had(
    newsletter: Newsletter,
    provider: FakeProvider,
    seen: list[Batch],
    clock: Clock,
    meanwhile: Callable[[Newsletter, Clock], None],
) -> None:
    newsletter.send(provider, SLUG)
    seen.clear()
    join(newsletter)
    assert len(newsletter.sql("SELECT slug FROM issue_notices")) == 1
    meanwhile(newsletter, clock)
    send_due(newsletter, provider)
    assert ("issue", "skipped") in queued(newsletter.store)
    assert newsletter.sql("SELECT slug FROM issue_notices") == []


def test_an_issue_that_the_provider_rejects_is_not_one_that_they_had(
    newsletter: Newsletter, provider: FakeProvider
) -> None:
    newsletter.send(provider, SLUG)
    join(newsletter)
    provider.answer = lambda batch: {one.ref: RecipientRejected("no") for one in batch.recipients}
    send_due(newsletter, provider)
    assert ("issue", "rejected") in queued(newsletter.store)
    assert newsletter.sql("SELECT slug FROM issue_notices") == []


def test_nothing_goes_to_who_left_before_it_was_sent(
    newsletter: Newsletter, provider: FakeProvider, seen: list[Batch]
) -> None:
    newsletter.send(provider, SLUG)
    seen.clear()
    join(newsletter)
    leave(newsletter)
    assert send_due(newsletter, provider).accepted == 0
    assert seen == []
