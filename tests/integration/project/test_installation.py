"""What jobs install: a commit of a real repository, a real wheel, or a version of a real index."""

from __future__ import annotations

import hashlib
import http.server
import subprocess
import sys
import threading
import zipfile
from typing import TYPE_CHECKING

import pytest

from newsletter import __version__
from newsletter.errors import NewsletterError, TryAgain
from newsletter.package_data import requirements_file
from newsletter.repository import git_source
from newsletter.repository.git_source import GitSource, parse_source
from newsletter.repository.installation import find_installation
from newsletter.repository.origin import Origin, OriginKind
from tests.support.repositories import git, program_repository

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

RELEASE = Origin(OriginKind.RELEASE)
NAME = f"newsletter_pipeline-{__version__}-py3-none-any.whl"


@pytest.mark.parametrize(
    ("text", "url", "ref"),
    [
        ("anna/newsletter@v1.2", "https://github.com/anna/newsletter", "v1.2"),
        ("anna/news.letter@feature/x", "https://github.com/anna/news.letter", "feature/x"),
        ("https://git.example.org/a/b.git@main", "https://git.example.org/a/b.git", "main"),
        ("git+https://git.example.org/a/b@v1", "https://git.example.org/a/b", "v1"),
        ("ssh://git@git.example.org:22/a/b@v1", "ssh://git@git.example.org:22/a/b", "v1"),
        ("git@git.example.org:a/b.git@v1", "ssh://git@git.example.org/a/b.git", "v1"),
        ("file:///srv/git/b.git@v1", "file:///srv/git/b.git", "v1"),
    ],
)
def test_a_repository_and_a_version_are_read(text: str, url: str, ref: str) -> None:
    assert parse_source(text) == GitSource(url, ref)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "names no repository"),
        ("anna/newsletter", "Write anna/newsletter@ and a tag"),
        ("anna/newsletter@", "names no repository"),
        ("anna/newsletter@--upload-pack=x", "names no version after the @"),
        ("anna/newsletter@a..b", "names no version"),
        ("anna/newsletter@v1\n[x]", "names no repository"),
        ("https://git.example.org/a/b", "names no repository"),
        ("https://git.example.org/a/b@", "names no version"),
        ("https://git.example.org/a/b@v1#egg=x", "names no repository"),
        ("http://git.example.org/a/b@v1", "names no repository"),
        ("ext::sh -c touch% x@v1", "names no repository"),
        ("--upload-pack=x@v1", "names no repository"),
        ("../b@v1", "names no repository"),
    ],
)
def test_what_is_neither_is_refused(text: str, said: str) -> None:
    with pytest.raises(NewsletterError) as error:
        parse_source(text)
    assert said in str(error.value)


@pytest.mark.parametrize(
    "text", ["https://t0ken@h.example/a/b@v1", "https://u:t0ken@h.example/a@v1"]
)
def test_a_password_is_refused_and_not_shown(text: str) -> None:
    with pytest.raises(NewsletterError) as error:
        parse_source(text)
    assert "t0ken" not in str(error.value)


@pytest.mark.parametrize("ref", ["v0.2.0", "main", "commit"])
def test_a_version_in_git_is_pinned_to_its_commit(tmp_path: Path, ref: str) -> None:
    url = program_repository(tmp_path / "program")
    commit = git(tmp_path / "program", "rev-parse", "HEAD")
    ref = commit if ref == "commit" else ref
    found = find_installation(f"{url}@{ref}", RELEASE)
    assert found.program == f"git+{url}@{commit}\n"
    assert found.dependencies == (tmp_path / "program" / "requirements.txt").read_text()
    assert (found.version, found.source) == ("0.2.0", f"{url} at {commit[:12]}")


def test_a_later_commit_changes_nothing_of_an_earlier_pin(tmp_path: Path) -> None:
    url = program_repository(tmp_path / "program")
    before = find_installation(f"{url}@v0.2.0", RELEASE)
    (tmp_path / "program" / "requirements.txt").write_text("other\n")
    git(tmp_path / "program", "commit", "--quiet", "--all", "--message=Second")
    assert find_installation(f"{url}@v0.2.0", RELEASE) == before
    assert find_installation(f"{url}@main", RELEASE) != before


def test_no_such_version_or_repository_is_an_error_that_names_it(tmp_path: Path) -> None:
    url = program_repository(tmp_path / "program")
    for text, said in (
        (f"{url}@v9", "there is no version v9"),
        (f"{url}@{'0' * 40}", f"there is no version {'0' * 40}"),
        ((tmp_path / "nothing").as_uri() + "@v1", "the repository cannot be read"),
    ):
        with pytest.raises(NewsletterError) as error:
            find_installation(text, RELEASE)
        assert said in str(error.value)
        assert error.value.hint


def test_a_repository_of_another_program_is_refused(tmp_path: Path) -> None:
    url = program_repository(tmp_path / "other", name="other")
    with pytest.raises(NewsletterError, match="is not newsletter-pipeline"):
        find_installation(f"{url}@main", RELEASE)
    git(tmp_path / "other", "rm", "--quiet", "requirements.txt", "pyproject.toml")
    git(tmp_path / "other", "commit", "--quiet", "--message=Nothing", "--allow-empty")
    with pytest.raises(NewsletterError, match="is not newsletter-pipeline"):
        find_installation(f"{url}@main", RELEASE)


def test_a_server_that_does_not_answer_is_for_later() -> None:
    with pytest.raises(TryAgain, match="cannot be reached"):
        find_installation("https://127.0.0.1:9/a/b@v1", RELEASE)


def test_without_git_the_error_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(NewsletterError, match="git is not installed"):
        find_installation("anna/newsletter@v1", RELEASE)


def test_a_repository_that_never_ends_its_answer_is_for_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(git_source, "_SECONDS", 0.001)
    with pytest.raises(TryAgain, match="did not answer"):
        find_installation(f"{program_repository(tmp_path / 'program')}@main", RELEASE)


def test_an_installed_commit_is_installed_again(tmp_path: Path) -> None:
    origin = Origin(OriginKind.COMMIT, url="https://h.example/o/r.git", commit="ab" * 20)
    found = find_installation("", origin)
    assert found.program == f"git+https://h.example/o/r.git@{'ab' * 20}\n"
    assert found.dependencies == requirements_file().read_text(encoding="utf-8")
    assert "--hash=sha256:" in found.dependencies
    assert str(tmp_path) not in found.program


def test_a_folder_is_refused_with_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(NewsletterError, match="--from OWNER/REPO@VERSION"):
        find_installation("", Origin(OriginKind.FOLDER, path=str(tmp_path)))


def wheel(folder: Path) -> Path:
    """Make a wheel that pip takes for this program's."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / NAME
    info = f"newsletter_pipeline-{__version__}.dist-info"
    with zipfile.ZipFile(path, "w") as file:
        file.writestr(
            f"{info}/METADATA",
            f"Metadata-Version: 2.1\nName: newsletter-pipeline\nVersion: {__version__}\n",
        )
        kind = "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        file.writestr(f"{info}/WHEEL", kind)
        file.writestr(f"{info}/RECORD", "")
    return path


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_a_wheel_of_this_machine_travels_along_with_its_hash(tmp_path: Path) -> None:
    path = wheel(tmp_path)
    for recorded in (digest(path), ""):  # not every installer records it
        found = find_installation(
            "", Origin(OriginKind.ARCHIVE, url=path.as_uri(), sha256=recorded, path=str(path))
        )
        assert found.program == f"./newsletter-install/{NAME} --hash=sha256:{digest(path)}\n"
        assert found.wheel == str(path)


def test_a_wheel_that_is_gone_or_changed_is_refused(tmp_path: Path) -> None:
    path = wheel(tmp_path)
    origin = Origin(OriginKind.ARCHIVE, url=path.as_uri(), sha256="0" * 64, path=str(path))
    with pytest.raises(NewsletterError, match="was changed since"):
        find_installation("", origin)
    path.unlink()
    with pytest.raises(NewsletterError, match="is gone"):
        find_installation("", origin)


def test_an_archive_of_the_web_needs_its_hash() -> None:
    url = f"https://h.example/{NAME}"
    found = find_installation("", Origin(OriginKind.ARCHIVE, url=url, sha256="ab" * 32))
    assert found.program == f"newsletter-pipeline @ {url} --hash=sha256:{'ab' * 32}\n"
    with pytest.raises(NewsletterError, match="did not record the hash"):
        find_installation("", Origin(OriginKind.ARCHIVE, url=url))


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A package index on this machine, which is the only one that pip knows."""
    folder = tmp_path / "simple" / "newsletter-pipeline"
    folder.mkdir(parents=True)
    handler = type(
        "Handler",
        (http.server.SimpleHTTPRequestHandler,),
        {
            "__init__": lambda self, *given: http.server.SimpleHTTPRequestHandler.__init__(
                self, *given, directory=str(tmp_path)
            ),
            "log_message": lambda *_given: None,
        },
    )
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
        monkeypatch.setenv("PIP_INDEX_URL", f"http://127.0.0.1:{server.server_port}/simple/")
        monkeypatch.setenv("PIP_RETRIES", "0")
        yield folder
        server.shutdown()
        thread.join()


def test_a_released_version_is_pinned_to_the_hash_of_the_index(index: Path) -> None:
    path = wheel(index)
    (index / "index.html").write_text(f'<a href="{NAME}#sha256={digest(path)}">{NAME}</a>')
    found = find_installation("", RELEASE)
    assert found.program == f"newsletter-pipeline=={__version__} --hash=sha256:{digest(path)}\n"
    assert found.dependencies == requirements_file().read_text(encoding="utf-8")


def test_a_version_that_was_never_released_is_refused_with_what_to_do(index: Path) -> None:
    (index / "index.html").write_text("")
    with pytest.raises(NewsletterError, match="pip finds no released version"):
        find_installation("", RELEASE)


def test_pip_installs_the_commit_that_was_pinned_and_no_later_one(tmp_path: Path) -> None:
    url = program_repository(tmp_path / "program")
    found = find_installation(f"{url}@main", RELEASE)
    (tmp_path / "program" / "newsletter" / "__init__.py").write_text("later = True\n")
    git(tmp_path / "program", "commit", "--quiet", "--all", "--message=Later")
    (tmp_path / "newsletter-install").mkdir()
    (tmp_path / "newsletter-install" / "program.txt").write_text(found.program)
    arguments = [sys.executable, *found.commands[1].split()[1:], "--target", "there", "--quiet"]
    done = subprocess.run(arguments, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "there" / "newsletter" / "__init__.py").read_text() == ""


def test_pip_takes_the_hash_that_travels_along_and_refuses_another(tmp_path: Path) -> None:
    path = wheel(tmp_path / "newsletter-install")
    found = find_installation("", Origin(OriginKind.ARCHIVE, url=path.as_uri(), path=str(path)))
    (tmp_path / "newsletter-install" / "program.txt").write_text(found.program)
    (_, command) = found.commands
    assert command.startswith("python -m pip install")
    arguments = [sys.executable, *command.split()[1:], "--target", "there", "--quiet"]
    right = subprocess.run(arguments, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert right.returncode == 0, right.stderr
    with zipfile.ZipFile(path, "a") as file:
        file.writestr("more.py", "")
    wrong = subprocess.run(arguments, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert wrong.returncode == 1
    assert "DO NOT MATCH THE HASHES" in wrong.stderr
