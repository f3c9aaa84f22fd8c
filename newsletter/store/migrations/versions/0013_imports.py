"""Imports: what each changed, so that it can be undone."""

import sqlalchemy as sa
from alembic import op

from newsletter.store.schema import RowId, UtcDateTime

revision = "0013"
down_revision = "0012"


def upgrade() -> None:
    """Apply."""
    op.create_table(
        "imports",
        sa.Column("id", RowId, primary_key=True),
        sa.Column("public_id", sa.Text, nullable=False, unique=True),
        sa.Column("started_at", UtcDateTime, nullable=False),
        sa.Column("newest_event", RowId, nullable=False),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "imported",
        sa.Column(
            "subscriber_id",
            RowId,
            sa.ForeignKey("subscribers.id", ondelete="CASCADE"),
            primary_key=True,
        ),
        sa.Column(
            "import_id",
            RowId,
            sa.ForeignKey("imports.id", ondelete="CASCADE"),
            primary_key=True,
        ),
        sa.Column("change", sa.Text, nullable=False),
        sa.Column("was", sa.Text),
        sa.Column("touched", sa.Boolean, nullable=False, server_default=sa.false()),
        sa.CheckConstraint(
            "change IN ('added', 'confirmed', 'left', 'named', 'named as left')",
            name="known_change",
        ),
        sqlite_with_rowid=False,
    )
