"""Resend: up to 100 complete messages in one request, under a key that makes it safe to repeat.

What its API takes and says: https://resend.com/docs/api-reference/emails/send-batch-emails and
https://resend.com/docs/api-reference/errors. `docs/providers.md` has what an author must know.
"""

from __future__ import annotations

import functools
import re
from datetime import timedelta
from email.utils import parseaddr
from typing import TYPE_CHECKING, Any, Final

from newsletter import mime, personalize
from newsletter.model import Accepted, RecipientRejected, RetryLater, Unknown
from newsletter.providers import base, responses
from newsletter.providers.arrays import JsonArrayProvider
from newsletter.providers.base import Capabilities, SubmitResult
from newsletter.providers.http import DEADLINE
from newsletter.providers.json_template import JsonTemplate, array, header, object_, text

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from newsletter.config import Settings
    from newsletter.model import Letter, Outcome, Recipient
    from newsletter.providers.http import Failure, HttpResponse

CAPABILITIES: Final = Capabilities(
    name="resend",
    rehearsal=False,
    max_messages=100,
    # The longest that a request may take; finding its server by name is not bounded by that.
    lease=timedelta(seconds=DEADLINE + 30),
    # https://resend.com/docs/dashboard/emails/idempotency-keys
    replay=timedelta(hours=24),
    in_flight=10,
    account_variable="RESEND_API_KEY",
)
"""What Resend can do."""

BASE: Final = "https://api.resend.com"
_FIELDS: Final = {"from": "From", "to": "To", "reply_to": "Reply-To", "subject": "Subject"}
# Resend writes Date and Message-ID itself; whether it would take ours is documented nowhere.
_HEADERS: Final[tuple[str, ...]] = (
    *("List-Id", "List-Unsubscribe", "List-Unsubscribe-Post"),
    "Auto-Submitted",
)
_TOO_MANY: Final = 429
_QUOTAS: Final = frozenset({"daily_quota_exceeded", "monthly_quota_exceeded"})
# Resend does not say when a quota counts anew: no running command should wait for it.
_AN_HOUR: Final = 3600.0
_SPECIAL: Final = re.compile(r'[][()<>@,:;"\\]')  # RFC 5322, section 3.2.3, but for the dot
_NAME: Final = re.compile(r"[a-z_]{1,60}")
_UNMAPPED: Final = Unknown("the answer of Resend does not say what became of each letter")


def open_provider(settings: Settings) -> Resend:
    """Return Resend as the settings have it.

    Raises:
        NewsletterError: There is no key, or it would travel where others can read it.
    """
    key = base.credential(settings, "RESEND_API_KEY", "Make a key at resend.com")
    return Resend(key, base.base_url(settings, BASE))


class Resend(JsonArrayProvider):
    """Sends batches, one reader a message, and reads what became of each.

    Args:
        key: The API key.
        address: Where the API is, without a slash at its end.
        deadline: In seconds, for one request.
    """

    capabilities = CAPABILITIES

    def __init__(self, key: str, address: str = BASE, *, deadline: float = DEADLINE) -> None:
        self._key = key
        headers = {"Authorization": f"Bearer {key}", "x-batch-validation": "permissive"}
        super().__init__(f"{address}/emails/batch", headers, deadline=deadline)

    def form(self, letter: Letter) -> JsonTemplate:
        """Return one message, encoded once a letter."""
        return _form(letter)

    def read(self, reply: HttpResponse, readers: Sequence[Recipient]) -> SubmitResult:
        """Return what Resend says of each reader, and how many more requests it takes just now."""
        said = responses.content(reply)
        hide = responses.secrets(readers, self._key)
        failure = _failure(reply, said, hide)
        count = len(readers)
        each = [failure] * count if failure else _outcomes(said, count, hide)
        remaining = responses.seconds(reply.headers.get("ratelimit-remaining", ""))
        return SubmitResult(
            dict(zip((reader.ref for reader in readers), each, strict=True)),
            remaining=None if remaining is None else int(remaining),
            reset=responses.seconds(reply.headers.get("ratelimit-reset", "")),
            surplus=0 if failure else max(0, len(responses.objects(said.get("data"))) - count),
        )


def _failure(reply: HttpResponse, said: Mapping[str, Any], hide: set[str]) -> Failure | None:
    """Return what a reply means for the whole request, or None if it answers for each letter."""
    name = said.get("name")
    name = name if isinstance(name, str) and _NAME.fullmatch(name) else ""
    if reply.status == _TOO_MANY and name in _QUOTAS:
        asked = responses.wait(reply.headers) or 0.0
        return RetryLater(f"the Resend account's quota is used up ({name})", max(asked, _AN_HOUR))
    # Among the rest is 409: another body came under this key before, or this one is still under
    # way, for something between here and there asked twice. Those letters may be taken, so that
    # nobody knows what these readers have: `verdict` calls that unknown, never refused.
    words = (name, responses.quote(said.get("message"), hide))
    return responses.verdict(reply, ": ".join(filter(None, words)))


def _outcomes(said: Mapping[str, Any], count: int, hide: set[str]) -> Sequence[Outcome]:
    """Map the ids and errors of an answer to the messages of its request by their places.

    With permissive validation `data` holds the accepted ones in their order, and `errors` the
    places of the others. Unless the two together are exactly the messages that were sent, there
    is no telling whose an id is: then all of them are unknown.
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

    It was seen to refuse both, and dots are fine without
    (https://github.com/anymail/django-anymail/blob/main/anymail/backends/resend.py). A name that
    would be read as something else without its quotation marks keeps them.
    """
    name, address = parseaddr(sender)
    return f"{name} <{address}>" if name and not _SPECIAL.search(name) else sender


@functools.lru_cache(maxsize=2)
def _form(letter: Letter) -> JsonTemplate:
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
