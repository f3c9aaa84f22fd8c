"""The preflight: what must hold before a real letter leaves; nothing is implicit then."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

from newsletter import config, tokens
from newsletter.errors import NewsletterError, TryAgain
from newsletter.model import RequestRefused, RetryLater, Unknown
from newsletter.providers import capabilities_of, open_provider
from newsletter.store.database import ledger_id
from newsletter.store.keys import recorded_fingerprints

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from newsletter.config import Settings
    from newsletter.providers.base import Capabilities
    from newsletter.providers.http import Failure, HttpResponse
    from newsletter.store import Store

_SECONDS: Final = 30.0
_QUERIES: Final = ("voorkeuren", "voorkeuren=", "voorkeuren&utm_source=newsletter")
"""The query with which a subscriber asks for their preferences, as it may reach the web app."""


_REQUIRED: Final = {"sender": "who sends it", "contact": "how to reach its sender"}
"""The settings that a real letter shows, and what each says."""


def reserved_token(key: str) -> str:
    """Return the reserved unsubscribe token: it verifies like any other and belongs to nobody."""
    return tokens.unsubscribe_token(key, tokens.RESERVED_ID, tokens.RESERVED_ID)


def check_settings(store: Store, settings: Settings) -> None:
    """Check everything that a real mailing needs, except the web app.

    Raises:
        NewsletterError: The first problem.
    """
    for problem in _find_problems(store, settings):
        raise problem


def check_identity(settings: Settings) -> None:
    """Check what one real letter must have: a key that signs it, and a sender.

    Raises:
        NewsletterError: The first problem.
    """
    for problem in _missing_settings(settings, {"sender": _REQUIRED["sender"]}):
        raise problem


def check_ledger(store: Store, settings: Settings, can: Capabilities) -> None:
    """Check that this database is the ledger: in another one, every issue looks missed.

    With a provider that mails people, everything else is checked as well.

    Raises:
        NewsletterError: It is another database, or something is not set.
    """
    if not can.rehearsal:
        check_settings(store, settings)
    elif settings.ledger:
        for problem in _ledger(_ledger_of(store), settings):
            raise problem


def list_obstacles(store: Store, settings: Settings) -> tuple[str, ...]:
    """Return all that `check_settings` would refuse, one line each; nothing for a rehearsal."""
    if capabilities_of(settings).rehearsal:
        return ()
    found = [str(problem) for problem in _find_problems(store, settings)]
    try:
        open_provider(settings).close()
    except NewsletterError as problem:
        found.append(str(problem))
    return tuple(found)


def find_lost_key(store: Store, keys: Sequence[str]) -> NewsletterError | None:
    """Return an error if letters have left whose links none of these keys verifies."""
    with store.read() as connection:
        signed = recorded_fingerprints(connection)
    if signed <= set(map(tokens.fingerprint, keys)):
        return None
    return NewsletterError(
        "NEWSLETTER_SECRET_KEY lacks a key that has signed letters: their unsubscribe links do not "
        "work without it",
        hint="Put the old key back, after the new one and a comma",
    )


def check_web_app(store: Store, settings: Settings) -> None:
    """Try, as a subscriber would, whether the letter's links work for this ledger.

    It asks for `/healthz`, then for the unsubscribe page of the reserved token, and unsubscribes
    by one-click (RFC 8058). Then it asks for the preferences of the reserved token, with the query
    in each spelling that proxies give it: the answer must not be that someone was unsubscribed.

    Raises:
        TryAgain: It does not answer, or has no database just now.
        NewsletterError: Something else answers there, or it knows other keys.
    """
    from newsletter.providers.http import HttpClient  # noqa: PLC0415 - slow; only real sending needs it

    base = settings.public_url.rstrip("/")
    wire = HttpClient(deadline=_SECONDS)
    try:
        health = _answered(wire.get(f"{base}/healthz"), base)
        _refuse_other_ledger(health, _ledger_of(store), base)
        page = f"{base}/u/{reserved_token(settings.secret_keys[0])}"
        _shown(wire.get(page), base)
        unsubscribed = _shown(wire.post_form(page, {"List-Unsubscribe": "One-Click"}), base)
        for query in _QUERIES:
            _shown(wire.get(f"{page}?{query}"), base)
            asked = _shown(wire.post_form(f"{page}?{query}", {}), base)
            if asked and asked == unsubscribed:
                raise _unfit(
                    base,
                    f"unsubscribes who asks for their preferences by ?{query}",
                    "Let the web server before it pass on the query of every address unchanged",
                )
    finally:
        wire.close()


def _shown(reply: HttpResponse | Failure, base: str) -> bytes:
    """Return the page that an address of the letter shows."""
    answer = _answered(reply, base)
    if answer.status != 200:  # noqa: PLR2004 - OK
        raise _unfit(
            base,
            "does not know the unsubscribe links of this letter",
            "Give the web app the same NEWSLETTER_SECRET_KEY, and let it pass on POST",
        )
    return answer.body


def _find_problems(store: Store, settings: Settings) -> Iterator[NewsletterError]:
    yield from _missing_settings(settings, _REQUIRED)
    yield from _public_url(settings)
    yield from _ledger(_ledger_of(store), settings)
    if settings.secret_keys and (lost := find_lost_key(store, settings.secret_keys)):
        yield lost


def _missing_settings(settings: Settings, required: Mapping[str, str]) -> Iterator[NewsletterError]:
    if not settings.secret_keys:
        yield NewsletterError(
            "NEWSLETTER_SECRET_KEY is not set: a generated key never signs letters to subscribers",
            hint="Make one with: openssl rand -hex 32. Keep it with your other secrets",
        )
    for name, use in required.items():
        if not getattr(settings, name):
            yield NewsletterError(
                f'setting "{name}" is empty: every letter must say {use}',
                where=settings.origin,
                hint="Fill it in",
            )


def _public_url(settings: Settings) -> Iterator[NewsletterError]:
    if config.is_loopback(settings.public_url):
        if not (settings.provider_url and config.is_loopback(settings.provider_url)):
            yield NewsletterError(
                f"{settings.public_url} leads subscribers to their own machines",
                where="public_url",
                hint="Set public_url to where newsletter serve can be reached from outside",
            )
    elif not settings.public_url.startswith("https://"):
        yield NewsletterError(
            "public_url must begin with https://, or mail programs leave out the button to "
            "unsubscribe",
            hint="Put the web app behind a server that speaks TLS",
        )


def _ledger(here: str, settings: Settings) -> Iterator[NewsletterError]:
    if not here:
        yield NewsletterError(
            "there is no database with your subscribers yet",
            hint="Bring your list into it: newsletter subscribers import FILE; or point "
            "NEWSLETTER_DATABASE_URL at the one that has it",
        )
    elif not settings.ledger:
        yield NewsletterError(
            'setting "ledger" is empty: it says which database may send, so that another one can '
            "never mail everybody again",
            where=settings.origin,
            hint=f'If this is the database with your subscribers, add this line: ledger = "{here}"',
        )
    elif settings.ledger != here:
        yield NewsletterError(
            f'this database is ledger {here}, and the settings say "{settings.ledger}"',
            where=settings.origin,
            hint="Point NEWSLETTER_DATABASE_URL at the database that has sent your letters",
        )


def _ledger_of(store: Store) -> str:
    with store.read() as connection:
        return ledger_id(connection)


def _answered(reply: HttpResponse | Failure, base: str) -> HttpResponse:
    if isinstance(reply, RetryLater | RequestRefused | Unknown):
        raise TryAgain(
            f"the web app does not answer: {reply.reason}",
            where=base,
            hint="Start it (newsletter serve), or send without this check: --no-preflight",
        )
    if reply.status >= 500:  # noqa: PLR2004 - an error of the server's own
        raise TryAgain(
            f"the web app answers {reply.status}",
            where=base,
            hint="See its log, and run this again when it works",
        )
    return reply


def _refuse_other_ledger(reply: HttpResponse, here: str, base: str) -> None:
    try:
        there = json.loads(reply.body).get("ledger")
    except (ValueError, AttributeError):
        there = None
    if there is None:
        raise _unfit(
            base, "is not this newsletter's web app", "Set public_url to where newsletter serve is"
        )
    if there != here:
        raise _unfit(
            base,
            "serves another database than the one that sends",
            "Give both the same NEWSLETTER_DATABASE_URL",
        )


def _unfit(base: str, problem: str, hint: str) -> NewsletterError:
    return NewsletterError(f"what answers at public_url {problem}", where=base, hint=hint)
