"""The list and the ledger."""

from __future__ import annotations

from dataclasses import dataclass
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


@dataclass(frozen=True, slots=True)
class Subscriber:
    """A person on the list. ``public_id`` is random: the only name of him that leaves the house."""

    public_id: str
    email: str
    first_name: str | None
    status: Status
    created_at: datetime
    confirmed_at: datetime | None
    paused_until: datetime | None
    source: str


@dataclass(frozen=True, slots=True)
class Consent:
    """What somebody agreed to, when and where."""

    at: datetime
    source: str
    text: str
    ip: str | None


class MailingState(StrEnum):
    """Where a mailing stands."""

    FROZEN = "frozen"
    SENDING = "sending"
    PAUSED = "paused"
    COMPLETED = "completed"
    COMPLETED_WITH_UNKNOWN = "completed_with_unknown"
    CANCELLED = "cancelled"
    EXPIRED = "expired"


class DeliveryState(StrEnum):
    """Where one delivery stands."""

    PENDING = "pending"
    ATTEMPTING = "attempting"
    ACCEPTED = "accepted"
    REJECTED = "rejected"
    SKIPPED = "skipped"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Mailing:
    """One issue being sent: its frozen letter and audience.

    ``send_at`` is the slot, local with its offset; ``note`` says why it is paused, if it is.
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
    audience: int
    started_at: datetime
    finished_at: datetime | None


@dataclass(frozen=True, slots=True)
class Receipt:
    """A mailing's account: the states add up to the audience, always.

    ``assumed`` is the part of accepted that a person decided; ``proofed`` tells whether its
    author had this very letter sent to himself.
    """

    mailing: Mailing
    counts: Mapping[DeliveryState, int]
    assumed: int
    proofed: bool = False
