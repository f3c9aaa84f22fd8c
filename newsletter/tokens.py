"""Signed tokens in a reader's links, and the stamp of a form.

A link's token holds random public ids and no address or number, and what may only work for a short
time the moment of its end: nothing has to be stored for it, it works for as long as its key is in
the list, and the same letter always has the same bytes. Each is good for one purpose.
"""

from __future__ import annotations

import base64
import binascii
import functools
import hashlib
import hmac
import re
from typing import TYPE_CHECKING

from itsdangerous import BadSignature, Signer

if TYPE_CHECKING:
    from collections.abc import Sequence

RESERVED_ID = "0" * 32
"""The public id of no subscriber and no mailing: proofs and trials of the web app carry it."""

_ID_BYTES = 16
PATTERN = re.compile(r"[A-Za-z0-9_-]{1,556}\.[A-Za-z0-9_-]{43}")
"""What every token looks like; who finds one in an address looks for this."""

_LONGEST = 600
_SIGNATURE = 43
_TIME_BYTES = 8
_URL_SAFE = bytes.maketrans(b"+/", b"-_")


def unsubscribe_token(key: str, subscriber: str, mailing: str) -> str:
    """Return the token of one reader's leave link, 87 characters that are safe in a URL.

    Args:
        key: The signing key.
        subscriber: The subscriber's public id.
        mailing: The mailing's public id.
    """
    return _sign(key, "leave", bytes.fromhex(subscriber + mailing))


def read_unsubscribe_token(keys: Sequence[str], token: str) -> tuple[str, str] | None:
    """Return the public ids of subscriber and mailing, or None if no key signed this token.

    Args:
        keys: All keys of the list, newest first.
        token: Whatever stood in the URL.
    """
    ids = _read(keys, "leave", token)
    if ids is None or len(ids) != 2 * _ID_BYTES:
        return None
    return ids[:_ID_BYTES].hex(), ids[_ID_BYTES:].hex()


def confirm_token(key: str, signup: str) -> str:
    """Return the token of the link that confirms a sign-up, 66 characters that are safe in a URL.

    It holds no time, so that a letter which is sent again has the same bytes: until when it is
    good stands with the sign-up.

    Args:
        key: The signing key.
        signup: The sign-up's public id.
    """
    return _sign(key, "confirm", bytes.fromhex(signup))


def read_confirm_token(keys: Sequence[str], token: str) -> str | None:
    """Return the public id of the sign-up, or None if no key signed this token."""
    found = _read(keys, "confirm", token)
    return found.hex() if found is not None and len(found) == _ID_BYTES else None


def preferences_token(key: str, subscriber: str, until: int) -> str:
    """Return the token of a link to somebody's preferences, 76 characters that are safe in a URL.

    Args:
        key: The signing key.
        subscriber: The subscriber's public id.
        until: When it ends, in seconds since 1970.
    """
    return _sign(key, "preferences", _timed(subscriber, until))


def read_preferences_token(keys: Sequence[str], token: str) -> tuple[str, int] | None:
    """Return the subscriber's public id and when the link ends, or None if no key signed it."""
    return _read_timed(keys, "preferences", token)


def address_token(key: str, change: str, until: int) -> str:
    """Return the token of the link that confirms another address, as long as the one before.

    Args:
        key: The signing key.
        change: The change's public id.
        until: When it ends, in seconds since 1970.
    """
    return _sign(key, "address", _timed(change, until))


def read_address_token(keys: Sequence[str], token: str) -> tuple[str, int] | None:
    """Return the change's public id and when the link ends, or None if no key signed it."""
    return _read_timed(keys, "address", token)


def form_stamp(key: str, shown_at: int, page: str) -> str:
    """Return what a sign-up form carries: when we showed it, and on which page it was begun.

    Args:
        key: The signing key.
        shown_at: In seconds, as `time.time` counts them.
        page: An address of at most 200 characters.
    """
    return _sign(key, "form", shown_at.to_bytes(_TIME_BYTES, "big") + page.encode())


def read_form_stamp(keys: Sequence[str], stamp: str) -> tuple[int, str] | None:
    """Return when and on which page a form was shown, or None if no key signed this stamp."""
    found = _read(keys, "form", stamp)
    if found is None:
        return None
    return int.from_bytes(found[:_TIME_BYTES], "big"), found[_TIME_BYTES:].decode()


def fingerprint(key: str) -> str:
    """Return 16 hex digits that tell keys apart and give nothing of them away."""
    return hashlib.sha256(b"newsletter key\0" + key.encode()).hexdigest()[:16]


def _sign(key: str, purpose: str, payload: bytes) -> str:
    """Return what `Signer.sign` would, in a tenth of its time: a send signs every letter."""
    encoded = _base64(payload)
    signature = _keyed(key, purpose).copy()
    signature.update(encoded)
    return (encoded + b"." + _base64(signature.digest())).decode()


def _base64(data: bytes) -> bytes:
    return binascii.b2a_base64(data, newline=False).translate(_URL_SAFE, b"=")


def _timed(public_id: str, until: int) -> bytes:
    return bytes.fromhex(public_id) + until.to_bytes(_TIME_BYTES, "big")


def _read_timed(keys: Sequence[str], purpose: str, token: str) -> tuple[str, int] | None:
    found = _read(keys, purpose, token)
    if found is None or len(found) != _ID_BYTES + _TIME_BYTES:
        return None
    return found[:_ID_BYTES].hex(), int.from_bytes(found[_ID_BYTES:], "big")


def _read(keys: Sequence[str], purpose: str, token: str) -> bytes | None:
    """Return what a key signed for this purpose, or None."""
    if len(token) > _LONGEST or not PATTERN.fullmatch(token) or not _is_canonical(token):
        return None
    try:
        encoded = _signer(tuple(keys), purpose).unsign(token)
    except BadSignature:
        return None
    return base64.urlsafe_b64decode(encoded + b"=" * (-len(encoded) % 4))


def _is_canonical(token: str) -> bool:
    """Tell whether a signature has the one spelling that is ours.

    The last of its letters holds two bits that count for nothing, and decoders pass over them
    (RFC 4648, section 3.5): three other letters would do as well.
    """
    signature = token[-_SIGNATURE:].encode()
    return _base64(base64.urlsafe_b64decode(signature + b"=")) == signature


@functools.lru_cache(maxsize=16)
def _keyed(key: str, purpose: str) -> hmac.HMAC:
    return hmac.new(_signer((key,), purpose).secret_key, digestmod="sha256")


@functools.lru_cache(maxsize=16)
def _signer(keys: tuple[str, ...], purpose: str) -> Signer:
    # The purpose is the salt, so that a token for one thing is never good for another.
    salt = f"newsletter.{purpose}".encode()
    full = Signer(list(keys), salt=salt, key_derivation="hmac", digest_method=hashlib.sha256)
    # The keys of this purpose are derived here, once, and not again for every token.
    derived = [full.derive_key(key) for key in full.secret_keys]
    return Signer(derived, salt=salt, key_derivation="none", digest_method=hashlib.sha256)
