"""The file of secrets that `newsletter init` writes, and what is said of a missing secret."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

    from newsletter.config.settings import Settings

SECRETS_FILE: Final = "production.env"
_DATABASE: Final = "NEWSLETTER_DATABASE_URL"
_KEY: Final = "NEWSLETTER_SECRET_KEY"
_SEND_FILES: Final = (
    ".github/workflows/send.yml",
    ".forgejo/workflows/send.yml",
    ".gitlab-ci.yml",
)
# What ends a value, or changes it, where a shell reads it without quotation marks.
_SHELL: Final = re.compile(r"[&;|<>()$`\\\s]")


def missing_key_hint(
    settings: Settings, *, signed: bool = False, environment: Mapping[str, str] | None = None
) -> str:
    """Return where the secret key is found, or how one is made.

    Args:
        settings: The newsletter's.
        signed: A key has signed letters already, and no other verifies their links.
        environment: `os.environ` when not given.
    """
    if hint := missing_in_job_hint(_KEY, environment):
        return hint
    if (settings.state / SECRETS_FILE).exists():
        return f"newsletter init has made one. {_reading(settings)}"
    if signed:
        return "Put back the key that has signed letters: their links work with no other"
    return "Make one with: openssl rand -hex 32. Keep it with your other secrets"


def missing_secret_hint(
    settings: Settings, name: str, how: str, environment: Mapping[str, str] | None = None
) -> str:
    """Return where a provider's secret is found, or how to get one and where to put it.

    Args:
        settings: The newsletter's.
        name: The variable.
        how: Such as "Make a key at resend.com".
        environment: `os.environ` when not given.
    """
    if hint := missing_in_job_hint(name, environment) or stored_secret_hint(settings, name):
        return hint
    if (settings.state / SECRETS_FILE).exists():
        return f"{how} and write it into {_shown(settings)}. {_reading(settings)}"
    return f"{how} and put it into the environment, and into no file that git keeps"


def stored_secret_hint(settings: Settings, name: str) -> str:
    """Return how to read the file if it holds a value for a variable; else nothing."""
    held = _lines(settings).get(name)
    return f"It is in {_shown(settings)}. {_reading(settings)}" if held else ""


def missing_in_job_hint(name: str, environment: Mapping[str, str] | None = None) -> str:
    """Return that a forge gives its job no such secret, and where to look; empty outside a job."""
    environment = os.environ if environment is None else environment
    none = f"This job gets no secret {name}: it does not exist, or its name is misspelt."
    if environment.get("GITLAB_CI") == "true":
        return f"{none} Look in the project under Settings, CI/CD, Variables"
    if environment.get("GITHUB_ACTIONS") != "true":
        return ""
    if "true" in {environment.get("FORGEJO_ACTIONS"), environment.get("GITEA_ACTIONS")}:
        return f"{none} Look in the repository under Settings, Actions, Secrets"
    return (
        f"{none} List those that exist: gh secret list --env newsletter "
        f"(without --env newsletter on a free plan). "
        f"Store it: gh secret set --env newsletter {name}"
    )


def other_database_warning(settings: Settings) -> str:
    """Return that the file means a database that this shell does not know; empty if it does not."""
    lines = _lines(settings)
    if settings.database_url or _DATABASE not in lines:
        return ""
    value = lines[_DATABASE]
    if not value:
        return (
            f"{_shown(settings)} has {_DATABASE} with no value, so this is a database on this "
            "computer, which no job sees. Write the address of your database after the ="
        )
    if '"' in value or "'" in value:
        return (
            f"{_DATABASE} is not set here, so this is a database on this computer. In "
            f"{_shown(settings)} write its value without quotation marks, and leave out what "
            f"follows ?sslmode=require. {_reading(settings)}"
        )
    if found := _SHELL.search(value):
        return (
            f"{_DATABASE} is not set here, so this is a database on this computer. A shell does "
            f"not read its line in {_shown(settings)} as it stands, because of the "
            f'"{found[0]}" in it. Of the address leave out what follows ?sslmode=require, and '
            f"write %26 for & in a password. {_reading(settings)}"
        )
    return (
        f"{_DATABASE} is not set here, so this is a database on this computer, and not the one "
        f"that {_shown(settings)} names. {_reading(settings)}"
    )


def jobs_database(settings: Settings) -> str:
    """Return the file that gives the repository's jobs a database other than this computer's.

    Empty if there is none, or if this shell names a database too.
    """
    if settings.database_url:
        return ""
    if _DATABASE in _lines(settings):
        return _shown(settings)
    for name in _SEND_FILES:
        try:
            if _DATABASE in (settings.root / name).read_text(encoding="utf-8"):
                return name
        except (OSError, UnicodeDecodeError):
            continue
    return ""


def has_job_at_forge(settings: Settings) -> bool:
    """Return whether the repository has a job that sends at a forge."""
    return any((settings.root / name).exists() for name in _SEND_FILES)


def _lines(settings: Settings) -> dict[str, str]:
    """Return what the file has for each name; nothing if it cannot be read."""
    try:
        text = (settings.state / SECRETS_FILE).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return {}
    pairs = (line.partition("=") for line in text.splitlines() if not line.startswith("#"))
    return {name.strip(): value.strip() for name, mark, value in pairs if mark}


def _shown(settings: Settings) -> str:
    return f"{settings.state.name}/{SECRETS_FILE}"


def unset_secrets(settings: Settings) -> tuple[str, ...]:
    """Return the variables without which a database and a key of this machine are used."""
    values = {_DATABASE: settings.database_url, _KEY: settings.secret_keys}
    return tuple(name for name, value in values.items() if not value)


def _reading(settings: Settings) -> str:
    return f"In the newsletter's folder, type: set -a; . ./{_shown(settings)}; set +a"
