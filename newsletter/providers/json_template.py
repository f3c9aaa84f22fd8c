"""Messages as JSON: encoded once a letter, cut where the values of a subscriber go.

`JsonArrayProvider` is what those providers share that take complete messages in a JSON array.
"""

from __future__ import annotations

import abc
import dataclasses
import hashlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from newsletter import mime, personalize
from newsletter.placeholders import Pieces
from newsletter.providers.base import (
    UNMAILABLE,
    BaseProvider,
    Payload,
    SubmitResult,
    ascii_recipients,
)
from newsletter.providers.http import HttpResponse

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from typing import Self

    from newsletter.model import Batch, Letter, Outcome, Recipient
    from newsletter.providers.http import HttpClient

encode: Final = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode
"""Return a value as JSON without a needless byte."""

_HTML: Final = "html:"


@dataclass(frozen=True, slots=True)
class JsonTemplate:
    """JSON that is cut where the values of a subscriber go.

    Attributes:
        pieces: The JSON.
        plain: The values that are used as they are.
        in_html: The values that go into HTML.
        digest: Of all pieces.
    """

    pieces: Pieces[bytes]
    plain: tuple[str, ...]
    in_html: tuple[str, ...]
    digest: bytes

    @classmethod
    def of(cls, pieces: Pieces[str]) -> Self:
        """Return the template of what `text`, `object_` and `array` made."""
        names = sorted(set(pieces[1::2]))
        return cls(
            pieces=Pieces(piece.encode() for piece in pieces),
            plain=tuple(name for name in names if not name.startswith(_HTML)),
            in_html=tuple(name.removeprefix(_HTML) for name in names if name.startswith(_HTML)),
            digest=hashlib.sha256(encode(pieces).encode()).digest(),
        )

    def encoded(self, own: Mapping[str, str]) -> dict[bytes, bytes]:
        """Return the values of a subscriber as JSON has them, by the names in the pieces."""
        values = {name: own[name] for name in self.plain}
        values |= {_HTML + name: personalize.html_value(own[name]) for name in self.in_html}
        return {name.encode(): encode(value)[1:-1].encode() for name, value in values.items()}


def text(pieces: Iterable[str], *, html: bool = False) -> Pieces[str]:
    """Return pieces as one JSON string; JSON escapes each character by itself."""
    mark = _HTML if html else ""
    cut = [mark + piece if odd % 2 else encode(piece)[1:-1] for odd, piece in enumerate(pieces)]
    return _join(('"',), cut, ('"',))


def object_(fields: Mapping[str, Pieces[str]]) -> Pieces[str]:
    """Return a JSON object of these members."""
    members = [_join((f"{encode(name)}:",), value) for name, value in fields.items()]
    return _join(("{",), _separated(members), ("}",))


def array(*items: Pieces[str]) -> Pieces[str]:
    """Return a JSON array of these items."""
    return _join(("[",), _separated(items), ("]",))


def header(name: str, pieces: Pieces[str]) -> Pieces[str]:
    """Return a header's pieces for an API: encoded words, but not folded as in an email.

    Raises:
        ValueError: There is a line break in it.
    """
    if len(pieces) > 1:
        return pieces  # an address of ours, in ASCII
    return Pieces((mime.unfolded(name, pieces[0]),))


def _separated(items: Sequence[Pieces[str]]) -> Pieces[str]:
    between = [piece for item in items for piece in ((",",), item)]
    return _join(*between[1:])


def _join(*many: Sequence[str]) -> Pieces[str]:
    joined = [""]
    for first, *others in many:
        joined[-1] += first
        joined += others
    return Pieces(joined)


class JsonArrayProvider(BaseProvider, abc.ABC):
    """Sends one message for each recipient in a JSON array, under an idempotency key.

    Args:
        url: Where the requests go.
        headers: Those of every request besides the usual ones; the API key among them.
        http: Its connections.
    """

    def __init__(self, url: str, headers: Mapping[str, str], http: HttpClient) -> None:
        self._url = url
        self._headers = {
            "Content-Type": "application/json",
            "Accept": "application/json",
            **headers,
        }
        self._http = http

    @abc.abstractmethod
    def template(self, letter: Letter) -> JsonTemplate:
        """Return one message of a letter; called for every batch."""

    @abc.abstractmethod
    def read(self, response: HttpResponse, recipients: Sequence[Recipient]) -> SubmitResult:
        """Return what a response says of these recipients, all of the request, in its order."""

    def build(self, batch: Batch) -> Payload:
        """Return the JSON of the request.

        Only the values of each subscriber are hashed, and the template: they make bodies differ.
        """
        template = self.template(batch.letter)
        hashed = hashlib.sha256(template.digest)
        parts: list[bytes] = []
        for recipient in ascii_recipients(batch):
            own = template.encoded(personalize.values(batch.date, recipient))
            for value in own.values():
                hashed.update(len(value).to_bytes(8, "big"))
                hashed.update(value)
            parts.append(b"," if parts else b"[")
            parts += template.pieces.filled(own)
        parts.append(b"]" if parts else b"[]")
        return Payload(tuple(parts), hashed.hexdigest())

    def submit(self, batch: Batch, payload: Payload) -> SubmitResult:
        """Send the one request and read the response."""
        outcomes: dict[str, Outcome] = {one.ref: UNMAILABLE for one in batch.recipients}
        recipients = ascii_recipients(batch)
        if not recipients:
            return SubmitResult(outcomes)
        headers = self._headers | {"Idempotency-Key": batch.key}
        response = self._http.post(self._url, headers=headers, parts=payload.parts)
        if not isinstance(response, HttpResponse):
            return SubmitResult(outcomes | {one.ref: response for one in recipients})
        result = self.read(response, recipients)
        return dataclasses.replace(result, outcomes=outcomes | dict(result.outcomes))

    def close(self) -> None:
        """Close every connection."""
        self._http.close()
