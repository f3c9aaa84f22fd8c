"""`erratum` and `withdraw`: a corrected text, its mailing, and an issue out of the archive."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from newsletter import render
from newsletter.changed_text import find_changes
from newsletter.delivery import planning, preflight
from newsletter.delivery.media import keep_pictures, store_pictures
from newsletter.delivery.messages import imported_only
from newsletter.delivery.planning import Plan, Resumption, SendRequest
from newsletter.delivery.sender_domain import find_sender_changes
from newsletter.errors import NewsletterError
from newsletter.model import Edition, Letter, MailingState
from newsletter.store import editions, freezing, mailings
from newsletter.store import errata as mailed
from newsletter.store.database import now

if TYPE_CHECKING:
    from newsletter.config import Settings
    from newsletter.delivery.context import Context
    from newsletter.model import Draft, Issue, Mailing
    from newsletter.store import Connection, Store

_UNDER_WAY: Final = {MailingState.FROZEN, MailingState.SENDING}


@dataclass(frozen=True, slots=True)
class Erratum:
    """The text of an issue as its file has it now.

    Attributes:
        issue: The issue.
        edition: The text; its number is 0 if that is what was sent.
        is_new: The archive does not have this text yet.
        sent: The text as it was sent, which an older version has not kept; None if it is kept.
        mailing: The number of the mailing with which it was sent.
    """

    issue: Issue
    edition: Edition
    is_new: bool
    sent: Edition | None
    mailing: int


def read_erratum(store: Store, slug: str, draft: Draft | None) -> Erratum:
    """Compare the file of an issue with what was published of it.

    Raises:
        NewsletterError: The file is gone or has errors; the issue was never sent, or withdrawn; or
            the text is new while the issue or an earlier correction is being sent.
    """
    with store.read() as connection:
        _find_sent(connection, slug)
    if draft is None:
        raise NewsletterError(
            f"the file of {slug} is gone from issues/", hint="Put it back, and correct it there"
        )
    issue = planning.check_issue(draft, drafts=False)
    with store.read() as connection:
        return _compare(connection, issue)


def _compare(connection: Connection, issue: Issue) -> Erratum:
    sent = _find_sent(connection, issue.slug)
    shown = editions.published(connection, rehearsals=False, slugs=[issue.slug])
    newest = shown[0].edition if shown else _as_sent(connection, sent)
    missing = None if shown else newest
    if newest.content_hash == issue.content_hash:
        return Erratum(issue, newest, is_new=False, sent=missing, mailing=sent.id)
    _refuse_unfinished(connection, issue.slug)
    blocks = render.published_blocks(issue)
    old = (newest.subject, newest.preheader, newest.blocks)
    changes = find_changes(old, (issue.subject, issue.preheader, blocks)) if shown else ()
    edition = Edition(
        slug=issue.slug,
        number=newest.number + 1,
        at=now(connection),
        day=newest.day,
        subject=issue.subject,
        preheader=issue.preheader,
        article=issue.article,
        themes=issue.themes,
        blocks=blocks,
        content_hash=issue.content_hash,
        change="\n".join(one.encode() for one in changes),
    )
    return Erratum(issue, edition, is_new=True, sent=missing, mailing=sent.id)


def _as_sent(connection: Connection, mailing: Mailing) -> Edition:
    """Return what is known of the text of an issue that an older version sent."""
    letter = Letter.decode(mailings.letter_of(connection, mailing.id))
    return Edition(
        slug=mailing.slug,
        number=0,
        at=mailing.started_at,
        day=mailing.send_at.date(),
        subject=letter.subject,
        preheader="",
        article="",
        themes=(),
        blocks=(),
        content_hash=mailing.content_hash,
    )


def _find_sent(connection: Connection, slug: str) -> Mailing:
    """Return the mailing of an issue that is in the archive.

    Raises:
        NewsletterError: It was not sent, or is not there any more.
    """
    found = mailings.find(connection, slug, rehearsal=False)
    if found and found.erratum_of:
        raise NewsletterError(
            f"{slug} is the mailing of a correction", hint=f"Name the issue: {found.erratum_of}"
        )
    if editions.is_imported(connection, slug):
        raise imported_only(slug)
    if found is None or found.released:
        raise NewsletterError(
            f"{slug} was never sent, so there is nothing to correct or to withdraw",
            hint="Change its file, or delete it: a rehearsal reaches nobody",
        )
    if editions.is_withdrawn(connection, slug):
        raise NewsletterError(
            f"{slug} was withdrawn from the archive",
            hint="It stays so; write another issue for what is to be said now",
        )
    return found


def _refuse_unfinished(connection: Connection, slug: str) -> None:
    """Refuse while the issue or a correction of it is being sent."""
    for one in mailings.find_of_issue(connection, slug):
        if one.state is MailingState.PAUSED:
            raise NewsletterError(
                f"{one.slug} is paused",
                hint=f"Finish it: newsletter send {one.slug}. Or end it: newsletter cancel "
                f"{one.slug}",
            )
        if one.state in _UNDER_WAY:
            raise NewsletterError(
                f"{one.slug} is being sent",
                hint="Wait until it is complete; newsletter send --due finishes it. Or end it: "
                f"newsletter cancel {one.slug}",
            )


def publish_erratum(store: Store, settings: Settings, erratum: Erratum) -> Edition:
    """Bring a corrected text into the archive, and keep its pictures for good.

    Raises:
        NewsletterError: Another text was published meanwhile, or as `read_erratum`; nothing is
            published then.
    """
    letter = render.letter(erratum.issue, settings)
    store_pictures(store, settings, erratum.issue)
    with store.write() as connection:
        freezing.lock_freezing(connection)
        return _publish(connection, erratum.issue, erratum.edition.number, letter)


def _publish(connection: Connection, issue: Issue, number: int, letter: Letter) -> Edition:
    """Record a text if it is new; in a transaction, under the lock of freezing."""
    found = _compare(connection, issue)
    if found.edition.number != number:
        raise NewsletterError(
            f"another text of {issue.slug} was published meanwhile",
            where=issue.path,
            hint="Run it again, to see what this one changes",
        )
    if found.is_new:
        if found.sent:
            editions.record(connection, found.sent, found.mailing)
        editions.record(connection, found.edition)
        keep_pictures(connection, letter)
    return found.edition


def plan_erratum(context: Context, draft: Draft, erratum: Erratum) -> Plan | Resumption | None:
    """Plan the mailing of a correction: a new one, or the one that there is.

    Returns:
        The plan; None if nobody who may be mailed has an older text.

    Raises:
        NewsletterError: It may not be sent (now), or its mailing was cancelled on the way.
    """
    edition, issue = erratum.edition, erratum.issue
    rehearsal = context.capabilities.rehearsal
    request = SendRequest(mailed.slug_of_erratum(issue.slug, edition.number), draft)
    with context.store.read() as connection:
        if not rehearsal and (found := _find_mailing(connection, request.slug)):
            return Resumption(request, found)
        _refuse_unfinished(connection, issue.slug)
        audience = mailed.count_audience(connection, edition)
        older = mailings.find(connection, request.slug, rehearsal=True) if rehearsal else None
    if not audience:
        return None
    letter = planning.render_letter(context, issue)
    # Its hash stays that of the letter, so that a proof of the corrected file is one of this.
    letter = replace(letter, subject=render.erratum_subject(issue, context.settings))
    plan = Plan(request, issue, letter, audience, replaced=older is not None, erratum=edition)
    if rehearsal:
        return plan
    approval = planning.check_approval(context, issue, letter, scheduled=False)
    preflight.check_settings(context.store, context.settings)
    with context.store.read() as connection:
        warnings = find_sender_changes(connection, letter)
    return replace(plan, approval=approval, warnings=warnings)


def count_undecided(store: Store, slug: str) -> int:
    """Return of how many active subscribers it is unknown whether they got an issue at all."""
    with store.read() as connection:
        return mailed.count_unknown(connection, slug)


def _find_mailing(connection: Connection, slug: str) -> Mailing | None:
    """Return the mailing of a correction; None if it was not mailed, or nothing of it left.

    Raises:
        NewsletterError: It was cancelled after part of it had left.
    """
    found = mailings.find(connection, slug, rehearsal=False)
    if found is None or found.released:
        return None
    if found.state is MailingState.CANCELLED:
        raise NewsletterError(
            f"{slug} was cancelled after part of it had left",
            hint=f"A correction is mailed once; see: newsletter status {slug}",
        )
    return found


def freeze(context: Context, plan: Plan) -> Mailing:
    """Publish and freeze a planned correction, or return what another process just froze.

    A rehearsal publishes nothing, and replaces an older one.

    Raises:
        NewsletterError: Another text was published meanwhile, or the issue is being sent.
        TryAgain: Another process is writing the rehearsal that this one replaces.
    """
    edition, can = plan.erratum, context.capabilities
    if edition is None:
        raise ValueError("this is no plan of a correction")
    slug = plan.request.slug
    with context.store.write() as connection:
        freezing.lock_freezing(connection)
        if can.rehearsal:
            if older := mailings.find(connection, slug, rehearsal=True):
                planning.discard_rehearsal(connection, context, older)
        elif other := _find_mailing(connection, slug):
            return other
        else:
            _refuse_unfinished(connection, edition.slug)
            edition = _publish(connection, plan.issue, edition.number, plan.letter)
            keep_pictures(connection, plan.letter)
        return mailed.freeze(
            connection,
            edition,
            plan.letter,
            provider=can.name,
            provider_url=context.settings.provider_url,
            rehearsal=can.rehearsal,
            zone=context.settings.zone,
        )


def refuse_imported(store: Store, slug: str) -> None:
    """Refuse a letter that another program sent.

    Raises:
        NewsletterError: It is one.
    """
    with store.read() as connection:
        if editions.is_imported(connection, slug):
            raise imported_only(slug)


def archived_slugs(store: Store) -> list[str]:
    """Return the slugs of all that was sent, rehearsed or imported."""
    with store.read() as connection:
        return [*mailings.all_slugs(connection), *editions.imported_slugs(connection)]


def withdraw_issue(store: Store, slug: str) -> bool:
    """Take an issue out of the archive; return whether it was still in it.

    Raises:
        NewsletterError: It is in no archive, or is being sent.
    """
    with store.write() as connection:
        freezing.lock_freezing(connection)
        if editions.is_withdrawn(connection, slug):
            return False
        if slug not in editions.imported_slugs(connection):
            _find_sent(connection, slug)
            _refuse_unfinished(connection, slug)
        return editions.withdraw(connection, slug)
