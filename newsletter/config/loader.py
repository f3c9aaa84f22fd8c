"""The impure edge of its layer: reads the settings file and the environment, once."""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from newsletter.atomic_write import advise, write_whole
from newsletter.config import environment as variables
from newsletter.config import settings_file
from newsletter.config.rules import refuse_broken
from newsletter.config.secrets_file import unset_secrets
from newsletter.config.settings import Settings
from newsletter.config.toml import quoted
from newsletter.config.toml_edit import set_text, value_in
from newsletter.config.values import typed
from newsletter.errors import NewsletterError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

_MARK: Final = "\ufeff"  # with which some editors begin a file
DEFAULT_ORIGIN: Final = "the default settings"
"""The origin of settings for which there is no file."""


def load(folder: Path, environment: Mapping[str, str] | None = None) -> Settings:
    """Read the settings that hold for a folder.

    Args:
        folder: Where to start looking: the nearest folder upwards with a `newsletter.toml`, or a
            `pyproject.toml` with `[tool.newsletter]`, is the root. Without one, `folder` itself.
        environment: Wins over the file; `os.environ` when not given.

    Raises:
        NewsletterError: The file cannot be read, is not the only one, or a value is not what its
            key needs.
    """
    environment = os.environ if environment is None else environment
    source = settings_file.find(folder.resolve())
    root = source.path.parent if source.path else folder.resolve()
    origin = source.path.name if source.path else DEFAULT_ORIGIN
    values = {key: typed(key, value, origin, source) for key, value in source.table.items()}
    values |= variables.read_settings(environment)
    credentials = variables.read_credentials(environment)
    refuse_broken(values, origin, source, variables.set_variables(environment))
    return Settings(
        root=root,
        origin=origin,
        file_hash=_hash_of(source.table) if source.path else "",
        credentials=credentials,
        **values,
    )


def _hash_of(table: Mapping[str, Any]) -> str:
    # Another ledger sends nothing at all, and its line is added after the first proof.
    said = {key: value for key, value in table.items() if key != "ledger"}
    return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()


def from_values(root: Path, given: Mapping[str, Any]) -> Settings:
    """Return settings that stand in no file yet, each held against its rule.

    Raises:
        NewsletterError: A value is not what its key needs.
    """
    source = settings_file.Source(table=given)
    values = {key: typed(key, value, "", source) for key, value in given.items()}
    refuse_broken(values, "", source, {})
    return Settings(root=root, origin=DEFAULT_ORIGIN, **values)


def save(settings: Settings, key: str, value: str) -> Settings:
    """Write one setting into the settings file, and return the settings with it.

    Raises:
        NewsletterError: The file has another value since these settings were read; or it cannot be
            written, or not without a change of something else.
    """
    path = settings.root / settings.origin
    try:
        text = path.read_bytes().decode()
        body = text.removeprefix(_MARK)
        found = value_in(body, path.name, key)
        if found not in {None, getattr(settings, key), value}:
            raise NewsletterError(
                f"the setting {key} has been written in the meantime, and stays as it is",
                where=path.name,
                hint="Look at that line, and run the same command again",
            )
        edited = set_text(body, path.name, key, value)
        write_whole(path, (_MARK * (body != text) + edited).encode())
        file_hash = _hash_of(settings_file.find(settings.root).table)
    except OSError as error:
        raise NewsletterError(
            f"the setting {key} cannot be written: {error.strerror}",
            where=path.name,
            hint=f"Write the line yourself: {key} = {quoted(value)}",
        ) from None
    changed: Any = {key: value, "file_hash": file_hash}
    return replace(settings, **changed)


def make_state(settings: Settings) -> Path:
    """Make the folder for a database or a key that the environment does not name.

    Raises:
        NewsletterError: It cannot be made: often only because those variables are not set.
    """
    return make_private(settings.state, unset_secrets(settings))


def make_private(folder: Path, unset: Sequence[str] = ()) -> Path:
    """Make the folder of what the program keeps for itself, for its owner alone and never in git.

    Args:
        folder: Where it is.
        unset: Variables whose place a file in it takes.

    Raises:
        NewsletterError: It cannot be made.
    """
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        ignore = folder / ".gitignore"
        if not ignore.exists():
            ignore.write_text("# Addresses and a secret key are kept here.\n*\n", encoding="utf-8")
    except OSError as error:
        problem, hint = f"the folder {folder.name} cannot be made: {error.strerror}", advise(error)
        if unset:
            names, are = " and ".join(unset), "are" if len(unset) > 1 else "is"
            problem = f"{names} {are} not set, and {problem}"
            hint = f"Give this process {names}. To keep files in that folder instead: {hint}"
        raise NewsletterError(problem, hint=hint) from None
    return folder
