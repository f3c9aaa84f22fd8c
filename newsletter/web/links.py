"""Reading links that were damaged in transit.

Links are often altered in transit, for example by a full stop that a mail program appends, an
invisible character in the middle, or a query string that is spelt differently or has more
parameters. Tokens are signed, so accepting all this opens nothing to a client without a valid
token.
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
# Invisible characters that are no format characters: a joiner, and variation selectors.
_INVISIBLE: Final = frozenset({"\u034f", *map(chr, range(0xFE00, 0xFE10))})
# Where a query string is cut: "&"; ";", which some servers write (HTML 4.01, B.2.2); and "?", which
# some write who add a parameter to a link that has a query string already.
_CUT: Final = re.compile(r"[&;?]")
_NAME: Final = re.compile(r"[A-Za-z_]{1,40}")


def repair(pattern: re.Pattern[str], text: str) -> str:
    """Return the token or slug at the start of a part of a path, if only remains follow it.

    Otherwise the text comes back as it is.
    """
    if len(text) > _LONGEST or pattern.fullmatch(text):
        return text
    visible = "".join(filter(_is_visible, _SOFT_BREAK.sub("", text)))
    match = pattern.match(visible)
    if match is None or not all(map(_is_sign, _REMAINS.sub("", visible[match.end() :]))):
        return text
    return match[0]


def token(request: Request) -> str:
    """Return the token in the path of a request."""
    return repair(tokens.PATTERN, request.path_params["token"])


def query_names(scope: Scope) -> frozenset[str]:
    """Return the names in a request's query string: `?name`, `?name=` and `?name=1` are alike.

    Proxies and link rewriters write a bare name with "=", and add parameters of their own
    (https://url.spec.whatwg.org/#urlencoded-parsing).
    """
    query: bytes = scope["query_string"]
    parts = (part.partition("=")[0] for part in _CUT.split(query.decode("latin-1")))
    return frozenset(map(_name, map(unquote_plus, parts)))


def _name(text: str) -> str:
    return text if _SPACE.intersection(text) else repair(_NAME, text)


def _is_visible(character: str) -> bool:
    return unicodedata.category(character) != "Cf" and character not in _INVISIBLE


def _is_sign(character: str) -> bool:
    return character in _SPACE or unicodedata.category(character) in _SIGNS
