"""Random names: of subscribers, mailings, deliveries and batches."""

from __future__ import annotations

import base64
import secrets


def new_id() -> str:
    """Return 128 random bits as 26 letters and digits.

    In lower case, for they also name files, and on some systems case does not count there.
    """
    return base64.b32encode(secrets.token_bytes(16)).decode().rstrip("=").lower()
