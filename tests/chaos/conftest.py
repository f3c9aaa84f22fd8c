"""What the tests in this folder play with."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from matrix import DATABASES
from postgres import postgres
from scene import Scene, set_up
from stage import Stage
from theatre import Theatre

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from postgres import Postgres


@pytest.fixture(scope="session", params=DATABASES)
def theatre(request: pytest.FixtureRequest) -> Iterator[Theatre]:
    """Return each database's theatre in turn."""
    on_a_server = request.param == "postgresql"
    server: Postgres | None = request.getfixturevalue("server") if on_a_server else None
    with Theatre([request.param], server) as theatre:
        yield theatre


@pytest.fixture(params=["resend", "mailgun", "ses-bulk"])
def provider(request: pytest.FixtureRequest) -> str:
    """Return a provider of each kind in turn."""
    found: str = request.param
    return found


@pytest.fixture
def scene(theatre: Theatre, provider: str) -> Iterator[Scene]:
    """Return a newsletter that is ready to be sent: each database, each kind of provider."""
    (stage,) = theatre.stages.values()
    with set_up(stage, theatre.nursery, provider) as scene:
        yield scene


@pytest.fixture
def own_server() -> Iterator[Postgres]:
    """Run a PostgreSQL that nobody else needs."""
    with postgres() as server:
        yield server


@pytest.fixture
def scene_of_its_own(
    theatre: Theatre, own_server: Postgres, tmp_path: Path, provider: str
) -> Iterator[Scene]:
    """Return a newsletter on that server."""
    with set_up(Stage(tmp_path, own_server), theatre.nursery, provider) as scene:
        yield scene
