"""DKIM signatures of a letter that arrived, verified again (RFC 6376, 8301, 8463)."""

from __future__ import annotations

import base64
import hashlib
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA256

from newsletter.mail_dns.dkim import MARK, SHORTEST, KeyRecordError, find_key
from newsletter.mail_dns.resolver import DnsError
from newsletter.mail_dns.tags import TagError, parse_tags

if TYPE_CHECKING:
    from collections.abc import Sequence

    from newsletter.mail_dns.dkim import PublicKey
    from newsletter.mail_dns.resolver import Resolver

_ALGORITHMS: Final = {"rsa-sha256", "ed25519-sha256"}
_REQUIRED: Final = ("d", "s", "h", "bh", "b")


@dataclass(frozen=True, slots=True)
class Signature:
    """One signature, and whether it is of this very letter.

    Attributes:
        domain: The domain that signed.
        headers: The names of the headers that it covers, in lower case.
        problem: Why it does not count; empty if it does.
        unknown: The key could not be looked up, so that nothing is known.
        partial: It leaves a part of the body open (l=), to which anybody may add.
        expired: Its time (x=) was over when the letter arrived.
    """

    domain: str
    headers: frozenset[str] = frozenset()
    problem: str = ""
    unknown: bool = False
    partial: bool = False
    expired: bool = False


class _SignatureError(ValueError):
    """A signature does not count; the message says why."""


def verify_signatures(raw: bytes, resolver: Resolver) -> tuple[Signature, ...]:
    """Return each signature of a message, in the order of its headers.

    Args:
        raw: The message as it arrived; line ends may have become those of this machine.
        resolver: Asks the DNS for the keys.
    """
    fields, body = split_message(raw)
    return tuple(
        _verify(field, fields, body, resolver)
        for field in fields
        if _name(field) == "dkim-signature"
    )


def split_message(raw: bytes) -> tuple[list[bytes], bytes]:
    """Return the header fields of a message, folded as they are, and its body."""
    head, _, body = re.sub(rb"\r?\n", b"\r\n", raw).partition(b"\r\n\r\n")
    fields: list[bytes] = []
    for line in head.split(b"\r\n"):
        if line[:1] in {b" ", b"\t"} and fields:
            fields[-1] += b"\r\n" + line
        else:
            fields.append(line)
    return fields, body


def _verify(field: bytes, fields: Sequence[bytes], body: bytes, resolver: Resolver) -> Signature:
    try:
        tags = parse_tags(field.partition(b":")[2].decode("ascii", "replace"))
    except TagError as error:
        return Signature("", problem=f"a signature cannot be read: {error}")
    domain = tags.get("d", "").lower()
    names = [name.strip().lower() for name in tags.get("h", "").split(":")]
    headers = frozenset(names)
    try:
        _refuse_unusable(tags, headers)
        _compare_body(body, tags)
        key = _key(resolver, f"{tags['s']}{MARK}{domain}")
        _check(key, _signed_data(field, fields, names, tags), tags)
    except (_SignatureError, KeyRecordError) as error:
        return Signature(domain, headers, str(error))
    except DnsError as error:
        return Signature(domain, headers, str(error), unknown=True)
    return Signature(domain, headers, partial="l" in tags, expired=_has_expired(tags, fields))


def _refuse_unusable(tags: dict[str, str], headers: frozenset[str]) -> None:
    missing = [tag for tag in _REQUIRED if not tags.get(tag)]
    if missing:
        raise _SignatureError(f"the signature lacks {', '.join(missing)}")
    if tags.get("v") != "1":
        raise _SignatureError("it does not say that its version is 1 (v=1)")
    signer = "." + tags.get("i", f"@{tags['d']}").rpartition("@")[2].lower()
    if not signer.endswith("." + tags["d"].lower()):
        raise _SignatureError(f"its signer (i=) is outside its domain {tags['d'].lower()}")
    algorithm = tags.get("a", "").lower()
    if algorithm not in _ALGORITHMS:
        raise _SignatureError(f"its algorithm {algorithm or '(none)'} does not count any more")
    if "from" not in headers:
        raise _SignatureError("it does not cover From")


def _has_expired(tags: dict[str, str], fields: Sequence[bytes]) -> bool:
    """Return whether the letter arrived after x=; without a Received field, whether it is now."""
    end = tags.get("x", "")
    return bool(re.fullmatch(r"[0-9]{1,12}", end)) and int(end) < _arrival(fields)


def _arrival(fields: Sequence[bytes]) -> float:
    """Return when the last server took the letter, in seconds; without that, the present."""
    received = next((one for one in fields if _name(one) == "received"), b"")
    try:
        date = parsedate_to_datetime(received.rpartition(b";")[2].decode("ascii", "replace"))
        return date.timestamp()
    except (ValueError, OverflowError):
        return datetime.now(UTC).timestamp()


def _canonical_body(body: bytes, how: str) -> bytes:
    if how == "relaxed":
        body = re.sub(rb"[ \t]+", b" ", body)
        body = re.sub(rb" (?=\r\n|\Z)", b"", body)
    body = re.sub(rb"(\r\n)+\Z", b"", body)
    if body:
        return body + b"\r\n"
    return b"\r\n" if how == "simple" else b""


def _canonical_field(field: bytes, how: str) -> bytes:
    if how != "relaxed":
        return field
    name, _, value = field.partition(b":")
    value = re.sub(rb"[ \t]+", b" ", value.replace(b"\r\n", b"")).strip(b" ")
    return name.strip().lower() + b":" + value


def _ways(tags: dict[str, str]) -> tuple[str, str]:
    """Return how headers and body are made canonical: `simple` unless it says otherwise."""
    header, _, body = tags.get("c", "simple/simple").lower().partition("/")
    return header.strip(), body.strip() or "simple"


def _key(resolver: Resolver, name: str) -> PublicKey:
    key = find_key(resolver, name)
    if key is None:
        raise _SignatureError(f"its key is not in the DNS ({name})")
    if key.bits < SHORTEST:
        raise _SignatureError(
            f"its key has {key.bits} bits: receivers ignore keys below {SHORTEST}"
        )
    return key.public


def _compare_body(body: bytes, tags: dict[str, str]) -> None:
    content = _canonical_body(body, _ways(tags)[1])
    if (length := tags.get("l", "")).isdecimal():
        content = content[: int(length)]
    if base64.b64encode(hashlib.sha256(content).digest()).decode() != _joined(tags["bh"]):
        raise _SignatureError("the body was changed on its way")


def _signed_data(
    field: bytes, fields: Sequence[bytes], names: Sequence[str], tags: dict[str, str]
) -> bytes:
    """Return what was signed: each named header, the last one first, and the signature itself."""
    how = _ways(tags)[0]
    left = [one for one in fields if one is not field]
    data = b""
    for name in names:
        at = next((n for n in reversed(range(len(left))) if _name(left[n]) == name), None)
        if at is not None:
            data += _canonical_field(left.pop(at), how) + b"\r\n"
    bare = re.sub(rb"((?:^[^:]*:|;)[ \t\r\n]*b[ \t\r\n]*=)[^;]*", rb"\1", field)
    return data + _canonical_field(bare, how)


def _check(key: PublicKey, data: bytes, tags: dict[str, str]) -> None:
    rsa = isinstance(key, RSAPublicKey)
    if rsa != tags["a"].lower().startswith("rsa"):
        raise _SignatureError("its key is of another kind than the signature")
    try:
        signature = base64.b64decode(_joined(tags["b"]), validate=True)
        if isinstance(key, RSAPublicKey):
            key.verify(signature, data, PKCS1v15(), SHA256())
        else:
            key.verify(signature, hashlib.sha256(data).digest())
    except (InvalidSignature, ValueError):
        raise _SignatureError("a header that it covers was changed on its way") from None


def _joined(text: str) -> str:
    return "".join(text.split())


def _name(field: bytes) -> str:
    return field.partition(b":")[0].strip().lower().decode("ascii", "replace")
