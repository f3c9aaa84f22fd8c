"""Finding the one reader for whom a provider refuses a whole request: by halves."""

from __future__ import annotations

from collections import deque
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from newsletter.model import RecipientRejected, RequestRefused

if TYPE_CHECKING:
    from collections.abc import Sequence

    from newsletter.providers.base import SubmitResult

_HOPELESS: Final = 32
"""Refusals in a row: more than halving takes to come to somebody who spoils no request, however
many do: those under way at once, each with a few of these, and then ten for one of a thousand."""
_FEW: Final = 2
_MANY: Final = 9
"""As many may be the last of a mailing, after whom nobody is left to prove anything by: of a small
one the first number, of a large one every hundredth, and never more than the second."""


class Bisection:
    """What is still to be tried of requests that were refused as a whole; nothing of them left.

    A letter that is refused by itself is its reader's fault only if it is refused once more after
    the same letter was accepted for somebody else. Until then he is a suspect, and others go first.
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
        """Those who were refused by themselves and had no last chance yet."""
        return self._refused_last | self._provable

    @property
    def hopeless(self) -> bool:
        """So much was refused in a row that it cannot be the readers' fault."""
        return self._in_a_row >= _HOPELESS

    def accepted(self) -> None:
        """Take in that the letter was accepted for somebody."""
        self._in_a_row = 0
        self._provable |= self._refused_last
        self._refused_last = set()

    def refused(self, refs: tuple[str, ...], reason: str) -> None:
        """Take in that a request was refused as a whole."""
        self.reason = reason
        self._in_a_row += 1
        if len(refs) == 1:
            self._refused_last.update(refs)
            return
        middle = len(refs) // 2
        # The halves of one half before the other: so one is soon small enough to be accepted, if
        # the letter can be, even where those who spoil requests are spread over all of them.
        self._parts.extendleft((refs[middle:], refs[:middle]))

    def next(self) -> tuple[str, ...]:
        """Return the references to try next; empty if there are none."""
        return self._parts.popleft() if self._parts else ()

    def try_suspects(self, accepted: int) -> bool:
        """Give suspects a last chance, if that can tell anything; nobody else is left.

        Args:
            accepted: For how many readers of this mailing the letter was accepted, at any time.
        """
        if accepted and len(self._refused_last) <= min(_MANY, max(_FEW, accepted // 100)):
            self._provable |= self._refused_last
            self._refused_last = set()
        chosen, self._provable = self._provable, set()
        self._parts += [(ref,) for ref in sorted(chosen)]
        self._last_chance |= chosen
        return bool(chosen)

    def judge(self, answer: SubmitResult, refs: Sequence[str]) -> SubmitResult:
        """Return an answer in which who was refused at his last chance is rejected for good."""
        if not (self._last_chance and self._last_chance.issuperset(refs)):
            return answer
        outcomes = {
            ref: RecipientRejected(said.reason)
            if isinstance(said, RequestRefused) and said.divisible
            else said
            for ref, said in answer.outcomes.items()
        }
        return replace(answer, outcomes=outcomes)
