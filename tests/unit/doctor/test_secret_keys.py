"""Keys that are random pass, and those that people make up do not."""

from __future__ import annotations

import base64
import random
import uuid

import pytest

from newsletter.doctor.secret_keys import find_weakness


@pytest.mark.parametrize("kind", ["hexadecimal", "short hexadecimal", "base64", "urlsafe", "uuid"])
def test_random_keys_pass(kind: str) -> None:
    chance = random.Random(13)  # noqa: S311 - the same keys each time
    for _ in range(2000):
        made = {
            "hexadecimal": lambda: chance.randbytes(32).hex(),
            "short hexadecimal": lambda: chance.randbytes(16).hex(),
            "base64": lambda: base64.b64encode(chance.randbytes(32)).decode(),
            "urlsafe": lambda: base64.urlsafe_b64encode(chance.randbytes(24)).decode(),
            "uuid": lambda: str(uuid.UUID(bytes=chance.randbytes(16), version=4)),
        }[kind]()
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
    ],
)
def test_keys_that_people_make_up_do_not(key: str) -> None:
    assert find_weakness(key)
