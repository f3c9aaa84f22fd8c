"""What providers tell afterwards, by webhook and by list: what all of them share.

A provider's own part is `NAME_events.py` beside its `NAME.py`: which webhooks are genuine, and what
its words mean. Nothing above this layer knows any of that.
"""

from __future__ import annotations

import hashlib
import hmac
import importlib
import json
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from newsletter.errors import NewsletterError
from newsletter.providers import replies
from newsletter.providers.lists import LATE

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Mapping

    from newsletter.config import Settings
    from newsletter.model import Event, EventKind
    from newsletter.providers.lists import Page

NAMES: Final = ("resend", "lettermint", "mailgun", "ses")
"""The providers that tell of events."""

TOLERANCE: Final = 300
"""Seconds that a signed moment may be off."""

A_WORKING_DAY: Final = 8 * 3600
"""Seconds for which a webhook may be repeated with the signature that it had at first.

So do Mailgun (https://documentation.mailgun.com/docs/mailgun/user-manual/webhooks/webhook-retries)
and Amazon SNS, whose moment is that of publishing. What was taken once is not taken again: see
`store.webhooks`.
"""

_NAME: Final = re.compile(r"[!-~]{1,200}")
_REF: Final = re.compile(r"[0-9a-f]{32}")
_SECONDS: Final = re.compile(r"\d{1,12}")
_YEARS: Final = range(2000, 2200)


@dataclass(frozen=True, slots=True)
class Hook:
    """A webhook as it came in; nothing of it is believed yet.

    Attributes:
        headers: By name in small letters.
        body: The raw bytes, for they are what is signed.
        at: When it came, in seconds since 1970.
    """

    headers: Mapping[str, str]
    body: bytes
    at: float


class Untrusted(Exception):  # noqa: N818 - what it says of a webhook
    """Nobody vouches for a webhook.

    Args:
        why: A few words for the log, with nothing of the webhook.
        status: What to answer.
    """

    def __init__(self, why: str, status: int = 401) -> None:
        self.status = status
        super().__init__(why)


@dataclass(frozen=True, slots=True)
class Gate:
    """What tells a provider's webhooks from others.

    Attributes:
        admit: Returns the name by which a genuine one is known; raises `Untrusted` for any other.
        asks: It may have to ask elsewhere first, which takes a while.
    """

    admit: Callable[[Hook], str]
    asks: bool = False


def open_gate(settings: Settings, provider: str) -> Gate | None:
    """Return what tells a provider's webhooks from others, or None where no secret is configured.

    Raises:
        NewsletterError: Its secret cannot be one.
    """
    if provider not in NAMES or module(provider).SECRET not in settings.credentials:
        return None
    gate: Gate = module(provider).open_gate(settings)
    return gate


def read(provider: str, body: bytes) -> tuple[Event, ...] | None:
    """Return what a genuine webhook tells, of letters; None if it cannot be understood."""
    said = decoded(body)
    found: tuple[Event, ...] | None = module(provider).read(said) if said else None
    return found


def pull(settings: Settings, since: datetime | None) -> Iterator[Page]:
    """Yield what the provider of the settings lists, page by page.

    Args:
        settings: The newsletter's.
        since: Up to when all was told before; None if nothing was. What may have been listed late
            is told again.

    Raises:
        CannotAsk: There is no key for that.
        TryAgain: It cannot be asked just now.
        NewsletterError: It refuses for another reason.
    """
    own = module(settings.provider)
    begin = since - LATE if since else datetime.now(UTC) - own.REACH
    found: Iterator[Page] = own.pull(settings, begin)
    return found


def lift_suppression(settings: Settings, email: str) -> str:
    """Take an address off the provider's own list, for its owner asked for the letter anew.

    Returns:
        Why that list stands in his way all the same; empty if nothing is known to.
    """
    if settings.provider not in NAMES:
        return ""
    try:
        reason: str = module(settings.provider).lift(settings, email)
    except NewsletterError as error:
        return f"{error.where} {error.problem}".strip()
    return reason


def module(provider: str) -> Any:  # noqa: ANN401 - a module of this package
    """Return a provider's own part."""
    return importlib.import_module(f"newsletter.providers.{provider}_events")


def secrets(settings: Settings, name: str) -> tuple[str, ...]:
    """Return all secrets of a variable, which has several while one takes another's place.

    Raises:
        NewsletterError: One of them is empty, so that anybody could sign with it.
    """
    found = tuple(settings.credentials[name].split(","))
    if not all(found):
        raise NewsletterError(
            "holds an empty value", where=name, hint="Separate several with one comma"
        )
    return found


def signed_by(keys: Iterable[bytes], text: bytes, signatures: Collection[bytes]) -> bool:
    """Tell whether one of these keys made one of these signatures: HMAC-SHA256, RFC 2104."""
    return any(
        hmac.compare_digest(hmac.digest(key, text, hashlib.sha256), signature)
        for key in keys
        for signature in signatures
    )


def name(found: object, hook: Hook) -> str:
    """Return what a webhook is called, or where that is no name, the SHA-256 (hex) of its body."""
    known = isinstance(found, str) and _NAME.fullmatch(found)
    return str(found) if known else hashlib.sha256(hook.body).hexdigest()


def refuse_stale(hook: Hook, moment: str | float, *, within: int = TOLERANCE) -> None:
    """Refuse a webhook that was signed too long ago, or in the future.

    Args:
        hook: The webhook.
        moment: When it was signed, in seconds since 1970.
        within: How many seconds ago that may be.

    Raises:
        Untrusted: It is not within that.
    """
    if isinstance(moment, str) and not _SECONDS.fullmatch(moment):
        raise Untrusted("no moment of signing")
    if not -within <= float(moment) - hook.at <= TOLERANCE:
        raise Untrusted("the signature has expired")


def decoded(body: bytes) -> dict[str, Any]:
    """Return the JSON object in a body; empty if it holds anything else."""
    try:
        said = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return said if isinstance(said, dict) else {}


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
    """Return a moment that a provider wrote, as ISO 8601 or in seconds since 1970, or None."""
    try:
        if isinstance(found, str):
            told = datetime.fromisoformat(found)
        elif isinstance(found, int | float):
            told = datetime.fromtimestamp(found, UTC)
        else:
            return None
    except (ValueError, OverflowError, OSError):
        return None
    if told.year not in _YEARS:
        return None
    return told.replace(tzinfo=UTC) if told.tzinfo is None else told.astimezone(UTC)


def told(
    kinds: Mapping[str, EventKind], word: str, at: object
) -> tuple[EventKind, datetime] | tuple[()] | None:
    """Return what a provider's word means, and when it happened.

    Args:
        kinds: What its words for letters mean.
        word: Its word.
        at: The moment, as it writes it.

    Returns:
        Nothing, as an empty tuple, if the word is of other things than letters; None if it cannot
        be understood.
    """
    if not word:
        return None
    if word not in kinds:
        return ()
    when = moment(at)
    return (kinds[word], when) if when else None


def words(*found: object) -> str:
    """Return what a provider says of an event as one line, with no address or long id in it."""
    said = " ".join(part for part in found if isinstance(part, str))
    return replies.quote(said) if said else ""
