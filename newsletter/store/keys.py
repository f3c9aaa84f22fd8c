"""The secret keys that sign the links in letters."""

from __future__ import annotations

import contextlib
import secrets
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import sqlalchemy as sa

from newsletter.config import make_state
from newsletter.errors import NewsletterError
from newsletter.operating_system import move_new
from newsletter.store.columns import UtcDateTime
from newsletter.store.database import now
from newsletter.store.schema import signing_keys as signing_keys_table

if TYPE_CHECKING:
    from newsletter.config import Settings


_RECORD = sa.text(
    "INSERT INTO signing_keys (fingerprint, recorded_at) VALUES (:fingerprint, :at)"
    " ON CONFLICT DO NOTHING"
).bindparams(sa.bindparam("at", type_=UtcDateTime))


def signing_keys(settings: Settings) -> tuple[str, ...]:
    """Return the keys, newest first: those of the environment, else one made on first use.

    Raises:
        NewsletterError: The key file cannot be read or made.
    """
    if settings.secret_keys:
        return settings.secret_keys
    path = settings.state / "secret-key"
    try:
        if not path.exists():
            _make(settings)
        key = path.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise NewsletterError(
            f"the secret key cannot be read: {error}", where=str(path.name)
        ) from None
    if not key:
        raise NewsletterError(
            ".newsletter/secret-key is empty", hint="Put its backup back, or remove it"
        )
    return (key,)


def existing_keys(settings: Settings) -> tuple[str, ...]:
    """Return the keys as `signing_keys`, but make none; nothing if there is none.

    Raises:
        NewsletterError: The key file cannot be read.
    """
    made = (settings.state / "secret-key").exists()
    return signing_keys(settings) if settings.secret_keys or made else ()


def _make(settings: Settings) -> None:
    path = make_state(settings) / "secret-key"
    # Only its owner may read it, from the start.
    handle, name = tempfile.mkstemp(dir=settings.state)
    with open(handle, "w", encoding="ascii") as part:  # noqa: PTH123 - a handle
        part.write(secrets.token_urlsafe(32) + "\n")
    # Another process may have been first: its key stays.
    with contextlib.suppress(FileExistsError):
        move_new(Path(name), path)


def recorded_fingerprints(connection: sa.Connection) -> set[str]:
    """Return the fingerprints of all keys that have signed letters to subscribers."""
    return set(connection.scalars(sa.select(signing_keys_table.c.fingerprint)))


def record_fingerprint(connection: sa.Connection, fingerprint: str) -> None:
    """Record that a key signs letters to subscribers; nothing changes if it is recorded already."""
    connection.execute(_RECORD, {"fingerprint": fingerprint, "at": now(connection)})
