"""Queries about letters that servers refused for what is not the subscriber's."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import sqlalchemy as sa

from newsletter.model import Cause, EventKind
from newsletter.store.schema import events, subscribers
from newsletter.store.sql import among

if TYPE_CHECKING:
    from datetime import datetime


class Refusal(NamedTuple):
    """Refused letters to the addresses of one domain, for one cause."""

    cause: Cause
    domain: str
    subscribers: int
    first_at: datetime
    last_at: datetime
    says: str


def since(connection: sa.Connection, moment: datetime) -> list[Refusal]:
    """Return what was refused since a moment, of those to whom nothing was delivered since."""
    later = events.alias()
    arrived = sa.exists().where(
        later.c.subscriber_id == events.c.subscriber_id,
        later.c.kind == EventKind.DELIVERED.value,
        later.c.at > events.c.at,
    )
    domain = _domain(connection)
    query = (
        sa.select(
            events.c.cause,
            domain.label("domain"),
            sa.func.count(events.c.subscriber_id.distinct()),
            sa.func.min(events.c.at),
            sa.func.max(events.c.at),
            sa.func.max(events.c.id),
        )
        .join(subscribers, subscribers.c.id == events.c.subscriber_id)
        .where(events.c.cause.is_not(None), events.c.at >= moment, ~arrived)
        .group_by(events.c.cause, domain)
    )
    found = connection.execute(query).all()
    told = sa.select(events.c.id, events.c.detail).where(
        among(connection, events.c.id, {row[-1] for row in found})
    )
    says = {row.id: row.detail for row in connection.execute(told)} if found else {}
    return [
        Refusal(Cause(cause), name, count, first_at, last_at, says.get(id_, ""))
        for cause, name, count, first_at, last_at, id_ in found
    ]


def _domain(connection: sa.Connection) -> sa.ColumnElement[str]:
    key = subscribers.c.email_key
    if connection.dialect.name == "sqlite":
        return sa.func.substr(key, sa.func.instr(key, "@") + 1)
    return sa.func.split_part(key, "@", 2)
