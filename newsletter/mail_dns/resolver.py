"""Asks the DNS what a name holds: records, nothing, or it is unknown.

*Missing* is what the DNS says itself: there is no such name, or no record of that kind. Everything
else (silence, SERVFAIL, REFUSED, an answer about another name, bytes that are no answer, a server
that knows no name at all) is `DnsError`: it says nothing about the record.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdata
import dns.rdatatype
import dns.rdtypes.ANY.MX
import dns.rdtypes.ANY.TXT
import dns.resolver

if TYPE_CHECKING:
    from collections.abc import Sequence


SECONDS: Final = 10.0
"""How long all lookups of one resolver may take together, without what is done in between."""
_EVERYWHERE: Final = (dns.name.root, dns.name.from_text("com"))
"""Names that exist for every name server that answers for the internet."""
_EACH: Final = 3.0
_TRY: Final = 1.5


ABOUT: Final = " when asked about "
"""What stands in a message between the reason and the name that was looked up."""


class DnsError(Exception):
    """The DNS gave no answer that can be used; the message says why, for a person."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What the DNS says of one name and one kind of record.

    Attributes:
        values: Each record as text; a TXT record joined, an MX with its preference. None if the
            name has no record of this kind.
        exists: Whether the name exists at all.
        alias: The name that an alias (CNAME) leads to; empty if there is no alias.
    """

    values: tuple[str, ...] = ()
    exists: bool = True
    alias: str = ""


class Resolver:
    """Asks name servers, first over UDP, then over TCP if there was no answer or a part of one.

    All its lookups share one deadline, and each question is asked once.
    """

    def __init__(
        self, servers: Sequence[str] = (), *, port: int = 53, seconds: float = SECONDS
    ) -> None:
        """Take the addresses and the port of name servers, and how long all lookups may take.

        Without addresses, those of this machine are asked.
        """
        self._left = seconds
        self._only_tcp = False
        self._knows_names = False
        self._answers: dict[tuple[str, str], Answer | DnsError] = {}
        self._asked: dns.resolver.Resolver | None = None
        try:
            self._asked = dns.resolver.Resolver(configure=not servers)
        except dns.resolver.NoResolverConfiguration:
            return
        if servers:
            self._asked.nameservers = list(servers)
            self._asked.port = port
        self._asked.timeout = _TRY
        self._asked.cache = None

    def find(self, name: str, kind: str) -> Answer:
        """Return what a name holds of one kind: `TXT`, `MX`, `A`, `AAAA` or `CNAME`.

        Raises:
            DnsError: It is unknown what it holds.
        """
        key = (name.lower().rstrip("."), kind)
        if key not in self._answers:
            try:
                self._answers[key] = self._ask(*key)
            except DnsError as error:
                self._answers[key] = error
        found = self._answers[key]
        if isinstance(found, DnsError):
            raise found
        return found

    def _ask(self, name: str, kind: str) -> Answer:
        try:
            question = dns.name.from_text(name + ".")
            found = self._resolve(question, kind)
        except dns.resolver.NXDOMAIN:
            self._refuse_closed_network()
            return Answer(exists=False)
        except (dns.name.LabelTooLong, dns.name.NameTooLong, dns.name.EmptyLabel):
            return Answer(exists=False)  # no name can be so, so nothing is there
        except (dns.exception.DNSException, OSError, ValueError) as error:
            raise DnsError(f"{_reason(error)}{ABOUT}{name}") from error
        _refuse_unrelated(found, name)
        self._knows_names = True
        target = found.canonical_name
        return Answer(
            values=tuple(sorted(map(_text, found.rrset or ()))),
            alias="" if target == question else target.to_text(omit_final_dot=True).lower(),
        )

    def _refuse_closed_network(self) -> None:
        """Refuse what a name server says that knows no name at all: some networks have one."""
        if self._knows_names:
            return
        for name in _EVERYWHERE:
            try:
                self._knows_names = self._resolve(name, "NS").rrset is not None
            except (dns.exception.DNSException, OSError):
                continue
            if self._knows_names:
                return
        raise DnsError("the name server of this network answers as if no name existed")

    def _resolve(self, question: dns.name.Name, kind: str) -> dns.resolver.Answer:
        """Ask over UDP, and over TCP what got no answer so: from then on, all of it."""
        try:
            return self._ask_once(question, kind, tcp=self._only_tcp)
        except dns.exception.Timeout as silence:
            if self._only_tcp:
                raise
            try:
                found = self._ask_once(question, kind, tcp=True)
            except dns.resolver.NXDOMAIN:
                self._only_tcp = True
                raise
            except (DnsError, dns.exception.DNSException, OSError):
                raise silence from None
            self._only_tcp = True
            return found

    def _ask_once(self, question: dns.name.Name, kind: str, *, tcp: bool) -> dns.resolver.Answer:
        if self._asked is None:
            raise DnsError("this machine has no name server configured")
        if self._left <= 0:
            raise DnsError("the time for asking the DNS is over")
        began = time.monotonic()
        try:
            return self._asked.resolve(
                question,
                kind,
                tcp=tcp,
                lifetime=min(_EACH, self._left),
                search=False,
                raise_on_no_answer=False,
            )
        finally:
            self._left -= time.monotonic() - began


def find_doubled_name(resolver: Resolver, name: str, domain: str) -> str:
    """Return that a missing record is at a doubled name, as some DNS hosts make it; else nothing.

    Args:
        resolver: Asks the DNS.
        name: Where it is missing.
        domain: The domain that the host may have added.
    """
    doubled = f"{name}.{domain}"
    try:
        found = resolver.find(doubled, "TXT").values
    except DnsError:
        found = ()
    if not found:
        return ""
    return (
        f"\nThere is one at {doubled}: your DNS host adds the domain itself, so enter the name "
        "without it"
    )


def _refuse_unrelated(found: dns.resolver.Answer, name: str) -> None:
    """Refuse an empty answer that is none: records of other names, or a hint to ask elsewhere."""
    if found.rrset is not None:
        return
    response = found.response
    aliases = {rrset.name for rrset in found.chaining_result.cnames}
    if any(rrset.name not in aliases for rrset in response.answer):
        raise DnsError(f"the DNS answered about another name{ABOUT}{name}")
    if not response.flags & (dns.flags.AA | dns.flags.RA):
        raise DnsError(f"the DNS server does not answer for others{ABOUT}{name}")


def _text(rdata: dns.rdata.Rdata) -> str:
    if isinstance(rdata, dns.rdtypes.ANY.TXT.TXT):
        return b"".join(rdata.strings).decode("utf-8", "replace")
    if isinstance(rdata, dns.rdtypes.ANY.MX.MX):
        return f"{rdata.preference} {rdata.exchange.to_text(omit_final_dot=True) or '.'}"
    return rdata.to_text().rstrip(".")


def _reason(error: Exception) -> str:
    """Return why there is no answer, as a person would say it."""
    if isinstance(error, dns.resolver.NoNameservers):
        codes = [one[4].rcode() for one in error.kwargs.get("errors", ()) if one[4] is not None]
        if codes:
            return f"the DNS answered {dns.rcode.to_text(codes[-1])}"
        return "the DNS gave an answer that cannot be read"
    if isinstance(error, dns.exception.Timeout):
        return "the DNS did not answer in time"
    return f"the DNS gave no answer that can be used ({type(error).__name__})"
