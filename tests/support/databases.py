"""Databases that are made once and copied: to migrate one takes half a second."""

from __future__ import annotations

import functools
import os
import tempfile
from pathlib import Path

from newsletter.config import Settings
from newsletter.store import open_store


def where() -> dict[str, str]:
    """Return what the environment says of the database, and nothing else of it."""
    name = "NEWSLETTER_DATABASE_URL"
    return {name: os.environ[name]} if name in os.environ else {}


def prepare_database(root: Path) -> None:
    """Put an empty, migrated database under `root`, unless it has one or is to be on a server."""
    file = root / ".newsletter" / "newsletter.db"
    if where() or file.exists():
        return
    file.parent.mkdir(mode=0o700, exist_ok=True)
    file.touch(mode=0o600)  # as the program makes it
    file.write_bytes(_empty_database())


@functools.cache
def _empty_database() -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        open_store(Settings(root=Path(folder))).close()
        return (Path(folder) / ".newsletter" / "newsletter.db").read_bytes()
