"""What one row of a file says about one person; knows nothing of who is on the list."""

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
from newsletter.states import LEFT, SEVERITY
from newsletter.subscriptions.csv_cells import unguard

if TYPE_CHECKING:
    from newsletter.imports.columns import Columns, StatusColumn
    from newsletter.imports.csv_file import Record

SOURCE = "import"

# Year, month, day: the one order that no country reads otherwise. A space before the offset and
# a second zone after it are Go's (listmonk).
_MOMENT = re.compile(
    r"(\d{4})[-/](\d\d)[-/](\d\d)"
    r"(?:[ T](\d\d:\d\d(?::\d\d)?)(?:[.,]\d+)? ?(Z|UTC|[+-]\d\d:?\d\d)?(?: UTC)?)?",
    re.IGNORECASE,
)
# The compact form of ISO 8601, with its time: 20110122T111244 (MailUp).
_COMPACT = re.compile(r"(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)(Z?)", re.IGNORECASE)
_FIRST_YEAR = 1990  # nobody subscribed by email earlier: such a date is a program's zero
_A_DAY = timedelta(days=1)  # dates without a zone may seem to lie ahead
_WORD_LIMIT = 40

_plain = functools.lru_cache(maxsize=1024)(formats.plain)
_A_DATE = "\0"
_ITEM = re.compile(r"[^\W\d_][\w ]*")


class RefusedRow(Exception):  # noqa: N818 - it is no failure of the program
    """A row that changes nothing: ``invalid`` if it cannot be read, else skipped."""

    def __init__(self, reason: str, *, invalid: bool = True) -> None:
        super().__init__(reason)
        self.reason = reason
        self.invalid = invalid


@dataclass(frozen=True, slots=True)
class RowParser:
    """Parses the rows of one file.

    Attributes:
        unstated: What somebody is whose row does not tell, if the author said so.
        suppress: Everybody in the file left, whatever it says.
        leavers_only: Only rows of people who left count.
        now: The moment of the import; no date in a row can be later.
        garbled: Names whose encoding was wrong, by line: what stood there, and what it became.
    """

    columns: Columns
    now: datetime
    unstated: SubscriberStatus | None = None
    suppress: bool = False
    leavers_only: bool = False
    garbled: dict[int, str | None] = field(default_factory=dict)

    def parse(self, record: Record) -> ImportedRow:
        """Return what a record says.

        Raises:
            RefusedRow: It cannot be read, or does not tell that this person subscribed or left.
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
            raise RefusedRow("did not leave, says the file", invalid=False)
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
        told: list[SubscriberStatus] = []
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
                told.append(status)
        if not told and (unstated := self.columns.untold or self.unstated):
            told.append(unstated)
        return self._verdict(told, unknown)

    def _explained(self, column: StatusColumn, word: str) -> SubscriberStatus | None:
        """Return what a text that is no plain word of a status column stands for."""
        if looks_like_date(word):
            return column.date
        if word.startswith("["):  # a JSON list (Klaviyo)
            found = [words.WORDS.get(item) for item in _items(word)]
        else:
            found = [words.WORDS.get(word), words.leading_status(word)]
        told = [status for status in (*found, column.otherwise) if status and status in LEFT]
        return max(told, key=SEVERITY.index) if told else None

    def _verdict(self, told: list[SubscriberStatus], unknown: str) -> SubscriberStatus:
        worst = max(told, key=SEVERITY.index) if told else None
        if worst in LEFT:
            return worst
        if self.suppress:
            return SubscriberStatus.UNSUBSCRIBED
        if unknown:
            # An address in a wrong column may not end up in a report.
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
            # Leaving counts, whatever stands beside it.
            if status not in LEFT:
                raise RefusedRow(str(error)) from None
        return None

    def _readable(self, line: int, name: str) -> str:
        """Return a name with its encoding put right, or nothing if that cannot be done."""
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
    """Read a date with its year first, to the second, as UTC unless it says otherwise.

    Anything else is not guessed (03-04-2024 is two different days), nor is a date before email
    or after now: then it is None.
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
            # The ipaddress module says the same, ten times slower.
            try:
                socket.inet_pton(family, text)
            except (OSError, ValueError):
                continue
            return text
    return None
