"""Letters and batches for tests of providers, and what their JSON should be, built plainly."""

from __future__ import annotations

import html
from datetime import UTC, datetime
from email.utils import formataddr, parseaddr
from typing import Any

from newsletter import personalize, placeholders
from newsletter.model import Batch, Letter

DATE = datetime(2026, 11, 29, 6, 0, 12, tzinfo=UTC)
TOKEN = "T0k3n" * 17


def entity(text: str) -> str:
    return text.encode("ascii", "xmlcharrefreplace").decode()


def letter(
    *,
    subject: str = "Over rust",
    sender: str = "Gerrit <gerrit@example.org>",
    reply_to: str = "",
    list_id: str = "Jij en Loslaten <jij-en-loslaten.example.org>",
    prose: str = "Een rustige zin.",
) -> Letter:
    greeting, leave = entity(placeholders.GREETING), entity(placeholders.UNSUBSCRIBE_URL)
    return Letter(
        subject=subject,
        sender=sender,
        reply_to=reply_to,
        list_id=list_id,
        html=f'<p>{greeting}</p><p>{entity(html.escape(prose))}</p><a href="{leave}">Afmelden</a>',
        text=f"{placeholders.GREETING}\n\n{prose}\n\nAfmelden: {placeholders.UNSUBSCRIBE_URL}\n",
        page="<p>Dag,</p>",
        greeting="Dag {first_name},",
        greeting_without_name="Dag,",
        unsubscribe_url="https://brief.example.org/u/",
    )


def notice(link: str = "https://brief.example.org/c/abc") -> Letter:
    """Return a letter to one person that belongs to no list."""
    return Letter(
        subject="Bevestig je aanmelding",
        sender="Gerrit <gerrit@example.org>",
        reply_to="",
        list_id="",
        html=f'<p>Dag,</p><a href="{link}">Bevestig je aanmelding</a>',
        text=f"Dag,\n\nBevestig je aanmelding: {link}\n",
        page="",
        greeting="",
        greeting_without_name="",
        unsubscribe_url="",
    )


def batch(
    *emails: str, of: Letter | None = None, name: str | None = "Anna", key: str = "k1"
) -> Batch:
    of = of or letter()
    return Batch(
        key=key,
        slug="2026-11-29-rust",
        letter=of,
        date=DATE,
        recipients=tuple(
            personalize.recipient(of, f"{place:032x}", email, name, f"{TOKEN}{place:02d}")
            for place, email in enumerate(emails or ("anna@example.org", "bert@example.org"))
        ),
    )


def resend_json(of: Batch) -> list[dict[str, Any]]:
    """Return the messages of a batch as Resend's documentation has them, each by itself."""
    messages = []
    for subscriber in of.recipients:
        message = personalize.message(of, subscriber)
        headers = dict(message.headers)
        messages.append(
            {
                "from": headers["From"],
                "to": [subscriber.email],
                "subject": headers["Subject"],
                **({"html": message.html} if message.html else {}),
                "text": message.text,
                "headers": {
                    name: headers[name]
                    for name in ("List-Id", "List-Unsubscribe", "List-Unsubscribe-Post")
                },
                "tags": [{"name": "delivery", "value": subscriber.ref}],
            }
            # Its name in encoded words where it would stand in quotation marks: see resend.py.
            | (
                {"reply_to": formataddr(parseaddr(headers["Reply-To"]))}
                if of.letter.reply_to
                else {}
            )
        )
    return messages


def lettermint_json(of: Batch) -> list[dict[str, Any]]:
    """Return the messages of a batch as Lettermint's SDK has them, each by itself."""
    messages = []
    for subscriber in of.recipients:
        message = personalize.message(of, subscriber)
        headers = dict(message.headers)
        messages.append(
            {
                "route": "broadcast",
                "from": headers["From"],
                "to": [subscriber.email],
                "subject": headers["Subject"],
                **({"reply_to": [headers["Reply-To"]]} if "Reply-To" in headers else {}),
                "headers": {
                    "Message-ID": f"<{subscriber.ref}@example.org>",
                    "List-Id": headers["List-Id"],
                    "List-Unsubscribe": f"<{subscriber.unsubscribe_url}>",
                    "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
                    "X-LM-Preserve-Message-ID": "true",
                },
                "metadata": {"delivery": subscriber.ref},
                "settings": {"track_opens": False, "track_clicks": False},
                **({"html": message.html} if message.html else {}),
                "text": message.text,
                "idempotency_key": subscriber.ref,
            }
        )
    return messages
