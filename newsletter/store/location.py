"""Where the database is: what `NEWSLETTER_DATABASE_URL` says."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from newsletter.config import make_private
from newsletter.errors import NewsletterError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from newsletter.config import Settings

VARIABLE = "NEWSLETTER_DATABASE_URL"
_POSTGRESQL = {"postgresql", "postgres"}


@dataclass(frozen=True, slots=True)
class SqliteFile:
    """A file, beside which SQLite keeps its log."""

    path: Path

    @property
    def name(self) -> str:
        """How errors call it."""
        return self.path.name


@dataclass(frozen=True, slots=True)
class Server:
    """A database on a PostgreSQL server, or behind a pooler.

    Attributes:
        parameters: As libpq names them (postgresql.org/docs/current/libpq-connect.html).
    """

    # They may hold a password: never shown, not even in a traceback.
    parameters: Mapping[str, str] = field(repr=False)

    @property
    def name(self) -> str:
        """How errors call it: not by its host, for a log may be public."""
        return VARIABLE


def locate(settings: Settings) -> SqliteFile | Server:
    """Return where the newsletter's database is; nothing is opened.

    Raises:
        NewsletterError: The URL is none that this program can use. It is not shown.
    """
    url = settings.database_url
    if not url:
        return SqliteFile(make_private(settings.state) / "newsletter.db")
    if url.partition("://")[0] in _POSTGRESQL:
        return Server(_parameters(url))
    kind, mark, place = url.partition(":///")
    if kind != "sqlite" or not mark or not place or "?" in place or place == ":memory:":
        raise NewsletterError(
            "is not a database that this program can use",
            where=VARIABLE,
            hint="Write sqlite:///path/to/file.db or postgresql://user@host/name, or unset it",
        )
    return SqliteFile(settings.root / place)


def has_password(url: str) -> bool:
    """Tell whether a PostgreSQL URL holds a password."""
    return url.partition("://")[0] in _POSTGRESQL and "password" in _parameters(url)


def without_password(url: str) -> str:
    """Return a database's URL as it may be shown."""
    parts = urlsplit(url)
    if not parts.netloc and not parts.query:
        return url  # a file; and its three slashes would not all come back
    user, mark, host = parts.netloc.rpartition("@")
    query = "&".join(p for p in parts.query.split("&") if not p.startswith("password="))
    return parts._replace(netloc=user.partition(":")[0] + mark + host, query=query).geturl()


def _parameters(url: str) -> Mapping[str, str]:
    # Slow to import, and SQLite needs none of it.
    import psycopg  # noqa: PLC0415
    from psycopg.conninfo import conninfo_to_dict  # noqa: PLC0415

    try:
        found = conninfo_to_dict(url)
        # A password with a slash ends up here; libpq would tell it only while connecting.
        [int(port) for port in str(found.get("port", 5432)).split(",") if port]
    except (psycopg.Error, ValueError):
        # What libpq says of it may quote a part of the password.
        raise NewsletterError(
            "is not an address of PostgreSQL that can be read",
            where=VARIABLE,
            hint="Write postgresql://user@host/name, and give the password in PGPASSWORD "
            "(in a URL, its special characters are written as %40 and the like)",
        ) from None
    return {name: str(value) for name, value in found.items() if value is not None}
