"""The list and the ledger."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime


class SubscriberStatus(StrEnum):
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
    status: SubscriberStatus
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
