"""What a row of a file changes in who somebody is: decisions only, nothing is read or written."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from newsletter.model import ListChange, SubscriberStatus
from newsletter.states import LEFT
from newsletter.store.subscribers import NewSubscriber, SubscriberRow

if TYPE_CHECKING:
    from datetime import datetime

    from newsletter.addresses import Address


class ImportedRow(NamedTuple):
    """One person as a file has him.

    What a file does not tell, or not in a way that can be read, is as it is on the day of the
    import; only our own export tells the last three.

    Attributes:
        agreed_at: When he agreed to get letters.
        left_at: When he left, if he did.
        ip: Whence he agreed.
    """

    address: Address
    first_name: str | None
    status: SubscriberStatus
    agreed_at: datetime
    left_at: datetime | None
    ip: str | None
    created_at: datetime
    confirmed_at: datetime | None
    source: str


@dataclass(slots=True)
class SubscriberMerge:
    """Somebody whom a file names: what he was before it, and what its rows make of him.

    Attributes:
        was: Who he was on the list; None for a stranger.
        seen: An earlier row of the file named him.
        kept_away: Why only a hash of his address is kept, and it may not be mailed; or nothing.
        came_with: The row that put a stranger on the list.
        named_as_left: A row said that they left, or did not confirm.
        agreed: When and from which IP address he agreed, if a row made him active.
    """

    was: SubscriberRow | None
    seen: bool = False
    kept_away: str = ""
    status: SubscriberStatus | None = None
    first_name: str | None = None
    came_with: ImportedRow | None = None
    agreed: tuple[datetime, str | None] | None = None
    confirmed_at: datetime | None = None
    named_as_left: bool = False
    left_at: datetime | None = None

    def __post_init__(self) -> None:
        if self.was:
            self.status, self.first_name = self.was.status, self.was.first_name

    def take(self, row: ImportedRow) -> tuple[ListChange, str]:
        """Take one more row in; return what it did, and why if it was skipped."""
        verdict = self._take(row)
        self.seen = True
        return verdict

    def _take(self, row: ImportedRow) -> tuple[ListChange, str]:
        self.named_as_left = self.named_as_left or row.status is not SubscriberStatus.ACTIVE
        if self.kept_away:
            return ListChange.SKIPPED, f"{self.kept_away} here"
        if row.status in LEFT:
            if self.status not in LEFT:
                self._come(row)
                self.status, self.left_at = row.status, row.left_at
            return ListChange.SKIPPED, f"{row.status} in the file"
        if row.status is SubscriberStatus.PENDING:
            if self.status is None:
                self._come(row)
            return ListChange.SKIPPED, "not confirmed in the file"
        if self.status in LEFT:
            return ListChange.SKIPPED, f"{self.status} {'in the file' if self.seen else 'here'}"
        return self._subscribe(row), ""

    def _subscribe(self, row: ImportedRow) -> ListChange:
        if self.status is not SubscriberStatus.ACTIVE:
            result = ListChange.UPDATED if self.status else ListChange.ADDED
            self._come(row)
            self.status, self.confirmed_at = SubscriberStatus.ACTIVE, row.confirmed_at
            self.agreed = (row.agreed_at, row.ip)
            self.first_name = row.first_name or self.first_name
            return result
        # Of several rows the first decides, so that the file brings the same a second time.
        if self.seen or not row.first_name or row.first_name == self.first_name:
            return ListChange.UNCHANGED
        self.first_name = row.first_name
        return ListChange.UPDATED

    def _come(self, row: ImportedRow) -> None:
        if self.status is None:
            self.came_with, self.status, self.first_name = row, row.status, row.first_name
            self.confirmed_at = row.confirmed_at

    @property
    def new_name(self) -> str | None:
        """The first name that replaces the one on the list, if one does."""
        was = self.was.first_name if self.was else None
        return self.first_name if self.first_name != was else None

    @property
    def has_left(self) -> SubscriberStatus | None:
        """How the file takes them off the list, if it does."""
        left = self.status in LEFT and self.was is not None and self.was.status not in LEFT
        return self.status if left else None

    def newcomer(self) -> NewSubscriber | None:
        """Return whom to put on the list, if he was not on it."""
        row = self.came_with
        if row is None or self.status is None:
            return None
        return NewSubscriber(
            row.address.given,
            row.address.key,
            self.first_name,
            self.status.value,
            row.source,
            row.created_at,
            self.confirmed_at,
            self.left_at,
        )
