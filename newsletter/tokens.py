"""Signed tokens in a reader's links.

A token holds two random public ids and no address, number or time: nothing has to be stored for
it, it works for as long as its key is in the list, and the same letter always has the same bytes.
"""

from __future__ import annotations

import base64
import functools
import hashlib
import hmac
import re
from typing import TYPE_CHECKING

from itsdangerous import BadSignature, Signer
from itsdangerous.signer import HMACAlgorithm

if TYPE_CHECKING:
    from collections.abc import Sequence

NOBODY = "0" * 32
"""The public id of no subscriber and no mailing: proofs and trials of the web app carry it."""

_ID_BYTES = 16
_TOKEN = re.compile(r"[A-Za-z0-9_-]{43}\.[A-Za-z0-9_-]{43}")


def leave_token(key: str, subscriber: str, mailing: str) -> str:
    """Return the token of one reader's leave link, 87 characters that are safe in a URL.

    Args:
        key: The signing key.
        subscriber: The subscriber's public id.
        mailing: The mailing's public id.
    """
    ids = bytes.fromhex(subscriber + mailing)
    return _signer((key,), "leave").sign(base64.urlsafe_b64encode(ids).rstrip(b"=")).decode()


def read_leave_token(keys: Sequence[str], token: str) -> tuple[str, str] | None:
    """Return the public ids of subscriber and mailing, or None if no key signed this token.

    Args:
        keys: All keys of the list, newest first.
        token: Whatever stood in the URL.
    """
    # Decoders of base64 are lenient; one reader's address has one spelling.
    if not _TOKEN.fullmatch(token):
        return None
    try:
        ids = base64.urlsafe_b64decode(_signer(tuple(keys), "leave").unsign(token) + b"=")
    except BadSignature:
        return None
    return ids[:_ID_BYTES].hex(), ids[_ID_BYTES:].hex()


def fingerprint(key: str) -> str:
    """Return 16 hex digits that tell keys apart and give nothing of them away."""
    return hashlib.sha256(b"newsletter key\0" + key.encode()).hexdigest()[:16]


class _Sha256(HMACAlgorithm):
    """The same signatures by one call of OpenSSL, five times as fast: a send makes one a letter."""

    def get_signature(self, key: bytes, value: bytes) -> bytes:
        return hmac.digest(key, value, "sha256")


@functools.lru_cache(maxsize=8)
def _signer(keys: tuple[str, ...], purpose: str) -> Signer:
    # The purpose is the salt, so that a token for one thing is never good for another.
    salt = f"newsletter.{purpose}".encode()
    full = Signer(list(keys), salt=salt, key_derivation="hmac", digest_method=hashlib.sha256)
    # The keys of this purpose are derived here, once, and not again for every token.
    derived = [full.derive_key(key) for key in full.secret_keys]
    return Signer(derived, salt=salt, key_derivation="none", algorithm=_Sha256())
