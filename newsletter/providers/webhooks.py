"""Helpers to verify and parse webhooks, for the `events.py` of every provider."""

from __future__ import annotations

import hashlib
import hmac
import re
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from itertools import islice
from typing import TYPE_CHECKING, Any, Final

from newsletter.errors import NewsletterError
from newsletter.model import EventKind
from newsletter.providers import responses
from newsletter.providers.base_events import InvalidSignature, WebhookRequest, decode

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from newsletter.config import Settings

MOST_SIGNATURES: Final = 5
"""How many signatures are checked: a provider sends two while its secret is changed."""

TOLERANCE: Final = 300
"""Seconds by which a signed time may be off."""

RETRY_WINDOW: Final = 8 * 3600
"""Seconds for which a webhook may be repeated with its first signature.

Mailgun does so (https://documentation.mailgun.com/docs/mailgun/user-manual/webhooks/webhook-retries)
and Amazon SNS, which signs the time of publishing. What was stored once is not stored again: see
`store.webhooks`.
"""

NO_SIGNATURE: Final = "no good signature"
"""What the log says of a webhook whose signature is missing or wrong."""

_NAME: Final = re.compile(r"[!-~]{1,200}")
_REF: Final = re.compile(r"[0-9a-f]{32}")
_SECONDS: Final = re.compile(r"\d{1,12}")
_YEARS: Final = range(2000, 2200)
_LAST_SECOND: Final = 7_258_118_400
"""Of these years: a larger number counts thousandths of a second, or smaller parts."""
_NUMBER: Final = re.compile(r"\d{1,20}(?:\.\d{0,20})?")
_LONGEST_MOMENT: Final = 64
_REPORTS: Final = {
    # "This is not spam" (https://www.rfc-editor.org/rfc/rfc6430), and a report to the sender that
    # a letter failed DKIM, SPF or DMARC (https://www.rfc-editor.org/rfc/rfc6591).
    "not-spam": EventKind.NOTE,
    "auth-failure": EventKind.NOTE,
    # An older word for an unsubscribe request (https://www.rfc-editor.org/rfc/rfc5965).
    "opt-out": EventKind.UNSUBSCRIBE,
    "opt-out-list": EventKind.UNSUBSCRIBE,
}


def secrets(settings: Settings, name: str) -> tuple[str, ...]:
    """Return all secrets of a variable; it has several while one replaces another.

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
    """Return whether one of these keys made one of these signatures: HMAC-SHA256, RFC 2104.

    Only the first few signatures are checked: a stranger may have sent them.
    """
    size = hashlib.sha256().digest_size
    few = [one for one in islice(signatures, MOST_SIGNATURES) if len(one) == size]
    made = [hmac.digest(key, text, hashlib.sha256) for key in keys] if few else []
    return any(hmac.compare_digest(one, other) for one in made for other in few)


def name(found: object, request: WebhookRequest) -> str:
    """Return the name of a webhook; where it has none, the SHA-256 (hex) of its body."""
    known = isinstance(found, str) and _NAME.fullmatch(found)
    return str(found) if known else hashlib.sha256(request.body).hexdigest()


def check_time(request: WebhookRequest, moment: str | float, *, within: int = TOLERANCE) -> None:
    """Refuse a webhook that was signed too long ago, or in the future.

    Args:
        request: The webhook.
        moment: When it was signed, in seconds since 1970.
        within: How many seconds ago that may be.

    Raises:
        InvalidSignature: It is not within that.
    """
    if isinstance(moment, str) and not _SECONDS.fullmatch(moment):
        raise InvalidSignature("no moment of signing")
    if not -within <= float(moment) - request.at <= TOLERANCE:
        raise InvalidSignature("the signature has expired")


def decoded(body: bytes) -> dict[str, Any]:
    """Return the JSON object in a body; empty if it holds anything else."""
    said = decode(body)
    return said if isinstance(said, dict) else {}


def text(said: object, *path: str) -> str:
    """Return the text at the end of a path of names, or an empty one if there is none.

    JSON may hold half a character (a lone surrogate), which UTF-8 and a database cannot.
    """
    found = at(said, *path)
    return found.encode(errors="replace").decode() if isinstance(found, str) else ""


def at(said: object, *path: str) -> object:
    """Return what is at the end of a path of names, or None."""
    for name in path:
        said = said.get(name) if isinstance(said, dict) else None
    return said


def reference(found: object) -> str:
    """Return a delivery's reference, or nothing if it cannot be one of ours."""
    return found if isinstance(found, str) and _REF.fullmatch(found) else ""


def moment(found: object) -> datetime | None:
    """Return a time that a provider wrote, or None.

    Args:
        found: ISO 8601, the date of an email (RFC 5322, 3.3), or seconds since 1970, or thousandths
            and smaller parts of these; also as text.
    """
    try:
        parsed = _moment(found)
        if parsed is None or parsed.year not in _YEARS:
            return None
        return parsed.replace(tzinfo=UTC) if parsed.tzinfo is None else parsed.astimezone(UTC)
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
        kinds: The meaning of its words for letters.
        word: Its word.
        at: The time, as it writes it.
        received: Replaces a time that cannot be read.

    Returns:
        Nothing, as an empty tuple, if the word is not of letters; None if it cannot be parsed.
    """
    if not word:
        return None
    if word not in kinds:
        return ()
    when = moment(at) or received
    return (kinds[word], when) if when else None


def report(feedback_type: str) -> EventKind:
    """Return what a mailbox provider's report about a letter is: a complaint, unless it says else.

    Args:
        feedback_type: As in the report (RFC 5965, 3.1); empty if it was not passed on.
    """
    return _REPORTS.get(feedback_type.strip().lower().replace("_", "-"), EventKind.COMPLAINT)


def first_text(found: object) -> str:
    """Return a text, or the first one in a list of them; empty if there is none."""
    items = found if isinstance(found, list) else [found]
    return next((text({"": item}, "") for item in items if isinstance(item, str) and item), "")


def words(*found: object, email: str = "") -> str:
    """Return what a provider says of an event on one line, without addresses and long ids.

    Args:
        found: Its words.
        email: Whose letter it was: no part of this address is repeated.
    """
    said = " ".join(part for part in found if isinstance(part, str))
    hide = (email, email.partition("@")[0]) if "@" in email else (email,)
    return responses.quote(said, hide) if said else ""
