"""The copies that migrations make of a SQLite file: finding them, and removing those of a person.

A copy is found by its name beside the file, taken letter by letter, for a name may hold what means
something in a pattern; and by the list in the database, for the file may have had another name or
folder when it was copied.
"""

from __future__ import annotations

import contextlib
import sqlite3
from pathlib import Path
from typing import TYPE_CHECKING, Final

import sqlalchemy as sa

from newsletter.errors import NewsletterError
from newsletter.store.schema import UtcDateTime
from newsletter.store.schema import copies as table

if TYPE_CHECKING:
    from collections.abc import Collection
    from datetime import datetime

_MARK: Final = ".before-"
_BESIDE: Final = ("-wal", "-shm", "-journal")
"""What SQLite itself puts beside a file (sqlite.org/tempfiles.html)."""
_CHUNK: Final = 1 << 20
_RECORD: Final = sa.text(
    "INSERT INTO copies (path, made_at) VALUES (:path, :at) ON CONFLICT DO NOTHING"
).bindparams(sa.bindparam("at", type_=UtcDateTime))


def copy_before(path: Path, revision: str) -> Path:
    """Return where the copy goes that is made before a migration."""
    return path.with_name(f"{path.name}{_MARK}{revision}")


def record(connection: sa.Connection, copy: Path, moment: datetime) -> None:
    """Note that a copy was made, in the transaction that migrates."""
    connection.execute(_RECORD, {"path": str(copy.absolute()), "at": moment})


def recorded(connection: sa.Connection) -> list[Path]:
    """Return where copies were put, whether they are still there or not."""
    return [Path(path) for path in connection.scalars(sa.select(table.c.path))]


def remove(
    path: Path, noted: Collection[Path], *, public_id: str, addresses: Collection[str]
) -> None:
    """Remove the copies of a file that know somebody.

    Args:
        path: Of the file.
        noted: Where copies were put, as far as that was recorded.
        public_id: Theirs, for they may have had another address then; empty if it is not known.
        addresses: Of theirs, as they were given or are compared.

    Raises:
        NewsletterError: One cannot be read or removed.
    """
    known = {address.lower() for address in addresses} - {""}
    for copy in sorted(_there(path, noted)):
        try:
            if _knows(copy, public_id, known):
                for suffix in ("", *_BESIDE):
                    Path(f"{copy}{suffix}").unlink(missing_ok=True)
        except (OSError, sqlite3.Error):
            raise NewsletterError(
                "an older copy of the database may still hold that person",
                where=copy.name,
                hint="Remove that copy, if you need it no more",
            ) from None


def _there(path: Path, noted: Collection[Path]) -> set[Path]:
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
    """Tell whether a copy knows somebody: as a row, or by an address anywhere in its bytes."""
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
