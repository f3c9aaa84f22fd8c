"""What every provider is to the rest of the program."""

from __future__ import annotations

import abc
import hashlib
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, ClassVar, Final, Protocol

from newsletter import config, tokens
from newsletter.errors import NewsletterError
from newsletter.model import RecipientRejected

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Self

    from newsletter.config import Settings
    from newsletter.model import (
        Batch,
        Letter,
        Outcome,
        Recipient,
        Search,
        SearchResult,
        UnresolvedRequest,
    )


UNMAILABLE: Final = RecipientRejected(
    "the provider mails no address with letters beyond ASCII before its @"
)
"""The outcome for an address that a provider cannot take (no SMTPUTF8)."""

DEADLINE: Final = 120.0
"""Seconds for one request, from its first byte to its last."""


class UnsubscribeHeader(StrEnum):
    """Who writes the List-Unsubscribe header of what a provider sends."""

    OURS = "ours"
    BY_PERMISSION = "by permission"
    """The provider adds its own until its support switches that off for the account."""


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What a provider can do, so that no other layer has to know its name.

    Attributes:
        name: As in the settings.
        rehearsal: It mails nobody; its mailings never count as sent.
        max_messages: The most that one request may hold.
        lease: How long a request may take before its outcome counts as unknown.
        replay: How long the same bytes may be sent again under the same key without a second
            letter; zero where the provider has no idempotency keys.
        in_flight: The most requests that may be under way at once.
        search: What `Provider.search` can report of a lost answer; None where the provider lists
            nothing by which a delivery is known. Unused where `replay` is not zero.
        unsubscribe_header: Who writes List-Unsubscribe.
        substitution: A request holds the letter once and the values of each subscriber, instead
            of a whole letter for each.
        account_variable: The variable that identifies the account to which idempotency keys and
            lists belong; empty where nothing is ever repeated or searched for.
    """

    name: str
    rehearsal: bool
    max_messages: int
    lease: timedelta
    replay: timedelta = timedelta()
    in_flight: int = 1
    search: Search | None = None
    unsubscribe_header: UnsubscribeHeader = UnsubscribeHeader.OURS
    substitution: bool = False
    account_variable: str = ""


@dataclass(frozen=True, slots=True)
class Payload:
    """The bytes of one request, in pieces.

    Attributes:
        parts: Sent one after another.
        digest: Equal for equal bytes only.
    """

    parts: tuple[bytes, ...]
    digest: str

    @classmethod
    def of(cls, parts: tuple[bytes, ...]) -> Self:
        """Return these parts with the SHA-256 of all of them, each with its length."""
        digest = hashlib.sha256()
        for part in parts:
            digest.update(len(part).to_bytes(8, "big"))
            digest.update(part)
        return cls(parts, digest.hexdigest())


@dataclass(frozen=True, slots=True)
class SubmitResult:
    """A provider's answer to one request.

    Attributes:
        outcomes: By delivery reference; one that is missing is unknown.
        remaining: How many more requests the provider takes before `reset`, if it says so.
        reset: In how many seconds that count starts again, if it says so.
        surplus: How many more letters it reports as accepted than the request held.
    """

    outcomes: Mapping[str, Outcome]
    remaining: int | None = None
    reset: float | None = None
    surplus: int = 0


@dataclass(frozen=True, slots=True)
class Quota:
    """What an account may send, as the provider says before the first letter.

    Attributes:
        per_second: Letters a second; None if it does not say.
        left: Letters that it still accepts now; None if it does not say.
        blocked: Why it accepts none until a person acts; empty if it accepts letters.
    """

    per_second: float | None = None
    left: int | None = None
    blocked: str = ""


class Provider(Protocol):
    """Takes batches and says what became of each delivery."""

    @property
    def capabilities(self) -> Capabilities:
        """What it can do."""

    def for_audience(self, audience: int) -> Provider:
        """Return this provider in the mode that suits an audience of this size."""

    def unsupported(self, letter: Letter) -> str:
        """Return why it cannot send a letter unchanged; empty if it can.

        Asked when a mailing is planned, so that nothing is lost on the way.
        """

    def quota(self) -> Quota:
        """Ask what the account may send now; all is None where it cannot be asked."""

    def build(self, batch: Batch) -> Payload:
        """Return the exact bytes of the request: pure, and the same for the same batch."""

    def submit(self, batch: Batch, payload: Payload) -> SubmitResult:
        """Send what `build` returned; return an outcome for the reference of each delivery.

        Called from several threads at once, at most `capabilities.in_flight`. Never raises for a
        failure of the provider or of the network: that is an outcome.
        """

    def search(self, request: UnresolvedRequest) -> SearchResult:
        """Look up what became of a request; called only where `capabilities.search` is set.

        Never raises for a failure of the provider or of the network.
        """

    def discard_rehearsal(self, slug: str) -> None:
        """Delete the letters of an earlier rehearsal of this issue: a new one replaces it."""

    def audience_mark(self, slug: str) -> str:
        """Return what `keep_audience_mark` stored; empty if no rehearsal can be continued."""

    def keep_audience_mark(self, slug: str, mark: str) -> None:
        """Store for which subscribers an issue is rehearsed, beside its letters."""

    def close(self) -> None:
        """Close its connections; it is not used afterwards."""


class BaseProvider(abc.ABC):
    """The defaults of a `Provider`; each provider overrides what it does differently."""

    capabilities: ClassVar[Capabilities]

    @classmethod
    @abc.abstractmethod
    def open(cls, settings: Settings) -> Self:
        """Return the provider as the settings have it.

        Raises:
            NewsletterError: A key is missing, or it would travel unencrypted.
        """

    def for_audience(self, audience: int) -> Provider:  # noqa: ARG002 - most have one mode
        """Return itself: it has one mode."""
        return self

    def unsupported(self, letter: Letter) -> str:  # noqa: ARG002 - most take any letter
        """Return nothing: it takes every letter that was rendered."""
        return ""

    def quota(self) -> Quota:
        """Return that nothing is known in advance."""
        return Quota()

    @abc.abstractmethod
    def build(self, batch: Batch) -> Payload:
        """Return the exact bytes of the request."""

    @abc.abstractmethod
    def submit(self, batch: Batch, payload: Payload) -> SubmitResult:
        """Send what `build` returned."""

    def search(self, request: UnresolvedRequest) -> SearchResult:
        """Refuse: it lists nothing to search."""
        raise AssertionError(f"this provider lists nothing, so {request.key} cannot be searched")

    def discard_rehearsal(self, slug: str) -> None:  # noqa: B027 - only the outbox rehearses
        """Do nothing: it rehearses nothing."""

    def audience_mark(self, slug: str) -> str:  # noqa: ARG002 - only a rehearsal has one
        """Return nothing: it rehearses nothing."""
        return ""

    def keep_audience_mark(self, slug: str, mark: str) -> None:  # noqa: B027 - see above
        """Do nothing: it rehearses nothing."""

    def close(self) -> None:  # noqa: B027 - the outbox has none
        """Close its connections, if it has any."""


def ascii_recipients(batch: Batch) -> Sequence[Recipient]:
    """Return the recipients who are not `UNMAILABLE`: one who is must not fail the request."""
    return [recipient for recipient in batch.recipients if recipient.email.isascii()]


def credential(settings: Settings, name: str, hint: str) -> str:
    """Return what the environment must hold for a provider.

    Raises:
        NewsletterError: It is not set.
    """
    value = settings.credentials.get(name)
    if not value:
        raise NewsletterError(
            f"{name} is not set, and {settings.provider} sends nothing without it",
            hint=config.missing_secret_hint(settings, name, hint),
        )
    return value


def account_id(settings: Settings, can: Capabilities) -> str | None:
    """Return a fingerprint of the account that the settings name; it costs no request.

    None where no account matters, or none is set.
    """
    named = settings.credentials.get(can.account_variable)
    return tokens.fingerprint(named) if named else None


def base_url(settings: Settings, usual: str) -> str:
    """Return the base URL of the provider's API, without a slash at its end.

    Raises:
        NewsletterError: Keys and addresses would travel unencrypted.
    """
    base = settings.provider_url or usual
    if base.startswith("http:") and not config.is_loopback(base):
        raise NewsletterError(
            "provider_url would send the key and every address unencrypted",
            hint="Write it with https://",
        )
    return base.rstrip("/")
