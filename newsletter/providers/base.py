"""What every provider is to the rest of the program."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import timedelta
    from typing import Self

    from newsletter.model import Batch, Outcome


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What a provider can do, so that nothing above it has to know its name.

    Attributes:
        name: As in the settings.
        rehearsal: Nobody is mailed; its mailings never count as sent.
        max_messages: The most that one request may hold.
        lease: How long a request may take before its outcome counts as unknown.
        replay: For how long the same bytes may be sent again under the same key without a second
            letter; zero where the provider knows no keys.
        in_flight: The most requests that may be under way at once.
    """

    name: str
    rehearsal: bool
    max_messages: int
    lease: timedelta
    replay: timedelta
    in_flight: int = 1


@dataclass(frozen=True, slots=True)
class Payload:
    """The bytes of one request, in pieces.

    Attributes:
        parts: Joined, or one after another, they are what leaves.
        digest: The same for the same bytes, and for no others.
    """

    parts: tuple[bytes, ...]
    digest: str

    @classmethod
    def of(cls, parts: tuple[bytes, ...]) -> Self:
        """Return these parts with the SHA-256 of them all, each with its length."""
        digest = hashlib.sha256()
        for part in parts:
            digest.update(len(part).to_bytes(8, "big"))
            digest.update(part)
        return cls(parts, digest.hexdigest())


@dataclass(frozen=True, slots=True)
class Answer:
    """What a provider said to one request.

    Attributes:
        outcomes: By delivery reference; one that is missing is unknown.
        remaining: How many more requests it takes before `reset`, if it said so.
        reset: In how many seconds it counts anew, if it said so.
    """

    outcomes: Mapping[str, Outcome]
    remaining: int | None = None
    reset: float | None = None


class Provider(Protocol):
    """Takes batches and says what became of each delivery."""

    @property
    def capabilities(self) -> Capabilities:
        """What it can do."""

    def build(self, batch: Batch) -> Payload:
        """Return the exact bytes that will leave: pure, and the same for the same batch."""

    def submit(self, batch: Batch, payload: Payload) -> Answer:
        """Hand over what `build` made; return an outcome for every delivery's reference.

        Called from several threads at once, at most `capabilities.in_flight`.

        Never raises for what the provider or the way to it does wrong: that is an outcome.
        """

    def forget(self, slug: str) -> None:
        """Drop what an earlier rehearsal of this issue left, for a new one takes its place.

        A provider that mails people has nothing to forget.
        """
