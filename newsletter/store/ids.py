"""Random names: of subscribers, mailings, deliveries and batches."""

from __future__ import annotations

import secrets

_ALPHABET = "abcdefghijklmnopqrstuvwxyz234567"  # base32 of RFC 4648, in lower case
_PAIRS = [first + second for first in _ALPHABET for second in _ALPHABET]


def new_id() -> str:
    """Return 128 random bits as 26 letters and digits.

    In lower case, for they also name files, and on some systems case does not count there.
    """
    # What base64.b32encode gives, in half its time: lists are imported by the hundred thousand.
    bits = int.from_bytes(secrets.token_bytes(16), "big") << 2
    return "".join([_PAIRS[bits >> shift & 1023] for shift in range(120, -1, -10)])
