"""Weekly issues and monthly digests: who gets which, and who had them all."""

from __future__ import annotations

import contextlib
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from newsletter import delivery, desk
from newsletter.desk.inspection import inspect_folder
from newsletter.desk.overview import survey_issues
from newsletter.errors import NewsletterError
from newsletter.model import MailingState, Severity
from newsletter.store import editions
from newsletter.store.schema import issue_notices
from newsletter.subscriptions import preferences
from tests.support.newsletter import FakeProvider, Newsletter
from tests.support.signups import VIA

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from newsletter.delivery import DueResult

pytestmark = pytest.mark.usefixtures("database")

FIRST, SECOND = "2026-11-01-vijver", "2026-11-08-mist"
DIGEST = "2026-12-06-november"
PAGES = "https://brief.example.org/issues"


class Clock:
    """The time, as a test sets it."""

    def __init__(self) -> None:
        self.moment = datetime(2026, 10, 30, 12, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.moment

    def go_to(self, slug: str) -> None:
        self.moment = datetime.fromisoformat(f"{slug[:10]}T07:00+01:00").astimezone(UTC)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def newsletter(root: Path, clock: Clock) -> Newsletter:
    made = Newsletter(root, subscribers=6, slug=FIRST, clock=clock)
    write(made, FIRST)
    return made


@pytest.fixture
def provider(tmp_path: Path) -> FakeProvider:
    return FakeProvider(tmp_path / "taken")


def write(newsletter: Newsletter, slug: str, *, front: str = "", body: str = "") -> None:
    body = body or f"Een rustige zin over {slug[11:]}."
    text = f"---\nsubject: Over {slug[11:]}\n{front}---\n{body}\n"
    (newsletter.root / "issues" / f"{slug}.md").write_text(text, encoding="utf-8")


def write_digest(newsletter: Newsletter, *slugs: str, front: str = "") -> None:
    body = "\n\n".join(f"[Over {slug[11:]}]({PAGES}/{slug}) was er ook." for slug in slugs)
    write(newsletter, DIGEST, front=f"audience: monthly\n{front}", body=body or "Niets.")


@contextlib.contextmanager
def quiet(_slug: str) -> Iterator[Callable[[int, int], None]]:
    yield lambda _done, _total: None


def due(newsletter: Newsletter, provider: FakeProvider) -> DueResult:
    return delivery.send_due(
        newsletter.context(provider),
        desk.read_all(newsletter.settings),
        progress=quiet,
        preflight=False,
    )


def choose(newsletter: Newsletter, number: int, **chosen: bool) -> None:
    rows = newsletter.sql("SELECT email, public_id FROM subscribers")
    ids = {str(email): str(public_id) for email, public_id in rows}
    preferences.choose(newsletter.store, ids[f"lezer{number}@example.org"], VIA, **chosen)


def got(newsletter: Newsletter, slug: str) -> set[int]:
    rows = newsletter.sql(
        "SELECT slug, email FROM deliveries JOIN mailings ON mailings.id = mailing_id"
        " JOIN subscribers ON subscribers.id = subscriber_id"
        " WHERE deliveries.state = 'accepted'"
    )
    return {int(str(email)[5]) for sent, email in rows if sent == slug}


def test_each_issue_goes_to_its_own_audience_and_a_digest_not_to_who_had_it_all(
    newsletter: Newsletter, provider: FakeProvider, clock: Clock
) -> None:
    for number in (1, 2):
        choose(newsletter, number, monthly=True)
    clock.go_to(FIRST)
    assert due(newsletter, provider).exit_code == 0
    assert got(newsletter, FIRST) == {0, 3, 4, 5}
    choose(newsletter, 3, monthly=True)  # had the first of two
    write(newsletter, SECOND)
    clock.go_to(SECOND)
    assert due(newsletter, provider).exit_code == 0
    assert got(newsletter, SECOND) == {0, 4, 5}
    choose(newsletter, 4, monthly=True)  # had both
    choose(newsletter, 1, monthly=False)  # had none, and gets all letters now
    write_digest(newsletter, FIRST, SECOND)
    # In the same slot, for the others.
    write(newsletter, "2026-12-06-regen")
    clock.go_to(DIGEST)
    found = due(newsletter, provider)
    assert found.exit_code == 0, found.errors
    assert got(newsletter, DIGEST) == {2, 3}
    assert got(newsletter, "2026-12-06-regen") == {0, 1, 5}
    listed = newsletter.sql("SELECT slug FROM digest_issues ORDER BY slug")
    assert listed == [(FIRST,), (SECOND,)]
    # The schedule says it again, and nothing more leaves.
    assert due(newsletter, provider).exit_code == 0
    assert len(provider.taken()) == 4 + 3 + 2 + 3


def test_two_digests_in_one_slot_are_refused(
    newsletter: Newsletter, provider: FakeProvider, clock: Clock
) -> None:
    clock.go_to(FIRST)
    due(newsletter, provider)
    choose(newsletter, 1, monthly=True)
    choose(newsletter, 1, monthly=True)
    write_digest(newsletter, FIRST)
    other = newsletter.root / "issues" / "2026-12-06-tweede.md"
    other.write_text(
        f"---\nsubject: Nog een\naudience: monthly\n---\n[Over]({PAGES}/{FIRST}) kort.\n"
    )
    clock.go_to(DIGEST)
    found = due(newsletter, provider)
    assert found.exit_code == 1
    assert any("has the same date and time" in str(error) for error in found.errors)
    assert got(newsletter, DIGEST) == set()


@pytest.mark.parametrize(
    ("slugs", "chosen", "why"),
    [
        ((), True, "this digest lists no issue that was sent"),
        (("2026-11-08-mist",), True, "this digest lists no issue that was sent"),  # not sent yet
        ((FIRST,), False, "nobody who gets one letter a month lacks these issues"),
    ],
)
def test_a_digest_without_issues_or_people_is_refused_and_status_says_so(
    newsletter: Newsletter,
    provider: FakeProvider,
    clock: Clock,
    slugs: tuple[str, ...],
    *,
    chosen: bool,
    why: str,
) -> None:
    choose(newsletter, 1, monthly=chosen)
    clock.go_to(FIRST)
    due(newsletter, provider)
    write_digest(newsletter, *slugs)
    coming = delivery.find_upcoming(
        newsletter.store, newsletter.settings, desk.read_all(newsletter.settings)
    )
    assert coming
    assert coming.slug == DIGEST
    assert any(why in blocker for blocker in coming.blocked_by)
    clock.go_to(DIGEST)
    found = due(newsletter, provider)
    assert found.exit_code == 1
    assert [why in str(error) for error in found.errors] == [True]
    assert newsletter.sql("SELECT slug FROM mailings") == [(FIRST,)]


def test_who_had_an_issue_as_a_notice_gets_neither_it_nor_a_digest_of_it(
    newsletter: Newsletter, provider: FakeProvider, clock: Clock
) -> None:
    with newsletter.store.write() as connection:
        row = {"subscriber_id": 2, "slug": FIRST, "at": clock.moment}
        connection.execute(issue_notices.insert(), row)
    clock.go_to(FIRST)
    due(newsletter, provider)
    assert got(newsletter, FIRST) == {0, 2, 3, 4, 5}
    choose(newsletter, 1, monthly=True)
    write_digest(newsletter, FIRST)
    clock.go_to(DIGEST)
    with pytest.raises(NewsletterError, match="nobody who gets one letter a month"):
        newsletter.send(provider, DIGEST)


def test_a_withdrawn_issue_is_in_no_digest(
    newsletter: Newsletter, provider: FakeProvider, clock: Clock
) -> None:
    choose(newsletter, 1, monthly=True)
    clock.go_to(FIRST)
    due(newsletter, provider)
    with newsletter.store.write() as connection:
        assert editions.withdraw(connection, FIRST)
    # The file was written before that, and another issue in it is still there.
    write(newsletter, SECOND)
    write_digest(newsletter, FIRST, SECOND)
    clock.go_to(SECOND)
    due(newsletter, provider)
    coming = delivery.find_upcoming(
        newsletter.store, newsletter.settings, desk.read_all(newsletter.settings)
    )
    assert coming
    assert any(f"lists {FIRST}, which was withdrawn" in why for why in coming.blocked_by)
    clock.go_to(DIGEST)
    with pytest.raises(NewsletterError, match=f"lists {FIRST}, which was withdrawn"):
        newsletter.send(provider, DIGEST)


def test_a_rehearsal_of_a_digest_follows_who_chose_it(
    newsletter: Newsletter, provider: FakeProvider, clock: Clock
) -> None:
    choose(newsletter, 1, monthly=True)
    clock.go_to(FIRST)
    due(newsletter, provider)
    write_digest(newsletter, FIRST, front="draft: yes\n")

    def rehearse() -> delivery.SendResult:
        slug, draft = desk.find_draft(newsletter.settings, DIGEST)
        return delivery.rehearse_issue(
            newsletter.store,
            newsletter.settings,
            delivery.SendRequest(slug, draft, drafts=True),
            stop=newsletter.context(provider).stop,
            progress=lambda _done, _total: None,
        )

    assert rehearse().report.mailing.audience == 1
    assert rehearse().repeated
    choose(newsletter, 2, plain_text=True)  # not one of them
    assert rehearse().repeated
    choose(newsletter, 2, monthly=True)  # had it
    assert rehearse().repeated
    clock.moment += timedelta(days=1)
    write(newsletter, SECOND)
    clock.go_to(SECOND)
    due(newsletter, provider)
    write_digest(newsletter, FIRST, SECOND, front="draft: yes\n")
    again = rehearse().report.mailing
    assert (again.audience, again.state) == (2, MailingState.COMPLETED)


def test_check_and_status_count_slots_for_each_audience(newsletter: Newsletter) -> None:
    write_digest(newsletter, FIRST)
    write(newsletter, "2026-12-06-regen")
    assert rules(newsletter) == set()
    lines = survey_issues(newsletter.store, newsletter.settings).lines
    assert [one.why for one in lines if one.path.startswith("issues/2026-12-06-")] == [None, None]
    other = newsletter.root / "issues" / "2026-12-06-tweede.md"
    other.write_text(
        f"---\nsubject: Nog een\naudience: monthly\n---\n[Over]({PAGES}/{FIRST}) kort.\n"
    )
    assert rules(newsletter) == {(DIGEST, "slot-taken"), (other.stem, "slot-taken")}


def test_check_refuses_a_digest_that_links_to_no_issue(newsletter: Newsletter) -> None:
    write_digest(newsletter, front="draft: yes\n")
    assert rules(newsletter) == {(DIGEST, "digest-empty")}
    found = inspect_folder(newsletter.settings).findings
    assert [one.line for one in found if one.rule == "digest-empty"] == [3]


def rules(newsletter: Newsletter) -> set[tuple[str, str]]:
    """Return the errors of `check`, by issue and rule."""
    return {
        (one.path.removeprefix("issues/").removesuffix(".md"), one.rule)
        for one in inspect_folder(newsletter.settings).findings
        if one.severity is Severity.ERROR
    }


def test_a_month_without_its_digest_is_missed_until_one_is_to_be_sent(
    newsletter: Newsletter, provider: FakeProvider, clock: Clock
) -> None:
    def missing() -> delivery.MissingDigest | None:
        drafts = desk.read_all(newsletter.settings)
        return delivery.find_missing_digest(newsletter.store, newsletter.settings, drafts)

    clock.go_to(FIRST)
    choose(newsletter, 1, monthly=True)
    choose(newsletter, 2, monthly=True)
    due(newsletter, provider)
    choose(newsletter, 3, monthly=True)  # had all of the month
    clock.go_to("2026-11-30")
    assert missing() is None  # the month is not over
    clock.go_to("2026-12-01")
    assert missing() == delivery.MissingDigest("2026-11", 2)
    write_digest(newsletter, FIRST, front="draft: yes\n")
    assert missing() is None
    clock.go_to("2026-12-07")
    assert missing() == delivery.MissingDigest("2026-11", 2)  # it was never sent
    write_digest(newsletter, FIRST)
    clock.go_to(DIGEST)
    assert due(newsletter, provider).exit_code == 0
    clock.go_to("2026-12-07")
    assert missing() is None
    clock.go_to("2027-01-02")
    assert missing() is None  # nothing went out in December for everybody
