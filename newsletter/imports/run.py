"""Import a list from another tool: only people who are surely subscribed become active.

The file is read some thousand rows at a time, and each chunk has its own transaction, so memory
stays flat and subscribers can unsubscribe meanwhile. After an interruption, run the import again:
rows that were already imported change nothing.
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
from newsletter.imports import csv_file, names
from newsletter.imports.leavers import LeaverCount, Leavers
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

    from newsletter.imports.columns import Columns
    from newsletter.imports.csv_file import CsvFile, Record
    from newsletter.model import Subscriber
    from newsletter.store import Connection, Store
    from newsletter.store.subscribers import NewSubscriber

_AT_A_TIME = 4000  # takes a fifth of a second, in which no other process can write
_REASONS = 100  # more different reasons do not help, and would fill the memory
_REJECTED = 100  # rows kept for the report; the file of `rejects` has all of them


@dataclass(frozen=True, slots=True)
class ImportOptions:
    """What the author says about a file.

    Attributes:
        consent: What the people in it agreed to.
        mapping: The columns that `--map` names, by field (of `formats.FIELDS`); status may have
            several.
        ignore: Columns that look like a status but do not show who is subscribed.
        all_subscribed: A row that gives no status is of an active subscriber.
        as_suppressed: Everyone in the file left.
        leavers_only: Only people who left are stored.
        dry_run: Only count; the list does not change.
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
class RejectedRow:
    """A row that was skipped or is invalid: its line, and the reason."""

    line: int
    reason: str


@dataclass(frozen=True, slots=True)
class ImportReport:
    """The result of an import; added, updated, unchanged, skipped and invalid add up to rows.

    Attributes:
        id: The id with which `undo` undoes it; None for a dry run.
        rejected: The first rows that were skipped or invalid.
        remarks: Other things that the author should know.
        leavers: The people of whom the file says that they left.
        undoable: It changed something that `undo` would change back.
    """

    rows: int
    added: int
    updated: int
    unchanged: int
    skipped: int
    invalid: int
    reasons: Mapping[str, int]
    id: str | None = field(default=None, compare=False)
    rejected: tuple[RejectedRow, ...] = ()
    remarks: tuple[str, ...] = ()
    leavers: Leavers = field(default_factory=Leavers, compare=False)
    undoable: bool = field(default=False, compare=False)


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
        progress: Called after each chunk with the number of rows done and of all rows.

    Raises:
        NewsletterError: The whole file cannot be used; nothing was stored.
    """
    file, columns = _inspected(path, options)
    with store.read() as connection:
        moment = now(connection).replace(microsecond=0)
        run = _Run(options.consent, moment, subscribers.newest_id(connection))
    parser = RowParser(
        columns,
        moment,
        default_status=SubscriberStatus.ACTIVE if options.all_subscribed else None,
        suppress=options.as_suppressed,
        leavers_only=options.leavers_only,
    )
    with (
        gc_tuning.gc_manual() as collect,
        _rejects(options.rejects, file.header) as reject,
        _writing(store, options) as writing,
    ):
        with writing() as connection:
            run.begin(connection)
        for chunk in _chunks(file.records()):
            read = [_parse(parser, record) for record in chunk]
            with writing() as connection:
                reasons = run.apply(connection, chunk, read)
            run.keep_rejected(chunk, reasons)
            reject(chunk, reasons)
            progress(run.rows, file.rows)
            collect()
    return run.report(names.garbled_remarks(parser.garbled), recorded=not options.dry_run)


def _inspected(path: Path, options: ImportOptions) -> tuple[CsvFile, Columns]:
    """Read a file once to its end; return its format and its columns.

    Raises:
        NewsletterError: It cannot be used, or does not show who is subscribed.
    """
    screen = Screen(path.name, options.mapping, options.ignore)
    file = csv_file.inspect(
        path, lambda header: columns_.email_column(header) is not None, screen.observe
    )
    columns = screen.columns(file.header)
    if not options.as_suppressed:
        screen.check(file.header, columns)
    if not (columns.status or options.all_subscribed or options.as_suppressed):
        raise columns_.missing_status_error(
            file.header, path.name, leavers_only=options.leavers_only
        )
    return file, columns


@contextlib.contextmanager
def _writing(
    store: Store, options: ImportOptions
) -> Iterator[Callable[[], contextlib.AbstractContextManager[Connection]]]:
    """Give each chunk a transaction; a dry run has one for all, which is rolled back."""
    if not options.dry_run:
        yield store.write
        return
    with contextlib.suppress(_RollBack), store.write() as connection:
        yield lambda: contextlib.nullcontext(connection)
        raise _RollBack


class _RollBack(Exception):  # noqa: N818 - only rolls back a dry run
    pass


def _parse(parser: RowParser, record: Record) -> ImportedRow | RefusedRow:
    try:
        return parser.parse(record)
    except RefusedRow as refused:
        # Without the traceback: thousands of them are in memory at a time.
        return refused.with_traceback(None)


def _chunks(records: Iterable[Record]) -> Iterator[list[Record]]:
    records = iter(records)
    while chunk := list(itertools.islice(records, _AT_A_TIME)):
        yield chunk


@contextlib.contextmanager
def _rejects(
    path: Path | None, header: Sequence[str]
) -> Iterator[Callable[[Sequence[Record], Sequence[str]], None]]:
    """Write the rows that have a reason to a file, unchanged, for the author to correct."""
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
    """One running import: its results so far, and the subscribers that its rows named."""

    def __init__(self, consent: str, moment: datetime, newest_id: int) -> None:
        self._consent = consent
        self._moment = moment
        self._newest_id = newest_id
        # One bit for each subscriber on the list: has a row named them? Smaller than a set of ids.
        self._seen = bytearray(newest_id // 8 + 1)
        self._results: Counter[ListChange] = Counter()
        self._reasons: Counter[str] = Counter()
        self._rejected: list[RejectedRow] = []
        self._leavers = LeaverCount()
        self._undoable = False
        self._id = 0
        self._public_id = ""

    @property
    def rows(self) -> int:
        return self._results.total()

    def begin(self, connection: Connection) -> None:
        """Record the start of the import, so that it can be undone."""
        self._id, self._public_id = imports.begin(connection, self._moment)

    def report(self, remarks: tuple[str, ...], *, recorded: bool) -> ImportReport:
        """Return the results so far, with the id if the import is `recorded`."""
        counts = {result.value: self._results[result] for result in ListChange}
        return ImportReport(
            self.rows,
            **counts,
            reasons=dict(self._reasons.most_common()),
            id=self._public_id if recorded else None,
            rejected=tuple(self._rejected),
            remarks=remarks,
            leavers=self._leavers.result(),
            undoable=self._undoable,
        )

    def keep_rejected(self, records: Sequence[Record], reasons: Sequence[str]) -> None:
        """Keep the first rows that have a reason, for the report."""
        for record, reason in zip(records, reasons, strict=True):
            if len(self._rejected) >= _REJECTED:
                return
            if reason:
                self._rejected.append(RejectedRow(record.line, reason))

    def apply(
        self,
        connection: Connection,
        records: Sequence[Record],
        read: Sequence[ImportedRow | RefusedRow],
    ) -> list[str]:
        """Apply rows; return for each the reason why it was skipped or refused, or nothing."""
        keys = [row.address.key for row in read if isinstance(row, ImportedRow)]
        entries = self._entries(connection, keys)
        results = [
            self._apply_row(entries[row.address.key], row, record.line)
            if isinstance(row, ImportedRow)
            else (ListChange.INVALID if row.invalid else ListChange.SKIPPED, row.reason)
            for record, row in zip(records, read, strict=True)
        ]
        self._write(connection, entries)
        for result, reason in results:
            self._results[result] += 1
            if reason:
                known = reason in self._reasons or len(self._reasons) < _REASONS
                self._reasons[reason if known else "other reasons"] += 1
        return [reason for _, reason in results]

    def _apply_row(
        self, person: SubscriberMerge, row: ImportedRow, line: int
    ) -> tuple[ListChange, str]:
        self._leavers.see(person, row, line)
        return person.apply(row)

    def _entries(self, connection: Connection, keys: Sequence[str]) -> dict[str, SubscriberMerge]:
        found = subscribers.find(connection, keys, for_update=True)
        entries = {}
        for key in dict.fromkeys(keys):
            known = found.get(key)
            entries[key] = SubscriberMerge(
                known, seen=known is not None and self._mark_seen(known.id)
            )
        # An erased person who signs up again is pending: only they themselves can confirm.
        candidates = [
            key
            for key, entry in entries.items()
            if entry.status in {None, SubscriberStatus.PENDING}
        ]
        if candidates and suppressions.count(connection):
            secret = suppressions.hash_key(connection)
            hashes = {key: address_hash(secret, key) for key in candidates}
            suppressed = suppressions.find(connection, hashes.values())
            for key, digest in hashes.items():
                entries[key].suppression = suppressed[digest].reason if digest in suppressed else ""
        return entries

    def _mark_seen(self, id_: int) -> bool:
        """Mark that a row named this subscriber; return whether an earlier row did."""
        if id_ > self._newest_id:
            return True  # this import added them
        byte, bit = id_ // 8, 1 << id_ % 8
        before = bool(self._seen[byte] & bit)
        self._seen[byte] |= bit
        return before

    def _write(self, connection: Connection, entries: Mapping[str, SubscriberMerge]) -> None:
        self._add(
            connection, [new for entry in entries.values() if (new := entry.new_subscriber())]
        )
        self._update(connection, [(entry.was, entry) for entry in entries.values() if entry.was])
        agreed = ((key, *entry.agreed) for key, entry in entries.items() if entry.agreed)
        consents.record(connection, self._consent, SOURCE, agreed)

    def _update(
        self, connection: Connection, old: Sequence[tuple[Subscriber, SubscriberMerge]]
    ) -> None:
        confirmed = {
            was.id: entry.confirmed_at or self._moment for was, entry in old if entry.agreed
        }
        subscribers.mark_active(connection, confirmed, by_import=True)
        renamed = {was.id: entry.new_name for was, entry in old if entry.new_name}
        subscribers.rename(connection, renamed, by_import=True)
        leavers = {
            was.id: (entry.left_as, entry.left_at or self._moment)
            for was, entry in old
            if entry.left_as
        }
        subscribers.mark_left(connection, leavers, by_import=True)
        self._undoable = self._undoable or bool(confirmed or leavers)
        self._record(connection, old, leavers)

    def _add(self, connection: Connection, new_subscribers: Sequence[NewSubscriber]) -> None:
        if new_subscribers:
            self._undoable = True
            newest = subscribers.newest_id(connection)
            subscribers.add(connection, new_subscribers)
            imports.record_added(connection, self._id, newest)

    def _record(
        self,
        connection: Connection,
        old: Sequence[tuple[Subscriber, SubscriberMerge]],
        leavers: Collection[int],
    ) -> None:
        """Record what changed for people who were on the list, for `undo`."""
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
