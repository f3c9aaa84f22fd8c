"""Settings: one settings file, a few environment variables, a frozen result.

`load` is the impure edge of its layer: it reads the file and the environment, once.
"""

from __future__ import annotations

import difflib
import os
import re
import tomllib
from dataclasses import dataclass, field, fields
from datetime import time
from email.utils import parseaddr
from typing import TYPE_CHECKING, Any, Final
from zoneinfo import ZoneInfo

from newsletter.config.rules import RULES, is_loopback
from newsletter.errors import NewsletterError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

__all__ = ["CREDENTIALS", "NO_DOMAIN", "Settings", "is_loopback", "load", "make_private"]

NO_DOMAIN = "newsletter.invalid"
"""Stands for the sender's domain while no sender is set (RFC 2606 keeps .invalid unused)."""


@dataclass(frozen=True, slots=True)
class Settings:
    """All settings with their defaults; `docs/settings.md` says what each is for.

    Attributes:
        root: The folder where `issues/`, `templates/` and `.newsletter/` live.
        origin: The settings file, for messages.
        database_url: `NEWSLETTER_DATABASE_URL`, empty for the default.
        secret_keys: `NEWSLETTER_SECRET_KEY`, newest first, empty when it is not set.
        credentials: What `CREDENTIALS` names and the environment has set.
    """

    root: Path
    origin: str = ""
    name: str = "My letter"
    language: str = "nl"
    timezone: str = "Europe/Amsterdam"
    send_time: str = "07:00"
    max_lateness_hours: float = 6
    finish_within_hours: float = 48
    sender: str = ""
    reply_to: str = ""
    contact: str = ""
    site_url: str = ""
    public_url: str = "http://localhost:8000"
    provider: str = "outbox"
    provider_url: str = ""
    greeting: str = "Dag {first_name},"
    greeting_without_name: str = "Dag,"
    signature: str = "Groet,\nGerrit"
    accent_color: str = "#2f5d50"
    max_per_second: float = 0
    max_per_hour: float = 0
    keep_proof_years: float = 5
    ledger: str = ""
    # What must not be read over a shoulder is never shown, not even in a traceback.
    database_url: str = field(default="", repr=False)
    secret_keys: tuple[str, ...] = field(default=(), repr=False)
    credentials: Mapping[str, str] = field(default_factory=dict, repr=False)

    @property
    def zone(self) -> ZoneInfo:
        """The newsletter's time zone."""
        return ZoneInfo(self.timezone)

    @property
    def send_clock(self) -> time:
        """The local time at which an issue without `send_at` goes out."""
        return time.fromisoformat(self.send_time)

    @property
    def sender_address(self) -> str:
        """The bare address of `sender`, empty when none is set."""
        return parseaddr(self.sender)[1]

    @property
    def domain(self) -> str:
        """The domain of Message-IDs and the List-Id."""
        return self.sender_address.rpartition("@")[2] or NO_DOMAIN

    @property
    def issues(self) -> Path:
        """The folder with the issue files."""
        return self.root / "issues"

    @property
    def state(self) -> Path:
        """The folder of everything the program makes for itself."""
        return self.root / ".newsletter"


_INTERNAL = {"root", "origin", "database_url", "secret_keys", "credentials"}
_TYPES: Mapping[str, type] = {
    f.name: str if isinstance(f.default, str) else float
    for f in fields(Settings)
    if f.name not in _INTERNAL
}
_FROM_ENVIRONMENT = {
    "NEWSLETTER_DATABASE_URL": "database_url",
    "NEWSLETTER_SECRET_KEY": "secret_keys",
    "NEWSLETTER_PROVIDER": "provider",
    "NEWSLETTER_PROVIDER_URL": "provider_url",
    "NEWSLETTER_PUBLIC_URL": "public_url",
}
CREDENTIALS: Final = (
    *("RESEND_API_KEY", "RESEND_WEBHOOK_SECRET"),
    *("LETTERMINT_API_TOKEN", "LETTERMINT_TEAM_TOKEN", "LETTERMINT_WEBHOOK_SECRET"),
    *("MAILGUN_API_KEY", "MAILGUN_DOMAIN", "MAILGUN_WEBHOOK_SECRET"),
    *("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_REGION"),
    *("AWS_DEFAULT_REGION", "SES_CONFIGURATION_SET", "SES_TOPIC_ARN"),
)
"""What a provider knows us by, under its customary name in the environment and nowhere else."""


def load(folder: Path, environment: Mapping[str, str] | None = None) -> Settings:
    """Read the settings that hold for a folder.

    Args:
        folder: Where to start looking: the nearest folder upwards with a `newsletter.toml`, or a
            `pyproject.toml` with `[tool.newsletter]`, is the root. Without one, `folder` itself.
        environment: Wins over the file; `os.environ` when not given.

    Raises:
        NewsletterError: The file cannot be read, or a value is not what its key needs.
    """
    environment = os.environ if environment is None else environment
    path, table = _find(folder.resolve())
    root = path.parent if path else folder.resolve()
    origin = path.name if path else "the default settings"
    values: dict[str, Any] = {key: _typed(key, value, origin) for key, value in table.items()}
    values |= _environment(environment)
    credentials = _credentials(environment)
    settings = Settings(root=root, origin=origin, credentials=credentials, **values)
    _validate(settings, {v: k for k, v in _FROM_ENVIRONMENT.items() if k in environment})
    return settings


def make_private(folder: Path) -> Path:
    """Make the folder of what the program keeps for itself, for its owner alone and never in git.

    Raises:
        NewsletterError: It cannot be made.
    """
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        ignore = folder / ".gitignore"
        if not ignore.exists():
            ignore.write_text("# Addresses and a secret key are kept here.\n*\n", encoding="utf-8")
    except OSError as error:
        raise NewsletterError(
            f"cannot be made: {error.strerror}",
            where=folder.name,
            hint="Give this user the right to write the newsletter's folder",
        ) from None
    return folder


def _find(start: Path) -> tuple[Path | None, dict[str, Any]]:
    for folder in (start, *start.parents):
        own, shared = folder / "newsletter.toml", folder / "pyproject.toml"
        if _is_file(own):
            return own, _read(own)
        tools = _read(shared).get("tool") if _is_file(shared) else None
        if isinstance(tools, dict) and "newsletter" in tools:
            table = tools["newsletter"]
            if not isinstance(table, dict):
                raise NewsletterError(
                    "newsletter is no table", where=shared.name, hint="Write [tool.newsletter]"
                )
            return shared, table
    return None, {}


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:  # a folder above us that this user may not look into
        return False


def _read(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise NewsletterError(
            f"is not valid TOML: {error}", where=path.name, hint="Mend that line"
        ) from None
    except OSError as error:
        raise NewsletterError(f"cannot be read: {error.strerror}", where=path.name) from None


def _typed(key: str, value: object, origin: str) -> object:
    if key not in _TYPES:
        near = difflib.get_close_matches(key, _TYPES, n=1)
        hint = f'Did you mean "{near[0]}"?' if near else f"The keys are: {', '.join(_TYPES)}"
        raise NewsletterError(f'unknown setting "{key}"', where=origin, hint=hint)
    wanted = _TYPES[key]
    if wanted is str and isinstance(value, str):
        return value
    if wanted is float and isinstance(value, int | float) and not isinstance(value, bool):
        return value
    name = "a text in quotes" if wanted is str else "a number"
    # The value is not shown: it may be an address.
    raise NewsletterError(
        f'setting "{key}" must be {name}, not a {type(value).__name__}', where=origin
    )


def _environment(environment: Mapping[str, str]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for variable, key in _FROM_ENVIRONMENT.items():
        if variable in environment:
            found[key] = _filled(environment, variable)
    if "secret_keys" in found:
        keys = tuple(key.strip() for key in found["secret_keys"].split(","))
        if not all(keys):
            raise NewsletterError(
                "holds an empty key",
                where="NEWSLETTER_SECRET_KEY",
                hint="Separate keys with one comma, newest first",
            )
        found["secret_keys"] = keys
    return found


def _credentials(environment: Mapping[str, str]) -> dict[str, str]:
    found = {name: _filled(environment, name) for name in CREDENTIALS if name in environment}
    for name, value in found.items():
        if not re.fullmatch(r"[!-~]+", value):
            raise NewsletterError(
                "is no key: there is a space, a line break or a letter beyond ASCII in it",
                where=name,
                hint="Copy the key again, alone and whole",
            )
    return found


def _filled(environment: Mapping[str, str], variable: str) -> str:
    value = environment[variable].strip()
    if not value:
        raise NewsletterError(
            "is set but empty",
            where=variable,
            hint="Give it a value or unset it (an empty value is how a missing secret looks)",
        )
    return value


def _validate(settings: Settings, variables: Mapping[str, str]) -> None:
    for rule in RULES:
        for key in rule.keys:
            value = getattr(settings, key)
            if rule.holds(value):
                continue
            where = variables.get(key, settings.origin)
            problem = rule.problem.format(value=repr(value))
            what = problem if key in variables else f'setting "{key}" {problem}'
            raise NewsletterError(what, where=where, hint=rule.hint)
