"""What events change: the end of each letter, who may be mailed, and deliveries that were unknown.

The result depends on which events there are, not on the order in which they arrive: each kind
counts once for a letter, the strongest decides, and an event from before a subscriber's last
confirmation does not change their status.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, TypeAlias

from newsletter import states
from newsletter.addresses import parse_address
from newsletter.model import DeliveryState, EventKind, NoticeKind, SubscriberStatus
from newsletter.states import LEFT
from newsletter.store import events, settlement, subscribers
from newsletter.store.database import now
from newsletter.store.events import EventRow

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence
    from datetime import datetime

    from newsletter.model import Event, ProviderSuppression, Subscriber
    from newsletter.store import Connection
    from newsletter.store.events import Delivery, NoticeRecipient

    # When subscribers got which status, by their row numbers.
    _NewStatuses: TypeAlias = defaultdict[int, list[tuple[SubscriberStatus, datetime]]]

_MAY_BE_ACCEPTED: Final = states.deliveries_before(DeliveryState.ACCEPTED)
_LISTED: Final = "on the provider's own list"
_LISTED_FOR_A_BLOCK: Final = (
    "on the provider's own list since a server refused the sender, not the address:"
    " take it off that list"
)
_NOTICE: Final = "of a notice to this subscriber alone"
# These go to an address that its subscriber does not have yet, or has no more.
_TO_OTHER_ADDRESS: Final = frozenset({NoticeKind.NEW_ADDRESS, NoticeKind.OLD_ADDRESS})
_OWN_DECISION: Final = frozenset({SubscriberStatus.UNSUBSCRIBED, SubscriberStatus.COMPLAINED})
_RETURNED: Final = (EventKind.HARD_BOUNCE, EventKind.COMPLAINT)


@dataclass(slots=True)
class _Changes:
    """What a number of events change; nothing is written before all of them are added."""

    moment: datetime
    rows: list[EventRow] = field(default_factory=list)
    strongest: dict[int, EventKind] = field(default_factory=dict)
    accepted: dict[int, str] = field(default_factory=dict)
    accepted_again: list[tuple[int, str]] = field(default_factory=list)
    notices: dict[str, str] = field(default_factory=dict)
    returned: dict[str, EventKind] = field(default_factory=dict)
    statuses: _NewStatuses = field(default_factory=lambda: defaultdict(list))
    listed: _NewStatuses = field(default_factory=lambda: defaultdict(list))
    """Bounced only by a provider's own list, without the words of a server."""

    def add(self, event: Event, delivery: Delivery, subscriber: Subscriber | None) -> None:
        """Add an event of a delivery."""
        before = self.strongest.get(delivery.id, delivery.strongest_event)
        strongest = states.strongest_event(before, event.kind)
        if strongest and strongest is not before:
            self.strongest[delivery.id] = strongest
        self._accept(event.provider_id, delivery)
        former = subscriber and _is_of_former_address(event, subscriber)
        if delivery.subscriber_id is None or former:
            return
        because = f"because of an earlier {event.because}" if event.because else ""
        detail = ": ".join(filter(None, (because, event.detail)))
        at = min(event.at, self.moment)
        self.rows.append(
            EventRow(delivery.subscriber_id, delivery.id, event.kind, at, detail, event.cause)
        )
        if status := states.status_after_event(event.because or event.kind):
            kept = self.listed if _is_by_list(event, status) else self.statuses
            kept[delivery.subscriber_id].append((status, at))

    def add_notice(self, event: Event, kind: NoticeKind, subscriber: Subscriber | None) -> None:
        """Add an event of a notice.

        A pending subscriber whose address bounces stays pending, and is removed by `retention` if
        they do not confirm. The bounce or complaint itself is kept: it prevents the next notice.
        """
        self.notices[event.ref] = event.provider_id or self.notices.get(event.ref, "")
        at = min(event.at, self.moment)
        elsewhere = kind in _TO_OTHER_ADDRESS
        if subscriber and not elsewhere and not _is_since_confirmation(subscriber, at):
            return
        if event.kind in _RETURNED:
            before = self.returned.get(event.ref, event.kind)
            self.returned[event.ref] = max(before, event.kind, key=_RETURNED.index)
        status = states.status_after_event(event.because or event.kind)
        if subscriber is None or status is None or elsewhere:
            return
        if status is SubscriberStatus.BOUNCED and subscriber.status is SubscriberStatus.PENDING:
            return
        self.statuses[subscriber.id].append((status, at))
        self.rows.append(EventRow(subscriber.id, None, event.kind, at, _NOTICE))

    def _accept(self, provider_id: str, delivery: Delivery) -> None:
        """Note that the provider had a letter: every event proves that.

        Where the subscriber was erased, the provider's id is not kept: by it the provider knows
        who they were.
        """
        if delivery.subscriber_id is None:
            if delivery.state in _MAY_BE_ACCEPTED:
                self.accepted[delivery.id] = ""
            return
        known = self.accepted.get(delivery.id) or delivery.provider_id
        if provider_id and known and known != provider_id:
            self.accepted_again.append((delivery.id, provider_id))
        elif delivery.state in _MAY_BE_ACCEPTED or (
            delivery.state is DeliveryState.ACCEPTED and not known
        ):
            self.accepted[delivery.id] = provider_id or known or ""

    def write(self, connection: Connection, locked: Mapping[int, Subscriber]) -> None:
        """Write all changes; `locked` are all subscribers that they concern, and are locked."""
        rows = [row for row in self.rows if row.subscriber_id in locked]
        events.record(connection, rows)
        events.set_strongest_events(connection, self.strongest)
        events.set_accepted(connection, self.accepted, self.moment)
        events.set_notices_accepted(connection, self.notices, self.moment)
        events.set_notices_returned(connection, self.returned)
        for delivery_id, provider_id in self.accepted_again:
            settlement.record_acceptance(connection, delivery_id, provider_id, self.moment)
        self._count_soft_bounces(connection, locked, _with_event(rows, EventKind.SOFT_BOUNCE))
        _add_listed(connection, self.listed, self.statuses)
        _set_statuses(connection, locked, self.statuses)
        reached = _with_event(rows, EventKind.DELIVERED)
        unblocked = [id_ for id_ in reached if locked[id_].block_reason is not None]
        events.clear_block_reasons(connection, unblocked)

    def _count_soft_bounces(
        self, connection: Connection, locked: Mapping[int, Subscriber], ids: Collection[int]
    ) -> None:
        """Note as bounced those of these subscribers whose letters bounced softly too often."""
        for id_, (bounced, delivered) in events.soft_bounces(connection, ids).items():
            since = locked[id_].confirmed_at
            lately = [at for at in bounced if since is None or at > since]
            if at := states.too_many_soft_bounces(lately, delivered):
                self.statuses[id_].append((SubscriberStatus.BOUNCED, at))


@dataclass(frozen=True, slots=True)
class ApplyResult:
    """What became of a number of events.

    Attributes:
        places: Which were applied, or concern nobody here. The others are of deliveries that are
            not known (yet), or that another process is changing.
        mailings: The numbers of mailings with deliveries that these events made accepted.
    """

    places: set[int]
    mailings: set[int]


def apply(connection: Connection, provider: str, found: Sequence[Event]) -> ApplyResult:
    """Apply events that a provider reports.

    Args:
        connection: A write transaction, the only one that applies events at this time.
        provider: The name of the provider.
        found: The events.
    """
    deliveries = _deliveries(connection, provider, found)
    unknown = set(range(len(found))) - deliveries.keys()
    notices = _notices(connection, found, unknown)
    people = _lock_subscribers(connection, found, deliveries, notices)
    locked = events.lock_deliveries(connection, {one.id for one in deliveries.values()})
    changes = _Changes(now(connection))
    known = {place: locked[one.id] for place, one in deliveries.items() if one.id in locked}
    for place, delivery in known.items():
        changes.add(found[place], delivery, people.get(delivery.subscriber_id or 0))
    for place, notice in notices.items():
        changes.add_notice(found[place], notice.kind, people.get(notice.subscriber_id))
    changes.write(connection, people)
    mailings = {one.mailing_id for one in known.values() if one.id in changes.accepted}
    unrelated = _unrelated(connection, found, unknown - notices.keys())
    return ApplyResult(known.keys() | notices.keys() | unrelated, mailings)


def apply_suppressions(connection: Connection, found: Sequence[ProviderSuppression]) -> int:
    """Apply a provider's own list of addresses that it does not mail; return how many left.

    Args:
        connection: A write transaction, the only one that applies events at this time.
        found: Entries of that list, many of them of people who are not on ours.
    """
    moment = now(connection)
    entries = [(key, one) for one in found if (key := key_of(one.email))]
    ids = events.subscriber_ids(connection, {key for key, _ in entries})
    people = subscribers.find_by_ids(connection, set(ids.values()), to_change=True)
    statuses: _NewStatuses = defaultdict(list)
    listed: _NewStatuses = defaultdict(list)
    rows = []
    for key, one in entries:
        status, at = states.status_after_event(one.because), min(one.at, moment)
        subscriber = people.get(ids.get(key, 0))
        if subscriber and status and _is_since_confirmation(subscriber, at):
            kept = listed if status is SubscriberStatus.BOUNCED else statuses
            kept[subscriber.id].append((status, at))
            rows.append(EventRow(subscriber.id, None, one.because, at, _LISTED))
    events.record(connection, rows)
    _add_listed(connection, listed, statuses)
    return _set_statuses(connection, people, statuses)


def _lock_subscribers(
    connection: Connection,
    found: Sequence[Event],
    deliveries: Mapping[int, Delivery],
    notices: Mapping[int, NoticeRecipient],
) -> dict[int, Subscriber]:
    """Lock the subscribers whom these events concern, and return them by their row numbers."""
    ids = {one.subscriber_id or 0 for one in deliveries.values()}
    ids |= {one.subscriber_id for one in notices.values()}
    may_change = any(_may_change_status(found[place]) for place in (*deliveries, *notices))
    return subscribers.find_by_ids(connection, ids - {0}, to_change=may_change)


def _with_event(rows: Iterable[EventRow], kind: EventKind) -> set[int]:
    return {row.subscriber_id for row in rows if row.kind is kind}


def _add_listed(connection: Connection, listed: _NewStatuses, statuses: _NewStatuses) -> None:
    """Add the statuses from a provider's own list to `statuses`, except those after a block.

    Providers put every permanent failure on their list, also when a server refused the sender. That
    says nothing about the address, but the provider mails it no more until a person removes it
    from the list: so the block is recorded, and the subscriber stays.
    """
    blocked = events.find_only_blocked(connection, listed.keys()) if listed else set()
    events.set_block_reasons(connection, blocked, _LISTED_FOR_A_BLOCK)
    for id_, of_one in listed.items():
        if id_ not in blocked:
            statuses[id_] += of_one


def _set_statuses(
    connection: Connection,
    locked: Mapping[int, Subscriber],
    statuses: Mapping[int, Iterable[tuple[SubscriberStatus, datetime]]],
) -> int:
    """Set the most restrictive of the new statuses of each subscriber; return how many changed."""
    left, touched = {}, []
    for id_, new in statuses.items():
        subscriber = locked.get(id_)
        if subscriber is None:  # erased a moment ago
            continue
        status = subscriber.status
        since = subscriber.left_at if status in LEFT else None
        for reported, at in new:
            if _is_since_confirmation(subscriber, at):
                touched.append(id_)
                status = states.more_restrictive(status, reported)
                since = min(since or at, at)
        if since and (status, since) != (subscriber.status, subscriber.left_at):
            left[id_] = (status, since)
    subscribers.touch(connection, touched)
    subscribers.mark_left(connection, left)
    return len(left)


def _is_since_confirmation(subscriber: Subscriber, at: datetime) -> bool:
    """Return whether a moment is after a subscriber last confirmed that they want the letter."""
    return subscriber.confirmed_at is None or at > subscriber.confirmed_at


def _is_of_former_address(event: Event, subscriber: Subscriber) -> bool:
    """Return whether an event concerns only an address that its subscriber had before.

    Whether that address takes mail says nothing about the new one. Unsubscribing and complaining
    are decisions of the subscriber, at whichever address they read the letter.
    """
    if states.status_after_event(event.because or event.kind) in _OWN_DECISION:
        return False
    return key_of(event.email) not in {"", subscriber.email_key}


def _is_by_list(event: Event, status: SubscriberStatus) -> bool:
    """Return whether only a provider's list says that an address bounces, and no server did."""
    own_words = event.because is None and (event.detail or event.ref)
    return status is SubscriberStatus.BOUNCED and not own_words


def _may_change_status(event: Event) -> bool:
    """Return whether an event may change a subscriber's status."""
    kind = event.because or event.kind
    return kind is EventKind.SOFT_BOUNCE or states.status_after_event(kind) is not None


def _deliveries(
    connection: Connection, provider: str, found: Sequence[Event]
) -> dict[int, Delivery]:
    """Return the deliveries of events, by the places of the events; unknown ones are left out."""
    by_ref = events.deliveries_by_ref(connection, {event.ref for event in found if event.ref})
    deliveries = {place: by_ref[one.ref] for place, one in enumerate(found) if one.ref in by_ref}
    without_ref = {
        place: (key, event.provider_id)
        for place, event in enumerate(found)
        if not event.ref and event.provider_id and (key := key_of(event.email))
    }
    if without_ref:
        by_name = events.deliveries_by_name(connection, provider, set(without_ref.values()))
        deliveries |= {place: by_name[one] for place, one in without_ref.items() if one in by_name}
    return deliveries


def _notices(
    connection: Connection, found: Sequence[Event], unknown: set[int]
) -> dict[int, NoticeRecipient]:
    """Return which of these events are of notices, with the recipients, by place."""
    refs = {found[place].ref for place in unknown} - {""}
    recipients = events.notice_recipients(connection, refs) if refs else {}
    return {
        place: recipients[found[place].ref] for place in unknown if found[place].ref in recipients
    }


def _unrelated(connection: Connection, found: Sequence[Event], unknown: set[int]) -> set[int]:
    """Return which of these events concern nobody and never will, such as those of proofs."""
    refs = {found[place].ref for place in unknown} - {""}
    proofs = events.proof_refs(connection, refs) if refs else set()
    return {place for place in unknown if not found[place].ref or found[place].ref in proofs}


def key_of(email: str) -> str:
    """Return an address as it is compared, or an empty text if it is not valid."""
    try:
        return parse_address(email).key
    except ValueError:
        return ""
