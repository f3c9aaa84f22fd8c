"""Files on this machine that hold personal data: who may read them, and copies of the database."""

from __future__ import annotations

import contextlib
import sqlite3
import stat
from pathlib import Path
from typing import TYPE_CHECKING, Final

import sqlalchemy as sa

from newsletter.config import SECRETS_FILE
from newsletter.errors import NewsletterError
from newsletter.operating_system import has_file_modes
from newsletter.store.columns import UtcDateTime
from newsletter.store.schema import copies as table
from newsletter.store.url import SqliteFile, locate

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator
    from datetime import datetime

    from newsletter.config import Settings

_OTHERS: Final = stat.S_IRWXO

_SUFFIXES: Final = ("", "-wal", "-shm")


def close_to_others(settings: Settings) -> list[str]:
    """Take the rights of all other users away from these files; return a warning for each.

    The rights of a group stay: a web app and a timer may run as two users of one group.
    """
    if not has_file_modes():
        return []
    return [said for path in _files(settings) if (said := _close(path))]


def open_to_others(settings: Settings) -> list[str]:
    """Return what all other users can do, such as "use secret-key"; changes nothing."""
    if not has_file_modes():
        return []
    found = [path for path in _files(settings) if _rights(path) & _OTHERS]
    names = [path.name for path in found if path != settings.state]
    rights = [f"use {', '.join(names)}"] if names else []
    if _rights(settings.state) & stat.S_IWOTH:
        rights.append(f"replace what is in {settings.state.name}")
    elif settings.state in found:
        rights.append(f"list what is in {settings.state.name}")
    return rights


def _rights(path: Path) -> int:
    """Return who may use a file; nobody, if it is not made yet or belongs to another."""
    try:
        return stat.S_IMODE(path.stat().st_mode)
    except OSError:
        return 0


def _files(settings: Settings) -> Iterator[Path]:
    yield settings.state
    yield settings.state / "secret-key"
    yield settings.state / SECRETS_FILE
    place = locate(settings)
    if isinstance(place, SqliteFile):
        for suffix in _SUFFIXES:
            yield place.path.with_name(f"{place.path.name}{suffix}")


def _close(path: Path) -> str:
    mode = _rights(path)
    if not mode & _OTHERS:
        return ""
    verb = "use" if not path.is_dir() or mode & stat.S_IWOTH else "list"
    problem = f"{path.name}: every user of this machine could {verb} it"
    try:
        path.chmod(mode & ~_OTHERS)
        closed = not stat.S_IMODE(path.stat().st_mode) & _OTHERS
    except OSError:
        closed = False
    if closed:
        return f"{problem}; now only its owner and group can"
    right = 700 if path.is_dir() else 600
    return (
        f"{problem}, and that cannot be changed from here. As its owner: chmod {right} {path.name}"
    )


_MARK: Final = ".before-"

_BESIDE: Final = ("-wal", "-shm", "-journal")
"""What SQLite itself puts beside a file (sqlite.org/tempfiles.html)."""

_CHUNK: Final = 1 << 20

_RECORD: Final = sa.text(
    "INSERT INTO copies (path, made_at) VALUES (:path, :at) ON CONFLICT DO NOTHING"
).bindparams(sa.bindparam("at", type_=UtcDateTime))


def copy_path(path: Path, revision: str) -> Path:
    """Return the path of the copy that is made before a migration."""
    return path.with_name(f"{path.name}{_MARK}{revision}")


def record_copy(connection: sa.Connection, copy: Path, moment: datetime) -> None:
    """Record that a copy was made, in the transaction that migrates."""
    connection.execute(_RECORD, {"path": str(copy.absolute()), "at": moment})


def recorded_copies(connection: sa.Connection) -> list[Path]:
    """Return the paths of copies, whether they still exist or not."""
    return [Path(path) for path in connection.scalars(sa.select(table.c.path))]


def remove_copies(
    path: Path, noted: Collection[Path], *, public_id: str, addresses: Collection[str]
) -> None:
    """Remove the copies of a database file that hold a subscriber.

    A copy is found by its name beside the file, compared without patterns, because a name may hold
    their signs; and by the list in the database, because the file may have had another name or
    folder when it was copied.

    Args:
        path: Of the file.
        noted: The recorded paths of copies.
        public_id: Theirs, because their address may have changed; empty if it is not known.
        addresses: Of theirs, as they were given or are compared.

    Raises:
        NewsletterError: One cannot be read or removed.
    """
    known = {address.lower() for address in addresses} - {""}
    for copy in sorted(_existing_copies(path, noted)):
        try:
            if _knows(copy, public_id, known):
                for suffix in ("", *_BESIDE):
                    Path(f"{copy}{suffix}").unlink(missing_ok=True)
        except (OSError, sqlite3.Error):
            raise NewsletterError(
                "an older copy of the database may still hold this subscriber",
                where=copy.name,
                hint="Remove that copy if you no longer need it",
            ) from None


def _existing_copies(path: Path, noted: Collection[Path]) -> set[Path]:
    start = f"{path.name}{_MARK}"
    try:
        beside = [one for one in path.absolute().parent.iterdir() if one.name.startswith(start)]
    except OSError as error:
        raise NewsletterError(
            f"the folder of the database cannot be read: {error.strerror}",
            where=path.parent.name,
            hint="Give this user the right to read it, then run it again",
        ) from None
    moved = [path.absolute().with_name(one.name) for one in noted]
    found = {one for one in (*beside, *noted, *moved) if not one.name.endswith(_BESIDE)}
    found.discard(path.absolute())
    return {one for one in found if one.is_file()}


def _knows(copy: Path, public_id: str, addresses: Collection[str]) -> bool:
    """Return whether a copy holds a subscriber: as a row, or by an address in its bytes."""
    uri = f"{copy.absolute().as_uri()}?immutable=1"
    with contextlib.closing(sqlite3.connect(uri, uri=True)) as old:
        rows = old.execute("SELECT public_id, email_key FROM subscribers")
        if any(row[0] == public_id or row[1] in addresses for row in rows):
            return True
    files = [Path(f"{copy}{suffix}") for suffix in ("", *_BESIDE)]
    return any(_holds(file, addresses) for file in files if file.is_file())


def _holds(file: Path, addresses: Collection[str]) -> bool:
    needles = [address.encode() for address in addresses]
    keep = max(map(len, needles), default=1) - 1
    before = b""
    with file.open("rb") as stream:
        while chunk := stream.read(_CHUNK):
            text = (before + chunk).lower()
            if any(needle in text for needle in needles):
                return True
            before = text[-keep:] if keep else b""
    return False
