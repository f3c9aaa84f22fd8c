"""The tables, one after the other. `migrations/` makes them; a test compares the two."""

from __future__ import annotations

import sqlalchemy as sa

from newsletter.model import (
    Cause,
    DeliveryState,
    EventKind,
    ImportChange,
    MailingState,
    SubscriberStatus,
)
from newsletter.store.columns import (
    RowId,
    UtcDateTime,
    one_of,
    partial_index,
    reference,
    row_id,
)

metadata = sa.MetaData()

# --- The database itself ---

# One row: which database this is. `suppression_key` never rotates: hashes made with it are all
# that remains of people who were erased.
ledger = sa.Table(
    "ledger",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("suppression_key", sa.LargeBinary, nullable=False),
    sa.Column("created_at", UtcDateTime, nullable=False),
    # Set when a move to another database begins: from then on nothing is written here.
    sa.Column("closed_at", UtcDateTime),
    # Set when the other database has everything: there is never a third one.
    sa.Column("moved_at", UtcDateTime),
)

# Every key that signed a letter to a subscriber, by its fingerprint: its links must keep working.
signing_keys = sa.Table(
    "signing_keys",
    metadata,
    sa.Column("fingerprint", sa.Text, primary_key=True),
    sa.Column("recorded_at", UtcDateTime, nullable=False),
)

# The copies of a SQLite file that migrations made, by path: an erasure includes them.
copies = sa.Table(
    "copies",
    metadata,
    sa.Column("path", sa.Text, primary_key=True),
    sa.Column("made_at", UtcDateTime, nullable=False),
)

# How far a recurring task came: reading a provider's list, retention.
checkpoints = sa.Table(
    "checkpoints",
    metadata,
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("at", UtcDateTime, nullable=False),
)

# How often something happened within a clock hour: the limits of the form, for all processes. A
# request that changes nothing else counts here, so that its commit takes as long as another's.
rate_counters = sa.Table(
    "rate_counters",
    metadata,
    sa.Column("what", sa.Text, primary_key=True),
    sa.Column("hour", UtcDateTime, primary_key=True),
    sa.Column("count", sa.Integer, nullable=False),
)

# --- Subscribers ---

subscribers = sa.Table(
    "subscribers",
    metadata,
    row_id(),
    sa.Column("public_id", sa.Text, nullable=False, unique=True),
    sa.Column("email", sa.Text, nullable=False),
    # The address in the form in which addresses are compared: see newsletter.addresses.
    sa.Column("email_key", sa.Text, nullable=False, unique=True),
    sa.Column("first_name", sa.Text),
    sa.Column("status", sa.Text, nullable=False),
    sa.Column("source", sa.Text, nullable=False),
    sa.Column("created_at", UtcDateTime, nullable=False),
    sa.Column("confirmed_at", UtcDateTime),
    sa.Column("left_at", UtcDateTime),
    sa.Column("paused_until", UtcDateTime),
    # Letters to this subscriber have no HTML part.
    sa.Column("plain_text", sa.Boolean, nullable=False, server_default=sa.false()),
    # Gets the monthly digests in place of the weekly issues.
    sa.Column("monthly", sa.Boolean, nullable=False, server_default=sa.false()),
    # Since when: a notice says what they missed when they return. Null while it is not so.
    sa.Column("monthly_since", UtcDateTime),
    sa.Column("paused_at", UtcDateTime),
    # When a welcome letter was queued last; null if never.
    sa.Column("welcomed_at", UtcDateTime),
    # Why the provider would drop letters to this subscriber, if it would.
    sa.Column("block_reason", sa.Text),
    one_of("status", SubscriberStatus),
    sqlite_autoincrement=True,
)

# Addresses that must not be mailed, and of which nothing but a keyed hash may be kept.
suppressions = sa.Table(
    "suppressions",
    metadata,
    sa.Column("address_hash", sa.Text, primary_key=True),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("at", UtcDateTime, nullable=False),
)

# The text of a consent, once for all subscribers who agreed to it.
wordings = sa.Table(
    "wordings",
    metadata,
    row_id(),
    sa.Column("text", sa.Text, nullable=False),
    sa.Column("hash", sa.Text, nullable=False, unique=True),
)

# Append-only, which triggers enforce; deleted only with the subscriber. The columns of IP addresses
# and user agents may be cleared, and nothing else may change.
consents = sa.Table(
    "consents",
    metadata,
    row_id(),
    reference("subscriber_id", "subscribers"),
    sa.Column("wording_id", sa.ForeignKey("wordings.id"), nullable=False),
    sa.Column("at", UtcDateTime, nullable=False),
    sa.Column("source", sa.Text, nullable=False),
    sa.Column("ip", sa.Text),
    # Of a sign-up: `at` is when they confirmed, these are when and where they asked.
    sa.Column("user_agent", sa.Text),
    sa.Column("form", sa.Text),
    sa.Column("requested_at", UtcDateTime),
    sa.Column("requested_ip", sa.Text),
    sa.Column("requested_user_agent", sa.Text),
    # Their status before, and when they had left: the proof that they came back by their own act.
    sa.Column("came_from", sa.Text),
    sa.Column("left_at", UtcDateTime),
)

# What visitors asked for on the form, until they confirm it; it binds nobody.
signups = sa.Table(
    "signups",
    metadata,
    row_id(),
    # The confirmation link names it.
    sa.Column("public_id", sa.Text, nullable=False, unique=True),
    reference("subscriber_id", "subscribers"),
    sa.Column("wording_id", sa.ForeignKey("wordings.id"), nullable=False),
    sa.Column("first_name", sa.Text),
    sa.Column("form", sa.Text, nullable=False),
    sa.Column("requested_at", UtcDateTime, nullable=False),
    sa.Column("ip", sa.Text),
    sa.Column("user_agent", sa.Text),
    sa.Column("confirmed_at", UtcDateTime),
    # Where the link to the form was, by its `?van=`; null if it has none.
    sa.Column("source", sa.Text),
    sa.Index("signups_by_time", "requested_at"),
    sqlite_autoincrement=True,
)

# Addresses that subscribers want to change to, until they confirm them from there and some days
# longer: a notice informs the old address.
address_changes = sa.Table(
    "address_changes",
    metadata,
    row_id(),
    # The confirmation link names it.
    sa.Column("public_id", sa.Text, nullable=False, unique=True),
    reference("subscriber_id", "subscribers"),
    sa.Column("old_email", sa.Text, nullable=False),
    sa.Column("new_email", sa.Text, nullable=False),
    sa.Column("new_email_key", sa.Text, nullable=False),
    sa.Column("requested_at", UtcDateTime, nullable=False),
    sa.Column("confirmed_at", UtcDateTime),
    sqlite_autoincrement=True,
)

# Imports, so that they can be undone: when each began, and which event was the newest then.
imports = sa.Table(
    "imports",
    metadata,
    row_id(),
    sa.Column("public_id", sa.Text, nullable=False, unique=True),
    sa.Column("started_at", UtcDateTime, nullable=False),
    sa.Column("newest_event", RowId, nullable=False),
    sqlite_autoincrement=True,
)

# What an import did to a subscriber who was new, or whom an import had changed before.
imported = sa.Table(
    "imported",
    metadata,
    sa.Column(
        "subscriber_id", sa.ForeignKey("subscribers.id", ondelete="CASCADE"), primary_key=True
    ),
    sa.Column("import_id", sa.ForeignKey("imports.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("change", sa.Text, nullable=False),
    # The status before, of a subscriber who was on the list.
    sa.Column("was", sa.Text),
    # The subscriber, the author or a provider changed something about this subscriber since.
    sa.Column("touched", sa.Boolean, nullable=False, server_default=sa.false()),
    one_of("change", ImportChange),
    # One tree to write to for each row of a file, not three.
    sqlite_with_rowid=False,
)

# --- Mailings ---

mailings = sa.Table(
    "mailings",
    metadata,
    row_id(),
    sa.Column("public_id", sa.Text, nullable=False, unique=True),
    sa.Column("slug", sa.Text, nullable=False),
    # The local date and time of the mailing; `send_at` is the same with its offset (ISO 8601).
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
    # How many more deliveries may be claimed before the mailing pauses; null is all of them.
    sa.Column("claims_left", sa.Integer),
    sa.Column("started_at", UtcDateTime, nullable=False),
    sa.Column("finished_at", UtcDateTime),
    # It goes to those who chose the monthly digest; else to all others.
    sa.Column("monthly", sa.Boolean, nullable=False, server_default=sa.false()),
    # The number of the correction that it mails, and of which issue: its slug is then
    # ISSUE--erratum-N, and it has no slot of its own. 0 and null of an issue.
    sa.Column("erratum", sa.Integer, nullable=False, server_default="0"),
    sa.Column("erratum_of", sa.Text),
    one_of("state", MailingState),
    sqlite_autoincrement=True,
)
_HELD = sa.and_(mailings.c.rehearsal.is_(sa.false()), mailings.c.released.is_(sa.false()))
partial_index("one_real_mailing_per_slug", mailings.c.slug, unique=True, where=_HELD)
partial_index(
    "one_real_mailing_per_slot",
    *(mailings.c.slot, mailings.c.monthly),
    unique=True,
    where=sa.and_(_HELD, mailings.c.erratum == 0),
)
partial_index(
    "one_real_mailing_per_content_hash",
    mailings.c.content_hash,
    unique=True,
    where=sa.and_(_HELD, mailings.c.erratum == 0),
)
partial_index(
    "one_rehearsal_per_slug",
    mailings.c.slug,
    unique=True,
    where=mailings.c.rehearsal.is_(sa.true()),
)

# One provider request: who owns it, until when, and what a replay of the same bytes needs.
batches = sa.Table(
    "batches",
    metadata,
    row_id(),
    sa.Column("key", sa.Text, nullable=False, unique=True),
    reference("mailing_id", "mailings"),
    sa.Column("attempt", sa.Integer, nullable=False),
    sa.Column("claimed_at", UtcDateTime, nullable=False),
    sa.Column("lease_until", UtcDateTime, nullable=False),
    # The lock file that its sender holds, see `sender_locks`; null where that proves nothing.
    sa.Column("owner", sa.Text),
    # How many letters were claimed: the limits per second and per hour count them.
    sa.Column("size", sa.Integer, nullable=False, server_default="0"),
    sa.Column("snapshot", sa.Text),
    sa.Column("payload_hash", sa.Text),
    sa.Column("settled_at", UtcDateTime),
    # When a search at the provider first came to its end without finding all of it.
    sa.Column("missed_at", UtcDateTime),
    # Fingerprint of the provider's account that may know it; null where no account matters.
    sa.Column("account", sa.Text),
    sa.Index("batches_by_time", "claimed_at"),
    sqlite_autoincrement=True,
)
# Few rows: requests under way, and requests whose outcome is unknown.
partial_index("unsettled_batches", batches.c.mailing_id, where=batches.c.settled_at.is_(None))

deliveries = sa.Table(
    "deliveries",
    metadata,
    row_id(),
    reference("mailing_id", "mailings", index=False),
    # Null once the subscriber is erased: the delivery stays, so that counts still add up.
    reference("subscriber_id", "subscribers", on_delete="SET NULL", index=False),
    sa.Column("ref", sa.Text, nullable=False, unique=True),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("reason", sa.Text),
    sa.Column("batch_id", sa.ForeignKey("batches.id"), index=True),
    sa.Column("provider_id", sa.Text),
    sa.Column("accepted_at", UtcDateTime),
    sa.Column("assumed", sa.Boolean, nullable=False),
    # Two searches did not find it, so it became pending again; that happens once.
    sa.Column("sent_again", sa.Boolean, nullable=False, server_default=sa.false()),
    # Of the events so far, the one that counts most; see states.EVENT_RANKS.
    sa.Column("strongest_event", sa.Text),
    # What the subscriber chose before the freeze or since: a request is of one kind.
    sa.Column("plain_text", sa.Boolean, nullable=False, server_default=sa.false()),
    one_of("state", DeliveryState),
    sa.UniqueConstraint("subscriber_id", "mailing_id", name="one_delivery_per_subscriber"),
    sa.Index("deliveries_by_state", "mailing_id", "state", "plain_text", "id"),
)
partial_index(
    "deliveries_by_event",
    deliveries.c.mailing_id,
    deliveries.c.strongest_event,
    where=deliveries.c.strongest_event.is_not(None),
)

# Accepted under another id than the delivery has: a letter that may have gone out twice.
acceptances = sa.Table(
    "acceptances",
    metadata,
    row_id(),
    reference("delivery_id", "deliveries"),
    sa.Column("provider_id", sa.Text, nullable=False),
    sa.Column("at", UtcDateTime, nullable=False),
    sa.UniqueConstraint("delivery_id", "provider_id", name="one_acceptance_per_provider_id"),
)

# What a person decided about a mailing, append-only.
decisions = sa.Table(
    "decisions",
    metadata,
    row_id(),
    reference("mailing_id", "mailings"),
    sa.Column("at", UtcDateTime, nullable=False),
    sa.Column("who", sa.Text, nullable=False),
    sa.Column("what", sa.Text, nullable=False),
    sa.Column("deliveries", sa.Integer, nullable=False),
)

# Real copies of a letter that went to the author.
proofs = sa.Table(
    "proofs",
    metadata,
    row_id(),
    sa.Column("slug", sa.Text, nullable=False),
    sa.Column("letter_hash", sa.Text, nullable=False, index=True),
    sa.Column("ref", sa.Text, nullable=False, unique=True),
    sa.Column("provider", sa.Text, nullable=False),
    sa.Column("provider_id", sa.Text),
    sa.Column("at", UtcDateTime, nullable=False),
    # Its base URL, if not the usual one; not known of proofs before migration 0017.
    sa.Column("provider_url", sa.Text),
)

# Transactional emails, each in a request of its own. They hold no address: it is looked up when a
# notice leaves, and `address_hash` only counts how many were sent to one address.
notices = sa.Table(
    "notices",
    metadata,
    row_id(),
    sa.Column("ref", sa.Text, nullable=False, unique=True),
    sa.Column("kind", sa.Text, nullable=False),
    reference("subscriber_id", "subscribers", on_delete="SET NULL"),
    reference("signup_id", "signups", on_delete="SET NULL"),
    reference("change_id", "address_changes", on_delete="SET NULL"),
    sa.Column("address_hash", sa.Text, nullable=False),
    # Of the mailbox that the address belongs to.
    sa.Column("mailbox_hash", sa.Text),
    # The provider that takes it, chosen when it is queued: a rehearsal never takes a real one.
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
    # The slugs of the issues that it brings or lists, as JSON; null if it brings none.
    sa.Column("issues", sa.Text),
    one_of("state", DeliveryState),
    sa.Index("notices_by_address", "address_hash", "queued_at"),
    sa.Index("notices_by_mailbox", "mailbox_hash", "queued_at"),
    sa.Index("notices_by_time", "queued_at"),
    sa.Index("notices_by_state", "state", "due_at"),
    sqlite_autoincrement=True,
)

# Which issues came to a subscriber as a notice: nobody gets one a second time, as a notice or as a
# letter. Notices are deleted after a while, these rows only with their subscriber.
issue_notices = sa.Table(
    "issue_notices",
    metadata,
    sa.Column(
        "subscriber_id", sa.ForeignKey("subscribers.id", ondelete="CASCADE"), primary_key=True
    ),
    sa.Column("slug", sa.Text, primary_key=True),
    sa.Column("at", UtcDateTime, nullable=False),
    # Which text of it: 0 as it was sent, else the correction of this number.
    sa.Column("number", sa.Integer, nullable=False, server_default="0"),
)

# --- The archive ---

# The texts of issues as they were published: 0 as it was sent, others as corrected. The text that
# was sent names its mailing; a correction and an imported letter name none.
editions = sa.Table(
    "editions",
    metadata,
    row_id(),
    sa.Column("slug", sa.Text, nullable=False),
    sa.Column("number", sa.Integer, nullable=False),
    reference("mailing_id", "mailings", on_delete="SET NULL"),
    sa.Column("at", UtcDateTime, nullable=False),
    # The local date of the issue, YYYY-MM-DD.
    sa.Column("day", sa.Text, nullable=False),
    sa.Column("subject", sa.Text, nullable=False),
    sa.Column("preheader", sa.Text, nullable=False),
    sa.Column("article", sa.Text, nullable=False),
    # JSON, as is what follows: see `block_json`.
    sa.Column("themes", sa.Text, nullable=False),
    sa.Column("blocks", sa.Text, nullable=False),
    sa.Column("content_hash", sa.Text, nullable=False),
    # What a correction changed, in the author's words.
    sa.Column("change", sa.Text, nullable=False, server_default=""),
    # The program that sent it, of an imported letter.
    sa.Column("imported_from", sa.Text),
    sqlite_autoincrement=True,
)
partial_index(
    "one_edition_per_number",
    *(editions.c.slug, editions.c.number),
    unique=True,
    where=editions.c.mailing_id.is_(None),
)

# Issues that their author took out of the archive.
withdrawals = sa.Table(
    "withdrawals",
    metadata,
    sa.Column("slug", sa.Text, primary_key=True),
    sa.Column("at", UtcDateTime, nullable=False),
)

# The issues of a monthly digest: who got all of them does not get it.
digest_issues = sa.Table(
    "digest_issues",
    metadata,
    sa.Column("mailing_id", sa.ForeignKey("mailings.id"), primary_key=True),
    sa.Column("slug", sa.Text, primary_key=True),
)

# How often each answer to the question of an issue was given, and nothing about anyone.
answers = sa.Table(
    "answers",
    metadata,
    sa.Column("slug", sa.Text, primary_key=True),
    sa.Column("answer", sa.Integer, primary_key=True),
    sa.Column("count", sa.Integer, nullable=False),
)

# Copies of pictures, each once for all letters that show it. A name never gets other bytes.
media = sa.Table(
    "media",
    metadata,
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("body", sa.LargeBinary, nullable=False),
    # When it was last needed for a proof or a mailing.
    sa.Column("stored_at", UtcDateTime, nullable=False),
    # A letter that mails people shows it: it is never deleted.
    sa.Column("sent", sa.Boolean, nullable=False, server_default=sa.false()),
)

# --- Events ---

# Genuine webhooks as they came. Until one is applied its body is kept, and can be found by keyed
# hashes of the addresses in it; then both go, and its name stays for a while: none counts twice.
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

# What happened to a subscriber's letters, each kind once for a letter, at its first moment. An
# event without a delivery comes from a list that the provider keeps.
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
    one_of("kind", EventKind),
    one_of("cause", Cause),
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
