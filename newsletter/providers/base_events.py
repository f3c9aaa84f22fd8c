"""What every provider reports after it accepted a letter, by webhook and by list."""

from __future__ import annotations

import abc
import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, ClassVar, Final

from newsletter.errors import DecisionNeeded, NewsletterError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from newsletter.config import Settings
    from newsletter.model import Event, ProviderSuppression

LATE: Final = timedelta(hours=1)
"""How late an event may be listed with an earlier time, and how much two clocks may differ."""

_MOST_ENTRIES: Final = 1000
_MOST_DIGITS: Final = 4000


class ListingKeyMissing(NewsletterError):  # noqa: N818 - says what is wrong
    """No key that may read the provider's lists is set; its webhooks work all the same."""


class ListingDenied(DecisionNeeded):
    """The provider does not show its lists to this key; its webhooks work all the same."""


class InvalidSignature(Exception):  # noqa: N818 - says what is wrong with a webhook
    """A webhook that its provider does not vouch for.

    Args:
        why: A few words for the log, with nothing of the webhook.
        status: The status of the response.
    """

    def __init__(self, why: str, status: int = 401) -> None:
        self.status = status
        super().__init__(why)


@dataclass(frozen=True, slots=True)
class WebhookRequest:
    """A webhook as it arrived, not verified yet.

    Attributes:
        headers: By name in lower case.
        body: The raw bytes: they are what is signed.
        at: When it arrived, in seconds since 1970.
    """

    headers: Mapping[str, str]
    body: bytes
    at: float


@dataclass(frozen=True, slots=True)
class ParsedWebhook:
    """What a genuine webhook reports.

    Attributes:
        events: Of letters.
        whole: All of it could be parsed.
    """

    events: tuple[Event, ...]
    whole: bool


@dataclass(frozen=True, slots=True)
class VerifiedWebhook:
    """A genuine webhook.

    Attributes:
        source: Whose events it reports.
        name: Identifies it among that provider's webhooks.
        body: Its raw bytes.
        said: The JSON in it, where the check had to read it; None if it did not.
    """

    source: ProviderEvents
    name: str
    body: bytes
    said: object = None

    @property
    def key(self) -> tuple[str, str]:
        """Return what no other webhook has in common with it: provider and name."""
        return self.source.name, self.name

    def parse(self, received: datetime) -> ParsedWebhook:
        """Return what it reports; `received` replaces a time that cannot be read."""
        said = self.said
        return self.source.parse(decode(self.body) if said is None else said, received)


@dataclass(frozen=True, slots=True)
class WebhookVerifier:
    """Verifies that a webhook comes from its provider.

    Attributes:
        source: The provider's events.
        check: Returns the name of a genuine webhook, and the JSON in it if it had to read that;
            raises `InvalidSignature` for any other. A stranger causes little work: the time is
            checked before anything is computed, and one signature is computed for each secret.
        max_body: The longest body that is read, in bytes.
        close: Closes its connections.
    """

    source: ProviderEvents
    check: Callable[[WebhookRequest], tuple[str, object]]
    max_body: int = 1 << 18
    close: Callable[[], None] = lambda: None

    def verify(self, request: WebhookRequest) -> VerifiedWebhook:
        """Return a genuine webhook.

        Raises:
            InvalidSignature: It is not genuine, or cannot be verified now.
        """
        name, said = self.check(request)
        return VerifiedWebhook(self.source, name, request.body, said)


@dataclass(frozen=True, slots=True)
class Page:
    """A part of what a provider lists.

    Attributes:
        events: Of letters.
        suppressed: Addresses that it no longer mails.
        until: With this page, everything is known that happened until then; None if only a later
            page completes that.
    """

    events: tuple[Event, ...] = ()
    suppressed: tuple[ProviderSuppression, ...] = ()
    until: datetime | None = None


class ProviderEvents(abc.ABC):
    """The events of one provider.

    Attributes:
        name: As in the settings.
        secret: The variable with what its webhooks are verified by.
        reach: How far back its lists are read the first time.
        signs_content: Its signature covers what a webhook reports. Where it does not, whoever saw a
            webhook can send its signature again with another content: then the name of each is
            stored, even if it reports nothing.
    """

    name: ClassVar[str]
    secret: ClassVar[str]
    reach: ClassVar[timedelta]
    signs_content: ClassVar[bool] = True

    @abc.abstractmethod
    def open_verifier(self, settings: Settings) -> WebhookVerifier:
        """Return the verifier of its webhooks; the secret is set.

        Raises:
            NewsletterError: The secret is malformed.
        """

    @abc.abstractmethod
    def read(self, said: dict[str, Any], received: datetime | None) -> tuple[Event, ...] | None:
        """Return what one JSON object of a webhook reports of letters.

        Nothing, as an empty tuple, if it reports other things; None if it cannot be parsed.
        """

    @abc.abstractmethod
    def list_since(self, settings: Settings, begin: datetime) -> Iterator[Page]:
        """Yield what the provider lists since a moment."""

    @abc.abstractmethod
    def delete_suppression(self, settings: Settings, email: str) -> str:
        """Take an address off the provider's own list; return why it stays there, if it does."""

    def verifier(self, settings: Settings) -> WebhookVerifier | None:
        """Return the verifier of its webhooks, or None where no secret is set.

        Raises:
            NewsletterError: The secret is malformed.
        """
        return self.open_verifier(settings) if self.secret in settings.credentials else None

    def parse(self, said: object, received: datetime | None = None) -> ParsedWebhook:
        """Return what the JSON of a genuine webhook reports: an object, or a list of objects."""
        entries = said if isinstance(said, list) else [said]
        whole = 0 < len(entries) <= _MOST_ENTRIES
        events: list[Event] = []
        for entry in entries[:_MOST_ENTRIES]:
            found = self.read(entry, received) if isinstance(entry, dict) and entry else None
            events += found or ()
            whole = whole and found is not None
        return ParsedWebhook(tuple(events), whole)

    def pull(self, settings: Settings, since: datetime | None) -> Iterator[Page]:
        """Yield what the provider lists, page by page.

        Args:
            settings: Name this provider.
            since: Up to when everything is known; None if nothing is. What may have been listed
                late is yielded again.

        Raises:
            ListingKeyMissing: No key for its lists is set.
            DecisionNeeded: The provider refuses the key (`ListingDenied`) or the account.
            TryAgain: The provider cannot be asked now.
            NewsletterError: It refuses for another reason.
        """
        begin = since - LATE if since else datetime.now(UTC) - self.reach
        return self.list_since(settings, begin)

    def remove_suppression(self, settings: Settings, email: str) -> str:
        """Take an address off the provider's own list: its owner asked for the letter again.

        Returns:
            Why that list still blocks it; empty if nothing is known to.
        """
        try:
            return self.delete_suppression(settings, email)
        except NewsletterError as error:
            return error.problem


def decode(body: bytes) -> object:
    """Return the JSON in a body, or None if there is none."""
    try:
        try:
            return json.loads(body)
        except ValueError:
            # Python reads no number of more than 4,300 digits; the rest may still be readable.
            return json.loads(body, parse_int=_parse_int)
    except (ValueError, RecursionError):
        return None


def _parse_int(digits: str) -> int:
    return int(digits) if len(digits) <= _MOST_DIGITS else 0
