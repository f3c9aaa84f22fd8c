"""Addresses that were good some days ago, in a file beside the database."""

from __future__ import annotations

import json
import logging
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

from newsletter.atomic_write import write_whole
from newsletter.config import make_private
from newsletter.errors import NewsletterError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

KEPT: Final = timedelta(days=3)
"""How long a good answer counts."""
_FILE: Final = "links.json"

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class LinkCache:
    """When each address was last good, for what it is used; nothing is kept of other answers.

    Attributes:
        folder: Where its file is.
        good: The moment of the last good answer, by address and use.
        now: The moment at which it was loaded.
    """

    folder: Path
    good: Mapping[tuple[str, str], datetime]
    now: datetime

    def is_good(self, url: str, kind: str) -> bool:
        """Tell whether an address was good a short time ago."""
        return (url, kind) in self.good

    def keep(self, targets: Iterable[tuple[str, str]]) -> None:
        """Note that addresses are good; if that cannot be written, they are asked again."""
        known = {
            **self.good,
            **dict.fromkeys(((url, str(kind)) for url, kind in targets), self.now),
        }
        entries = [[url, kind, moment.isoformat()] for (url, kind), moment in sorted(known.items())]
        try:
            write_whole(make_private(self.folder) / _FILE, json.dumps(entries, indent=0).encode())
        except (OSError, NewsletterError):
            _log.debug("The file %s cannot be written.", _FILE)


def load_cache(folder: Path) -> LinkCache:
    """Return what was good in the last days; a file that cannot be read counts as none."""
    now = datetime.now(UTC)
    good = {}
    try:
        for url, kind, when in json.loads((folder / _FILE).read_bytes()):
            moment = datetime.fromisoformat(when)
            if timedelta(0) <= now - moment < KEPT:
                good[str(url), str(kind)] = moment
    except (OSError, ValueError, TypeError, RecursionError):
        good = {}
    return LinkCache(folder, good, now)
