"""Count the people of whom a file says that they left, by what that changes for them."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from newsletter.model import SubscriberStatus
from newsletter.states import LEFT

if TYPE_CHECKING:
    from newsletter.imports.merge import ImportedRow, SubscriberMerge

_KEPT: Final = 100  # lines for the report


@dataclass(frozen=True, slots=True)
class Leavers:
    """The people of whom a file says that they left, each counted once.

    Attributes:
        active: Active subscribers whom the import takes off the list.
        pending: People who had not confirmed yet, and whom it takes off the list.
        new: People who were not on the list; they are kept as people who left.
        before: People who had left before.
        lines: The first lines that take someone off the list, with the status in each.
        rows: How many rows say it; several may be about one person.
    """

    active: int = 0
    pending: int = 0
    new: int = 0
    before: int = 0
    lines: tuple[tuple[int, str], ...] = ()
    rows: int = 0

    @property
    def total(self) -> int:
        """How many people they are."""
        return self.active + self.pending + self.new + self.before


class LeaverCount:
    """The leavers of a running import, so far."""

    def __init__(self) -> None:
        self._counts: Counter[str] = Counter()
        self._lines: list[tuple[int, str]] = []
        self._rows = 0

    def see(self, person: SubscriberMerge, row: ImportedRow, line: int) -> None:
        """Count a row, before it is applied to its person."""
        if row.status not in LEFT:
            return
        self._rows += 1
        if person.suppression or person.status in LEFT:
            # An earlier row of the file may be what says so; then the person was counted there.
            self._counts["before"] += not person.seen
            return
        # Who they were before the import: an earlier row of the file may have added them.
        was = person.was.status if person.was else None
        active = was is SubscriberStatus.ACTIVE
        self._counts["active" if active else "pending" if was else "new"] += 1
        if was and len(self._lines) < _KEPT:
            self._lines.append((line, row.status.value))

    def result(self) -> Leavers:
        """Return the counts."""
        return Leavers(**self._counts, lines=tuple(self._lines), rows=self._rows)
