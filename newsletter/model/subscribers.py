"""The list: its people, and what each of them agreed to."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime


class SubscriberStatus(StrEnum):
    """The status of a subscriber; only an active one is mailed."""

    PENDING = "pending"
    ACTIVE = "active"
    UNSUBSCRIBED = "unsubscribed"
    BOUNCED = "bounced"
    COMPLAINED = "complained"


class ListChange(StrEnum):
    """What became of a person who was to come on the list, or of the row that names them."""

    ADDED = "added"
    UPDATED = "updated"
    UNCHANGED = "unchanged"
    SKIPPED = "skipped"
    INVALID = "invalid"


class ImportChange(StrEnum):
    """What an import changed of a subscriber; NAMED: another import had changed it before."""

    ADDED = "added"
    CONFIRMED = "confirmed"
    LEFT = "left"
    NAMED = "named"
    NAMED_AS_LEFT = "named as left"


@dataclass(frozen=True, slots=True)
class Preferences:
    """What a subscriber chose, yes or no.

    Each field is a column of the list, a key of the subscriber's own data, and two buttons of their
    page. Its words are what `subscribers show` prints of who chose it.
    """

    plain_text: bool = field(default=False, metadata={"words": "gets letters as plain text"})
    monthly: bool = field(default=False, metadata={"words": "gets one letter a month"})

    def in_words(self) -> list[str]:
        """Return the words of what they chose."""
        return [one.metadata["words"] for one in fields(self) if getattr(self, one.name)]


@dataclass(frozen=True, slots=True)
class Subscriber:
    """A person on the list.

    Each field but the last is a column of the list.

    Attributes:
        id: The number of their row, which never leaves the program.
        public_id: Random: the only identifier of a subscriber in links and at providers.
        email: The address as it was given.
        email_key: The address as it is compared.
        paused_at: When they paused, until a notice says what they missed.
        monthly_since: Since when they get one letter a month, if they do.
        welcomed_at: When they were welcomed last.
        block_reason: Why the provider would not deliver their letters, if that is known.
    """

    id: int
    public_id: str
    email: str
    email_key: str
    first_name: str | None
    source: str
    created_at: datetime
    confirmed_at: datetime | None
    left_at: datetime | None
    paused_until: datetime | None
    paused_at: datetime | None
    monthly_since: datetime | None
    welcomed_at: datetime | None
    block_reason: str | None
    status: SubscriberStatus
    preferences: Preferences


@dataclass(frozen=True, slots=True)
class Consent:
    """What a person agreed to, when and where.

    Who signed up agreed twice: on a form, and from their mailbox. Of people who came in another
    way only ``at``, ``source``, the wording and perhaps ``ip`` are known.

    Attributes:
        at: When they agreed; of a sign-up, when they confirmed it.
        source: Where: "form", or "form: blog" where `?van=` said so; "cli"; the name of an import's
            format.
        text: The wording.
        version: The wording's number in this ledger.
        hash: SHA-256 (hex) of the wording.
        ip: From which address; this and the next are kept for a short time only.
        user_agent: With which program.
        form: The page or site of the form.
        requested_at: When they sent the form.
        requested_ip: From which address.
        requested_user_agent: With which program.
        came_from: Their status before: "pending", or how they had left.
        left_at: When they had left, if they had.
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
