"""A domain whose DNS is in order, and the keys for it."""

from __future__ import annotations

import base64
import functools
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from cryptography.hazmat.primitives.asymmetric import ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from newsletter.config import Settings

if TYPE_CHECKING:
    from tests.support.dns_server import Zone

DOMAIN = "brief.test"
SELECTOR = f"resend._domainkey.{DOMAIN}"


@functools.cache
def rsa_key(bits: int) -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65537, bits)


@functools.cache
def ed25519_key() -> ed25519.Ed25519PrivateKey:
    return ed25519.Ed25519PrivateKey.generate()


def rsa_record(bits: int = 2048, extra: str = "") -> str:
    public = rsa_key(bits).public_key()
    return f"v=DKIM1; k=rsa; {extra}p={_encoded(public)}"


def unknown_kind_record() -> str:
    """Return a key with a damaged byte in the name of its kind (the OID)."""
    before, _, encoded = rsa_record().rpartition("p=")
    raw = bytearray(base64.b64decode(encoded))
    raw[7] ^= 2
    return f"{before}p={base64.b64encode(raw).decode()}"


def short_record(bits: int) -> str:
    """Return a key shorter than may still be made: only its length matters."""
    public = rsa.RSAPublicNumbers(65537, (1 << (bits - 1)) + 1).public_key()
    return f"v=DKIM1; k=rsa; p={_encoded(public)}"


def ed25519_record() -> str:
    raw = ed25519_key().public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
    return f"v=DKIM1; k=ed25519; p={base64.b64encode(raw).decode()}"


def _encoded(public: rsa.RSAPublicKey) -> str:
    der = public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return base64.b64encode(der).decode()


def good_zone() -> Zone:
    return {
        DOMAIN: {"TXT": ["v=spf1 include:mailbox.test ~all"], "MX": ["10 mx.brief.test."]},
        f"send.{DOMAIN}": {
            "TXT": ["v=spf1 include:amazonses.com ~all"],
            "MX": ["10 feedback.amazonses.com."],
        },
        f"mx.{DOMAIN}": {"A": ["192.0.2.1"]},
        "amazonses.com": {"TXT": ["v=spf1 ip4:192.0.2.0/24 ip6:2001:db8::/32 -all"]},
        "mailbox.test": {"TXT": ["v=spf1 a mx:mailbox.test -all"], "A": ["192.0.2.2"], "MX": []},
        SELECTOR: {"TXT": [rsa_record()]},
        f"_dmarc.{DOMAIN}": {"TXT": ["v=DMARC1; p=quarantine; rua=mailto:dmarc@brief.test"]},
        "elders.test": {"MX": ["0 mx.brief.test."]},
    }


def make_settings(**changes: object) -> Settings:
    settings = Settings(
        root=Path(),
        sender=f"Gerrit <gerrit@{DOMAIN}>",
        reply_to="gerrit@elders.test",
        provider="resend",
        public_url=f"https://brief.{DOMAIN}",
    )
    return replace(settings, **changes)  # type: ignore[arg-type]
