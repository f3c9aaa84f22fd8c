"""The outbox: a folder of complete `.eml` files. Nobody is mailed, so all of it is a rehearsal."""

from __future__ import annotations

import binascii
import os
import shutil
from datetime import timedelta
from email.message import EmailMessage
from email.policy import SMTP
from typing import TYPE_CHECKING

from newsletter import personal
from newsletter.model import Accepted, RetryLater
from newsletter.providers.base import Capabilities

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from newsletter.model import Batch, Message, Outcome

# Headers are folded only at the limit of RFC 5322, section 2.1.1: below it, Python would turn a
# long List-Unsubscribe address into encoded words, which no mail program reads as an address.
_WHOLE = SMTP.clone(max_line_length=998)
_FOREVER = timedelta(days=36_500)


class Outbox:
    """Writes each message to `<folder>/<slug>/<delivery reference>.eml`.

    Safe to repeat: a file is named by its delivery and replaced in one step.
    """

    capabilities = Capabilities(
        name="outbox",
        rehearsal=True,
        max_messages=100,
        lease=timedelta(seconds=10),
        replay=_FOREVER,
    )

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def build(self, batch: Batch) -> tuple[bytes, ...]:
        """Return one complete message (RFC 5322) for each recipient, in their order."""
        return tuple(eml(personal.message(batch, reader)) for reader in batch.recipients)

    def submit(self, batch: Batch, payload: tuple[bytes, ...]) -> Mapping[str, Outcome]:
        """Write the files."""
        outcomes: dict[str, Outcome] = {}
        for reader, content in zip(batch.recipients, payload, strict=True):
            name = f"{reader.ref}.eml"
            try:
                _write(self._folder / batch.slug, name, content)
            except OSError as error:
                outcomes[reader.ref] = RetryLater(f"the outbox: {error.strerror}")
            else:
                outcomes[reader.ref] = Accepted(name)
        return outcomes

    def forget(self, slug: str) -> None:
        """Remove the folder of this issue."""
        shutil.rmtree(self._folder / slug, ignore_errors=True)


def eml(message: Message) -> bytes:
    """Return a message as a file: text and HTML as alternatives, the same bytes every time."""
    mail = EmailMessage(policy=_WHOLE.clone(utf8=not message.email.isascii()))
    for name, value in message.headers:
        mail[name] = value
    mail["MIME-Version"] = "1.0"
    # A random boundary would make every repetition another file.
    mail["Content-Type"] = f'multipart/alternative; boundary="={message.ref}"'
    mail.set_payload([_part("plain", message.text), _part("html", message.html)])
    return mail.as_bytes()


def _part(subtype: str, content: str) -> EmailMessage:
    part = EmailMessage(policy=_WHOLE)
    part["Content-Type"] = f'text/{subtype}; charset="utf-8"'
    part["Content-Transfer-Encoding"] = "quoted-printable"
    # Twenty times faster than EmailMessage.set_content, which encodes in Python.
    part.set_payload(binascii.b2a_qp(content.encode()).decode())
    return part


def _write(folder: Path, name: str, content: bytes) -> None:
    # Addresses stand in these files: for their owner's eyes only.
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    part = folder / f".{name}.{os.getpid()}"
    try:
        part.write_bytes(content)
        part.chmod(0o600)
        part.replace(folder / name)
    except OSError:
        part.unlink(missing_ok=True)
        raise
