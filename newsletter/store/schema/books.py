"""The tables of the ledger itself: who it is, its keys, and how far its chores came."""

from __future__ import annotations

import sqlalchemy as sa

from newsletter.store.schema.columns import UtcDateTime, metadata

# One row: who this database is. `hash_key` never rotates, for hashes made with it are all
# that is kept of those who were erased.
ledger = sa.Table(
    "ledger",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("suppression_key", sa.LargeBinary, nullable=False),
    sa.Column("created_at", UtcDateTime, nullable=False),
    # Set when it is moved to another database: from then on nothing is written here.
    sa.Column("closed_at", UtcDateTime),
    # Set when the other one has everything: there is never a third.
    sa.Column("moved_at", UtcDateTime),
)

# Every key that has signed a letter to a reader, by its fingerprint: its links must go on working.
signing_keys = sa.Table(
    "signing_keys",
    metadata,
    sa.Column("fingerprint", sa.Text, primary_key=True),
    sa.Column("recorded_at", UtcDateTime, nullable=False),
)

# The copies that migrations made of a SQLite file, by where they were put: who is erased goes from
# them, too.
copies = sa.Table(
    "copies",
    metadata,
    sa.Column("path", sa.Text, primary_key=True),
    sa.Column("made_at", UtcDateTime, nullable=False),
)

# How far something came that is done now and then: reading a provider's list, tidying.
bookmarks = sa.Table(
    "bookmarks",
    metadata,
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("at", UtcDateTime, nullable=False),
)
