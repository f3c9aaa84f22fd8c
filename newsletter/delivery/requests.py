"""Provider requests: their bytes, made of a claim, and their submission.

Mailings and notices share this: a claim that was repeated must have the same bytes, and every
request that may have left has an outcome.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Generic, TypeVar

from newsletter import personalize, tokens
from newsletter.model import Batch, RetryLater, Unknown
from newsletter.providers.base import SubmitResult
from newsletter.store.claims import Claim
from newsletter.store.notice_claims import Notice

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from newsletter.model import Letter, Mailing
    from newsletter.providers.base import Payload, Provider

ClaimT = TypeVar("ClaimT", Claim, Notice)


@dataclass(frozen=True, slots=True)
class ProviderRequest(Generic[ClaimT]):
    """A request that is about to leave, or in flight.

    ``began`` is when its claim began, on the clocks of `clocks`.
    """

    claim: ClaimT
    batch: Batch
    payload: Payload
    began: tuple[float, float]


class RequestBuilder(Generic[ClaimT]):
    """Builds the requests of claims and submits them.

    Args:
        provider: The provider.
        keys: What signs links, by fingerprint.
        make_batch: Makes the batch of a claim, with the key that signs its links.
    """

    def __init__(
        self,
        provider: Provider,
        keys: Mapping[str, str],
        make_batch: Callable[[ClaimT, str], Batch],
    ) -> None:
        self._provider = provider
        self._lease = provider.capabilities.lease.total_seconds()
        self._keys = keys
        self._make_batch: Callable[[ClaimT, str], Batch] = make_batch
        self.unexpected_error: Exception | None = None
        """An error of this program itself, in a thread."""

    def build(self, claim: ClaimT, began: tuple[float, float]) -> ProviderRequest[ClaimT] | str:
        """Make the bytes of a claim; return the request, or why none of it may leave."""
        key = self._keys.get(claim.key_id)
        if key is None:
            return "the key that signed it is no longer configured"
        batch = self._make_batch(claim, key)
        payload = self._provider.build(batch)
        if claim.payload_hash not in {None, payload.digest}:
            return "the same letter now has other bytes"
        return ProviderRequest(claim, batch, payload, began)

    def submit(self, request: ProviderRequest[ClaimT]) -> SubmitResult:
        """Submit one request, in any thread; whatever happens, there is a result."""
        refs = [recipient.ref for recipient in request.batch.recipients]
        if seconds_since(request.began) > self._lease / 2:
            # This machine was asleep: by now the request may be another sender's.
            return SubmitResult(dict.fromkeys(refs, RetryLater("this machine was not running", 0)))
        try:
            return self._provider.submit(request.batch, request.payload)
        except Exception as error:  # noqa: BLE001 - it may have left: the ledger must say so
            self.unexpected_error = error
            return SubmitResult(dict.fromkeys(refs, Unknown(f"unexpected {type(error).__name__}")))


class MailingBatches:
    """Makes the batches of one mailing from its frozen letter."""

    def __init__(self, mailing: Mailing, letter: Letter) -> None:
        self._mailing = mailing
        self._letter = letter
        self._plain_text = replace(letter, html="")

    def make(self, claim: Claim, key: str) -> Batch:
        """Return the batch of a claim; its unsubscribe links are signed with `key`."""
        letter = self._plain_text if claim.plain_text else self._letter
        mailing = self._mailing.public_id
        return Batch(
            key=claim.key,
            slug=self._mailing.slug,
            letter=letter,
            date=claim.claimed_at,
            recipients=tuple(
                personalize.recipient(
                    letter,
                    subscriber.ref,
                    subscriber.email,
                    subscriber.first_name,
                    tokens.unsubscribe_token(key, tokens.RESERVED_ID, tokens.RESERVED_ID)
                    if self._mailing.for_nobody
                    else tokens.unsubscribe_token(key, subscriber.public_id, mailing),
                )
                for subscriber in claim.subscribers
            ),
        )


def clocks() -> tuple[float, float]:
    """Return both clocks: monotonic time stops during sleep; wall-clock time can be changed."""
    return time.monotonic(), time.time()


def seconds_since(began: tuple[float, float]) -> float:
    """Return how long ago `clocks` returned this, by the clock that has gone further."""
    return max(now - then for now, then in zip(clocks(), began, strict=True))
