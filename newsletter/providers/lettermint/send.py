"""Lettermint: complete messages, with a key for the request and one for each message in it.

What its API takes and says: https://lettermint.co/docs/api-reference/sending/send, and the types
and words of its own SDK (https://github.com/lettermint/lettermint-python), which know more of
batches: messages are accepted in order, and an error that comes half-way lists those before it.
`docs/providers.md` has what an author must know.
"""

from __future__ import annotations

import dataclasses
import functools
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from newsletter import personalize
from newsletter.model import Accepted, RecipientRejected, RequestRefused, Unknown
from newsletter.providers import base, responses
from newsletter.providers.arrays import JsonArrayProvider
from newsletter.providers.base import Capabilities, SubmitResult, UnsubscribeHeader
from newsletter.providers.http import DEADLINE
from newsletter.providers.json_template import JsonTemplate, array, encode, object_, text

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from newsletter.config import Settings
    from newsletter.model import Letter, Outcome, Recipient
    from newsletter.providers.http import Failure, HttpResponse

CAPABILITIES: Final = Capabilities(
    name="lettermint",
    rehearsal=False,
    # It takes 500, and 25 MB: with this many, the longest letter there may be fills half of that.
    max_messages=100,
    # The longest that a request may take; finding its server by name is not bounded by that.
    lease=timedelta(seconds=DEADLINE + 30),
    # https://lettermint.co/docs/platform/emails/idempotency
    replay=timedelta(hours=24),
    in_flight=8,
    # https://docs.lettermint.co/platform/projects-and-routes/routes
    unsubscribe_header=UnsubscribeHeader.BY_PERMISSION,
    account_variable="LETTERMINT_API_TOKEN",
)
"""What Lettermint can do."""

BASE: Final = "https://api.lettermint.co/v1"
_ROUTE: Final = "broadcast"
"""The slug of the route for newsletters: what is sent without one goes by the project's default."""

# Each wins over what the route is set to. A reader is nobody's to watch.
_UNTRACKED: Final = {"track_opens": False, "track_clicks": False}
# It encodes what is not ASCII by itself, so that headers travel as plain text.
_HEADERS: Final = (
    *("Message-ID", "List-Id", "List-Unsubscribe", "List-Unsubscribe-Post"),
    "Auto-Submitted",
)
# The same delivery, sent again after a person decided so, is then the same message to a mailbox.
_KEEP_ID: Final = {"X-LM-Preserve-Message-ID": "true"}
# One of the statuses in the API reference; the SDK expects `pending`.
_SUPPRESSED: Final = "suppressed"
_CONFLICT: Final = 409
_UNWANTED: Final = RecipientRejected(
    "Lettermint sends nothing to this address: it is on its own list"
)
_UNMAPPED: Final = Unknown("the answer of Lettermint does not say what became of each letter")


def open_provider(settings: Settings) -> Lettermint:
    """Return Lettermint as the settings have it.

    Raises:
        NewsletterError: There is no token, or it would travel where others can read it.
    """
    hint = "Copy the project's API token at lettermint.co"
    token = base.credential(settings, "LETTERMINT_API_TOKEN", hint)
    return Lettermint(token, base.base_url(settings, BASE))


class Lettermint(JsonArrayProvider):
    """Sends batches, one reader a message, and reads what became of each.

    Args:
        token: The API token of a project.
        address: Where the API is, without a slash at its end.
        deadline: In seconds, for one request.
    """

    capabilities = CAPABILITIES

    def __init__(self, token: str, address: str = BASE, *, deadline: float = DEADLINE) -> None:
        self._token = token
        super().__init__(f"{address}/send/batch", {"x-lettermint-token": token}, deadline=deadline)

    def form(self, letter: Letter) -> JsonTemplate:
        """Return one message, encoded once a letter."""
        return _form(letter)

    def read(self, reply: HttpResponse, readers: Sequence[Recipient]) -> SubmitResult:
        """Return what Lettermint says of each reader."""
        count = len(readers)
        surplus = 0
        if failure := self._failure(reply, readers):
            each = _before_it_failed(reply, failure, count)
        else:
            entries = responses.objects(responses.decoded(reply))
            each = _outcomes(entries, count)
            surplus = max(0, len(entries) - count)
        outcomes = dict(zip((reader.ref for reader in readers), each, strict=True))
        return SubmitResult(outcomes, surplus=surplus)

    def _failure(self, reply: HttpResponse, readers: Sequence[Recipient]) -> Failure | None:
        """Return what a reply means for all that it does not list as accepted, or None if 2xx."""
        said = responses.content(reply)
        error = _error(reply)
        words = responses.quote(
            error.get("message") or said.get("message"), responses.secrets(readers, self._token)
        )
        if reply.status == _CONFLICT:
            # Another body under this key, or a message of it, or the first one still under way.
            words = f"409: {words}" if words else "409"
            return Unknown(f"Lettermint had a request with this key before ({words})")
        failure = responses.verdict(reply, words)
        if isinstance(failure, RequestRefused) and failure.divisible:
            return dataclasses.replace(failure, divisible=_may_be_a_readers(said.get("errors")))
        return failure


def _error(reply: HttpResponse) -> Mapping[str, Any]:
    error = responses.content(reply).get("error")
    return error if isinstance(error, dict) else {}


def _may_be_a_readers(errors: object) -> bool:
    """Tell whether an error may be one reader's alone: his address, and not what all share.

    Args:
        errors: Words by the path of a field, as in `3.to.0`; or anything else.
    """
    if not isinstance(errors, dict):
        return True
    return not errors or any("to" in str(path).split(".") for path in errors)


def _before_it_failed(reply: HttpResponse, failure: Failure, count: int) -> Sequence[Outcome]:
    """Tell what became of each message of a request that failed, perhaps half-way.

    Those before it are listed by their places. Unless the list can be read to its last entry,
    some were taken and there is no telling whose.
    """
    details = _error(reply).get("details")
    listed = responses.objects(details.get("accepted") if isinstance(details, dict) else None)
    names = {
        entry["index"]: name
        for entry in listed
        if type(entry.get("index")) is int
        and 0 <= entry["index"] < count
        and (name := responses.name(entry.get("message_id")))
    }
    if not len(names) == len(set(names.values())) == len(listed):
        return [_UNMAPPED] * count
    return [Accepted(names[place]) if place in names else failure for place in range(count)]


def _outcomes(entries: Sequence[Mapping[str, Any]], count: int) -> Sequence[Outcome]:
    """Map the names in an answer to the messages of its request by their places.

    Unless there is one for each, and no two are the same, there is no telling whose a name is.
    """
    names = [responses.name(entry.get("message_id")) for entry in entries]
    if not len(names) == len(set(names) - {""}) == count:
        return [_UNMAPPED] * count
    return [
        _UNWANTED if entry.get("status") == _SUPPRESSED else Accepted(name)
        for entry, name in zip(entries, names, strict=True)
    ]


@functools.lru_cache(maxsize=2)
def _form(letter: Letter) -> JsonTemplate:
    cut = personalize.letter_template(letter)
    headers = dict(cut.headers)
    answers = {"reply_to": array(text(headers["Reply-To"]))} if "Reply-To" in headers else {}
    own = {name: text(headers[name]) for name in _HEADERS if name in headers}
    return JsonTemplate.of(
        object_(
            {
                "route": text((_ROUTE,)),
                "from": text(headers["From"]),
                "to": array(text(headers["To"])),
                "subject": text(headers["Subject"]),
                **answers,
                "headers": object_(own | {name: text((on,)) for name, on in _KEEP_ID.items()}),
                # For its events; it is no header, so that no reader sees it.
                "metadata": object_({"delivery": text(("", "ref", ""))}),
                "settings": (encode(_UNTRACKED),),
                **({"html": text(cut.html, html=True)} if cut.html else {}),
                "text": text(cut.text),
                "idempotency_key": text(("", "ref", "")),
            }
        )
    )
