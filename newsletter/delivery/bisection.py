"""Find by halving the request the one subscriber for whom a provider refuses a whole request."""

from __future__ import annotations

from collections import deque
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from newsletter.model import RecipientRejected, RequestRefused

if TYPE_CHECKING:
    from collections.abc import Sequence

    from newsletter.providers.base import SubmitResult

_HOPELESS: Final = 32
"""Refusals in a row after which the fault is not a subscriber's. Halving needs fewer, however many
subscribers spoil requests: a few for each request in flight, then ten to find one of 1,000."""
_FEW: Final = 2
_MANY: Final = 9
"""So many suspects may be the last of a mailing, when no other letter is left to compare with: one
in a hundred of the accepted letters, but at least the first number and at most the second."""


class Bisection:
    """What is still to be tried of requests that were refused as a whole; no letter of them left.

    A letter that is refused alone is its subscriber's fault only if it is refused once more after
    the same letter was accepted for another. Until then they are a suspect, and others go first.
    """

    def __init__(self) -> None:
        self._parts: deque[tuple[str, ...]] = deque()
        self._refused_last: set[str] = set()
        self._provable: set[str] = set()
        self._last_chance: set[str] = set()
        self._in_a_row = 0
        self.reason = ""

    @property
    def suspects(self) -> set[str]:
        """References that were refused alone and had no last chance yet."""
        return self._refused_last | self._provable

    @property
    def hopeless(self) -> bool:
        """Whether too much was refused in a row to be the subscribers' fault."""
        return self._in_a_row >= _HOPELESS

    def accepted(self) -> None:
        """Note that the letter was accepted for a subscriber."""
        self._in_a_row = 0
        self._provable |= self._refused_last
        self._refused_last = set()

    def refused(self, refs: tuple[str, ...], reason: str) -> None:
        """Note that a request was refused as a whole; split it in halves."""
        self.reason = reason
        self._in_a_row += 1
        if len(refs) == 1:
            self._refused_last.update(refs)
            return
        middle = len(refs) // 2
        # All parts of one half come before the other half. So a part is soon small enough to be
        # accepted, if the letter can be, even where every request holds a subscriber who spoils it.
        self._parts.extendleft((refs[middle:], refs[:middle]))

    def next(self) -> tuple[str, ...]:
        """Return the references to try next; empty if there are none."""
        return self._parts.popleft() if self._parts else ()

    def try_suspects(self, accepted: int) -> bool:
        """Give suspects a last chance, if that can prove anything; no other letters are left.

        Args:
            accepted: For how many subscribers the letter was accepted, in this run or before.
        """
        if accepted and len(self._refused_last) <= min(_MANY, max(_FEW, accepted // 100)):
            self._provable |= self._refused_last
            self._refused_last = set()
        chosen, self._provable = self._provable, set()
        self._parts += [(ref,) for ref in sorted(chosen)]
        self._last_chance |= chosen
        return bool(chosen)

    def reject_last_chance(self, answer: SubmitResult, refs: Sequence[str]) -> SubmitResult:
        """Return an answer in which a subscriber refused at their last chance is rejected."""
        if not (self._last_chance and self._last_chance.issuperset(refs)):
            return answer
        outcomes = {
            ref: RecipientRejected(said.reason)
            if isinstance(said, RequestRefused) and said.divisible
            else said
            for ref, said in answer.outcomes.items()
        }
        return replace(answer, outcomes=outcomes)
