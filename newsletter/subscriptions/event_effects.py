"""What events change: what letters have come to, who may be mailed, and what was unknown.

All of it follows from which events there are, and not from the order in which they are told: each
kind counts once for a letter, the gravest decides, and what is older than a reader's last
confirmation says nothing about him.
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
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime

    from sqlalchemy import Connection

    from newsletter.model import Event, ProviderSuppression
    from newsletter.store.events import Delivery, EventSubscriber, NoticeRecipient

    _Departures: TypeAlias = defaultdict[int, list[tuple[SubscriberStatus, datetime]]]

_TAKEN: Final = states.deliveries_before(DeliveryState.ACCEPTED)
_LISTED: Final = "on the provider's own list"
_LISTED_FOR_A_BLOCK: Final = (
    "on the provider's own list since a server refused the sender, not the address:"
    " take it off that list"
)
_NOTICE: Final = "of a letter to this reader alone"
# These go to an address that is not its reader's, not yet or not any more.
_ELSEWHERE: Final = frozenset({NoticeKind.NEW_ADDRESS, NoticeKind.OLD_ADDRESS})
_HIS_WORD: Final = frozenset({SubscriberStatus.UNSUBSCRIBED, SubscriberStatus.COMPLAINED})
_RETURNED: Final = (EventKind.HARD_BOUNCE, EventKind.COMPLAINT)


@dataclass(slots=True)
class _Changes:
    """What a number of events change; nothing is written before all of them are weighed."""

    moment: datetime
    told: list[EventRow] = field(default_factory=list)
    standings: dict[int, EventKind] = field(default_factory=dict)
    accepted: dict[int, str] = field(default_factory=dict)
    again: list[tuple[int, str]] = field(default_factory=list)
    notices: dict[str, str] = field(default_factory=dict)
    returned: dict[str, EventKind] = field(default_factory=dict)
    departures: _Departures = field(default_factory=lambda: defaultdict(list))
    listed: _Departures = field(default_factory=lambda: defaultdict(list))
    """Of addresses that a provider's own list calls dead, without the words of a server."""

    def weigh(self, event: Event, delivery: Delivery, reader: EventSubscriber | None) -> None:
        """Take in one event of a delivery."""
        before = self.standings.get(delivery.id, delivery.strongest_event)
        standing = states.strongest_event(before, event.kind)
        if standing and standing is not before:
            self.standings[delivery.id] = standing
        self._take(event.provider_id, delivery)
        if delivery.subscriber_id is None or (reader and _is_of_another_address(event, reader)):
            return
        because = f"because of an earlier {event.because}" if event.because else ""
        detail = ": ".join(filter(None, (because, event.detail)))
        at = min(event.at, self.moment)
        told = EventRow(delivery.subscriber_id, delivery.id, event.kind, at, detail, event.cause)
        self.told.append(told)
        if status := states.status_after_event(event.because or event.kind):
            kept = self.listed if _is_by_list(event, status) else self.departures
            kept[delivery.subscriber_id].append((status, at))

    def weigh_notice(self, event: Event, kind: NoticeKind, reader: EventSubscriber | None) -> None:
        """Take in one event of a letter to one person alone.

        An address that never took a confirmation is forgotten with whoever typed it; that it came
        back, or was called spam, keeps the next one from it.
        """
        self.notices[event.ref] = event.provider_id or self.notices.get(event.ref, "")
        at = min(event.at, self.moment)
        if reader and kind not in _ELSEWHERE and not _is_news(reader, at):
            return
        if event.kind in _RETURNED:
            before = self.returned.get(event.ref, event.kind)
            self.returned[event.ref] = max(before, event.kind, key=_RETURNED.index)
        status = states.status_after_event(event.because or event.kind)
        if reader is None or status is None or kind in _ELSEWHERE:
            return
        if status is SubscriberStatus.BOUNCED and reader.status is SubscriberStatus.PENDING:
            return
        self.departures[reader.id].append((status, at))
        self.told.append(EventRow(reader.id, None, event.kind, at, _NOTICE))

    def _take(self, name: str, delivery: Delivery) -> None:
        """Take in that the provider had a letter, for so it was whatever happened to it.

        Of a letter whose reader was erased only that: by its name, the provider knows whose it was.
        """
        if delivery.subscriber_id is None:
            if delivery.state in _TAKEN:
                self.accepted[delivery.id] = ""
            return
        known = self.accepted.get(delivery.id) or delivery.provider_id
        if name and known and known != name:
            self.again.append((delivery.id, name))
        elif delivery.state in _TAKEN or (delivery.state is DeliveryState.ACCEPTED and not known):
            self.accepted[delivery.id] = name or known or ""

    def write(self, connection: Connection, readers: Mapping[int, EventSubscriber]) -> None:
        """Write all of it down; the readers are held, and these are all whom it concerns."""
        told = [one for one in self.told if one.subscriber_id in readers]
        events.record(connection, told)
        events.set_strongest_events(connection, self.standings)
        events.set_accepted(connection, self.accepted, self.moment)
        events.set_notices_accepted(connection, self.notices, self.moment)
        events.set_notices_returned(connection, self.returned)
        for delivery_id, name in self.again:
            settlement.record_acceptance(connection, delivery_id, name, self.moment)
        soft = {one.subscriber_id for one in told if one.kind is EventKind.SOFT_BOUNCE}
        for id_, (given_up, delivered) in events.soft_bounces(connection, soft).items():
            since = readers[id_].confirmed_at
            lately = [at for at in given_up if since is None or at > since]
            if at := states.too_many_soft_bounces(lately, delivered):
                self.departures[id_].append((SubscriberStatus.BOUNCED, at))
        _believe_list(connection, self.listed, self.departures)
        _let_leave(connection, readers, self.departures)
        arrived = {one.subscriber_id for one in told if one.kind is EventKind.DELIVERED}
        events.clear_obstacles(
            connection, [r.id for r in readers.values() if r.hindered and r.id in arrived]
        )


@dataclass(frozen=True, slots=True)
class Applied:
    """What became of a number of events.

    Attributes:
        places: Which were applied, or concern nobody here. The others are of deliveries that are
            not known (yet), or that another process is changing.
        mailings: Of whose letters something was unknown before.
    """

    places: set[int]
    mailings: set[int]


def apply(connection: Connection, provider: str, found: Sequence[Event]) -> Applied:
    """Apply events.

    Args:
        connection: A write transaction, the only one that applies events at this time.
        provider: Who tells.
        found: What.
    """
    whose = _deliveries(connection, provider, found)
    unknown = set(range(len(found))) - whose.keys()
    notices = _notices(connection, found, unknown)
    concerned = {one.subscriber_id or 0 for one in whose.values()}
    concerned |= {to.subscriber_id for to in notices.values()}
    grave = any(_is_grave(found[place]) for place in (*whose, *notices))
    readers = events.lock_subscribers(connection, concerned - {0}, to_change=grave)
    held = events.lock_deliveries(connection, {one.id for one in whose.values()})
    changes = _Changes(now(connection))
    mine = {place: held[one.id] for place, one in whose.items() if one.id in held}
    for place, delivery in mine.items():
        changes.weigh(found[place], delivery, readers.get(delivery.subscriber_id or 0))
    for place, to in notices.items():
        changes.weigh_notice(found[place], to.kind, readers.get(to.subscriber_id))
    changes.write(connection, readers)
    doubted = {one.mailing_id for one in mine.values() if one.id in changes.accepted}
    nobodys = _nobodys(connection, found, unknown - notices.keys())
    return Applied(mine.keys() | notices.keys() | nobodys, doubted)


def take_over(connection: Connection, found: Sequence[ProviderSuppression]) -> int:
    """Let those leave whom a provider mails no more; return how many that were.

    Args:
        connection: A write transaction, the only one that applies events at this time.
        found: Entries of the provider's own list, many of whom are strangers here.
    """
    moment = now(connection)
    entries = [(key, one) for one in found if (key := key_of(one.email))]
    ids = events.subscriber_ids(connection, {key for key, _ in entries})
    readers = events.lock_subscribers(connection, set(ids.values()), to_change=True)
    departures: _Departures = defaultdict(list)
    listed: _Departures = defaultdict(list)
    told = []
    for key, one in entries:
        status, at = states.status_after_event(one.because), min(one.at, moment)
        reader = readers.get(ids.get(key, 0))
        if reader and status and _is_news(reader, at):
            kept = listed if status is SubscriberStatus.BOUNCED else departures
            kept[reader.id].append((status, at))
            told.append(EventRow(reader.id, None, one.because, at, _LISTED))
    events.record(connection, told)
    _believe_list(connection, listed, departures)
    return _let_leave(connection, readers, departures)


def _believe_list(connection: Connection, listed: _Departures, departures: _Departures) -> None:
    """Take over what a provider's own list says of addresses, unless it stands there for a block.

    Providers put every permanent failure on their list, also when a server refused the sender: that
    says nothing of the address, but it keeps letters from it until somebody takes it off.
    """
    blocked = events.only_blocked(connection, listed.keys()) if listed else set()
    events.set_obstacles(connection, blocked, _LISTED_FOR_A_BLOCK)
    for id_, of_one in listed.items():
        if id_ not in blocked:
            departures[id_] += of_one


def _let_leave(
    connection: Connection,
    readers: Mapping[int, EventSubscriber],
    departures: Mapping[int, Iterable[tuple[SubscriberStatus, datetime]]],
) -> int:
    """Let readers leave, or note a graver reason of those who left; return how many that were."""
    leaving, told = {}, []
    for id_, of_his in departures.items():
        reader = readers.get(id_)
        if reader is None:  # erased a moment ago
            continue
        status, since = reader.status, reader.left_at if reader.status in LEFT else None
        for departure, at in of_his:
            if _is_news(reader, at):
                told.append(id_)
                status = states.more_restrictive(status, departure)
                since = min(since or at, at)
        if since and (status, since) != (reader.status, reader.left_at):
            leaving[id_] = (status, since)
    subscribers.touch(connection, told)
    subscribers.mark_left(connection, leaving)
    return len(leaving)


def _is_news(reader: EventSubscriber, at: datetime) -> bool:
    """Tell whether it happened since a reader last said that he wants the letter."""
    return reader.confirmed_at is None or at > reader.confirmed_at


def _is_of_another_address(event: Event, reader: EventSubscriber) -> bool:
    """Tell whether an event is of an address that its reader has left since, and not of him.

    Whether that one takes mail says nothing of his new one. That he does not want the letter is
    his own word, wherever he read it.
    """
    if states.status_after_event(event.because or event.kind) in _HIS_WORD:
        return False
    return key_of(event.email) not in {"", reader.key}


def _is_by_list(event: Event, status: SubscriberStatus) -> bool:
    """Tell whether a provider's list calls an address dead, and no words of a server do."""
    own_words = event.because is None and (event.detail or event.ref)
    return status is SubscriberStatus.BOUNCED and not own_words


def _is_grave(event: Event) -> bool:
    """Tell whether an event may change who is mailed."""
    kind = event.because or event.kind
    return kind is EventKind.SOFT_BOUNCE or states.status_after_event(kind) is not None


def _deliveries(
    connection: Connection, provider: str, found: Sequence[Event]
) -> dict[int, Delivery]:
    """Return whose events are known, by their places."""
    of_refs = events.deliveries_by_ref(connection, {event.ref for event in found if event.ref})
    whose = {place: of_refs[one.ref] for place, one in enumerate(found) if one.ref in of_refs}
    nameless = {
        place: (key, event.provider_id)
        for place, event in enumerate(found)
        if not event.ref and event.provider_id and (key := key_of(event.email))
    }
    if nameless:
        of_names = events.deliveries_by_name(connection, provider, set(nameless.values()))
        whose |= {place: of_names[one] for place, one in nameless.items() if one in of_names}
    return whose


def _notices(
    connection: Connection, found: Sequence[Event], unknown: set[int]
) -> dict[int, NoticeRecipient]:
    """Return which of unknown events are of notices, and whose these are."""
    refs = {found[place].ref for place in unknown} - {""}
    whose = events.notice_recipients(connection, refs) if refs else {}
    return {place: whose[found[place].ref] for place in unknown if found[place].ref in whose}


def _nobodys(connection: Connection, found: Sequence[Event], unknown: set[int]) -> set[int]:
    """Return which of unknown events concern no reader of ours, and never will."""
    refs = {found[place].ref for place in unknown} - {""}
    proofs = events.proof_refs(connection, refs) if refs else set()
    return {place for place in unknown if not found[place].ref or found[place].ref in proofs}


def key_of(email: str) -> str:
    """Return an address as it is compared, or nothing if it is none."""
    try:
        return parse_address(email).key
    except ValueError:
        return ""
