"""Secrets: whether they are set, cannot be guessed, and cannot be read by others."""

from __future__ import annotations

import itertools
import os
import re
import shutil
import subprocess
import zlib
from typing import TYPE_CHECKING, Final

from newsletter import config, content
from newsletter.config import PROVIDERS
from newsletter.delivery import preflight
from newsletter.doctor.checklist import NOT_IN_GIT, PRIVATE_FILES, SIGNING_KEY, WEBHOOK_SIGNATURE
from newsletter.doctor.findings import attempt, failure, of_error, ok, unknown, warning
from newsletter.errors import TryAgain
from newsletter.providers import capabilities_of
from newsletter.store import files

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from newsletter.config import Settings
    from newsletter.model import Diagnosis

_SHORTEST: Final = 32
"""Characters: 16 random bytes in hexadecimal, the least that nobody can try out."""
_DISTINCT: Final = 6
_COMPRESSED: Final = 22
"""Bytes: 32 random decimal digits leave 26 when they are compressed, and longer keys leave more,
however small a part of them that is."""
_RUNS: Final = 0.5
_WORDS: Final = re.compile(
    r"change.?me|secret|password|passw0rd|passphrase|wachtwoord|geheim|placeholder|example|voorbeeld"
    r"|insecure|default|your.?key|newsletter|nieuwsbrief|qwerty|letmein|lorem.?ipsum",
    re.IGNORECASE,
)
_MAKE: Final = "Make one with: openssl rand -hex 32"
_KEEP: Final = "put it before the old one, with a comma between, so that links already sent work"


_PRIVATE: Final = (
    *(".newsletter", ".env", ".env.local", ".env.production", "production.env"),
    *("*.db", "*.sqlite"),
)
_MOST_NAMES: Final = 5
_GIT_SECONDS: Final = 10
_IN_GIT: Final = "is in git, where everyone who can read the repository can read it"
_NOTHING: Final = "no database and no file of secrets is in git"
_NO_REPOSITORY: Final = "not a git repository (or any"
"""What git says in English where no folder above is a repository; of one that is damaged or
elsewhere it says more."""
_WEBHOOK: Final = re.compile(r"\w+_(WEBHOOK_SECRET|TOPIC_ARN)")


def examine_secrets(settings: Settings, signed: Callable[[], bool]) -> Iterator[Diagnosis]:
    """Yield what is wrong with secrets, as far as this machine alone can say.

    Args:
        settings: The newsletter's.
        signed: Whether letters were signed already; asked only where no key is set.
    """
    yield from attempt(SIGNING_KEY, lambda: check_key(settings, signed))
    yield from attempt(WEBHOOK_SIGNATURE, lambda: check_webhook_secret(settings))
    yield from attempt(PRIVATE_FILES, lambda: check_files(settings))
    yield from attempt(NOT_IN_GIT, lambda: check_git(settings.root))


def check_webhook_secret(settings: Settings) -> Diagnosis:
    """Check that what the web app needs to trust the provider's webhooks is set."""
    needed = [name for name in PROVIDERS[settings.provider] if _WEBHOOK.fullmatch(name)]
    if missing := [name for name in needed if name not in settings.credentials]:
        return warning(
            WEBHOOK_SIGNATURE,
            f"{missing[0]} is not set, so that no webhook of the provider is taken",
            config.stored_secret_hint(settings, missing[0])
            or "Set it where newsletter serve runs, and here (docs/events.md); without webhooks, "
            "run newsletter events pull regularly",
        )
    return ok(WEBHOOK_SIGNATURE, f"{needed[0]} is set" if needed else "the outbox has no webhooks")


def check_files(settings: Settings) -> Diagnosis:
    """Check that no other user of this machine can read what is private."""
    if rights := files.open_to_others(settings):
        return warning(
            PRIVATE_FILES,
            f"every user of this machine can {' and '.join(rights)}",
            f"Take that right away: chmod -R o= {settings.state.name}",
        )
    return ok(PRIVATE_FILES, "no other user of this machine can read the database and the key")


def check_git(root: Path) -> Diagnosis:
    """Check that neither the database nor a file of secrets is in the git repository."""
    git = shutil.which("git")
    if not git:
        return ok(NOT_IN_GIT, "there is no git on this machine")
    where = [git, "-C", str(root)]
    shallow = _ask_git([*where, "rev-parse", "--is-shallow-repository"])
    if shallow is None:
        return ok(NOT_IN_GIT, _NOTHING)
    if found := _private_names([*where, "ls-files", "-z"]):
        return failure(
            NOT_IN_GIT,
            f"{found} {_IN_GIT}",
            "Take it out (git rm --cached), also from the history, and make new secrets: the old "
            "ones are known",
        )
    return _check_history(where, whole=shallow.strip() != "true")


def _check_history(where: Sequence[str], *, whole: bool) -> Diagnosis:
    log = ["log", "--all", "--relative", "--name-only", "--diff-filter=AR", "--format=", "-z"]
    try:
        found = _private_names([*where, *log])
    except subprocess.TimeoutExpired:
        return ok(NOT_IN_GIT, "nothing private is in git now; its history is too long to look into")
    if found:
        return warning(
            NOT_IN_GIT,
            f"{found} {_IN_GIT}: in its history",
            "Take it out of the history too (git filter-repo), and make new secrets: the old ones "
            "are known",
        )
    if not whole:
        return unknown(
            NOT_IN_GIT,
            "nothing private is in git now; only the end of its history is here",
            "Fetch all of it (git fetch --unshallow), then run it again",
        )
    return ok(NOT_IN_GIT, _NOTHING)


def _private_names(command: Sequence[str]) -> str:
    """Return the private files among those that git names; empty if there are none."""
    said = _ask_git([*command, "--", *_PRIVATE]) or ""
    names = dict.fromkeys(said.replace("\n", "\0").split("\0"))
    found = [content.printable(one) for one in names if one and not one.endswith(".gitignore")]
    more = f" and {len(found) - _MOST_NAMES} more" if len(found) > _MOST_NAMES else ""
    return ", ".join(found[:_MOST_NAMES]) + more


def _ask_git(command: Sequence[str]) -> str | None:
    """Return what git answers; None where there is no repository.

    Raises:
        TryAgain: It refuses to look, as it does where the repository belongs to another user.
        TimeoutExpired: It takes too long.
    """
    done = subprocess.run(  # noqa: S603 - git
        command,
        capture_output=True,
        check=False,
        timeout=_GIT_SECONDS,
        env={**os.environ, "LC_ALL": "C"},
    )
    if not done.returncode:
        return done.stdout.decode(errors="replace")
    said = done.stderr.decode(errors="replace")
    if _NO_REPOSITORY in said:
        return None
    why = content.printable(said.partition("\n")[0]) or f"exit code {done.returncode}"
    raise TryAgain(
        f"git does not show what is in it: {why}",
        hint="Run git status in the same folder and do what it says, then run it again",
    )


def check_key(settings: Settings, signed: Callable[[], bool]) -> Diagnosis:
    """Check that letters are signed with keys that are set and cannot be guessed."""
    if not settings.secret_keys:
        if capabilities_of(settings).rehearsal:
            return ok(SIGNING_KEY, "none is set; rehearsals are signed with a generated key")
        (problem,) = preflight.find_key_problems(settings, signed=signed())
        return of_error(SIGNING_KEY, problem)
    first, *older = settings.secret_keys
    if why := find_weakness(first):
        return failure(
            SIGNING_KEY,
            f"NEWSLETTER_SECRET_KEY {why}: who guesses it can unsubscribe everyone",
            f"{_MAKE}; {_KEEP}",
        )
    if any(map(find_weakness, older)):
        return warning(
            SIGNING_KEY,
            "an older key in NEWSLETTER_SECRET_KEY can be guessed, and links that it signs still "
            "work: who guesses it can unsubscribe everyone",
            "Take it away if it has signed no letter; otherwise as soon as the links in old letters"
            " may stop working",
        )
    if _generated(settings) in settings.secret_keys:
        return warning(
            SIGNING_KEY,
            "NEWSLETTER_SECRET_KEY is the key that was generated for rehearsals, and is in a file",
            f"{_MAKE}; {_KEEP}",
        )
    return ok(SIGNING_KEY, "NEWSLETTER_SECRET_KEY is set, and nobody can guess it")


def find_weakness(key: str) -> str:
    """Return why a key could be guessed; empty if it looks random."""
    if len(key) < _SHORTEST:
        return f"has fewer than {_SHORTEST} characters"
    if _WORDS.search(key):
        return "holds a word that people choose"
    if len(set(key)) < _DISTINCT or _repeats(key) or _counts(key):
        return "repeats itself or follows a pattern"
    if " " in key and not any(map(str.isdigit, key)):
        return "is a sentence"
    return ""


def _repeats(key: str) -> bool:
    """Return whether it is one part over and over, or hardly anything when it is compressed."""
    if any(key.startswith(key[part:]) for part in range(1, len(key) // 2 + 1)):
        return True
    return len(zlib.compress(key.encode(), 9, wbits=-15)) < _COMPRESSED


def _counts(key: str) -> bool:
    """Return whether most characters are the neighbours of those before them: abcd, 4321."""
    steps = [ord(after) - ord(before) for before, after in itertools.pairwise(key)]
    return max(steps.count(1), steps.count(-1)) > _RUNS * len(steps)


def _generated(settings: Settings) -> str:
    try:
        return (settings.state / "secret-key").read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError):
        return ""
