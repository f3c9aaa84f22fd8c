"""What every provider is to the rest of the program."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import timedelta

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
    """

    name: str
    rehearsal: bool
    max_messages: int
    lease: timedelta
    replay: timedelta


class Provider(Protocol):
    """Takes batches and says what became of each delivery."""

    @property
    def capabilities(self) -> Capabilities:
        """What it can do."""

    def build(self, batch: Batch) -> tuple[bytes, ...]:
        """Return the exact bytes that will leave: pure, and the same for the same batch."""

    def submit(self, batch: Batch, payload: tuple[bytes, ...]) -> Mapping[str, Outcome]:
        """Hand over what `build` made; return an outcome for every delivery's reference.

        Never raises for what the provider or the way to it does wrong: that is an outcome.
        """

    def forget(self, slug: str) -> None:
        """Drop what an earlier rehearsal of this issue left, for a new one takes its place.

        A provider that mails people has nothing to forget.
        """
