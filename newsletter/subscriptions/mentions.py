"""Finds the addresses that a webhook names, anywhere in it and in any encoding.

Until a webhook is applied it is kept as it came, and an address that is erased must be found in it,
even if the webhook cannot be parsed. It may be written with JSON escapes, percent signs or HTML
entities, in a JSON document within a string, or next to other addresses.
"""

from __future__ import annotations

import html
import json
import re
import unicodedata
from typing import TYPE_CHECKING, Final
from urllib.parse import unquote

from newsletter.addresses import address_hash
from newsletter.subscriptions.event_effects import key_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

_DEEPEST: Final = 6
_MOST: Final = 100
"""How many possible addresses are tried in one webhook; a genuine one names a few."""
_LOCAL: Final = 64
_DOMAIN: Final = 255
"""The longest parts of an address (RFC 5321, 4.5.3.1)."""
_ENDS_LOCAL: Final = frozenset(' \t\r\n"<>()[],:;\\@')
_MAY_END_LOCAL: Final = re.compile(r"[=/'{}|`&?!#*]")
"""Characters that an address may contain, but that more often come just before one."""
_MAY_NAME: Final = re.compile(r"[@%&\\]")
"""A text with none of these has no address; that is so for most of the texts in a webhook."""
_DECODERS: Final[Mapping[str, Callable[[str], str]]] = {"%": unquote, "&": html.unescape}
_ESCAPE: Final = re.compile(r"\\u([0-9a-fA-F]{4})")


def hashes(secret: bytes, keys: Iterable[str]) -> str | None:
    """Return the keyed hashes of addresses as a webhook keeps them; None if there are none."""
    return " ".join(sorted({address_hash(secret, key) for key in keys})) or None


def addresses(body: str) -> set[str]:
    """Return the addresses that a body names, as they are compared."""
    found: set[str] = set()
    tried: set[str] = set()
    for text in _texts(body, _DEEPEST):
        for candidate in _candidates(text):
            if candidate not in tried:
                tried.add(candidate)
                found.add(key_of(candidate))
            if len(tried) >= _MOST:
                return found - {""}
    return found - {""}


def _texts(text: str, depth: int) -> Iterator[str]:
    """Yield a text and its decoded forms; of a JSON document, the same for all texts in it."""
    if depth and text.lstrip()[:1] in {"{", "[", '"'}:
        try:
            document = json.loads(text)
        except (ValueError, RecursionError):
            pass
        else:
            yield from _within(document, depth - 1)
            return
    decoded = [text]
    if "\\" in text:
        decoded.append(_ESCAPE.sub(lambda found: chr(int(found[1], 16)), text))
    decoded += [decode(one) for sign, decode in _DECODERS.items() for one in decoded if sign in one]
    yield from dict.fromkeys(decoded)


def _within(document: object, depth: int) -> Iterator[str]:
    waiting = [document]
    while waiting:
        match waiting.pop():
            case str(text):
                if _MAY_NAME.search(text):
                    yield from _texts(text, depth)
            case dict(pairs):
                waiting += [*pairs, *pairs.values()]
            case list(items):
                waiting += items


def _candidates(text: str) -> Iterator[str]:
    text = unicodedata.normalize("NFC", text)
    at = text.find("@")
    while at >= 0:
        start = at
        while start > max(0, at - _LOCAL) and text[start - 1] not in _ENDS_LOCAL:
            start -= 1
        end, most = at + 1, min(len(text), at + _DOMAIN)
        while end < most and (text[end].isalnum() or text[end] in ".-"):
            end += 1
        domain = text[at + 1 : end].rstrip(".-")
        local = text[start:at]
        if local and domain:
            yield f"{local}@{domain}"
            for cut in list(_MAY_END_LOCAL.finditer(local))[-3:]:
                yield f"{local[cut.end() :]}@{domain}"
        at = text.find("@", at + 1)
