"""Parse one row of a file: what it says about one person, without a look at the list."""

from __future__ import annotations

import functools
import re
import socket
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from newsletter.addresses import parse_address
from newsletter.imports import formats, names, words
from newsletter.imports.merge import ImportedRow
from newsletter.imports.screening import looks_like_date
from newsletter.model import SubscriberStatus
from newsletter.states import LEAST_RESTRICTIVE_FIRST, LEFT
from newsletter.subscriptions.csv_cells import unguard

if TYPE_CHECKING:
    from newsletter.imports.columns import Columns, StatusColumn
    from newsletter.imports.csv_file import Record

SOURCE = "import"

# Year, month, day: the only order that means the same in every country. Go (listmonk) writes a
# space before the offset and a second zone after it.
_MOMENT = re.compile(
    r"(\d{4})[-/](\d\d)[-/](\d\d)"
    r"(?:[ T](\d\d:\d\d(?::\d\d)?)(?:[.,]\d+)? ?(Z|UTC|[+-]\d\d:?\d\d)?(?: UTC)?)?",
    re.IGNORECASE,
)
# The compact form of ISO 8601, with its time: 20110122T111244 (MailUp).
_COMPACT = re.compile(r"(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)(Z?)", re.IGNORECASE)
_FIRST_YEAR = 1990  # an earlier date is a program's zero: there were no newsletters by email
_A_DAY = timedelta(days=1)  # a date without a zone can seem to be in the future
_WORD_LIMIT = 40

_plain = functools.lru_cache(maxsize=1024)(formats.plain)
_A_DATE = "\0"
_ITEM = re.compile(r"[^\W\d_][\w ]*")


class RefusedRow(Exception):  # noqa: N818 - the program itself does not fail
    """A row that changes nothing: ``invalid`` if it cannot be parsed, otherwise skipped."""

    def __init__(self, reason: str, *, invalid: bool = True) -> None:
        super().__init__(reason)
        self.reason = reason
        self.invalid = invalid


@dataclass(frozen=True, slots=True)
class RowParser:
    """Parses the rows of one file.

    Attributes:
        now: The time of the import; a date in a row cannot be later.
        default_status: The status of a row that gives none, if the author set one.
        suppress: Everyone in the file left, whatever their row says.
        leavers_only: Only rows of people who left count.
        garbled: Names in a wrong encoding, by line: the repaired name, or None if it is lost.
    """

    columns: Columns
    now: datetime
    default_status: SubscriberStatus | None = None
    suppress: bool = False
    leavers_only: bool = False
    garbled: dict[int, str | None] = field(default_factory=dict)

    def parse(self, record: Record) -> ImportedRow:
        """Return what a record says about a person.

        Raises:
            RefusedRow: The record cannot be parsed, or does not say that they subscribed or left.
        """
        cells, columns = record.cells, self.columns
        if record.broken:
            raise RefusedRow("broken quotes")
        if len(cells) < columns.width:
            cells = cells + [""] * (columns.width - len(cells))
        elif len(cells) > columns.width and any(map(str.strip, cells[columns.width :])):
            raise RefusedRow("more cells than columns")
        try:
            address = parse_address(unguard(cells[columns.email]))
        except ValueError as error:
            raise RefusedRow(str(error)) from None
        status = self._status(cells)
        if self.leavers_only and status not in LEFT:
            raise RefusedRow("not unsubscribed in the file", invalid=False)
        agreed_at = self._first_moment(cells, columns.opted_in_at)
        created_at, confirmed_at, source = self._history(cells, status, agreed_at)
        return ImportedRow(
            address,
            self._name(record.line, cells, status),
            status,
            agreed_at,
            self._first_moment(cells, columns.left_at) if status in LEFT else None,
            _first_ip(cells, columns.ip),
            created_at,
            confirmed_at,
            source,
        )

    def _status(self, cells: list[str]) -> SubscriberStatus:
        found: list[SubscriberStatus] = []
        unknown = ""
        for column in self.columns.status:
            word = _plain(cells[column.number])
            if word in words.BLANK:
                status = column.blank
            elif word in column.words:
                status = column.words[word]
            else:
                status = self._explained(column, word)
                if status is None:
                    date = looks_like_date(word)
                    unknown = unknown or (f"{_A_DATE}{word}" if date else word)
            if status:
                found.append(status)
        if not found and (default_status := self.columns.default_status or self.default_status):
            found.append(default_status)
        return self._decide(found, unknown)

    def _explained(self, column: StatusColumn, word: str) -> SubscriberStatus | None:
        """Return the status that a text means which is no plain word of its column."""
        if looks_like_date(word):
            return column.date
        if word.startswith("["):  # a JSON list (Klaviyo)
            found = [words.WORDS.get(item) for item in _items(word)]
        else:
            found = [words.WORDS.get(word), words.leading_status(word)]
        left = [status for status in (*found, column.otherwise) if status and status in LEFT]
        return max(left, key=LEAST_RESTRICTIVE_FIRST.index) if left else None

    def _decide(self, found: list[SubscriberStatus], unknown: str) -> SubscriberStatus:
        worst = max(found, key=LEAST_RESTRICTIVE_FIRST.index) if found else None
        if worst in LEFT:
            return worst
        if self.suppress:
            return SubscriberStatus.UNSUBSCRIBED
        if unknown:
            # An address in a wrong column must not appear in a report.
            shown = f'"{unknown[:_WORD_LIMIT]}"' if "@" not in unknown else "an address"
            if unknown.startswith(_A_DATE):
                raise RefusedRow("a date where a status belongs", invalid=False)
            raise RefusedRow(f"unknown status {shown}", invalid=False)
        if worst is None:
            raise RefusedRow("no status given", invalid=False)
        return worst

    def _name(self, line: int, cells: list[str], status: SubscriberStatus) -> str | None:
        columns = self.columns
        try:
            if columns.first_name is not None:
                return names.first_name(self._readable(line, unguard(cells[columns.first_name])))
            if columns.full_name is not None:
                return names.first_of(self._readable(line, unguard(cells[columns.full_name])))
        except ValueError as error:
            # An unsubscribe counts, whatever else is wrong in the row.
            if status not in LEFT:
                raise RefusedRow(str(error)) from None
        return None

    def _readable(self, line: int, name: str) -> str:
        """Return a name with its encoding repaired, or nothing if that is not possible."""
        if not names.is_garbled(name):
            return name
        repaired = names.repaired(name)
        self.garbled[line] = repaired
        return repaired or ""

    def _first_moment(self, cells: list[str], numbers: tuple[int, ...]) -> datetime:
        for number in numbers:
            if cells[number] and (moment := parse_moment(cells[number], self.now)):
                return moment
        return self.now

    def _history(
        self, cells: list[str], status: SubscriberStatus, agreed_at: datetime
    ) -> tuple[datetime, datetime | None, str]:
        own = self.columns.own
        if own is None:
            return self.now, agreed_at if status is SubscriberStatus.ACTIVE else None, SOURCE
        return (
            parse_moment(cells[own.created_at], self.now) or self.now,
            parse_moment(cells[own.confirmed_at], self.now),
            unguard(cells[own.source]).strip() or SOURCE,
        )


def _items(word: str) -> list[str]:
    return [item.strip() for item in _ITEM.findall(word)]


def parse_moment(text: str, now: datetime) -> datetime | None:
    """Parse a date that starts with the year, to the second; without a zone it is in UTC.

    Return None for anything else (03-04-2024 can be two different days), for a date before
    there was email, and for a date in the future.
    """
    text = text.strip()
    if compact := _COMPACT.fullmatch(text):
        text = "{}-{}-{} {}:{}:{}{}".format(*compact.groups())
    found = _MOMENT.fullmatch(text)
    if not found:
        return None
    year, month, day, clock, zone = found.groups()
    zone = "" if (zone or "UTC").upper() in {"Z", "UTC"} else zone
    try:
        moment = datetime.fromisoformat(f"{year}-{month}-{day}T{clock or '00:00'}{zone}")
        moment = moment.astimezone(UTC) if zone else moment.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        return None
    return moment if moment.year >= _FIRST_YEAR and moment <= now + _A_DAY else None


def _first_ip(cells: list[str], numbers: tuple[int, ...]) -> str | None:
    for number in numbers:
        text = cells[number].strip()
        for family in (socket.AF_INET, socket.AF_INET6):
            # The ipaddress module gives the same result ten times slower.
            try:
                socket.inet_pton(family, text)
            except (OSError, ValueError):
                continue
            return text
    return None
