"""Letter + reader → message: slots filled, headers written. Nothing is rendered here."""

from __future__ import annotations

import functools
import html
from dataclasses import dataclass, replace
from email.utils import format_datetime, parseaddr
from typing import TYPE_CHECKING, Final, TypeAlias

from newsletter import placeholders
from newsletter.model import Message, Recipient

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from newsletter.model import Batch, Letter

Pieces: TypeAlias = tuple[str, ...]
"""A text cut at what differs from reader to reader: literal, name of a value, literal, …"""


@dataclass(frozen=True, slots=True)
class LetterTemplate:
    """A letter as all its messages have it, cut where a reader's own values go.

    Attributes:
        headers: Each with its name, in the order in which they are written.
        html: Takes values as `html_value` writes them; nothing at all in plain text.
        text: Takes values as they are.
    """

    headers: tuple[tuple[str, Pieces], ...]
    html: Pieces
    text: Pieces


def recipient(
    letter: Letter, ref: str, email: str, first_name: str | None, token: str
) -> Recipient:
    """Return a reader's part in a batch.

    Args:
        letter: Holds how readers are greeted and where they leave.
        ref: The delivery's reference.
        email: The address as the reader gave it.
        first_name: None greets without a name.
        token: The reader's leave token.
    """
    greeting = (
        letter.greeting.replace("{first_name}", first_name)
        if first_name
        else letter.greeting_without_name
    )
    address = email if email.isascii() else _wire_address(email)
    return Recipient(ref, address, greeting, letter.leave_url + token)


@functools.lru_cache(maxsize=2)
def letter_template(letter: Letter) -> LetterTemplate:
    """Return a letter's form, made once: what is filled into it is in `values`."""
    headers: tuple[tuple[str, Pieces], ...] = (
        ("From", (letter.sender,)),
        ("Reply-To", (letter.reply_to,)),
        ("To", ("", "email", "")),
        ("Subject", (letter.subject,)),
        ("Date", ("", "date", "")),
        ("Message-ID", ("<", "ref", f"@{_domain(letter.sender)}>")),
        # A notice is no list mail, and there is nothing to leave.
        *(_of_a_list(letter) if letter.leave_url else (_AUTOMATIC,)),
    )
    return LetterTemplate(
        headers=tuple((name, pieces) for name, pieces in headers if any(pieces)),
        html=placeholders.split(letter.html) if letter.html else (),
        text=placeholders.split(letter.text),
    )


# RFC 3834, section 5: somebody's doing made a program write it, so let no program answer it.
_AUTOMATIC: Final = ("Auto-Submitted", ("auto-generated",))


def _of_a_list(letter: Letter) -> tuple[tuple[str, Pieces], ...]:
    return (
        ("List-Id", (letter.list_id,)),
        # RFC 8058, section 3.1: one https address, and this exact pair beside it.
        ("List-Unsubscribe", ("<", "leave_url", ">")),
        ("List-Unsubscribe-Post", ("List-Unsubscribe=One-Click",)),
    )


def with_link(notice: Letter, link: str) -> Letter:
    """Return a notice with its one reader's link in it; a notice has no other slots."""
    return replace(
        notice,
        html=_fill(placeholders.split(notice.html), {"link": html_value(link)}),
        text=_fill(placeholders.split(notice.text), {"link": link}),
    )


def values(date: datetime, reader: Recipient) -> dict[str, str]:
    """Return what goes into one reader's message, by the names that a form knows."""
    return {
        "ref": reader.ref,
        "email": reader.email,
        "greeting": reader.greeting,
        "leave_url": reader.leave_url,
        "date": format_datetime(date),
    }


def html_value(value: str) -> str:
    """Return a value as it stands in a letter's HTML, which is pure ASCII."""
    return html.escape(value).encode("ascii", "xmlcharrefreplace").decode()


def message(batch: Batch, reader: Recipient) -> Message:
    """Return the message of one reader of a batch; the same arguments give the same bytes."""
    cut = letter_template(batch.letter)
    own = values(batch.date, reader)
    return Message(
        ref=reader.ref,
        email=reader.email,
        headers=tuple((name, _fill(pieces, own)) for name, pieces in cut.headers),
        html=_fill(cut.html, {name: html_value(value) for name, value in own.items()}),
        text=_fill(cut.text, own),
    )


def _domain(mailbox: str) -> str:
    return parseaddr(mailbox)[1].rpartition("@")[2]


def _fill(pieces: Pieces, own: Mapping[str, str]) -> str:
    filled = list(pieces)
    filled[1::2] = [own[name] for name in pieces[1::2]]
    return "".join(filled)


def _wire_address(email: str) -> str:
    """Return the address as it travels: a domain with accents in its ASCII form (RFC 5891)."""
    from email_validator import validate_email  # noqa: PLC0415 - slow, and seldom needed

    checked = validate_email(email, check_deliverability=False)
    return checked.ascii_email or f"{checked.local_part}@{checked.ascii_domain}"
