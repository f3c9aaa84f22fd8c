"""What the jobs of an author's repository install: one version, never "the newest"."""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from newsletter.errors import NewsletterError
from newsletter.package_data import requirements_file
from newsletter.repository.git_source import parse_source, read_commit
from newsletter.repository.origin import PROJECT, Origin, OriginKind
from newsletter.repository.plan import INSTALL_FOLDER, Installation

if TYPE_CHECKING:
    from collections.abc import Iterator

_REQUIREMENTS: Final = "requirements.txt"
_SETTINGS: Final = "pyproject.toml"
_SHORT: Final = 12
_SECONDS: Final = 120
_HINT: Final = "Say where the jobs install it from: --from OWNER/REPO@VERSION, or a git URL@VERSION"


def find_installation(asked: str, origin: Origin) -> Installation:
    """Return what jobs install.

    Args:
        asked: The value of `--from`; empty for what this very installation came from.
        origin: Where this installation came from.

    Raises:
        NewsletterError: It cannot be pinned to a commit or a hash.
        TryAgain: A repository cannot be reached.
    """
    if asked:
        return _from_git(asked)
    if origin.kind is OriginKind.COMMIT:
        program = _commit_line(origin.url, origin.commit)
        return Installation(origin.version, origin.text, program, _own_dependencies())
    if origin.kind is OriginKind.ARCHIVE:
        return _from_archive(origin)
    if origin.kind is OriginKind.FOLDER:
        raise NewsletterError(
            f"the program is installed from a folder, which no other machine has ({origin.path})",
            hint=_HINT,
        )
    line = f"{PROJECT}=={origin.version} --hash=sha256:{_released_hash(origin.version)}\n"
    return Installation(origin.version, f"version {origin.version}", line, _own_dependencies())


def _from_git(asked: str) -> Installation:
    source = parse_source(asked)
    found = read_commit(source, (_SETTINGS, _REQUIREMENTS))
    project = _project(found.files[_SETTINGS])
    if project.get("name") != PROJECT or not found.files[_REQUIREMENTS]:
        raise NewsletterError(
            f"version {source.ref} there is not {PROJECT}, or has no {_REQUIREMENTS}",
            where=source.url,
            hint="Name the repository of this program",
        )
    return Installation(
        version=str(project.get("version", "")),
        source=f"{source.url} at {found.commit[:_SHORT]}",
        program=_commit_line(source.url, found.commit),
        dependencies=found.files[_REQUIREMENTS],
    )


def _project(text: str) -> dict[str, Any]:
    try:
        project = tomllib.loads(text).get("project")
    except tomllib.TOMLDecodeError:
        return {}
    return project if isinstance(project, dict) else {}


def _commit_line(url: str, commit: str) -> str:
    # Without the project's name before it: pip takes no `file` URL of git in that form.
    return f"git+{url}@{commit}\n"


def _from_archive(origin: Origin) -> Installation:
    dependencies = _own_dependencies()
    if not origin.path:
        if not origin.sha256:
            raise NewsletterError(
                "the installer did not record the hash of what it installed",
                where=origin.url,
                hint=_HINT,
            )
        line = f"{PROJECT} @ {origin.url} --hash=sha256:{origin.sha256}\n"
        return Installation(origin.version, origin.url, line, dependencies)
    wheel = Path(origin.path)
    try:
        digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
    except OSError:
        digest = ""
    if not digest or (origin.sha256 and digest != origin.sha256):
        problem = "is gone" if not digest else "was changed since"
        raise NewsletterError(
            f"the file that this program was installed from {problem}",
            where=origin.path,
            hint=_HINT,
        )
    line = f"./{INSTALL_FOLDER}/{wheel.name} --hash=sha256:{digest}\n"
    return Installation(origin.version, wheel.name, line, dependencies, wheel=str(wheel))


def _own_dependencies() -> str:
    return requirements_file().read_text(encoding="utf-8")


def _released_hash(version: str) -> str:
    """Return the hash of a released version, as the package index that pip uses has it.

    Raises:
        NewsletterError: There is no pip here, or it finds no such version.
    """
    arguments = ("install", "--dry-run", "--no-deps", "--ignore-installed", "--quiet")
    options = ("--only-binary", ":all:", "--no-input", "--disable-pip-version-check")
    for pip in _pips():
        try:
            done = subprocess.run(  # noqa: S603 - pip, with arguments of ours
                [*pip, *arguments, *options, "--report", "-", f"{PROJECT}=={version}"],
                capture_output=True,
                check=False,
                encoding="utf-8",
                errors="replace",
                stdin=subprocess.DEVNULL,
                timeout=_SECONDS,
            )
            found = json.loads(done.stdout)["install"][0]["download_info"]["archive_info"]
            return str(found["hashes"]["sha256"])
        except (OSError, ValueError, LookupError, TypeError, subprocess.TimeoutExpired):
            continue
    raise NewsletterError(
        f"pip finds no released version {version} of {PROJECT}, so its hash is not known",
        hint=_HINT,
    )


def _pips() -> Iterator[list[str]]:
    """Yield the pip of this installation, then the one on PATH: some installers leave it out."""
    yield [sys.executable, "-m", "pip"]
    if found := shutil.which("pip"):
        yield [found]
