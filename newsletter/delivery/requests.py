"""The requests of one mailing: their bytes, and their way to the provider."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from newsletter import personalize, tokens
from newsletter.model import Batch, RetryLater
from newsletter.providers.base import SubmitResult

if TYPE_CHECKING:
    from collections.abc import Mapping

    from newsletter.model import Letter, Mailing
    from newsletter.providers.base import Payload, Provider
    from newsletter.store.claims import Claim


@dataclass(frozen=True, slots=True)
class ProviderRequest:
    """A request that is about to leave, or on its way.

    ``began`` is when it was made, just after its claim, on the clocks of `clocks`.
    """

    claim: Claim
    batch: Batch
    payload: Payload
    began: tuple[float, float]


class RequestBuilder:
    """Makes requests of claims and carries them to the provider.

    Args:
        provider: Who takes them.
        mailing: Whose they are.
        letter: As it was frozen.
        keys: What signs leave links, by fingerprint.
    """

    def __init__(
        self, provider: Provider, mailing: Mailing, letter: Letter, keys: Mapping[str, str]
    ) -> None:
        self._provider = provider
        self._lease = provider.capabilities.lease.total_seconds()
        self._mailing = mailing
        self._letter = letter
        self._plain_text = replace(letter, html="")
        self._keys = keys
        self.crash: Exception | None = None
        """What went wrong in a thread by our own mistake."""

    def build(self, claim: Claim) -> ProviderRequest | str:
        """Make the bytes of a claim; return the request, or why nothing of it can leave."""
        key = self._keys.get(claim.key_id)
        if key is None:
            return "the key that signed it is no longer configured"
        batch = self._batch(claim, key)
        payload = self._provider.build(batch)
        if claim.payload_hash not in {None, payload.digest}:
            return "the same letter now has other bytes"
        return ProviderRequest(claim, batch, payload, clocks())

    def carry(self, departure: ProviderRequest) -> SubmitResult:
        """Let one request leave, in a thread of its own; whatever happens, there is an answer."""
        if seconds_since(departure.began) > self._lease / 2:
            # This machine was asleep: by now the request may be another sender's.
            late = RetryLater("this machine was not running", 0)
            return SubmitResult({reader.ref: late for reader in departure.claim.readers})
        try:
            return self._provider.submit(departure.batch, departure.payload)
        except Exception as error:  # noqa: BLE001 - it may have left: the ledger must say so
            self.crash = error
            return SubmitResult({})

    def _batch(self, claim: Claim, key: str) -> Batch:
        mailing = self._mailing.public_id
        letter = self._plain_text if claim.plain_text else self._letter
        return Batch(
            key=claim.key,
            slug=self._mailing.slug,
            letter=letter,
            date=claim.claimed_at,
            recipients=tuple(
                personalize.recipient(
                    letter,
                    reader.ref,
                    reader.email,
                    reader.first_name,
                    tokens.unsubscribe_token(key, tokens.RESERVED_ID, tokens.RESERVED_ID)
                    if self._mailing.for_nobody
                    else tokens.unsubscribe_token(key, reader.public_id, mailing),
                )
                for reader in claim.readers
            ),
        )


def clocks() -> tuple[float, float]:
    """Return both clocks: one of them stops while a machine sleeps, the other may be set."""
    return time.monotonic(), time.time()


def seconds_since(began: tuple[float, float]) -> float:
    """Return how long ago `clocks` said that, by the clock that has gone further."""
    return max(now - then for now, then in zip(clocks(), began, strict=True))
