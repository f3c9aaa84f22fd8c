"""What each setting must be: one rule, one line of advice."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from email.headerregistry import HeaderRegistry
from email.utils import parseaddr
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

if TYPE_CHECKING:
    from collections.abc import Callable

_HEADERS: Final = HeaderRegistry()
_A_YEAR: Final = 24 * 366
_A_HEADER: Final = 300  # far below the 998 characters that a header line may have (RFC 5322)
PROVIDERS: Final = ("outbox", "resend", "lettermint", "mailgun", "ses")
PLANNED_PROVIDERS: Final = ("postmark", "brevo")


def _one_line(value: str) -> bool:
    return len(value.splitlines()) <= 1 and (not value or value.isprintable())


def _is_zone(name: str) -> bool:
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        return False
    return True


def _is_mailbox(value: str) -> bool:
    """Tell whether a value is one mailbox (RFC 5322, section 3.4), with or without a name."""
    if "=?" in value:
        return False  # decoded by some who read it (RFC 2047), and then something else
    found: Any = _HEADERS("from", value)
    if found.defects or len(found.addresses) != 1:
        return False
    (mailbox,) = found.addresses
    return bool(
        mailbox.username
        and "." in mailbox.domain
        and mailbox.addr_spec.isascii()
        and parseaddr(value)[1] == mailbox.addr_spec
    )


def is_loopback(url: str) -> bool:
    """Tell whether a web address leads to this machine itself."""
    host = urlsplit(url).hostname or ""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        # RFC 6761, section 6.3: whatever ends in .localhost never leaves this machine.
        return host == "localhost" or host.endswith(".localhost")


def _is_web_address(value: str) -> bool:
    try:
        parts = urlsplit(value)
        _ = parts.port
    except ValueError:
        return False
    return (
        parts.scheme in {"https", "http"}
        and bool(parts.hostname)
        and "@" not in parts.netloc  # what stands before it is shown in errors, and sent along
        and not re.search(r"[\s<>\"]", value)
        and not parts.query
        and not parts.fragment
    )


def _is_greeting(value: str) -> bool:
    return not re.search(r"[{}]", value.replace("{first_name}", ""))


def _matches(pattern: str) -> Callable[[str], bool]:
    return lambda value: bool(re.fullmatch(pattern, value))


@dataclass(frozen=True, slots=True)
class Rule:
    """What the values of some keys must be; `problem` may show one as `{value}`."""

    keys: tuple[str, ...]
    holds: Callable[[Any], bool]
    problem: str
    hint: str


RULES: Final = (
    Rule(
        ("name", "language", "sender", "reply_to", "greeting_without_name", "greeting"),
        _one_line,
        "must be one line of characters that can be printed",
        "Type it again on one line",
    ),
    Rule(
        ("contact", "signature"),
        lambda value: all(_one_line(line) for line in value.split("\n")),
        "holds a character that cannot be printed",
        "Type that line again",
    ),
    Rule(
        ("name", "sender", "reply_to", "public_url"),
        lambda value: len(value) <= _A_HEADER,
        f"is longer than {_A_HEADER} characters, which is more than a header can carry",
        "Shorten it",
    ),
    Rule(("name",), lambda value: bool(value.strip()), "is empty", "Name your newsletter"),
    Rule(
        ("language",),
        _matches(r"[A-Za-z]{2,8}(-[A-Za-z0-9]{2,8})*"),
        "is not a language tag: {value}",
        'Write one such as "nl" or "nl-BE"',
    ),
    Rule(
        ("timezone",),
        _is_zone,
        "is not a time zone: {value}",
        'Write one such as "Europe/Amsterdam"',
    ),
    Rule(
        ("send_time",),
        _matches(r"([01]\d|2[0-3]):[0-5]\d"),
        "is not a time: {value}",
        'Write one such as "07:00"',
    ),
    Rule(
        ("max_lateness_hours",),
        lambda value: 0 <= value <= _A_YEAR,
        "must be zero or more, and a year at the most",
        "Write a number of hours such as 6",
    ),
    Rule(
        ("finish_within_hours",),
        lambda value: 0 < value <= _A_YEAR,
        "must be more than zero, and a year at the most",
        "Write a number of hours such as 48",
    ),
    Rule(
        ("keep_proof_years",),
        lambda value: 1 <= value <= 10,  # noqa: PLR2004 - explained by the problem
        "must be one year or more, and ten at the most",
        "Write how long after somebody left you may have to prove his consent, such as 5",
    ),
    Rule(
        ("max_per_second", "max_per_hour"),
        lambda value: 0 <= value < math.inf,
        "must be zero or more",
        "Write a number; 0 is what the provider allows",
    ),
    Rule(
        ("sender", "reply_to"),
        lambda value: not value or _is_mailbox(value),
        "is not an address",
        'Write it as "Gerrit <gerrit@example.org>"',
    ),
    Rule(
        ("site_url", "provider_url"),
        lambda value: not value or _is_web_address(value),
        "is not a web address",
        'Write it in full, such as "https://example.org"',
    ),
    Rule(
        ("public_url",),
        _is_web_address,
        "is not a web address",
        'Write it in full, such as "https://example.org"',
    ),
    Rule(
        ("public_url", "provider_url"),
        str.isascii,
        "holds letters beyond ASCII, with which links and requests do not travel",
        "Write the domain in its ASCII form, which begins with xn--",
    ),
    Rule(
        ("greeting",),
        _is_greeting,
        "may hold {{first_name}} and no other braces",
        'Write it as "Dag {first_name},"',
    ),
    Rule(
        ("accent_color",),
        _matches(r"#[0-9a-fA-F]{6}"),
        "is not a colour: {value}",
        'Write one such as "#2f5d50"',
    ),
    Rule(
        ("provider",),
        lambda value: value not in PLANNED_PROVIDERS,
        "{value} cannot send yet in this version",
        f"Known here: {', '.join(PROVIDERS)}",
    ),
    Rule(
        ("provider",),
        lambda value: value in PROVIDERS,
        "is unknown: {value}",
        f"Known here: {', '.join(PROVIDERS)}",
    ),
)
