"""The tables. `migrations/` makes them; a test holds the two against each other."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from newsletter.model import DeliveryState, EventKind, MailingState, Status

if TYPE_CHECKING:
    from collections.abc import Iterable
    from enum import StrEnum

metadata = sa.MetaData()

RowId = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
"""The number of a row; only an INTEGER numbers itself in SQLite (sqlite.org/autoinc.html)."""


class UtcDateTime(sa.TypeDecorator[datetime]):
    """A moment: aware in Python; SQLite, which has no such type, keeps it as text, in UTC."""

    impl = sa.DateTime(timezone=True)
    cache_ok = True

    def load_dialect_impl(self, dialect: sa.Dialect) -> sa.types.TypeEngine[Any]:
        """Choose the column's type."""
        kept = sa.Text() if dialect.name == "sqlite" else sa.DateTime(timezone=True)
        return dialect.type_descriptor(kept)

    def process_bind_param(self, value: datetime | None, dialect: sa.Dialect) -> Any:  # noqa: ANN401 - the signature is SQLAlchemy's
        """Turn an aware moment into UTC."""
        if value is None:
            return None
        moment = value.astimezone(UTC)
        return moment.isoformat(" ", "microseconds")[:26] if dialect.name == "sqlite" else moment

    def process_result_value(self, value: Any, dialect: sa.Dialect) -> datetime | None:  # noqa: ANN401, ARG002 - the signature is SQLAlchemy's
        """Give a stored moment its zone back."""
        if value is None:
            return None
        moment = datetime.fromisoformat(value) if isinstance(value, str) else value
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def _one_of(column: str, values: Iterable[StrEnum]) -> sa.CheckConstraint:
    listed = ", ".join(f"'{value}'" for value in values)
    return sa.CheckConstraint(f"{column} IN ({listed})", name=f"known_{column}")


# One row: who this database is. `suppression_key` never rotates, for hashes made with it are all
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
    _one_of("status", Status),
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

# How often something happened within a clock hour: what limits the form, for all processes.
tallies = sa.Table(
    "tallies",
    metadata,
    sa.Column("what", sa.Text, primary_key=True),
    sa.Column("hour", UtcDateTime, primary_key=True),
    sa.Column("count", sa.Integer, nullable=False),
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
    sa.Column("payload_hash", sa.Text),
    sa.Column("provider_id", sa.Text),
    sa.Column("accepted_at", UtcDateTime),
    _one_of("state", DeliveryState),
    sa.Index("notices_by_address", "address_hash", "queued_at"),
    sa.Index("notices_by_time", "queued_at"),
    sa.Index("notices_by_state", "state", "due_at"),
    sqlite_autoincrement=True,
)

# Addresses of which nothing but a keyed hash may be kept, and that may not be mailed.
suppressions = sa.Table(
    "suppressions",
    metadata,
    sa.Column("address_hash", sa.Text, primary_key=True),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("at", UtcDateTime, nullable=False),
)

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
    _one_of("state", MailingState),
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
    # How many letters it was claimed for: what limits by the second and the hour count.
    sa.Column("size", sa.Integer, nullable=False, server_default="0"),
    sa.Column("snapshot", sa.Text),
    sa.Column("payload_hash", sa.Text),
    sa.Column("settled_at", UtcDateTime),
    # When a search at the provider first came to its end without finding all of it.
    sa.Column("missed_at", UtcDateTime),
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
    _one_of("state", DeliveryState),
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

# Genuine webhooks as they came. Until one is applied its body is kept, and found again by a keyed
# hash of the address in it; then both go, and its name stays for a while: none counts twice.
webhooks = sa.Table(
    "webhooks",
    metadata,
    sa.Column("id", RowId, primary_key=True),
    sa.Column("provider", sa.Text, nullable=False),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("at", UtcDateTime, nullable=False),
    sa.Column("body", sa.Text),
    sa.Column("address_hash", sa.Text),
    sa.UniqueConstraint("provider", "name", name="one_webhook_per_name"),
    sqlite_autoincrement=True,
)
_waiting = webhooks.c.body.is_not(None)
sa.Index(
    "waiting_webhooks",
    webhooks.c.id,
    sqlite_where=_waiting,
    postgresql_where=_waiting,
)

# What happened to a reader's letters, each kind once for a letter, at its first moment. One without
# a delivery is what a provider's own list says of him.
events = sa.Table(
    "events",
    metadata,
    sa.Column("id", RowId, primary_key=True),
    sa.Column(
        "subscriber_id",
        sa.ForeignKey("subscribers.id", ondelete="CASCADE"),
        nullable=False,
        index=True,
    ),
    sa.Column("delivery_id", sa.ForeignKey("deliveries.id", ondelete="CASCADE")),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("at", UtcDateTime, nullable=False),
    sa.Column("detail", sa.Text, nullable=False),
    _one_of("kind", EventKind),
    sa.UniqueConstraint("delivery_id", "kind", name="one_event_per_kind"),
    sa.Index("events_by_time", "at"),
)
_listed = events.c.delivery_id.is_(None)
sa.Index(
    "one_listing_per_moment",
    events.c.subscriber_id,
    events.c.kind,
    events.c.at,
    unique=True,
    sqlite_where=_listed,
    postgresql_where=_listed,
)

# How far something came that is done now and then: reading a provider's list, tidying.
bookmarks = sa.Table(
    "bookmarks",
    metadata,
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("at", UtcDateTime, nullable=False),
)
