"""Sending for real: keys that signed, proofs, a database that was moved, limits by the hour."""

import sqlalchemy as sa
from alembic import op

from newsletter.store.schema import RowId, UtcDateTime

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Apply."""
    op.add_column("ledger", sa.Column("closed_at", UtcDateTime))
    op.add_column("ledger", sa.Column("moved_at", UtcDateTime))
    op.add_column("batches", sa.Column("size", sa.Integer, nullable=False, server_default="0"))
    op.create_index("batches_by_time", "batches", ["claimed_at"])
    unsettled = sa.text("settled_at IS NULL")
    op.create_index(
        "unsettled_batches",
        "batches",
        ["mailing_id"],
        sqlite_where=unsettled,
        postgresql_where=unsettled,
    )
    op.create_table(
        "signing_keys",
        sa.Column("fingerprint", sa.Text, primary_key=True),
        sa.Column("recorded_at", UtcDateTime, nullable=False),
    )
    op.create_table(
        "proofs",
        sa.Column("id", RowId, primary_key=True),
        sa.Column("slug", sa.Text, nullable=False),
        sa.Column("letter_hash", sa.Text, nullable=False, index=True),
        sa.Column("ref", sa.Text, nullable=False, unique=True),
        sa.Column("provider", sa.Text, nullable=False),
        sa.Column("provider_id", sa.Text),
        sa.Column("at", UtcDateTime, nullable=False),
    )
