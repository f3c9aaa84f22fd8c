"""The secret keys that sign what readers click on."""

from __future__ import annotations

import contextlib
import os
import secrets
import tempfile
from typing import TYPE_CHECKING

from newsletter.config import make_private
from newsletter.errors import NewsletterError

if TYPE_CHECKING:
    from newsletter.config import Settings


def signing_keys(settings: Settings) -> tuple[str, ...]:
    """Return the keys, newest first: those of the environment, else one made on first use.

    Raises:
        NewsletterError: The key file cannot be read or made.
    """
    if settings.secret_keys:
        return settings.secret_keys
    path = settings.state / "secret-key"
    try:
        if not path.exists():
            _make(settings)
        key = path.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise NewsletterError(
            f"the secret key cannot be read: {error}", where=str(path.name)
        ) from None
    if not key:
        raise NewsletterError(
            "is empty", where=".newsletter/secret-key", hint="Put its backup back, or remove it"
        )
    return (key,)


def _make(settings: Settings) -> None:
    path = make_private(settings.state) / "secret-key"
    # Such a file is for its owner alone from the start.
    with tempfile.NamedTemporaryFile("w", dir=settings.state, encoding="ascii") as part:
        part.write(secrets.token_urlsafe(32) + "\n")
        part.flush()
        # A link, unlike a rename, fails when another process was first: its key stays.
        with contextlib.suppress(FileExistsError):
            os.link(part.name, path)
