"""The hash that names a letter: it changes with everything that the letter is made of.

The same files give the same hash on an author's machine, in the job of a pull request and in the
job that sends: it needs no database and no secret. Line ends do not count, because git may write
others on Windows. `docs/decisions/0025-letter-hash.md` has the reasons.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, replace
from typing import TYPE_CHECKING

import newsletter

if TYPE_CHECKING:
    from collections.abc import Mapping

    from newsletter.config import Settings
    from newsletter.model import Issue, Letter


def add_hash(
    letter: Letter, issue: Issue, settings: Settings, templates: Mapping[str, str]
) -> Letter:
    """Return a letter with its hash.

    Args:
        letter: The rendered letter.
        issue: What it was rendered from.
        settings: The settings that were used.
        templates: The hash of each template that was used, by its name.
    """
    made_of = {
        "version": newsletter.__version__,
        "slug": issue.slug,
        "send_at": issue.send_at.isoformat(),
        "issue": issue.source_hash,
        "settings": settings.file_hash,
        "templates": dict(templates),
        "letter": asdict(letter),
    }
    # As JSON, no two different letters are the same bytes.
    encoded = json.dumps(made_of, sort_keys=True).encode()
    return replace(letter, hash=hashlib.sha256(encoded).hexdigest())
