"""Complete messages in a JSON array, under a key: what those providers share that take these."""

from __future__ import annotations

import abc
import dataclasses
import hashlib
from typing import TYPE_CHECKING

from newsletter import personalize
from newsletter.providers import base
from newsletter.providers.base import BaseProvider, Payload, SubmitResult
from newsletter.providers.http import DEADLINE, HttpClient, HttpResponse

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from newsletter.model import Batch, Letter, Outcome, Recipient
    from newsletter.providers.json_template import JsonTemplate


class JsonArrayProvider(BaseProvider, abc.ABC):
    """Sends batches, one reader a message; each provider says how it writes and how it is read.

    Args:
        url: Where the requests go.
        headers: Those of every request beside the ones that all have; the key to it among them.
        deadline: In seconds, for one request.
    """

    def __init__(self, url: str, headers: Mapping[str, str], *, deadline: float = DEADLINE) -> None:
        self._url = url
        self._headers = {
            "Content-Type": "application/json",
            "Accept": "application/json",
            **headers,
        }
        self._wire = HttpClient(deadline=deadline)

    @abc.abstractmethod
    def form(self, letter: Letter) -> JsonTemplate:
        """Return one message of a letter; asked for with every batch."""

    @abc.abstractmethod
    def read(self, reply: HttpResponse, readers: Sequence[Recipient]) -> SubmitResult:
        """Return what a reply says of these readers, who are those of the request, in its order."""

    def build(self, batch: Batch) -> Payload:
        """Return the JSON that will leave.

        Only a reader's own values are hashed, beside the form: they are what makes bodies differ.
        """
        form = self.form(batch.letter)
        hashed = hashlib.sha256(form.digest)
        parts: list[bytes] = []
        for reader in base.ascii_recipients(batch):
            own = form.encoded(personalize.values(batch.date, reader))
            for value in own.values():
                hashed.update(len(value).to_bytes(8, "big"))
                hashed.update(value)
            parts.append(b"," if parts else b"[")
            parts += form.filled(own)
        parts.append(b"]" if parts else b"[]")
        return Payload(tuple(parts), hashed.hexdigest())

    def submit(self, batch: Batch, payload: Payload) -> SubmitResult:
        """Make the one request and read what the provider says to it."""
        outcomes: dict[str, Outcome] = {one.ref: base.UNMAILABLE for one in batch.recipients}
        readers = base.ascii_recipients(batch)
        if not readers:
            return SubmitResult(outcomes)
        headers = self._headers | {"Idempotency-Key": batch.key}
        reply = self._wire.post(self._url, headers=headers, parts=payload.parts)
        if not isinstance(reply, HttpResponse):
            return SubmitResult(outcomes | {reader.ref: reply for reader in readers})
        answer = self.read(reply, readers)
        return dataclasses.replace(answer, outcomes=outcomes | dict(answer.outcomes))

    def close(self) -> None:
        """Close every connection."""
        self._wire.close()
