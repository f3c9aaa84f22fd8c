"""Queries about sign-ups: who asks to join, how often that is allowed, who confirms."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Final

import sqlalchemy as sa

from newsletter.model import NoticeKind, Status
from newsletter.store import subscribers as subscribers_store
from newsletter.store.alike import insert_if
from newsletter.store.ids import new_id
from newsletter.store.schema import consents, mailings, signups, subscribers, suppressions, tallies

if TYPE_CHECKING:
    from datetime import datetime

KINDS: Final = (NoticeKind.CONFIRMATION, NoticeKind.ALREADY_HERE)
"""The notices that a sign-up may cause."""

CLOSED: Final = "closed"
"""What is counted when the form has closed itself."""
CLOSED_LATELY: Final = timedelta(days=7)
"""For how long that is told."""
LINKS: Final = "links to preferences"
"""What is counted when somebody asks for his."""

_COUNT: Final = sa.text(
    "INSERT INTO tallies (what, hour, count) VALUES (:what, :hour, 1)"
    " ON CONFLICT (what, hour) DO UPDATE SET count = tallies.count + 1"
).bindparams(sa.bindparam("hour", type_=tallies.c.hour.type))


@dataclass(frozen=True, slots=True)
class Origin:
    """From which address and with which program somebody came, where that is known."""

    ip: str | None
    user_agent: str | None


@dataclass(frozen=True, slots=True)
class SignUp:
    """A sign-up that waits to be confirmed, or was.

    Attributes:
        email_key: The reader's address as it is compared.
        status: How the reader stands now.
        left_at: When he last left, if he did.
    """

    id: int
    subscriber_id: int
    email_key: str
    status: Status
    left_at: datetime | None
    requested_at: datetime
    confirmed_at: datetime | None
    first_name: str | None


@dataclass(frozen=True, slots=True)
class Asked:
    """A sign-up as its reader's story tells it."""

    at: datetime
    form: str
    first_name: str | None
    ip: str | None
    user_agent: str | None
    confirmed_at: datetime | None


def tally(connection: sa.Connection, what: str, moment: datetime) -> None:
    """Count something in the hour of a moment."""
    connection.execute(_COUNT, {"what": what, "hour": _hour(moment)})


def tallied(connection: sa.Connection, what: str, moment: datetime) -> int:
    """Return how often something was counted in the hour of a moment."""
    query = sa.select(tallies.c.count).where(
        tallies.c.what == what, tallies.c.hour == _hour(moment)
    )
    return connection.scalar(query) or 0


def last_tallied(connection: sa.Connection, what: str, *, since: datetime) -> datetime | None:
    """Return the last hour since a moment in which something was counted, if there was one."""
    hour: datetime | None = connection.scalar(
        sa.select(sa.func.max(tallies.c.hour)).where(
            tallies.c.what == what, tallies.c.hour >= since
        )
    )
    return hour


def drop_tallies(connection: sa.Connection, moment: datetime) -> int:
    """Forget what was counted in earlier hours, for it limits nothing any more; return how much.

    Whoever has the database's key can tell which networks those were. That the form had closed
    itself is of nobody, and stays for who asks lately.
    """
    over = sa.or_(tallies.c.what != CLOSED, tallies.c.hour < moment - CLOSED_LATELY)
    earlier = tallies.delete().where(tallies.c.hour < _hour(moment), over)
    return connection.execute(earlier).rowcount


def ensure(
    connection: sa.Connection, email: str, email_key: str, moment: datetime
) -> tuple[int, Status]:
    """Put a stranger on the list as pending; return anybody's row number and how they stand.

    Nobody else can put people on the list until the end of the transaction.
    """
    values = {
        "public_id": new_id(),
        "email": email,
        "email_key": email_key,
        "status": Status.PENDING.value,
        "source": "form",
        "created_at": moment,
    }
    his = subscribers.c.email_key == email_key
    insert_if(connection, subscribers, values, ~sa.exists().where(his))
    query = sa.select(subscribers.c.id, subscribers.c.status).where(his)
    row = connection.execute(query).one()
    return row.id, Status(row.status)


def record(
    connection: sa.Connection,
    subscriber_id: int,
    *,
    wording_id: int,
    first_name: str | None,
    form: str,
    origin: Origin,
    moment: datetime,
    wanted: bool,
) -> int | None:
    """Keep what a visitor asked for, if it is wanted; return its number."""
    values = {
        "public_id": new_id(),
        "subscriber_id": subscriber_id,
        "wording_id": wording_id,
        "first_name": first_name,
        "form": form,
        "requested_at": moment,
        "ip": origin.ip,
        "user_agent": origin.user_agent,
    }
    return insert_if(connection, signups, values, sa.literal(wanted))


def find(connection: sa.Connection, public_id: str) -> SignUp | None:
    """Return a sign-up by the id that its link names.

    In a write transaction nobody else can change it or its reader until its end.
    """
    columns = (
        signups.c.id,
        signups.c.subscriber_id,
        subscribers.c.email_key,
        subscribers.c.status,
        subscribers.c.left_at,
        signups.c.requested_at,
        signups.c.confirmed_at,
        signups.c.first_name,
    )
    query = sa.select(*columns).join(subscribers).where(signups.c.public_id == public_id)
    if connection.get_execution_options().get("newsletter_write"):
        query = query.with_for_update(key_share=True)
    row = connection.execute(query).one_or_none()
    if row is None:
        return None
    id_, subscriber_id, email_key, status, *others = row
    return SignUp(id_, subscriber_id, email_key, Status(status), *others)


def confirm(
    connection: sa.Connection, found: SignUp, address_hash: str, origin: Origin, moment: datetime
) -> None:
    """Make the reader of a sign-up active, with the proof that he asked for it himself.

    Whatever kept his address from mail is lifted: he left before he asked.

    Args:
        connection: The write transaction in which it was found.
        found: The sign-up.
        address_hash: Of his address, as suppressions keep it.
        origin: Whence he confirmed.
        moment: Now.
    """
    suppressed = subscribers_store.suppressed(connection, [address_hash]).get(address_hash)
    asked = sa.select(
        signups.c.subscriber_id,
        signups.c.wording_id,
        sa.literal(moment, consents.c.at.type),
        sa.literal("form"),
        sa.literal(origin.ip, consents.c.ip.type),
        sa.literal(origin.user_agent, consents.c.user_agent.type),
        signups.c.form,
        signups.c.requested_at,
        signups.c.ip,
        signups.c.user_agent,
        sa.literal(suppressed.reason if suppressed else found.status.value),
        sa.literal(suppressed.at if suppressed else found.left_at, consents.c.left_at.type),
    ).where(signups.c.id == found.id)
    connection.execute(consents.insert().from_select(_PROOF, asked))
    connection.execute(suppressions.delete().where(suppressions.c.address_hash == address_hash))
    subscribers_store.confirm(connection, {found.subscriber_id: moment})
    if found.first_name:
        subscribers_store.rename(connection, {found.subscriber_id: found.first_name})
    done = signups.update().where(signups.c.id == found.id)
    connection.execute(done.values(confirmed_at=moment))


_PROOF: Final = (
    *("subscriber_id", "wording_id", "at", "source", "ip", "user_agent"),
    *("form", "requested_at", "requested_ip", "requested_user_agent", "came_from", "left_at"),
)


def of_reader(connection: sa.Connection, id_: int) -> list[Asked]:
    """Return what somebody asked on a form lately, oldest first."""
    rows = connection.execute(
        sa.select(
            signups.c.requested_at,
            signups.c.form,
            signups.c.first_name,
            signups.c.ip,
            signups.c.user_agent,
            signups.c.confirmed_at,
        )
        .where(signups.c.subscriber_id == id_)
        .order_by(signups.c.id)
    )
    return [Asked(*row) for row in rows]


def latest_issue(connection: sa.Connection, *, rehearsals: bool) -> str | None:
    """Return the slug of the newest issue whose page can be read, or None if there is none."""
    query = (
        sa.select(mailings.c.slug)
        .where(mailings.c.released.is_(sa.false()))
        .order_by(mailings.c.id.desc())
        .limit(1)
    )
    if not rehearsals:
        query = query.where(mailings.c.rehearsal.is_(sa.false()))
    return connection.scalar(query)


def _hour(moment: datetime) -> datetime:
    return moment.replace(minute=0, second=0, microsecond=0)
