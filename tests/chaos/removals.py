"""How a subscriber goes while letters are under way."""

from __future__ import annotations

from typing import TYPE_CHECKING

from newsletter.config import Settings
from newsletter.subscriptions import erasure
from newsletter.subscriptions.admin import unsubscribe

if TYPE_CHECKING:
    from pathlib import Path

    from newsletter.store import Store


def leave(store: Store, _root: Path, email: str) -> None:
    assert unsubscribe(store, email)


def erase(store: Store, root: Path, email: str) -> None:
    assert erasure.erase(store, Settings(root=root), email)


REMOVALS = {"leaver": leave, "erased": erase}
