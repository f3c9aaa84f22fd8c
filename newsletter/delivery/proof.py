"""A proof: one real copy of a letter for its author, kept apart from mailings.

It needs no consent, no window and no audience, and makes no delivery. Its unsubscribe link
unsubscribes nobody. The ledger records which letter was seen, never by whom.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, assert_never

from newsletter import personalize
from newsletter.delivery.media import store_pictures
from newsletter.delivery.planning import render_letter
from newsletter.delivery.preflight import check_identity
from newsletter.delivery.web_self_test import reserved_token
from newsletter.errors import DecisionNeeded, NewsletterError, TryAgain
from newsletter.model import Accepted, Batch, RecipientRejected, RequestRefused, RetryLater, Unknown
from newsletter.store import proofs, subscribers
from newsletter.store.database import now
from newsletter.store.keys import signing_keys
from newsletter.store.sql import new_id

if TYPE_CHECKING:
    from newsletter.delivery.context import Context
    from newsletter.model import Draft, Letter, Outcome

FOLDER = "_proofs"
"""In place of a slug: where the outbox puts proofs."""
_MARK = "Proef: "


@dataclass(frozen=True, slots=True)
class Proof:
    """A proof that was accepted.

    Attributes:
        slug: Of the issue.
        letter_hash: Of the letter as it would be frozen now, without the mark in its subject.
        ref: Names this copy.
        provider: The provider.
        provider_id: The provider's own name for it.
        rehearsal: It was only written to the outbox, so that nobody has seen it.
    """

    slug: str
    letter_hash: str
    ref: str
    provider: str
    provider_id: str
    rehearsal: bool


def send_proof(context: Context, draft: Draft, *, email: str, key: str) -> Proof:
    """Send one copy of an issue, as a subscriber would get it now, to one address.

    Args:
        context: What it works with; through a provider that only rehearses it does not count.
        draft: The issue's file; it may be a draft.
        email: A valid address.
        key: The same as the list compares it: a subscriber is greeted by name.

    Raises:
        NewsletterError: The file has errors, something is not set, or the address was rejected.
        DecisionNeeded: The provider refuses, or it is unknown whether the copy left.
        TryAgain: The provider does not take it just now.
    """
    from newsletter import checks  # noqa: PLC0415 - slow to import, and the web app needs none

    issue = checks.require_valid(draft)
    can = context.capabilities
    if not can.rehearsal:
        check_identity(context.settings)
    letter = render_letter(context, issue)
    store_pictures(context.store, context.settings, issue)
    batch = _batch(context, letter, email, key)
    (recipient,) = batch.recipients
    answer = context.provider.submit(batch, context.provider.build(batch))
    taken = _require_accepted(
        answer.outcomes.get(recipient.ref, Unknown("missing from the provider's answer"))
    )
    if not can.rehearsal:
        with context.store.write() as connection:
            proofs.record(
                connection,
                slug=issue.slug,
                letter_hash=letter.hash,
                ref=recipient.ref,
                provider=can.name,
                provider_url=context.settings.provider_url,
                provider_id=taken.provider_id,
            )
    return Proof(issue.slug, letter.hash, recipient.ref, can.name, taken.provider_id, can.rehearsal)


def _batch(context: Context, letter: Letter, email: str, key: str) -> Batch:
    # A write transaction, so that a closed database refuses before anything leaves.
    with context.store.write() as connection:
        known = subscribers.find(connection, [key], for_update=True).get(key)
        moment = now(connection)
    marked = replace(letter, subject=_MARK + letter.subject)
    token = reserved_token(signing_keys(context.settings)[0])
    recipient = personalize.recipient(
        marked, new_id(), email, known.first_name if known else None, token
    )
    # Every proof has a key of its own: a person asks for another one.
    return Batch(new_id(), FOLDER, marked, moment, (recipient,))


def _require_accepted(outcome: Outcome) -> Accepted:
    """Return what was accepted, or raise what became of it and what to do."""
    match outcome:
        case Accepted():
            return outcome
        case RecipientRejected(reason):
            raise NewsletterError(
                f"the proof was rejected: {reason}", hint="See whether --to is right"
            )
        case RequestRefused(reason):
            raise DecisionNeeded(
                f"no proof was sent: {reason}", hint="Fix that, then ask for a proof again"
            )
        case RetryLater(reason):
            raise TryAgain(f"no proof was sent: {reason}", hint="Run it again in a while")
        case Unknown(reason):
            raise DecisionNeeded(
                f"it is unknown whether the proof left: {reason}",
                hint="Look in your inbox: it may have arrived. If not, ask for another one",
            )
        case _:
            assert_never(outcome)
