"""The address of the provider that a proof went through."""

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"


def upgrade() -> None:
    """Apply."""
    op.add_column("proofs", sa.Column("provider_url", sa.Text))
