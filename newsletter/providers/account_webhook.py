"""Whether a provider reports all of its events to this web app, signed as expected."""

from __future__ import annotations

import hmac
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final
from urllib.parse import SplitResult, urlsplit

from newsletter.config import stored_secret_hint
from newsletter.errors import NewsletterError
from newsletter.model import EventKind
from newsletter.providers.base_account import WEBHOOK, failure, ok, shown, warning

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from newsletter.config import Settings
    from newsletter.model import Diagnosis
    from newsletter.providers.base_events import ProviderEvents

_CHANGES_LIST: Final = frozenset(
    {
        *(EventKind.SOFT_BOUNCE, EventKind.HARD_BOUNCE, EventKind.SUPPRESSED),
        *(EventKind.COMPLAINT, EventKind.UNSUBSCRIBE),
    }
)


@dataclass(frozen=True, slots=True)
class Endpoint:
    """An address to which a provider reports events.

    Attributes:
        url: The address.
        events: The provider's names of the events that it reports there.
        enabled: It is not switched off.
        secret: What it signs with; empty if the provider does not show that.
    """

    url: str
    events: frozenset[str]
    enabled: bool = True
    secret: str = ""


@dataclass(frozen=True, slots=True)
class WebhookNeeds:
    """What a provider must report, and by what that is verified here.

    Attributes:
        events: The provider's events, with the variable of their secret.
        names: The names of the events, as `docs/events.md` lists them.
        kinds: What each of them means.
        look: Where a person sets a webhook up.
    """

    events: ProviderEvents
    names: Sequence[str]
    kinds: Mapping[str, EventKind]
    look: str

    def diagnose(self, settings: Settings, endpoints: Iterable[Endpoint]) -> Diagnosis:
        """Return whether one of the provider's endpoints reports to this web app all it must."""
        url = webhook_url(settings, self.events.name)
        endpoints = list(endpoints)
        ours = [one for one in endpoints if is_same(one.url, url)]
        if not ours:
            return self._missing(settings, endpoints, url)
        enabled = [one for one in ours if one.enabled]
        return (
            self._unreported(enabled, url)
            or self._secret(settings, enabled)
            or ok(WEBHOOK, f"all events are reported to {url}")
        )

    def _missing(self, settings: Settings, others: Sequence[Endpoint], url: str) -> Diagnosis:
        path = urlsplit(url).path
        near = [_shown(one.url) for one in others if _shown(one.url).rstrip("/").endswith(path)]
        message = f"no webhook reports bounces, complaints and deliveries to {url}"
        if near:
            message += f"; one reports to {near[0]} instead"
        expected = near or self.events.secret in settings.credentials
        state = failure if expected else warning
        return state(
            WEBHOOK, message, f"Add that address {self.look}, with the events in docs/events.md"
        )

    def _unreported(self, enabled: Sequence[Endpoint], url: str) -> Diagnosis | None:
        """Return which events our endpoints do not report; None if they report all."""
        if not enabled:
            return failure(
                WEBHOOK, f"the webhook for {url} is switched off", f"Enable it {self.look}"
            )
        reports = {name for one in enabled for name in one.events}
        missing = [name for name in self.names if name not in reports]
        if not missing:
            return None
        serious = any(self.kinds[name] in _CHANGES_LIST for name in missing)
        state = failure if serious else warning
        message = f"the webhook for {url} does not report {', '.join(missing)}"
        return state(WEBHOOK, message, f"Add these events to it {self.look}")

    def _secret(self, settings: Settings, enabled: Sequence[Endpoint]) -> Diagnosis | None:
        """Return what is wrong with the secret that is set here; None if nothing is."""
        variable = self.events.secret
        if variable not in settings.credentials:
            message = f"{variable} is not set here, and without it the web app takes no webhook"
            fix = stored_secret_hint(settings, variable) or "Set it where `newsletter serve` runs"
            return warning(WEBHOOK, message, fix)
        try:
            if verifier := self.events.verifier(settings):
                verifier.close()
        except NewsletterError as error:
            return failure(WEBHOOK, error.sentence, error.hint)
        known = [one.secret for one in enabled if one.secret]
        here = settings.credentials[variable].split(",")
        if not known or any(_equal(one, other) for one in known for other in here):
            return None
        message = f"{variable} is not the secret of this webhook, so that each one is refused"
        return failure(WEBHOOK, message, f"Copy it {self.look}")


def webhook_url(settings: Settings, name: str) -> str:
    """Return the address of the web app to which a provider reports."""
    return f"{settings.public_url.rstrip('/')}/webhooks/{name}"


def is_same(one: str, other: str) -> bool:
    """Return whether two addresses lead to the same route; only the case of the host is free."""
    return _route(one) == _route(other)


def _route(url: str) -> tuple[str, str, str]:
    parts = _split(url)
    return parts.scheme, parts.netloc.rpartition("@")[2].lower(), parts.path


def _split(url: str) -> SplitResult:
    try:
        return urlsplit(url)
    except ValueError:
        return urlsplit("")


def _shown(url: str) -> str:
    """Return an address without what may be secret in it: user, password and query."""
    parts = _split(url)
    return shown(f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}")


def _equal(one: str, other: str) -> bool:
    return hmac.compare_digest(one.encode(), other.encode())
