"""Resend: up to 100 complete messages in one request, under a key that makes it safe to repeat.

Its requests and responses: https://resend.com/docs/api-reference/emails/send-batch-emails and
https://resend.com/docs/api-reference/errors. `docs/providers.md` has what an author must know.
"""

from __future__ import annotations

import functools
import re
from email.utils import parseaddr
from typing import TYPE_CHECKING, Any, Final

from newsletter import mime, personalize
from newsletter.model import Accepted, RecipientRejected, RetryLater, Unknown
from newsletter.providers import base, responses
from newsletter.providers.base import SubmitResult
from newsletter.providers.http import HttpClient
from newsletter.providers.json_template import (
    JsonArrayProvider,
    JsonTemplate,
    array,
    header,
    object_,
    text,
)
from newsletter.providers.resend.capabilities import CAPABILITIES

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Self

    from newsletter.config import Settings
    from newsletter.model import Letter, Outcome, Recipient
    from newsletter.providers.http import Failure, HttpResponse

BASE: Final = "https://api.resend.com"
_FIELDS: Final = {"from": "From", "to": "To", "reply_to": "Reply-To", "subject": "Subject"}
# Resend writes Date and Message-ID itself; whether it would take ours is not documented.
_HEADERS: Final[tuple[str, ...]] = (
    *("List-Id", "List-Unsubscribe", "List-Unsubscribe-Post"),
    *("Newsletter-Letter-Hash", "Auto-Submitted"),
)
_TOO_MANY: Final = 429
_QUOTAS: Final = frozenset({"daily_quota_exceeded", "monthly_quota_exceeded"})
# Resend does not say when a quota resets: no running command should wait for it.
_AN_HOUR: Final = 3600.0
_SPECIAL: Final = re.compile(r'[][()<>@,:;"\\]')  # RFC 5322, section 3.2.3, but for the dot
_NAME: Final = re.compile(r"[a-z_]{1,60}")
_UNMAPPED: Final = Unknown("the answer of Resend does not say what became of each letter")


class Resend(JsonArrayProvider):
    """Sends batches, one message for each recipient, and reads the outcome of each.

    Args:
        key: The API key.
        url: The base URL of the API.
        http: Its connections.
    """

    capabilities = CAPABILITIES

    def __init__(self, key: str, url: str, http: HttpClient) -> None:
        self._key = key
        headers = {"Authorization": f"Bearer {key}", "x-batch-validation": "permissive"}
        super().__init__(f"{url}/emails/batch", headers, http)

    @classmethod
    def open(cls, settings: Settings) -> Self:
        """Return Resend as the settings have it."""
        key = base.credential(settings, "RESEND_API_KEY", "Make a key at resend.com")
        return cls(key, base.base_url(settings, BASE), HttpClient())

    def template(self, letter: Letter) -> JsonTemplate:
        """Return one message, encoded once a letter."""
        return _template(letter)

    def read(self, response: HttpResponse, recipients: Sequence[Recipient]) -> SubmitResult:
        """Return the outcome of each recipient, and how many more requests Resend takes now."""
        said = responses.content(response)
        hide = responses.secrets(recipients, self._key)
        failure = _failure(response, said, hide)
        count = len(recipients)
        each = [failure] * count if failure else _outcomes(said, count, hide)
        remaining = responses.seconds(response.headers.get("ratelimit-remaining", ""))
        return SubmitResult(
            dict(zip((recipient.ref for recipient in recipients), each, strict=True)),
            remaining=None if remaining is None else int(remaining),
            reset=responses.seconds(response.headers.get("ratelimit-reset", "")),
            surplus=0 if failure else max(0, len(responses.objects(said.get("data"))) - count),
        )


PROVIDER: Final = Resend


def _failure(response: HttpResponse, said: Mapping[str, Any], hide: set[str]) -> Failure | None:
    """Return what a response means for the whole request, or None if it has an outcome for each."""
    name = said.get("name")
    name = name if isinstance(name, str) and _NAME.fullmatch(name) else ""
    if response.status == _TOO_MANY and name in _QUOTAS:
        asked = responses.wait(response.headers) or 0.0
        return RetryLater(f"the Resend account's quota is used up ({name})", max(asked, _AN_HOUR))
    # Among the rest is 409: the key came before with another body, or its first request is still
    # under way, because something on the way sent it twice. Those letters may be accepted:
    # `failure_of` calls that unknown, never refused.
    words = (name, responses.quote(said.get("message"), hide))
    return responses.failure_of(response, ": ".join(filter(None, words)))


def _outcomes(said: Mapping[str, Any], count: int, hide: set[str]) -> Sequence[Outcome]:
    """Map the ids and errors in a response to the messages of its request by their places.

    With permissive validation `data` has the accepted ones in their order, and `errors` the places
    of the others. Unless the two together are exactly the messages of the request, an id cannot be
    assigned to a recipient: then all of them are unknown.
    """
    ids = [responses.name(item.get("id")) for item in responses.objects(said.get("data"))]
    errors = responses.objects(said.get("errors"))
    reasons = {
        error["index"]: responses.quote(error.get("message"), hide)
        for error in errors
        if type(error.get("index")) is int and 0 <= error["index"] < count
    }
    distinct = set(ids) - {""}
    if len(reasons) != len(errors) or not len(ids) == len(distinct) == count - len(reasons):
        return [_UNMAPPED] * count
    accepted = iter(ids)
    return [
        RecipientRejected(f"Resend refuses it: {reasons[place] or 'it does not say why'}")
        if place in reasons
        else Accepted(next(accepted))
        for place in range(count)
    ]


def _bare(sender: str) -> str:
    """Return a sender as Resend reads one: its name without quotation marks and not encoded.

    Resend was seen to refuse both, and dots are fine without
    (https://github.com/anymail/django-anymail/blob/main/anymail/backends/resend.py). A name that
    would be read as something else without its quotation marks keeps them.
    """
    name, address = parseaddr(sender)
    return f"{name} <{address}>" if name and not _SPECIAL.search(name) else sender


@functools.lru_cache(maxsize=2)
def _template(letter: Letter) -> JsonTemplate:
    cut = personalize.letter_template(letter)
    headers = dict(cut.headers)
    fields = {field: text(headers[name]) for field, name in _FIELDS.items() if name in headers}
    fields["from"] = text((_bare(letter.sender),))
    if letter.reply_to:
        fields["reply_to"] = text((mime.encoded_mailbox("Reply-To", letter.reply_to),))
    own = {name: text(header(name, headers[name])) for name in _HEADERS if name in headers}
    delivery = {"name": text(("delivery",)), "value": text(("", "ref", ""))}
    return JsonTemplate.of(
        object_(
            fields
            | {
                "to": array(fields["to"]),
                "headers": object_(own),
                "tags": array(object_(delivery)),
                **({"html": text(cut.html, html=True)} if cut.html else {}),
                "text": text(cut.text),
            }
        )
    )
