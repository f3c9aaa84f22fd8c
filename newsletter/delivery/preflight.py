"""The preflight: what must hold before a real letter leaves; nothing is implicit then."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from newsletter import config, tokens
from newsletter.delivery.web_self_test import WebSelfTest
from newsletter.errors import NewsletterError
from newsletter.providers import capabilities_of, open_provider
from newsletter.store import media
from newsletter.store.database import ledger_id
from newsletter.store.keys import recorded_fingerprints

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from newsletter.config import Settings
    from newsletter.providers.base import Capabilities
    from newsletter.store import Store

REQUIRED: Final = {"sender": "who sends it", "contact": "how to reach its sender"}
"""The settings that a real letter shows, and what each says."""


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
    for problem in (
        *find_key_problems(settings),
        *find_missing_settings(settings, {"sender": REQUIRED["sender"]}),
    ):
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
        for problem in find_ledger_problems(_ledger_of(store), settings):
            raise problem


def list_blockers(store: Store, settings: Settings) -> tuple[str, ...]:
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
    return None if signed <= set(map(tokens.fingerprint, keys)) else lost_key()


def lost_key() -> NewsletterError:
    """Return the error of letters whose links no configured key verifies."""
    return NewsletterError(
        "NEWSLETTER_SECRET_KEY lacks a key that has signed letters: their unsubscribe links do not "
        "work without it",
        hint="Put the old key back, after the new one and a comma",
    )


def check_web_app(store: Store, settings: Settings, picture: str = "") -> None:
    """Try, as a subscriber would, whether the letter's links work for this ledger.

    Args:
        store: The ledger.
        settings: The newsletter's.
        picture: The name of a stored picture that the letter shows, if it shows any.

    Raises:
        TryAgain: It does not answer, or has no database just now.
        NewsletterError: Something else answers there, or it knows other keys.
    """
    with WebSelfTest(settings) as test:
        test.check_health(_ledger_of(store))
        test.check_preferences(test.check_unsubscribe())
        if picture:
            with store.read() as connection:
                stored = media.read(connection, picture)
            test.check_picture(picture, stored or b"")


def _find_problems(store: Store, settings: Settings) -> Iterator[NewsletterError]:
    signed = not settings.secret_keys and find_lost_key(store, ()) is not None
    yield from find_setting_problems(settings, signed=signed)
    yield from find_ledger_problems(_ledger_of(store), settings)
    if settings.secret_keys and (lost := find_lost_key(store, settings.secret_keys)):
        yield lost


def find_setting_problems(settings: Settings, *, signed: bool = False) -> Iterator[NewsletterError]:
    """Yield what keeps every real letter from leaving, as far as no database has to be asked."""
    yield from find_key_problems(settings, signed=signed)
    yield from find_missing_settings(settings)
    yield from find_url_problems(settings)


def find_key_problems(settings: Settings, *, signed: bool = False) -> Iterator[NewsletterError]:
    """Yield that no secret key is set; `signed` says that one has signed letters already."""
    if not settings.secret_keys:
        yield NewsletterError(
            "NEWSLETTER_SECRET_KEY is not set: a generated key never signs letters to subscribers",
            hint=config.missing_key_hint(settings, signed=signed),
        )


def find_missing_settings(
    settings: Settings, required: Mapping[str, str] = REQUIRED
) -> Iterator[NewsletterError]:
    """Yield each setting that a real letter shows and that is empty."""
    for name, use in required.items():
        if not getattr(settings, name):
            yield NewsletterError(
                f'setting "{name}" is empty: every letter must say {use}',
                where=settings.origin,
                hint="Fill it in",
            )


def find_url_problems(settings: Settings) -> Iterator[NewsletterError]:
    """Yield that subscribers or their mail programs cannot use `public_url`."""
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


def find_ledger_problems(here: str, settings: Settings) -> Iterator[NewsletterError]:
    """Yield that the database with this id is not the one that may send."""
    if not here:
        yield NewsletterError(
            "there is no database with your subscribers yet",
            hint="Bring your list into it: newsletter subscribers import FILE; or point "
            "NEWSLETTER_DATABASE_URL at the one that has it",
        )
    elif not settings.ledger:
        hint = f'If this is the database with your subscribers, set this line: ledger = "{here}"'
        if jobs := config.jobs_database(settings):
            hint = (
                f"This is a file on this computer, and {jobs} gives the jobs another database: set "
                "NEWSLETTER_DATABASE_URL as they have it"
            )
        yield unnamed_ledger(settings, hint)
    elif settings.ledger != here:
        yield NewsletterError(
            f'this database is ledger {here}, and the settings say "{settings.ledger}"',
            where=settings.origin,
            hint="Point NEWSLETTER_DATABASE_URL at the database that has sent your letters",
        )


def unnamed_ledger(settings: Settings, hint: str) -> NewsletterError:
    """Return the error of settings that name no database that may send."""
    return NewsletterError(
        'setting "ledger" is empty: it says which database may send, so that another one can '
        "never mail everybody again",
        where=settings.origin,
        hint=hint,
    )


def _ledger_of(store: Store) -> str:
    with store.read() as connection:
        return ledger_id(connection)
