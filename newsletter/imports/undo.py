"""Undoing an import: only what it did itself, and only where nothing happened since.

Whoever was mailed, acted, or was told of by a provider or by a later import stays as they are; so
does everybody who bounced, complained or was erased. Either all of it happens or nothing does.
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

    from newsletter.config import Settings
    from newsletter.store import Store
    from newsletter.store.imports import Imported

_KEPT_AS = frozenset({SubscriberStatus.BOUNCED, SubscriberStatus.COMPLAINED})


@dataclass(frozen=True, slots=True)
class Undone:
    """What undoing an import did.

    Attributes:
        id: Of the import.
        removed: Taken off the list again.
        restored: Are again what they were: active, or waiting to confirm.
        kept: Stay as they are, for these reasons.
    """

    id: str
    removed: int
    restored: int
    kept: int
    reasons: Mapping[str, int]


def look_up(store: Store, public_id: str) -> str:
    """Return when an import began, for a question; it must be there.

    Raises:
        NewsletterError: There is no such import.
    """
    with store.read() as connection:
        found = imports.find(connection, public_id.strip())
        if found is None:
            recent = imports.recent(connection)
    if found:
        return f"{found.started_at:%Y-%m-%d %H:%M} UTC"
    known = ", ".join(f"{id_} ({at:%Y-%m-%d %H:%M} UTC)" for id_, at in recent)
    raise NewsletterError(
        f'there is no import "{public_id[:40]}"',
        hint=f"The newest are {known}" if known else "Nothing was imported yet",
    )


def undo(store: Store, settings: Settings, public_id: str) -> Undone:
    """Undo an import as far as nothing happened since; repeated, it does what is left to do.

    Args:
        store: The list.
        settings: Tell where the outbox is.
        public_id: The import's id.

    Raises:
        NewsletterError: There is no such import.
    """
    look_up(store, public_id)
    with store.write() as connection:
        found = imports.find(connection, public_id.strip(), for_update=True)
        if found is None:  # the database was moved meanwhile
            raise NewsletterError("the import is gone", hint="See newsletter db status")
        changed = imports.changed_by(connection, found.id)
        ids = [person.id for person in changed]
        mailed = imports.attempted(connection, ids)
        acted = imports.acted(connection, found, ids)
        left = imports.left_by_later_imports(connection, found, ids)
        kept: Counter[str] = Counter()
        removed, restored = [], []
        for person in changed:
            reason = acted.get(person.id, "")
            added = person.change is ImportChange.ADDED
            if reason == imports.NAMED_LATER and added and person.id not in left:
                reason = ""  # that a later file has them too is no act of theirs
            if reason := _why_kept(person, reason, mailed=person.id in mailed):
                kept[reason] += 1
            elif added:
                removed.append(person.id)
            else:
                restored.append(person)
        refs = imports.remove(connection, removed)
        imports.restore(connection, found, restored)
        imports.forget_names(connection, found)
        withdraw(settings.state / "outbox", refs)
    return Undone(
        found.public_id, len(removed), len(restored), kept.total(), dict(kept.most_common())
    )


def _why_kept(person: Imported, acted: str, *, mailed: bool) -> str:
    """Return why somebody stays as they are, or nothing if what the import did can be undone."""
    if person.status in _KEPT_AS:
        return person.status.value
    if person.touched:
        return "changed since"
    if acted:
        return acted
    # Whom the import took off was mailed before it; that counts for nobody else.
    if mailed and person.change is not ImportChange.LEFT:
        return "mailed since"
    if person.change is ImportChange.LEFT and person.status is not SubscriberStatus.UNSUBSCRIBED:
        return "changed since"
    return ""
