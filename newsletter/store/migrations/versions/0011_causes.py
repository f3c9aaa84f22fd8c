"""Causes: which failures say nothing of an address, and which webhooks could not be read."""

import sqlalchemy as sa
from alembic import op

from newsletter.store.schema import RowId, UtcDateTime

revision = "0011"
down_revision = "0010"

_KINDS = (
    "'accepted', 'deferred', 'delivered', 'failed', 'suppressed', 'soft bounce', 'hard bounce',"
    " 'unsubscribe', 'complaint', 'note'"
)
_CAUSES = "'policy', 'sender', 'size'"
_COLUMNS = "id, subscriber_id, delivery_id, kind, at, detail"


def upgrade() -> None:
    """Apply."""
    column = sa.Column("unreadable", sa.Boolean, nullable=False, server_default=sa.false())
    op.add_column("webhooks", column)
    if op.get_bind().dialect.name == "sqlite":
        _anew()
    else:
        op.drop_constraint("known_kind", "events")
        op.create_check_constraint("known_kind", "events", f"kind IN ({_KINDS})")
        op.add_column("events", sa.Column("cause", sa.Text))
        op.create_check_constraint("known_cause", "events", f"cause IN ({_CAUSES})")
    _index("events_by_cause", ["at"], "cause IS NOT NULL")


def _anew() -> None:
    """Make the table again: SQLite cannot change what a column may hold.

    https://www.sqlite.org/lang_altertable.html#otheralter
    """
    op.execute("ALTER TABLE events RENAME TO events_before")
    for name in ("events_by_time", "one_listing_per_moment", "ix_events_subscriber_id"):
        op.execute(f"DROP INDEX IF EXISTS {name}")
    op.create_table(
        "events",
        sa.Column("id", RowId, primary_key=True),
        sa.Column(
            "subscriber_id",
            RowId,
            sa.ForeignKey("subscribers.id", ondelete="CASCADE"),
            nullable=False,
            index=True,
        ),
        sa.Column("delivery_id", RowId, sa.ForeignKey("deliveries.id", ondelete="CASCADE")),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("at", UtcDateTime, nullable=False),
        sa.Column("detail", sa.Text, nullable=False),
        sa.Column("cause", sa.Text),
        sa.CheckConstraint(f"kind IN ({_KINDS})", name="known_kind"),
        sa.CheckConstraint(f"cause IN ({_CAUSES})", name="known_cause"),
        sa.UniqueConstraint("delivery_id", "kind", name="one_event_per_kind"),
    )
    op.execute(f"INSERT INTO events ({_COLUMNS}) SELECT {_COLUMNS} FROM events_before")  # noqa: S608
    op.execute("DROP TABLE events_before")
    op.create_index("events_by_time", "events", ["at"])
    listed = ["subscriber_id", "kind", "at"]
    _index("one_listing_per_moment", listed, "delivery_id IS NULL", unique=True)


def _index(name: str, columns: list[str], where: str, *, unique: bool = False) -> None:
    condition = sa.text(where)
    op.create_index(
        name, "events", columns, unique=unique, sqlite_where=condition, postgresql_where=condition
    )
