"""Where the database is: what `NEWSLETTER_DATABASE_URL` says."""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import quote, unquote, urlencode

from newsletter.errors import NewsletterError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from newsletter.config import Settings

VARIABLE = "NEWSLETTER_DATABASE_URL"
_POSTGRESQL: Final = {"postgresql", "postgres"}
_WRITE: Final = "Write sqlite:///path/to/file.db or postgresql://user@host/name, or unset it"
_SECRET: Final = ("password", "sslpassword")
_PERCENT: Final = (
    "Give the password in PGPASSWORD, or write its special characters as %40 (@), %23 (#), %2F (/),"
    " %3A (:), %3F (?), %25 (%)"
)
_FOREIGN: Final = frozenset(
    {
        *("pgbouncer", "connection_limit", "schema", "pool_timeout", "socket_timeout"),
        *("statement_cache_size", "sslaccept", "sslidentity", "ssl", "usessl", "currentschema"),
        *("prepared_statements", "preparethreshold", "workaround", "uselibpqcompat", "supa"),
        *("pool_mode", "pool_size", "max_overflow", "prepared_statement_cache_size", "charset"),
        *("encoding", "db-version", "protocol", "driver", "async_fallback", "sslrootcertpath"),
    }
)
"""Parameters of other programs, as hosts' panels write them into the URLs that they offer."""


@dataclass(frozen=True, slots=True)
class SqliteFile:
    """A file, beside which SQLite keeps its log."""

    path: Path

    @property
    def name(self) -> str:
        """Its name in errors."""
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
        """Its name in errors: not by its host, for a log may be public."""
        return VARIABLE


def locate(settings: Settings) -> SqliteFile | Server:
    """Return where the newsletter's database is; nothing is opened.

    Raises:
        NewsletterError: The URL is none that this program can use. It is not shown.
    """
    url = settings.database_url
    if not url:
        return SqliteFile(settings.state / "newsletter.db")
    kind, mark, place = url.partition(":")
    if kind in _POSTGRESQL:
        return Server(_parameters(url))
    if kind.startswith("postgres") and "://" in url:
        raise _unfit(
            f"names {kind}", "Write postgresql:// alone"
        )  # as SQLAlchemy and others have it
    if kind != "sqlite" or not mark:
        raise _unfit("is not a database that this program can use", _WRITE)
    return SqliteFile(settings.root / _file(place, settings.root))


def _file(place: str, root: Path) -> Path:
    """Return the path in a URL of SQLite, after its scheme."""
    if not place.startswith("///"):
        raise _unfit("has too few slashes", "Write sqlite:///list.db, or sqlite:////folder/list.db")
    name = place[3:]
    if name.startswith("~"):
        try:
            return Path(name).expanduser()
        except RuntimeError:
            raise _unfit("names an unknown home folder", "Write the whole path") from None
    if not name.strip("/") or name == ":memory:":
        raise _unfit("names no file", _WRITE)
    if name.lower().startswith("file:") or "?" in name:
        raise _unfit("is more than a path", "Write sqlite:///path/to/file.db, without ? or file:")
    if (name.startswith("/~") or _UNEXPANDED.search(name)) and not (root / name).exists():
        raise _unfit(
            "has a placeholder that is not filled in", "Write the whole path, without $ or ~"
        )
    return Path(name)


_UNEXPANDED: Final = re.compile(r"\$\{?\w+|%\w+%")


def _unfit(problem: str, hint: str) -> NewsletterError:
    return NewsletterError(f"{VARIABLE} {problem}", hint=hint)


def has_password(url: str) -> bool:
    """Return whether a PostgreSQL URL holds a password."""
    if url.partition(":")[0] not in _POSTGRESQL:
        return False
    return any(name in _parameters(url) for name in _SECRET)


def without_password(url: str) -> str:
    """Return a database's URL as it may be shown; it means the same, except for passwords."""
    if url.partition(":")[0] not in _POSTGRESQL:
        return url
    found = {name: value for name, value in _parameters(url).items() if name not in _SECRET}
    parts = _host_and_port(found)
    if user := found.pop("user", ""):
        parts = f"{quote(user, safe='')}@{parts}"
    name = quote(found.pop("dbname", ""), safe="")
    query = urlencode(found, quote_via=quote, safe="/")
    return f"postgresql://{parts}/{name}" + (f"?{query}" if query else "")


def _host_and_port(found: dict[str, str]) -> str:
    """Take host and port out of parameters, and return them as they stand before the path.

    Several hosts, or the folder of a socket, have no place there, and stay parameters.
    """
    host, port = found.get("host", ""), found.get("port", "")
    if not _ONE_HOST.fullmatch(host) or "," in port:
        return ""
    found.pop("host")
    found.pop("port", None)
    return (f"[{host}]" if ":" in host else host) + (f":{port}" if port else "")


_ONE_HOST: Final = re.compile(r"[\w.:%-]+")


def _parameters(url: str) -> Mapping[str, str]:
    # Slow to import, and SQLite needs none of it.
    import psycopg  # noqa: PLC0415
    from psycopg.conninfo import conninfo_to_dict  # noqa: PLC0415

    _refuse_unescaped(url)
    try:
        found = conninfo_to_dict(url)
        # A password with a slash ends up here; libpq would notice only while connecting.
        [int(port) for port in str(found.get("port", 5432)).split(",") if port]
    except (psycopg.Error, ValueError):
        raise _unreadable(url) from None
    return {name: str(value) for name, value in found.items() if value is not None}


def _refuse_unescaped(url: str) -> None:
    """Refuse a URL in which a part of a password would be taken for something else.

    libpq ends user and password at the first @ or /, wherever they were meant to end
    (postgresql.org/docs/current/libpq-connect.html, 34.1.1.2).
    """
    rest = url.partition("://")[2]
    end = re.search(r"[@/]", rest)
    after = rest[end.end() :] if end else ""
    place, _, query = after.partition("?")
    host = place.partition("/")[0] if end and end[0] == "@" else ""
    # In a query, @ is allowed; but there it would be the rest of a password with a question mark.
    astray = "@" in place or ("@" in query and not re.search(r"[?&][\w-]+=[^&]*@", f"?{query}"))
    if astray or "#" in host:
        raise _unfit("has a password, or a user, with a special character in it", _PERCENT)


def _unreadable(url: str) -> NewsletterError:
    """Return the error of a URL that libpq does not take, without any part of a password.

    libpq's own message may quote a part of one, and so may the place of a parameter, unless that is
    known from elsewhere.
    """
    from psycopg import pq  # noqa: PLC0415

    known = {option.keyword.decode() for option in pq.Conninfo.get_defaults()}
    query = url.partition("?")[2]
    names = [unquote(part.partition("=")[0]) for part in query.split("&")]
    unknown = [] if "@" in query else [name for name in names if name and name not in known]
    if foreign := [name for name in unknown if name.lower() in _FOREIGN]:
        return _unfit(
            f"has parameters of another program: {', '.join(foreign)}",
            "Take that out of the URL; this program works behind a pooler without it",
        )
    for name in unknown:
        if near := difflib.get_close_matches(name.lower(), known, 1, 0.8):
            return _unfit(f"has an unknown parameter: {name}", f"Perhaps {near[0]} is meant")
        return _unfit("has a parameter that PostgreSQL does not know", _PARAMETERS)
    return _unfit(
        "is not an address of PostgreSQL that can be read",
        f"Write postgresql://user@host/name. {_PERCENT}",
    )


_PARAMETERS: Final = "See postgresql.org/docs/current/libpq-connect.html for those it knows"
