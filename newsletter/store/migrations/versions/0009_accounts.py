"""Accounts: through which one a request left, for no other knows anything of it."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    """Apply."""
    for table in ("batches", "notices"):
        op.add_column(table, sa.Column("account", sa.Text))
