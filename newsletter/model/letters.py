"""A letter, rendered once; the messages made of it; and what a provider said of each."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime, timedelta


@dataclass(frozen=True, slots=True)
class Letter:
    """A rendered issue with placeholders, and all that its messages have in common.

    It is frozen with its mailing, so that a later change of settings or templates changes nothing.
    ``html`` is pure ASCII. ``page`` is the same letter for the web: it greets without a name and
    has no unsubscribe link. ``unsubscribe_url`` ends in a slash; the subscriber's token follows.

    ``html`` is empty for subscribers who get plain text only: their message has no such part.

    A notice is a letter too: it has no page, so ``page`` is empty, and so are ``list_id`` and
    ``unsubscribe_url`` of one that its recipient asked for.

    ``hash`` names it, and changes with everything that it is made of (`render.letter_hash`). Its
    messages have it in a header. A notice has none, and nor has a letter that an older version
    froze.

    ``pictures`` are the names of its stored pictures, first those of its issue; only these are its
    own, whatever addresses stand in its text.
    """

    subject: str
    sender: str
    reply_to: str
    list_id: str
    html: str
    text: str
    page: str
    greeting: str
    greeting_without_name: str
    unsubscribe_url: str
    hash: str = ""
    pictures: tuple[str, ...] = ()

    def encode(self) -> bytes:
        """Return the bytes that are frozen: the same letter, the same bytes."""
        return json.dumps(asdict(self), ensure_ascii=False, sort_keys=True).encode()

    @classmethod
    def decode(cls, frozen: bytes) -> Letter:
        """Return the letter that ``encode`` made these bytes of."""
        values = json.loads(frozen)
        return cls(**values | {"pictures": tuple(values.get("pictures", ()))})


@dataclass(frozen=True, slots=True)
class Recipient:
    """One subscriber's part of a batch: the delivery's reference, the address, their values."""

    ref: str
    email: str
    greeting: str
    unsubscribe_url: str


@dataclass(frozen=True, slots=True)
class Batch:
    """The deliveries that travel in one provider request.

    They are of one kind: all get ``letter`` as it is, with its HTML or without. ``key`` names the
    request to a provider that knows idempotency keys; ``date`` is that of
    every message in it, fixed at the claim so that a replay has the same bytes.
    """

    key: str
    slug: str
    letter: Letter
    date: datetime
    recipients: tuple[Recipient, ...]


@dataclass(frozen=True, slots=True)
class UnresolvedRequest:
    """A request with an unknown outcome: what a provider needs to search for it.

    Attributes:
        key: The batch's, as it was when it left.
        slug: Of the issue.
        refs: The deliveries that are unknown.
        since: When they were claimed; nothing of them was sent before.
        until: By when the request was over, one way or another.
        addresses: The addresses of those who are still on the list, by reference; empty where a
            recent change makes it unknown which one was used.
    """

    key: str
    slug: str
    refs: tuple[str, ...]
    since: datetime
    until: datetime
    addresses: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Message:
    """One subscriber's letter: complete, with the headers in the order they are written."""

    ref: str
    email: str
    headers: tuple[tuple[str, str], ...]
    html: str
    text: str


@dataclass(frozen=True, slots=True)
class Accepted:
    """The provider took it; ``provider_id`` is its identifier of the message."""

    provider_id: str


@dataclass(frozen=True, slots=True)
class RecipientRejected:
    """The provider refused this one for good."""

    reason: str


@dataclass(frozen=True, slots=True)
class RetryLater:
    """The provider certainly did not take it, for a reason that passes.

    ``after`` is how many seconds the provider asked us to wait, if it said so.
    """

    reason: str
    after: float | None = None


@dataclass(frozen=True, slots=True)
class RequestRefused:
    """The provider certainly did not take it, and will not before a person corrects something.

    A key that is not valid, a domain that is not verified, a request that it cannot read: this
    says nothing about the subscriber, whose delivery stays pending.

    ``divisible`` is true when the whole request was refused for its content: one message may be
    the cause, and smaller requests show which.
    """

    reason: str
    divisible: bool = False


@dataclass(frozen=True, slots=True)
class Unknown:
    """It may have been taken: never repeated without a key, a search or a person."""

    reason: str


Outcome: TypeAlias = Accepted | RecipientRejected | RetryLater | RequestRefused | Unknown


@dataclass(frozen=True, slots=True)
class Search:
    """What can be asked of a provider that lists the letters it accepted.

    Attributes:
        lag: How long after a request a letter that was taken may still be missing from the list.
            Until then a missing letter proves nothing; a listed one is proof at any time.
        retention: For how long after a request it is listed.
    """

    lag: timedelta
    retention: timedelta


@dataclass(frozen=True, slots=True)
class SearchResult:
    """What a search for a request of unknown outcome has found.

    Attributes:
        accepted: What the provider lists as taken, by delivery reference.
        complete: Whether all that it lists of the request was read, so that what is missing is
            not listed.
        failure: Why the search is incomplete, if it is.
    """

    accepted: Mapping[str, Accepted]
    complete: bool
    failure: RequestRefused | RetryLater | Unknown | None = None
