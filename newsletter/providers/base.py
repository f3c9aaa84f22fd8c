"""What every provider is to the rest of the program."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Final, Protocol

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
"""What becomes of a reader whose address a provider cannot take (no SMTPUTF8)."""


class UnsubscribeHeader(StrEnum):
    """Who owns the List-Unsubscribe header of what a provider sends."""

    OURS = "ours"
    BY_PERMISSION = "by permission"
    """The provider adds its own until its support switches that off for the account."""


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What a provider can do, so that nothing above it has to know its name.

    Attributes:
        name: As in the settings.
        rehearsal: Nobody is mailed; its mailings never count as sent.
        max_messages: The most that one request may hold.
        lease: How long a request may take before its outcome counts as unknown.
        replay: For how long the same bytes may be sent again under the same key without a second
            letter; zero where the provider knows no keys.
        in_flight: The most requests that may be under way at once.
        search: What a lost answer can be searched for with `Provider.search`; None where the
            provider lists nothing by which a delivery is known. Unused where `replay` is not zero.
        unsubscribe_header: Who owns List-Unsubscribe.
        substitution: A request holds the letter once and each reader's values, and not a whole
            letter for each.
        account_variable: The variable that tells accounts apart which know nothing of each other's
            keys and lists; empty where nothing is ever repeated or searched for.
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
        parts: Joined, or one after another, they are what leaves.
        digest: The same for the same bytes, and for no others.
    """

    parts: tuple[bytes, ...]
    digest: str

    @classmethod
    def of(cls, parts: tuple[bytes, ...]) -> Self:
        """Return these parts with the SHA-256 of them all, each with its length."""
        digest = hashlib.sha256()
        for part in parts:
            digest.update(len(part).to_bytes(8, "big"))
            digest.update(part)
        return cls(parts, digest.hexdigest())


@dataclass(frozen=True, slots=True)
class SubmitResult:
    """What a provider said to one request.

    Attributes:
        outcomes: By delivery reference; one that is missing is unknown.
        remaining: How many more requests it takes before `reset`, if it said so.
        reset: In how many seconds it counts anew, if it said so.
        surplus: How many letters it says it took beyond those that were in the request.
    """

    outcomes: Mapping[str, Outcome]
    remaining: int | None = None
    reset: float | None = None
    surplus: int = 0


@dataclass(frozen=True, slots=True)
class Quota:
    """What an account may send, as the provider says before the first letter leaves.

    Attributes:
        per_second: Letters a second; None if it does not say.
        left: Letters that it still takes now; None if it does not say.
        blocked: Why it takes none until a person has mended that; empty if it takes letters.
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
        """Return this provider in the way of sending that suits so many readers."""

    def unsupported(self, letter: Letter) -> str:
        """Say why a letter cannot travel through it unchanged; empty if it can.

        Asked when a mailing is planned, so that nothing is ever dropped on the way.
        """

    def quota(self) -> Quota:
        """Ask what the account may send just now; where it cannot be asked, all is None."""

    def build(self, batch: Batch) -> Payload:
        """Return the exact bytes that will leave: pure, and the same for the same batch."""

    def submit(self, batch: Batch, payload: Payload) -> SubmitResult:
        """Hand over what `build` made; return an outcome for every delivery's reference.

        Called from several threads at once, at most `capabilities.in_flight`.

        Never raises for what the provider or the way to it does wrong: that is an outcome.
        """

    def search(self, doubt: UnresolvedRequest) -> SearchResult:
        """Look up what became of a request; called only where `capabilities.search` is set.

        Never raises for what the provider or the way to it does wrong.
        """

    def discard_rehearsal(self, slug: str) -> None:
        """Drop what an earlier rehearsal of this issue left, for a new one takes its place.

        A provider that mails people has nothing to forget.
        """

    def audience_mark(self, slug: str) -> str:
        """Return what `keep_audience_mark` kept; empty if there is no rehearsal to go on with."""

    def keep_audience_mark(self, slug: str, mark: str) -> None:
        """Keep for which subscribers an issue is rehearsed, beside its letters."""


class BaseProvider:
    """What those providers share that mail people; each overrides what it does better."""

    def for_audience(self, audience: int) -> Self:  # noqa: ARG002 - most send in one way
        """Return itself: it has one way of sending."""
        return self

    def unsupported(self, letter: Letter) -> str:  # noqa: ARG002 - most take any letter
        """Return nothing: every letter that could be rendered can travel."""
        return ""

    def quota(self) -> Quota:
        """Return that nothing is known beforehand; its answers tell."""
        return Quota()

    def search(self, doubt: UnresolvedRequest) -> SearchResult:
        """Refuse: there is nothing to search in."""
        raise AssertionError(f"this provider lists nothing, so {doubt.key} cannot be searched for")

    def discard_rehearsal(self, slug: str) -> None:
        """Do nothing: who mails people has nothing to forget."""

    def audience_mark(self, slug: str) -> str:  # noqa: ARG002 - only a rehearsal has one
        """Return nothing: who mails people rehearses nothing."""
        return ""

    def keep_audience_mark(self, slug: str, mark: str) -> None:
        """Do nothing: who mails people rehearses nothing."""


def ascii_recipients(batch: Batch) -> Sequence[Recipient]:
    """Return the readers who are not `UNMAILABLE`: who is must not cost them their letter."""
    return [reader for reader in batch.recipients if reader.email.isascii()]


def credential(settings: Settings, name: str, hint: str) -> str:
    """Return what the environment must hold for a provider.

    Raises:
        NewsletterError: It is not set.
    """
    value = settings.credentials.get(name)
    if not value:
        raise NewsletterError(
            f"{name} is not set, and {settings.provider} takes nothing without it",
            hint=f"{hint} and put it into the environment, never into a file",
        )
    return value


def account_id(settings: Settings, can: Capabilities) -> str | None:
    """Return a fingerprint of the account that takes letters now, and remembers what it took.

    None where no account matters, or none is set: it costs no request and needs no key.
    """
    named = settings.credentials.get(can.account_variable)
    return tokens.fingerprint(named) if named else None


def base_url(settings: Settings, usual: str) -> str:
    """Return where the provider's API is, without a slash at its end.

    Raises:
        NewsletterError: Keys and addresses would travel where others can read them.
    """
    base = settings.provider_url or usual
    if base.startswith("http:") and not config.is_loopback(base):
        raise NewsletterError(
            "provider_url would send the key and every address in clear text",
            hint="Write it with https://",
        )
    return base.rstrip("/")
