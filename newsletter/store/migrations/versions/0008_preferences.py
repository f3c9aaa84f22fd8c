"""Preferences: addresses that readers want to change to, until they confirm them."""

import sqlalchemy as sa
from alembic import op

from newsletter.store.schema import RowId, UtcDateTime

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    """Apply."""
    op.create_table(
        "changes",
        sa.Column("id", RowId, primary_key=True),
        sa.Column("public_id", sa.Text, nullable=False, unique=True),
        sa.Column(
            "subscriber_id",
            RowId,
            sa.ForeignKey("subscribers.id", ondelete="CASCADE"),
            nullable=False,
            index=True,
        ),
        sa.Column("old_email", sa.Text, nullable=False),
        sa.Column("new_email", sa.Text, nullable=False),
        sa.Column("new_email_key", sa.Text, nullable=False),
        sa.Column("requested_at", UtcDateTime, nullable=False),
        sa.Column("confirmed_at", UtcDateTime),
        sqlite_autoincrement=True,
    )
    # A column with a foreign key can be added in SQLite as long as it is empty.
    name = "change_id"
    if op.get_bind().dialect.name == "sqlite":
        op.execute(
            f"ALTER TABLE notices ADD COLUMN {name} INTEGER REFERENCES changes (id)"
            " ON DELETE SET NULL"
        )
    else:
        op.add_column(
            "notices",
            sa.Column(name, RowId, sa.ForeignKey("changes.id", ondelete="SET NULL")),
        )
    op.create_index("ix_notices_change_id", "notices", [name])
