"""The tables of what providers tell."""

from __future__ import annotations

import sqlalchemy as sa

from newsletter.model import Cause, EventKind
from newsletter.store.schema.columns import RowId, UtcDateTime, metadata, one_of

# Genuine webhooks as they came. Until one is applied its body is kept, and found again by keyed
# hashes of the addresses in it; then both go, and its name stays for a while: none counts twice.
webhooks = sa.Table(
    "webhooks",
    metadata,
    sa.Column("id", RowId, primary_key=True),
    sa.Column("provider", sa.Text, nullable=False),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("at", UtcDateTime, nullable=False),
    sa.Column("body", sa.Text),
    sa.Column("address_hash", sa.Text),
    sa.Column("unreadable", sa.Boolean, nullable=False, server_default=sa.false()),
    sa.UniqueConstraint("provider", "name", name="one_webhook_per_name"),
    sqlite_autoincrement=True,
)
_waiting = webhooks.c.body.is_not(None)
sa.Index(
    "waiting_webhooks",
    webhooks.c.id,
    sqlite_where=_waiting,
    postgresql_where=_waiting,
)

# What happened to a reader's letters, each kind once for a letter, at its first moment. One without
# a delivery is what a provider's own list says of him.
events = sa.Table(
    "events",
    metadata,
    sa.Column("id", RowId, primary_key=True),
    sa.Column(
        "subscriber_id",
        sa.ForeignKey("subscribers.id", ondelete="CASCADE"),
        nullable=False,
        index=True,
    ),
    sa.Column("delivery_id", sa.ForeignKey("deliveries.id", ondelete="CASCADE")),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("at", UtcDateTime, nullable=False),
    sa.Column("detail", sa.Text, nullable=False),
    sa.Column("cause", sa.Text),
    one_of("kind", EventKind),
    one_of("cause", Cause),
    sa.UniqueConstraint("delivery_id", "kind", name="one_event_per_kind"),
    sa.Index("events_by_time", "at"),
)
_the_authors = events.c.cause.is_not(None)
sa.Index("events_by_cause", events.c.at, sqlite_where=_the_authors, postgresql_where=_the_authors)
_listed = events.c.delivery_id.is_(None)
sa.Index(
    "one_listing_per_moment",
    events.c.subscriber_id,
    events.c.kind,
    events.c.at,
    unique=True,
    sqlite_where=_listed,
    postgresql_where=_listed,
)
