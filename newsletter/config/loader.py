"""The impure edge of its layer: reads the settings file and the environment, once."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final

from newsletter.config import environment as variables
from newsletter.config import settings_file
from newsletter.config.rules import refuse_broken
from newsletter.config.settings import Settings
from newsletter.config.values import typed
from newsletter.errors import NewsletterError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

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
    values |= variables.values(environment)
    credentials = variables.credentials(environment)
    refuse_broken(values, origin, source, variables.given(environment))
    return Settings(root=root, origin=origin, credentials=credentials, **values)


def make_private(folder: Path) -> Path:
    """Make the folder of what the program keeps for itself, for its owner alone and never in git.

    Raises:
        NewsletterError: It cannot be made.
    """
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        ignore = folder / ".gitignore"
        if not ignore.exists():
            ignore.write_text("# Addresses and a secret key are kept here.\n*\n", encoding="utf-8")
    except OSError as error:
        raise NewsletterError(
            f"the folder {folder.name} cannot be made: {error.strerror}",
            hint="Give this user the right to write the newsletter's folder",
        ) from None
    return folder
