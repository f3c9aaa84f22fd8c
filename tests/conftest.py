"""What tests stand on: a clean environment, a scratch newsletter, the command, a browser."""

from __future__ import annotations

import functools
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import hypothesis
import pytest
import sqlalchemy

from tests.support import browser
from tests.support.postgres import Postgres, postgres
from tests.support.processes import run_command
from tests.support.templates import share_compiled_templates

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable, Iterator

# The same examples each time, so that a change is judged by itself; the nightly job tries others
# (`--hypothesis-profile random`).
hypothesis.settings.register_profile("repeatable", derandomize=True)
hypothesis.settings.register_profile("random", derandomize=False, print_blob=True)
hypothesis.settings.load_profile("repeatable")

share_compiled_templates()

OF_THE_PROGRAM = (
    "NEWSLETTER_",
    "RESEND_",
    "LETTERMINT_",
    "MAILGUN_",
    "AWS_",
    "SES_",
    "POSTMARK_",
    "BREVO_",
    "GITHUB_",  # of the job that runs the tests
    "GITLAB_",
    "CI_",
)
OF_THE_TERMINAL = ("COLUMNS", "FORCE_COLOR", "CLICOLOR_FORCE", "NO_COLOR")
BROWSER_FLAGS = (
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--specs",
        type=Path,
        metavar="DIR",
        help="a folder with the providers' own API specifications, to hold requests against",
    )
    parser.addoption(
        "--update-golden",
        nargs="?",
        const="all",
        default="",
        metavar="NAMES",
        help="record goldens anew: all, or those whose names end so, such as messages",
    )


def pytest_report_header(config: pytest.Config) -> str:
    specs = config.getoption("--specs")
    return f"specifications: {specs or 'none (without --specs DIR, tests marked specs stay out)'}"


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what needs specifications when there are none; nothing is skipped."""
    if specs := config.getoption("--specs"):
        if not specs.is_dir():
            raise pytest.UsageError(f"--specs: there is no folder {specs}")
        return
    out = [item for item in items if item.get_closest_marker("specs")]
    config.hook.pytest_deselected(items=out)
    items[:] = [item for item in items if item not in out]


@pytest.fixture(autouse=True)
def _nothing_of_the_developer(
    monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    for name in list(os.environ):
        if name.startswith(OF_THE_PROGRAM) or name in OF_THE_TERMINAL:
            monkeypatch.delenv(name)
    home = tmp_path_factory.mktemp("home")
    for name in ("HOME", "XDG_CONFIG_HOME", "XDG_CACHE_HOME", "XDG_DATA_HOME", "XDG_STATE_HOME"):
        monkeypatch.setenv(name, str(home))


@pytest.fixture(autouse=True)
def _no_database_stays_open(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Close what a test opened: from Python 3.13 on, sqlite3 warns of what is left open."""
    made: list[sqlalchemy.Engine] = []
    create = sqlalchemy.create_engine

    def remember(*arguments: Any, **options: Any) -> sqlalchemy.Engine:  # noqa: ANN401 - passed on
        made.append(create(*arguments, **options))
        return made[-1]

    monkeypatch.setattr(sqlalchemy, "create_engine", remember)
    yield
    for engine in made:
        engine.dispose()


@pytest.fixture(scope="session")
def server() -> Iterator[Postgres]:
    """Run a PostgreSQL for all tests of this process."""
    with postgres() as server:
        yield server


@pytest.fixture(scope="session")
def migrated(server: Postgres) -> str:
    """Return the name of a migrated database to copy, whose ledger the copies share."""
    name = server.database()
    url = server.url(name)
    done = run_command("db", "upgrade", cwd=Path("/"), env={"NEWSLETTER_DATABASE_URL": url})
    assert done.returncode == 0, done.stderr
    return name


@pytest.fixture
def postgresql(server: Postgres, migrated: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Let this test's newsletter live in a database of its own on the server; return its URL."""
    name = server.database(migrated)
    monkeypatch.setenv("NEWSLETTER_DATABASE_URL", server.url(name))
    yield server.url(name)
    server.drop(name)


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.all)])
def database(request: pytest.FixtureRequest) -> str:
    """Run a test on both databases, without `--all` on SQLite; return which one it is.

    What the test opens by `config.load(root)`, by `Newsletter` or by the command is there.
    """
    if request.param == "postgresql":
        request.getfixturevalue("postgresql")
    which: str = request.param
    return which


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Return a newsletter's folder with settings that name it and no issues."""
    (tmp_path / "newsletter.toml").write_text('name = "Proefbrief"\n', encoding="utf-8")
    (tmp_path / "issues").mkdir()
    return tmp_path


@pytest.fixture
def run(root: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Return a function that runs the command, in `root` unless `cwd` says where."""
    return functools.partial(run_command, cwd=root)


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args: dict[str, Any]) -> dict[str, Any]:
    """Return how to start the browser that `./dev test` found or fetched."""
    found = browser.on_path()
    if not found and not browser.fetched():
        pytest.fail(browser.HINT, pytrace=False)
    flags = [*BROWSER_FLAGS, *(["--no-sandbox"] if os.geteuid() == 0 else [])]
    own = {"executable_path": found} if found else {}
    return {**browser_type_launch_args, **own, "args": flags}
