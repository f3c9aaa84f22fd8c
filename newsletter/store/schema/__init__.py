"""The tables. `migrations/` makes them; a test holds the two against each other."""

from __future__ import annotations

from newsletter.store.schema.books import bookmarks, copies, ledger, signing_keys
from newsletter.store.schema.columns import RowId, UtcDateTime, metadata
from newsletter.store.schema.heard import events, webhooks
from newsletter.store.schema.letters import (
    acceptances,
    batches,
    decisions,
    deliveries,
    mailings,
    notices,
    proofs,
)
from newsletter.store.schema.people import (
    changes,
    consents,
    imported,
    imports,
    signups,
    subscribers,
    suppressions,
    tallies,
    wordings,
)

__all__ = [
    "RowId",
    "UtcDateTime",
    "acceptances",
    "batches",
    "bookmarks",
    "changes",
    "consents",
    "copies",
    "decisions",
    "deliveries",
    "events",
    "imported",
    "imports",
    "ledger",
    "mailings",
    "metadata",
    "notices",
    "proofs",
    "signing_keys",
    "signups",
    "subscribers",
    "suppressions",
    "tallies",
    "webhooks",
    "wordings",
]
