"""The file with the secrets of the jobs and of the web app: never committed, filled in by hand."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Final

from newsletter.atomic_write import advise, write_whole
from newsletter.config import SECRETS_FILE, make_private
from newsletter.errors import NewsletterError
from newsletter.repository.providers import facts_of

if TYPE_CHECKING:
    from pathlib import Path

    from newsletter.repository.plan import RepositoryPlan

NAME: Final = SECRETS_FILE
_KEY: Final = "NEWSLETTER_SECRET_KEY"
_HEAD: Final = """\
# The secrets of the jobs and of the web app. This file is never committed.
# Keep a copy of it where you keep passwords: the links in every letter depend on the key.
# No quotation marks. Of a database's address leave out what follows ?sslmode=require.
"""


def secrets_text(plan: RepositoryPlan, key: str) -> str:
    """Return the file's text: the key, and the names to fill in."""
    lines = [f"{name}={key if name == _KEY else ''}" for name in plan.send_variables]
    more = [name for name in plan.web_variables if name not in plan.send_variables]
    if more:
        lines += ["# For the web app only, once the provider's webhook exists:"]
        lines += [f"# {name}=" for name in more]
    if plan.optional_variables:
        use = facts_of(plan.provider).reads_too_for
        lines += [f"# If you use it, without the #; it is for {use}:"]
        lines += [f"# {name}=" for name in plan.optional_variables]
    return _HEAD + "\n".join(lines) + "\n"


def write_secrets(state: Path, plan: RepositoryPlan) -> bool:
    """Write the file with a new key, for its owner alone; return False if there is one already.

    Args:
        state: The folder `.newsletter`, which keeps itself out of git.
        plan: What the file is for.

    Raises:
        NewsletterError: It cannot be written.
    """
    path = make_private(state) / NAME
    if path.exists():
        return False
    try:
        write_whole(path, secrets_text(plan, secrets.token_hex(32)).encode(), mode=0o600)
    except OSError as error:
        raise NewsletterError(
            f"{path.name} cannot be written: {error.strerror}",
            hint=advise(error),
        ) from None
    return True
