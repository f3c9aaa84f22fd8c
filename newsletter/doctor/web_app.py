"""The web app, tried from here as subscribers, mail programs and the provider would."""

from __future__ import annotations

import dataclasses
import socket
from contextlib import closing
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from newsletter.delivery.web_self_test import WebSelfTest
from newsletter.doctor.certificate import check_certificate
from newsletter.doctor.checklist import (
    MIGRATIONS,
    REACHABLE,
    SIGNING_KEY,
    WEB_APP,
    WEB_CERTIFICATE,
    WEB_CLOCK,
    WEB_COOKIE,
    WEB_NOTICES,
    WEB_PREFERENCES,
    WEB_REDIRECT,
    WEB_UNSUBSCRIBE,
    WEB_VISITORS,
    WEB_WEBHOOK,
)
from newsletter.doctor.findings import attempt, ok, unknown, warning
from newsletter.model import DiagnosisState
from newsletter.providers import capabilities_of
from newsletter.providers.http import HttpClient, HttpResponse
from newsletter.store.keys import existing_keys

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from newsletter.config import Settings
    from newsletter.model import Diagnosis

_SECONDS: Final = 20.0
_SKEW: Final = timedelta(minutes=1)
_REFUSED: Final = 401
"""What the web app answers to a webhook that nobody signed, with nothing more."""
_NOT_FOUND: Final = 404
_REDIRECTS: Final = range(300, 400)
_SERVER_ERROR: Final = 500


def examine_web_app(settings: Settings, ledger: str) -> Iterator[Diagnosis]:
    """Yield what is wrong with the web app; it asks nothing that changes anything.

    Args:
        settings: With a `public_url` that can be asked.
        ledger: The id of the database; empty if it is not known.
    """
    url = urlsplit(settings.public_url)
    if url.scheme == "https":
        (certificate,) = attempt(WEB_CERTIFICATE, lambda: check_certificate(settings.public_url))
        yield certificate
        if certificate.state in {DiagnosisState.FAILURE, DiagnosisState.UNKNOWN}:
            return  # all else would fail for the same reason
        if url.port is None:
            yield from attempt(WEB_REDIRECT, lambda: check_redirect(f"http://{url.hostname}/"))
    keys = existing_keys(settings)
    if not keys:
        yield unknown(
            WEB_APP,
            "not tried, because no secret key is set to make a link with",
            f"See {SIGNING_KEY}",
        )
        return
    if not ledger:
        yield unknown(
            WEB_APP,
            "not tried, because there is no database here in order, to compare with its own",
            f"See {REACHABLE} and {MIGRATIONS}",
        )
        return
    with WebSelfTest(dataclasses.replace(settings, secret_keys=keys)) as test:
        yield from _self_test(test, ledger, settings)


def _self_test(test: WebSelfTest, ledger: str, settings: Settings) -> Iterator[Diagnosis]:
    said: dict[str, Any] = {}

    def check_app() -> Diagnosis:
        said.update(test.check_health(ledger))
        return ok(WEB_APP, f"it answers at {settings.public_url}, on the same database")

    def check_links() -> Iterator[Diagnosis]:
        page = test.check_unsubscribe()
        yield ok(WEB_UNSUBSCRIBE, "the unsubscribe link and one-click work")
        yield from attempt(WEB_PREFERENCES, lambda: check_preferences(page))

    def check_preferences(page: bytes) -> Diagnosis:
        test.check_preferences(page)
        return ok(WEB_PREFERENCES, "who asks for their preferences is not unsubscribed")

    yield from attempt(WEB_APP, check_app)
    if not said:
        return
    yield from attempt(WEB_UNSUBSCRIBE, check_links)
    yield from attempt(WEB_COOKIE, lambda: check_cookies(test.answers))
    yield from attempt(WEB_CLOCK, lambda: check_date(test.answers[-1]))
    if "visitors" in said and is_outside(urlsplit(settings.public_url).hostname or ""):
        yield check_visitors(said)
    if not capabilities_of(settings).rehearsal:
        if "notices" in said:
            yield check_notices(said)
        yield from attempt(WEB_WEBHOOK, lambda: check_webhook(settings))


def check_redirect(url: str) -> Diagnosis:
    """Check that an address without TLS leads to the one with it."""
    with closing(HttpClient(deadline=_SECONDS)) as wire:
        answer = wire.get(url)
    if not isinstance(answer, HttpResponse):
        return ok(WEB_REDIRECT, "nothing answers without TLS")
    if answer.status in _REDIRECTS and answer.headers.get("location", "").startswith("https://"):
        return ok(WEB_REDIRECT, "http:// leads to https://")
    return warning(
        WEB_REDIRECT,
        f"without TLS the answer is {answer.status}, and no way to https://",
        "Let the server before the web app redirect http:// to https://",
    )


def check_cookies(answers: Sequence[HttpResponse]) -> Diagnosis:
    """Check that no answer sets a cookie."""
    if any("set-cookie" in answer.headers for answer in answers):
        return warning(
            WEB_COOKIE,
            "an answer sets a cookie, which this program never does",
            "Turn that off in the server before the web app, or at the host",
        )
    return ok(WEB_COOKIE, "no answer sets a cookie")


def check_date(answer: HttpResponse) -> Diagnosis:
    """Check that the web server and this machine agree about the time."""
    try:
        there = parsedate_to_datetime(answer.headers["date"])
    except (KeyError, ValueError):
        return ok(WEB_CLOCK, "the web server does not say what time it is")
    off = abs(datetime.now(UTC) - there)
    if off <= _SKEW:
        return ok(WEB_CLOCK, "the web server and this machine agree about the time")
    return warning(
        WEB_CLOCK,
        f"the clocks of the web server and of this machine differ by {off.total_seconds():,.0f} s",
        "Set the one that is wrong: links to preferences end by the web server's",
    )


def is_outside(host: str) -> bool:
    """Return whether a host is reached through the internet from here."""
    try:
        found = socket.getaddrinfo(host, None, proto=socket.IPPROTO_TCP)
    except OSError:
        return False
    return bool(found) and all(
        ip_address(str(one[4][0]).partition("%")[0]).is_global for one in found
    )


def check_visitors(said: dict[str, Any]) -> Diagnosis:
    """Check that the app saw where this request came from, as `/healthz` says."""
    if said.get("visitors") == "seen":
        return ok(WEB_VISITORS, "the web app sees the addresses of its visitors")
    return warning(
        WEB_VISITORS,
        "the web app sees the address of a proxy and not that of its visitors: sign-ups are not "
        "limited by network, and anybody can close the form",
        "Start it with newsletter serve --proxy ADDRESS, and let that proxy set X-Forwarded-For",
    )


def check_notices(said: dict[str, Any]) -> Diagnosis:
    """Check that the app can mail who signs up, as `/healthz` says."""
    if said.get("notices") == "mailed":
        return ok(WEB_NOTICES, "the web app can mail confirmations and other notices")
    return warning(
        WEB_NOTICES,
        "the web app cannot mail confirmations and other notices: who signs up waits for one",
        "Its log says why. Give it the settings file with the line ledger, the provider and its "
        "key, and every secret key that has signed letters; then deploy or start it again "
        "(docs/pages.md)",
    )


def check_webhook(settings: Settings) -> Diagnosis:
    """Check that a webhook that nobody signed reaches the web app, and is refused there."""
    base = settings.public_url.rstrip("/")
    with closing(HttpClient(deadline=_SECONDS)) as wire:
        answer = wire.post(
            f"{base}/webhooks/{settings.provider}",
            headers={"Content-Type": "application/json"},
            parts=(b"{}",),
        )
    if not isinstance(answer, HttpResponse):
        return unknown(WEB_WEBHOOK, f"no answer: {answer.reason}", "Run it again")
    if answer.status == _REFUSED and not answer.body and "www-authenticate" not in answer.headers:
        return ok(WEB_WEBHOOK, "it takes the provider's webhooks, and refuses unsigned ones")
    if answer.status >= _SERVER_ERROR:
        return unknown(WEB_WEBHOOK, f"the web app answers {answer.status}", "See its log")
    fix = "Let the server or the firewall before it pass on every POST unchanged, without a login"
    if answer.status == _NOT_FOUND:
        fix = (
            f"Set the webhook's secret where newsletter serve runs (docs/events.md); {fix.lower()}"
        )
    return warning(
        WEB_WEBHOOK,
        f"webhooks of {settings.provider} are answered with {answer.status}, and not by the web "
        "app as it does",
        fix,
    )
