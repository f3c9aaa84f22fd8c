"""Errors of PostgreSQL, or of a pooler before it, in words for the author.

What can pass by itself is worth another try. A permanent refusal is not, and is shown in the
server's own words, because hosts have many of them. A sentence of a server that is not known as
passing counts as a refusal. For a connection that was never made, libpq passes on only that
sentence, without its SQLSTATE.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, TypeVar

import psycopg

from newsletter.errors import NewsletterError, TryAgain

if TYPE_CHECKING:
    from collections.abc import Mapping

_Value = TypeVar("_Value")

_LOST: Final = "the database cannot be reached, or the connection was lost"
_WHEN_IT_IS_THERE: Final = (
    "Run it again when it is there; a paused project must first be woken in its host's panel"
)
_NO_HOST: Final = (
    "Wake a paused project in your host's panel, or correct the host in the URL; if this machine "
    "is offline, run it again when it is not"
)
_PASSING: Final[Mapping[str, str | None]] = {
    "08": "the connection was lost",
    "25P": "the server ended a transaction that took too long",
    "40": "another process changed the same rows",
    "53": "the server has no capacity for this now",
    "53100": None,
    "53400": None,
    "55006": "another process holds a lock that this one needs",
    "55P03": "another process holds a lock that this one needs",
    "57": "the server is stopping, starting or was asked to stop this",
    "57P04": None,
}
"""By the start of the SQLSTATE, the longest that is known
(postgresql.org/docs/current/errcodes-appendix.html); None is for good after all."""

_USER: Final = ("refuses this user or password", "Correct the URL, or PGPASSWORD")
_RIGHTS: Final = ("may not be used so by this user", "Give this user the rights on it")
_ABSENT: Final = ("does not exist", "Create it (createdb), or correct the URL")
_BROKEN: Final = ("could not be read or written by its server", "Look into the server's own log")
_READ_ONLY: Final = ("is read-only", "Use the primary server, and a user who may write")
_CLOSED_TO: Final = (
    "refuses connections from here",
    "Let this machine in at your host, or ask for TLS with ?sslmode=require in the URL",
)
_KNOWN_STATES: Final[Mapping[str, tuple[str, str]]] = {
    "28": _USER,
    "3D000": _ABSENT,
    "25006": _READ_ONLY,
    "42501": _RIGHTS,
    "42P01": ("lacks a table of this program", "Run: newsletter db status"),
    "42703": ("lacks a column of this program", "Run: newsletter db status"),
    "53100": ("cannot grow: the server's disk is full", "Free some space, then run it again"),
    # A file that may not grow, a disk that fails, damage: the server's log says which.
    "58": _BROKEN,
    "XX": _BROKEN,
}
_OURS: Final = ("21", "22", "23", "26", "34", "39", "42", "44", "P0")
"""What only a mistake of this program can cause; their words may quote a row."""

_DEFAULT_HINT: Final = "Do what it says, or ask your host; then run it again"
_WHO: Final = (
    r"(password|pam|ident|peer|gss\w*|sspi|ldap|radius|cert\w*|scram|sasl)[\w\s-]*authentication"
    r" failed|^authentication failed|wrong password|no such user|no password|no credentials"
    r"|is not permitted to log in|\brole .*does not exist|invalid (username|authorization)"
)
_PAUSED: Final = "Wake a paused project in your host's panel, or copy the URL from there anew"
_POOLED_BY_STATEMENT: Final = "statement pooling"
_REFUSALS: Final[tuple[tuple[str, tuple[str, str]], ...]] = (
    # A paused project is unknown to its host's pooler, as is one whose name is misspelt.
    (r"tenant\b.*not found|enotfound|\bpaused", ("refuses the connection", _PAUSED)),
    (
        r"endpoint.*disabled",
        ("refuses the connection", "Enable the database at your host, then run it again"),
    ),
    (
        r"quota|suspended|unpaid|billing|deactivated",
        ("refuses the connection", "See your account at the database's host"),
    ),
    (
        r"startup parameter|unrecognized configuration parameter",
        ("refuses the connection", "Take that parameter out of the URL (options=…)"),
    ),
    (r"pg_hba|is not allowed to (access|connect)|ssl (connection )?is required", _CLOSED_TO),
    (
        _WHO,
        _USER,
    ),
    (r"no such database|database .*does not exist", _ABSENT),
    (r"permission denied", _RIGHTS),
    (
        _POOLED_BY_STATEMENT,
        ("is behind a pooler without transactions", "Use the pooler's transaction or session mode"),
    ),
    (r"disabled|unsupported|not supported|invalid|is not specified", ("refuses this", "")),
)
"""Sentences of servers and poolers that are for good, whatever else they say. Sources:
postgresql.org/docs/current/client-authentication-problems.html, pgbouncer.org/config.html,
supabase.com/docs/guides/troubleshooting, neon.com/docs/connect/connection-errors."""

_PASSING_WORDS: Final = re.compile(
    r"try again|retry|temporar|moment|starting|start up|shutting down|shut ?down|stopping|waking"
    r"|not yet|recovery|too many|max(imum)? (number of )?client|max\w{0,40}session|max_\w{0,40}conn"
    r"|no more (database )?connections|more connections allowed|remaining connection slots"
    r"|connection limit|time[ds]?[- ]?out|timeout|unavailable|not available|busy|overload"
    r"|rate limit|terminat|crash|cannot connect|could(n't| not) connect|failed to connect"
    r"|connect failed|connection (was )?(closed|lost|reset|refused)|closed the connection"
    r"|server_login_retry|server conn|permit to connect|unable to check ?out|control plane"
    r"|console request|failover|switchover|maintenance|restart|canceling|cancelling"
    r"|connection to (the )?database closed|db_?handler ?exited",
    re.IGNORECASE,
)
"""Sentences of servers and poolers about what passes: too many at once, starting, stopping."""

_WAKING: Final = re.compile(
    r"starting|start up|not yet|recovery|waking|wake|resum|connect to compute|control plane"
    r"|console request",
    re.IGNORECASE,
)
"""Of those, what a server says that takes connections within seconds: it starts, or its host wakes
it because someone connects (neon.com/docs/connect/connection-errors)."""

_NO_SUCH_HOST: Final = re.compile(
    r"name or service not known|unknown host|no such host|no address associated"
    r"|nodename nor servname|name does not resolve",
    re.IGNORECASE,
)
"""What the system's resolver says of a host that is not in the DNS; a DNS that does not answer is a
"temporary failure". The direct address of a paused project disappears at some hosts."""

_SAID: Final = re.compile(r"(?:failed: |^(?=FATAL|ERROR))[^:\n\"]{2,30}:  (.+)")
"""A sentence of a server in what libpq says: after its severity, in the server's language, and two
spaces (the server's message), which no sentence of libpq's own has."""

_OUT_OF_STEP: Final = re.compile(r"result|status|connection|closed|pipeline", re.IGNORECASE)
"""What psycopg says when it, not our statement, no longer fits what the server does."""

_NO_PASSWORD: Final = "no password supplied"  # noqa: S105 - what libpq says
_TLS: Final = re.compile(
    r"certificate|does not support SSL|sslmode|tlsv1|sslv3|alert|wrong version number"
    r"|unsupported protocol|handshake failure|private key|no protocols available|channel binding"
    r"|SSL was required|authentication method|server requested",
    re.IGNORECASE,
)
"""What libpq says of TLS and of ways to prove who one is that no second try would change. A
connection through TLS that was cut ("SSL SYSCALL error", "closed unexpectedly") is none of it."""


def explain(
    error: BaseException | None, name: str, parameters: Mapping[str, str]
) -> NewsletterError | None:
    """Return the error for the author, or None if the cause is a mistake of this program.

    Args:
        error: As psycopg raised it.
        name: How errors call the database.
        parameters: Of the connection: their values never appear in the text.
    """
    if not isinstance(error, psycopg.Error):
        return None
    state = error.sqlstate
    if state is not None:
        return _of_a_statement(error, state, name, parameters)
    if isinstance(error, psycopg.DataError | psycopg.NotSupportedError | psycopg.IntegrityError):
        return None
    if isinstance(error, psycopg.ProgrammingError) and not _OUT_OF_STEP.search(str(error)):
        return None
    if sentences := _said(error):
        return _of_a_server(sentences, name, parameters)
    return _of_libpq(str(error), name)


def is_waking(error: psycopg.Error) -> bool:
    """Return whether a connection that failed is likely to succeed within seconds.

    So it is with a server that starts, or that its host wakes because someone connects; that may
    take longer than one try waits.
    """
    if isinstance(error, psycopg.errors.ConnectionTimeout):
        return True
    return any(_WAKING.search(one) and not _refusal_in(one) for one in _said(error))


def _said(error: psycopg.Error) -> list[str]:
    """Return the sentences of servers in the error of a connection that was not made."""
    return [found.strip() for found in _SAID.findall(str(error))]


def _refusal_in(sentence: str) -> tuple[str, str] | None:
    found = (answer for words, answer in _REFUSALS if re.search(words, sentence, re.IGNORECASE))
    return next(found, None)


def _of_libpq(said: str, name: str) -> NewsletterError:
    """Return the error of a sentence of libpq's or psycopg's own."""
    if _NO_PASSWORD in said:
        return NewsletterError(f"the database {_USER[0]}", where=name, hint=_USER[1])
    if _TLS.search(said):
        return NewsletterError(
            "the database offers no trusted connection",
            where=name,
            hint="Check sslmode and sslrootcert in the URL; -v before the command says more",
        )
    if _NO_SUCH_HOST.search(said):
        return NewsletterError("the database's host is not in the DNS", where=name, hint=_NO_HOST)
    # Without a SQLSTATE, what is out of step with the server is a connection that broke, as behind
    # a pooler whose server was restarted (github.com/pgbouncer/pgbouncer/issues/1092).
    return TryAgain(_LOST, where=name, hint=_WHEN_IT_IS_THERE)


def _of_a_server(sentences: list[str], name: str, parameters: Mapping[str, str]) -> NewsletterError:
    """Return the error of servers that refused a connection: of several, a passing one counts."""
    refusals = []
    for sentence in sentences:
        refusal = _refusal_in(sentence)
        if refusal is None and _PASSING_WORDS.search(sentence):
            shown = hide(sentence, parameters)
            return TryAgain(
                f"the database is not ready: {shown}", where=name, hint="Run it again later"
            )
        refusals.append((sentence, refusal or ("refuses the connection", "")))
    sentence, (problem, hint) = refusals[-1]
    return _refusal(problem, hint, hide(sentence, parameters), name)


def _of_a_statement(
    error: psycopg.Error, state: str, name: str, parameters: Mapping[str, str]
) -> NewsletterError | None:
    words = error.diag.message_primary or ""
    passing = _by_start(_PASSING, state)
    if _POOLED_BY_STATEMENT in words:  # under a code that otherwise passes
        return _refusal(*_refusal_in(words) or ("", ""), hide(words, parameters), name)
    if not passing and state[:2] in {"XX", "58", "0A", "F0"} and _PASSING_WORDS.search(words):
        passing = "it is not ready"  # a pooler has no better code for it
    if passing:
        return TryAgain(
            f"the database could not do this: {passing}",
            where=name,
            hint="Run it again when it is there",
        )
    known = _by_start(_KNOWN_STATES, state)
    if known is None and state.startswith(_OURS):
        return None
    problem, hint = known or ("refuses this", "")
    return _refusal(problem, hint, hide(words, parameters), name)


def _by_start(table: Mapping[str, _Value], state: str) -> _Value | None:
    found = (table[state[:length]] for length in (5, 3, 2) if state[:length] in table)
    return next(found, None)


def _refusal(problem: str, hint: str, words: str, name: str) -> NewsletterError:
    sentence = f"the database {problem}: {words}" if words else f"the database {problem}"
    return NewsletterError(sentence.rstrip(".…"), where=name, hint=hint or _DEFAULT_HINT)


_HIDDEN: Final = ("password", "sslpassword", "host", "hostaddr")
_ADDRESSES: Final = re.compile(
    r"(?<![\w.:])(?:\d{1,3}(?:\.\d{1,3}){3}|[0-9a-f]{0,4}(?::[0-9a-f]{0,4}){2,7})(?![\w:])"
    r"|[\w.+-]+@[\w.-]+",
    re.IGNORECASE,
)
_LONGEST: Final = 300


def hide(sentence: str, parameters: Mapping[str, str]) -> str:
    """Return what a server said without passwords and addresses: a log may be public."""
    sentence = " ".join(sentence.split())[:_LONGEST]
    for name in _HIDDEN:
        value = parameters.get(name, "")
        for part in {value, *value.split(",")} - {""}:
            whole = rf"(?<!\w){re.escape(part)}(?!\w)"
            sentence = re.sub(whole, f"<{name}>", sentence)
    return _ADDRESSES.sub("<address>", sentence)
