"""What happened to a letter after its provider accepted it, independent of the provider."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime


class EventKind(StrEnum):
    """What a provider reports of one letter; `states` says which of several counts."""

    ACCEPTED = "accepted"
    """The provider has it; this proves only that it was accepted."""
    DEFERRED = "deferred"
    """Not delivered yet: the provider goes on trying."""
    DELIVERED = "delivered"
    FAILED = "failed"
    """The provider accepted it and did not send it; the reason is not the subscriber's address."""
    SUPPRESSED = "suppressed"
    """The provider accepted it and did not send it: the address is on its suppression list."""
    SOFT_BOUNCE = "soft bounce"
    """Not delivered, and given up; a later letter may arrive."""
    HARD_BOUNCE = "hard bounce"
    """The address does not take mail any more."""
    UNSUBSCRIBE = "unsubscribe"
    """The subscriber left by a link or a button of the provider."""
    COMPLAINT = "complaint"
    """The subscriber marked it as spam."""
    NOTE = "note"
    """A report that changes nothing, such as *this is not spam*."""


class Cause(StrEnum):
    """Why a delivery failed, if the address is not the reason: the author has to act."""

    POLICY = "policy"
    """The mailbox provider blocks or limits the sender, or refuses the content."""
    SENDER = "sender"
    """The sender's set-up: SPF, DKIM, DMARC, its address or its names in the DNS."""
    SIZE = "size"
    """The letter is too large."""


@dataclass(frozen=True, slots=True)
class Event:
    """What happened to one letter.

    Attributes:
        kind: What.
        at: When, by the provider's clock.
        ref: The delivery's reference, as the letter carried it to the provider and back; empty if
            the event carries none.
        provider_id: The provider's identifier of the letter; empty if the event has none.
        email: The address, as the provider writes it; empty if it does not say.
        detail: The provider's words, on one line and without any address.
        because: Why the address is on the provider's list, if it is suppressed and the provider
            says so.
        cause: Why it failed, if the address is not the reason.
    """

    kind: EventKind
    at: datetime
    ref: str
    provider_id: str = ""
    email: str = ""
    detail: str = ""
    because: EventKind | None = None
    cause: Cause | None = None


@dataclass(frozen=True, slots=True)
class ProviderSuppression:
    """An address on the suppression list of a provider.

    Attributes:
        email: The address, as the provider writes it.
        because: What put it there: a hard bounce, a complaint or an unsubscribe.
        at: Since when.
    """

    email: str
    because: EventKind
    at: datetime
