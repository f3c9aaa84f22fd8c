"""Amazon SES's events, which Amazon SNS delivers, and its list of suppressed addresses.

Events: https://docs.aws.amazon.com/ses/latest/dg/event-publishing-retrieving-sns-contents.html
and, of bounces, https://docs.aws.amazon.com/ses/latest/dg/notification-contents.html#bounce-types.
"""

from __future__ import annotations

from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote, urlencode

from newsletter.model import Event, EventKind, ProviderSuppression
from newsletter.providers import responses, webhooks
from newsletter.providers.base_events import Page, ProviderEvents, WebhookVerifier
from newsletter.providers.bounces import HINTS, FailedDelivery, classify
from newsletter.providers.http import HttpClient, HttpResponse
from newsletter.providers.pagination import Listing
from newsletter.providers.ses import sns
from newsletter.providers.ses.client import open_account
from newsletter.providers.webhooks import text

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from newsletter.config import Settings
    from newsletter.model import Cause
    from newsletter.providers.ses.client import Account

_WHO: Final = "Amazon SES"
_PATH: Final = "/v2/email/suppression/addresses"
_PER_PAGE: Final = 100
_ENTRIES: Final = "SuppressedDestinationSummaries"
_LISTS: Final = {"BOUNCE": EventKind.HARD_BOUNCE, "COMPLAINT": EventKind.COMPLAINT}
_OK: Final = 200
_PATIENCE: Final = 10.0
_LONGEST: Final = 1 << 19
"""Bytes: SNS carries 256 KB, in which JSON may escape every second character."""

_KINDS: Final = {
    "Send": EventKind.ACCEPTED,
    "DeliveryDelay": EventKind.DEFERRED,
    "Delivery": EventKind.DELIVERED,
    "Reject": EventKind.FAILED,
    "Rendering Failure": EventKind.FAILED,
    "Bounce": EventKind.SOFT_BOUNCE,
    "Subscription": EventKind.UNSUBSCRIBE,
    "Complaint": EventKind.COMPLAINT,
}
_OBJECTS: Final = {"Rendering Failure": "failure", "DeliveryDelay": "deliveryDelay"}
_TYPES: Final = {"Permanent": True, "Transient": False}
_LISTED: Final = "OnAccountSuppressionList"
# Why delivery was not tried.
_UNTRIED: Final = {
    ("Bounce", _LISTED): EventKind.HARD_BOUNCE,
    ("Bounce", "Suppressed"): EventKind.HARD_BOUNCE,
    ("Bounce", "UnsubscribedRecipient"): EventKind.UNSUBSCRIBE,
    ("Complaint", _LISTED): EventKind.COMPLAINT,
}


class SesEvents(ProviderEvents):
    """Messages of our topics, and the account's list of suppressed addresses."""

    name = "ses"
    secret = "SES_TOPIC_ARN"  # noqa: S105 - the name of a variable
    reach = timedelta(days=365)

    def open_verifier(self, settings: Settings) -> WebhookVerifier:
        """Return the verifier of our topics' messages, whose certificates it fetches."""
        http = HttpClient(deadline=_PATIENCE)

        def fetch(url: str) -> bytes:
            response = http.get(url)
            ok = isinstance(response, HttpResponse) and response.status == _OK
            return response.body if isinstance(response, HttpResponse) and ok else b""

        topics = sns.Topics(webhooks.secrets(settings, self.secret), fetch, where=self.secret)
        return WebhookVerifier(self, topics.check, _LONGEST, http.close)

    def read(self, said: dict[str, Any], received: datetime | None) -> tuple[Event, ...] | None:
        """Return what a message reports of letters; nothing if it is of SNS itself."""
        return _read(said, received)

    def list_since(self, settings: Settings, begin: datetime) -> Iterator[Page]:
        """Yield the addresses that were added to the account's list since a moment.

        https://docs.aws.amazon.com/ses/latest/APIReference-V2/API_ListSuppressedDestinations.html
        """
        began = datetime.now(UTC)
        query = {"StartDate": f"{begin:%Y-%m-%dT%H:%M:%SZ}", "PageSize": str(_PER_PAGE)}

        def path(**more: str) -> str:
            return f"{_PATH}?{urlencode({**query, **more}, quote_via=quote)}"

        def following(_entries: object, said: Mapping[str, Any]) -> str:
            token = text(said, "NextToken")
            return path(NextToken=token) if token else ""

        with closing(open_account(settings)) as account:
            for entries, more in _listing(account).pages(path(), _ENTRIES, following):
                found = tuple(one for entry in entries if (one := _suppressed(entry)))
                yield Page(suppressed=found, until=None if more else began)

    def delete_suppression(self, settings: Settings, email: str) -> str:
        """Take an address off the account's list, if it is there."""
        with closing(open_account(settings)) as account:
            _listing(account).remove(f"{_PATH}/{quote(email, safe='')}", email)
        return ""


EVENTS: Final = SesEvents()


def _listing(account: Account) -> Listing:
    return Listing(_WHO, account.get, account.delete, account.secrets)


def _read(said: dict[str, Any], received: datetime | None) -> tuple[Event, ...] | None:
    if text(said, "Type") != "Notification":
        return ()
    message = text(said, "Message")
    event = webhooks.decoded(message.encode())
    if not event:
        # SNS sends a sentence when a topic is chosen; anything else should be an event.
        return None if message.lstrip().startswith(("{", "[")) else ()
    name = text(event, "eventType") or text(event, "notificationType")
    if not name:
        return None
    if name not in _KINDS:
        return ()
    mail, own = event.get("mail"), event.get(_OBJECTS.get(name, name.lower()))
    at = webhooks.moment(webhooks.at(own, "timestamp")) or webhooks.moment(
        webhooks.at(mail, "timestamp")
    )
    at = at or received
    if at is None:
        return None
    kind, because, cause = _kind(name, own)
    email = webhooks.first_text(_only(webhooks.at(mail, "destination")))
    return (
        Event(
            kind=kind,
            at=at,
            ref=webhooks.reference(_only(webhooks.at(mail, "tags", "delivery"))),
            provider_id=responses.name(webhooks.at(mail, "messageId")),
            email=email,
            detail=webhooks.words(
                *_noted(kind, own),
                _bounced(own, "diagnosticCode"),
                webhooks.at(own, "errorMessage"),
                webhooks.at(own, "reason"),
                email=email,
            ),
            because=because,
            cause=cause,
        ),
    )


def _kind(name: str, own: object) -> tuple[EventKind, EventKind | None, Cause | None]:
    """Return what happened, why delivery was not tried, and what caused the failure."""
    sub_type = text(own, "bounceSubType") or text(own, "complaintSubType")
    if because := _UNTRIED.get((name, sub_type)):
        return EventKind.SUPPRESSED, because, None
    kind, cause = _KINDS[name], None
    if kind is EventKind.COMPLAINT:
        kind = webhooks.report(text(own, "complaintFeedbackType"))
    elif kind is EventKind.SOFT_BOUNCE:
        failure = FailedDelivery(
            permanent=_TYPES.get(text(own, "bounceType")),
            text=_bounced(own, "diagnosticCode"),
            code=_bounced(own, "status"),
            hint=HINTS.get(sub_type),
        )
        kind, cause = classify(failure)
    return kind, None, cause


def _noted(kind: EventKind, own: object) -> tuple[str, ...]:
    """Return the type of a report that is no complaint."""
    word = text(own, "complaintFeedbackType")
    return (f"a report of the type {word}",) if word and kind is not EventKind.COMPLAINT else ()


def _bounced(own: object, name: str) -> str:
    return text(_only(webhooks.at(own, "bouncedRecipients")), name)


def _only(found: object) -> object:
    """Return the only item of a list: each letter has one recipient."""
    return found[0] if isinstance(found, list) and len(found) == 1 else None


def _suppressed(entry: Mapping[str, Any]) -> ProviderSuppression | None:
    because = _LISTS.get(text(entry, "Reason"))
    at = webhooks.moment(entry.get("LastUpdateTime"))
    return ProviderSuppression(text(entry, "EmailAddress"), because, at) if because and at else None
