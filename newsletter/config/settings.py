"""All settings, with their defaults: a frozen value."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from datetime import date, time, timedelta
from email.utils import parseaddr
from typing import TYPE_CHECKING, Final
from zoneinfo import ZoneInfo

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

NO_DOMAIN: Final = "newsletter.invalid"
"""Stands for the sender's domain while no sender is set (RFC 2606 keeps .invalid unused)."""

WEEKDAYS: Final = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
"""The days on which a new draft may be dated, as `date.weekday` counts them."""


@dataclass(frozen=True, slots=True)
class Settings:
    """All settings with their defaults; `docs/settings.md` says what each is for.

    Attributes:
        root: The folder where `issues/`, `templates/` and `.newsletter/` live.
        origin: The settings file, for messages.
        file_hash: SHA-256 (hex) of what that file sets, but for `ledger`; empty without a file. A
            comment or another order of lines changes nothing of it.
        database_url: `NEWSLETTER_DATABASE_URL`, empty for the default.
        secret_keys: `NEWSLETTER_SECRET_KEY`, newest first, empty when it is not set.
        credentials: What `PROVIDER_VARIABLES` names and the environment has set.
    """

    root: Path
    origin: str = ""
    file_hash: str = ""
    name: str = "My letter"
    description: str = ""
    language: str = "nl"
    timezone: str = "Europe/Amsterdam"
    send_day: str = "sunday"
    send_time: str = "07:00"
    max_lateness_hours: float = 6
    finish_within_hours: float = 48
    require_proof: bool = False
    approval: str = ""
    sender: str = ""
    reply_to: str = ""
    contact: str = ""
    site_url: str = ""
    public_url: str = "http://localhost:8000"
    archive_url: str = ""
    permalink: str = ""
    provider: str = "outbox"
    provider_url: str = ""
    greeting: str = "Dag {first_name},"
    greeting_without_name: str = "Dag,"
    signature: str = "Groet,\nGerrit"
    reflection_label: str = "Om mee te nemen"
    logo: str = ""
    portrait: str = ""
    accent_color: str = "#2f5d50"
    welcome: bool = True
    welcome_with_latest: bool = False
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

    def next_send_day(self, after: date) -> date:
        """Return the first day after another that is a `send_day`."""
        ahead = (WEEKDAYS.index(self.send_day) - after.weekday()) % len(WEEKDAYS)
        return after + timedelta(days=ahead or len(WEEKDAYS))

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


_INTERNAL: Final = {"root", "origin", "file_hash", "database_url", "secret_keys", "credentials"}
DEFAULTS: Final = {one.name: one.default for one in fields(Settings) if one.name not in _INTERNAL}
"""Every setting that the settings file may hold, with its default."""
