"""What the tests in this folder play with."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.chaos.matrix import DATABASES
from tests.chaos.runner import TrialRunner
from tests.chaos.scenario import Scenario, set_up
from tests.chaos.template import Template
from tests.support.parameters import choose
from tests.support.postgres import postgres

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.support.postgres import Postgres


@pytest.fixture(scope="session", params=choose(DATABASES, always=["sqlite"]))
def runner(request: pytest.FixtureRequest) -> Iterator[TrialRunner]:
    """Return what plays trials on each database in turn."""
    on_a_server = request.param == "postgresql"
    server: Postgres | None = request.getfixturevalue("server") if on_a_server else None
    with TrialRunner([request.param], server) as runner:
        yield runner


@pytest.fixture(params=choose(["resend", "mailgun", "ses-bulk"], always=["resend"]))
def provider(request: pytest.FixtureRequest) -> str:
    """Return a provider of each kind in turn."""
    found: str = request.param
    return found


@pytest.fixture
def scenario(runner: TrialRunner, provider: str) -> Iterator[Scenario]:
    """Return a newsletter that is ready to be sent: each database, each kind of provider."""
    (template,) = runner.templates.values()
    with set_up(template, runner.fork_server, provider) as scenario:
        yield scenario


@pytest.fixture
def own_server() -> Iterator[Postgres]:
    """Run a PostgreSQL that nobody else needs."""
    with postgres() as server:
        yield server


@pytest.fixture
def scenario_of_its_own(
    runner: TrialRunner, own_server: Postgres, tmp_path: Path, provider: str
) -> Iterator[Scenario]:
    """Return a newsletter on that server."""
    with set_up(Template(tmp_path, own_server), runner.fork_server, provider) as scenario:
        yield scenario
