"""What providers tell afterwards, by webhook and by list: what all of them share.

A provider's own part is `NAME/events.py` beside its `NAME/send.py`: which webhooks are genuine,
and what its words mean. Nothing above this layer knows any of that.
"""

from __future__ import annotations

import hashlib
import hmac
import importlib
import json
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from itertools import islice
from typing import TYPE_CHECKING, Any, Final

from newsletter.errors import NewsletterError
from newsletter.model import EventKind
from newsletter.providers import responses
from newsletter.providers.pagination import LATE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from newsletter.config import Settings
    from newsletter.model import Event
    from newsletter.providers.pagination import Page

NAMES: Final = ("resend", "lettermint", "mailgun", "ses")
"""The providers that tell of events."""

HANDFUL: Final = 5
"""How many signatures are looked at: a provider sends two while its secret is changed."""

TOLERANCE: Final = 300
"""Seconds that a signed moment may be off."""

RETRY_WINDOW: Final = 8 * 3600
"""Seconds for which a webhook may be repeated with the signature that it had at first.

So do Mailgun (https://documentation.mailgun.com/docs/mailgun/user-manual/webhooks/webhook-retries)
and Amazon SNS, whose moment is that of publishing. What was taken once is not taken again: see
`store.webhooks`.
"""

_NAME: Final = re.compile(r"[!-~]{1,200}")
_REF: Final = re.compile(r"[0-9a-f]{32}")
_SECONDS: Final = re.compile(r"\d{1,12}")
_YEARS: Final = range(2000, 2200)
_LAST_SECOND: Final = 7_258_118_400
"""Of these years: what is more counts thousandths of a second, or smaller parts."""
_NUMBER: Final = re.compile(r"\d{1,20}(?:\.\d{0,20})?")
_LONGEST_MOMENT: Final = 64
_MOST_ENTRIES: Final = 1000
_MOST_DIGITS: Final = 4000


@dataclass(frozen=True, slots=True)
class WebhookRequest:
    """A webhook as it came in; nothing of it is believed yet.

    Attributes:
        headers: By name in small letters.
        body: The raw bytes, for they are what is signed.
        at: When it came, in seconds since 1970.
    """

    headers: Mapping[str, str]
    body: bytes
    at: float


class InvalidSignature(Exception):  # noqa: N818 - what it says of a webhook
    """Nobody vouches for a webhook.

    Args:
        why: A few words for the log, with nothing of the webhook.
        status: What to answer.
    """

    def __init__(self, why: str, status: int = 401) -> None:
        self.status = status
        super().__init__(why)


@dataclass(frozen=True, slots=True)
class WebhookVerifier:
    """What tells a provider's webhooks from others.

    Attributes:
        admit: Returns the name by which a genuine one is known; raises `InvalidSignature` for any
            other.
            Whoever may not speak for the provider gets little work out of it: the moment is looked
            at before anything is computed, and a signature is computed once for each secret.
        most: The longest body that it looks at, in bytes.
    """

    admit: Callable[[WebhookRequest], str]
    most: int = 1 << 18


def open_gate(settings: Settings, provider: str) -> WebhookVerifier | None:
    """Return what tells a provider's webhooks from others, or None where no secret is configured.

    Raises:
        NewsletterError: Its secret cannot be one.
    """
    if provider not in NAMES or module(provider).SECRET not in settings.credentials:
        return None
    gate: WebhookVerifier = module(provider).open_gate(settings)
    return gate


@dataclass(frozen=True, slots=True)
class ParsedWebhook:
    """What a genuine webhook tells.

    Attributes:
        events: Of letters.
        whole: All of it could be understood.
    """

    events: tuple[Event, ...]
    whole: bool


def read_all(provider: str, body: bytes, received: datetime | None = None) -> ParsedWebhook:
    """Return what a genuine webhook tells of letters, and whether all of it could be understood.

    Args:
        provider: Who tells.
        body: Its text: an object, or a list of them.
        received: When it came, which stands in for a moment that cannot be read.
    """
    said = _parsed(body)
    entries = said if isinstance(said, list) else [said]
    own, whole = module(provider), 0 < len(entries) <= _MOST_ENTRIES
    found: list[Event] = []
    for entry in entries[:_MOST_ENTRIES]:
        told = own.read(entry, received) if isinstance(entry, dict) and entry else None
        found += told or ()
        whole = whole and told is not None
    return ParsedWebhook(tuple(found), whole)


def read(provider: str, body: bytes, received: datetime | None = None) -> tuple[Event, ...] | None:
    """Return what a genuine webhook tells of letters; None if nothing of it can be understood."""
    found = read_all(provider, body, received)
    return found.events if found.events or found.whole else None


def vouches_for_content(provider: str) -> bool:
    """Tell whether a provider's signature covers what its webhook says.

    Where it does not, whoever saw a webhook can send its signature again with other words. So its
    name must be taken even if it tells nothing.
    """
    return not getattr(module(provider), "SIGNS_NO_CONTENT", False)


def pull(settings: Settings, since: datetime | None) -> Iterator[Page]:
    """Yield what the provider of the settings lists, page by page.

    Args:
        settings: The newsletter's.
        since: Up to when all was told before; None if nothing was. What may have been listed late
            is told again.

    Raises:
        ListingDenied: There is no key for that.
        TryAgain: It cannot be asked just now.
        NewsletterError: It refuses for another reason.
    """
    own = module(settings.provider)
    begin = since - LATE if since else datetime.now(UTC) - own.REACH
    found: Iterator[Page] = own.pull(settings, begin)
    return found


def remove_suppression(settings: Settings, email: str) -> str:
    """Take an address off the provider's own list, for its owner asked for the letter anew.

    Returns:
        Why that list stands in his way all the same; empty if nothing is known to.
    """
    if settings.provider not in NAMES:
        return ""
    try:
        reason: str = module(settings.provider).lift(settings, email)
    except NewsletterError as error:
        return error.problem
    return reason


def module(provider: str) -> Any:  # noqa: ANN401 - a module of this package
    """Return a provider's own part."""
    return importlib.import_module(f"newsletter.providers.{provider}.events")


def secrets(settings: Settings, name: str) -> tuple[str, ...]:
    """Return all secrets of a variable, which has several while one takes another's place.

    Raises:
        NewsletterError: One of them is empty, so that anybody could sign with it.
    """
    found = tuple(settings.credentials[name].split(","))
    if not all(found):
        raise NewsletterError(
            f"{name} holds an empty value", hint="Separate several with one comma"
        )
    return found


def signed_by(keys: Iterable[bytes], text: bytes, signatures: Iterable[bytes]) -> bool:
    """Tell whether one of these keys made one of these signatures: HMAC-SHA256, RFC 2104.

    Of the signatures, only the first few are looked at: a stranger wrote them.
    """
    few = [one for one in islice(signatures, HANDFUL) if len(one) == hashlib.sha256().digest_size]
    made = [hmac.digest(key, text, hashlib.sha256) for key in keys] if few else []
    return any(hmac.compare_digest(one, other) for one in made for other in few)


def name(found: object, hook: WebhookRequest) -> str:
    """Return what a webhook is called, or where that is no name, the SHA-256 (hex) of its body."""
    known = isinstance(found, str) and _NAME.fullmatch(found)
    return str(found) if known else hashlib.sha256(hook.body).hexdigest()


def check_time(hook: WebhookRequest, moment: str | float, *, within: int = TOLERANCE) -> None:
    """Refuse a webhook that was signed too long ago, or in the future.

    Args:
        hook: The webhook.
        moment: When it was signed, in seconds since 1970.
        within: How many seconds ago that may be.

    Raises:
        InvalidSignature: It is not within that.
    """
    if isinstance(moment, str) and not _SECONDS.fullmatch(moment):
        raise InvalidSignature("no moment of signing")
    if not -within <= float(moment) - hook.at <= TOLERANCE:
        raise InvalidSignature("the signature has expired")


def decoded(body: bytes) -> dict[str, Any]:
    """Return the JSON object in a body; empty if it holds anything else."""
    said = _parsed(body)
    return said if isinstance(said, dict) else {}


def _parsed(body: bytes) -> object:
    """Return the JSON in a body, or None if there is none."""
    try:
        try:
            return json.loads(body)
        except ValueError:
            # Python reads no number of more than 4,300 digits; the rest may make sense.
            return json.loads(body, parse_int=_number)
    except (ValueError, RecursionError):
        return None


def _number(digits: str) -> int:
    return int(digits) if len(digits) <= _MOST_DIGITS else 0


def text(said: object, *path: str) -> str:
    """Return the text at the end of a path of names, or an empty one if there is none.

    JSON may hold half a character (a lone surrogate), which UTF-8 and a database cannot.
    """
    found = at(said, *path)
    return found.encode(errors="replace").decode() if isinstance(found, str) else ""


def at(said: object, *path: str) -> object:
    """Return whatever stands at the end of a path of names, or None."""
    for name in path:
        said = said.get(name) if isinstance(said, dict) else None
    return said


def reference(found: object) -> str:
    """Return a delivery's reference, or nothing if it cannot be one of ours."""
    return found if isinstance(found, str) and _REF.fullmatch(found) else ""


def moment(found: object) -> datetime | None:
    """Return a moment that a provider wrote, or None.

    Args:
        found: ISO 8601, the date of a letter (RFC 5322, 3.3), or seconds since 1970, or thousandths
            and smaller parts of these; also as text.
    """
    try:
        told = _moment(found)
        if told is None or told.year not in _YEARS:
            return None
        return told.replace(tzinfo=UTC) if told.tzinfo is None else told.astimezone(UTC)
    except (ValueError, OverflowError, OSError, TypeError):
        return None


def _moment(found: object) -> datetime | None:
    if isinstance(found, str):
        found = found.strip()[:_LONGEST_MOMENT]
        if not _NUMBER.fullmatch(found):
            try:
                return datetime.fromisoformat(found)
            except ValueError:
                return parsedate_to_datetime(found)
        found = float(found)
    if isinstance(found, bool) or not isinstance(found, int | float):
        return None
    for unit in (1, 1_000, 1_000_000, 1_000_000_000):
        if found / unit < _LAST_SECOND:
            return datetime.fromtimestamp(found / unit, UTC)
    return None


def parse_kind(
    kinds: Mapping[str, EventKind], word: str, at: object, received: datetime | None = None
) -> tuple[EventKind, datetime] | tuple[()] | None:
    """Return what a provider's word means, and when it happened.

    Args:
        kinds: What its words for letters mean.
        word: Its word.
        at: The moment, as it writes it.
        received: What counts if that cannot be read.

    Returns:
        Nothing, as an empty tuple, if the word is of other things than letters; None if it cannot
        be understood.
    """
    if not word:
        return None
    if word not in kinds:
        return ()
    when = moment(at) or received
    return (kinds[word], when) if when else None


_REPORTS: Final = {
    # "This is not spam" (https://www.rfc-editor.org/rfc/rfc6430), and a report to the sender that
    # a letter failed DKIM, SPF or DMARC (https://www.rfc-editor.org/rfc/rfc6591).
    "not-spam": EventKind.NOTE,
    "auth-failure": EventKind.NOTE,
    # An older word for who does not want it any more (https://www.rfc-editor.org/rfc/rfc5965).
    "opt-out": EventKind.UNSUBSCRIBE,
    "opt-out-list": EventKind.UNSUBSCRIBE,
}


def report(feedback_type: str) -> EventKind:
    """Return what a mailbox provider's report about a letter is: a complaint, unless it says else.

    Args:
        feedback_type: As in the report (RFC 5965, 3.1); empty if nobody passed it on.
    """
    return _REPORTS.get(feedback_type.strip().lower().replace("_", "-"), EventKind.COMPLAINT)


def first_text(found: object) -> str:
    """Return a text, or the first one in a list of them; empty if there is none."""
    items = found if isinstance(found, list) else [found]
    return next((text({"": item}, "") for item in items if isinstance(item, str) and item), "")


def words(*found: object, email: str = "") -> str:
    """Return what a provider says of an event as one line, with no address or long id in it.

    Args:
        found: Its words.
        email: Whose letter it was: no part of this address is repeated.
    """
    said = " ".join(part for part in found if isinstance(part, str))
    hide = (email, email.partition("@")[0]) if "@" in email else (email,)
    return responses.quote(said, hide) if said else ""
