"""Keys that are random pass, and those that people make up do not."""

from __future__ import annotations

import base64
import random
import string
import uuid
from typing import TYPE_CHECKING

import pytest

from newsletter.doctor.secret_keys import find_weakness

if TYPE_CHECKING:
    from collections.abc import Callable


CHANCE = random.Random(13)  # noqa: S311 - the same keys each time
RANDOM: dict[str, Callable[[], str]] = {
    "hexadecimal, 16 bytes": lambda: CHANCE.randbytes(16).hex(),
    "hexadecimal, 24 bytes": lambda: CHANCE.randbytes(24).hex(),
    "hexadecimal, 32 bytes": lambda: CHANCE.randbytes(32).hex(),
    "hexadecimal, 48 bytes": lambda: CHANCE.randbytes(48).hex(),
    "hexadecimal, 64 bytes": lambda: CHANCE.randbytes(64).hex(),
    "hexadecimal, 256 bytes": lambda: CHANCE.randbytes(256).hex(),
    "decimal, 32 digits": lambda: "".join(CHANCE.choices(string.digits, k=32)),
    "decimal, 64 digits": lambda: "".join(CHANCE.choices(string.digits, k=64)),
    "decimal, 200 digits": lambda: "".join(CHANCE.choices(string.digits, k=200)),
    "base32, 20 bytes": lambda: base64.b32encode(CHANCE.randbytes(20)).decode(),
    "base64, 32 bytes": lambda: base64.b64encode(CHANCE.randbytes(32)).decode(),
    "base64, 96 bytes": lambda: base64.b64encode(CHANCE.randbytes(96)).decode(),
    "urlsafe, 24 bytes": lambda: base64.urlsafe_b64encode(CHANCE.randbytes(24)).decode(),
    "uuid": lambda: str(uuid.UUID(bytes=CHANCE.randbytes(16), version=4)),
}


@pytest.mark.parametrize("kind", RANDOM)
def test_random_keys_pass(kind: str) -> None:
    for _ in range(2000):
        made = RANDOM[kind]()
        assert find_weakness(made) == "", made


@pytest.mark.parametrize(
    "key",
    [
        "kort",
        "x" * 31,
        "x" * 64,
        "0" * 64,
        "0123456789abcdef" * 4,
        "deadbeef" * 8,
        "a1b2c3d4" * 4,
        "abcdefghijklmnopqrstuvwxyz0123456789",
        "zyxwvutsrqponmlkjihgfedcba9876543210",
        "changeme-changeme-changeme-changeme",
        "please-change_me-before-production-1",
        "this-is-my-super-secret-signing-key-9",
        "MijnGeheimeSleutelVoorDeBrief2026!!",
        "Gerrit schrijft elke week een rustige brief",
        "jij-en-loslaten-newsletter-key-2026-x",
        "Hunter2!" * 5,
        "1q2w3e4r5t6y7u8i9o0p" * 2,
        "Gerrit+Anna=1987/06/21" * 6 + "Gerrit",
    ],
)
def test_keys_that_people_make_up_do_not(key: str) -> None:
    assert find_weakness(key)
