"""A provider and its stand-in, for the tests in this folder."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.support.providers.cases import CASES, Case

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.support.providers.fake_server import FakeServer


@pytest.fixture
def case(request: pytest.FixtureRequest) -> Case:
    """Return the case that a module is about by its name: `test_resend_sdk.py` is about Resend."""
    name = request.module.__name__.rpartition(".")[2]
    about = name.removeprefix("test_").removeprefix("fake_")
    return max((one for one in CASES if about.startswith(one.name)), key=lambda one: len(one.name))


@pytest.fixture
def fake(case: Case, tmp_path: Path) -> Iterator[FakeServer]:
    with case.fake(tmp_path / "taken.jsonl") as fake:
        yield fake


@pytest.fixture
def provider(case: Case, fake: FakeServer) -> Iterator[Any]:
    """Return the adapter at its stand-in, patient enough for a machine that is busy."""
    provider = case.open(fake.url, 15)
    yield provider
    provider.close()


@pytest.fixture
def hasty(case: Case, fake: FakeServer) -> Iterator[Any]:
    """Return the same, patient for a second: where no answer comes, however long it waits."""
    hasty = case.open(fake.url, 1)
    yield hasty
    hasty.close()
