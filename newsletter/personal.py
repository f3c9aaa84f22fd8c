"""Letter + reader → message: slots filled, headers written. Nothing is rendered here."""

from __future__ import annotations

import functools
import html
from email.utils import format_datetime, parseaddr
from typing import TYPE_CHECKING

from newsletter import slots
from newsletter.model import Message, Recipient

if TYPE_CHECKING:
    from newsletter.model import Batch, Letter


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
    return Recipient(ref, _wire_address(email), greeting, letter.leave_url + token)


def message(batch: Batch, reader: Recipient) -> Message:
    """Return the message of one reader of a batch; the same arguments give the same bytes."""
    values = {"greeting": reader.greeting, "leave_url": reader.leave_url}
    escaped = {
        name: html.escape(value).encode("ascii", "xmlcharrefreplace").decode()
        for name, value in values.items()
    }
    html_form, text_form = _forms(batch.letter)
    return Message(
        ref=reader.ref,
        email=reader.email,
        headers=_headers(batch, reader),
        html=_fill(html_form, escaped),
        text=_fill(text_form, values),
    )


def _headers(batch: Batch, reader: Recipient) -> tuple[tuple[str, str], ...]:
    letter = batch.letter
    headers = (
        ("From", letter.sender),
        ("Reply-To", letter.reply_to),
        ("To", reader.email),
        ("Subject", letter.subject),
        ("Date", format_datetime(batch.date)),
        ("Message-ID", f"<{reader.ref}@{_domain(letter.sender)}>"),
        ("List-Id", letter.list_id),
        # RFC 8058, section 3.1: one https address, and this exact pair beside it.
        ("List-Unsubscribe", f"<{reader.leave_url}>"),
        ("List-Unsubscribe-Post", "List-Unsubscribe=One-Click"),
    )
    return tuple((name, value) for name, value in headers if value)


@functools.lru_cache(maxsize=2)
def _forms(letter: Letter) -> tuple[tuple[str, ...], tuple[str, ...]]:
    return slots.split(letter.html), slots.split(letter.text)


@functools.lru_cache(maxsize=2)
def _domain(mailbox: str) -> str:
    return parseaddr(mailbox)[1].rpartition("@")[2]


def _fill(form: tuple[str, ...], values: dict[str, str]) -> str:
    pieces = list(form)
    pieces[1::2] = [values[name] for name in form[1::2]]
    return "".join(pieces)


def _wire_address(email: str) -> str:
    """Return the address as it travels: a domain with accents in its ASCII form (RFC 5891)."""
    if email.isascii():
        return email
    from email_validator import validate_email  # noqa: PLC0415 - slow, and seldom needed

    checked = validate_email(email, check_deliverability=False)
    return checked.ascii_email or f"{checked.local_part}@{checked.ascii_domain}"
