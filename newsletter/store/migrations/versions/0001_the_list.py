"""The list: who this database is, subscribers, consents, suppressions."""

import sqlalchemy as sa
from alembic import op

from newsletter.store.schema import RowId, UtcDateTime

revision = "0001"
down_revision = None

# A cascade deletes the subscriber before his consents, so only that gets past the second trigger.
_ON_SQLITE = """
CREATE TRIGGER consents_never_change BEFORE UPDATE ON consents
BEGIN SELECT RAISE(ABORT, 'consents are append-only'); END
---
CREATE TRIGGER consents_stay_with_the_person BEFORE DELETE ON consents
WHEN EXISTS (SELECT 1 FROM subscribers WHERE id = OLD.subscriber_id)
BEGIN SELECT RAISE(ABORT, 'consents are append-only'); END
"""
_ON_POSTGRESQL = """
CREATE FUNCTION consents_are_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' THEN
        IF NOT EXISTS (SELECT 1 FROM subscribers WHERE id = OLD.subscriber_id) THEN
            RETURN OLD;
        END IF;
    END IF;
    RAISE 'consents are append-only' USING ERRCODE = 'integrity_constraint_violation';
END $$
---
CREATE TRIGGER consents_never_change BEFORE UPDATE ON consents
FOR EACH ROW EXECUTE FUNCTION consents_are_append_only()
---
CREATE TRIGGER consents_stay_with_the_person BEFORE DELETE ON consents
FOR EACH ROW EXECUTE FUNCTION consents_are_append_only()
---
CREATE TRIGGER consents_stay_together BEFORE TRUNCATE ON consents
FOR EACH STATEMENT EXECUTE FUNCTION consents_are_append_only()
"""


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
        sa.Column("id", RowId, primary_key=True),
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
        sa.Column("id", RowId, primary_key=True),
        sa.Column("text", sa.Text, nullable=False),
        sa.Column("hash", sa.Text, nullable=False, unique=True),
    )
    op.create_table(
        "consents",
        sa.Column("id", RowId, primary_key=True),
        sa.Column(
            "subscriber_id",
            RowId,
            sa.ForeignKey("subscribers.id", ondelete="CASCADE"),
            nullable=False,
            index=True,
        ),
        sa.Column("wording_id", RowId, sa.ForeignKey("wordings.id"), nullable=False),
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
    triggers = _ON_SQLITE if op.get_bind().dialect.name == "sqlite" else _ON_POSTGRESQL
    for statement in triggers.split("---"):
        op.execute(statement)
