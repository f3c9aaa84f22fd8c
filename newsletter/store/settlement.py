"""Settlement: record the provider's answers for a batch."""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlalchemy as sa

from newsletter import states
from newsletter.model import Accepted, DeliveryState, Outcome, RequestRefused, RetryLater, Unknown
from newsletter.store.database import now
from newsletter.store.schema import acceptances, batches, deliveries, mailings
from newsletter.store.sql import set_for_each

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from newsletter.store.claims import Claim


def settle(connection: sa.Connection, claim: Claim, outcomes: Mapping[str, Outcome]) -> bool:
    """Record the provider's answers, for as long as this claim owns the batch.

    A delivery without an outcome is unknown. The batch's snapshot is dropped, because it holds
    addresses, unless a replay could settle something that stays unknown: then the lease ends now,
    for the next sender. A batch with deliveries that are pending again is never replayed: they
    travel in another batch. An answer to a replay that it was not taken says nothing of the first
    attempt.

    Returns:
        False if another process has taken the batch over: then nothing changed.
    """
    moment = now(connection)
    said = [outcomes.get(one.ref) for one in claim.subscribers]
    if claim.attempt > 1:
        said = [_of_a_replay(outcome) for outcome in said]
    # A provider that takes all or nothing gives one outcome for all: compared by identity.
    kinds = list({id(outcome): outcome for outcome in said}.values())
    split = any(isinstance(outcome, RetryLater | RequestRefused) for outcome in kinds)
    ended = split or (claim.attempt == 1 and _all_known(kinds))
    if not _end_lease(connection, claim, moment, ended=ended):
        return False
    _record(connection, claim, said, alike=len(kinds) == 1, moment=moment)
    if split:
        back = sum(states.state_after(outcome) is DeliveryState.PENDING for outcome in said)
        restore_limit(connection, claim.batch_id, back)
    if not ended:
        _close(connection, claim.batch_id, moment)
    return True


def _all_known(outcomes: Sequence[Outcome | None]) -> bool:
    """Return whether all of a batch is known: of a replay, an earlier attempt may know more."""
    return all(states.state_after(one) is not DeliveryState.UNKNOWN for one in outcomes)


def _record(
    connection: sa.Connection,
    claim: Claim,
    said: Sequence[Outcome | None],
    *,
    alike: bool,
    moment: datetime,
) -> None:
    """Write the outcomes of a claim's deliveries: one statement if all are alike."""
    unresolved = is_unresolved(claim.batch_id)
    if alike:
        values = _settlement(said[0], moment)
        connection.execute(deliveries.update().where(unresolved).values(values))
        return
    rows = [
        {"ref": one.ref} | _settlement(outcome, moment)
        for one, outcome in zip(claim.subscribers, said, strict=True)
    ]
    set_for_each(connection, deliveries, "ref", rows, unresolved)


def restore_limit(connection: sa.Connection, batch_id: int, letters: int) -> None:
    """Give claims back to the limit of a mailing: these letters of a batch were not taken."""
    whose = sa.select(batches.c.mailing_id).where(batches.c.id == batch_id).scalar_subquery()
    limited = mailings.update().where(mailings.c.id == whose, mailings.c.claims_left.is_not(None))
    connection.execute(limited.values(claims_left=mailings.c.claims_left + letters))


def is_unresolved(batch_id: int) -> sa.ColumnElement[bool]:
    """Return the condition that a delivery of a batch is attempting or unknown."""
    # Written out: a statement that runs for many rows takes no list of parameters.
    return sa.and_(
        deliveries.c.batch_id == batch_id,
        sa.or_(
            deliveries.c.state == DeliveryState.ATTEMPTING,
            deliveries.c.state == DeliveryState.UNKNOWN,
        ),
    )


def _end_lease(connection: sa.Connection, claim: Claim, moment: datetime, *, ended: bool) -> bool:
    """End a claim's lease, and the batch if nothing of it can be replayed; False if it is lost."""
    values: dict[str, object] = {"lease_until": moment}
    if ended:
        values |= {"settled_at": moment, "snapshot": None}
    own = sa.and_(batches.c.id == claim.batch_id, batches.c.attempt == claim.attempt)
    return connection.execute(batches.update().where(own).values(values)).rowcount == 1


def _close(connection: sa.Connection, batch_id: int, moment: datetime) -> None:
    """End a batch unless a replay could still settle some of it."""
    unknown = sa.exists().where(
        deliveries.c.batch_id == batch_id, deliveries.c.state == DeliveryState.UNKNOWN
    )
    this = batches.update().where(batches.c.id == batch_id, ~unknown)
    connection.execute(this.values(settled_at=moment, snapshot=None))


def _of_a_replay(outcome: Outcome | None) -> Outcome | None:
    return Unknown(outcome.reason) if isinstance(outcome, RetryLater | RequestRefused) else outcome


def _settlement(outcome: Outcome | None, moment: datetime) -> dict[str, object]:
    state = states.state_after(outcome) if outcome else DeliveryState.UNKNOWN
    accepted = isinstance(outcome, Accepted)
    return {
        "state": state.value,
        "reason": None
        if accepted
        else getattr(outcome, "reason", "missing from the provider's answer"),
        "provider_id": outcome.provider_id if isinstance(outcome, Accepted) else None,
        "accepted_at": moment if accepted else None,
    }


def record_late_answers(
    connection: sa.Connection, claim: Claim, outcomes: Mapping[str, Outcome]
) -> None:
    """Record what was accepted of a batch that this claim has lost.

    A delivery that is not under way elsewhere becomes accepted. One that is, or that was accepted
    under another id, may have left twice: this id is kept beside that of the delivery.
    """
    moment = now(connection)
    taken = {ref: said for ref, said in outcomes.items() if isinstance(said, Accepted)}
    query = sa.select(deliveries.c.id, deliveries.c.ref, deliveries.c.state).where(
        deliveries.c.ref.in_([one.ref for one in claim.subscribers if one.ref in taken])
    )
    for id_, ref, state in connection.execute(query.with_for_update()).all():
        name = taken[ref].provider_id
        this = deliveries.update().where(deliveries.c.id == id_)
        if state in {DeliveryState.PENDING, DeliveryState.UNKNOWN}:
            accepted = {"state": DeliveryState.ACCEPTED, "reason": None, "accepted_at": moment}
            connection.execute(this.values(accepted | {"provider_id": name}))
        else:
            record_acceptance(connection, id_, name, moment)


def record_acceptance(
    connection: sa.Connection, delivery_id: int, provider_id: str, moment: datetime
) -> None:
    """Record another id under which the provider accepted a letter, unless it is known already."""
    known = sa.select(acceptances.c.id).where(
        acceptances.c.delivery_id == delivery_id, acceptances.c.provider_id == provider_id
    )
    if connection.scalar(known) is None:
        row = {"delivery_id": delivery_id, "provider_id": provider_id, "at": moment}
        connection.execute(acceptances.insert().values(row))
