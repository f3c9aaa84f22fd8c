"""Decide what a row of a file changes for a subscriber, without reading or writing the list."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from newsletter.model import ListChange, SubscriberStatus
from newsletter.states import LEFT
from newsletter.store.subscribers import NewSubscriber

if TYPE_CHECKING:
    from datetime import datetime

    from newsletter.addresses import Address
    from newsletter.model import Subscriber


class ImportedRow(NamedTuple):
    """One row of a file: what it says about one person.

    A time that the file does not give, or that cannot be read, is the time of the import. Only
    our own export gives the last three fields.

    Attributes:
        agreed_at: When they agreed to get letters.
        left_at: When they left, if they did.
        ip: The IP address from which they agreed.
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
    """A person in a file: their place on the list before the import, and what the rows change.

    Attributes:
        was: Who they were before the import; None if they were not on it.
        seen: An earlier row of the file named them.
        suppression: Why their address may not be mailed, if only its hash is kept; or nothing.
        added_by: The row that puts them on the list, if they were not on it.
        named_as_left: A row says that they left, or did not confirm.
        agreed: When and from which IP address they agreed, if a row makes them active.
    """

    was: Subscriber | None
    seen: bool = False
    suppression: str = ""
    status: SubscriberStatus | None = None
    first_name: str | None = None
    added_by: ImportedRow | None = None
    agreed: tuple[datetime, str | None] | None = None
    confirmed_at: datetime | None = None
    named_as_left: bool = False
    left_at: datetime | None = None

    def __post_init__(self) -> None:
        if self.was:
            self.status, self.first_name = self.was.status, self.was.first_name

    def apply(self, row: ImportedRow) -> tuple[ListChange, str]:
        """Apply one more row; return what it changes, and the reason if it is skipped."""
        result = self._apply(row)
        self.seen = True
        return result

    def _apply(self, row: ImportedRow) -> tuple[ListChange, str]:
        self.named_as_left = self.named_as_left or row.status is not SubscriberStatus.ACTIVE
        if self.suppression:
            return ListChange.SKIPPED, f"{self.suppression} here"
        if row.status in LEFT:
            if self.status not in LEFT:
                self._add_with(row)
                self.status, self.left_at = row.status, row.left_at
            return ListChange.SKIPPED, f"{row.status} in the file"
        if row.status is SubscriberStatus.PENDING:
            if self.status is None:
                self._add_with(row)
            return ListChange.SKIPPED, "not confirmed in the file"
        if self.status in LEFT:
            return ListChange.SKIPPED, f"{self.status} {'in the file' if self.seen else 'here'}"
        return self._subscribe(row), ""

    def _subscribe(self, row: ImportedRow) -> ListChange:
        if self.status is not SubscriberStatus.ACTIVE:
            result = ListChange.UPDATED if self.status else ListChange.ADDED
            self._add_with(row)
            self.status, self.confirmed_at = SubscriberStatus.ACTIVE, row.confirmed_at
            self.agreed = (row.agreed_at, row.ip)
            self.first_name = row.first_name or self.first_name
            return result
        # The first of several rows decides, so that a second import of the file changes nothing.
        if self.seen or not row.first_name or row.first_name == self.first_name:
            return ListChange.UNCHANGED
        self.first_name = row.first_name
        return ListChange.UPDATED

    def _add_with(self, row: ImportedRow) -> None:
        if self.status is None:
            self.added_by, self.status, self.first_name = row, row.status, row.first_name
            self.confirmed_at = row.confirmed_at

    @property
    def new_name(self) -> str | None:
        """The first name that replaces the one on the list, if it changes."""
        was = self.was.first_name if self.was else None
        return self.first_name if self.first_name != was else None

    @property
    def left_as(self) -> SubscriberStatus | None:
        """The status with which the file takes them off the list, if it does."""
        left = self.status in LEFT and self.was is not None and self.was.status not in LEFT
        return self.status if left else None

    def new_subscriber(self) -> NewSubscriber | None:
        """Return the subscriber to add, if they were not on the list."""
        row = self.added_by
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
