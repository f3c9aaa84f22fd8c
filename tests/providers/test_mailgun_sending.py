"""A whole mailing through Mailgun while the way to it breaks: nobody twice, nobody forgotten."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from newsletter.errors import NewsletterError
from tests.support.newsletter import Newsletter
from tests.support.providers.fake_mailgun import FAULTS

if TYPE_CHECKING:
    from pathlib import Path

    from newsletter.providers.mailgun.send import Mailgun
    from tests.support.providers.fake_mailgun import FakeMailgun

LATER = timedelta(minutes=46)


class Clock:
    """The database's clock; the stand-in's goes with it."""

    def __init__(self, fake: FakeMailgun) -> None:
        self.fake = fake

    def __call__(self) -> datetime:
        return datetime.now(UTC) + timedelta(seconds=self.fake.passed)


@pytest.fixture
def newsletter(root: Path, fake: FakeMailgun) -> Newsletter:
    """Return a newsletter with subscribers for two requests; events are listed after a while."""
    fake.lag = 1500
    return Newsletter(root, subscribers=1100, clock=Clock(fake))


def send(newsletter: Newsletter, provider: Mailgun) -> int:
    """Send as the command does; return its exit code."""
    trouble = newsletter.send(provider).error  # type: ignore[arg-type] - it is a provider as well
    return trouble.exit_code if trouble else 0


def counts(newsletter: Newsletter) -> dict[object, object]:
    return dict(newsletter.sql("SELECT state, count(*) FROM deliveries GROUP BY state"))  # type: ignore[arg-type]


def copies(fake: FakeMailgun) -> Counter[str]:
    return Counter(entry["to"] for entry in fake.taken())


def wait(fake: FakeMailgun) -> None:
    fake.passed += LATER.total_seconds()


@pytest.mark.parametrize("name", ["reset-accepted", "500-accepted", "half-answer"])
def test_letters_whose_answer_was_lost_are_found_when_they_are_listed(
    newsletter: Newsletter, fake: FakeMailgun, provider: Mailgun, name: str
) -> None:
    fake.faults[1] = FAULTS[name]
    assert send(newsletter, provider) == 3
    assert sorted(counts(newsletter)) == ["accepted", "unknown"]
    wait(fake)
    assert send(newsletter, provider) == 0
    assert counts(newsletter) == {"accepted": 1100}
    assert set(copies(fake).values()) == {1}
    assert fake.count == 2


@pytest.mark.usefixtures("database")
@pytest.mark.parametrize(
    ("name", "keeps_tags"),
    [("reset-untaken", True), ("reset-unread", True), ("500", True), ("reset-untaken", False)],
)
def test_letters_that_two_searches_miss_are_sent_again(
    newsletter: Newsletter,
    fake: FakeMailgun,
    provider: Mailgun,
    name: str,
    keeps_tags: bool,  # noqa: FBT001 - a parameter of the test
) -> None:
    fake.faults[1] = FAULTS[name]
    fake.keeps_tags = keeps_tags
    assert send(newsletter, provider) == 3
    for _ in range(2):
        assert fake.count == 2
        wait(fake)
        code = send(newsletter, provider)
    assert code == 0
    assert counts(newsletter) == {"accepted": 1100}
    assert set(copies(fake).values()) == {1}
    assert fake.count == 3


@pytest.mark.usefixtures("database")
@pytest.mark.parametrize("name", ["reset-accepted", "500-accepted", "half-answer"])
def test_where_the_account_has_dropped_our_tags_nobody_gets_a_second_letter(
    newsletter: Newsletter, fake: FakeMailgun, provider: Mailgun, name: str
) -> None:
    fake.faults[1] = FAULTS[name]
    fake.keeps_tags = False
    assert send(newsletter, provider) == 3
    wait(fake)
    assert send(newsletter, provider) == 0
    assert counts(newsletter) == {"accepted": 1100}
    wait(fake)
    assert send(newsletter, provider) == 0
    assert set(copies(fake).values()) == {1}
    assert fake.count == 2


@pytest.mark.usefixtures("database")
def test_without_a_tag_and_an_id_the_rest_waits_for_a_person(
    newsletter: Newsletter, fake: FakeMailgun, provider: Mailgun
) -> None:
    fake.faults[1] = FAULTS["reset-accepted"]
    fake.keeps_tags = False
    assert send(newsletter, provider) == 3
    for event in fake.events:
        event["message"]["headers"].pop("message-id")
    for _ in range(4):
        wait(fake)
        assert send(newsletter, provider) == 3
    assert set(copies(fake).values()) == {1}
    ((reason,),) = newsletter.sql("SELECT DISTINCT reason FROM deliveries WHERE state = 'unknown'")
    assert "without the tag" in str(reason)
    # Those who were asked for have theirs.
    assert counts(newsletter)["accepted"] in range(101, 120)  # type: ignore[operator]


def test_a_key_that_may_only_send_leaves_what_was_lost_to_a_person(
    newsletter: Newsletter, fake: FakeMailgun, provider: Mailgun
) -> None:
    fake.faults[1] = FAULTS["reset-untaken"]
    fake.page_faults = dict.fromkeys(range(1, 99), FAULTS["401-forbidden"])
    for _ in range(4):
        assert send(newsletter, provider) == 3
        wait(fake)
    assert fake.count == 2
    ((reason,),) = newsletter.sql("SELECT DISTINCT reason FROM deliveries WHERE state = 'unknown'")
    assert "a key that may only send cannot read events" in str(reason)


def test_an_address_that_mailgun_refuses_costs_no_other_letter(
    newsletter: Newsletter, fake: FakeMailgun, provider: Mailgun
) -> None:
    newsletter.sql("UPDATE subscribers SET email = 'refused@example.org' WHERE id = 700")
    assert send(newsletter, provider) == 0
    assert counts(newsletter) == {"accepted": 1099, "rejected": 1}
    assert set(copies(fake).values()) == {1}
    assert fake.count < 30


@pytest.mark.parametrize("name", ["400-from", "401", "402", "403", "404-domain", "magnificent"])
def test_a_refusal_for_all_waits_for_a_person_and_loses_nobody(
    newsletter: Newsletter, fake: FakeMailgun, provider: Mailgun, name: str
) -> None:
    fake.faults = dict.fromkeys(range(1, 99), FAULTS[name])
    assert send(newsletter, provider) == 3
    assert counts(newsletter) == {"pending": 1100}
    assert fake.count <= 2
    fake.faults = {}
    assert send(newsletter, provider) == 0
    assert counts(newsletter) == {"accepted": 1100}
    assert set(copies(fake).values()) == {1}


def test_a_letter_that_would_arrive_changed_is_refused_before_anything_leaves(
    root: Path, fake: FakeMailgun, provider: Mailgun
) -> None:
    (root / "newsletter.toml").write_text('name = "Brief %recipient%"\n', encoding="utf-8")
    newsletter = Newsletter(root, subscribers=3)
    with pytest.raises(NewsletterError, match="%recipient%"):
        newsletter.send(provider)  # type: ignore[arg-type] - it is a provider as well
    assert fake.count == 0
    assert counts(newsletter) == {}
