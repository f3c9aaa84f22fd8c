"""From bytes to text: which character set a page, a feed or a text file is in.

What the file itself or its server says comes first, unless it is one of the names of Latin-1:
those are what servers say by default. Then UTF-8, if all or nearly all of the bytes are that, and
else Windows-1252, as browsers do. On Dutch text this is right more often than guessing by
statistics.
"""

from __future__ import annotations

import re
from codecs import BOM_UTF8, BOM_UTF16_BE, BOM_UTF16_LE, lookup
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

_BOMS: Final = {BOM_UTF8: "utf-8", BOM_UTF16_LE: "utf-16-le", BOM_UTF16_BE: "utf-16-be"}
_HEAD: Final = 4096  # bytes; HTML asks for it within the first 1024
_IN_HEADER: Final = re.compile(r"charset\s*=\s*[\"']?([\w.:-]{1,40})", re.IGNORECASE)
_IN_FILE: Final = re.compile(
    rb"<\?xml[^>]{1,100}?\bencoding\s*=\s*[\"']([\w.:-]{1,40})"
    rb"|<meta\b[^>]{1,200}?\bcharset\s*=\s*[\"']?\s*([\w.:-]{1,40})",
    re.IGNORECASE,
)
# Python also knows codecs that are no character set of any page, such as "unicode_escape".
_KNOWN: Final = re.compile(
    r"utf-(8|16(-[lb]e)?|32(-[lb]e)?)|iso8859-\d+|cp\d+|koi8-[rut]|mac-\w+|tis-620|ptcp154"
    r"|gb2312|gbk|gb18030|hz|big5(hkscs)?|euc_\w+|shift_jis\w*|iso2022_\w+|johab"
)
_BROKEN: Final = re.compile(r"[\udc80-\udcff]+")
_CUT_EMOJI: Final = re.compile(r"[\udcf0-\udcf4][\udc80-\udcbf]+")
_WHOLE: Final = re.compile(r"[^\x00-\x7f\udc80-\udcff]")
"""In bytes that were read as UTF-8, with a surrogate for each byte that is none."""
_LATIN_1: Final = {"iso8859-1", "cp1252", "ascii", "utf-8"}


def decode(body: bytes, content_type: str = "") -> str:
    """Return bytes as text; what is no character of its set becomes �.

    Args:
        body: The bytes.
        content_type: What the server says of them, if there is one.
    """
    for mark, name in _BOMS.items():
        if body.startswith(mark):
            return body.removeprefix(mark).decode(name, "replace")
    declared = tuple(_declared(body, content_type))
    for name in (*(one for one in declared if one not in _LATIN_1), "utf-8"):
        try:
            return body.decode(name)
        except UnicodeError:
            continue
    mostly = _is_mostly_utf_8(body, is_declared="utf-8" in declared)
    return body.decode("utf-8" if mostly else "cp1252", "replace")


def _is_mostly_utf_8(body: bytes, *, is_declared: bool) -> bool:
    """Tell whether bytes are UTF-8 of which a few are broken, such as half an emoji."""
    text = body.decode("utf-8", "surrogateescape")
    cut = len(_CUT_EMOJI.findall(text))
    whole, broken = len(_WHOLE.findall(text)), len(_BROKEN.findall(text)) - cut
    if is_declared:
        return whole + cut > 0 and whole >= broken
    return whole > 0 and whole + cut >= 2 * broken


def _declared(body: bytes, content_type: str) -> Iterator[str]:
    """Yield the character sets that a server and a file name, if Python knows them."""
    said = [(match[1], True) for match in [_IN_HEADER.search(content_type)] if match]
    if found := _IN_FILE.search(body[:_HEAD]):
        said.append(((found[1] or found[2]).decode("ascii", "replace"), False))
    for name, by_server in said:
        try:
            known = lookup(name).name
        except (LookupError, ValueError):
            continue
        # A file in which these words could be read is not UTF-16, whatever they say.
        can_be = by_server or not known.startswith(("utf-16", "utf-32"))
        if can_be and _KNOWN.fullmatch(known):
            yield known
