"""Files of other programs that were given the name of an issue, known by their first bytes."""

from __future__ import annotations

import re
from typing import Final

_COPY: Final = "Copy its text into a plain-text file, and save that as UTF-8"
_OPEN: Final = "Open it in that program, and copy its text into a plain-text file"

_ZIPS: Final = (
    (b"word/", "a Word file (.docx)", _COPY),
    (b"opendocument.text", "a text document of LibreOffice (.odt)", _COPY),
    (b"Index/Document.iwa", "a Pages file", _COPY),
    (b"application/epub", "an e-book (.epub)", _COPY),
    (b"xl/", "an Excel file (.xlsx)", _COPY),
    (b"", "a zip file", "Unpack it, and put the text file that is in it here"),
)
_MAGIC: Final = (
    (b"{\\rtf", "a rich-text file (.rtf)", _COPY),
    (b"%PDF-", "a PDF", _COPY),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "an old Word file (.doc)", _COPY),
    (b"\x1f\x8b", "a compressed file (gzip)", "Unpack it, and put the text file here"),
    (b"BZh", "a compressed file (bzip2)", "Unpack it, and put the text file here"),
    (b"\xfd7zXZ\x00", "a compressed file (xz)", "Unpack it, and put the text file here"),
    (b"7z\xbc\xaf\x27\x1c", "a 7-Zip file", "Unpack it, and put the text file here"),
    (b"Rar!\x1a\x07", "a RAR file", "Unpack it, and put the text file here"),
    (b"\xff\xd8\xff", "a picture (JPEG)", "Give it a name that ends in .jpg"),
    (b"\x89PNG\r\n", "a picture (PNG)", "Give it a name that ends in .png"),
    (b"GIF8", "a picture (GIF)", "Give it a name that ends in .gif"),
    (b"SQLite format 3\x00", "a database", "Move it out of this folder"),
    (b"bplist00", "a property list of macOS", _OPEN),
)
_WEB_PAGE: Final = re.compile(
    rb"(?:\xef\xbb\xbf)?\s*(?:<\?xml[^>]{0,200}\?>\s*)?<(?:!doctype\s|html[\s>]|head[\s>]|body[\s>])",
    re.IGNORECASE,
)
_WEB_ARCHIVE: Final = re.compile(
    rb"(?:From: <Saved by|MIME-Version: 1\.0\r?\n|Return-Path: )", re.IGNORECASE
)
_ZIP = b"PK\x03\x04"
_WIDE: Final = (
    (b"\xff\xfe\x00\x00", "UTF-32"),
    (b"\x00\x00\xfe\xff", "UTF-32"),
    (b"\xff\xfe", "UTF-16"),
    (b"\xfe\xff", "UTF-16"),
)
_SAMPLE = 400


def recognise_format(raw: bytes) -> tuple[str, str] | None:
    """Return what a file of another program is, and what to do; None for plain text."""
    if raw.startswith(_ZIP):
        return next((what, fix) for mark, what, fix in _ZIPS if mark in raw)
    for magic, what, fix in _MAGIC:
        if raw.startswith(magic):
            return what, fix
    if _WEB_PAGE.match(raw):
        return "a web page (HTML)", "Open it in a browser, and copy its text into a plain-text file"
    if _WEB_ARCHIVE.match(raw):
        return "a saved web page or email", _OPEN
    return None


def utf16_or_utf32(raw: bytes) -> str | None:
    """Return "UTF-16" or "UTF-32" if the file uses it, else None."""
    for mark, encoding in _WIDE:
        if raw.startswith(mark):
            return encoding
    sample = raw[:_SAMPLE]
    # Without its mark, text in UTF-16 has a zero as every second byte.
    zeros = max(sample[::2].count(0), sample[1::2].count(0))
    return "UTF-16" if len(sample) > 1 and zeros * 4 > len(sample) else None
