"""Signs messages with DKIM, by the letter of RFC 6376, apart from the code that verifies them."""

from __future__ import annotations

import base64
import hashlib
import re

from cryptography.hazmat.primitives.asymmetric import ed25519, rsa
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA256

SIGNED = ("from", "to", "subject", "date", "list-unsubscribe", "list-unsubscribe-post")


def sign(
    message: bytes,
    key: rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey,
    *,
    domain: str,
    selector: str = "resend",
    headers: tuple[str, ...] = SIGNED,
    relaxed: bool = True,
    extra: str = "",
) -> bytes:
    """Return a message, with CRLF at its line ends, with a signature before it."""
    head, _, body = message.partition(b"\r\n\r\n")
    fields = re.split(rb"\r\n(?![ \t])", head)
    kind = "rsa" if isinstance(key, rsa.RSAPrivateKey) else "ed25519"
    how = "relaxed/relaxed" if relaxed else "simple/simple"
    digest = base64.b64encode(hashlib.sha256(_body(body, relaxed=relaxed)).digest()).decode()
    unsigned = (
        f"DKIM-Signature: v=1; a={kind}-sha256; c={how}; d={domain}; s={selector};\r\n"
        f" {extra}h={':'.join(headers)};\r\n bh={digest};\r\n b="
    ).encode()
    data = b""
    for name in headers:
        named = [one for one in fields if one.lower().startswith(name.encode() + b":")]
        if named:
            data += _field(named[-1], relaxed=relaxed) + b"\r\n"
    data += _field(unsigned, relaxed=relaxed)
    if isinstance(key, rsa.RSAPrivateKey):
        signature = key.sign(data, PKCS1v15(), SHA256())
    else:
        signature = key.sign(hashlib.sha256(data).digest())
    encoded = base64.b64encode(signature)
    lines = b"\r\n ".join(encoded[at : at + 70] for at in range(0, len(encoded), 70))
    return unsigned + lines + b"\r\n" + message


def _field(field: bytes, *, relaxed: bool) -> bytes:
    if not relaxed:
        return field
    name, _, value = field.partition(b":")
    return name.lower() + b":" + b" ".join(value.split())


def _body(body: bytes, *, relaxed: bool) -> bytes:
    lines = body.split(b"\r\n")
    if relaxed:
        lines = [re.sub(rb"[ \t]+", b" ", line).rstrip(b" ") for line in lines]
    while lines and not lines[-1]:
        lines.pop()
    if not lines:
        return b"" if relaxed else b"\r\n"
    return b"\r\n".join(lines) + b"\r\n"
