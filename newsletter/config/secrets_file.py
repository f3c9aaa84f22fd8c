"""The file of secrets that `newsletter init` writes: only a shell that read it knows them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from newsletter.config.settings import Settings

SECRETS_FILE: Final = "production.env"
_DATABASE: Final = "NEWSLETTER_DATABASE_URL"


def missing_key_hint(settings: Settings, *, signed: bool = False) -> str:
    """Return where the secret key is found, or how one is made.

    Args:
        settings: The newsletter's.
        signed: A key has signed letters already, and no other verifies their links.
    """
    if (settings.state / SECRETS_FILE).exists():
        return f"newsletter init has made one. {_reading(settings)}"
    if signed:
        return "Put back the key that has signed letters: their links work with no other"
    return "Make one with: openssl rand -hex 32. Keep it with your other secrets"


def missing_secret_hint(settings: Settings, name: str, how: str) -> str:
    """Return where a provider's secret is found, or how to get one and where to put it.

    Args:
        settings: The newsletter's.
        name: The variable.
        how: Such as "Make a key at resend.com".
    """
    if found := stored_secret_hint(settings, name):
        return found
    if (settings.state / SECRETS_FILE).exists():
        return f"{how} and write it into {_shown(settings)}. {_reading(settings)}"
    return f"{how} and put it into the environment, never into a file"


def stored_secret_hint(settings: Settings, name: str) -> str:
    """Return how to read the file if it holds a value for a variable; else nothing."""
    return f"It is in {_shown(settings)}. {_reading(settings)}" if _holds(settings, name) else ""


def other_database_warning(settings: Settings) -> str:
    """Return that the file names a database that this shell does not know; empty if it does."""
    if settings.database_url or not _holds(settings, _DATABASE):
        return ""
    return (
        f"{_DATABASE} is not set here, so this is a database on this computer, and not the one "
        f"that {_shown(settings)} names. {_reading(settings)}"
    )


def _holds(settings: Settings, name: str) -> bool:
    """Return whether the file has a value for a variable."""
    try:
        lines = (settings.state / SECRETS_FILE).read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError):
        return False
    return any(line.startswith(f"{name}=") and line.split("=", 1)[1].strip() for line in lines)


def _shown(settings: Settings) -> str:
    return f"{settings.state.name}/{SECRETS_FILE}"


def _reading(settings: Settings) -> str:
    return f"In the newsletter's folder, type: set -a; . ./{_shown(settings)}; set +a"
