"""The wheel and the source distribution: whole, the same from both, and at work by themselves."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
import tarfile
import threading
import zipfile
from pathlib import Path

import httpx
import pytest

import newsletter
from tests.integration.project.test_project import PROJECT, files_of_the_project

FOLDERS = {"newsletter", "templates"}
NAMED = {"requirements.txt", "README.md", "LICENSE", "CHANGELOG.md", "pyproject.toml"}
ADDED = {"PKG-INFO", ".gitignore"}  # by the tool that builds


def build(*arguments: str | Path) -> None:
    tool = [sys.executable, "-m", "build", "--no-isolation", *map(str, arguments)]
    subprocess.run(tool, check=True, capture_output=True, cwd=PROJECT)


def ours() -> set[str]:
    """Return the files that the program consists of, by their paths in the project."""
    paths = (path.relative_to(PROJECT) for path in files_of_the_project() if path.is_file())
    return {
        path.as_posix()
        for path in paths
        if path.parts[0] in FOLDERS and "__pycache__" not in path.parts
    }


@pytest.fixture(scope="module")
def sdist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sdist")
    build("--sdist", "--outdir", folder, PROJECT)
    (found,) = folder.iterdir()
    return found


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    build("--wheel", "--outdir", folder, PROJECT)
    (found,) = folder.iterdir()
    return found


@pytest.fixture(scope="module")
def rebuilt(sdist: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the wheel that is built from the source distribution alone."""
    folder = tmp_path_factory.mktemp("rebuilt")
    with tarfile.open(sdist) as archive:
        archive.extractall(folder, filter="data")
    (source,) = folder.iterdir()
    build("--wheel", "--outdir", folder, source)
    (found,) = folder.glob("*.whl")
    return found


def test_the_wheel_has_every_file_of_the_program_and_no_other(wheel: Path) -> None:
    names = {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name}
    expected = {f"newsletter/{name}" if name.startswith("templates/") else name for name in ours()}
    assert len(expected) > 300
    assert names == expected | {"newsletter/requirements.txt"}
    assert "newsletter/py.typed" in names
    assert any("/templates/words/" in name for name in names)
    assert any(name.rpartition("/")[2].startswith("dot-") for name in names)
    assert any("/migrations/versions/" in name for name in names)


def test_the_source_distribution_has_no_more_than_it_needs(sdist: Path) -> None:
    with tarfile.open(sdist) as archive:
        names = {one.name.partition("/")[2] for one in archive if one.isfile()}
    assert names == ours() | NAMED | ADDED


def test_both_make_the_same_wheel(wheel: Path, rebuilt: Path) -> None:
    assert wheel.name == rebuilt.name
    assert wheel.read_bytes() == rebuilt.read_bytes()


@pytest.fixture(scope="module", params=["wheel", "rebuilt"])
def installed(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the command in an environment of its own, which shares the dependencies alone."""
    folder = tmp_path_factory.mktemp("venv")
    subprocess.run([sys.executable, "-m", "venv", folder], check=True)
    python = folder / "bin" / "python"
    pip = [python, "-m", "pip", "--disable-pip-version-check", "install", "-q", "--no-index"]
    subprocess.run([*pip, "--no-deps", request.getfixturevalue(request.param)], check=True)
    asked = [python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"]
    packages = Path(subprocess.check_output(asked, encoding="utf-8").strip())
    # The path files in there are not read, so that this project's own is not found.
    (packages / "dependencies.pth").write_text(sysconfig.get_path("purelib"), encoding="utf-8")
    return folder / "bin" / "newsletter"


def run(command: Path, folder: Path, *arguments: str) -> str:
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(
        [command, *arguments],
        cwd=folder,
        env=kept,
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.all
def test_what_is_installed_works_away_from_the_project(installed: Path, tmp_path: Path) -> None:
    asked = [installed.with_name("python"), "-c", "import newsletter; print(newsletter.__file__)"]
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    where = subprocess.check_output(asked, cwd=tmp_path, env=kept, encoding="utf-8")
    assert Path(where.strip()).is_relative_to(installed.parents[1])
    assert newsletter.__version__ in run(installed, tmp_path, "--version")
    run(installed, tmp_path, "demo")
    run(installed, tmp_path, "db", "upgrade")
    assert "<form" in run(installed, tmp_path, "subscribers", "form")


@pytest.mark.all
def test_what_is_installed_serves_the_web_app(installed: Path, tmp_path: Path) -> None:
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    with subprocess.Popen(
        [installed, "serve", "--port", "0"],
        cwd=tmp_path,
        env=kept,
        stderr=subprocess.PIPE,
        encoding="utf-8",
    ) as process:
        assert process.stderr
        try:
            ready = process.stderr.readline()
            assert ": serving on " in ready
            threading.Thread(target=process.stderr.read, daemon=True).start()
            assert httpx.get(f"{ready.split()[-1]}/healthz", timeout=60).json()["status"] == "ok"
        finally:
            process.terminate()
        assert process.wait(60) == 0
