"""What an author must know of each provider before the first letter: variables, and what waits."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from newsletter.config import PROVIDERS


@dataclass(frozen=True, slots=True)
class ProviderFacts:
    """What an author's repository says of a provider.

    Attributes:
        sends_with: The environment variables without which nothing is sent through it.
        reports_with: The variable without which its webhooks are refused.
        reads_too: Variables that are used where they are set.
        reads_too_for: What for.
        waits_for: What takes hours or days there; empty if nothing does.
    """

    sends_with: tuple[str, ...]
    reports_with: str = ""
    reads_too: tuple[str, ...] = ()
    reads_too_for: str = ""
    waits_for: tuple[str, ...] = ()


_DOMAIN: Final = "verify your domain there: its DNS records may take a day to be seen"
_FACTS: Final = {
    "outbox": ProviderFacts(()),
    "resend": ProviderFacts(
        ("RESEND_API_KEY",),
        "RESEND_WEBHOOK_SECRET",
        waits_for=(
            _DOMAIN,
            "ask its support whether it accepts a newsletter through its API for single messages",
            "the free plan takes 100 letters a day: choose a plan that fits your list",
        ),
    ),
    "lettermint": ProviderFacts(
        ("LETTERMINT_API_TOKEN",),
        "LETTERMINT_WEBHOOK_SECRET",
        ("LETTERMINT_TEAM_TOKEN",),
        "newsletter events pull and newsletter doctor",
        (
            _DOMAIN,
            (
                "ask its support to let you switch off the hosted unsubscribe of the broadcast "
                "route: until then every letter has its own unsubscribe link too"
            ),
        ),
    ),
    "mailgun": ProviderFacts(
        ("MAILGUN_API_KEY", "MAILGUN_DOMAIN"),
        "MAILGUN_WEBHOOK_SECRET",
        waits_for=(
            _DOMAIN,
            (
                "a new account is on probation and may mail about a hundred people an hour: set "
                "max_per_hour = 100 until that is lifted"
            ),
        ),
    ),
    "ses": ProviderFacts(
        ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_REGION"),
        "SES_TOPIC_ARN",
        ("SES_CONFIGURATION_SET",),
        "the reports of bounces and complaints",
        (
            _DOMAIN,
            (
                "a new account is in the sandbox and mails only addresses that it has verified: "
                "ask for production access, with the mail type Marketing"
            ),
        ),
    ),
}


def facts_of(provider: str) -> ProviderFacts:
    """Return the facts about a provider; of one without an entry, all of its variables."""
    return _FACTS.get(provider) or ProviderFacts(PROVIDERS[provider])
