"""The tables of what leaves: mailings, the requests they are made of, notices and proofs."""

from __future__ import annotations

import sqlalchemy as sa

from newsletter.model import DeliveryState, MailingState
from newsletter.store.schema.columns import RowId, UtcDateTime, metadata, one_of

mailings = sa.Table(
    "mailings",
    metadata,
    sa.Column("id", RowId, primary_key=True),
    sa.Column("public_id", sa.Text, nullable=False, unique=True),
    sa.Column("slug", sa.Text, nullable=False),
    # The local date and time it was meant for; `send_at` is the same with its offset (ISO 8601).
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
    # Expired, or cancelled before anything was attempted: slug, slot and content are free again.
    sa.Column("released", sa.Boolean, nullable=False),
    sa.Column("audience", sa.Integer, nullable=False),
    # How many more may be claimed before it pauses; null is everyone.
    sa.Column("room", sa.Integer),
    sa.Column("started_at", UtcDateTime, nullable=False),
    sa.Column("finished_at", UtcDateTime),
    one_of("state", MailingState),
    sqlite_autoincrement=True,
)
_real = sa.and_(mailings.c.rehearsal.is_(sa.false()), mailings.c.released.is_(sa.false()))
for _column in ("slug", "slot", "content_hash"):
    sa.Index(
        f"one_real_mailing_per_{_column}",
        mailings.c[_column],
        unique=True,
        sqlite_where=_real,
        postgresql_where=_real,
    )
sa.Index(
    "one_rehearsal_per_slug",
    mailings.c.slug,
    unique=True,
    sqlite_where=mailings.c.rehearsal.is_(sa.true()),
    postgresql_where=mailings.c.rehearsal.is_(sa.true()),
)

# One provider request: who owns it, until when, and what a replay of the same bytes needs.
batches = sa.Table(
    "batches",
    metadata,
    sa.Column("id", RowId, primary_key=True),
    sa.Column("key", sa.Text, nullable=False, unique=True),
    sa.Column(
        "mailing_id",
        sa.ForeignKey("mailings.id", ondelete="CASCADE"),
        nullable=False,
        index=True,
    ),
    sa.Column("attempt", sa.Integer, nullable=False),
    sa.Column("claimed_at", UtcDateTime, nullable=False),
    sa.Column("lease_until", UtcDateTime, nullable=False),
    # Which file its sender holds a lock on, see `sender_locks`; null where that proves nothing.
    sa.Column("owner", sa.Text),
    # How many letters it was claimed for: what limits by the second and the hour count.
    sa.Column("size", sa.Integer, nullable=False, server_default="0"),
    sa.Column("snapshot", sa.Text),
    sa.Column("payload_hash", sa.Text),
    sa.Column("settled_at", UtcDateTime),
    # When a search at the provider first came to its end without finding all of it.
    sa.Column("missed_at", UtcDateTime),
    # Fingerprint of the provider's account that may know of it; null where no account matters, and
    # from before that was noted.
    sa.Column("account", sa.Text),
    sa.Index("batches_by_time", "claimed_at"),
    sqlite_autoincrement=True,
)
# Few: what is under way, and what nobody knows the end of.
sa.Index(
    "unsettled_batches",
    batches.c.mailing_id,
    sqlite_where=batches.c.settled_at.is_(None),
    postgresql_where=batches.c.settled_at.is_(None),
)

deliveries = sa.Table(
    "deliveries",
    metadata,
    sa.Column("id", RowId, primary_key=True),
    sa.Column("mailing_id", sa.ForeignKey("mailings.id", ondelete="CASCADE"), nullable=False),
    # Null once the subscriber is erased: the delivery stays, so that counts still add up.
    sa.Column("subscriber_id", sa.ForeignKey("subscribers.id", ondelete="SET NULL")),
    sa.Column("ref", sa.Text, nullable=False, unique=True),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("reason", sa.Text),
    sa.Column("batch_id", sa.ForeignKey("batches.id"), index=True),
    sa.Column("provider_id", sa.Text),
    sa.Column("accepted_at", UtcDateTime),
    sa.Column("assumed", sa.Boolean, nullable=False),
    # Two searches did not find it, so it became pending once more; that happens once.
    sa.Column("sent_again", sa.Boolean, nullable=False, server_default=sa.false()),
    # What it came to by the events so far; see lifecycle.STANDINGS.
    sa.Column("standing", sa.Text),
    # As its reader had it when the mailing was frozen, or chose since: a request is of one kind.
    sa.Column("plain_text", sa.Boolean, nullable=False, server_default=sa.false()),
    one_of("state", DeliveryState),
    sa.UniqueConstraint("subscriber_id", "mailing_id", name="one_delivery_per_reader"),
    sa.Index("deliveries_by_state", "mailing_id", "state", "plain_text", "id"),
)

_told = deliveries.c.standing.is_not(None)
sa.Index(
    "deliveries_by_standing",
    deliveries.c.mailing_id,
    deliveries.c.standing,
    sqlite_where=_told,
    postgresql_where=_told,
)

# What was accepted under another name than the delivery has: a letter that may have left twice.
acceptances = sa.Table(
    "acceptances",
    metadata,
    sa.Column("id", RowId, primary_key=True),
    sa.Column(
        "delivery_id",
        sa.ForeignKey("deliveries.id", ondelete="CASCADE"),
        nullable=False,
        index=True,
    ),
    sa.Column("provider_id", sa.Text, nullable=False),
    sa.Column("at", UtcDateTime, nullable=False),
    sa.UniqueConstraint("delivery_id", "provider_id", name="one_acceptance_per_name"),
)

# What a person decided about a mailing, append-only.
decisions = sa.Table(
    "decisions",
    metadata,
    sa.Column("id", RowId, primary_key=True),
    sa.Column(
        "mailing_id",
        sa.ForeignKey("mailings.id", ondelete="CASCADE"),
        nullable=False,
        index=True,
    ),
    sa.Column("at", UtcDateTime, nullable=False),
    sa.Column("who", sa.Text, nullable=False),
    sa.Column("what", sa.Text, nullable=False),
    sa.Column("deliveries", sa.Integer, nullable=False),
)

# Letters that their author had sent to himself: what he has seen is what will go out.
proofs = sa.Table(
    "proofs",
    metadata,
    sa.Column("id", RowId, primary_key=True),
    sa.Column("slug", sa.Text, nullable=False),
    sa.Column("letter_hash", sa.Text, nullable=False, index=True),
    sa.Column("ref", sa.Text, nullable=False, unique=True),
    sa.Column("provider", sa.Text, nullable=False),
    sa.Column("provider_id", sa.Text),
    sa.Column("at", UtcDateTime, nullable=False),
)

# Letters to one person that are no mailing, each a request of its own. They hold no address: who
# is meant is looked up when one leaves, and `address_hash` only counts what was sent to whom.
notices = sa.Table(
    "notices",
    metadata,
    sa.Column("id", RowId, primary_key=True),
    sa.Column("ref", sa.Text, nullable=False, unique=True),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("subscriber_id", sa.ForeignKey("subscribers.id", ondelete="SET NULL"), index=True),
    sa.Column("signup_id", sa.ForeignKey("signups.id", ondelete="SET NULL"), index=True),
    sa.Column("change_id", sa.ForeignKey("changes.id", ondelete="SET NULL"), index=True),
    sa.Column("address_hash", sa.Text, nullable=False),
    # Of the mailbox that the address is one of; null where that was not counted yet.
    sa.Column("mailbox_hash", sa.Text),
    # Through whom it leaves, settled when it is queued: a rehearsal never takes a real one.
    sa.Column("provider", sa.Text, nullable=False),
    sa.Column("provider_url", sa.Text, nullable=False),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("reason", sa.Text),
    sa.Column("queued_at", UtcDateTime, nullable=False),
    # It leaves, or is asked about again, from `due_at` on, and never after `expires_at`.
    sa.Column("due_at", UtcDateTime, nullable=False),
    sa.Column("expires_at", UtcDateTime, nullable=False),
    # Of the request under way, as in a batch.
    sa.Column("attempt", sa.Integer, nullable=False),
    sa.Column("key", sa.Text),
    sa.Column("key_id", sa.Text),
    sa.Column("claimed_at", UtcDateTime),
    sa.Column("lease_until", UtcDateTime),
    sa.Column("owner", sa.Text),
    sa.Column("payload_hash", sa.Text),
    sa.Column("provider_id", sa.Text),
    sa.Column("accepted_at", UtcDateTime),
    sa.Column("account", sa.Text),
    one_of("state", DeliveryState),
    sa.Index("notices_by_address", "address_hash", "queued_at"),
    sa.Index("notices_by_mailbox", "mailbox_hash", "queued_at"),
    sa.Index("notices_by_time", "queued_at"),
    sa.Index("notices_by_state", "state", "due_at"),
    sqlite_autoincrement=True,
)
