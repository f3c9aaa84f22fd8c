"""SPF (RFC 7208): is there one record, can receivers evaluate it, and does it name the provider."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from newsletter.mail_dns import advice
from newsletter.model import Diagnosis, DiagnosisState, DnsRecord

if TYPE_CHECKING:
    from collections.abc import Sequence

    from newsletter.mail_dns.resolver import Resolver

CHECK: Final = "dns-spf"
MOST_LOOKUPS: Final = 10
MOST_VOID: Final = 2
_COUNTED: Final = {"include", "a", "mx", "ptr", "exists"}
_REWRITE: Final = "Correct the record: v=spf1, then parts such as include:HOST, then ~all"
_MACRO: Final = r"%\{[slodiphcrtv][0-9]*r?[-.+,/_=]*\}|%[%_-]"
_DOMAIN: Final = (
    rf"(?:{_MACRO}|[!-$&-~])*?"
    rf"(?:\.(?=[a-z0-9-]*[a-z-])[a-z0-9](?:[a-z0-9-]*[a-z0-9])?\.?|{_MACRO})"
)
_PREFIX_4: Final = r"/(?:[12]?[0-9]|3[0-2])"
_PREFIX_6: Final = r"/(?:[1-9]?[0-9]|1[01][0-9]|12[0-8])"
_MECHANISM: Final = re.compile(
    rf"[+?~-]?(?:(?P<bare>all)|(?P<named>include|exists):(?P<name>{_DOMAIN})"
    rf"|(?P<host>a|mx)(?::(?P<of>{_DOMAIN}))?(?:{_PREFIX_4})?(?:/{_PREFIX_6})?"
    rf"|(?P<ptr>ptr)(?::{_DOMAIN})?"
    rf"|ip4:(?P<ip4>[0-9.]+)(?:{_PREFIX_4})?|ip6:(?P<ip6>[0-9a-f:.]+)(?:{_PREFIX_6})?)"
)
"""A mechanism (RFC 7208, section 12), in lower case; the addresses are checked apart."""
_MODIFIER: Final = re.compile(r"(?P<name>[a-z][a-z0-9_.-]*)=(?P<value>.*)")


class SpfError(ValueError):
    """Receivers cannot evaluate a record, and then it counts as an error for every letter.

    Attributes:
        fix: How to correct the record.
    """

    def __init__(self, message: str, fix: str = _REWRITE) -> None:
        """Take what is wrong, and how to correct it."""
        super().__init__(message)
        self.fix = fix


@dataclass(frozen=True, slots=True)
class Expectation:
    """A domain whose SPF record the provider asks for.

    Attributes:
        domain: The domain of the return path.
        include: What the record must include; empty if that is not known.
        record: The whole text of the record to add, if the domain has none.
        required: The provider said so; else it is only what it usually asks for.
    """

    domain: str
    include: str
    record: str
    required: bool


@dataclass(slots=True)
class SpfEvaluation:
    """What a receiver has to look up to evaluate one record, includes and all.

    Attributes:
        lookups: How many terms need a lookup.
        void: How many of these lead to nothing.
        included: The domains that are included, or that a redirect leads to.
        ending: What holds for all other senders, such as `~all`; empty if it does not say.
        deprecated: It uses `ptr`.
    """

    lookups: int = 0
    void: int = 0
    included: set[str] = field(default_factory=set)
    ending: str = ""
    deprecated: bool = False


@dataclass(frozen=True, slots=True)
class _Terms:
    """The terms of one record.

    Attributes:
        mechanisms: Those before `all`, each with the domain that it names, if any.
        redirect: The domain whose record takes over; empty if there is none.
        ending: The term with `all`; empty if there is none.
    """

    mechanisms: tuple[tuple[str, str], ...]
    redirect: str
    ending: str


def check_spf(resolver: Resolver, domain: str, expectations: Sequence[Expectation]) -> Diagnosis:
    """Check the record of the From domain, and those of the return paths that are known.

    Args:
        resolver: Asks the DNS.
        domain: The domain of From.
        expectations: What the provider asks for: one of those that are not required is enough.
    """
    places = dict.fromkeys((*(one.domain for one in expectations), domain))
    found: dict[str, SpfEvaluation] = {}
    for place in places:
        try:
            evaluation = evaluate_spf(resolver, place)
        except SpfError as error:
            return Diagnosis(CHECK, DiagnosisState.FAILURE, str(error), error.fix)
        if evaluation:
            found[place] = evaluation
    if missing := _unmet(expectations, found):
        return missing
    if not found:
        return Diagnosis(
            CHECK,
            DiagnosisState.WARNING,
            f"{domain} has no SPF record",
            f"Add the SPF record that your provider shows, or: {domain} TXT v=spf1 -all, if no "
            "other program sends mail from this domain",
        )
    for place, evaluation in found.items():
        if weak := _weakness(place, evaluation):
            return Diagnosis(CHECK, DiagnosisState.WARNING, *weak)
    place, evaluation = next(iter(found.items()))
    return Diagnosis(
        CHECK,
        DiagnosisState.OK,
        f"{place} has one SPF record that needs {evaluation.lookups} of at most {MOST_LOOKUPS} "
        "lookups",
    )


def evaluate_spf(resolver: Resolver, domain: str) -> SpfEvaluation | None:
    """Return what the record of a domain needs; None if it has none.

    Raises:
        SpfError: Receivers cannot evaluate it.
        DnsError: A part of it is unknown.
    """
    text = _record(resolver, domain)
    if text is None:
        return None
    evaluation = SpfEvaluation()
    evaluation.ending = _evaluate(resolver, domain, text, evaluation, above=())
    if evaluation.lookups > MOST_LOOKUPS:
        raise SpfError(
            f"the SPF record of {domain} needs {evaluation.lookups} DNS lookups; more than "
            f"{MOST_LOOKUPS} are an error",
            "Take away includes of services that you do not use any more",
        )
    if evaluation.ending.lstrip("+") == "all" and evaluation.ending:
        raise SpfError(
            f"the SPF record of {domain} ends in +all: it lets everyone send",
            "End it with ~all or -all",
        )
    return evaluation


def _record(resolver: Resolver, domain: str) -> str | None:
    texts = resolver.find(domain, "TXT").values
    records = [text for text in texts if re.match(r"v=spf1( |$)", text, re.IGNORECASE)]
    if len(records) > 1:
        raise SpfError(
            f"{domain} has {len(records)} SPF records: receivers then accept none of them",
            "Join them into one: v=spf1, the parts of each, and one ~all at the end",
        )
    if not records:
        if any(re.match(r"\W*v\s*=\s*spf", text, re.IGNORECASE) for text in texts):
            raise SpfError(
                f"the SPF record of {domain} is not read: it must begin with v=spf1 and a space"
            )
        return None
    return records[0]


def _evaluate(
    resolver: Resolver,
    domain: str,
    text: str,
    evaluation: SpfEvaluation,
    above: tuple[str, ...],
) -> str:
    """Add what one record needs to the evaluation; return how it ends."""
    terms = _parse(text, domain)  # the whole record, before anything is looked up
    for kind, value in terms.mechanisms:
        if kind in _COUNTED:
            evaluation.lookups += 1
            evaluation.deprecated |= kind == "ptr"
            _look_up(resolver, kind, value or domain, evaluation, (*above, domain))
    if terms.redirect and not terms.ending:
        evaluation.lookups += 1
        evaluation.included.add(terms.redirect)
        return _follow(resolver, terms.redirect, evaluation, (*above, domain))
    return terms.ending


def _parse(text: str, domain: str) -> _Terms:
    """Return the terms of a record; of its mechanisms, those before `all`.

    Raises:
        SpfError: A term is not valid. Receivers then evaluate nothing of it, wherever that is.
    """
    mechanisms: list[tuple[str, str]] = []
    modifiers: dict[str, str] = {}
    ending = ""
    for term in text.lower().split()[1:]:
        if modifier := _MODIFIER.fullmatch(term):
            _add_modifier(modifiers, modifier, domain)
            continue
        kind, value = _mechanism(term, domain)
        if kind == "all":
            ending = ending or term
        elif not ending:
            mechanisms.append((kind, value))
    return _Terms(tuple(mechanisms), modifiers.get("redirect", ""), ending)


def _add_modifier(modifiers: dict[str, str], found: re.Match[str], domain: str) -> None:
    """Add a modifier to those of a record; one of an unknown name is ignored."""
    name, value = found["name"], found["value"]
    if name not in {"redirect", "exp"}:
        return
    if name in modifiers:
        raise SpfError(f"the SPF record of {domain} has {name}= twice", f"Keep one {name}=")
    if not re.fullmatch(_DOMAIN, value):
        raise _unreadable(found[0], domain)
    modifiers[name] = value.removesuffix(".")


def _mechanism(term: str, domain: str) -> tuple[str, str]:
    """Return the kind of a mechanism, and the domain that it names, if any.

    Raises:
        SpfError: There is none of that name, or its value is none.
    """
    found = _MECHANISM.fullmatch(term)
    if found is None:
        raise _unreadable(term, domain)
    try:
        if found["ip4"]:
            ipaddress.IPv4Address(found["ip4"])
            return "ip4", ""
        if found["ip6"]:
            ipaddress.IPv6Address(found["ip6"])
            return "ip6", ""
    except ValueError:
        raise _unreadable(term, domain) from None
    kind = found["bare"] or found["named"] or found["host"] or found["ptr"]
    return kind, (found["name"] or found["of"] or "").removesuffix(".")


def _unreadable(term: str, domain: str) -> SpfError:
    return SpfError(f'the SPF record of {domain} has a part that nobody can read: "{term}"')


def _look_up(
    resolver: Resolver, kind: str, name: str, evaluation: SpfEvaluation, above: tuple[str, ...]
) -> None:
    if "%" in name or kind == "ptr":
        return  # depends on the letter
    if kind == "include":
        evaluation.included.add(name)
        _follow(resolver, name, evaluation, above)
        return
    if kind == "mx":
        evaluation.void += not resolver.find(name, "MX").values
        return
    evaluation.void += not any(resolver.find(name, one).values for one in ("A", "AAAA"))


def _follow(
    resolver: Resolver, name: str, evaluation: SpfEvaluation, above: tuple[str, ...]
) -> str:
    """Add what an included record needs; return how that one ends."""
    if "%" in name:
        return ""  # depends on the letter
    if name in above:
        raise SpfError(f"the SPF record of {above[0]} includes itself, through {name}")
    if evaluation.lookups > MOST_LOOKUPS * 3:
        return ""  # far too many already: the count says enough
    text = _record(resolver, name)
    if text is None:
        raise SpfError(f"the SPF record of {above[0]} includes {name}, which has no SPF record")
    return _evaluate(resolver, name, text, evaluation, above)


def _unmet(
    expectations: Sequence[Expectation], found: dict[str, SpfEvaluation]
) -> Diagnosis | None:
    """Return that the provider is not named where letters come from; None if it is."""
    unmet = [one for one in expectations if not _includes(one, found)]
    if not unmet:
        return None
    first = unmet[0]
    if first.required:
        return _not_included(first) if first.domain in found else _missing(first)
    if len(unmet) < len(expectations):
        return None
    return next((_not_included(one) for one in unmet if one.domain in found), _missing(first))


def _missing(one: Expectation) -> Diagnosis:
    return Diagnosis(
        CHECK,
        DiagnosisState.FAILURE if one.required else DiagnosisState.WARNING,
        f"{one.domain} has no SPF record, and your provider asks for one",
        advice.add(DnsRecord(one.domain, "TXT", one.record)),
    )


def _includes(one: Expectation, found: dict[str, SpfEvaluation]) -> bool:
    evaluation = found.get(one.domain)
    return evaluation is not None and (not one.include or one.include in evaluation.included)


def _not_included(one: Expectation) -> Diagnosis:
    return Diagnosis(
        CHECK,
        DiagnosisState.WARNING,
        f"the SPF record of {one.domain} does not include {one.include}, where letters come from",
        f"Add include:{one.include} to it, before its last part",
    )


def _weakness(domain: str, evaluation: SpfEvaluation) -> tuple[str, str] | None:
    if evaluation.void > MOST_VOID:
        return (
            f"the SPF record of {domain} names {evaluation.void} hosts that do not exist",
            "Take away what is not used any more",
        )
    if evaluation.deprecated:
        return (
            f"the SPF record of {domain} uses ptr, which receivers need not follow",
            "Take ptr away",
        )
    if not evaluation.ending or evaluation.ending.startswith("?"):
        return (
            f"the SPF record of {domain} does not say what to do with mail from elsewhere",
            "End it with ~all or -all",
        )
    return None
