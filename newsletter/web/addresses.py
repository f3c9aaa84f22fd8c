"""What is left behind in the address of a link on its way, and what the address says without it.

A link survives what others do to it: a full stop that a mail program took for a part of it, an
invisible character in the middle, a query string in another spelling or with more in it. Tokens are
signed, so forgiving all this opens nothing to anybody who has no good token.
"""

from __future__ import annotations

import re
import unicodedata
from typing import TYPE_CHECKING, Final
from urllib.parse import unquote_plus

from newsletter import tokens

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.types import Scope

_LONGEST: Final = 1000
# What a part of a path may end in beside punctuation: remains of quoted-printable (RFC 2045,
# section 6.7), of percent-encoding that was applied twice, and of HTML.
_REMAINS: Final = re.compile(r"=[0-9A-F]{2}|%[0-9A-Fa-f]{2}|&(?:#\d{1,5}|[a-z]{2,6});?")
_SOFT_BREAK: Final = re.compile(r"=\r?\n")
_SPACE: Final = frozenset("\t\n\r")
# Punctuation, spaces, and the mathematical and modifier signs "<", ">", "|", "=", "~", "`", "^".
_SIGNS: Final = frozenset({"Pc", "Pd", "Ps", "Pe", "Pi", "Pf", "Po", "Zs", "Zl", "Zp", "Sm", "Sk"})
# Signs that show nothing and are no format characters: a joiner, and what chooses a glyph.
_UNSEEN: Final = frozenset({"\u034f", *map(chr, range(0xFE00, 0xFE10))})
# Where a query string is cut: "&"; ";", which some servers write (HTML 4.01, B.2.2); and "?", which
# is written by who adds a parameter to an address that has a query string already.
_CUT: Final = re.compile(r"[&;?]")
_NAME: Final = re.compile(r"[A-Za-z_]{1,40}")


def found(shape: re.Pattern[str], text: str) -> str:
    """Return what a part of a path says: what has this shape, if nothing but remains follows it.

    Args:
        shape: Of a token, of a slug.
        text: The part of the path, decoded.

    Returns:
        The text as it is if it says nothing of this shape: no address is forgiven more than that.
    """
    if len(text) > _LONGEST or shape.fullmatch(text):
        return text
    seen = "".join(filter(_is_seen, _SOFT_BREAK.sub("", text)))
    match = shape.match(seen)
    if match is None or not all(map(_is_sign, _REMAINS.sub("", seen[match.end() :]))):
        return text
    return match[0]


def token(request: Request) -> str:
    """Return what stands where the address of a request has its token."""
    return found(tokens.PATTERN, request.path_params["token"])


def names(scope: Scope) -> frozenset[str]:
    """Return the names in a request's query string: `?name`, `?name=` and `?name=1` are alike.

    Proxies and link rewriters write a bare name with "=", and add parameters of their own
    (https://url.spec.whatwg.org/#urlencoded-parsing).
    """
    query: bytes = scope["query_string"]
    parts = (part.partition("=")[0] for part in _CUT.split(query.decode("latin-1")))
    return frozenset(map(_name, map(unquote_plus, parts)))


def _name(text: str) -> str:
    return text if _SPACE.intersection(text) else found(_NAME, text)


def _is_seen(character: str) -> bool:
    return unicodedata.category(character) != "Cf" and character not in _UNSEEN


def _is_sign(character: str) -> bool:
    return character in _SPACE or unicodedata.category(character) in _SIGNS
