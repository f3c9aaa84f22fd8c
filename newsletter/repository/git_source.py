"""A version of the program in a git repository: the commit that a name means, and its files."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit, urlunsplit

from newsletter.errors import NewsletterError, TryAgain

WRITE: Final = "Write --from OWNER/REPO@VERSION, or the repository's https, ssh or file URL@VERSION"
_ON_GITHUB: Final = re.compile(r"(?P<path>[A-Za-z0-9][\w.-]*/[\w.-]+)@(?P<ref>.+)")
_SCP_FORM: Final = re.compile(r"(?P<user>[\w.-]+)@(?P<host>[\w.-]+):(?P<path>[^/].*)")
_REF: Final = re.compile(r"(?!.*\.\.)[A-Za-z0-9][\w./+-]*")
_SCHEMES: Final = ("https", "ssh", "file")
_SECONDS: Final = 120
# Git speaks of no more than these, whatever a repository's address or a redirect names.
_PROTOCOLS: Final = ":".join(_SCHEMES)
_UNREACHABLE: Final = re.compile(
    r"could not resolve|unable to access|timed out|connection (?:refused|reset)|network is",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class GitSource:
    """A repository and the name of one of its versions: a tag, a branch or a whole commit."""

    url: str
    ref: str


@dataclass(frozen=True, slots=True)
class Checkout:
    """What one commit holds.

    Attributes:
        commit: The whole commit.
        files: The text of each file that was asked for; empty if the commit has none.
    """

    commit: str
    files: dict[str, str]


def parse_source(text: str) -> GitSource:
    """Return what the value of `--from` names.

    Raises:
        NewsletterError: It names no repository and version, or holds a password.
    """
    if found := _ON_GITHUB.fullmatch(text):
        return _checked(f"https://github.com/{found['path']}", found["ref"], text)
    if found := _SCP_FORM.fullmatch(text):
        text = f"ssh://{found['user']}@{found['host']}/{found['path']}"
    parts = urlsplit(text.removeprefix("git+"))
    path, _, ref = parts.path.rpartition("@")
    if parts.scheme not in _SCHEMES or not path.strip("/") or parts.query or parts.fragment:
        if re.fullmatch(r"[\w.-]+/[\w.-]+", text):
            raise NewsletterError(f"{text} names no version", hint=f"Write {text}@ and a tag")
        raise NewsletterError("--from names no repository and version", hint=WRITE)
    if parts.password or (parts.username and parts.scheme != "ssh"):
        raise NewsletterError(
            "--from holds a name or a password, which would be kept in your repository",
            hint="Leave it out, and let git ask its credential helper",
        )
    return _checked(urlunsplit(parts._replace(path=path)), ref, text)


def _checked(url: str, ref: str, text: str) -> GitSource:
    if not _REF.fullmatch(ref):
        raise NewsletterError(f'"{text}" names no version after the @', hint=WRITE)
    return GitSource(url, ref)


def read_commit(source: GitSource, names: tuple[str, ...]) -> Checkout:
    """Ask a repository for the commit that a version's name means, and for files of that commit.

    Raises:
        NewsletterError: There is no git here, no such repository or no such version.
        TryAgain: The repository cannot be reached.
    """
    if shutil.which("git") is None:
        raise NewsletterError(
            "git is not installed, and --from asks it for a commit", hint="Install git"
        )
    with tempfile.TemporaryDirectory(prefix="newsletter-git-") as folder:
        _git(folder, "init", "--quiet", "--bare")
        fetched = _git(
            folder, "fetch", "--quiet", "--depth=1", "--no-tags", "--", source.url, source.ref
        )
        if fetched.returncode:
            raise _refused(source, fetched.stderr)
        commit = _git(folder, "rev-parse", "FETCH_HEAD^{commit}").stdout.strip()
        files = {name: _git(folder, "show", f"{commit}:{name}").stdout for name in names}
    return Checkout(commit, files)


def _git(folder: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {
        **os.environ,
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_ALLOW_PROTOCOL": _PROTOCOLS,
        "GIT_SSH_COMMAND": os.environ.get("GIT_SSH_COMMAND", "ssh -o BatchMode=yes"),
        "LC_ALL": "C",
    }
    # A hook that runs this program sets these for a repository of its own.
    for name in ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE"):
        environment.pop(name, None)
    try:
        return subprocess.run(  # noqa: S603 - git, with arguments that were checked
            ["git", "-C", folder, *arguments],  # noqa: S607 - the git on PATH, as a user has it
            capture_output=True,
            check=False,
            encoding="utf-8",
            errors="replace",
            env=environment,
            stdin=subprocess.DEVNULL,
            timeout=_SECONDS,
        )
    except subprocess.TimeoutExpired:
        raise TryAgain(
            f"the repository did not answer within {_SECONDS} seconds", hint="Try again later"
        ) from None


def _refused(source: GitSource, said: str) -> NewsletterError:
    lines = [line for line in said.splitlines() if line.strip()]
    last = lines[-1].removeprefix("fatal: ") if lines else "git gave no reason"
    if "find remote ref" in said or "not our ref" in said or "unadvertised object" in said:
        return NewsletterError(
            f"there is no version {source.ref}",
            where=source.url,
            hint="Name a tag, a branch, or all 40 characters of a commit",
        )
    if _UNREACHABLE.search(said) and "404" not in said:
        return TryAgain("the repository cannot be reached", where=source.url, hint=last)
    reason = next((one for one in lines if "fatal" in one), last).removeprefix("fatal: ")
    return NewsletterError(
        f"the repository cannot be read: {reason}",
        where=source.url,
        hint="Check the address, and that git may read it without a question",
    )
