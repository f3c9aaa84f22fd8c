"""Joining: what visitors ask for, what they confirm, the letters between, and the form's limits."""

import sqlalchemy as sa
from alembic import op

from newsletter.store.schema import RowId, UtcDateTime

revision = "0006"
down_revision = "0005"

_OF_A_MACHINE = ("ip", "user_agent", "requested_ip", "requested_user_agent")
_KEPT = (
    *("id", "subscriber_id", "wording_id", "at", "source"),
    *("form", "requested_at", "came_from", "left_at"),
)
# As before, but that what tells of a machine may be cleared.
_ON_SQLITE = f"""
DROP TRIGGER consents_never_change
---
CREATE TRIGGER consents_never_change BEFORE UPDATE ON consents
WHEN NOT ({" AND ".join(f"NEW.{name} IS OLD.{name}" for name in _KEPT)}
  AND {" AND ".join(f"(NEW.{name} IS NULL OR NEW.{name} IS OLD.{name})" for name in _OF_A_MACHINE)})
BEGIN SELECT RAISE(ABORT, 'consents are append-only'); END
"""
_ON_POSTGRESQL = """
DROP TRIGGER consents_never_change ON consents
---
CREATE OR REPLACE FUNCTION consents_are_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    allowed consents%ROWTYPE;
BEGIN
    IF TG_OP = 'DELETE' THEN
        IF NOT EXISTS (SELECT 1 FROM subscribers WHERE id = OLD.subscriber_id) THEN
            RETURN OLD;
        END IF;
    ELSIF TG_OP = 'UPDATE' THEN
        allowed := OLD;
        IF NEW.ip IS NULL THEN allowed.ip := NULL; END IF;
        IF NEW.user_agent IS NULL THEN allowed.user_agent := NULL; END IF;
        IF NEW.requested_ip IS NULL THEN allowed.requested_ip := NULL; END IF;
        IF NEW.requested_user_agent IS NULL THEN allowed.requested_user_agent := NULL; END IF;
        IF NEW IS NOT DISTINCT FROM allowed THEN
            RETURN NEW;
        END IF;
    END IF;
    RAISE 'consents are append-only' USING ERRCODE = 'integrity_constraint_violation';
END $$
---
CREATE TRIGGER consents_never_change BEFORE UPDATE ON consents
FOR EACH ROW EXECUTE FUNCTION consents_are_append_only()
"""


def _consents() -> None:
    op.add_column("consents", sa.Column("user_agent", sa.Text))
    op.add_column("consents", sa.Column("form", sa.Text))
    op.add_column("consents", sa.Column("requested_at", UtcDateTime))
    op.add_column("consents", sa.Column("requested_ip", sa.Text))
    op.add_column("consents", sa.Column("requested_user_agent", sa.Text))
    op.add_column("consents", sa.Column("came_from", sa.Text))
    op.add_column("consents", sa.Column("left_at", UtcDateTime))
    triggers = _ON_SQLITE if op.get_bind().dialect.name == "sqlite" else _ON_POSTGRESQL
    for statement in triggers.split("---"):
        op.execute(statement)


def _signups() -> None:
    op.create_table(
        "signups",
        sa.Column("id", RowId, primary_key=True),
        sa.Column("public_id", sa.Text, nullable=False, unique=True),
        sa.Column(
            "subscriber_id",
            RowId,
            sa.ForeignKey("subscribers.id", ondelete="CASCADE"),
            nullable=False,
            index=True,
        ),
        sa.Column("wording_id", RowId, sa.ForeignKey("wordings.id"), nullable=False),
        sa.Column("first_name", sa.Text),
        sa.Column("form", sa.Text, nullable=False),
        sa.Column("requested_at", UtcDateTime, nullable=False),
        sa.Column("ip", sa.Text),
        sa.Column("user_agent", sa.Text),
        sa.Column("confirmed_at", UtcDateTime),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "tallies",
        sa.Column("what", sa.Text, primary_key=True),
        sa.Column("hour", UtcDateTime, primary_key=True),
        sa.Column("count", sa.Integer, nullable=False),
    )


def _notices() -> None:
    op.create_table(
        "notices",
        sa.Column("id", RowId, primary_key=True),
        sa.Column("ref", sa.Text, nullable=False, unique=True),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column(
            "subscriber_id",
            RowId,
            sa.ForeignKey("subscribers.id", ondelete="SET NULL"),
            index=True,
        ),
        sa.Column("signup_id", RowId, sa.ForeignKey("signups.id", ondelete="SET NULL"), index=True),
        sa.Column("address_hash", sa.Text, nullable=False),
        sa.Column("provider", sa.Text, nullable=False),
        sa.Column("provider_url", sa.Text, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("reason", sa.Text),
        sa.Column("queued_at", UtcDateTime, nullable=False),
        sa.Column("due_at", UtcDateTime, nullable=False),
        sa.Column("expires_at", UtcDateTime, nullable=False),
        sa.Column("attempt", sa.Integer, nullable=False),
        sa.Column("key", sa.Text),
        sa.Column("key_id", sa.Text),
        sa.Column("claimed_at", UtcDateTime),
        sa.Column("lease_until", UtcDateTime),
        sa.Column("payload_hash", sa.Text),
        sa.Column("provider_id", sa.Text),
        sa.Column("accepted_at", UtcDateTime),
        sa.CheckConstraint(
            "state IN ('pending', 'attempting', 'accepted', 'rejected', 'skipped', 'unknown')",
            name="known_state",
        ),
        sqlite_autoincrement=True,
    )
    op.create_index("notices_by_address", "notices", ["address_hash", "queued_at"])
    op.create_index("notices_by_time", "notices", ["queued_at"])
    op.create_index("notices_by_state", "notices", ["state", "due_at"])


def upgrade() -> None:
    """Apply."""
    _consents()
    _signups()
    _notices()
