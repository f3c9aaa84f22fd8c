"""Whether a domain can receive mail: MX records, or an address in their place (RFC 5321, 5.1)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from newsletter.model import Diagnosis, DiagnosisState

if TYPE_CHECKING:
    from newsletter.mail_dns.resolver import Resolver

_WHY = "Microsoft refuses mail from addresses that cannot receive any"


def check_mx(resolver: Resolver, check: str, domain: str, what: str) -> Diagnosis:
    """Check that answers to an address of a domain have a place to go.

    Args:
        resolver: Asks the DNS.
        check: The id of the check.
        domain: The domain of the address.
        what: Which address it is, such as "the sender".
    """
    found = resolver.find(domain, "MX").values
    hosts = [value.split()[-1] for value in found]
    fix = f"Add the MX records of whoever keeps the mailbox, or change {what} in the settings file"
    if "." in hosts:
        return Diagnosis(
            check,
            DiagnosisState.FAILURE,
            f"{domain} says that it takes no mail (its MX record is a dot). {_WHY}",
            fix,
        )
    if hosts:
        if any(_has_address(resolver, host) for host in hosts):
            return Diagnosis(check, DiagnosisState.OK, f"{domain} takes mail at {hosts[0]}")
        return Diagnosis(
            check,
            DiagnosisState.FAILURE,
            f"the MX record of {domain} leads to {hosts[0]}, which has no address",
            "Correct the name in the MX record: the name of a host, not a number",
        )
    if _has_address(resolver, domain):
        return Diagnosis(
            check,
            DiagnosisState.WARNING,
            f"{domain} has no MX record, so its mail goes to the machine of its web site",
            fix,
        )
    return Diagnosis(
        check, DiagnosisState.FAILURE, f"{domain} takes no mail: it has no MX record. {_WHY}", fix
    )


def _has_address(resolver: Resolver, host: str) -> bool:
    return any(resolver.find(host, kind).values for kind in ("A", "AAAA"))
