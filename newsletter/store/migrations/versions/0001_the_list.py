"""The list: who this database is, subscribers, consents, suppressions."""

import sqlalchemy as sa
from alembic import op

from newsletter.store.schema import UtcDateTime

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Apply."""
    op.create_table(
        "ledger",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("suppression_key", sa.LargeBinary, nullable=False),
        sa.Column("created_at", UtcDateTime, nullable=False),
    )
    op.create_table(
        "subscribers",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("public_id", sa.Text, nullable=False, unique=True),
        sa.Column("email", sa.Text, nullable=False),
        sa.Column("email_key", sa.Text, nullable=False, unique=True),
        sa.Column("first_name", sa.Text),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("source", sa.Text, nullable=False),
        sa.Column("created_at", UtcDateTime, nullable=False),
        sa.Column("confirmed_at", UtcDateTime),
        sa.Column("left_at", UtcDateTime),
        sa.Column("paused_until", UtcDateTime),
        sa.CheckConstraint(
            "status IN ('pending', 'active', 'unsubscribed', 'bounced', 'complained')",
            name="known_status",
        ),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "wordings",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("text", sa.Text, nullable=False),
        sa.Column("hash", sa.Text, nullable=False, unique=True),
    )
    op.create_table(
        "consents",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column(
            "subscriber_id",
            sa.Integer,
            sa.ForeignKey("subscribers.id", ondelete="CASCADE"),
            nullable=False,
            index=True,
        ),
        sa.Column("wording_id", sa.Integer, sa.ForeignKey("wordings.id"), nullable=False),
        sa.Column("at", UtcDateTime, nullable=False),
        sa.Column("source", sa.Text, nullable=False),
        sa.Column("ip", sa.Text),
    )
    op.create_table(
        "suppressions",
        sa.Column("address_hash", sa.Text, primary_key=True),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("at", UtcDateTime, nullable=False),
    )
    op.execute(
        "CREATE TRIGGER consents_never_change BEFORE UPDATE ON consents "
        "BEGIN SELECT RAISE(ABORT, 'consents are append-only'); END"
    )
    # A cascade deletes the subscriber before his consents, so only that gets past this one.
    op.execute(
        "CREATE TRIGGER consents_stay_with_the_person BEFORE DELETE ON consents "
        "WHEN EXISTS (SELECT 1 FROM subscribers WHERE id = OLD.subscriber_id) "
        "BEGIN SELECT RAISE(ABORT, 'consents are append-only'); END"
    )
