"""DMARC (RFC 9989): the record that counts for a domain, and which domains belong together."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from newsletter.mail_dns.resolver import DnsError, find_doubled_name
from newsletter.mail_dns.tags import read_tags
from newsletter.model import Diagnosis, DiagnosisState

if TYPE_CHECKING:
    from collections.abc import Mapping

    from newsletter.mail_dns.resolver import Resolver

CHECK: Final = "dns-dmarc"
_POLICIES: Final = ("none", "quarantine", "reject")
_DEEPEST: Final = 8
# RFC 9989, section 4.7: the version comes first, and its value is in capitals.
_RECORD: Final = re.compile(r"v[ \t]*=[ \t]*DMARC1[ \t]*(;|$)")
_REPORTS: Final = re.compile(r"mailto:[^@\s,]+@([^@\s,!;]+)", re.IGNORECASE)
_ALMOST: Final = re.compile(r"dmarc1|\bp\s*=\s*(none|quarantine|reject)\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class DmarcRecord:
    """The one record of a name.

    Attributes:
        domain: Where it is, without `_dmarc`.
        tags: Its tags.
        errors: What is wrong with the parts of it that receivers ignore.
    """

    domain: str
    tags: Mapping[str, str]
    errors: tuple[str, ...] = ()

    @property
    def of_suffix(self) -> bool:
        """Whether it is the record of a public suffix, which many domains share."""
        return self.tags.get("psd", "u").lower() == "y"

    @property
    def invalid_policies(self) -> tuple[str, ...]:
        """Those of p, sp and np with a value that is no policy."""
        return tuple(
            name
            for name in ("p", "sp", "np")
            if self.tags.get(name, "none").lower() not in _POLICIES
        )

    @property
    def usable(self) -> bool:
        """Whether receivers apply it: with valid policies, else with an address for reports.

        In the latter case it counts as p=none (RFC 9989).
        """
        valid = "p" in self.tags and not self.invalid_policies
        return valid or bool(_REPORTS.search(self.tags.get("rua", "")))


@dataclass(frozen=True, slots=True)
class DmarcPolicy:
    """What holds for the domain of a From address.

    Attributes:
        organization: The organizational domain: those with the same one belong together.
        record: The record that counts, if there is one.
    """

    organization: str
    record: DmarcRecord | None

    @property
    def strict(self) -> bool:
        """Whether a signature must be of exactly the From domain, not of one beside it."""
        return self.record is not None and self.record.tags.get("adkim", "r").lower() == "s"


def find_organization(resolver: Resolver, domain: str) -> str:
    """Return the organizational domain of a name, by the tree walk (RFC 9989, section 4.10.2)."""
    return _walk(resolver, domain)[0]


def find_policy(resolver: Resolver, domain: str) -> DmarcPolicy:
    """Return the policy that holds for a From domain (RFC 9989, section 4.10.1).

    It is that of the domain itself, else of its organization, else of its public suffix.
    """
    organization, records = _walk(resolver, domain)
    suffix = next((one for one in records.values() if one.of_suffix), None)
    return DmarcPolicy(organization, records.get(domain) or records.get(organization) or suffix)


def is_aligned(resolver: Resolver, from_domain: str, signing: str) -> bool:
    """Return whether a signature of one domain counts for a From address of another.

    Raises:
        DnsError: The domains differ, and it is unknown which policy holds.
    """
    if signing == from_domain:
        return True
    policy = find_policy(resolver, from_domain)
    if policy.record is None:
        # Receivers that still use a list of public suffixes go by the names.
        return _related(signing, from_domain) or _related(from_domain, signing)
    if policy.strict:
        return False
    if not _related(signing, policy.organization):
        return False
    return find_organization(resolver, signing) == policy.organization


def check_dmarc(resolver: Resolver, domain: str, advice: str) -> Diagnosis:
    """Check that there is one record that receivers apply, and what it asks for.

    Args:
        resolver: Asks the DNS.
        domain: The domain of From.
        advice: The record to add if there is none.
    """
    if (count := len(_texts(resolver, domain))) > 1:
        return Diagnosis(
            CHECK,
            DiagnosisState.FAILURE,
            f"_dmarc.{domain} has {count} DMARC records: receivers then use none of them",
            "Keep the one with the policy that you want, and take the others away",
        )
    record = find_policy(resolver, domain).record
    if _has_unread(resolver, domain):
        return Diagnosis(
            CHECK,
            DiagnosisState.WARNING if record else DiagnosisState.FAILURE,
            f"the record at _dmarc.{domain} is not read as DMARC",
            "Begin it with v=DMARC1; in these letters, and leave its policy as it is",
        )
    if record is None:
        return Diagnosis(
            CHECK,
            DiagnosisState.FAILURE,
            f"{domain} has no DMARC record: Gmail, Yahoo and Microsoft refuse bulk mail without "
            "one",
            advice + find_doubled_name(resolver, f"_dmarc.{domain}", domain),
        )
    if record.of_suffix and record.domain != domain:
        return Diagnosis(
            CHECK,
            DiagnosisState.WARNING,
            f"{domain} has no DMARC record of its own: only that of {record.domain} holds, which "
            "many receivers do not look for",
            advice,
        )
    return _judge(resolver, record, domain)


def _related(one: str, other: str) -> bool:
    return one == other or one.endswith("." + other)


def _walk(resolver: Resolver, domain: str) -> tuple[str, dict[str, DmarcRecord]]:
    """Return the organizational domain, and the readable records on the way up."""
    records: dict[str, DmarcRecord] = {}
    for name in _names_upwards(domain):
        try:
            record = _record_at(resolver, name)
        except DnsError:
            if "." in name:
                raise
            continue  # a top-level domain that does not answer: most have no record
        if record is None:
            continue
        records[name] = record
        if record.tags.get("psd", "u").lower() == "n" or (record.of_suffix and name == domain):
            return name, records
        if record.of_suffix:
            # A public suffix: the organization is one label below it.
            labels = domain.split(".")
            return ".".join(labels[-(name.count(".") + 2) :]), records
    return (list(records)[-1] if records else domain), records


def _names_upwards(domain: str) -> list[str]:
    """Return the names at which the walk asks: no more than eight, however deep the domain is."""
    labels = domain.split(".")
    names = [domain]
    start = 1 if len(labels) <= _DEEPEST else len(labels) - _DEEPEST + 1
    names += [".".join(labels[at:]) for at in range(start, len(labels))]
    return names


def _record_at(resolver: Resolver, domain: str) -> DmarcRecord | None:
    """Return the record of a name; none if there are two."""
    found = _texts(resolver, domain)
    return DmarcRecord(domain, *read_tags(found[0])) if len(found) == 1 else None


def _texts(resolver: Resolver, domain: str) -> list[str]:
    answer = resolver.find(f"_dmarc.{domain}", "TXT")
    return [text for text in answer.values if _RECORD.match(text)]


def _has_unread(resolver: Resolver, domain: str) -> bool:
    """Return whether the name has a record that was meant for DMARC, and none that is."""
    texts = resolver.find(f"_dmarc.{domain}", "TXT").values
    return not _texts(resolver, domain) and any(_ALMOST.search(text) for text in texts)


def _judge(resolver: Resolver, record: DmarcRecord, domain: str) -> Diagnosis:
    tags = record.tags
    where = f"_dmarc.{record.domain}"
    if wrong := _find_error(record):
        state = DiagnosisState.WARNING if record.usable else DiagnosisState.FAILURE
        return Diagnosis(CHECK, state, *wrong)
    tag = _policy_tag(resolver, record, domain)
    policy = tags.get(tag, "").lower()
    if weak := _weakness(tags, policy or "none"):
        return Diagnosis(CHECK, DiagnosisState.WARNING, f"{where}: {weak[0]}", weak[1])
    if elsewhere := _find_unauthorized(resolver, record):
        return Diagnosis(
            CHECK,
            DiagnosisState.WARNING,
            f"{where}: reports are not sent to {elsewhere}, which has not agreed to get them",
            f"Write an address at {record.domain}, or at a service for such reports",
        )
    return Diagnosis(CHECK, DiagnosisState.OK, f"{where} asks for {policy} ({tag})")


def _find_error(record: DmarcRecord) -> tuple[str, str] | None:
    """Return what is wrong in the record, and what to do; the most serious first.

    Its policy is the author's, so that nothing here is replaced by a record of ours.
    """
    where = f"_dmarc.{record.domain}"
    for name in record.invalid_policies:
        taken = "take it as p=none" if record.usable else "ignore the record"
        return (
            f"{where} has an unknown policy, {name}={record.tags[name][:40]}: receivers {taken}",
            f"Write {name}=none, {name}=quarantine or {name}=reject",
        )
    if not record.usable:
        return (
            f"the DMARC record at {where} has no policy (p), so receivers ignore it",
            "Add p=none to it, and an address for reports: rua=mailto:ADDRESS",
        )
    if record.errors:
        return (
            f"a part of the DMARC record at {where} is ignored: {record.errors[0]}",
            "Correct that part of it, and leave the others as they are",
        )
    return None


def _find_unauthorized(resolver: Resolver, record: DmarcRecord) -> str:
    """Return a domain of rua that takes no reports about this one (RFC 9990); else nothing."""
    for found in _REPORTS.finditer(record.tags.get("rua", "")):
        domain = found[1].lower()
        if _related(domain, record.domain) or _related(record.domain, domain):
            continue
        try:
            if find_organization(resolver, domain) == find_organization(resolver, record.domain):
                continue
            agreed = resolver.find(f"{record.domain}._report._dmarc.{domain}", "TXT").values
        except DnsError:
            continue  # it concerns the reports alone, so that it is no reason to know nothing
        if not any(_RECORD.match(text) for text in agreed):
            return domain
    return ""


def _policy_tag(resolver: Resolver, record: DmarcRecord, domain: str) -> str:
    """Return which tag holds for the domain: p, or sp or np for one below the record's."""
    if record.domain == domain:
        return "p"
    exists = any(resolver.find(domain, kind).exists for kind in ("TXT", "MX"))
    if not exists and "np" in record.tags:
        return "np"
    return "sp" if "sp" in record.tags else "p"


def _weakness(tags: Mapping[str, str], policy: str) -> tuple[str, str] | None:
    """Return what the record does not do, and what to change."""
    if tags.get("t", "n").lower() == "y":
        return "in its test mode (t=y) receivers do not apply it", "Take t=y away"
    if tags.get("pct", "100") != "100":
        return (
            f"pct={tags['pct']} is not read any more: the policy holds for all mail or none",
            "Take pct away; t=y is what tries a policy without applying it",
        )
    if (rua := tags.get("rua", "")) and not _REPORTS.search(rua):
        return "reports go nowhere: rua has no mailto address", "Write rua=mailto:ADDRESS"
    if policy == "none" and not rua:
        return (
            "its policy is none and it asks for no reports, so it has no effect",
            "Add rua=mailto:ADDRESS, and p=quarantine once the reports show only your own mail",
        )
    if policy == "none":
        return (
            "its policy is none: others can still send in your name",
            "Change it to quarantine once the reports show only your own mail",
        )
    return None
