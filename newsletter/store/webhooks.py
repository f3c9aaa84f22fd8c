"""Queries about webhooks as they came: kept until they are applied, each once."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import sqlalchemy as sa

from newsletter.store.columns import UtcDateTime
from newsletter.store.database import now
from newsletter.store.schema import webhooks
from newsletter.store.sql import among

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable
    from datetime import datetime

_INSERT = sa.text(
    "INSERT INTO webhooks (provider, name, at, body, address_hash, unreadable)"
    " VALUES (:provider, :name, :at, :body, :address_hash, :unreadable) ON CONFLICT DO NOTHING"
).bindparams(sa.bindparam("at", type_=UtcDateTime))


class NewWebhook(NamedTuple):
    """A genuine webhook.

    Attributes:
        provider: Whose.
        name: What identifies it among that provider's webhooks.
        body: Its text; None if it has no event, and its name is kept so that it cannot be reused.
        address_hash: Of each address in it, separated by spaces; None if there is none.
        unreadable: Not all of it could be understood.
    """

    provider: str
    name: str
    body: str | None
    address_hash: str | None
    unreadable: bool = False


class WaitingWebhook(NamedTuple):
    """A webhook that is not applied yet; ``id`` grows with each that comes."""

    id: int
    provider: str
    body: str
    at: datetime


def add(connection: sa.Connection, arrivals: Iterable[NewWebhook]) -> None:
    """Keep webhooks that did not come before."""
    moment = now(connection)
    # In one order: a process that brings what another has not committed waits for it.
    rows = [{**arrival._asdict(), "at": moment} for arrival in sorted(arrivals, key=_name)]
    if rows:
        connection.execute(_INSERT, rows)


def find_known(
    connection: sa.Connection, names: Collection[tuple[str, str]]
) -> set[tuple[str, str]]:
    """Return those of these webhooks, by provider and name, that came before."""
    found = sa.select(webhooks.c.provider, webhooks.c.name).where(
        among(connection, webhooks.c.name, {name for _, name in names})
    )
    return {(row.provider, row.name) for row in connection.execute(found)} & set(names)


def count_unreadable(connection: sa.Connection) -> int:
    """Return how many webhooks wait because not all of them could be understood."""
    these = sa.and_(webhooks.c.body.is_not(None), webhooks.c.unreadable)
    return connection.scalar(sa.select(sa.func.count()).where(these)) or 0


def set_unreadable(connection: sa.Connection, ids: Collection[int]) -> None:
    """Record that not all of these webhooks could be understood."""
    if ids:
        these = webhooks.update().where(
            among(connection, webhooks.c.id, ids), ~webhooks.c.unreadable
        )
        connection.execute(these.values(unreadable=True))


def _name(arrival: NewWebhook) -> tuple[str, str]:
    return arrival.provider, arrival.name


def find_waiting(connection: sa.Connection, *, after: int, most: int) -> list[WaitingWebhook]:
    """Return webhooks that are not applied yet, in the order in which they came.

    Args:
        after: Only those with a higher number.
        most: So many at a time.
    """
    query = (
        sa.select(webhooks.c.id, webhooks.c.provider, webhooks.c.body, webhooks.c.at)
        .where(webhooks.c.body.is_not(None), webhooks.c.id > after)
        .order_by(webhooks.c.id)
        .limit(most)
    )
    return [WaitingWebhook(*row) for row in connection.execute(query)]


def drop_bodies(connection: sa.Connection, ids: Collection[int]) -> None:
    """Drop the bodies of webhooks that are applied; their names stay."""
    if ids:
        applied = webhooks.update().where(among(connection, webhooks.c.id, ids))
        connection.execute(applied.values(body=None, address_hash=None, unreadable=False))


def delete_of_subscriber(connection: sa.Connection, address_hash: str, key: str) -> None:
    """Delete waiting webhooks about a subscriber who is erased.

    Args:
        address_hash: Of their address.
        key: The address as it is compared, for those that name it in another way.
    """
    by_hash = webhooks.c.address_hash.contains(address_hash, autoescape=True)
    by_text = webhooks.c.body.icontains(key, autoescape=True)
    theirs = sa.and_(webhooks.c.body.is_not(None), sa.or_(by_hash, by_text))
    connection.execute(webhooks.delete().where(theirs))
