"""Where this installation of the program came from, as its installer recorded it (PEP 610)."""

from __future__ import annotations

import json
from dataclasses import dataclass
from enum import StrEnum
from importlib import metadata
from typing import Any, Final
from urllib.parse import urlsplit, urlunsplit
from urllib.request import url2pathname

from newsletter import __version__

PROJECT: Final = "newsletter-pipeline"
"""The name under which the program is installed."""

_SHORT: Final = 12  # characters of a commit that people see


class OriginKind(StrEnum):
    """What an installation was made from."""

    RELEASE = "release"
    COMMIT = "commit"
    ARCHIVE = "archive"
    FOLDER = "folder"


@dataclass(frozen=True, slots=True)
class Origin:
    """What an installation was made from.

    Attributes:
        kind: A released version, a commit of git, an archive such as a wheel, or a folder.
        version: The version of the program.
        url: Of the repository or the archive, without a password; empty for a release.
        commit: All of it; of a commit only.
        sha256: Of an archive, where the installer recorded it.
        path: Of a folder, or of an archive on this machine; empty for all others.
        editable: The folder is used as it is; of a folder only.
    """

    kind: OriginKind
    version: str = __version__
    url: str = ""
    commit: str = ""
    sha256: str = ""
    path: str = ""
    editable: bool = False

    @property
    def text(self) -> str:
        """Where it came from, for people."""
        if self.kind is OriginKind.COMMIT:
            return f"{self.url} at {self.commit[:_SHORT]}"
        if self.kind is OriginKind.ARCHIVE:
            return self.path or self.url
        if self.kind is OriginKind.FOLDER:
            return f"{'editable ' * self.editable}folder {self.path}"
        return "released"


def read_origin() -> Origin:
    """Return where this installation came from."""
    try:
        recorded = metadata.distribution(PROJECT).read_text("direct_url.json")
    except metadata.PackageNotFoundError:
        from pathlib import Path  # noqa: PLC0415 - not needed where the program is installed

        return Origin(OriginKind.FOLDER, path=str(Path(__file__).parents[2]))
    return parse_origin(recorded) if recorded else Origin(OriginKind.RELEASE)


def parse_origin(recorded: str) -> Origin:
    """Return what a `direct_url.json` says; what is no such file counts as a release."""
    try:
        found: Any = json.loads(recorded)
        url = _without_password(str(found["url"]))
        git, archive = found.get("vcs_info"), found.get("archive_info")
        folder = found.get("dir_info") or {}
        if git is not None:
            return Origin(OriginKind.COMMIT, url=url, commit=str(git["commit_id"]))
        path = url2pathname(urlsplit(url).path) if url.startswith("file:") else ""
        if archive is not None:
            return Origin(OriginKind.ARCHIVE, url=url, sha256=_sha256(archive), path=path)
        editable = folder.get("editable") is True
        return Origin(OriginKind.FOLDER, url=url, path=path, editable=editable)
    except (ValueError, KeyError, TypeError, AttributeError):
        return Origin(OriginKind.RELEASE)


def _sha256(archive: Any) -> str:  # noqa: ANN401 - JSON
    """Return the hash of an archive; older installers wrote it as `sha256=…`."""
    found = (archive.get("hashes") or {}).get("sha256")
    old = str(archive.get("hash") or "")
    return str(found or (old.removeprefix("sha256=") if old.startswith("sha256=") else ""))


def _without_password(url: str) -> str:
    parts = urlsplit(url)
    host = parts.netloc.rpartition("@")[2]
    user = parts.username if parts.scheme == "ssh" and parts.username else ""
    return urlunsplit(parts._replace(netloc=f"{user}@{host}" if user else host))
