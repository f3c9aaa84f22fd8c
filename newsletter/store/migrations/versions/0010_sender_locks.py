"""Sender locks: which file the sender of a request holds a lock on, for who finds its lease."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    """Apply."""
    for table in ("batches", "notices"):
        op.add_column(table, sa.Column("owner", sa.Text))
