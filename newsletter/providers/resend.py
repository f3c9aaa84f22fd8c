"""Resend: up to 100 complete messages in one request, under a key that makes it safe to repeat.

What its API takes and says: https://resend.com/docs/api-reference/emails/send-batch-emails and
https://resend.com/docs/api-reference/errors. `docs/providers.md` has what an author must know.
"""

from __future__ import annotations

import functools
import hashlib
import json
import re
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from newsletter import mime, personal
from newsletter.model import Accepted, Rejected, RetryLater, Unknown
from newsletter.providers import base, replies
from newsletter.providers.base import Answer, Capabilities, Mailer, Payload
from newsletter.providers.wire import DEADLINE, Reply, Wire

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from newsletter.config import Settings
    from newsletter.model import Batch, Letter, Outcome, Recipient
    from newsletter.personal import Pieces
    from newsletter.providers.wire import Failure

CAPABILITIES: Final = Capabilities(
    name="resend",
    rehearsal=False,
    max_messages=100,
    # The longest that a request may take; finding its server by name is not bounded by that.
    lease=timedelta(seconds=DEADLINE + 30),
    # https://resend.com/docs/dashboard/emails/idempotency-keys
    replay=timedelta(hours=24),
    in_flight=8,
)
"""What Resend can do."""

_BASE: Final = "https://api.resend.com"
_FIELDS: Final = {"from": "From", "to": "To", "reply_to": "Reply-To", "subject": "Subject"}
# Resend writes Date and Message-ID itself; whether it would take ours is documented nowhere.
_HEADERS: Final[tuple[str, ...]] = ("List-Id", "List-Unsubscribe", "List-Unsubscribe-Post")
_CONFLICT: Final = 409
_TOO_MANY: Final = 429
_QUOTAS: Final = frozenset({"daily_quota_exceeded", "monthly_quota_exceeded"})
# Resend does not say when a quota counts anew: no running command should wait for it.
_AN_HOUR: Final = 3600.0
_A_MOMENT: Final = 5.0
_NAME: Final = re.compile(r"[a-z_]{1,60}")
_ID: Final = re.compile(r"[!-~]{1,100}")
_UNMAILABLE: Final = Rejected("Resend mails no address with letters beyond ASCII before its @")
_UNMAPPED: Final = Unknown("the answer of Resend does not say what became of each letter")
_HTML: Final = "html:"
_json = json.JSONEncoder(ensure_ascii=False).encode


def open_provider(settings: Settings) -> Resend:
    """Return Resend as the settings have it.

    Raises:
        NewsletterError: There is no key, or it would travel where others can read it.
    """
    key = base.credential(settings, "RESEND_API_KEY", "Make a key at resend.com")
    return Resend(key, base.address(settings, _BASE))


class Resend(Mailer):
    """Sends batches, one reader a message, and reads what became of each.

    Args:
        key: The API key.
        address: Where the API is, without a slash at its end.
        deadline: In seconds, for one request.
    """

    capabilities = CAPABILITIES

    def __init__(self, key: str, address: str = _BASE, *, deadline: float = DEADLINE) -> None:
        self._key = key
        self._url = f"{address}/emails/batch"
        self._wire = Wire(deadline=deadline)

    def build(self, batch: Batch) -> Payload:
        """Return the JSON that will leave; what all messages share is encoded once a letter."""
        form = _form(batch.letter)
        hashed = hashlib.sha256(form.digest)
        parts: list[bytes] = []
        for reader in _mailable(batch):
            own = _encoded(form, batch, reader)
            for value in own.values():
                hashed.update(len(value).to_bytes(8, "big"))
                hashed.update(value)
            filled = list(form.pieces)
            filled[1::2] = [own[name] for name in form.pieces[1::2]]
            parts.append(b"," if parts else b"[")
            parts += filled
        parts.append(b"]" if parts else b"[]")
        return Payload(tuple(parts), hashed.hexdigest())

    def submit(self, batch: Batch, payload: Payload) -> Answer:
        """Make the one request and read what Resend says to it."""
        outcomes: dict[str, Outcome] = {reader.ref: _UNMAILABLE for reader in batch.recipients}
        readers = _mailable(batch)
        if not readers:
            return Answer(outcomes)
        reply = self._wire.post(
            self._url,
            headers={
                "Authorization": f"Bearer {self._key}",
                "Content-Type": "application/json",
                "Accept": "application/json",
                "Idempotency-Key": batch.key,
                "x-batch-validation": "permissive",
            },
            parts=payload.parts,
        )
        refs = [reader.ref for reader in readers]
        if not isinstance(reply, Reply):
            return Answer(outcomes | dict.fromkeys(refs, reply))
        remaining = replies.seconds(reply.headers.get("ratelimit-remaining", ""))
        return Answer(
            outcomes | dict(zip(refs, self._read(reply, readers), strict=True)),
            remaining=None if remaining is None else int(remaining),
            reset=replies.seconds(reply.headers.get("ratelimit-reset", "")),
        )

    def close(self) -> None:
        """Close every connection."""
        self._wire.close()

    def _read(self, reply: Reply, readers: Sequence[Recipient]) -> Sequence[Outcome]:
        try:
            said = json.loads(reply.body)
        except (ValueError, RecursionError):
            said = None
        said = said if isinstance(said, dict) else {}
        hide = {self._key}
        for reader in readers:
            hide |= {reader.ref, reader.email, reader.greeting, reader.leave_url}
        failure = _failure(reply, said, hide)
        return [failure] * len(readers) if failure else _outcomes(said, len(readers), hide)


def _failure(reply: Reply, said: Mapping[str, Any], hide: set[str]) -> Failure | None:
    """Return what a reply means for the whole request, or None if it answers for each letter."""
    name = said.get("name")
    name = name if isinstance(name, str) and _NAME.fullmatch(name) else ""
    if reply.status == _CONFLICT and name == "concurrent_idempotent_requests":
        return RetryLater("Resend is still busy with this same request", _A_MOMENT)
    if reply.status == _TOO_MANY and name in _QUOTAS:
        asked = replies.wait(reply.headers) or 0.0
        return RetryLater(f"the Resend account's quota is used up ({name})", max(asked, _AN_HOUR))
    # Among the rest is 409 for another body under a known key. The first body may have left, so
    # that nobody knows what these readers have: `verdict` calls that unknown, never refused.
    words = (name, replies.quote(said.get("message"), hide))
    return replies.verdict(reply, ": ".join(filter(None, words)))


def _outcomes(said: Mapping[str, Any], count: int, hide: set[str]) -> Sequence[Outcome]:
    """Map the ids and errors of an answer to the messages of its request by their places.

    With permissive validation `data` holds the accepted ones in their order, and `errors` the
    places of the others. Unless the two together are exactly the messages that were sent, there
    is no telling whose an id is: then all of them are unknown.
    """
    ids = [
        found if isinstance(found := item.get("id"), str) and _ID.fullmatch(found) else ""
        for item in _objects(said.get("data"))
    ]
    errors = _objects(said.get("errors"))
    reasons = {
        error["index"]: replies.quote(error.get("message"), hide)
        for error in errors
        if type(error.get("index")) is int and 0 <= error["index"] < count
    }
    distinct = set(ids) - {""}
    if len(reasons) != len(errors) or not len(ids) == len(distinct) == count - len(reasons):
        return [_UNMAPPED] * count
    accepted = iter(ids)
    return [
        Rejected(f"Resend refuses it: {reasons[place] or 'it does not say why'}")
        if place in reasons
        else Accepted(next(accepted))
        for place in range(count)
    ]


def _objects(found: object) -> list[dict[str, Any]]:
    """Return a list of JSON objects; what is none of these counts as one that fits nothing."""
    items = [] if found is None else found if isinstance(found, list) else [found]
    return [item if isinstance(item, dict) else {} for item in items]


@dataclass(frozen=True, slots=True)
class _Form:
    """One message as JSON, cut where a reader's own values go.

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


@functools.lru_cache(maxsize=2)
def _form(letter: Letter) -> _Form:
    cut = personal.form(letter)
    headers = dict(cut.headers)
    fields = {field: _text(headers[name]) for field, name in _FIELDS.items() if name in headers}
    own = {name: _text(_ascii(name, headers[name])) for name in _HEADERS if name in headers}
    pieces = _object(
        fields
        | {
            "to": _join(("[",), fields["to"], ("]",)),
            "headers": _object(own),
            "tags": _join(('[{"name":"delivery","value":',), _text(("", "ref", "")), ("}]",)),
            "html": _text(cut.html, mark=_HTML),
            "text": _text(cut.text),
        }
    )
    names = sorted(set(pieces[1::2]))
    return _Form(
        pieces=tuple(piece.encode() for piece in pieces),
        plain=tuple(name for name in names if not name.startswith(_HTML)),
        in_html=tuple(name.removeprefix(_HTML) for name in names if name.startswith(_HTML)),
        digest=hashlib.sha256(_json(pieces).encode()).digest(),
    )


def _encoded(form: _Form, batch: Batch, reader: Recipient) -> dict[bytes, bytes]:
    """Return a reader's values as they stand in JSON, by the names that the pieces have."""
    own = personal.values(batch.date, reader)
    encoded = {name: own[name] for name in form.plain}
    encoded |= {_HTML + name: personal.html_value(own[name]) for name in form.in_html}
    return {name.encode(): _json(value)[1:-1].encode() for name, value in encoded.items()}


def _mailable(batch: Batch) -> Sequence[Recipient]:
    # One address that Resend cannot read must not cost the others their letter.
    return [reader for reader in batch.recipients if reader.email.isascii()]


def _ascii(name: str, pieces: Pieces) -> Pieces:
    """Return a header's pieces as they can travel: encoded words, but not folded as in an email."""
    if len(pieces) > 1:
        return pieces  # an address of ours, in ASCII
    return ("".join(mime.header_value(name, pieces[0]).splitlines()),)


def _text(pieces: Pieces, mark: str = "") -> Pieces:
    """Return pieces as one JSON string; JSON escapes each character by itself."""
    cut = [mark + piece if odd % 2 else _json(piece)[1:-1] for odd, piece in enumerate(pieces)]
    return _join(('"',), tuple(cut), ('"',))


def _object(fields: Mapping[str, Pieces]) -> Pieces:
    members = [_join((f"{_json(name)}:",), value) for name, value in fields.items()]
    between = [piece for member in members for piece in ((",",), member)]
    return _join(("{",), *between[1:], ("}",))


def _join(*many: Pieces) -> Pieces:
    joined = [""]
    for first, *others in many:
        joined[-1] += first
        joined += others
    return tuple(joined)
