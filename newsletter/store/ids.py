"""Random names: of subscribers, mailings and batches."""

from __future__ import annotations

import secrets


def new_id() -> str:
    """Return 128 random bits as 32 hexadecimal digits in lower case."""
    return secrets.token_hex(16)
