"""The list and the ledger."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime


class MailingState(StrEnum):
    """Where a mailing stands."""

    FROZEN = "frozen"
    SENDING = "sending"
    PAUSED = "paused"
    COMPLETED = "completed"
    COMPLETED_WITH_UNKNOWN = "completed_with_unknown"
    CANCELLED = "cancelled"
    EXPIRED = "expired"


class PauseReason(StrEnum):
    """Why a mailing is paused; any other reason is something that the provider refuses."""

    BY_A_PERSON = "paused by a person"
    LIMIT = "the limit was reached"
    OUT_OF_TIME = "out of time"


class DeliveryState(StrEnum):
    """Where one delivery stands."""

    PENDING = "pending"
    ATTEMPTING = "attempting"
    ACCEPTED = "accepted"
    REJECTED = "rejected"
    SKIPPED = "skipped"
    UNKNOWN = "unknown"


class NoticeKind(StrEnum):
    """A letter to one person that is no mailing."""

    CONFIRMATION = "confirmation"
    """To somebody who signed up: one button makes him a reader."""
    ALREADY_HERE = "already-here"
    """To a reader who signed up once more."""
    PREFERENCES = "preferences"
    """To a reader who asked for it: the link to his preferences."""
    NEW_ADDRESS = "new-address"
    """To the address that a reader wants to change to: one button confirms it."""
    OLD_ADDRESS = "old-address"
    """To the address that a reader has changed from."""


@dataclass(frozen=True, slots=True)
class Mailing:
    """One issue being sent: its frozen letter and audience.

    ``send_at`` is the slot, local with its offset; ``note`` says why it is paused, if it is;
    ``released`` tells that its slug, slot and text are free for another one.
    """

    id: int
    public_id: str
    slug: str
    send_at: datetime
    content_hash: str
    letter_hash: str
    provider: str
    provider_url: str
    rehearsal: bool
    state: MailingState
    note: str
    released: bool
    audience: int
    started_at: datetime
    finished_at: datetime | None

    @property
    def for_nobody(self) -> bool:
        """It is a rehearsal while a real provider is set: its links work for nobody.

        The `provider_url` of a rehearsal names that provider, for the outbox has no address.
        """
        return self.rehearsal and bool(self.provider_url)

    @property
    def through(self) -> str:
        """The provider that it stays with, and where, if not at the usual address."""
        return " at ".join(filter(None, (self.provider, self.provider_url)))


@dataclass(frozen=True, slots=True)
class UnresolvedBatch:
    """Letters of one request that are attempting or unknown, and what may still settle them.

    Attributes:
        state: Which of the two.
        letters: How many.
        claimed_at: Nothing of the request left before.
        lease_until: By when the process that sends it must have told what became of it.
        kept: All is kept that is needed to make the same request again.
        searchable: Fewer than two searches have missed them since they were sent last.
        missed_at: When a search first came to its end without finding all of the request.
        account: Fingerprint of the provider's account that alone can tell, if that is noted.
    """

    state: DeliveryState
    letters: int
    claimed_at: datetime
    lease_until: datetime
    kept: bool
    searchable: bool
    missed_at: datetime | None
    account: str | None = None


@dataclass(frozen=True, slots=True)
class Decision:
    """What a person decided about a mailing, and about how many letters."""

    at: datetime
    who: str
    what: str
    letters: int


@dataclass(frozen=True, slots=True)
class MailingDetails:
    """What stands behind the counts of a mailing.

    Attributes:
        reasons: Of rejected, skipped and unknown deliveries: how many there are for each reason.
        unsettled: What is attempting or unknown, by request.
        accepted_twice: How many deliveries were accepted under more than one name.
        decisions: What people decided, oldest first.
    """

    reasons: Mapping[DeliveryState, Mapping[str, int]]
    unsettled: tuple[UnresolvedBatch, ...]
    accepted_twice: int
    decisions: tuple[Decision, ...]


@dataclass(frozen=True, slots=True)
class EventTotals:
    """What events tell of a mailing's letters: each is counted once, by what counts most.

    Attributes:
        delivered: Arrived, as far as is known.
        bounced: Given up, now or for good.
        complained: Marked as spam.
        failed: Taken by the provider, and not sent.
        silent: Accepted more than a day ago, and nothing was heard of them since, although this
            provider tells when letters are delivered.
    """

    delivered: int = 0
    bounced: int = 0
    complained: int = 0
    failed: int = 0
    silent: int = 0


@dataclass(frozen=True, slots=True)
class MailingReport:
    """A mailing's account: the states add up to the audience, always.

    ``assumed`` is the part of accepted that a person decided; ``proofed`` tells whether its
    author had this very letter sent to himself; ``heard`` is what events tell of it; ``at`` is
    when all this was so.
    """

    mailing: Mailing
    counts: Mapping[DeliveryState, int]
    assumed: int
    details: MailingDetails
    at: datetime = field(compare=False)
    proofed: bool = False
    heard: EventTotals = EventTotals()
