"""What is usual at each provider, for when its own list of DNS records cannot be asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from newsletter.mail_dns.spf import Expectation

if TYPE_CHECKING:
    from collections.abc import Sequence

    from newsletter.config import Settings
    from newsletter.model import DnsRecord

_SELECTORS: Final = {"resend": ("resend",)}
"""The selectors that do not differ between accounts; others make one up for each domain."""


def usual_selectors(settings: Settings) -> tuple[str, ...]:
    """Return the selectors with which the provider of the settings signs for everyone."""
    return _SELECTORS.get(settings.provider, ())


def signing_domain(settings: Settings) -> str:
    """Return the domain for which the provider signs, whatever From says; empty if it is From's."""
    if settings.provider == "mailgun":
        return settings.credentials.get("MAILGUN_DOMAIN", "").lower()
    return ""


def spf_expectations(
    settings: Settings, domain: str, records: Sequence[DnsRecord]
) -> tuple[Expectation, ...]:
    """Return where the provider needs an SPF record: as it says, or as is usual there.

    Args:
        settings: The settings, with the provider.
        domain: The domain of From.
        records: The records that the provider asks for, if it says.
    """
    listed = [
        Expectation(one.name.lower(), _include(one.value), one.value, required=True)
        for one in records
        if one.kind == "TXT" and one.value.lower().startswith("v=spf1")
    ]
    if listed or records:
        return tuple(listed)
    if settings.provider == "resend":
        # The return path is a subdomain, by default `send`; the domain itself is possible too.
        return tuple(_usual(name, "amazonses.com") for name in (f"send.{domain}", domain))
    if own := signing_domain(settings):
        return (_usual(own, "mailgun.org"),)
    return ()


def _usual(domain: str, include: str) -> Expectation:
    return Expectation(domain, include, f"v=spf1 include:{include} ~all", required=False)


def _include(record: str) -> str:
    """Return the first domain that a record includes; empty if there is none."""
    parts = [part for part in record.lower().split() if part.startswith("include:")]
    return parts[0].removeprefix("include:") if parts else ""
