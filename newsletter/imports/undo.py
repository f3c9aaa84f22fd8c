"""Undo an import: only its own changes, and only for people to whom nothing happened since.

A person does not change if they were mailed, acted, or were named in a provider's event or in a
later import, nor if they bounced, complained or were erased. It all happens in one transaction.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from newsletter.errors import NewsletterError
from newsletter.model import ImportChange, SubscriberStatus
from newsletter.providers.outbox.send import withdraw
from newsletter.store import imports

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from newsletter.config import Settings
    from newsletter.store import Store
    from newsletter.store.imports import ImportedChange

_KEPT_AS = frozenset({SubscriberStatus.BOUNCED, SubscriberStatus.COMPLAINED})


@dataclass(frozen=True, slots=True)
class UndoResult:
    """The result of undoing an import.

    Attributes:
        id: The id of the import.
        removed: People who are removed from the list again.
        restored: People who are active or pending again, as before.
        kept: People who do not change, for these reasons.
    """

    id: str
    removed: int
    restored: int
    kept: int
    reasons: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class UndoPlan:
    """What undoing an import would do at most: to whom something happened since does not change.

    Attributes:
        began: When the import began.
        removed: People whom it added.
        active: People whom it took off the list while they were active.
        pending: People whom it confirmed, or took off the list before they confirmed.
    """

    began: datetime
    removed: int = 0
    active: int = 0
    pending: int = 0


def look_up(store: Store, public_id: str) -> UndoPlan:
    """Return what undoing an import would do, for the question before it.

    Raises:
        NewsletterError: There is no such import.
    """
    with store.read() as connection:
        found = imports.find(connection, public_id.strip())
        if found:
            return UndoPlan(found.started_at, *imports.undoable(connection, found.id))
        recent = imports.recent(connection)
    known = ", ".join(f"{id_} ({at:%Y-%m-%d %H:%M} UTC)" for id_, at in recent)
    raise NewsletterError(
        f'there is no import "{public_id[:40]}"',
        hint=f"The newest are {known}" if known else "Nothing was imported yet",
    )


def undo(store: Store, settings: Settings, public_id: str) -> UndoResult:
    """Undo an import where nothing happened since; a second call does what is left to do.

    Args:
        store: The list.
        settings: They hold the folder of the outbox.
        public_id: The import's id.

    Raises:
        NewsletterError: There is no such import.
    """
    look_up(store, public_id)
    with store.write() as connection:
        found = imports.find(connection, public_id.strip(), for_update=True)
        if found is None:  # the database was moved meanwhile
            raise NewsletterError("the import no longer exists", hint="See newsletter db status")
        changed = imports.changed_by(connection, found.id)
        ids = [one.subscriber_id for one in changed]
        mailed = imports.attempted(connection, ids)
        acted = imports.acted(connection, found, ids)
        left = imports.left_by_later_imports(connection, found, ids)
        kept: Counter[str] = Counter()
        removed, restored = [], []
        for one in changed:
            reason = acted.get(one.subscriber_id, "")
            added = one.change is ImportChange.ADDED
            if reason == imports.NAMED_LATER and added and one.subscriber_id not in left:
                reason = ""  # a later file names them too, but they did nothing themselves
            if reason := _why_kept(one, reason, mailed=one.subscriber_id in mailed):
                kept[reason] += 1
            elif added:
                removed.append(one.subscriber_id)
            else:
                restored.append(one)
        refs = imports.remove(connection, removed)
        imports.restore(connection, found, restored)
        imports.forget_names(connection, found)
        withdraw(settings.state / "outbox", refs)
    return UndoResult(
        found.public_id, len(removed), len(restored), kept.total(), dict(kept.most_common())
    )


def _why_kept(found: ImportedChange, acted: str, *, mailed: bool) -> str:
    """Return why a person does not change, or nothing if their change can be undone."""
    if found.status in _KEPT_AS:
        return found.status.value
    if found.touched:
        return "changed since"
    if acted:
        return acted
    # Mail to a person whom the import took off the list is from before the import, so it does not
    # count for them.
    if mailed and found.change is not ImportChange.LEFT:
        return "mailed since"
    if found.change is ImportChange.LEFT and found.status is not SubscriberStatus.UNSUBSCRIBED:
        return "changed since"
    return ""
