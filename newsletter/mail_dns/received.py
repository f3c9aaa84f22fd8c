"""A proof that arrived, as its receiver stored it: what became of the letter on its way."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from newsletter.config import NO_DOMAIN
from newsletter.mail_dns import dmarc
from newsletter.mail_dns.authentication_results import AuthenticationResult, read_results
from newsletter.mail_dns.received_content import CONTENT_CHECKS, UNSUBSCRIBE, check_content
from newsletter.mail_dns.received_file import FILE, ReceivedFileError, ReceivedLetter, read_letter
from newsletter.mail_dns.resolver import DnsError, Resolver
from newsletter.mail_dns.signature import Signature, verify_signatures
from newsletter.model import Diagnosis, DiagnosisState

if TYPE_CHECKING:
    from collections.abc import Sequence

    from newsletter.config import Settings

SENDER: Final = "received-sender"
SPF: Final = "received-spf"
DKIM: Final = "received-dkim"
DMARC: Final = "received-dmarc"
SIGNATURE: Final = "received-signature"
ONE_CLICK: Final = "received-one-click"
RECEIVED_CHECKS: Final = (
    (FILE, "The file is one letter, as it arrived"),
    (SENDER, "It is from the sender of the settings"),
    (SPF, "What its receiver says of SPF"),
    (DKIM, "What its receiver says of DKIM, and whether that counts for the sender"),
    (DMARC, "What its receiver says of DMARC"),
    (SIGNATURE, "A DKIM signature of the sender's domain, verified again, is of this very letter"),
    (ONE_CLICK, "That signature covers List-Unsubscribe and List-Unsubscribe-Post (RFC 8058)"),
    *CONTENT_CHECKS,
)
"""The ids of the checks of `check_received`, in their order, with what each is about."""

_OK, _WARNING = DiagnosisState.OK, DiagnosisState.WARNING
_FAILURE, _UNKNOWN = DiagnosisState.FAILURE, DiagnosisState.UNKNOWN
_AGAIN: Final = "Send a proof to an address at Gmail or another large provider, and save that one"
_UNSUBSCRIBE_HEADERS: Final = ("List-Unsubscribe", "List-Unsubscribe-Post")
_UNSUBSCRIBE: Final = frozenset(map(str.lower, _UNSUBSCRIBE_HEADERS))


def check_received(
    data: bytes, settings: Settings, resolver: Resolver | None = None
) -> tuple[Diagnosis, ...]:
    """Check a proof that arrived.

    Args:
        data: The file, such as "Download original" or "Save as" makes it.
        settings: The settings, with sender and public_url.
        resolver: Asks the DNS for keys; without one, the name servers of this machine.
    """
    try:
        letter = read_letter(data)
    except ReceivedFileError as error:
        return (Diagnosis(FILE, _FAILURE, str(error), error.fix),)
    asked = resolver or Resolver()
    alignment = _Alignment(asked, letter.from_domain)
    results = read_results(letter.header_values("Authentication-Results"))
    signatures = verify_signatures(letter.raw, asked)
    return (
        Diagnosis(FILE, _OK, "the file is one letter"),
        _check_sender(letter, settings),
        _check_spf(results),
        _check_dkim(results, alignment),
        _check_dmarc(results),
        _check_signature(signatures, alignment),
        _check_one_click(letter, signatures, alignment),
        *check_content(letter, settings),
    )


class _Alignment:
    """Whether a domain counts for the From domain; by the names alone while the DNS is away."""

    def __init__(self, resolver: Resolver, from_domain: str) -> None:
        self._resolver = resolver
        self.from_domain = from_domain

    def holds(self, domain: str) -> bool:
        """Return whether a signature of a domain counts."""
        try:
            return dmarc.is_aligned(self._resolver, self.from_domain, domain)
        except DnsError:
            one, other = f".{domain}", f".{self.from_domain}"
            return bool(domain) and (one.endswith(other) or other.endswith(one))


def _check_sender(letter: ReceivedLetter, settings: Settings) -> Diagnosis:
    expected = settings.domain.lower()
    if expected == NO_DOMAIN:
        return Diagnosis(SENDER, _UNKNOWN, "there is no sender in the settings", 'Fill in "sender"')
    if letter.from_domain == expected:
        return Diagnosis(SENDER, _OK, f"it is from an address at {expected}")
    return Diagnosis(
        SENDER,
        _FAILURE,
        f"it is from an address at {letter.from_domain}, and the settings say {expected}",
        "See whether it is the proof itself, not one that was forwarded or came through a list",
    )


def _of(results: Sequence[AuthenticationResult], method: str) -> list[AuthenticationResult]:
    return [one for one in results if one.method == method]


def _nothing_said(check: str, name: str) -> Diagnosis:
    return Diagnosis(check, _UNKNOWN, f"its receiver says nothing of {name}", _AGAIN)


def _check_spf(results: Sequence[AuthenticationResult]) -> Diagnosis:
    found = _of(results, "spf")
    if not found:
        return _nothing_said(SPF, "SPF")
    result, domain = found[0].result, found[0].domain
    about = f"SPF for {domain}: {result}" if domain else f"SPF: {result}"
    if result == "pass":
        return Diagnosis(SPF, _OK, about)
    if result == "temperror":
        return Diagnosis(SPF, _UNKNOWN, about, _AGAIN)
    state = _FAILURE if result in {"fail", "permerror", "hardfail"} else _WARNING
    fix = "Put the SPF record of your provider into the DNS: newsletter doctor --dns"
    return Diagnosis(SPF, state, about, fix)


def _check_dkim(results: Sequence[AuthenticationResult], alignment: _Alignment) -> Diagnosis:
    found = _of(results, "dkim")
    if not found:
        return _nothing_said(DKIM, "DKIM")
    passed = [one for one in found if one.result == "pass"]
    if any(alignment.holds(one.domain) for one in passed):
        return Diagnosis(DKIM, _OK, f"DKIM: pass, for {alignment.from_domain}")
    if passed and not any(one.domain for one in passed):
        return Diagnosis(DKIM, _UNKNOWN, "DKIM: pass, and it does not say for which domain", _AGAIN)
    if passed:
        return Diagnosis(
            DKIM,
            _FAILURE,
            f"DKIM: pass, but for {passed[0].domain}, which does not count for a sender at "
            f"{alignment.from_domain}",
            f"Verify {alignment.from_domain} at your provider, so that it signs for it",
        )
    worst = found[0].result
    state = _UNKNOWN if worst == "temperror" else _FAILURE
    return Diagnosis(
        DKIM,
        state,
        f"DKIM: {worst}",
        "Put the DKIM record of your provider into the DNS: newsletter doctor --dns",
    )


def _check_dmarc(results: Sequence[AuthenticationResult]) -> Diagnosis:
    found = _of(results, "dmarc")
    if not found:
        return _nothing_said(DMARC, "DMARC")
    result = found[0].result
    if result == "pass":
        return Diagnosis(DMARC, _OK, "DMARC: pass")
    if result == "temperror":
        return Diagnosis(DMARC, _UNKNOWN, "DMARC: temperror", _AGAIN)
    why = " (there is no record)" if result in {"none", "bestguesspass"} else ""
    return Diagnosis(
        DMARC, _FAILURE, f"DMARC: {result}{why}", "See what is missing: newsletter doctor --dns"
    )


def _check_signature(signatures: Sequence[Signature], alignment: _Alignment) -> Diagnosis:
    if not signatures:
        return Diagnosis(
            SIGNATURE,
            _FAILURE,
            "it has no DKIM signature",
            "Verify the sender's domain at your provider: newsletter doctor --dns",
        )
    aligned = [one for one in signatures if alignment.holds(one.domain)]
    if not aligned:
        names = ", ".join(sorted({one.domain for one in signatures if one.domain}))
        return Diagnosis(
            SIGNATURE,
            _FAILURE,
            f"it is signed by {names or 'nobody'}, and not for {alignment.from_domain}",
            f"Verify {alignment.from_domain} at your provider, so that it signs for it",
        )
    return _judge_signature(min(aligned, key=_by_worth))


def _by_worth(signature: Signature) -> tuple[bool, bool, bool, bool]:
    """Order signatures: those that count first, then those of which nothing is known."""
    return bool(signature.problem), not signature.unknown, signature.expired, signature.partial


def _judge_signature(best: Signature) -> Diagnosis:
    if best.unknown:
        return Diagnosis(SIGNATURE, _UNKNOWN, best.problem, "Run it again in a while")
    if not best.problem and best.expired:
        return Diagnosis(
            SIGNATURE,
            _WARNING,
            f"the time of the signature of {best.domain} was over when the letter arrived (x=), so "
            "that receivers may ignore it",
            "Send another proof. If it stays so, ask your provider for a later end",
        )
    if not best.problem and best.partial:
        return Diagnosis(
            SIGNATURE,
            _WARNING,
            "its signature leaves the end of the body open (l=), to which anybody may add",
            "Ask your provider to sign whole letters",
        )
    if not best.problem:
        return Diagnosis(SIGNATURE, _OK, f"the signature of {best.domain} is of this letter")
    return Diagnosis(
        SIGNATURE,
        _FAILURE,
        f"the signature of {best.domain} does not count: {best.problem}",
        "Save the proof as it arrived, straight from the mailbox. If it stays so, a program on its "
        "way changes letters",
    )


def _check_one_click(
    letter: ReceivedLetter, signatures: Sequence[Signature], alignment: _Alignment
) -> Diagnosis:
    aligned = [one for one in signatures if alignment.holds(one.domain)]
    if any(one.headers >= _UNSUBSCRIBE for one in aligned if not one.problem):
        return Diagnosis(ONE_CLICK, _OK, "the signature covers the headers for unsubscribing")
    if any(one.headers >= _UNSUBSCRIBE for one in aligned):
        return Diagnosis(
            ONE_CLICK,
            _UNKNOWN,
            "a signature that does not count covers the headers for unsubscribing",
            f"See {SIGNATURE}",
        )
    if missing := [name for name in _UNSUBSCRIBE_HEADERS if not letter.header(name)]:
        said = f"it has no {missing[0]} header that a signature could cover"
        return Diagnosis(ONE_CLICK, _UNKNOWN, said, f"See {UNSUBSCRIBE}")
    if not signatures:
        said = "it has no signature that could cover the headers for unsubscribing"
        return Diagnosis(ONE_CLICK, _UNKNOWN, said, f"See {SIGNATURE}")
    return Diagnosis(
        ONE_CLICK,
        _FAILURE,
        "no signature of the sender covers List-Unsubscribe and List-Unsubscribe-Post, so mail "
        "programs show no button to unsubscribe",
        "Ask your provider to sign both headers (h= in DKIM-Signature)",
    )
