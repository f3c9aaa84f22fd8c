"""The columns and words that other tools write in their exports, as plain tables.

Everything is compared in lower case, with spaces, underscores, hyphens and dots equal; write it
here with single spaces. Sources: the exports' own headers and status lists of Mailchimp,
MailerLite (English and Dutch), Brevo, Substack, Ghost, Buttondown and listmonk.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from newsletter.errors import NewsletterError
from newsletter.model import Status
from newsletter.subscriptions.words import (
    NO_IS_NOTHING,
    NO_IS_PENDING,
    NO_IS_SUBSCRIBED,
    WORDS,
    YES_OR_NO,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

FIELDS = ("email", "first_name", "status", "opted_in_at", "ip")
"""What `--map` can name."""

OWN_COLUMNS = ("email", "first_name", "status", "created_at", "confirmed_at", "source")
"""What our own export holds."""

# In the order in which they are believed when a file has several.
_EMAIL = (
    *("email", "email address", "e mail", "e mail address", "e mailadres", "emailadres"),
    *("mailadres", "subscriber email", "contact email", "email id", "mail", "subscriber"),
    "abonnee",
)
_FIRST_NAME = ("first name", "firstname", "fname", "given name", "voornaam", "prénom", "vorname")
_FULL_NAME = ("name", "full name", "naam", "volledige naam", "subscriber name", "display name")
# Beside one of these a "name" is a first name (MailerLite).
_LAST_NAME = frozenset({"last name", "lastname", "lname", "surname", "family name", "achternaam"})
_OPTED_IN_AT = (
    *("opted in at", "optin time", "opt in time", "opt in date", "optin date", "opted in"),
    *("opt in", "confirm time", "confirmed at", "subscribed at", "subscribe date", "subscribed"),
    *("subscription date", "date subscribed", "signup date", "sign up date", "signup timestamp"),
    *("opt in datum", "inschrijfdatum", "aanmelddatum", "ingeschreven op", "aangemeld op"),
    *("ingeschreven", "aangemeld", "added time", "creation date", "created at", "created"),
)
_IP = ("opted in ip", "optin ip", "opt in ip", "confirm ip", "ip address", "ip adres", "ip")

_STATUS = (
    *("status", "subscriber status", "subscription status", "email status", "contact status"),
    *("abonnementsstatus", "lijststatus", "nieuwsbriefstatus", "lidstatus"),
    *("subscriber type", "email marketing", "email marketing status", "email subscription status"),
    *("marketing status", "abonneestatus", "abonnee status", "inschrijfstatus"),
)
# Buttondown's name for it. Elsewhere a type is of a letter or a contact.
_STATUS_OF_BUTTONDOWN = "type"
_MARKS_OF_BUTTONDOWN = frozenset({"creation date", "metadata"})

# Columns that answer yes or no to "may we mail?". MailerLite has a date in its "subscribed".
_SUBSCRIBED = (
    *("subscribed to emails", "subscribed", "is subscribed", "email subscribed", "ingeschreven"),
    *("aangemeld", "accepts marketing", "accepts email marketing", "active", "is active"),
    *("actief", "opt in", "optin", "opted in"),
)
# Columns of which a plain no means that this person never answered the question by mail.
_CONFIRMED = ("confirmed", "is confirmed", "email confirmed", "bevestigd")

# Columns that tell of leaving by holding anything but a plain no: a date, a yes, a reason.
# A plain no in the first table says as much as "subscribed"; in the second it says nothing.
_LEFT_OR_NOT = {
    "email disabled": Status.UNSUBSCRIBED,
    "unsubscribed": Status.UNSUBSCRIBED,
    "is unsubscribed": Status.UNSUBSCRIBED,
    "uitgeschreven": Status.UNSUBSCRIBED,
    "afgemeld": Status.UNSUBSCRIBED,
    "opted out": Status.UNSUBSCRIBED,
    "opt out": Status.UNSUBSCRIBED,
    "blacklisted": Status.UNSUBSCRIBED,
    "blocklisted": Status.UNSUBSCRIBED,
    "email blacklisted": Status.UNSUBSCRIBED,
    "email blocklisted": Status.UNSUBSCRIBED,
    "emailblacklisted": Status.UNSUBSCRIBED,
    "emailblocklisted": Status.UNSUBSCRIBED,
}
_LEFT = {
    "unsub time": Status.UNSUBSCRIBED,
    "unsub reason": Status.UNSUBSCRIBED,
    "unsubscribe time": Status.UNSUBSCRIBED,
    "unsubscribe date": Status.UNSUBSCRIBED,
    "unsubscribed at": Status.UNSUBSCRIBED,
    "date unsubscribed": Status.UNSUBSCRIBED,
    "uitschrijfdatum": Status.UNSUBSCRIBED,
    "afmelddatum": Status.UNSUBSCRIBED,
    "uitgeschreven op": Status.UNSUBSCRIBED,
    "afgemeld op": Status.UNSUBSCRIBED,
    "deleted at": Status.UNSUBSCRIBED,
    "clean time": Status.BOUNCED,
    "cleaned": Status.BOUNCED,
    "bounced": Status.BOUNCED,
    "hard bounced": Status.BOUNCED,
    "bounced at": Status.BOUNCED,
    "complained": Status.COMPLAINED,
    "complained at": Status.COMPLAINED,
    "spam complaint": Status.COMPLAINED,
    "abuse": Status.COMPLAINED,
}


def plain(text: str) -> str:
    """Return a column name or word as it is compared."""
    return re.sub(r"[\s_.\-]+", " ", text.strip().strip("\ufeff").casefold()).strip()


def field(text: str) -> str | None:
    """Return which of `FIELDS` somebody means, if any."""
    name = plain(text).replace(" ", "_")
    return name if name in FIELDS else None


@dataclass(frozen=True, slots=True)
class OwnColumns:
    """The columns that only our own export has, and that an import of it keeps."""

    created_at: int
    confirmed_at: int
    source: int


@dataclass(frozen=True, slots=True)
class StatusColumn:
    """A column that tells who is subscribed or who left.

    Attributes:
        words: What its words stand for; None is nothing.
        otherwise: What any other word stands for, if it stands for something.
    """

    number: int
    words: Mapping[str, Status | None]
    otherwise: Status | None = None


@dataclass(frozen=True, slots=True)
class Columns:
    """Where the things an import needs stand in a row; numbers of cells, from 0.

    Attributes:
        width: Cells in the header.
        own: Set if the file is our own export.
        left_at: Where the moment of leaving may stand.
        others: Columns of which nothing is known, by number.
    """

    width: int
    own: OwnColumns | None
    email: int
    first_name: int | None
    full_name: int | None
    opted_in_at: tuple[int, ...]
    ip: tuple[int, ...]
    status: tuple[StatusColumn, ...]
    left_at: tuple[int, ...]
    others: Mapping[int, str]


def email_column(header: Sequence[str]) -> int | None:
    """Return the number of the address column, if the header has one that is known."""
    return _first([plain(name) for name in header], _EMAIL)


def mapped(header: Sequence[str], names: Mapping[str, str], *, where: str) -> dict[str, int]:
    """Return the numbers of the columns that `--map` names, by field.

    Raises:
        NewsletterError: There is no such column, or there are two.
    """
    found = [plain(name) for name in header]
    numbers = {}
    for field, name in names.items():
        if found.count(plain(name)) != 1:
            how_many = "no column" if plain(name) not in found else "more than one column"
            raise NewsletterError(
                f'has {how_many} "{name}"; the columns are {_listed(header)}',
                where=where,
                hint=f"Name the one for {field} as the file does",
            )
        numbers[field] = found.index(plain(name))
    return numbers


def recognise(header: Sequence[str], mapped: Mapping[str, int], *, where: str) -> Columns:
    """Tell which column is what.

    Args:
        header: The names in the file's first row.
        mapped: Fields (of `FIELDS`) that `--map` points at a column, by number.
        where: The file's name, for errors.

    Raises:
        NewsletterError: There is no address column.
    """
    names = [plain(name) for name in header]
    # A column that `--map` gave a meaning has no other.
    names = ["" if number in mapped.values() else name for number, name in enumerate(names)]
    email = mapped.get("email", _first(names, _EMAIL))
    if email is None:
        raise _no_address_column(header, where)
    status = _status_columns(names)
    if "status" in mapped:
        status = (StatusColumn(mapped["status"], WORDS), *status)
    first_name = mapped.get("first_name", _first(names, _FIRST_NAME))
    full_name = _first(names, _FULL_NAME)
    if first_name is None and _LAST_NAME & set(names):
        first_name = full_name
    opted_in_at = _mapped_or(mapped, "opted_in_at", _all(names, _OPTED_IN_AT))
    ip = _mapped_or(mapped, "ip", _all(names, _IP))
    telling = (column.number for column in status)
    known = {email, first_name, full_name, *opted_in_at, *ip, *telling, *mapped.values()}
    return Columns(
        width=len(names),
        own=_own(header),
        email=email,
        first_name=first_name,
        full_name=full_name,
        opted_in_at=opted_in_at,
        ip=ip,
        status=status,
        left_at=tuple(column.number for column in status if column.otherwise),
        others={number: name for number, name in enumerate(header) if number not in known},
    )


def _status_columns(names: Sequence[str]) -> tuple[StatusColumn, ...]:
    found = [StatusColumn(number, WORDS) for number in _all(names, _STATUS)]
    if _MARKS_OF_BUTTONDOWN & set(names):
        found += [StatusColumn(number, WORDS) for number in _all(names, (_STATUS_OF_BUTTONDOWN,))]
    found += [StatusColumn(number, YES_OR_NO) for number in _all(names, _SUBSCRIBED)]
    found += [StatusColumn(number, NO_IS_PENDING) for number in _all(names, _CONFIRMED)]
    for meanings, words in ((_LEFT_OR_NOT, NO_IS_SUBSCRIBED), (_LEFT, NO_IS_NOTHING)):
        found += [
            StatusColumn(number, words, meanings[names[number]])
            for number in _all(names, tuple(meanings))
        ]
    return tuple(found)


def _own(header: Sequence[str]) -> OwnColumns | None:
    if not set(header) >= set(OWN_COLUMNS):
        return None
    return OwnColumns(*(header.index(name) for name in ("created_at", "confirmed_at", "source")))


def _no_address_column(header: Sequence[str], where: str) -> NewsletterError:
    if any("@" in name for name in header):
        return NewsletterError(
            "the first line holds an address where the names of the columns belong",
            where=where,
            hint="Put a line such as email,first_name above it",
        )
    return NewsletterError(
        f"has no address column; the columns are {_listed(header)}",
        where=where,
        hint="Point at it with --map email=COLUMN",
    )


def no_status(header: Sequence[str], where: str) -> NewsletterError:
    """Return what to say of a file that does not tell who is subscribed."""
    return NewsletterError(
        f"no column tells who is subscribed; the columns are {_listed(header)}",
        where=where,
        hint="Point at it with --map status=COLUMN. Or say it of everybody in this file: "
        "--all-subscribed, or --as-suppressed if they left",
    )


def _listed(header: Sequence[str]) -> str:
    return ", ".join(f'"{" ".join(name.split())[:40]}"' for name in header[:20] if "@" not in name)


def _first(names: Sequence[str], known: Sequence[str]) -> int | None:
    return next((names.index(name) for name in known if name in names), None)


def _all(names: Sequence[str], known: Sequence[str]) -> tuple[int, ...]:
    order = {name: rank for rank, name in enumerate(known)}
    found = [number for number, name in enumerate(names) if name in order]
    return tuple(sorted(found, key=lambda number: order[names[number]]))


def _mapped_or(mapped: Mapping[str, int], field: str, found: tuple[int, ...]) -> tuple[int, ...]:
    return (mapped[field],) if field in mapped else found
