"""Bringing a list from elsewhere: nobody becomes active who is not surely subscribed.

A file is read some thousand rows at a time, each lot in a transaction of its own, so that
memory stays flat and readers can leave meanwhile. Running it again goes on where it stopped.
"""

from __future__ import annotations

import contextlib
import csv
import itertools
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from newsletter import gc_tuning
from newsletter.addresses import address_hash
from newsletter.imports import columns as columns_
from newsletter.imports import csv_file
from newsletter.imports.merge import ImportedRow, SubscriberMerge
from newsletter.imports.rows import SOURCE, RefusedRow, RowParser
from newsletter.imports.screening import Screen
from newsletter.model import ImportChange, ListChange, SubscriberStatus
from newsletter.store import consents, imports, subscribers, suppressions
from newsletter.store.database import now
from newsletter.subscriptions.csv_cells import guard
from newsletter.subscriptions.private_files import private_file

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
    from datetime import datetime
    from pathlib import Path

    import sqlalchemy as sa

    from newsletter.imports.columns import Columns
    from newsletter.imports.csv_file import CsvFile, Record
    from newsletter.store import Store
    from newsletter.store.subscribers import NewSubscriber, SubscriberRow

_AT_A_TIME = 4000  # a fifth of a second, for which nobody else can write
_REASONS = 100  # more different ones are no help, and would fill the memory
_REJECTED = 100  # that are kept for the report; `rejects` has all of them
_REPAIRED = 3  # shown of the names that were repaired


@dataclass(frozen=True, slots=True)
class ImportOptions:
    """What the author says about a file.

    Attributes:
        consent: What the people in it agreed to.
        mapping: The columns that `--map` names, by field (of `formats.FIELDS`); of status several.
        ignore: Columns that say nothing of who is subscribed, although they look like it.
        all_subscribed: Whoever's row does not tell is subscribed.
        as_suppressed: Everybody in it left.
        leavers_only: Only who left is stored.
        dry_run: Count only; the list stays as it is.
        rejects: Where to write the rows that were skipped or refused.
    """

    consent: str
    mapping: Mapping[str, str | Sequence[str]] = field(default_factory=dict)
    ignore: Sequence[str] = ()
    all_subscribed: bool = False
    as_suppressed: bool = False
    leavers_only: bool = False
    dry_run: bool = False
    rejects: Path | None = None


@dataclass(frozen=True, slots=True)
class Rejected:
    """A row that was skipped or is invalid: where it stands, and why."""

    line: int
    reason: str


@dataclass(frozen=True, slots=True)
class ImportReport:
    """What became of the rows: added, updated, unchanged, skipped and invalid are all of them.

    Attributes:
        id: What undoes it: see `undoing`. A dry run has none.
        rejected: The first of the rows that were skipped or invalid.
        remarks: What else the author should know.
    """

    rows: int
    added: int
    updated: int
    unchanged: int
    skipped: int
    invalid: int
    reasons: Mapping[str, int]
    id: str | None = field(default=None, compare=False)
    rejected: tuple[Rejected, ...] = ()
    remarks: tuple[str, ...] = ()


def import_file(
    store: Store,
    path: Path,
    options: ImportOptions,
    progress: Callable[[int, int], None] = lambda _done, _total: None,
) -> ImportReport:
    """Import a CSV file.

    Args:
        store: The list.
        path: The file.
        options: What the author says about it.
        progress: Called now and then with the rows done and the rows there are.

    Raises:
        NewsletterError: The file as a whole cannot be used; nothing was written.
    """
    file, columns = _inspected(path, options)
    with store.read() as connection:
        moment = now(connection).replace(microsecond=0)
        run = _Run(options.consent, moment, subscribers.newest_id(connection))
    parser = RowParser(
        columns,
        moment,
        unstated=SubscriberStatus.ACTIVE if options.all_subscribed else None,
        suppress=options.as_suppressed,
        leavers_only=options.leavers_only,
    )
    with (
        gc_tuning.looked_for_when_asked() as collect,
        _rejects(options.rejects, file.header) as reject,
        _writing(store, options) as writing,
    ):
        with writing() as connection:
            run.begin(connection)
        for chunk in _chunks(file.records()):
            read = [_parse(parser, record) for record in chunk]
            with writing() as connection:
                reasons = run.take(connection, read)
            run.note(chunk, reasons)
            reject(chunk, reasons)
            progress(run.rows, file.rows)
            collect()
    return run.report(_remarks(parser.garbled), known=not options.dry_run)


def _inspected(path: Path, options: ImportOptions) -> tuple[CsvFile, Columns]:
    """Read a file once to its end; return what it is and which column is what.

    Raises:
        NewsletterError: It cannot be used, or does not tell who is subscribed.
    """
    screen = Screen(path.name, options.mapping, options.ignore)
    file = csv_file.inspect(
        path, lambda header: columns_.email_column(header) is not None, screen.watch
    )
    columns = screen.columns(file.header)
    if not options.as_suppressed:
        screen.verdict(file.header, columns)
    if not (columns.status or options.all_subscribed or options.as_suppressed):
        raise columns_.no_status(file.header, path.name, leavers_only=options.leavers_only)
    return file, columns


def _remarks(garbled: Mapping[int, str | None]) -> tuple[str, ...]:
    """Return what to say of names that came in a wrong encoding."""
    repaired = {line: name for line, name in garbled.items() if name}
    told = []
    if repaired:
        shown = ", ".join(
            f'"{name[:40]}" (line {line})'
            for line, name in itertools.islice(repaired.items(), _REPAIRED)
        )
        told.append(
            f"{len(repaired):,} name{'s' * (len(repaired) != 1)} had been encoded twice and"
            f" {'were' if len(repaired) != 1 else 'was'} repaired: {shown}"
        )
    if lost := [line for line, name in garbled.items() if not name]:
        lines = ", ".join(map(str, lost[:_REPAIRED]))
        told.append(
            f"{len(lost):,} name{'s' * (len(lost) != 1)} came in a wrong encoding and"
            f" {'were' if len(lost) != 1 else 'was'} left out: line {lines}"
        )
    return tuple(told)


@contextlib.contextmanager
def _writing(
    store: Store, options: ImportOptions
) -> Iterator[Callable[[], contextlib.AbstractContextManager[sa.Connection]]]:
    """Give each chunk a transaction; in a dry run one for all of them, which is undone."""
    if not options.dry_run:
        yield store.write
        return
    with contextlib.suppress(_Undo), store.write() as connection:
        yield lambda: contextlib.nullcontext(connection)
        raise _Undo


class _Undo(Exception):  # noqa: N818 - it only rolls a dry run back
    pass


def _parse(parser: RowParser, record: Record) -> ImportedRow | RefusedRow:
    try:
        return parser.parse(record)
    except RefusedRow as refused:
        # Without what it was raised from: a thousand of them are held at a time.
        return refused.with_traceback(None)


def _chunks(records: Iterable[Record]) -> Iterator[list[Record]]:
    records = iter(records)
    while chunk := list(itertools.islice(records, _AT_A_TIME)):
        yield chunk


@contextlib.contextmanager
def _rejects(
    path: Path | None, header: Sequence[str]
) -> Iterator[Callable[[Sequence[Record], Sequence[str]], None]]:
    """Write down the rows that have a reason, as they were, ready to be mended."""
    if path is None:
        yield lambda _records, _reasons: None
        return
    with private_file(path, "line,reason,") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["line", "reason", *map(guard, header)])

        def reject(records: Sequence[Record], reasons: Sequence[str]) -> None:
            writer.writerows(
                [record.line, reason, *map(guard, record.cells)]
                for record, reason in zip(records, reasons, strict=True)
                if reason
            )

        yield reject


class _Run:
    """One import under way: what it did so far, and whom it met."""

    def __init__(self, consent: str, moment: datetime, newest_id: int) -> None:
        self._consent = consent
        self._moment = moment
        self._newest_id = newest_id
        # A bit for everyone who was on the list: met already? Flat, unlike a set of them.
        self._met = bytearray(newest_id // 8 + 1)
        self._results: Counter[ListChange] = Counter()
        self._reasons: Counter[str] = Counter()
        self._rejected: list[Rejected] = []
        self._id = 0
        self._public_id = ""

    @property
    def rows(self) -> int:
        return self._results.total()

    def begin(self, connection: sa.Connection) -> None:
        """Record that it begins, so that it can be undone."""
        self._id, self._public_id = imports.begin(connection, self._moment)

    def report(self, remarks: tuple[str, ...], *, known: bool) -> ImportReport:
        """Return the account so far; `known` tells whether it is recorded."""
        counts = {result.value: self._results[result] for result in ListChange}
        return ImportReport(
            self.rows,
            **counts,
            reasons=dict(self._reasons.most_common()),
            id=self._public_id if known else None,
            rejected=tuple(self._rejected),
            remarks=remarks,
        )

    def note(self, records: Sequence[Record], reasons: Sequence[str]) -> None:
        """Keep the first rows that have a reason."""
        for record, reason in zip(records, reasons, strict=True):
            if len(self._rejected) >= _REJECTED:
                return
            if reason:
                self._rejected.append(Rejected(record.line, reason))

    def take(
        self, connection: sa.Connection, read: Sequence[ImportedRow | RefusedRow]
    ) -> list[str]:
        """Apply rows; return for each the reason why it was refused, or nothing."""
        keys = [row.address.key for row in read if isinstance(row, ImportedRow)]
        entries = self._entries(connection, keys)
        verdicts = [
            entries[row.address.key].take(row)
            if isinstance(row, ImportedRow)
            else (ListChange.INVALID if row.invalid else ListChange.SKIPPED, row.reason)
            for row in read
        ]
        self._write(connection, entries)
        for result, reason in verdicts:
            self._results[result] += 1
            if reason:
                known = reason in self._reasons or len(self._reasons) < _REASONS
                self._reasons[reason if known else "other reasons"] += 1
        return [reason for _, reason in verdicts]

    def _entries(
        self, connection: sa.Connection, keys: Sequence[str]
    ) -> dict[str, SubscriberMerge]:
        found = subscribers.find(connection, keys, for_update=True)
        entries = {}
        for key in dict.fromkeys(keys):
            known = found.get(key)
            entries[key] = SubscriberMerge(known, seen=known is not None and self._meet(known.id))
        # Who was erased and asks to come back is pending: only he himself can confirm that.
        doubtful = [
            key
            for key, entry in entries.items()
            if entry.status in {None, SubscriberStatus.PENDING}
        ]
        if doubtful and suppressions.count(connection):
            secret = suppressions.hash_key(connection)
            hashes = {key: address_hash(secret, key) for key in doubtful}
            away = suppressions.find(connection, hashes.values())
            for key, digest in hashes.items():
                entries[key].kept_away = away[digest].reason if digest in away else ""
        return entries

    def _meet(self, id_: int) -> bool:
        """Note that somebody on the list was met; return whether he was before."""
        if id_ > self._newest_id:
            return True  # this import brought him
        byte, bit = id_ // 8, 1 << id_ % 8
        before = bool(self._met[byte] & bit)
        self._met[byte] |= bit
        return before

    def _write(self, connection: sa.Connection, entries: Mapping[str, SubscriberMerge]) -> None:
        self._add(connection, [new for entry in entries.values() if (new := entry.newcomer())])
        self._update(connection, [(entry.was, entry) for entry in entries.values() if entry.was])
        agreed = ((key, *entry.agreed) for key, entry in entries.items() if entry.agreed)
        consents.record(connection, self._consent, SOURCE, agreed)

    def _update(
        self, connection: sa.Connection, old: Sequence[tuple[SubscriberRow, SubscriberMerge]]
    ) -> None:
        confirmed = {
            was.id: entry.confirmed_at or self._moment for was, entry in old if entry.agreed
        }
        subscribers.mark_active(connection, confirmed, by_import=True)
        names = {was.id: entry.new_name for was, entry in old if entry.new_name}
        subscribers.rename(connection, names, by_import=True)
        leavers = {
            was.id: (entry.has_left, entry.left_at or self._moment)
            for was, entry in old
            if entry.has_left
        }
        subscribers.mark_left(connection, leavers, by_import=True)
        self._record(connection, old, leavers)

    def _add(self, connection: sa.Connection, newcomers: Sequence[NewSubscriber]) -> None:
        if newcomers:
            newest = subscribers.newest_id(connection)
            subscribers.add(connection, newcomers)
            imports.record_added(connection, self._id, newest)

    def _record(
        self,
        connection: sa.Connection,
        old: Sequence[tuple[SubscriberRow, SubscriberMerge]],
        leavers: Collection[int],
    ) -> None:
        """Record what became of people who were on the list, for `undoing`."""
        changed: dict[int, tuple[ImportChange, SubscriberStatus]] = {}
        others = [was.id for was, entry in old if was.id not in leavers and not entry.agreed]
        named = imports.of_other_imports(connection, self._id, others) if others else frozenset()
        for was, entry in old:
            if was.id in leavers:
                changed[was.id] = (ImportChange.LEFT, was.status)
            elif entry.agreed:
                changed[was.id] = (ImportChange.CONFIRMED, was.status)
            elif was.id in named:
                left = entry.named_as_left
                what = ImportChange.NAMED_AS_LEFT if left else ImportChange.NAMED
                changed[was.id] = (what, was.status)
        if changed:
            imports.record_changed(connection, self._id, changed)
