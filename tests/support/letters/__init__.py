"""Two newsletters whose letters hold every block: in the default look, and in another brand's.

`dutch/` has only settings and an issue. `english/` has templates, words and colours of its own.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from newsletter import config
from newsletter.desk import issue_paths, read_draft

if TYPE_CHECKING:
    from newsletter.config import Settings
    from newsletter.model import Draft

HOME = Path(__file__).parent
BRANDS = ("dutch", "english")


def open_brand(brand: str) -> tuple[Settings, Draft]:
    """Return the settings of one of them, and its issue."""
    settings = config.load(HOME / brand)
    (path,) = issue_paths(settings)
    return settings, read_draft(settings, path)
