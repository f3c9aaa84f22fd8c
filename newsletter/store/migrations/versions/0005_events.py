"""Events: webhooks as they came, what they tell, and evidence that is kept for a while only."""

import sqlalchemy as sa
from alembic import op

from newsletter.store.schema import RowId, UtcDateTime

revision = "0005"
down_revision = "0004"

_KINDS = (
    "'accepted', 'deferred', 'delivered', 'failed', 'suppressed', 'soft bounce', 'hard bounce',"
    " 'unsubscribe', 'complaint'"
)
# An IP address is kept for a while only; nothing else of a consent changes, and that only once.
_ON_SQLITE = """
DROP TRIGGER consents_never_change
---
CREATE TRIGGER consents_never_change BEFORE UPDATE ON consents
WHEN NOT (
    OLD.ip IS NOT NULL AND NEW.ip IS NULL AND NEW.id = OLD.id
    AND NEW.subscriber_id = OLD.subscriber_id AND NEW.wording_id = OLD.wording_id
    AND NEW.at = OLD.at AND NEW.source = OLD.source
)
BEGIN SELECT RAISE(ABORT, 'consents are append-only'); END
"""
_ON_POSTGRESQL = """
DROP TRIGGER consents_never_change ON consents
---
CREATE TRIGGER consents_never_change BEFORE UPDATE ON consents
FOR EACH ROW WHEN (NOT (
    OLD.ip IS NOT NULL AND NEW.ip IS NULL AND NEW.id = OLD.id
    AND NEW.subscriber_id = OLD.subscriber_id AND NEW.wording_id = OLD.wording_id
    AND NEW.at = OLD.at AND NEW.source = OLD.source
)) EXECUTE FUNCTION consents_are_append_only()
"""


def upgrade() -> None:
    """Apply."""
    op.add_column("subscribers", sa.Column("obstacle", sa.Text))
    op.add_column("deliveries", sa.Column("standing", sa.Text))
    _index(
        "deliveries_by_standing", "deliveries", ["mailing_id", "standing"], "standing IS NOT NULL"
    )
    op.create_table(
        "webhooks",
        sa.Column("id", RowId, primary_key=True),
        sa.Column("provider", sa.Text, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("at", UtcDateTime, nullable=False),
        sa.Column("body", sa.Text),
        sa.Column("address_hash", sa.Text),
        sa.UniqueConstraint("provider", "name", name="one_webhook_per_name"),
        sqlite_autoincrement=True,
    )
    _index("waiting_webhooks", "webhooks", ["id"], "body IS NOT NULL")
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
        sa.CheckConstraint(f"kind IN ({_KINDS})", name="known_kind"),
        sa.UniqueConstraint("delivery_id", "kind", name="one_event_per_kind"),
    )
    op.create_index("events_by_time", "events", ["at"])
    _index(
        "one_listing_per_moment",
        "events",
        ["subscriber_id", "kind", "at"],
        "delivery_id IS NULL",
        unique=True,
    )
    op.create_table(
        "bookmarks",
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("at", UtcDateTime, nullable=False),
    )
    triggers = _ON_SQLITE if op.get_bind().dialect.name == "sqlite" else _ON_POSTGRESQL
    for statement in triggers.split("---"):
        op.execute(statement)


def _index(name: str, table: str, columns: list[str], where: str, *, unique: bool = False) -> None:
    condition = sa.text(where)
    op.create_index(
        name, table, columns, unique=unique, sqlite_where=condition, postgresql_where=condition
    )
