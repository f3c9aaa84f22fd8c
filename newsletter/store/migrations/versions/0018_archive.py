"""The archive, the rhythm of subscribers, errata, answers and the sources of sign-ups."""

import sqlalchemy as sa
from alembic import op

from newsletter.store.columns import RowId, UtcDateTime, row_id

revision = "0018"
down_revision = "0017"

_HELD = "rehearsal IS FALSE AND released IS FALSE AND erratum = 0"
_HELD_SQLITE = "rehearsal IS 0 AND released IS 0 AND erratum = 0"


def upgrade() -> None:
    """Apply."""
    op.add_column(
        "mailings", sa.Column("monthly", sa.Boolean, nullable=False, server_default=sa.false())
    )
    op.add_column("mailings", sa.Column("erratum", sa.Integer, nullable=False, server_default="0"))
    op.add_column("mailings", sa.Column("erratum_of", sa.Text))
    for name, columns in (("slot", ["slot", "monthly"]), ("content_hash", ["content_hash"])):
        op.drop_index(f"one_real_mailing_per_{name}", "mailings")
        op.create_index(
            f"one_real_mailing_per_{name}",
            "mailings",
            columns,
            unique=True,
            sqlite_where=sa.text(_HELD_SQLITE),
            postgresql_where=sa.text(_HELD),
        )
    op.create_table(
        "editions",
        row_id(),
        sa.Column("slug", sa.Text, nullable=False),
        sa.Column("number", sa.Integer, nullable=False),
        sa.Column(
            "mailing_id",
            RowId,
            sa.ForeignKey("mailings.id", ondelete="SET NULL"),
            nullable=True,
            index=True,
        ),
        sa.Column("at", UtcDateTime, nullable=False),
        sa.Column("day", sa.Text, nullable=False),
        sa.Column("subject", sa.Text, nullable=False),
        sa.Column("preheader", sa.Text, nullable=False),
        sa.Column("article", sa.Text, nullable=False),
        sa.Column("themes", sa.Text, nullable=False),
        sa.Column("blocks", sa.Text, nullable=False),
        sa.Column("content_hash", sa.Text, nullable=False),
        sa.Column("change", sa.Text, nullable=False, server_default=""),
        sa.Column("imported_from", sa.Text),
        sqlite_autoincrement=True,
    )
    op.create_index(
        "one_edition_per_number",
        "editions",
        ["slug", "number"],
        unique=True,
        sqlite_where=sa.text("mailing_id IS NULL"),
        postgresql_where=sa.text("mailing_id IS NULL"),
    )
    op.create_table(
        "withdrawals",
        sa.Column("slug", sa.Text, primary_key=True),
        sa.Column("at", UtcDateTime, nullable=False),
    )
    op.create_table(
        "digest_issues",
        sa.Column("mailing_id", RowId, sa.ForeignKey("mailings.id"), primary_key=True),
        sa.Column("slug", sa.Text, primary_key=True),
    )
    op.create_table(
        "issue_notices",
        sa.Column(
            "subscriber_id",
            RowId,
            sa.ForeignKey("subscribers.id", ondelete="CASCADE"),
            primary_key=True,
        ),
        sa.Column("slug", sa.Text, primary_key=True),
        sa.Column("at", UtcDateTime, nullable=False),
        sa.Column("number", sa.Integer, nullable=False, server_default="0"),
    )
    op.create_table(
        "answers",
        sa.Column("slug", sa.Text, primary_key=True),
        sa.Column("answer", sa.Integer, primary_key=True),
        sa.Column("count", sa.Integer, nullable=False),
    )
    op.add_column("notices", sa.Column("issues", sa.Text))
    op.add_column(
        "subscribers", sa.Column("monthly", sa.Boolean, nullable=False, server_default=sa.false())
    )
    for name in ("monthly_since", "paused_at", "welcomed_at"):
        op.add_column("subscribers", sa.Column(name, UtcDateTime))
    op.add_column("signups", sa.Column("source", sa.Text))
    op.create_index("signups_by_time", "signups", ["requested_at"])
