"""Plain text only: who wants it, and the queue of a mailing in two parts."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    """Apply."""
    for table in ("subscribers", "deliveries"):
        column = sa.Column("plain_text", sa.Boolean, nullable=False, server_default=sa.false())
        op.add_column(table, column)
    op.drop_index("deliveries_by_state", "deliveries")
    op.create_index(
        "deliveries_by_state", "deliveries", ["mailing_id", "state", "plain_text", "id"]
    )
