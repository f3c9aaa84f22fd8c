"""Doubts: what was searched for, what was sent again, and what was accepted more than once."""

import sqlalchemy as sa
from alembic import op

from newsletter.store.schema import RowId, UtcDateTime

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Apply."""
    op.add_column("batches", sa.Column("missed_at", UtcDateTime))
    op.add_column(
        "deliveries",
        sa.Column("sent_again", sa.Boolean, nullable=False, server_default=sa.false()),
    )
    op.create_table(
        "acceptances",
        sa.Column("id", RowId, primary_key=True),
        sa.Column(
            "delivery_id",
            RowId,
            sa.ForeignKey("deliveries.id", ondelete="CASCADE"),
            nullable=False,
            index=True,
        ),
        sa.Column("provider_id", sa.Text, nullable=False),
        sa.Column("at", UtcDateTime, nullable=False),
        sa.UniqueConstraint("delivery_id", "provider_id", name="one_acceptance_per_name"),
    )
