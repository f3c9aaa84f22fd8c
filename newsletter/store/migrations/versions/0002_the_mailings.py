"""The mailings: frozen letters, their deliveries, batches and decisions."""

import sqlalchemy as sa
from alembic import op

from newsletter.store.schema import RowId, UtcDateTime

revision = "0002"
down_revision = "0001"


def _mailings() -> None:
    op.create_table(
        "mailings",
        sa.Column("id", RowId, primary_key=True),
        sa.Column("public_id", sa.Text, nullable=False, unique=True),
        sa.Column("slug", sa.Text, nullable=False),
        sa.Column("slot", sa.Text, nullable=False),
        sa.Column("send_at", sa.Text, nullable=False),
        sa.Column("content_hash", sa.Text, nullable=False),
        sa.Column("letter_hash", sa.Text, nullable=False),
        sa.Column("letter", sa.LargeBinary, nullable=False),
        sa.Column("provider", sa.Text, nullable=False),
        sa.Column("provider_url", sa.Text, nullable=False),
        sa.Column("rehearsal", sa.Boolean, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("note", sa.Text, nullable=False),
        sa.Column("released", sa.Boolean, nullable=False),
        sa.Column("audience", sa.Integer, nullable=False),
        sa.Column("room", sa.Integer),
        sa.Column("started_at", UtcDateTime, nullable=False),
        sa.Column("finished_at", UtcDateTime),
        sa.CheckConstraint(
            "state IN ('frozen', 'sending', 'paused', 'completed', 'completed_with_unknown', "
            "'cancelled', 'expired')",
            name="known_state",
        ),
        sqlite_autoincrement=True,
    )
    real = sa.text("rehearsal IS false AND released IS false")
    for column in ("slug", "slot", "content_hash"):
        op.create_index(
            f"one_real_mailing_per_{column}",
            "mailings",
            [column],
            unique=True,
            sqlite_where=real,
            postgresql_where=real,
        )
    rehearsal = sa.text("rehearsal IS true")
    op.create_index(
        "one_rehearsal_per_slug",
        "mailings",
        ["slug"],
        unique=True,
        sqlite_where=rehearsal,
        postgresql_where=rehearsal,
    )


def _deliveries() -> None:
    op.create_table(
        "batches",
        sa.Column("id", RowId, primary_key=True),
        sa.Column("key", sa.Text, nullable=False, unique=True),
        sa.Column(
            "mailing_id",
            RowId,
            sa.ForeignKey("mailings.id", ondelete="CASCADE"),
            nullable=False,
            index=True,
        ),
        sa.Column("attempt", sa.Integer, nullable=False),
        sa.Column("claimed_at", UtcDateTime, nullable=False),
        sa.Column("lease_until", UtcDateTime, nullable=False),
        sa.Column("snapshot", sa.Text),
        sa.Column("payload_hash", sa.Text),
        sa.Column("settled_at", UtcDateTime),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "deliveries",
        sa.Column("id", RowId, primary_key=True),
        sa.Column(
            "mailing_id",
            RowId,
            sa.ForeignKey("mailings.id", ondelete="CASCADE"),
            nullable=False,
        ),
        sa.Column("subscriber_id", RowId, sa.ForeignKey("subscribers.id", ondelete="SET NULL")),
        sa.Column("ref", sa.Text, nullable=False, unique=True),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("reason", sa.Text),
        sa.Column("batch_id", RowId, sa.ForeignKey("batches.id"), index=True),
        sa.Column("provider_id", sa.Text),
        sa.Column("accepted_at", UtcDateTime),
        sa.Column("assumed", sa.Boolean, nullable=False),
        sa.CheckConstraint(
            "state IN ('pending', 'attempting', 'accepted', 'rejected', 'skipped', 'unknown')",
            name="known_state",
        ),
        sa.UniqueConstraint("subscriber_id", "mailing_id", name="one_delivery_per_reader"),
    )
    op.create_index("deliveries_by_state", "deliveries", ["mailing_id", "state", "id"])


def upgrade() -> None:
    """Apply."""
    _mailings()
    _deliveries()
    op.create_table(
        "decisions",
        sa.Column("id", RowId, primary_key=True),
        sa.Column(
            "mailing_id",
            RowId,
            sa.ForeignKey("mailings.id", ondelete="CASCADE"),
            nullable=False,
            index=True,
        ),
        sa.Column("at", UtcDateTime, nullable=False),
        sa.Column("who", sa.Text, nullable=False),
        sa.Column("what", sa.Text, nullable=False),
        sa.Column("deliveries", sa.Integer, nullable=False),
    )
