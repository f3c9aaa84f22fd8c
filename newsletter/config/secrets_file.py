"""The file of secrets that `newsletter init` writes: only a shell that read it knows them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from newsletter.config.settings import Settings

SECRETS_FILE: Final = "production.env"
_DATABASE: Final = "NEWSLETTER_DATABASE_URL"


def missing_key_hint(settings: Settings) -> str:
    """Return where the secret key is found, or how one is made."""
    if (settings.state / SECRETS_FILE).exists():
        return f"newsletter init has made one. {_reading(settings)}"
    return "Make one with: openssl rand -hex 32. Keep it with your other secrets"


def other_database_warning(settings: Settings) -> str:
    """Return that the file names a database that this shell does not know; empty if it does."""
    if settings.database_url:
        return ""
    try:
        lines = (settings.state / SECRETS_FILE).read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError):
        return ""
    if not any(line.startswith(f"{_DATABASE}=") and line.split("=", 1)[1] for line in lines):
        return ""
    return (
        f"{_DATABASE} is not set here, so this is a database on this computer, and not the one "
        f"that {settings.state.name}/{SECRETS_FILE} names. {_reading(settings)}"
    )


def _reading(settings: Settings) -> str:
    file = f"./{settings.state.name}/{SECRETS_FILE}"
    return f"In the newsletter's folder, type: set -a; . {file}; set +a"
