"""A message as the bytes of an email (RFC 5322), the same bytes every time.

The headers are written here and not by Python's `EmailMessage`, which decodes what looks like an
encoded word in a value, with its line breaks: a subject could then add headers. Nothing is decoded
here, and what looks like an encoded word is encoded.
"""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass
from email.header import Header
from email.utils import formataddr, parseaddr
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

    from newsletter.model import Message

_WITH_A_PHRASE = {"From", "Reply-To", "List-Id"}
_LONGEST = 998  # RFC 5322, section 2.1.1
_FOLDED = 76  # RFC 2047, section 2


CONTENT_ID: Final = "cid:letter@"
"""What stands before the name of a picture that is part of a message (RFC 2392)."""


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture that is part of a message, whose HTML shows it at `CONTENT_ID` and its name."""

    name: str
    media_type: str
    body: bytes


def eml(message: Message, pictures: Sequence[Picture] = ()) -> bytes:
    """Return a complete message: text and HTML as alternatives, or the text alone.

    Args:
        message: The message.
        pictures: What its HTML shows of itself, with nothing fetched.

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
    html = _part("html", message.html)
    if pictures:
        html = _related(html, pictures, f"{boundary}=pictures")
    for part in (_part("plain", message.text), html):
        lines += ["", f"--{boundary}", *part]
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


def _related(html: Sequence[str], pictures: Sequence[Picture], boundary: str) -> list[str]:
    """Return HTML and the pictures it shows as one part (RFC 2387)."""
    lines = [f'Content-Type: multipart/related; type="text/html"; boundary="{boundary}"']
    lines += ["", f"--{boundary}", *html]
    for picture in pictures:
        lines += [
            *("", f"--{boundary}"),
            f"Content-Type: {picture.media_type}",
            "Content-Transfer-Encoding: base64",
            f"Content-ID: <{CONTENT_ID.removeprefix('cid:')}{picture.name}>",
            "Content-Disposition: inline",
            "",
            *base64.encodebytes(picture.body).decode().splitlines(),
        ]
    return [*lines, "", f"--{boundary}--"]


def _part(subtype: str, content: str) -> list[str]:
    body = binascii.b2a_qp(content.encode()).decode()
    return [
        f'Content-Type: text/{subtype}; charset="utf-8"',
        "Content-Transfer-Encoding: quoted-printable",
        "",
        *body.splitlines(),
    ]
