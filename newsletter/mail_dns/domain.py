"""The DNS of the sending domain, checked for what mailbox providers ask of a newsletter."""

from __future__ import annotations

import logging
from email.utils import parseaddr
from typing import TYPE_CHECKING, Final

from newsletter.config import NO_DOMAIN
from newsletter.mail_dns import advice, dkim, dmarc, return_path, spf
from newsletter.mail_dns.defaults import signing_domain, spf_expectations, usual_selectors
from newsletter.mail_dns.mx import check_mx
from newsletter.mail_dns.resolver import DnsError, Resolver
from newsletter.mail_dns.sender import (
    FREE_MAIL,
    NOREPLY,
    check_free_mail,
    check_noreply,
    is_free_mail,
)
from newsletter.model import Diagnosis, DiagnosisState, DnsRecord

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from newsletter.config import Settings

log = logging.getLogger(__name__)

DOMAIN: Final = "dns-domain"
MX_FROM: Final = "dns-mx-from"
MX_REPLY_TO: Final = "dns-mx-reply-to"
CHECKS: Final = (
    (DOMAIN, "The domain of the sender exists"),
    (FREE_MAIL, "The sender has their own domain, not one of free mail such as gmail.com"),
    (NOREPLY, "Subscribers can answer: neither sender nor reply_to is a noreply address"),
    (spf.CHECK, "There is one SPF record, and it needs at most ten lookups"),
    (return_path.CHECK, "The records for bounces that the provider lists are in the DNS"),
    (dkim.CHECK, "A DKIM key that counts for the sender is in the DNS, and is strong enough"),
    (dmarc.CHECK, "There is one DMARC record, with a policy"),
    (MX_FROM, "The domain of the sender takes mail"),
    (MX_REPLY_TO, "The domain of reply_to takes mail"),
)
"""The ids of the checks of `check_domain`, in their order, with what each is about."""

BLOCKING: Final = frozenset({DOMAIN, FREE_MAIL, dkim.CHECK, dmarc.CHECK})
"""The checks whose failure means that a mailing would be refused by many receivers."""


def check_domain(
    settings: Settings,
    selectors: Sequence[str] = (),
    records: Sequence[DnsRecord] = (),
    resolver: Resolver | None = None,
) -> tuple[Diagnosis, ...]:
    """Check the DNS of the sender's domain; what cannot be looked up is *unknown*, never missing.

    Args:
        settings: The settings, with sender, reply_to and provider.
        selectors: The DKIM selectors of the provider; without them, those that are usual there.
        records: The DNS records that the provider asks for, if it says.
        resolver: Asks the DNS; without one, the name servers of this machine.
    """
    domain = settings.domain.lower()
    if domain == NO_DOMAIN:
        return (
            Diagnosis(DOMAIN, DiagnosisState.FAILURE, "there is no sender yet", 'Fill in "sender"'),
        )
    own = (
        check_free_mail(domain),
        check_noreply(settings.sender_address, parseaddr(settings.reply_to)[1]),
    )
    if is_free_mail(domain):
        return own
    asked = _Domain(settings, domain, selectors, records, resolver or Resolver())
    exists = _attempt(DOMAIN, asked.check_existence)
    if exists.state is DiagnosisState.FAILURE:
        return (exists, *own)
    return (
        exists,
        *own,
        _attempt(spf.CHECK, asked.check_spf),
        _attempt(return_path.CHECK, asked.check_return_path),
        _attempt(dkim.CHECK, asked.check_dkim),
        _attempt(dmarc.CHECK, asked.check_dmarc),
        _attempt(MX_FROM, asked.check_mx),
        _attempt(MX_REPLY_TO, asked.check_reply_to),
    )


def _attempt(check: str, look: Callable[[], Diagnosis]) -> Diagnosis:
    """Return what a check finds, or that its answer is unknown."""
    try:
        return look()
    except DnsError as error:
        return Diagnosis(
            check,
            DiagnosisState.UNKNOWN,
            str(error),
            "Run it again in a while, or from another network; if it stays so, ask whoever hosts "
            "your DNS",
        )
    except Exception as error:  # whatever it is, the other checks go on
        log.debug("The check %s ended here:", check, exc_info=error)
        return Diagnosis(
            check,
            DiagnosisState.UNKNOWN,
            f"unexpected {type(error).__name__}",
            "Run it again; if it stays so, report that",
        )


class _Domain:
    """The sender's domain and what is known of it; the arguments are those of `check_domain`."""

    def __init__(
        self,
        settings: Settings,
        domain: str,
        selectors: Sequence[str],
        records: Sequence[DnsRecord],
        resolver: Resolver,
    ) -> None:
        self._settings = settings
        self._domain = domain
        self._selectors = tuple(selectors) or usual_selectors(settings)
        self._records = tuple(records)
        self._resolver = resolver

    def check_existence(self) -> Diagnosis:
        """Check that the domain is there at all."""
        if self._resolver.find(self._domain, "TXT").exists:
            return Diagnosis(DOMAIN, DiagnosisState.OK, f"{self._domain} exists")
        return Diagnosis(
            DOMAIN,
            DiagnosisState.FAILURE,
            f"{self._domain} does not exist in the DNS",
            "Correct the spelling of sender, or register the domain",
        )

    def check_spf(self) -> Diagnosis:
        """Check who may send for the domain, and for the return path."""
        expectations = spf_expectations(self._settings, self._domain, self._records)
        return spf.check_spf(self._resolver, self._domain, expectations)

    def check_return_path(self) -> Diagnosis:
        """Check the records for bounces."""
        return return_path.check_return_path(self._resolver, self._records)

    def check_dkim(self) -> Diagnosis:
        """Check the keys with which the provider signs."""
        if self._settings.provider == "outbox":
            return Diagnosis(
                dkim.CHECK, DiagnosisState.OK, "the outbox mails nobody, so nothing is signed yet"
            )
        other = signing_domain(self._settings)
        if other and not dmarc.is_aligned(self._resolver, self._domain, other):
            return dkim.not_aligned(self._domain, other)
        domains = (other,) if other else self._domains_that_may_sign()
        places = dkim.find_places(domains, self._selectors, self._records)
        if not places:
            return Diagnosis(
                dkim.CHECK,
                DiagnosisState.UNKNOWN,
                f"{self._settings.provider} names its DKIM keys for each domain, and the names are "
                "not known here",
                "See at your provider whether the domain is verified, or look at a letter that "
                "arrived: newsletter doctor --received FILE.eml",
            )
        return dkim.check_dkim(self._resolver, self._domain, places)

    def check_dmarc(self) -> Diagnosis:
        """Check what receivers do with letters that are not signed by the domain."""
        name = f"_dmarc.{self._domain}"
        listed = [one.value for one in self._records if one.name.lower() == name]
        text = listed[0] if listed else f"v=DMARC1; p=none; rua=mailto:dmarc@{self._domain}"
        fix = advice.add(DnsRecord(name, "TXT", text))
        return dmarc.check_dmarc(self._resolver, self._domain, fix)

    def check_mx(self) -> Diagnosis:
        """Check that the sender's domain takes mail."""
        return check_mx(self._resolver, MX_FROM, self._domain, "sender")

    def check_reply_to(self) -> Diagnosis:
        """Check that answers have a place to go."""
        domain = parseaddr(self._settings.reply_to)[1].rpartition("@")[2].lower()
        if not domain or domain == self._domain:
            return Diagnosis(
                MX_REPLY_TO, DiagnosisState.OK, "answers go to the domain of the sender"
            )
        return check_mx(self._resolver, MX_REPLY_TO, domain, "reply_to")

    def _domains_that_may_sign(self) -> tuple[str, ...]:
        """Return From's domain, and those above it: while it is known, in the same organization."""
        try:
            policy = dmarc.find_policy(self._resolver, self._domain)
            top = policy.organization if policy.record else ""
        except DnsError:
            top = ""  # a key that is found above From's domain is then judged as unknown
        labels = self._domain.split(".")
        above = [".".join(labels[at:]) for at in range(1, len(labels) - 1)]
        return (
            self._domain,
            *(name for name in above if name.endswith(top)),
        )
