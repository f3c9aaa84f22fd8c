"""The ledger: mailings, deliveries and notices."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from newsletter.model.archive import NO_CHANGES

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from newsletter.model.archive import ArchiveChanges


class MailingState(StrEnum):
    """The state of a mailing."""

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
    """The state of one delivery."""

    PENDING = "pending"
    ATTEMPTING = "attempting"
    ACCEPTED = "accepted"
    REJECTED = "rejected"
    SKIPPED = "skipped"
    UNKNOWN = "unknown"


MOST_NAMED: Final = 12
"""How many missed issues a notice names; of more it names the newest, and the archive."""


class NoticeKind(StrEnum):
    """A transactional email to one person."""

    CONFIRMATION = "confirmation"
    """To a person who signed up: one button confirms it."""
    ALREADY_HERE = "already-here"
    """To a subscriber who signed up once more."""
    PREFERENCES = "preferences"
    """To a subscriber who asked for it: the link to their preferences."""
    NEW_ADDRESS = "new-address"
    """To the address that a subscriber wants to change to: one button confirms it."""
    OLD_ADDRESS = "old-address"
    """To the address that a subscriber has changed from."""
    WELCOME = "welcome"
    """To a subscriber who has just confirmed."""
    ISSUE = "issue"
    """An issue as it was sent, to a subscriber who has just confirmed."""
    MISSED = "missed"
    """To a subscriber who returns: links to the issues that they missed."""


@dataclass(frozen=True, slots=True)
class Mailing:
    """One issue being sent: its frozen letter and audience.

    ``send_at`` is the slot, local with its offset; ``note`` says why it is paused, if it is;
    ``released`` is true when its slug, slot and text are free for another one. ``monthly``: it goes
    to those who chose a digest a month, else to all others. A mailing of a correction has the
    number of that ``erratum``, and the slug of the issue in ``erratum_of``.
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
    monthly: bool = False
    erratum: int = 0
    erratum_of: str | None = None

    @property
    def issue_slug(self) -> str:
        """The slug of the issue that it mails, or corrects."""
        return self.erratum_of or self.slug

    @property
    def for_nobody(self) -> bool:
        """Whether it is a rehearsal while a real provider is set: its links then do nothing.

        The `provider_url` of a rehearsal names that provider, for the outbox has no address.
        """
        return self.rehearsal and bool(self.provider_url)

    @property
    def through(self) -> str:
        """The provider that it stays with, and where, if not at the usual address."""
        return " at ".join(filter(None, (self.provider, self.provider_url)))


@dataclass(frozen=True, slots=True)
class UnresolvedBatch:
    """Deliveries of one request that are attempting or unknown, and what may still settle them.

    Attributes:
        state: Which of the two.
        letters: How many.
        claimed_at: When they were claimed; nothing of the request was sent before.
        lease_until: By when the process that sends it must have recorded an outcome.
        kept: Whether all is kept that the same request needs to be made again.
        searchable: Whether fewer than two searches have missed them since they were sent last.
        missed_at: When a complete search first did not find all of the request.
        account: Fingerprint of the provider's account that was used, if it is recorded.
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
    """What a person decided about a mailing, and for how many deliveries."""

    at: datetime
    who: str
    what: str
    letters: int


@dataclass(frozen=True, slots=True)
class MailingDetails:
    """What explains the counts of a mailing.

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
    """What events report of a mailing's letters: each is counted once, by its strongest event.

    Attributes:
        delivered: Arrived, as far as is known.
        bounced: Given up, now or for good.
        complained: Marked as spam.
        failed: Taken by the provider, and not sent.
        silent: Accepted more than a day ago and without any event since, although this provider
            reports when letters are delivered.
    """

    delivered: int = 0
    bounced: int = 0
    complained: int = 0
    failed: int = 0
    silent: int = 0


@dataclass(frozen=True, slots=True)
class SentCounts:
    """What became of the letters of one mailing that ended, for a list of issues.

    Attributes:
        accepted: The provider took them.
        delivered: Of these, arrived as far as is known.
        bounced: Of these, given up, now or for good.
        complained: Of these, marked as spam.
        left: How many of its audience have unsubscribed, complained or been erased since.
    """

    accepted: int
    delivered: int
    bounced: int
    complained: int
    left: int


@dataclass(frozen=True, slots=True)
class MailingReport:
    """The report of a mailing: the states always add up to the audience.

    ``assumed`` is the part of accepted that a person decided; ``proofed_at`` is when this very
    letter was last sent as a proof; ``heard`` is what events report; ``changes`` is what was done
    with the issue in the archive since; ``at`` is the moment of the report.
    """

    mailing: Mailing
    counts: Mapping[DeliveryState, int]
    assumed: int
    details: MailingDetails
    at: datetime = field(compare=False)
    proofed_at: datetime | None = None
    heard: EventTotals = EventTotals()
    changes: ArchiveChanges = NO_CHANGES

    @property
    def proofed(self) -> bool:
        """Whether this very letter was sent as a proof."""
        return self.proofed_at is not None
