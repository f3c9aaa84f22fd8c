"""Amazon SES, version 2 of its API: one letter a request, or fifty of a template.

What it takes: https://docs.aws.amazon.com/ses/latest/APIReference-V2/API_SendEmail.html and
https://docs.aws.amazon.com/ses/latest/APIReference-V2/API_SendBulkEmail.html. It knows no keys and
lists nothing: what a lost answer said is told by nothing but an event that carries the letter's
tag. `docs/providers.md` has what an author must know.
"""

from __future__ import annotations

import hashlib
from dataclasses import replace
from datetime import timedelta
from email.utils import parseaddr
from typing import TYPE_CHECKING, Final

from newsletter import personalize
from newsletter.providers import base, responses
from newsletter.providers.base import BaseProvider, Capabilities, Payload, SubmitResult
from newsletter.providers.http import DEADLINE, HttpResponse
from newsletter.providers.ses import requests
from newsletter.providers.ses import responses as ses_responses
from newsletter.providers.ses.client import open_account

if TYPE_CHECKING:
    from collections.abc import Sequence

    from newsletter.config import Settings
    from newsletter.model import Batch, Letter, Outcome
    from newsletter.providers.base import Quota
    from newsletter.providers.ses.client import Account
    from newsletter.providers.ses.responses import Context

CAPABILITIES: Final = Capabilities(
    name="ses",
    rehearsal=False,
    max_messages=1,
    # The longest that a request may take; finding its server by name is not bounded by that.
    lease=timedelta(seconds=DEADLINE + 30),
    in_flight=16,
)
"""What Amazon SES can do for a small audience."""

_LARGE_AUDIENCE: Final = 5000


def open_provider(settings: Settings) -> Ses:
    """Return Amazon SES as the settings have it.

    Raises:
        NewsletterError: A key is missing, no region of the European Union is named, or letters
            would travel where others can read them.
    """
    return Ses(open_account(settings), settings.credentials.get("SES_CONFIGURATION_SET", ""))


class Ses(BaseProvider):
    """Sends one complete letter a request, and reads what became of it.

    Args:
        account: Who sends.
        configuration_set: Names what publishes its events; without one, the sender's own does.
    """

    capabilities = CAPABILITIES
    _path = "/v2/email/outbound-emails"

    def __init__(self, account: Account, configuration_set: str = "") -> None:
        self._account = account
        self._configuration_set = configuration_set

    def for_audience(self, audience: int) -> Ses:
        """Return the way that sends a template and fifty readers' values, if there are many."""
        many = audience > _LARGE_AUDIENCE
        return SesBulk(self._account, self._configuration_set) if many else self

    def unsupported(self, letter: Letter) -> str:
        """Say which header is too long, or that the letter is."""
        return requests.unsupported(letter)

    def quota(self) -> Quota:
        """Ask what the account may send just now."""
        return self._account.quota()

    def build(self, batch: Batch) -> Payload:
        """Return the JSON that will leave, with a digest that its signature needs as well."""
        form = requests.single(batch.letter, self._configuration_set)
        parts: list[bytes] = []
        for reader in base.ascii_recipients(batch):
            parts += form.filled(form.encoded(personalize.values(batch.date, reader)))
        return _payload(parts)

    def submit(self, batch: Batch, payload: Payload) -> SubmitResult:
        """Make the one request and read what Amazon SES says to it."""
        outcomes: dict[str, Outcome] = {reader.ref: base.UNMAILABLE for reader in batch.recipients}
        readers = base.ascii_recipients(batch)
        if not readers:
            return SubmitResult(outcomes)
        refs = [reader.ref for reader in readers]
        reply = self._account.post(self._path, payload)
        if not isinstance(reply, HttpResponse):
            return SubmitResult(outcomes | dict.fromkeys(refs, reply))
        context = ses_responses.Context(
            hide=responses.secrets(readers, *self._account.secrets),
            sender=parseaddr(batch.letter.sender)[1].rpartition("@")[2],
        )
        if failure := ses_responses.failure(reply, context):
            return SubmitResult(outcomes | dict.fromkeys(refs, failure))
        said, surplus = self._read(reply, len(refs), context)
        return SubmitResult(outcomes | dict(zip(refs, said, strict=True)), surplus=surplus)

    def close(self) -> None:
        """Close every connection."""
        self._account.close()

    def _read(
        self,
        reply: HttpResponse,
        count: int,
        context: Context,  # noqa: ARG002 - only the answer for many quotes what it was sent
    ) -> tuple[Sequence[Outcome], int]:
        return [ses_responses.one(reply)] * count, 0


class SesBulk(Ses):
    """Sends a letter as a template, with the values of up to fifty readers."""

    capabilities = replace(CAPABILITIES, max_messages=requests.MOST, substitution=True)
    _path = "/v2/email/outbound-bulk-emails"

    def build(self, batch: Batch) -> Payload:
        """Return the JSON that will leave; what all readers share stands there once."""
        bulk = requests.bulk(batch.letter, self._configuration_set)
        parts = [bulk.head]
        for reader in base.ascii_recipients(batch):
            own = personalize.values(batch.date, reader)
            encoded = bulk.entry.encoded(own | {"data": bulk.template.data(own)})
            parts += [b","] * (len(parts) > 1) + bulk.entry.filled(encoded)
        return _payload([*parts, bulk.tail])

    def _read(
        self, reply: HttpResponse, count: int, context: Context
    ) -> tuple[Sequence[Outcome], int]:
        return ses_responses.many(reply, count, context)


def _payload(parts: list[bytes]) -> Payload:
    digest = hashlib.sha256()
    for part in parts:
        digest.update(part)
    return Payload(tuple(parts), digest.hexdigest())
