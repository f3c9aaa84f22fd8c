"""The database: whether it can be used, and is the one that is meant."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

from newsletter import config, tokens
from newsletter.delivery import preflight
from newsletter.doctor.checklist import (
    CLOCK,
    DATABASE_CLOCK,
    LEDGER,
    MIGRATIONS,
    OPEN,
    REACHABLE,
    SETTINGS_PACE,
    SIGNED_BEFORE,
    SIGNING_KEY,
    SPEED,
    SUBSCRIBERS,
)
from newsletter.doctor.findings import attempt, failure, of_error, of_problems, ok, warning
from newsletter.doctor.server import examine_server
from newsletter.doctor.sqlite_file import examine_file
from newsletter.errors import NewsletterError
from newsletter.providers import capabilities_of
from newsletter.schedule import HOURS_BETWEEN_RUNS
from newsletter.store import audiences, examination, health
from newsletter.store.database import closed, connect
from newsletter.store.url import Server, SqliteFile, locate

if TYPE_CHECKING:
    from collections.abc import Iterator

    from newsletter.config import Settings
    from newsletter.model import Diagnosis
    from newsletter.store import Store
    from newsletter.store.health import DatabaseState

_SEE_KEY: Final = f"See {SIGNING_KEY}"
_SLOW_SECONDS: Final = 1.0
_SLOW_TO_OPEN: Final = 10.0
_SKEW: Final = timedelta(minutes=1)
_FAR_OFF: Final = timedelta(minutes=10)
_BACKWARDS: Final = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class DatabaseReport:
    """What was found out about the database.

    Attributes:
        diagnoses: Each check that was made.
        ledger: Its id; empty if there is none, or it cannot be used.
        complete: It has all tables of this version.
        audience: How many subscribers a mailing would have.
        signed: A key has signed letters to subscribers.
    """

    diagnoses: tuple[Diagnosis, ...]
    ledger: str = ""
    complete: bool = False
    audience: int = 0
    signed: bool = False


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
    signed = bool(state.fingerprints)
    if state.behind or not state.ledger:
        return DatabaseReport(tuple(found), state.ledger or "", signed=signed)
    audience = 0

    def count() -> Iterator[Diagnosis]:
        nonlocal audience
        with store.read() as connection:
            audience = audiences.count_mailable(connection)
        return check_audience(settings, audience, at_forge=config.has_job_at_forge(settings))

    found += attempt(SUBSCRIBERS, count)
    found += attempt(SPEED, lambda: _check_timing(examination.measure(store)))
    if isinstance(place, SqliteFile):
        found += examine_file(store, place.path)
    else:
        found += examine_server(store)
    return DatabaseReport(
        tuple(found), state.ledger, complete=True, audience=audience, signed=signed
    )


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
    if not settings.secret_keys:
        return failure(SIGNED_BEFORE, "the key that has signed letters is not set", _SEE_KEY)
    return of_error(SIGNED_BEFORE, preflight.lost_key())


def check_audience(settings: Settings, audience: int, *, at_forge: bool) -> Iterator[Diagnosis]:
    """Check that a letter has an audience, and reaches all of it in time.

    Args:
        settings: The settings.
        audience: The number of subscribers.
        at_forge: A job at a forge sends; a timer of one's own comes back at once.
    """
    if not audience and not capabilities_of(settings).rehearsal:
        yield warning(
            SUBSCRIBERS,
            "there are no active subscribers, so nothing can be sent",
            "Bring your list into it: newsletter subscribers import FILE",
        )
    else:
        yield ok(SUBSCRIBERS, f"a letter would go to {audience:,}")
    hours = hours_to_send(audience, settings.max_per_hour, at_forge=at_forge)
    if hours > settings.finish_within_hours:
        runs = f", with a run every {HOURS_BETWEEN_RUNS} hours" * at_forge
        yield warning(
            SETTINGS_PACE,
            f"at max_per_hour = {settings.max_per_hour:g}{runs}, a letter to everyone takes "
            f"{hours:,.0f} hours; after finish_within_hours = {settings.finish_within_hours:g} it "
            "is paused",
            f"Raise one of the two in {settings.origin}",
        )
    else:
        yield ok(SETTINGS_PACE, "a letter to everyone is finished in time, as far as settings say")


def hours_to_send(audience: int, max_per_hour: float, *, at_forge: bool) -> float:
    """Return how long a letter takes at most.

    A run ends when it has sent the letters of an hour, and the next run goes on. At a forge that
    is hours later.
    """
    if not max_per_hour:
        return 0
    hours = audience / max_per_hour
    if not at_forge:
        return hours
    runs = math.ceil(audience / max(1, max_per_hour))
    return max(hours, (runs - 1) * HOURS_BETWEEN_RUNS)


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
