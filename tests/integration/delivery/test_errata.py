"""Corrections: what is published, who is mailed, and that nobody is mailed twice."""

from __future__ import annotations

import contextlib
import threading
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from newsletter import delivery, desk
from newsletter.errors import NewsletterError
from newsletter.model import ChangedLine, RecipientRejected, Unknown
from newsletter.providers import open_provider
from newsletter.store import editions, errata, mailings, media
from newsletter.store.database import now
from newsletter.store.schema import issue_notices, ledger, subscribers
from newsletter.store.sql import new_id
from newsletter.subscriptions import signup
from newsletter.subscriptions.signup import request_signup
from newsletter.subscriptions.welcome import Welcome
from tests.support.newsletter import FakeProvider, Newsletter
from tests.support.pictures import photo
from tests.support.signups import HERE, VIA, open_link, send_due, signup_request

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from newsletter.delivery import Erratum, Plan, Resumption, SendResult
    from newsletter.model import Batch, Edition, Outcome, PublishedIssue

pytestmark = pytest.mark.usefixtures("database")


@pytest.fixture
def newsletter(root: Path) -> Newsletter:
    return Newsletter(root, subscribers=8)


@pytest.fixture
def provider(root: Path) -> FakeProvider:
    return FakeProvider(root / "taken", size=3)


def correct(newsletter: Newsletter, old: str, new: str) -> None:
    file = newsletter.root / "issues" / f"{newsletter.slug}.md"
    text = file.read_text(encoding="utf-8")
    assert old in text
    file.write_text(text.replace(old, new), encoding="utf-8")


def read(newsletter: Newsletter) -> Erratum:
    slug, draft = desk.find_draft(newsletter.settings, newsletter.slug)
    return delivery.read_erratum(newsletter.store, slug, draft)


def publish(newsletter: Newsletter) -> Edition:
    return delivery.publish_erratum(newsletter.store, newsletter.settings, read(newsletter))


def plan(newsletter: Newsletter, provider: FakeProvider) -> Plan | Resumption | None:
    _, draft = desk.find_draft(newsletter.settings, newsletter.slug)
    assert draft
    found = delivery.plan_erratum(newsletter.context(provider), draft, read(newsletter))
    return found and replace(found, request=replace(found.request, preflight=False))


def carry_out(
    newsletter: Newsletter, provider: FakeProvider, planned: Plan | Resumption | None
) -> SendResult:
    assert planned
    return delivery.send_plan(
        newsletter.context(provider), planned, progress=lambda _done, _total: None
    )


def mail(newsletter: Newsletter, provider: FakeProvider) -> SendResult:
    return carry_out(newsletter, provider, plan(newsletter, provider))


def got(provider: FakeProvider, before: int) -> list[str]:
    """Return who was mailed after so many letters, as the number of each."""
    emails = [entry["email"] for entry in provider.taken()[before:]]
    return sorted(email.removeprefix("lezer").partition("@")[0] for email in emails)


def shown(newsletter: Newsletter) -> PublishedIssue:
    with newsletter.store.read() as connection:
        (found,) = editions.published(connection, rehearsals=False)
        return found


def person(newsletter: Newsletter, number: int, **values: object) -> None:
    whose = subscribers.c.email == f"lezer{number}@example.org"
    with newsletter.store.write() as connection:
        connection.execute(subscribers.update().where(whose).values(values))


def newcomer(newsletter: Newsletter) -> None:
    row = {"public_id": new_id(), "email": "nieuw@example.org", "email_key": "nieuw@example.org"}
    more = {"status": "active", "source": "test", "created_at": datetime.now(UTC)}
    with newsletter.store.write() as connection:
        connection.execute(subscribers.insert().values(**row, **more))


def test_a_corrected_text_takes_the_place_of_what_was_sent(
    newsletter: Newsletter, provider: FakeProvider
) -> None:
    newsletter.send(provider)
    assert not read(newsletter).is_new
    correct(newsletter, "Een rustige zin over rust.", "Een rustige zin over water.\n\nNog een zin.")
    published = publish(newsletter)
    assert published.number == 1
    assert published.changes == (
        ChangedLine("Een rustige zin over rust.", added=False),
        ChangedLine("Een rustige zin over water.", added=True),
        ChangedLine("Nog een zin.", added=True),
    )
    found = shown(newsletter)
    assert found.edition == published
    assert found.published_at < found.corrections[0].at == published.at
    assert found.corrections[0].added == ("Een rustige zin over water.", "Nog een zin.")
    # The same text again is no second correction.
    assert publish(newsletter) == published
    assert len(shown(newsletter).corrections) == 1
    assert got(provider, 8) == []


@pytest.mark.parametrize("mailed", [False, True])
def test_the_pictures_of_a_corrected_text_are_kept_for_good(
    newsletter: Newsletter, provider: FakeProvider, *, mailed: bool
) -> None:
    newsletter.send(provider)
    (newsletter.root / "issues" / "stoel.jpg").write_bytes(photo())
    correct(newsletter, "over rust.", "over rust.\n\n![Een stoel](stoel.jpg)")
    if mailed:
        mail(newsletter, provider)
    else:
        publish(newsletter)
    with newsletter.store.write() as connection:
        assert media.delete_unused(connection, now(connection) + timedelta(days=1)) == 0
        (name,) = shown(newsletter).edition.pictures
        assert media.find_stored(connection, [name]) == {name}


def test_in_a_database_that_was_moved_nothing_is_corrected_or_withdrawn(
    newsletter: Newsletter, provider: FakeProvider
) -> None:
    newsletter.send(provider)
    correct(newsletter, "over rust.", "over water.")
    with newsletter.store.write() as connection:
        connection.execute(ledger.update().values(closed_at=now(connection)))
    with pytest.raises(NewsletterError, match="moved"):
        publish(newsletter)
    with pytest.raises(NewsletterError, match="moved"):
        delivery.withdraw_issue(newsletter.store, newsletter.slug)
    assert shown(newsletter).corrections == ()


def test_a_corrected_file_is_edited_no_more(newsletter: Newsletter, provider: FakeProvider) -> None:
    newsletter.send(provider)
    correct(newsletter, "over rust.", "over water.")
    assert newsletter.send(provider).edited
    publish(newsletter)
    assert not newsletter.send(provider).edited
    correct(newsletter, "over water.", "over vuur.")
    assert newsletter.send(provider).edited


def test_a_correction_goes_to_those_who_have_an_older_text_and_may_be_mailed(
    newsletter: Newsletter, root: Path
) -> None:
    def answer(batch: Batch) -> Mapping[str, Outcome] | None:
        """Reject 1, and leave it unknown what became of the letter to 2."""
        bad: dict[str, Outcome] = {
            "lezer1@example.org": RecipientRejected("no"),
            "lezer2@example.org": Unknown("gone"),
        }
        return {one.ref: bad[one.email] for one in batch.recipients if one.email in bad} or None

    provider = FakeProvider(root / "taken", size=1, answer=answer, replay=timedelta(0))
    person(newsletter, 3, status="unsubscribed")
    newsletter.send(provider)
    before = len(provider.taken())
    with newsletter.store.write() as connection:
        assert errata.count_unknown(connection, newsletter.slug) == 1
    person(newsletter, 3, status="active")  # never had it
    person(newsletter, 4, status="unsubscribed")
    person(newsletter, 5, paused_until=datetime(2999, 1, 1, tzinfo=UTC))
    person(newsletter, 6, status="bounced")
    person(newsletter, 6, status="active")  # left and came back: has the old text
    newcomer(newsletter)
    correct(newsletter, "over rust.", "over water.")
    planned = plan(newsletter, provider)
    assert isinstance(planned, delivery.Plan)
    assert planned.audience == 3
    assert planned.letter.subject == "Correctie: Over rust"
    result = carry_out(newsletter, provider, planned)
    assert got(provider, before) == ["0", "6", "7"]
    mailing = result.report.mailing
    assert mailing.slug == f"{newsletter.slug}--erratum-1"
    assert (mailing.erratum, mailing.erratum_of) == (1, newsletter.slug)
    assert shown(newsletter).edition.number == 1

    # Whoever was away for the first one gets the second, once they are back.
    person(newsletter, 5, paused_until=None)
    person(newsletter, 7, status="unsubscribed")
    assert mail(newsletter, provider).repeated
    correct(newsletter, "over water.", "over vuur.")
    before = len(provider.taken())
    mail(newsletter, provider)
    assert got(provider, before) == ["0", "5", "6"]
    # Back to the first text: who has exactly that one as their newest does not get it again.
    person(newsletter, 4, status="active")
    correct(newsletter, "over vuur.", "over rust.")
    before = len(provider.taken())
    mail(newsletter, provider)
    assert got(provider, before) == ["0", "5", "6"]
    with newsletter.store.read() as connection:
        assert shown(newsletter).edition.number == 3
        assert errata.count_unknown(connection, newsletter.slug) == 1


def test_a_notice_with_the_issue_counts_as_its_first_text(
    newsletter: Newsletter, provider: FakeProvider
) -> None:
    newsletter.send(provider)
    newcomer(newsletter)
    with newsletter.store.write() as connection:
        (who,) = connection.scalars(subscribers.select().where(subscribers.c.email.like("nieuw%")))
        row = {"subscriber_id": who, "slug": newsletter.slug, "at": datetime.now(UTC)}
        connection.execute(issue_notices.insert().values(row))
    correct(newsletter, "over rust.", "over water.")
    mail(newsletter, provider)
    assert got(provider, 8) == [*map(str, range(8)), "nieuw"]
    assert mail(newsletter, provider).repeated
    assert len(provider.taken()) == 17


def test_who_joins_after_a_correction_gets_it_as_the_issue_and_only_later_ones_by_mail(
    newsletter: Newsletter, root: Path
) -> None:
    seen: list[Batch] = []
    provider = FakeProvider(root / "taken", answer=seen.append)
    newsletter.send(provider)
    correct(newsletter, "over rust.", "over water.")
    mail(newsletter, provider)
    request_signup(newsletter.store, signup_request("nieuw@example.org"), VIA)
    link = open_link(newsletter.store, "nieuw@example.org")
    signup.confirm(newsletter.store, link, HERE, Welcome(VIA, with_latest=True))
    seen.clear()
    send_due(newsletter, provider)
    issue = seen[-1].letter
    assert (issue.subject, "over water." in issue.text) == ("Over rust", True)
    correct(newsletter, "over water.", "over zee.")
    seen.clear()
    mail(newsletter, provider)
    emails = [to.email for batch in seen for to in batch.recipients]
    assert sorted(emails) == [*(f"lezer{n}@example.org" for n in range(8)), "nieuw@example.org"]


def test_published_first_and_mailed_later_it_is_one_correction(
    newsletter: Newsletter, provider: FakeProvider
) -> None:
    newsletter.send(provider)
    correct(newsletter, "over rust.", "over water.")
    publish(newsletter)
    newsletter.send(provider)  # safe to repeat, and never the corrected text
    assert len(provider.taken()) == 8
    first = mail(newsletter, provider)
    again = mail(newsletter, provider)
    assert (first.repeated, again.repeated) == (False, True)
    assert first.report.mailing == again.report.mailing
    assert len(provider.taken()) == 16
    assert len(shown(newsletter).corrections) == 1


def test_two_who_mail_the_same_correction_at_once_mail_it_once(
    newsletter: Newsletter, provider: FakeProvider
) -> None:
    newsletter.send(provider)
    correct(newsletter, "over rust.", "over water.")
    plans = [plan(newsletter, provider), plan(newsletter, provider)]
    both = threading.Barrier(2)
    failed: list[BaseException] = []

    def run(one: Plan | Resumption | None) -> None:
        try:
            both.wait()
            carry_out(newsletter, provider, one)
        except BaseException as error:  # noqa: BLE001 - shown below
            failed.append(error)

    threads = [threading.Thread(target=run, args=(one,)) for one in plans]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert failed == []
    assert set(provider.copies().values()) == {2}
    assert len(shown(newsletter).corrections) == 1
    found = delivery.find_report(newsletter.store, f"{newsletter.slug}--erratum-1")
    assert found
    assert (found.mailing.audience, found.mailing.state) == (8, "completed")


def test_a_text_that_was_changed_while_a_person_confirmed_another_is_refused(
    newsletter: Newsletter, provider: FakeProvider
) -> None:
    newsletter.send(provider)
    correct(newsletter, "over rust.", "over water.")
    first = plan(newsletter, provider)
    correct(newsletter, "over water.", "over vuur.")
    publish(newsletter)
    with pytest.raises(NewsletterError, match="published meanwhile"):
        carry_out(newsletter, provider, first)
    assert len(provider.taken()) == 8


def test_nothing_is_corrected_or_withdrawn_while_the_issue_or_a_correction_is_under_way(
    newsletter: Newsletter, provider: FakeProvider
) -> None:
    newsletter.send(provider, limit=3)
    correct(newsletter, "over rust.", "over water.")
    for act in (read, withdraw):
        with pytest.raises(NewsletterError, match="is paused"):
            act(newsletter)
    newsletter.sql("UPDATE mailings SET state = 'sending'")
    for act in (read, withdraw):
        with pytest.raises(NewsletterError, match="is being sent"):
            act(newsletter)
    newsletter.send(provider)
    planned = plan(newsletter, provider)
    assert planned
    carry_out(newsletter, provider, replace(planned, request=replace(planned.request, limit=3)))
    with pytest.raises(NewsletterError, match="--erratum-1 is paused"):
        withdraw(newsletter)
    # The same text is that very correction.
    assert isinstance(plan(newsletter, provider), delivery.Resumption)
    correct(newsletter, "over water.", "over vuur.")
    with pytest.raises(NewsletterError, match="--erratum-1 is paused"):
        read(newsletter)
    correct(newsletter, "over vuur.", "over water.")
    mail(newsletter, provider)
    assert set(provider.copies().values()) == {2}
    withdraw(newsletter)


def withdraw(newsletter: Newsletter) -> bool:
    return delivery.withdraw_issue(newsletter.store, newsletter.slug)


def test_what_a_correction_began_send_due_finishes(
    newsletter: Newsletter, provider: FakeProvider
) -> None:
    newsletter.send(provider)
    correct(newsletter, "over rust.", "over water.")

    def stop(done: int, _total: int) -> None:
        if done:
            raise KeyboardInterrupt

    planned = plan(newsletter, provider)
    assert planned
    with pytest.raises(KeyboardInterrupt):
        delivery.send_plan(newsletter.context(provider), planned, progress=stop)
    assert 8 < len(provider.taken()) < 16
    newsletter.lose_process()
    found = delivery.send_due(
        newsletter.context(provider),
        desk.read_all(newsletter.settings),
        progress=lambda _slug: contextlib.nullcontext(lambda _done, _total: None),
        preflight=False,
    )
    assert found.exit_code == 0, found.errors
    (result,) = found.results
    assert (result.report.mailing.erratum, result.edited) == (1, False)
    assert set(provider.copies().values()) == {2}


def test_a_cancelled_correction_begins_again_only_if_nothing_of_it_left(
    newsletter: Newsletter, provider: FakeProvider
) -> None:
    newsletter.send(provider)
    correct(newsletter, "over rust.", "over water.")
    slug = f"{newsletter.slug}--erratum-1"
    planned = plan(newsletter, provider)
    assert planned
    halted = threading.Event()
    halted.set()
    delivery.send_plan(
        newsletter.context(provider, halted), planned, progress=lambda _done, _total: None
    )
    delivery.cancel_mailing(newsletter.store, slug)
    assert len(provider.taken()) == 8
    planned = plan(newsletter, provider)
    assert isinstance(planned, delivery.Plan)
    carry_out(newsletter, provider, replace(planned, request=replace(planned.request, limit=3)))
    delivery.cancel_mailing(newsletter.store, slug)
    with pytest.raises(NewsletterError, match="cancelled after part of it had left"):
        plan(newsletter, provider)
    assert len(provider.taken()) == 11


def test_a_rehearsal_of_a_correction_mails_nobody_and_publishes_nothing(
    newsletter: Newsletter, provider: FakeProvider, root: Path
) -> None:
    with pytest.raises(NewsletterError, match="never sent"):
        read(newsletter)
    outbox = open_provider(newsletter.settings)
    newsletter.send(outbox)  # type: ignore[arg-type]
    with pytest.raises(NewsletterError, match="never sent"):
        read(newsletter)
    newsletter.send(provider)
    correct(newsletter, "over rust.", "over water.")
    for _ in range(2):
        result = mail(newsletter, outbox)  # type: ignore[arg-type]
        assert result.report.mailing.rehearsal
        folder = root / ".newsletter" / "outbox" / f"{newsletter.slug}--erratum-1"
        assert len(list(folder.glob("*.eml"))) == 8
        assert shown(newsletter).corrections == ()
    assert mail(newsletter, provider).report.mailing.audience == 8


def test_a_correction_holds_no_slot_and_no_text(
    newsletter: Newsletter, provider: FakeProvider
) -> None:
    newsletter.send(provider)
    correct(newsletter, "over rust.", "over water.")
    slug = mail(newsletter, provider).report.mailing.slug
    with newsletter.store.read() as connection:
        assert slug not in {one.slug for one in mailings.summaries(connection)}
        newest = mailings.latest_published_slug(connection, rehearsals=False)
        assert newest == newsletter.slug
        assert mailings.published_letter(connection, slug, rehearsals=False) is None


def test_an_issue_of_an_older_version_is_corrected_without_saying_what_changed(
    newsletter: Newsletter, provider: FakeProvider
) -> None:
    newsletter.send(provider)
    newsletter.sql("DELETE FROM editions")
    assert not read(newsletter).is_new
    correct(newsletter, "over rust.", "over water.")
    mail(newsletter, provider)
    found = shown(newsletter)
    assert (found.edition.number, found.edition.changes) == (1, ())
    assert len(provider.taken()) == 16


def test_a_withdrawn_issue_is_gone_for_good(newsletter: Newsletter, provider: FakeProvider) -> None:
    with pytest.raises(NewsletterError, match="never sent"):
        withdraw(newsletter)
    newsletter.send(provider)
    assert withdraw(newsletter)
    assert not withdraw(newsletter)
    with newsletter.store.read() as connection:
        assert editions.published(connection, rehearsals=False) == []
    correct(newsletter, "over rust.", "over water.")
    with pytest.raises(NewsletterError, match="was withdrawn"):
        read(newsletter)


def test_an_imported_letter_can_be_withdrawn_and_not_corrected(
    newsletter: Newsletter, provider: FakeProvider
) -> None:
    newsletter.send(provider)
    old = replace(shown(newsletter).edition, slug="2020-01-05-oud", imported_from="substack")
    with newsletter.store.write() as connection:
        editions.record(connection, old)
    assert old.slug in delivery.archived_slugs(newsletter.store)
    with pytest.raises(NewsletterError, match="imported letter"):
        delivery.read_erratum(newsletter.store, old.slug, None)
    assert delivery.withdraw_issue(newsletter.store, old.slug)
    assert shown(newsletter).slug == newsletter.slug
