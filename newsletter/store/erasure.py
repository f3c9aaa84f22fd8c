"""Queries of an erasure: what is deleted, and the anonymous rows that stay."""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlalchemy as sa

from newsletter.model import DeliveryState
from newsletter.store import subscribers as subscribers_store
from newsletter.store import webhooks
from newsletter.store.database import Lock, lock
from newsletter.store.schema import (
    acceptances,
    address_changes,
    consents,
    deliveries,
    notices,
    signups,
    subscribers,
    suppressions,
    wordings,
)
from newsletter.store.sql import among

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from datetime import datetime

    from newsletter.model import Subscriber

REASON = "erased"
"""Why the address is suppressed, and why its pending deliveries are skipped."""


def find_and_lock(connection: sa.Connection, who: str) -> Subscriber | None:
    """Return a subscriber, or None if the address is unknown.

    Until the end of the transaction nobody else changes them, or adds subscribers.

    Args:
        who: The address as it is compared, or the public id: no value can be both.
    """
    lock(connection, Lock.LIST)
    query = sa.select(*subscribers_store.COLUMNS).where(
        sa.or_(subscribers.c.email_key == who, subscribers.c.public_id == who)
    )
    row = connection.execute(query.with_for_update()).one_or_none()
    return None if row is None else subscribers_store.from_row(row)


def addresses_of_changes(connection: sa.Connection, id_: int) -> frozenset[str]:
    """Return the addresses that a subscriber's changes of address name, as they were given."""
    changes = sa.select(address_changes.c.old_email, address_changes.c.new_email)
    found = connection.execute(changes.where(address_changes.c.subscriber_id == id_))
    return frozenset(email for pair in found for email in pair)


def erase(
    connection: sa.Connection, person: Subscriber, hashes: Mapping[str, str], moment: datetime
) -> list[str]:
    """Erase a subscriber who is locked; return the references of their letters and notices.

    Their deliveries stay, without the subscriber, so that counts add up: pending ones are skipped,
    and what is under way is settled as always. A hash of the address stays, so that no import adds
    it.

    Args:
        connection: The write transaction that locked the subscriber.
        hashes: Of each of their addresses, as it is compared.
    """
    id_, address_hash = person.id, hashes[person.email_key]
    subscribers_store.drop_snapshots(connection, [id_])
    wording_ids = wordings_of(connection, [id_])
    refs = [
        *_anonymize_deliveries(connection, id_),
        *_delete_notices(connection, id_, address_hash),
    ]
    connection.execute(subscribers.delete().where(subscribers.c.id == id_))
    delete_unused_wordings(connection, wording_ids)
    _delete_address_changes(connection, person, hashes)
    for key, digest in hashes.items():
        webhooks.delete_of_subscriber(connection, digest, key)
    connection.execute(suppressions.delete().where(suppressions.c.address_hash == address_hash))
    stays = {"address_hash": address_hash, "reason": REASON, "at": moment}
    connection.execute(suppressions.insert().values(stays))
    return refs


def _delete_address_changes(
    connection: sa.Connection, person: Subscriber, keys: Collection[str]
) -> None:
    """Delete changes of others that name this person: to an address of theirs, or from it.

    A change to an earlier address of this person that another one has confirmed since belongs to
    that other one.
    """
    named = sa.func.lower(address_changes.c.old_email)
    present = sa.or_(address_changes.c.new_email_key == person.email_key, named == person.email_key)
    before = sa.and_(
        address_changes.c.new_email_key.in_(keys), address_changes.c.confirmed_at.is_(None)
    )
    connection.execute(address_changes.delete().where(sa.or_(present, before)))


def _anonymize_deliveries(connection: sa.Connection, id_: int) -> list[str]:
    """Make deliveries anonymous, and delete what the provider said of them and its ids.

    The database evaluates this on each row after other transactions are done with it: a delivery
    that is claimed at this moment is not pending any more.
    """
    their_rows = deliveries.c.subscriber_id == id_
    letters = sa.select(deliveries.c.id).where(their_rows)
    connection.execute(acceptances.delete().where(acceptances.c.delivery_id.in_(letters)))
    pending = deliveries.c.state == DeliveryState.PENDING
    under_way = deliveries.c.state == DeliveryState.ATTEMPTING
    statement = (
        deliveries.update()
        .where(their_rows)
        .values(
            subscriber_id=None,
            state=sa.case((pending, DeliveryState.SKIPPED.value), else_=deliveries.c.state),
            reason=sa.case((pending, REASON), (under_way, deliveries.c.reason), else_=None),
            provider_id=None,
        )
        .returning(deliveries.c.ref)
    )
    return list(connection.scalars(statement))


def _delete_notices(connection: sa.Connection, id_: int, address_hash: str) -> list[str]:
    their_rows = sa.or_(notices.c.subscriber_id == id_, notices.c.address_hash == address_hash)
    return list(connection.scalars(notices.delete().where(their_rows).returning(notices.c.ref)))


def wordings_of(connection: sa.Connection, ids: Collection[int]) -> list[int]:
    """Return the numbers of the wordings that subscribers agreed to, or were asked to agree to."""
    theirs = (
        sa.select(table.c.wording_id).where(among(connection, table.c.subscriber_id, ids))
        for table in (consents, signups)
    )
    return list(connection.scalars(sa.union(*theirs)))


def delete_unused_wordings(connection: sa.Connection, ids: Collection[int]) -> None:
    """Delete these wordings, unless others agreed to them.

    An author may have named the person in one.
    """
    others = (
        sa.exists().where(table.c.wording_id == wordings.c.id) for table in (consents, signups)
    )
    connection.execute(
        wordings.delete().where(wordings.c.id.in_(ids), *(~other for other in others))
    )
