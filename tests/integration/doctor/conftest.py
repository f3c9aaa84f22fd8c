from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import trustme

from tests.integration.doctor.good_set_up import good_set_up

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.integration.doctor.good_set_up import SetUp


@pytest.fixture(scope="session")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def set_up(
    root: Path, tmp_path: Path, authority: trustme.CA, monkeypatch: pytest.MonkeyPatch
) -> Iterator[SetUp]:
    """Make a set-up in good order on SQLite, or where `NEWSLETTER_DATABASE_URL` says."""
    trusted = tmp_path / "authority.pem"
    authority.cert_pem.write_to_path(str(trusted))
    monkeypatch.setenv("SSL_CERT_FILE", str(trusted))
    with good_set_up(root, authority) as made:
        yield made
