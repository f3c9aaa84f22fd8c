"""A file that should be one letter as it arrived: read it, or say what it is instead."""

from __future__ import annotations

import email
import re
from dataclasses import dataclass
from email.errors import HeaderParseError
from email.header import decode_header, make_header
from email.utils import parseaddr
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from email.message import Message

FILE: Final = "received-file"
_ENCODED: Final = re.compile(r"=\?[^?\s]+\?[bq]\?[^?\s]*\?=", re.IGNORECASE)
_LARGEST: Final = 5_000_000
_SAVE: Final = (
    'Save the proof as a .eml file: "Download original", "Show source" or "Save as" in a mail '
    "program"
)
_KINDS: Final = (
    (b"\xd0\xcf\x11\xe0", "a .msg file, which holds no letter as it arrived"),
    (b"%PDF", "a PDF, not a letter"),
    (b"PK\x03\x04", "a ZIP archive, not a letter"),
    (b"<", "a web page, not a letter with its headers"),
    (b"{", "JSON, not a letter"),
)


class ReceivedFileError(ValueError):
    """The file is not one letter.

    Attributes:
        fix: What to do instead.
    """

    def __init__(self, message: str, fix: str = _SAVE) -> None:
        """Take what it is, and what to do."""
        super().__init__(message)
        self.fix = fix


@dataclass(frozen=True, slots=True)
class ReceivedLetter:
    """A letter that arrived.

    Attributes:
        raw: Its bytes, without what a mailbox file puts before them.
        message: The same, parsed.
        from_domain: The domain of From.
    """

    raw: bytes
    message: Message
    from_domain: str

    def header_values(self, name: str) -> list[str]:
        """Return the values of a header, the topmost first, with encoded words decoded."""
        return [_decoded(str(value)) for value in self.message.get_all(name, [])]

    def is_encoded(self, name: str) -> bool:
        """Return whether a header holds an encoded word (RFC 2047)."""
        return any(_ENCODED.search(str(one)) for one in self.message.get_all(name, []))

    def header(self, name: str) -> str:
        """Return the first value of a header; empty if it is not there."""
        return next(iter(self.header_values(name)), "")

    def parts(self, kind: str) -> list[Message]:
        """Return the parts of one type that are not attached files."""
        return [
            part
            for part in self.message.walk()
            if part.get_content_type() == kind
            and part.get_content_disposition() != "attachment"
            and (part is self.message or part.get_filename() is None)
        ]


def read_letter(data: bytes) -> ReceivedLetter:
    """Read a file as one letter.

    Raises:
        ReceivedFileError: It is something else.
    """
    if len(data) > _LARGEST:
        raise ReceivedFileError(
            f"the file has {len(data) / 1_000_000:.0f} MB, and a letter is far smaller"
        )
    data = data.removeprefix(b"\xef\xbb\xbf").lstrip(b"\r\n\t ")
    if not data:
        raise ReceivedFileError("the file is empty")
    for start, kind in _KINDS:
        if data.startswith(start):
            raise ReceivedFileError(f"the file is {kind}")
    if data.startswith((b"\xff\xfe", b"\xfe\xff")) or b"\0" in data[:1000]:
        raise ReceivedFileError("the file is no text, so it is no letter as it arrived")
    if data.startswith(b"From "):  # the line that a mailbox file has before each letter
        data = data.partition(b"\n")[2]
        if re.search(rb"\n\r?\nFrom [^\n]*\d\d:\d\d", data):
            raise ReceivedFileError("the file is a mailbox with several letters")
    message = email.message_from_bytes(data)
    _refuse_others(message)
    return ReceivedLetter(data, message, _from_domain(message))


def _refuse_others(message: Message) -> None:
    if not message.keys() or not {"from", "subject", "date"} & set(map(str.lower, message.keys())):
        raise ReceivedFileError("the file has no headers of a letter (From, Subject, Date)")
    if any(part.get_content_type() == "message/rfc822" for part in message.walk()):
        raise ReceivedFileError(
            "the file is a letter that has another one attached: it was forwarded",
            "Open the attached letter, and save that one as a .eml file",
        )


def _from_domain(message: Message) -> str:
    values = message.get_all("From", [])
    if len(values) != 1:
        count = len(values) or "no"
        raise ReceivedFileError(f"the letter has {count} From header{'s' * (len(values) != 1)}")
    name, _, domain = parseaddr(str(values[0]))[1].lower().rpartition("@")
    if not (name and domain):
        raise ReceivedFileError("the letter's From header holds no address")
    return domain


def _decoded(value: str) -> str:
    """Return a header's value on one line, with encoded words (RFC 2047) decoded."""
    try:
        text = str(make_header(decode_header(value)))
    except (HeaderParseError, LookupError, UnicodeError, ValueError):
        text = value
    return re.sub(r"\s+", " ", text).strip()
