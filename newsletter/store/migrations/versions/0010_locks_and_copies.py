"""Which file the sender of a request holds a lock on; and which copies were made of a file."""

import sqlalchemy as sa
from alembic import op

from newsletter.store.schema import UtcDateTime

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    """Apply."""
    for table in ("batches", "notices"):
        op.add_column(table, sa.Column("owner", sa.Text))
    op.create_table(
        "copies",
        sa.Column("path", sa.Text, primary_key=True),
        sa.Column("made_at", UtcDateTime, nullable=False),
    )
