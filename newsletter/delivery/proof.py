"""A proof: one real copy of a letter for its author, kept apart from mailings.

It needs no consent, no window and no audience, and leaves nothing in the ledger of deliveries. Its
leave link is good for nothing. What is kept is which letter was seen, never by whom.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, assert_never

from newsletter import checks, personalize, render
from newsletter.delivery.preflight import reserved_token
from newsletter.errors import DecisionNeeded, NewsletterError, TryAgain
from newsletter.model import Accepted, Batch, RecipientRejected, RequestRefused, RetryLater, Unknown
from newsletter.store import proofs, subscribers
from newsletter.store.database import now
from newsletter.store.keys import signing_keys
from newsletter.store.sql import new_id

if TYPE_CHECKING:
    from newsletter.config import Settings
    from newsletter.model import Draft, Letter, Outcome
    from newsletter.providers.base import Provider
    from newsletter.store import Store

FOLDER = "_proofs"
"""In the place of a slug: where the outbox puts proofs."""
_MARK = "Proef: "


@dataclass(frozen=True, slots=True)
class Proof:
    """A proof that was accepted.

    Attributes:
        slug: Of the issue.
        letter_hash: Of the letter as it would be frozen now, without the mark in its subject.
        ref: Names this copy.
        provider: Who took it.
        provider_id: The provider's own name for it.
        rehearsal: It was only written to the outbox, so nobody has seen it in a mail program.
    """

    slug: str
    letter_hash: str
    ref: str
    provider: str
    provider_id: str
    rehearsal: bool


def send_proof(
    store: Store, settings: Settings, provider: Provider, draft: Draft, *, email: str, key: str
) -> Proof:
    """Send one copy of an issue, as a reader would get it now, to one address. A draft may be seen.

    Args:
        store: Where it is noted which letter was seen.
        settings: The newsletter's.
        provider: Who takes it; with one that only rehearses it does not count.
        draft: The issue's file.
        email: A valid address.
        key: The same as the list compares it: somebody on the list is greeted by name.

    Raises:
        NewsletterError: The file has errors, something is not set, or the address was rejected.
        DecisionNeeded: The provider refuses, or nobody knows whether the copy left.
        TryAgain: The provider does not take it just now.
    """
    issue = checks.sound(draft)
    can = provider.capabilities
    if not can.rehearsal:
        _refuse_what_is_not_set(settings)
    letter = render.letter(issue, settings)
    if problem := provider.unsupported(letter):
        raise NewsletterError(
            problem, where=issue.path, hint="Change that, or send it through another provider"
        )
    batch = _batch(store, settings, letter, email, key)
    (reader,) = batch.recipients
    answer = provider.submit(batch, provider.build(batch))
    taken = _taken(answer.outcomes.get(reader.ref, Unknown("the answer left it out")))
    if not can.rehearsal:
        with store.write() as connection:
            proofs.record(
                connection,
                slug=issue.slug,
                letter_hash=letter.hash,
                ref=reader.ref,
                provider=can.name,
                provider_id=taken.provider_id,
            )
    return Proof(issue.slug, letter.hash, reader.ref, can.name, taken.provider_id, can.rehearsal)


def _refuse_what_is_not_set(settings: Settings) -> None:
    """See that a proof shows what readers get; the rest of the preflight is for mailings."""
    if not settings.sender:
        raise NewsletterError(
            'setting "sender" is empty, and a real letter comes from somebody',
            where=settings.origin,
            hint='Write it as "Gerrit <gerrit@example.org>"',
        )
    if not settings.secret_keys:
        raise NewsletterError(
            "NEWSLETTER_SECRET_KEY is not set: a key that was made by itself never signs "
            "what leaves for real",
            hint="Make one with: openssl rand -hex 32. Keep it with your other secrets",
        )


def _batch(store: Store, settings: Settings, letter: Letter, email: str, key: str) -> Batch:
    # To write, so that a database that was moved refuses before anything leaves.
    with store.write() as connection:
        known = subscribers.find(connection, [key], for_update=True).get(key)
        moment = now(connection)
    marked = replace(letter, subject=_MARK + letter.subject)
    token = reserved_token(signing_keys(settings)[0])
    reader = personalize.recipient(
        marked, new_id(), email, known.first_name if known else None, token
    )
    # Every proof has a key of its own: it is a person who asks for another one.
    return Batch(new_id(), FOLDER, marked, moment, (reader,))


def _taken(outcome: Outcome) -> Accepted:
    """Return what was accepted, or say what became of it and what to do."""
    match outcome:
        case Accepted():
            return outcome
        case RecipientRejected(reason):
            raise NewsletterError(
                f"the proof was rejected: {reason}", hint="See whether --to is right"
            )
        case RequestRefused(reason):
            raise DecisionNeeded(
                f"no proof was sent: {reason}", hint="Mend that, then ask for a proof again"
            )
        case RetryLater(reason):
            raise TryAgain(f"no proof was sent: {reason}", hint="Run it again in a while")
        case Unknown(reason):
            raise DecisionNeeded(
                f"nobody knows whether the proof left: {reason}",
                hint="Look in your inbox, for it may have arrived; if not, ask for another one",
            )
        case _:
            assert_never(outcome)
