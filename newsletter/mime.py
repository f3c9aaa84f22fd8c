"""A message as the bytes of an email (RFC 5322), the same bytes every time.

The headers are written here and not by Python's `EmailMessage`, which decodes what looks like an
encoded word in a value, with its line breaks: a subject could then add headers. Nothing is decoded
here, and what looks like an encoded word is encoded.
"""

from __future__ import annotations

import binascii
from email.header import Header
from email.utils import formataddr, parseaddr
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from newsletter.model import Message

_WITH_A_PHRASE = {"From", "Reply-To", "List-Id"}
_LONGEST = 998  # RFC 5322, section 2.1.1
_FOLDED = 76  # RFC 2047, section 2


def eml(message: Message) -> bytes:
    """Return a complete message: text and HTML as alternatives, or the text alone.

    Raises:
        ValueError: A header holds a line break, or is too long to travel.
    """
    lines = [_header(name, value) for name, value in message.headers]
    lines.append("MIME-Version: 1.0")
    if not message.html:
        return "\r\n".join([*lines, *_part("plain", message.text), ""]).encode()
    # With a random boundary, every repetition would have other bytes.
    boundary = f"={message.ref}"
    lines.append(f'Content-Type: multipart/alternative; boundary="{boundary}"')
    for subtype, content in (("plain", message.text), ("html", message.html)):
        lines += ["", f"--{boundary}", *_part(subtype, content)]
    lines += ["", f"--{boundary}--", ""]
    # UTF-8 only matters for an address with letters beyond ASCII before its @ (RFC 6532).
    return "\r\n".join(lines).encode()


def header_value(name: str, value: str) -> str:
    """Return a header's value as it travels: in ASCII, folded where it holds encoded words.

    Raises:
        ValueError: There is a line break in it.
    """
    if value.splitlines() not in ([], [value]):  # a line break at the end counts too
        raise ValueError(f"there is a line break in the header {name}")
    phrase, address = parseaddr(value) if name in _WITH_A_PHRASE else ("", "")
    if not phrase:
        return _words(name, value) if name == "Subject" else value
    if _is_plain(phrase):
        return formataddr((phrase, address))
    return f"{_words(name, phrase)} <{address}>"


def unfolded(name: str, value: str) -> str:
    """Return a header's value for an API that folds long lines itself: in ASCII, on one line.

    Raises:
        ValueError: There is a line break in it.
    """
    return "".join(header_value(name, value).splitlines())


def encoded_mailbox(name: str, value: str) -> str:
    """Return a mailbox without quotation marks around its name: if it needs them, in encoded words.

    For an API that reads quotation marks around a name as a part of it, or not at all.

    Raises:
        ValueError: There is a line break in it.
    """
    phrase, address = parseaddr(value)
    if not phrase or header_value(name, value) == f"{phrase} <{address}>":
        return unfolded(name, value)
    words = Header(phrase, "utf-8", header_name=name, maxlinelen=_FOLDED).encode(linesep="\r\n")
    return f"{''.join(words.splitlines())} <{address}>"


def _header(name: str, value: str) -> str:
    line = f"{name}: {header_value(name, value)}"
    if max(map(len, line.split("\r\n"))) > _LONGEST:
        raise ValueError(f"the header {name} is too long to travel")
    return line


def _words(name: str, text: str) -> str:
    """Return text as it is, or as encoded words (RFC 2047), folded."""
    if _is_plain(text) and len(text) < _LONGEST - len(name) - 2:
        return text
    return Header(text, "utf-8", header_name=name, maxlinelen=_FOLDED).encode(linesep="\r\n")


def _is_plain(text: str) -> bool:
    return text.isascii() and "=?" not in text


def _part(subtype: str, content: str) -> list[str]:
    body = binascii.b2a_qp(content.encode()).decode()
    return [
        f'Content-Type: text/{subtype}; charset="utf-8"',
        "Content-Transfer-Encoding: quoted-printable",
        "",
        *body.splitlines(),
    ]
