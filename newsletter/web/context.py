"""What the handlers of the web app share."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from newsletter.subscriptions.signup import SignupLimits

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from newsletter.config import Settings
    from newsletter.store.notices import ProviderAccount
    from newsletter.web.database import Database
    from newsletter.web.forms import BodyReader
    from newsletter.web.middleware import Network
    from newsletter.web.pages import Pages

RETRY_SOON: Final = {"Retry-After": "60"}
RETRY_IN_AN_HOUR: Final = {"Retry-After": "3600"}


@dataclass(frozen=True, slots=True)
class Limits:
    """How long the app waits, and how much it takes; a process of the tests has smaller ones."""

    head_seconds: float = 10.0
    """How long a client may take to send the head of a request."""
    body_seconds: float = 15.0
    """How long it may take to send a body, also where no handler reads it."""
    read_body_seconds: float = 10.0
    """How long a handler waits for a body."""
    response_seconds: float = 30.0
    """How long a client may leave its response unread."""
    held_bytes: int = 16 << 20
    """How many bytes of long bodies are in memory at once, of all requests together."""
    served_connections: int = 500
    """How many connections are served at once; those above it are asked to come back later."""
    open_connections: int = 600
    """How many connections may be open."""
    silent_seconds: float = 1.0
    """How long a connection may send nothing while others need its place."""
    notices_seconds: float = 15.0
    """How long the sender of notices waits before it looks by itself."""
    notices_delay: tuple[float, float] = (1.0, 4.0)
    """After how many seconds it sends once it is woken, at random."""
    stop_seconds: float = 6.0
    """For how long it begins to send notices that are due once it is asked to stop: many hosts end
    a process 10 seconds after they asked. 0: it sends none then."""
    chores_delay: float = 0.0
    """After how many seconds the chores begin."""
    chores_seconds: float = 60.0
    """How long the chores wait between two rounds."""
    signup: SignupLimits = field(default_factory=SignupLimits)
    """How many sign-ups there may be within an hour."""


DEFAULT_LIMITS: Final = Limits()


@dataclass(frozen=True, slots=True)
class Context:
    """What a handler needs: pages, keys and the database, for as long as the process lives."""

    settings: Settings
    pages: Pages
    keys: Sequence[str]
    """All keys that verify tokens, newest first; the first one signs."""
    database: Database
    bodies: BodyReader
    account: ProviderAccount
    """The provider account that takes the notices."""
    wording: str
    """What a visitor agrees to who signs up."""
    proxies: Sequence[Network]
    limits: Limits
    mails_notices: bool
    """Its settings let this process mail notices to people; the database may forbid it."""
    wake_notices: Callable[[], None]
    """Call after a notice may have been queued."""

    @property
    def shows_rehearsals(self) -> bool:
        """Return whether a rehearsal's letter may be read: only where no one is mailed."""
        return self.settings.provider == "outbox"

    @property
    def form_url(self) -> str:
        """Return the address of the app's own sign-up form."""
        return f"{self.settings.public_url.rstrip('/')}/"
