"""The list and the ledger."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime


class Status(StrEnum):
    """Where a subscriber stands; only an active one is mailed."""

    PENDING = "pending"
    ACTIVE = "active"
    UNSUBSCRIBED = "unsubscribed"
    BOUNCED = "bounced"
    COMPLAINED = "complained"


class ImportChange(StrEnum):
    """What an import made of a subscriber; who was only named had been changed by another."""

    ADDED = "added"
    CONFIRMED = "confirmed"
    LEFT = "left"
    NAMED = "named"
    NAMED_AS_LEFT = "named as left"


@dataclass(frozen=True, slots=True)
class Subscriber:
    """A person on the list.

    ``public_id`` is random: the only name of him that leaves the house. ``obstacle`` says why the
    provider would swallow his letters all the same, if it would.
    """

    public_id: str
    email: str
    first_name: str | None
    status: Status
    created_at: datetime
    confirmed_at: datetime | None
    paused_until: datetime | None
    plain_text: bool
    source: str
    left_at: datetime | None = None
    obstacle: str | None = None


@dataclass(frozen=True, slots=True)
class Consent:
    """What somebody agreed to, when and where.

    Who signed up by himself agreed twice: he asked on a form, and confirmed from his mailbox. Of
    the others only ``at``, ``source``, the wording and perhaps ``ip`` are known.

    Attributes:
        at: When he agreed; of a sign-up, when he confirmed it.
        source: Where: "form", "cli", the name of an import's format.
        text: The wording.
        version: The wording's number in this ledger.
        hash: SHA-256 (hex) of the wording.
        ip: From which address; this and the next are kept for a short time only.
        user_agent: With which program.
        form: On which page or site he asked.
        requested_at: When he asked.
        requested_ip: From which address he asked.
        requested_user_agent: With which program he asked.
        came_from: What he was before: "pending", or how he had left.
        left_at: When he had left, if he had.
    """

    at: datetime
    source: str
    text: str
    version: int
    hash: str
    ip: str | None
    user_agent: str | None
    form: str | None
    requested_at: datetime | None
    requested_ip: str | None
    requested_user_agent: str | None
    came_from: str | None
    left_at: datetime | None


class MailingState(StrEnum):
    """Where a mailing stands."""

    FROZEN = "frozen"
    SENDING = "sending"
    PAUSED = "paused"
    COMPLETED = "completed"
    COMPLETED_WITH_UNKNOWN = "completed_with_unknown"
    CANCELLED = "cancelled"
    EXPIRED = "expired"


class Pause(StrEnum):
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
class Unsettled:
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
class Details:
    """What stands behind the counts of a mailing.

    Attributes:
        reasons: Of rejected, skipped and unknown deliveries: how many there are for each reason.
        unsettled: What is attempting or unknown, by request.
        accepted_twice: How many deliveries were accepted under more than one name.
        decisions: What people decided, oldest first.
    """

    reasons: Mapping[DeliveryState, Mapping[str, int]]
    unsettled: tuple[Unsettled, ...]
    accepted_twice: int
    decisions: tuple[Decision, ...]


@dataclass(frozen=True, slots=True)
class Heard:
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
class Receipt:
    """A mailing's account: the states add up to the audience, always.

    ``assumed`` is the part of accepted that a person decided; ``proofed`` tells whether its
    author had this very letter sent to himself; ``heard`` is what events tell of it; ``at`` is
    when all this was so.
    """

    mailing: Mailing
    counts: Mapping[DeliveryState, int]
    assumed: int
    details: Details
    at: datetime = field(compare=False)
    proofed: bool = False
    heard: Heard = Heard()
