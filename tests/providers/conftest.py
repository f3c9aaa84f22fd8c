"""The fake provider, for the tests in this folder."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from fake_resend import FakeResend

from newsletter.providers.resend import Resend

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def fake(tmp_path: Path) -> Iterator[FakeResend]:
    with FakeResend(tmp_path / "taken.jsonl") as fake:
        yield fake


@pytest.fixture
def resend(fake: FakeResend) -> Iterator[Resend]:
    """Return Resend at the fake, patient for a second."""
    resend = Resend("re_c4n4ry", fake.url, deadline=1)
    yield resend
    resend.close()
