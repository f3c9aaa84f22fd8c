"""Letter + subscriber → message: placeholders filled, headers written. Nothing is rendered here."""

from __future__ import annotations

import functools
import html
from dataclasses import dataclass, replace
from email.utils import format_datetime, parseaddr
from typing import TYPE_CHECKING, Final

from newsletter import placeholders
from newsletter.model import Message, Recipient
from newsletter.placeholders import Pieces

if TYPE_CHECKING:
    from datetime import datetime

    from newsletter.model import Batch, Letter


@dataclass(frozen=True, slots=True)
class LetterTemplate:
    """A letter as all its messages have it, cut where the values of a subscriber go.

    Attributes:
        headers: Each with its name, in the order in which they are written.
        html: Takes values as `html_value` writes them; empty in plain text.
        text: Takes values as they are.
    """

    headers: tuple[tuple[str, Pieces[str]], ...]
    html: Pieces[str]
    text: Pieces[str]


def recipient(
    letter: Letter, ref: str, email: str, first_name: str | None, token: str
) -> Recipient:
    """Return a subscriber's part in a batch.

    Args:
        letter: Has the greeting and the base of the unsubscribe links.
        ref: The delivery's reference.
        email: The address as the subscriber gave it.
        first_name: None greets without a name.
        token: The subscriber's unsubscribe token.
    """
    greeting = (
        letter.greeting.replace("{first_name}", first_name)
        if first_name
        else letter.greeting_without_name
    )
    address = email if email.isascii() else _ascii_domain(email)
    return Recipient(ref, address, greeting, letter.unsubscribe_url + token)


@functools.lru_cache(maxsize=2)
def letter_template(letter: Letter) -> LetterTemplate:
    """Return a letter's template, made once; `values` returns what is filled into it."""
    headers: tuple[tuple[str, tuple[str, ...]], ...] = (
        ("From", (letter.sender,)),
        ("Reply-To", (letter.reply_to,)),
        ("To", ("", "email", "")),
        ("Subject", (letter.subject,)),
        ("Date", ("", "date", "")),
        ("Message-ID", ("<", "ref", f"@{_domain(letter.sender)}>")),
        # A notice is no list mail: there is nothing to unsubscribe from.
        *(_list_headers(letter) if letter.unsubscribe_url else (_AUTOMATIC,)),
    )
    return LetterTemplate(
        headers=tuple((name, Pieces(pieces)) for name, pieces in headers if any(pieces)),
        html=placeholders.split(letter.html) if letter.html else Pieces(()),
        text=placeholders.split(letter.text),
    )


# RFC 3834, section 5: a program wrote it because of a person's action, so no program answers it.
_AUTOMATIC: Final = ("Auto-Submitted", ("auto-generated",))


def _list_headers(letter: Letter) -> tuple[tuple[str, tuple[str, ...]], ...]:
    return (
        ("List-Id", (letter.list_id,)),
        # RFC 8058, section 3.1: one https address, and this exact pair beside it.
        ("List-Unsubscribe", ("<", "unsubscribe_url", ">")),
        ("List-Unsubscribe-Post", ("List-Unsubscribe=One-Click",)),
        # Names the letter, the same for everyone: a proof has it too.
        ("Newsletter-Letter-Hash", (letter.hash,)),
    )


def with_link(notice: Letter, link: str) -> Letter:
    """Return a notice with its recipient's link; a notice has no other placeholders."""
    return replace(
        notice,
        html=placeholders.split(notice.html).fill({"link": html_value(link)}),
        text=placeholders.split(notice.text).fill({"link": link}),
    )


def values(date: datetime, recipient: Recipient) -> dict[str, str]:
    """Return what goes into one message, by the names that a letter's template has."""
    return {
        "ref": recipient.ref,
        "email": recipient.email,
        "greeting": recipient.greeting,
        "unsubscribe_url": recipient.unsubscribe_url,
        "date": format_datetime(date),
    }


def html_value(value: str) -> str:
    """Return a value as it is written in a letter's HTML, which is pure ASCII."""
    return html.escape(value).encode("ascii", "xmlcharrefreplace").decode()


def message(batch: Batch, recipient: Recipient) -> Message:
    """Return the message to one recipient; the same arguments give the same bytes."""
    template = letter_template(batch.letter)
    own = values(batch.date, recipient)
    return Message(
        ref=recipient.ref,
        email=recipient.email,
        headers=tuple((name, pieces.fill(own)) for name, pieces in template.headers),
        html=template.html.fill({name: html_value(value) for name, value in own.items()}),
        text=template.text.fill(own),
    )


def _domain(mailbox: str) -> str:
    return parseaddr(mailbox)[1].rpartition("@")[2]


def _ascii_domain(email: str) -> str:
    """Return an address as it travels: a domain with accents in its ASCII form (RFC 5891)."""
    from email_validator import validate_email  # noqa: PLC0415 - slow, and seldom needed

    checked = validate_email(email, check_deliverability=False)
    return checked.ascii_email or f"{checked.local_part}@{checked.ascii_domain}"
