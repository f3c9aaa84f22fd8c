"""All tables, as they were before the first release.

Its number continues that of the migrations before it, so that a database of theirs is recognised.
"""

import sqlalchemy as sa
from alembic import op

from newsletter.store.columns import RowId, UtcDateTime, one_of, partial_index, reference, row_id

revision = "0015"
down_revision = None

metadata = sa.MetaData()

_STATUS = ("pending", "active", "unsubscribed", "bounced", "complained")
_IMPORT_CHANGE = ("added", "confirmed", "left", "named", "named as left")
_MAILING_STATE = (
    "frozen",
    "sending",
    "paused",
    "completed",
    "completed_with_unknown",
    "cancelled",
    "expired",
)
_DELIVERY_STATE = ("pending", "attempting", "accepted", "rejected", "skipped", "unknown")
_EVENT_KIND = (
    "accepted",
    "deferred",
    "delivered",
    "failed",
    "suppressed",
    "soft bounce",
    "hard bounce",
    "unsubscribe",
    "complaint",
    "note",
)
_CAUSE = ("policy", "sender", "size")

sa.Table(
    "ledger",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("suppression_key", sa.LargeBinary, nullable=False),
    sa.Column("created_at", UtcDateTime, nullable=False),
    sa.Column("closed_at", UtcDateTime),
    sa.Column("moved_at", UtcDateTime),
)
sa.Table(
    "signing_keys",
    metadata,
    sa.Column("fingerprint", sa.Text, primary_key=True),
    sa.Column("recorded_at", UtcDateTime, nullable=False),
)
sa.Table(
    "copies",
    metadata,
    sa.Column("path", sa.Text, primary_key=True),
    sa.Column("made_at", UtcDateTime, nullable=False),
)
sa.Table(
    "checkpoints",
    metadata,
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("at", UtcDateTime, nullable=False),
)
sa.Table(
    "rate_counters",
    metadata,
    sa.Column("what", sa.Text, primary_key=True),
    sa.Column("hour", UtcDateTime, primary_key=True),
    sa.Column("count", sa.Integer, nullable=False),
)

sa.Table(
    "subscribers",
    metadata,
    row_id(),
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
    sa.Column("plain_text", sa.Boolean, nullable=False, server_default=sa.false()),
    sa.Column("block_reason", sa.Text),
    one_of("status", _STATUS),
    sqlite_autoincrement=True,
)
sa.Table(
    "suppressions",
    metadata,
    sa.Column("address_hash", sa.Text, primary_key=True),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("at", UtcDateTime, nullable=False),
)
sa.Table(
    "wordings",
    metadata,
    row_id(),
    sa.Column("text", sa.Text, nullable=False),
    sa.Column("hash", sa.Text, nullable=False, unique=True),
)
sa.Table(
    "consents",
    metadata,
    row_id(),
    reference("subscriber_id", "subscribers"),
    sa.Column("wording_id", sa.ForeignKey("wordings.id"), nullable=False),
    sa.Column("at", UtcDateTime, nullable=False),
    sa.Column("source", sa.Text, nullable=False),
    sa.Column("ip", sa.Text),
    sa.Column("user_agent", sa.Text),
    sa.Column("form", sa.Text),
    sa.Column("requested_at", UtcDateTime),
    sa.Column("requested_ip", sa.Text),
    sa.Column("requested_user_agent", sa.Text),
    sa.Column("came_from", sa.Text),
    sa.Column("left_at", UtcDateTime),
)
sa.Table(
    "signups",
    metadata,
    row_id(),
    sa.Column("public_id", sa.Text, nullable=False, unique=True),
    reference("subscriber_id", "subscribers"),
    sa.Column("wording_id", sa.ForeignKey("wordings.id"), nullable=False),
    sa.Column("first_name", sa.Text),
    sa.Column("form", sa.Text, nullable=False),
    sa.Column("requested_at", UtcDateTime, nullable=False),
    sa.Column("ip", sa.Text),
    sa.Column("user_agent", sa.Text),
    sa.Column("confirmed_at", UtcDateTime),
    sqlite_autoincrement=True,
)
sa.Table(
    "address_changes",
    metadata,
    row_id(),
    sa.Column("public_id", sa.Text, nullable=False, unique=True),
    reference("subscriber_id", "subscribers"),
    sa.Column("old_email", sa.Text, nullable=False),
    sa.Column("new_email", sa.Text, nullable=False),
    sa.Column("new_email_key", sa.Text, nullable=False),
    sa.Column("requested_at", UtcDateTime, nullable=False),
    sa.Column("confirmed_at", UtcDateTime),
    sqlite_autoincrement=True,
)
sa.Table(
    "imports",
    metadata,
    row_id(),
    sa.Column("public_id", sa.Text, nullable=False, unique=True),
    sa.Column("started_at", UtcDateTime, nullable=False),
    sa.Column("newest_event", RowId, nullable=False),
    sqlite_autoincrement=True,
)
sa.Table(
    "imported",
    metadata,
    sa.Column(
        "subscriber_id", sa.ForeignKey("subscribers.id", ondelete="CASCADE"), primary_key=True
    ),
    sa.Column("import_id", sa.ForeignKey("imports.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("change", sa.Text, nullable=False),
    sa.Column("was", sa.Text),
    sa.Column("touched", sa.Boolean, nullable=False, server_default=sa.false()),
    one_of("change", _IMPORT_CHANGE),
    sqlite_with_rowid=False,
)

mailings = sa.Table(
    "mailings",
    metadata,
    row_id(),
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
    sa.Column("claims_left", sa.Integer),
    sa.Column("started_at", UtcDateTime, nullable=False),
    sa.Column("finished_at", UtcDateTime),
    one_of("state", _MAILING_STATE),
    sqlite_autoincrement=True,
)
for _column in ("slug", "slot", "content_hash"):
    partial_index(
        f"one_real_mailing_per_{_column}",
        mailings.c[_column],
        unique=True,
        where=sa.and_(mailings.c.rehearsal.is_(sa.false()), mailings.c.released.is_(sa.false())),
    )
partial_index(
    "one_rehearsal_per_slug",
    mailings.c.slug,
    unique=True,
    where=mailings.c.rehearsal.is_(sa.true()),
)
batches = sa.Table(
    "batches",
    metadata,
    row_id(),
    sa.Column("key", sa.Text, nullable=False, unique=True),
    reference("mailing_id", "mailings"),
    sa.Column("attempt", sa.Integer, nullable=False),
    sa.Column("claimed_at", UtcDateTime, nullable=False),
    sa.Column("lease_until", UtcDateTime, nullable=False),
    sa.Column("owner", sa.Text),
    sa.Column("size", sa.Integer, nullable=False, server_default="0"),
    sa.Column("snapshot", sa.Text),
    sa.Column("payload_hash", sa.Text),
    sa.Column("settled_at", UtcDateTime),
    sa.Column("missed_at", UtcDateTime),
    sa.Column("account", sa.Text),
    sa.Index("batches_by_time", "claimed_at"),
    sqlite_autoincrement=True,
)
partial_index("unsettled_batches", batches.c.mailing_id, where=batches.c.settled_at.is_(None))

deliveries = sa.Table(
    "deliveries",
    metadata,
    row_id(),
    reference("mailing_id", "mailings", index=False),
    reference("subscriber_id", "subscribers", on_delete="SET NULL", index=False),
    sa.Column("ref", sa.Text, nullable=False, unique=True),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("reason", sa.Text),
    sa.Column("batch_id", sa.ForeignKey("batches.id"), index=True),
    sa.Column("provider_id", sa.Text),
    sa.Column("accepted_at", UtcDateTime),
    sa.Column("assumed", sa.Boolean, nullable=False),
    sa.Column("sent_again", sa.Boolean, nullable=False, server_default=sa.false()),
    sa.Column("strongest_event", sa.Text),
    sa.Column("plain_text", sa.Boolean, nullable=False, server_default=sa.false()),
    one_of("state", _DELIVERY_STATE),
    sa.UniqueConstraint("subscriber_id", "mailing_id", name="one_delivery_per_subscriber"),
    sa.Index("deliveries_by_state", "mailing_id", "state", "plain_text", "id"),
)
partial_index(
    "deliveries_by_event",
    deliveries.c.mailing_id,
    deliveries.c.strongest_event,
    where=deliveries.c.strongest_event.is_not(None),
)
sa.Table(
    "acceptances",
    metadata,
    row_id(),
    reference("delivery_id", "deliveries"),
    sa.Column("provider_id", sa.Text, nullable=False),
    sa.Column("at", UtcDateTime, nullable=False),
    sa.UniqueConstraint("delivery_id", "provider_id", name="one_acceptance_per_provider_id"),
)
sa.Table(
    "decisions",
    metadata,
    row_id(),
    reference("mailing_id", "mailings"),
    sa.Column("at", UtcDateTime, nullable=False),
    sa.Column("who", sa.Text, nullable=False),
    sa.Column("what", sa.Text, nullable=False),
    sa.Column("deliveries", sa.Integer, nullable=False),
)
sa.Table(
    "proofs",
    metadata,
    row_id(),
    sa.Column("slug", sa.Text, nullable=False),
    sa.Column("letter_hash", sa.Text, nullable=False, index=True),
    sa.Column("ref", sa.Text, nullable=False, unique=True),
    sa.Column("provider", sa.Text, nullable=False),
    sa.Column("provider_id", sa.Text),
    sa.Column("at", UtcDateTime, nullable=False),
)
sa.Table(
    "notices",
    metadata,
    row_id(),
    sa.Column("ref", sa.Text, nullable=False, unique=True),
    sa.Column("kind", sa.Text, nullable=False),
    reference("subscriber_id", "subscribers", on_delete="SET NULL"),
    reference("signup_id", "signups", on_delete="SET NULL"),
    reference("change_id", "address_changes", on_delete="SET NULL"),
    sa.Column("address_hash", sa.Text, nullable=False),
    sa.Column("mailbox_hash", sa.Text),
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
    sa.Column("owner", sa.Text),
    sa.Column("payload_hash", sa.Text),
    sa.Column("provider_id", sa.Text),
    sa.Column("accepted_at", UtcDateTime),
    sa.Column("account", sa.Text),
    one_of("state", _DELIVERY_STATE),
    sa.Index("notices_by_address", "address_hash", "queued_at"),
    sa.Index("notices_by_mailbox", "mailbox_hash", "queued_at"),
    sa.Index("notices_by_time", "queued_at"),
    sa.Index("notices_by_state", "state", "due_at"),
    sqlite_autoincrement=True,
)
webhooks = sa.Table(
    "webhooks",
    metadata,
    row_id(),
    sa.Column("provider", sa.Text, nullable=False),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("at", UtcDateTime, nullable=False),
    sa.Column("body", sa.Text),
    sa.Column("address_hash", sa.Text),
    sa.Column("unreadable", sa.Boolean, nullable=False, server_default=sa.false()),
    sa.UniqueConstraint("provider", "name", name="one_webhook_per_name"),
    sqlite_autoincrement=True,
)
partial_index("waiting_webhooks", webhooks.c.id, where=webhooks.c.body.is_not(None))
events = sa.Table(
    "events",
    metadata,
    row_id(),
    reference("subscriber_id", "subscribers"),
    sa.Column("delivery_id", sa.ForeignKey("deliveries.id", ondelete="CASCADE")),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("at", UtcDateTime, nullable=False),
    sa.Column("detail", sa.Text, nullable=False),
    sa.Column("cause", sa.Text),
    one_of("kind", _EVENT_KIND),
    one_of("cause", _CAUSE),
    sa.UniqueConstraint("delivery_id", "kind", name="one_event_per_kind"),
    sa.Index("events_by_time", "at"),
)
partial_index("events_by_cause", events.c.at, where=events.c.cause.is_not(None))
partial_index(
    "one_listing_per_moment",
    *(events.c.subscriber_id, events.c.kind, events.c.at),
    unique=True,
    where=events.c.delivery_id.is_(None),
)


_OF_A_CLIENT = ("ip", "user_agent", "requested_ip", "requested_user_agent")
_KEPT = (
    *("id", "subscriber_id", "wording_id", "at", "source"),
    *("form", "requested_at", "came_from", "left_at"),
)
# Consents are append-only: only what identifies a client may be cleared. A cascade deletes the
# subscriber before their consents, so that only a deleted subscriber gets past the second trigger.
_ON_SQLITE = f"""
CREATE TRIGGER consents_never_change BEFORE UPDATE ON consents
WHEN NOT ({" AND ".join(f"NEW.{name} IS OLD.{name}" for name in _KEPT)}
  AND {" AND ".join(f"(NEW.{name} IS NULL OR NEW.{name} IS OLD.{name})" for name in _OF_A_CLIENT)})
BEGIN SELECT RAISE(ABORT, 'consents are append-only'); END
---
CREATE TRIGGER consents_stay_with_the_person BEFORE DELETE ON consents
WHEN EXISTS (SELECT 1 FROM subscribers WHERE id = OLD.subscriber_id)
BEGIN SELECT RAISE(ABORT, 'consents are append-only'); END
"""  # noqa: S608 - our own column names
_ON_POSTGRESQL = """
CREATE FUNCTION consents_are_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
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
---
CREATE TRIGGER consents_stay_with_the_person BEFORE DELETE ON consents
FOR EACH ROW EXECUTE FUNCTION consents_are_append_only()
---
CREATE TRIGGER consents_stay_together BEFORE TRUNCATE ON consents
FOR EACH STATEMENT EXECUTE FUNCTION consents_are_append_only()
"""


def upgrade() -> None:
    """Apply."""
    connection = op.get_bind()
    metadata.create_all(connection)
    triggers = _ON_SQLITE if connection.dialect.name == "sqlite" else _ON_POSTGRESQL
    for statement in triggers.split("---"):
        op.execute(statement)
