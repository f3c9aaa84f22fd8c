"""DKIM keys in the DNS (RFC 6376, 8301, 8463): there, readable, and strong enough."""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, TypeAlias

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import load_der_public_key

from newsletter.mail_dns import advice
from newsletter.mail_dns.dmarc import is_aligned
from newsletter.mail_dns.resolver import find_doubled_name
from newsletter.mail_dns.tags import TagError, parse_tags
from newsletter.model import Diagnosis, DiagnosisState, DnsRecord

if TYPE_CHECKING:
    from collections.abc import Sequence

    from newsletter.mail_dns.resolver import Resolver

CHECK: Final = "dns-dkim"
PublicKey: TypeAlias = RSAPublicKey | Ed25519PublicKey
MARK: Final = "._domainkey."
SHORTEST: Final = 1024
"""The bits of an RSA key below which receivers ignore it (RFC 8301)."""
_LONG: Final = 2048


class KeyRecordError(ValueError):
    """A record is no key that receivers can use; the message says why.

    Attributes:
        exists: There is something at the name, which must be replaced.
    """

    def __init__(self, message: str, *, exists: bool = True) -> None:
        """Take what is wrong, and whether anything is there."""
        super().__init__(message)
        self.exists = exists


@dataclass(frozen=True, slots=True)
class Key:
    """A key as it is in the DNS.

    Attributes:
        name: Where it is, such as `s1._domainkey.example.org`.
        public: The key itself.
        testing: Its owner only tries it (t=y).
    """

    name: str
    public: PublicKey
    testing: bool

    @property
    def bits(self) -> int:
        """Its length; an Ed25519 key has one length and is always long enough."""
        return self.public.key_size if isinstance(self.public, RSAPublicKey) else _LONG


@dataclass(frozen=True, slots=True)
class Place:
    """Where a key is expected.

    Attributes:
        name: The whole name.
        record: The record that the provider asks for, if it says.
    """

    name: str
    record: DnsRecord | None = None

    @property
    def domain(self) -> str:
        """The domain that signs."""
        return self.name.partition(MARK)[2]

    def advise(self, problem: KeyRecordError) -> str:
        """Return what to do if there is no key that can be used."""
        if self.record:
            return (advice.replace if problem.exists else advice.add)(self.record)
        shown = f"the DKIM record that your provider shows for {self.domain}"
        if problem.exists:
            return f"Replace what the DNS has at {self.name} by {shown}"
        return f"Add {shown}, at {self.name}"


def find_places(
    domains: Sequence[str], selectors: Sequence[str], records: Sequence[DnsRecord]
) -> tuple[Place, ...]:
    """Return where keys are expected: at the provider's records, else at each selector.

    Args:
        domains: The domains that may sign, the most likely first.
        selectors: The names under which the provider signs.
        records: The records that the provider asks for.
    """
    listed = tuple(Place(one.name.lower(), one) for one in records if MARK in one.name.lower())
    return listed or tuple(
        Place(f"{selector}{MARK}{domain}") for domain in domains for selector in selectors
    )


def find_key(resolver: Resolver, name: str) -> Key | None:
    """Return the key at a name; None if nothing is there.

    Raises:
        KeyRecordError: What is there is no key that can be used.
        DnsError: It is unknown what is there.
    """
    answer = resolver.find(name, "TXT")
    texts = [text for text in answer.values if _looks_like_key(text)]
    if not texts:
        if answer.values:
            raise KeyRecordError(f"the record at {name} is no DKIM key")
        if alias := answer.alias or next(iter(resolver.find(name, "CNAME").values), ""):
            raise KeyRecordError(f"{name} leads to {alias}, and there is no key")
        return None
    if len(texts) > 1:
        raise KeyRecordError(
            f"there are {len(texts)} DKIM keys at {name}: receivers may take either"
        )
    try:
        tags = parse_tags(texts[0])
    except TagError as error:
        raise KeyRecordError(f"the DKIM key at {name} cannot be read: {error}") from error
    return Key(name, _public_key(tags, name), testing="y" in tags.get("t", "").lower().split(":"))


def check_dkim(resolver: Resolver, domain: str, places: Sequence[Place]) -> Diagnosis:
    """Check that a key is in the DNS with which the provider can sign for the From domain.

    Args:
        resolver: Asks the DNS.
        domain: The domain of From.
        places: Where keys are expected.

    Raises:
        DnsError: It is unknown what is there, or whether a key of another domain counts.
    """
    found: list[tuple[Place, Key]] = []
    problems: list[tuple[Place, KeyRecordError]] = []
    for place in places:
        try:
            found.append((place, _expected_key(resolver, place)))
        except KeyRecordError as error:
            problems.append((place, error))
    strong = [(place, key) for place, key in found if key.bits >= SHORTEST]
    # A key of the very domain counts whatever the policy is, also while that is unknown.
    own = [(place, key) for place, key in strong if place.domain == domain]
    counting = own or _aligned(resolver, domain, strong)
    if not counting:
        weak = [key for _, key in _aligned(resolver, domain, found)]
        return _failure(resolver, domain, weak, found, problems)
    # Of selectors that were only guessed for several domains, one key is enough.
    missing = [one for one in problems if one[0].record]
    return _judge(counting, missing)


def _aligned(
    resolver: Resolver, domain: str, found: Sequence[tuple[Place, Key]]
) -> list[tuple[Place, Key]]:
    return [(place, key) for place, key in found if is_aligned(resolver, domain, place.domain)]


def not_aligned(domain: str, signing: str) -> Diagnosis:
    """Return that letters are signed by a domain that does not count for the From domain."""
    return Diagnosis(
        CHECK,
        DiagnosisState.FAILURE,
        f"letters are signed by {signing}, which does not count for a sender at {domain} (DMARC "
        "alignment)",
        f"Verify {domain} at your provider, or send from an address at {signing}",
    )


def _expected_key(resolver: Resolver, place: Place) -> Key:
    """Return the key at a place.

    Raises:
        KeyRecordError: There is none, or not the one that is expected there.
    """
    key = find_key(resolver, place.name)
    if key is None:
        raise KeyRecordError(f"there is no DKIM key at {place.name}", exists=False)
    if other := _difference(key, place):
        raise KeyRecordError(other)
    return key


def _failure(
    resolver: Resolver,
    domain: str,
    weak: Sequence[Key],
    found: Sequence[tuple[Place, Key]],
    problems: Sequence[tuple[Place, KeyRecordError]],
) -> Diagnosis:
    """Return why no key can be used: the most telling reason first."""
    if weak:
        return Diagnosis(
            CHECK,
            DiagnosisState.FAILURE,
            f"the DKIM key at {weak[0].name} has {weak[0].bits} bits: receivers ignore keys below "
            f"{SHORTEST}",
            f"Have your provider make a new key of {_LONG} bits",
        )
    if found:
        return not_aligned(domain, found[0][0].domain)
    # What is there and wrong says more than what is not there.
    place, problem = max(problems, key=lambda one: one[1].exists)
    return Diagnosis(
        CHECK,
        DiagnosisState.FAILURE,
        f"{problem}: letters are not signed for {domain}",
        _every_advice(problems, place, problem)
        + find_doubled_name(resolver, place.name, place.domain),
    )


def _every_advice(
    problems: Sequence[tuple[Place, KeyRecordError]], place: Place, problem: KeyRecordError
) -> str:
    """Return what to do about each record that the provider lists, else about the worst place."""
    listed = [one.advise(error) for one, error in problems if one.record]
    return "\n".join(listed) if listed else place.advise(problem)


def _judge(
    found: Sequence[tuple[Place, Key]], missing: Sequence[tuple[Place, KeyRecordError]]
) -> Diagnosis:
    if missing:
        place, problem = missing[0]
        return Diagnosis(CHECK, DiagnosisState.WARNING, str(problem), place.advise(problem))
    for place, key in found:
        if key.testing:
            return Diagnosis(
                CHECK,
                DiagnosisState.WARNING,
                f"the DKIM key at {key.name} is in test mode (t=y): receivers may ignore it",
                "Take t=y away from the record",
            )
        if key.bits < _LONG and not (place.record and place.record.kind == "TXT"):
            return Diagnosis(
                CHECK,
                DiagnosisState.WARNING,
                f"the DKIM key at {key.name} has {key.bits} bits; {_LONG} are usual today",
                f"Have your provider make a key of {_LONG} bits, if it offers that",
            )
    _, first = found[0]
    kind = f"RSA, {first.bits} bits" if isinstance(first.public, RSAPublicKey) else "Ed25519"
    return Diagnosis(CHECK, DiagnosisState.OK, f"there is a DKIM key at {first.name} ({kind})")


def _looks_like_key(text: str) -> bool:
    return any(part.strip().lower().startswith(("p=", "v=dkim1")) for part in text.split(";"))


def _public_key(tags: dict[str, str], name: str) -> PublicKey:
    """Return the key of a record.

    Raises:
        KeyRecordError: It was withdrawn, is not for mail, or is damaged.
    """
    if tags.get("v", "DKIM1") != "DKIM1":
        raise KeyRecordError(f"the record at {name} has an unknown version")
    if "p" not in tags:
        raise KeyRecordError(f"the DKIM record at {name} has no key (p)")
    if not tags["p"]:
        raise KeyRecordError(f"the DKIM key at {name} was withdrawn (p is empty)")
    if not {"*", "email"} & set(tags.get("s", "*").replace(" ", "").split(":")):
        raise KeyRecordError(f"the DKIM key at {name} is not for mail")
    if "sha256" not in tags.get("h", "sha256").replace(" ", "").lower().split(":"):
        raise KeyRecordError(
            f"the DKIM key at {name} does not allow SHA-256, which every sender uses"
        )
    try:
        raw = base64.b64decode("".join(tags["p"].split()), validate=True)
        if tags.get("k", "rsa").lower() == "ed25519":
            return Ed25519PublicKey.from_public_bytes(raw)
        loaded = load_der_public_key(raw)
    except (ValueError, binascii.Error, UnsupportedAlgorithm) as error:
        raise KeyRecordError(
            f"the DKIM key at {name} is damaged: a part of it is missing or wrong"
        ) from (error)
    if not isinstance(loaded, RSAPublicKey):
        raise KeyRecordError(f"the key at {name} is of a kind that DKIM does not know")
    return loaded


def _difference(key: Key, place: Place) -> str:
    """Return that another key is in the DNS than the provider signs with; empty if not."""
    if place.record is None or place.record.kind != "TXT":
        return ""
    try:
        expected = _public_key(parse_tags(place.record.value), place.name)
    except ValueError:
        return ""  # what the provider says is no key to compare with
    if expected == key.public:
        return ""
    return f"the DKIM key at {place.name} is another one than your provider signs with"
