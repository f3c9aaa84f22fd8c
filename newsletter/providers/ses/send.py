"""Amazon SES, version 2 of its API: one letter a request, or fifty of a template.

Its API: https://docs.aws.amazon.com/ses/latest/APIReference-V2/API_SendEmail.html and
https://docs.aws.amazon.com/ses/latest/APIReference-V2/API_SendBulkEmail.html. It has no
idempotency keys and lists nothing: after a lost answer, only an event with the letter's tag reports
the outcome. `docs/providers.md` has what an author must know.
"""

from __future__ import annotations

import hashlib
from dataclasses import replace
from email.utils import parseaddr
from typing import TYPE_CHECKING, Final

from newsletter import personalize
from newsletter.providers import base, responses
from newsletter.providers.base import BaseProvider, Payload, SubmitResult
from newsletter.providers.http import HttpResponse
from newsletter.providers.ses import requests
from newsletter.providers.ses import responses as ses_responses
from newsletter.providers.ses.capabilities import CAPABILITIES
from newsletter.providers.ses.client import open_account

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Self

    from newsletter.config import Settings
    from newsletter.model import Batch, Letter, Outcome
    from newsletter.providers.base import Quota
    from newsletter.providers.ses.client import Account
    from newsletter.providers.ses.responses import Context

_LARGE_AUDIENCE: Final = 5000


class Ses(BaseProvider):
    """Sends one complete letter a request, and reads its outcome.

    Args:
        account: The sending account.
        configuration_set: Publishes the events; without one, the sender's own does.
    """

    capabilities = CAPABILITIES
    _path = "/v2/email/outbound-emails"

    def __init__(self, account: Account, configuration_set: str = "") -> None:
        self._account = account
        self._configuration_set = configuration_set

    @classmethod
    def open(cls, settings: Settings) -> Self:
        """Return Amazon SES as the settings have it."""
        return cls(open_account(settings), settings.credentials.get("SES_CONFIGURATION_SET", ""))

    def for_audience(self, audience: int) -> Ses:
        """Return the mode that sends a template and fifty recipients' values, if there are many."""
        many = audience > _LARGE_AUDIENCE
        return SesBulk(self._account, self._configuration_set) if many else self

    def unsupported(self, letter: Letter) -> str:
        """Return which header is too long, or that the letter is."""
        return requests.unsupported(letter)

    def quota(self) -> Quota:
        """Ask what the account may send now."""
        return self._account.quota()

    def build(self, batch: Batch) -> Payload:
        """Return the JSON of the request, with the digest that its signature needs."""
        template = requests.single(batch.letter, self._configuration_set)
        parts: list[bytes] = []
        for recipient in base.ascii_recipients(batch):
            own = template.encoded(personalize.values(batch.date, recipient))
            parts += template.pieces.filled(own)
        return _payload(parts)

    def submit(self, batch: Batch, payload: Payload) -> SubmitResult:
        """Send the one request and read the response."""
        outcomes: dict[str, Outcome] = {one.ref: base.UNMAILABLE for one in batch.recipients}
        recipients = base.ascii_recipients(batch)
        if not recipients:
            return SubmitResult(outcomes)
        refs = [one.ref for one in recipients]
        response = self._account.post(self._path, payload)
        if not isinstance(response, HttpResponse):
            return SubmitResult(outcomes | dict.fromkeys(refs, response))
        context = ses_responses.Context(
            hide=responses.secrets(recipients, *self._account.secrets),
            sender=parseaddr(batch.letter.sender)[1].rpartition("@")[2],
        )
        if failure := ses_responses.failure(response, context):
            return SubmitResult(outcomes | dict.fromkeys(refs, failure))
        said, surplus = self._read(response, len(refs), context)
        return SubmitResult(outcomes | dict(zip(refs, said, strict=True)), surplus=surplus)

    def close(self) -> None:
        """Close every connection."""
        self._account.close()

    def _read(
        self,
        response: HttpResponse,
        count: int,
        context: Context,  # noqa: ARG002 - only the answer for many quotes what it was sent
    ) -> tuple[Sequence[Outcome], int]:
        return [ses_responses.one(response)] * count, 0


class SesBulk(Ses):
    """Sends a letter as a template, with the values of up to fifty recipients."""

    capabilities = replace(CAPABILITIES, max_messages=requests.MOST, substitution=True)
    _path = "/v2/email/outbound-bulk-emails"

    def build(self, batch: Batch) -> Payload:
        """Return the JSON of the request, with the shared parts once."""
        bulk = requests.bulk(batch.letter, self._configuration_set)
        parts = [bulk.head]
        for recipient in base.ascii_recipients(batch):
            own = personalize.values(batch.date, recipient)
            encoded = bulk.entry.encoded(own | {"data": bulk.template.data(own)})
            parts += [b","] * (len(parts) > 1) + bulk.entry.pieces.filled(encoded)
        return _payload([*parts, bulk.tail])

    def _read(
        self, response: HttpResponse, count: int, context: Context
    ) -> tuple[Sequence[Outcome], int]:
        return ses_responses.many(response, count, context)


PROVIDER: Final = Ses


def _payload(parts: list[bytes]) -> Payload:
    digest = hashlib.sha256()
    for part in parts:
        digest.update(part)
    return Payload(tuple(parts), digest.hexdigest())
