"""The tables of people: who they are, what they agreed to and what they ask for."""

from __future__ import annotations

import sqlalchemy as sa

from newsletter.model import ImportChange, Status
from newsletter.store.schema.columns import RowId, UtcDateTime, metadata, one_of

subscribers = sa.Table(
    "subscribers",
    metadata,
    sa.Column("id", RowId, primary_key=True),
    sa.Column("public_id", sa.Text, nullable=False, unique=True),
    sa.Column("email", sa.Text, nullable=False),
    # The address as it is compared: see subscriptions.addresses.
    sa.Column("email_key", sa.Text, nullable=False, unique=True),
    sa.Column("first_name", sa.Text),
    sa.Column("status", sa.Text, nullable=False),
    sa.Column("source", sa.Text, nullable=False),
    sa.Column("created_at", UtcDateTime, nullable=False),
    sa.Column("confirmed_at", UtcDateTime),
    sa.Column("left_at", UtcDateTime),
    sa.Column("paused_until", UtcDateTime),
    # He gets letters without their HTML part.
    sa.Column("plain_text", sa.Boolean, nullable=False, server_default=sa.false()),
    # Why the provider would swallow his letters all the same, if it would.
    sa.Column("obstacle", sa.Text),
    one_of("status", Status),
    sqlite_autoincrement=True,
)

# The wording of a consent, once for all who agreed to it.
wordings = sa.Table(
    "wordings",
    metadata,
    sa.Column("id", RowId, primary_key=True),
    sa.Column("text", sa.Text, nullable=False),
    sa.Column("hash", sa.Text, nullable=False, unique=True),
)

# Append-only, which triggers enforce; gone only with the person. What tells of a machine (the
# columns of IP addresses and programs) may be cleared, and nothing else may change.
consents = sa.Table(
    "consents",
    metadata,
    sa.Column("id", RowId, primary_key=True),
    sa.Column(
        "subscriber_id",
        sa.ForeignKey("subscribers.id", ondelete="CASCADE"),
        nullable=False,
        index=True,
    ),
    sa.Column("wording_id", sa.ForeignKey("wordings.id"), nullable=False),
    sa.Column("at", UtcDateTime, nullable=False),
    sa.Column("source", sa.Text, nullable=False),
    sa.Column("ip", sa.Text),
    # Of who signed up by himself: `at` is when he confirmed, these are when and where he asked.
    sa.Column("user_agent", sa.Text),
    sa.Column("form", sa.Text),
    sa.Column("requested_at", UtcDateTime),
    sa.Column("requested_ip", sa.Text),
    sa.Column("requested_user_agent", sa.Text),
    # What he was before, and when he had left: the proof that who came back did so himself.
    sa.Column("came_from", sa.Text),
    sa.Column("left_at", UtcDateTime),
)

# What visitors asked for on a form, until they confirm it; nobody is bound by it.
signups = sa.Table(
    "signups",
    metadata,
    sa.Column("id", RowId, primary_key=True),
    # What the link that confirms it names.
    sa.Column("public_id", sa.Text, nullable=False, unique=True),
    sa.Column(
        "subscriber_id",
        sa.ForeignKey("subscribers.id", ondelete="CASCADE"),
        nullable=False,
        index=True,
    ),
    sa.Column("wording_id", sa.ForeignKey("wordings.id"), nullable=False),
    sa.Column("first_name", sa.Text),
    sa.Column("form", sa.Text, nullable=False),
    sa.Column("requested_at", UtcDateTime, nullable=False),
    sa.Column("ip", sa.Text),
    sa.Column("user_agent", sa.Text),
    sa.Column("confirmed_at", UtcDateTime),
    sqlite_autoincrement=True,
)

# Addresses that readers want to change to, until they confirm them from there and some days longer:
# who had the old one is told.
changes = sa.Table(
    "changes",
    metadata,
    sa.Column("id", RowId, primary_key=True),
    # What the link that confirms it names.
    sa.Column("public_id", sa.Text, nullable=False, unique=True),
    sa.Column(
        "subscriber_id",
        sa.ForeignKey("subscribers.id", ondelete="CASCADE"),
        nullable=False,
        index=True,
    ),
    sa.Column("old_email", sa.Text, nullable=False),
    sa.Column("new_email", sa.Text, nullable=False),
    sa.Column("new_email_key", sa.Text, nullable=False),
    sa.Column("requested_at", UtcDateTime, nullable=False),
    sa.Column("confirmed_at", UtcDateTime),
    sqlite_autoincrement=True,
)

# How often something happened within a clock hour: what limits the form, for all processes. Also
# what is written where nothing else is, so that a commit takes as long: see `request_link`.
tallies = sa.Table(
    "tallies",
    metadata,
    sa.Column("what", sa.Text, primary_key=True),
    sa.Column("hour", UtcDateTime, primary_key=True),
    sa.Column("count", sa.Integer, nullable=False),
)

# Imports, so that they can be undone: when each began, and which event was the newest then.
imports = sa.Table(
    "imports",
    metadata,
    sa.Column("id", RowId, primary_key=True),
    sa.Column("public_id", sa.Text, nullable=False, unique=True),
    sa.Column("started_at", UtcDateTime, nullable=False),
    sa.Column("newest_event", RowId, nullable=False),
    sqlite_autoincrement=True,
)

# What an import made of a subscriber who was not on the list before, or whom an import had changed.
imported = sa.Table(
    "imported",
    metadata,
    sa.Column(
        "subscriber_id", sa.ForeignKey("subscribers.id", ondelete="CASCADE"), primary_key=True
    ),
    sa.Column("import_id", sa.ForeignKey("imports.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("change", sa.Text, nullable=False),
    # The status before, of one who was on the list.
    sa.Column("was", sa.Text),
    # The subscriber, the author or a provider has changed something of this subscriber since.
    sa.Column("touched", sa.Boolean, nullable=False, server_default=sa.false()),
    one_of("change", ImportChange),
    # One tree to write to for each row of a file, not three.
    sqlite_with_rowid=False,
)

# Addresses of which nothing but a keyed hash may be kept, and that may not be mailed.
suppressions = sa.Table(
    "suppressions",
    metadata,
    sa.Column("address_hash", sa.Text, primary_key=True),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("at", UtcDateTime, nullable=False),
)
