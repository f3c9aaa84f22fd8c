"""Who this database is, and whether it is still the one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlalchemy as sa

from newsletter.errors import NewsletterError
from newsletter.store.schema import ledger

if TYPE_CHECKING:
    from sqlalchemy import Connection


def ledger_id(connection: Connection) -> str:
    """Return the id that the setting `ledger` names; a moved database takes it along."""
    found: str = connection.execute(sa.select(ledger.c.id)).scalar_one()
    return found


def is_closed(connection: Connection) -> bool:
    """Tell whether the database was moved to another place, or is being moved."""
    return connection.scalar(sa.select(ledger.c.closed_at)) is not None


def closed(name: str) -> NewsletterError:
    """Return the error of a write to a database that was moved."""
    return NewsletterError(
        "this database is closed: it was moved to another one",
        where=name,
        hint="Point NEWSLETTER_DATABASE_URL at the new one",
    )
