"""Mailboxes: letters that somebody else may have asked for are limited by these, too."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    """Apply."""
    op.add_column("notices", sa.Column("mailbox_hash", sa.Text))
    op.create_index("notices_by_mailbox", "notices", ["mailbox_hash", "queued_at"])
