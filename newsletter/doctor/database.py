"""The database: whether it can be used, and is the one that is meant."""

from __future__ import annotations

import os
import tempfile
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

from newsletter import tokens
from newsletter.delivery import preflight
from newsletter.doctor.checklist import (
    CLOCK,
    DATABASE_CLOCK,
    DISK,
    ENCODING,
    INTACT,
    ISOLATION,
    JOURNAL,
    LEDGER,
    MIGRATIONS,
    OPEN,
    POOLER,
    REACHABLE,
    SETTINGS_PACE,
    SIGNED_BEFORE,
    SPACE,
    SPEED,
    SUBSCRIBERS,
    TLS,
    WRITABLE,
)
from newsletter.doctor.findings import attempt, failure, of_error, of_problems, ok, warning
from newsletter.errors import NewsletterError
from newsletter.operating_system import file_system
from newsletter.providers import capabilities_of
from newsletter.store import examination, freezing, health
from newsletter.store.database import closed, connect
from newsletter.store.url import Server, SqliteFile, locate

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from newsletter.config import Settings
    from newsletter.model import Diagnosis
    from newsletter.store import Store
    from newsletter.store.examination import ServerProperties
    from newsletter.store.health import DatabaseState

_SLOW_SECONDS: Final = 1.0
_SLOW_TO_OPEN: Final = 10.0
_SKEW: Final = timedelta(minutes=1)
_FAR_OFF: Final = timedelta(minutes=10)
_BACKWARDS: Final = timedelta(hours=1)
_ROOM: Final = 1 << 20
"""Bytes that are written to try whether there is room; a mailing to some thousands needs them."""
_NETWORK_DISKS: Final = {
    0x6969: "NFS",
    0x517B: "SMB",
    0xFF534D42: "SMB",
    0xFE534D42: "SMB",
    0x01021997: "9p",
    0x5346414F: "AFS",
}
"""As statfs numbers them: man7.org/linux/man-pages/man2/statfs.2.html."""
_ISOLATION: Final = ("read committed", "repeatable read")


@dataclass(frozen=True, slots=True)
class DatabaseReport:
    """What was found out about the database.

    Attributes:
        diagnoses: Each check that was made.
        ledger: Its id; empty if there is none, or it cannot be used.
        complete: It has all tables of this version.
        audience: How many subscribers a mailing would have.
    """

    diagnoses: tuple[Diagnosis, ...]
    ledger: str = ""
    complete: bool = False
    audience: int = 0


def examine_database(settings: Settings) -> DatabaseReport:
    """Return what is wrong with the database; nothing is made, migrated or changed."""
    try:
        place = locate(settings)
        if isinstance(place, SqliteFile) and not place.path.exists():
            return DatabaseReport((_missing_file(settings, place),))
        store = connect(place)
    except NewsletterError as error:
        return DatabaseReport((of_error(REACHABLE, error),))
    try:
        return _examine(store, place, settings)
    finally:
        store.close()


def _missing_file(settings: Settings, place: SqliteFile) -> Diagnosis:
    if capabilities_of(settings).rehearsal:
        return ok(REACHABLE, f"{place.name} is made by the first command that needs it")
    problem = next(preflight.find_ledger_problems("", settings))
    return failure(REACHABLE, problem.sentence, problem.hint)


def _examine(store: Store, place: SqliteFile | Server, settings: Settings) -> DatabaseReport:
    states: list[DatabaseState] = []
    found = [*attempt(REACHABLE, lambda: _open(store, place, states))]
    if not states:
        return DatabaseReport(tuple(found))
    (state,) = states
    found += attempt(MIGRATIONS, lambda: check_migrations(state))
    found += attempt(OPEN, lambda: check_open(state, place.name))
    if state.ledger:
        found += attempt(LEDGER, lambda: check_ledger(settings, state.ledger or ""))
        found += attempt(SIGNED_BEFORE, lambda: check_fingerprints(settings, state))
    if state.behind or not state.ledger:
        return DatabaseReport(tuple(found), state.ledger or "")
    audience = _audience(store)
    found += attempt(SUBSCRIBERS, lambda: check_audience(settings, audience))
    found += attempt(SPEED, lambda: _check_timing(examination.measure(store)))
    if isinstance(place, SqliteFile):
        found += attempt(WRITABLE, lambda: _check_file_writable(store))
        found += attempt(SPACE, lambda: check_space(place.path.parent))
        found += attempt(DISK, lambda: check_disk(_kind_of_disk(place.path)))
        found += attempt(JOURNAL, lambda: _check_file(store))
    else:
        found += attempt(WRITABLE, lambda: _check_server(examination.server_properties(store)))
    return DatabaseReport(tuple(found), state.ledger, complete=True, audience=audience)


def _open(store: Store, place: SqliteFile | Server, states: list[DatabaseState]) -> Diagnosis:
    """Read the database's state into `states`."""
    began = time.perf_counter()
    state = health.inspect(store, place)
    seconds = time.perf_counter() - began
    states.append(state)
    kind = {"sqlite": "SQLite", "postgresql": "PostgreSQL"}[state.engine]
    people = f"{state.subscribers:,} subscriber{'s' * (state.subscribers != 1)} of every status"
    if seconds > _SLOW_TO_OPEN:
        return warning(
            REACHABLE,
            f"{kind}, {people}; it took {seconds:.0f} s to open",
            "A host that pauses it makes subscribers wait as long: let it stay awake, or accept it",
        )
    return ok(REACHABLE, f"{kind}, {people}")


def check_migrations(state: DatabaseState) -> Diagnosis:
    """Check that it has this version's tables."""
    if not state.behind:
        return ok(MIGRATIONS, "it has the tables of this version")
    lacks = f"it lacks {state.behind} migration{'s' * (state.behind != 1)}"
    if state.engine == "sqlite":
        return ok(MIGRATIONS, f"{lacks}; the next command applies them, after a copy")
    return failure(MIGRATIONS, lacks, "Apply them: newsletter db upgrade")


def check_open(state: DatabaseState, name: str) -> Diagnosis:
    """Check that it was not moved elsewhere."""
    return of_error(OPEN, closed(name)) if state.closed else ok(OPEN, "it was not moved elsewhere")


def check_ledger(settings: Settings, here: str) -> Diagnosis:
    """Check that it is the database that may send."""
    if capabilities_of(settings).rehearsal and settings.ledger in {"", here}:
        return ok(LEDGER, f"it is ledger {here}")
    problems = preflight.find_ledger_problems(here, settings)
    return of_problems(LEDGER, problems, f"it is ledger {here}, as the settings say")


def check_fingerprints(settings: Settings, state: DatabaseState) -> Diagnosis:
    """Check that every key that signed letters is configured."""
    if not state.fingerprints:
        return ok(SIGNED_BEFORE, "no key has signed a letter to a subscriber yet")
    if state.fingerprints <= set(map(tokens.fingerprint, settings.secret_keys)):
        return ok(SIGNED_BEFORE, "every key that has signed letters is configured")
    if capabilities_of(settings).rehearsal and not settings.secret_keys:
        return ok(SIGNED_BEFORE, "rehearsals need no key that has signed letters")
    return of_error(SIGNED_BEFORE, preflight.lost_key())


def check_audience(settings: Settings, audience: int) -> Iterator[Diagnosis]:
    """Check that a letter has an audience, and reaches all of it in time."""
    if not audience and not capabilities_of(settings).rehearsal:
        yield warning(
            SUBSCRIBERS,
            "there are no active subscribers, so nothing can be sent",
            "Bring your list into it: newsletter subscribers import FILE",
        )
    else:
        yield ok(SUBSCRIBERS, f"a letter would go to {audience:,}")
    hours = audience / settings.max_per_hour if settings.max_per_hour else 0
    if hours > settings.finish_within_hours:
        yield warning(
            SETTINGS_PACE,
            f"at max_per_hour = {settings.max_per_hour:g}, a letter to everyone takes {hours:,.0f} "
            f"hours; after finish_within_hours = {settings.finish_within_hours:g} it is paused",
            f"Raise one of the two in {settings.origin}",
        )
    else:
        yield ok(SETTINGS_PACE, "a letter to everyone is finished in time, as far as settings say")


def _check_timing(found: examination.Timing) -> Iterator[Diagnosis]:
    yield check_speed(found.seconds)
    yield check_clocks(found.ahead)
    if found.newest and found.newest > datetime.now(UTC) + _BACKWARDS:
        yield failure(
            CLOCK,
            f"this machine's clock shows {datetime.now(UTC):%Y-%m-%d %H:%M} UTC, but the database "
            f"has a record of {found.newest:%Y-%m-%d %H:%M}",
            "Set this machine's clock",
        )


def check_speed(seconds: float) -> Diagnosis:
    """Check that a trivial query takes no time."""
    if seconds <= _SLOW_SECONDS:
        return ok(SPEED, "it answers at once")
    return warning(
        SPEED,
        f"a trivial query took {seconds:.1f} s",
        "Choose a database nearer to this machine, or see in its host's panel what slows it down",
    )


def check_clocks(ahead: float) -> Diagnosis:
    """Check that the database and this machine agree about the time."""
    off = timedelta(seconds=abs(ahead))
    if off <= _SKEW:
        return ok(DATABASE_CLOCK, "its clock agrees with that of this machine")
    side = "ahead of" if ahead > 0 else "behind"
    said = f"its clock is {off.total_seconds() / 60:,.0f} minutes {side} that of this machine"
    fix = "Set the clock that is wrong: letters are due by that of the database"
    return (failure if off > _FAR_OFF else warning)(DATABASE_CLOCK, said, fix)


def _check_file_writable(store: Store) -> Diagnosis:
    examination.take_write_lock(store)
    return ok(WRITABLE, "it can be written")


def check_space(folder: Path) -> Diagnosis:
    """Check that a file can be made in a folder and grow; it has no name and is gone afterwards."""
    try:
        with tempfile.TemporaryFile(dir=folder) as file:
            file.write(bytes(_ROOM))
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        return failure(
            SPACE,
            f"no file of {_ROOM >> 20} MB can be written beside it: {error.strerror}",
            "Free some space, and give this user the right to write that folder",
        )
    return ok(SPACE, "there is room beside it")


def _kind_of_disk(path: Path) -> int | None:
    with path.open("rb") as file:
        return file_system(file.fileno())


def check_disk(kind: int | None) -> Diagnosis:
    """Check that a file is on no network disk, whose locks cannot be relied on."""
    if kind not in _NETWORK_DISKS:
        return ok(DISK, "it is on no network disk that is known as one")
    return warning(
        DISK,
        f"it is on a network disk ({_NETWORK_DISKS[kind]}), where SQLite can be damaged",
        "Move it to a disk of this machine, or use PostgreSQL: newsletter db move",
    )


def _check_file(store: Store) -> Iterator[Diagnosis]:
    found = examination.file_properties(store)
    if found.journal == "wal" and found.synchronous:
        yield ok(JOURNAL, "write-ahead log, and each commit waits for the disk")
    else:
        yield warning(
            JOURNAL,
            f"its journal is in the mode {found.journal}, so that whoever reads waits for a send",
            "While nothing uses it: sqlite3 FILE 'PRAGMA journal_mode = WAL'; keep it off network "
            "disks",
        )
    if found.damage:
        yield failure(INTACT, f"it is damaged: {found.damage}", "Put back a backup copy")
    else:
        yield ok(INTACT, "it is not damaged")


def _check_server(found: ServerProperties) -> Iterator[Diagnosis]:
    yield check_server_writable(found)
    if found.isolation == _ISOLATION:
        yield ok(ISOLATION, "transactions are isolated as this program asks")
    else:
        yield failure(
            ISOLATION,
            f"transactions are isolated as {' and '.join(found.isolation)}, not as asked",
            "Use a pooler in transaction or session mode, or none",
        )
    if found.encoding == "UTF8":
        yield ok(ENCODING, "text of every language can be stored")
    else:
        yield failure(
            ENCODING,
            f"it stores text as {found.encoding}, in which some names cannot be written",
            "Make a database with ENCODING 'UTF8' (createdb -E UTF8), and: newsletter db move",
        )
    yield check_encryption(found)
    between = "behind a pooler, which is fine" if found.pooled else "no pooler is in between"
    yield ok(POOLER, between)


def check_encryption(found: ServerProperties) -> Diagnosis:
    """Check that addresses do not travel through the internet in the clear."""
    if found.encrypted or not found.outside:
        where = "is encrypted" if found.encrypted else "stays within this machine or network"
        return ok(TLS, f"the connection {where}")
    return warning(
        TLS,
        "subscribers' addresses travel to the server through the internet, and are not encrypted",
        "Add ?sslmode=require to the URL, or verify-full",
    )


def check_server_writable(found: ServerProperties) -> Diagnosis:
    """Check that this user may do everything that the program does."""
    if found.replica:
        return failure(
            WRITABLE,
            "it is a replica, which takes no changes",
            "Copy the URL of the primary server from its host's panel",
        )
    if found.read_only:
        return failure(
            WRITABLE,
            "it is read-only: default_transaction_read_only is on for this user or database",
            "Turn that off: ALTER ROLE … RESET default_transaction_read_only, or see at its host "
            "whether the disk or a quota is full",
        )
    if found.without_rights:
        count = len(found.without_rights)
        return failure(
            WRITABLE,
            f"this user may not change {count} of its tables, such as {found.without_rights[0]}",
            "Give this user SELECT, INSERT, UPDATE and DELETE on all tables, or use their owner",
        )
    return ok(WRITABLE, "it can be written")


def _audience(store: Store) -> int:
    try:
        with store.read() as connection:
            return freezing.count_audience(connection)
    except NewsletterError:
        return 0
