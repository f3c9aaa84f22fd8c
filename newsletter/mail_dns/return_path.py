"""The records for the return path, to which bounces go, as the provider lists them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from newsletter.mail_dns import advice
from newsletter.mail_dns.dkim import MARK
from newsletter.model import Diagnosis, DiagnosisState

if TYPE_CHECKING:
    from collections.abc import Sequence

    from newsletter.mail_dns.resolver import Resolver
    from newsletter.model import DnsRecord

CHECK: Final = "dns-return-path"
_KINDS: Final = {"MX", "CNAME"}


def check_return_path(resolver: Resolver, records: Sequence[DnsRecord]) -> Diagnosis:
    """Check that every MX and CNAME that the provider asks for is in the DNS, but for keys.

    Args:
        resolver: Asks the DNS.
        records: The records that the provider asks for, if it says.
    """
    listed = [one for one in records if one.kind in _KINDS and MARK not in one.name.lower()]
    missing = [one for one in listed if _target(one.value) not in _targets(resolver, one)]
    if missing:
        there = _targets(resolver, missing[0])
        wrong = f"leads to {', '.join(sorted(there))}" if there else "is missing"
        return Diagnosis(
            CHECK,
            DiagnosisState.FAILURE,
            f"the {missing[0].kind} record of {missing[0].name} {wrong}; your provider needs it "
            "for bounces",
            "\n".join(
                advice.replace(one) if _targets(resolver, one) else advice.add(one)
                for one in missing
            ),
        )
    said = "has its records" if listed else "needs no record that is known here"
    return Diagnosis(CHECK, DiagnosisState.OK, f"the return path {said}")


def _targets(resolver: Resolver, record: DnsRecord) -> set[str]:
    return {_target(value) for value in resolver.find(record.name, record.kind).values}


def _target(value: str) -> str:
    """Return the host that a record leads to, without the preference of an MX."""
    return value.rsplit(maxsplit=1)[-1].rstrip(".").lower() if value.split() else ""
