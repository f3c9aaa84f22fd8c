"""Messages as JSON: encoded once a letter, cut where a reader's own values go."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from newsletter import mime, personalize

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Self

    from newsletter.personalize import Pieces

encode: Final = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode
"""Return a value as JSON without a needless byte."""

_HTML: Final = "html:"


@dataclass(frozen=True, slots=True)
class JsonTemplate:
    """JSON that is cut where a reader's own values go.

    Attributes:
        pieces: Bytes at the even places, a value's name at the odd ones.
        plain: The values that go in as they are.
        in_html: Those that go into HTML.
        digest: Of all pieces.
    """

    pieces: tuple[bytes, ...]
    plain: tuple[str, ...]
    in_html: tuple[str, ...]
    digest: bytes

    @classmethod
    def of(cls, pieces: Pieces) -> Self:
        """Return the form of what `text`, `record` and `row` made."""
        names = sorted(set(pieces[1::2]))
        return cls(
            pieces=tuple(piece.encode() for piece in pieces),
            plain=tuple(name for name in names if not name.startswith(_HTML)),
            in_html=tuple(name.removeprefix(_HTML) for name in names if name.startswith(_HTML)),
            digest=hashlib.sha256(encode(pieces).encode()).digest(),
        )

    def encoded(self, own: Mapping[str, str]) -> dict[bytes, bytes]:
        """Return a reader's values as they stand in JSON, by the names that the pieces have."""
        values = {name: own[name] for name in self.plain}
        values |= {_HTML + name: personalize.html_value(own[name]) for name in self.in_html}
        return {name.encode(): encode(value)[1:-1].encode() for name, value in values.items()}

    def filled(self, encoded: Mapping[bytes, bytes]) -> list[bytes]:
        """Return the JSON of one reader, in pieces."""
        filled = list(self.pieces)
        filled[1::2] = [encoded[name] for name in self.pieces[1::2]]
        return filled


def text(pieces: Pieces, *, html: bool = False) -> Pieces:
    """Return pieces as one JSON string; JSON escapes each character by itself."""
    mark = _HTML if html else ""
    cut = [mark + piece if odd % 2 else encode(piece)[1:-1] for odd, piece in enumerate(pieces)]
    return _join(('"',), tuple(cut), ('"',))


def object_(fields: Mapping[str, Pieces]) -> Pieces:
    """Return a JSON object of these members."""
    members = [_join((f"{encode(name)}:",), value) for name, value in fields.items()]
    return _join(("{",), _listed(members), ("}",))


def array(*items: Pieces) -> Pieces:
    """Return a JSON array of these items."""
    return _join(("[",), _listed(items), ("]",))


def header(name: str, pieces: Pieces) -> Pieces:
    """Return a header's pieces as they can travel: encoded words, but not folded as in an email.

    Raises:
        ValueError: There is a line break in it.
    """
    if len(pieces) > 1:
        return pieces  # an address of ours, in ASCII
    return (mime.unfolded(name, pieces[0]),)


def _listed(items: list[Pieces] | tuple[Pieces, ...]) -> Pieces:
    between = [piece for item in items for piece in ((",",), item)]
    return _join(*between[1:])


def _join(*many: Pieces) -> Pieces:
    joined = [""]
    for first, *others in many:
        joined[-1] += first
        joined += others
    return tuple(joined)
