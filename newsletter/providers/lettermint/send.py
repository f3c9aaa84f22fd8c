"""Lettermint: complete messages, with a key for the request and one for each message in it.

Its requests and responses: https://lettermint.co/docs/api-reference/sending/send, and the types in
its own SDK (https://github.com/lettermint/lettermint-python), which has more on batches: messages
are accepted in order, and an error that occurs half-way lists those before it.
`docs/providers.md` has what an author must know.
"""

from __future__ import annotations

import dataclasses
import functools
from typing import TYPE_CHECKING, Any, Final

from newsletter import personalize
from newsletter.model import Accepted, RecipientRejected, RequestRefused, Unknown
from newsletter.placeholders import Pieces
from newsletter.providers import base, responses
from newsletter.providers.base import SubmitResult
from newsletter.providers.http import HttpClient
from newsletter.providers.json_template import (
    JsonArrayProvider,
    JsonTemplate,
    array,
    encode,
    object_,
    text,
)
from newsletter.providers.lettermint.capabilities import CAPABILITIES

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Self

    from newsletter.config import Settings
    from newsletter.model import Letter, Outcome, Recipient
    from newsletter.providers.http import Failure, HttpResponse

BASE: Final = "https://api.lettermint.co/v1"
ROUTE: Final = "broadcast"
"""The slug of the route for newsletters: without one, the project's default route is used."""

# Each overrides the route's own setting: subscribers are not tracked.
_UNTRACKED: Final = {"track_opens": False, "track_clicks": False}
# It encodes what is not ASCII itself, so that headers are sent as plain text.
_HEADERS: Final = (
    *("Message-ID", "List-Id", "List-Unsubscribe", "List-Unsubscribe-Post"),
    *("Newsletter-Letter-Hash", "Auto-Submitted"),
)
# A delivery that a person resends is then the same message to a mailbox.
_KEEP_ID: Final = {"X-LM-Preserve-Message-ID": "true"}
# One of the statuses in the API reference; the SDK expects `pending`.
_SUPPRESSED: Final = "suppressed"
_CONFLICT: Final = 409
_UNWANTED: Final = RecipientRejected(
    "Lettermint sends nothing to this address: it is on its own list"
)
_UNMAPPED: Final = Unknown("the answer of Lettermint does not say what became of each letter")


class Lettermint(JsonArrayProvider):
    """Sends batches, one message for each recipient, and reads the outcome of each.

    Args:
        token: The API token of a project.
        url: The base URL of the API.
        http: Its connections.
    """

    capabilities = CAPABILITIES

    def __init__(self, token: str, url: str, http: HttpClient) -> None:
        self._token = token
        super().__init__(f"{url}/send/batch", {"x-lettermint-token": token}, http)

    @classmethod
    def open(cls, settings: Settings) -> Self:
        """Return Lettermint as the settings have it."""
        hint = "Copy the project's API token at lettermint.co"
        token = base.credential(settings, "LETTERMINT_API_TOKEN", hint)
        return cls(token, base.base_url(settings, BASE), HttpClient())

    def template(self, letter: Letter) -> JsonTemplate:
        """Return one message, encoded once a letter."""
        return _template(letter)

    def read(self, response: HttpResponse, recipients: Sequence[Recipient]) -> SubmitResult:
        """Return the outcome of each recipient."""
        count = len(recipients)
        surplus = 0
        if failure := self._failure(response, recipients):
            each = _before_it_failed(response, failure, count)
        else:
            entries = responses.objects(responses.decoded(response))
            each = _outcomes(entries, count)
            surplus = max(0, len(entries) - count)
        outcomes = dict(zip((recipient.ref for recipient in recipients), each, strict=True))
        return SubmitResult(outcomes, surplus=surplus)

    def _failure(self, response: HttpResponse, recipients: Sequence[Recipient]) -> Failure | None:
        """Return what a response means for all that it does not list, or None if it is 2xx."""
        said = responses.content(response)
        error = _error(response)
        words = responses.quote(
            error.get("message") or said.get("message"), responses.secrets(recipients, self._token)
        )
        if response.status == _CONFLICT:
            # The key of the request or of a message came with another body, or is under way.
            words = f"409: {words}" if words else "409"
            return Unknown(f"Lettermint has had a request with this key ({words})")
        failure = responses.failure_of(response, words)
        if isinstance(failure, RequestRefused) and failure.divisible:
            return dataclasses.replace(failure, divisible=_concerns_one(said.get("errors")))
        return failure


PROVIDER: Final = Lettermint


def _error(response: HttpResponse) -> Mapping[str, Any]:
    error = responses.content(response).get("error")
    return error if isinstance(error, dict) else {}


def _concerns_one(errors: object) -> bool:
    """Return whether an error may concern one recipient's address, and not what all share.

    Args:
        errors: Texts by the path of a field, as in `3.to.0`; or anything else.
    """
    if not isinstance(errors, dict):
        return True
    return not errors or any("to" in str(path).split(".") for path in errors)


def _before_it_failed(response: HttpResponse, failure: Failure, count: int) -> Sequence[Outcome]:
    """Return the outcome of each message of a request that failed, perhaps half-way.

    The accepted ones are listed by their places. Unless every entry of the list can be read, some
    were accepted and an id cannot be assigned to a recipient.
    """
    details = _error(response).get("details")
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
    """Map the ids in a response to the messages of its request by their places.

    Unless there is one for each, all different, an id cannot be assigned to a recipient.
    """
    names = [responses.name(entry.get("message_id")) for entry in entries]
    if not len(names) == len(set(names) - {""}) == count:
        return [_UNMAPPED] * count
    return [
        _UNWANTED if entry.get("status") == _SUPPRESSED else Accepted(name)
        for entry, name in zip(entries, names, strict=True)
    ]


@functools.lru_cache(maxsize=2)
def _template(letter: Letter) -> JsonTemplate:
    cut = personalize.letter_template(letter)
    headers = dict(cut.headers)
    answers = {"reply_to": array(text(headers["Reply-To"]))} if "Reply-To" in headers else {}
    own = {name: text(headers[name]) for name in _HEADERS if name in headers}
    return JsonTemplate.of(
        object_(
            {
                "route": text((ROUTE,)),
                "from": text(headers["From"]),
                "to": array(text(headers["To"])),
                "subject": text(headers["Subject"]),
                **answers,
                "headers": object_(own | {name: text((on,)) for name, on in _KEEP_ID.items()}),
                # Returned in events; it is no header, so that no recipient sees it.
                "metadata": object_({"delivery": text(("", "ref", ""))}),
                "settings": Pieces((encode(_UNTRACKED),)),
                **({"html": text(cut.html, html=True)} if cut.html else {}),
                "text": text(cut.text),
                "idempotency_key": text(("", "ref", "")),
            }
        )
    )
