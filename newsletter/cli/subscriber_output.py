"""Everything stored about one person, as a JSON document and as text."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from newsletter.schedule import format_utc
from newsletter.subscriptions.admin import SubscriberHistory
from newsletter.subscriptions.export import as_document

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime
    from zoneinfo import ZoneInfo

    from newsletter.store.subscriber_history import DeliveryRecord
    from newsletter.store.suppressions import Suppression
    from newsletter.subscriptions.admin import Stats
    from newsletter.subscriptions.aliases import LookAlike
    from newsletter.subscriptions.answers import AskedQuestion


def as_json(found: SubscriberHistory | Suppression, alike: Sequence[LookAlike]) -> dict[str, Any]:
    """Return the document of `subscribers show`.

    Args:
        found: What is stored about one person.
        alike: Subscribers who may have the same mailbox.
    """
    if not isinstance(found, SubscriberHistory):
        return {"status": "suppressed", "reason": found.reason, "at": format_utc(found.at)}
    look_alikes = [
        {
            "email": one.subscriber.email,
            "status": one.subscriber.status.value,
            "why": one.why,
            "issues": list(one.issues),
        }
        for one in alike
    ]
    return as_document(found) | {"look_alikes": look_alikes}


def as_text(
    found: SubscriberHistory | Suppression, alike: Sequence[LookAlike], zone: ZoneInfo
) -> str:
    """Return the same as a person reads it.

    Args:
        found: What is stored about one person.
        alike: Subscribers who may have the same mailbox.
        zone: The time zone of the times in it.
    """
    if not isinstance(found, SubscriberHistory):
        return f"suppressed: {found.reason}, on {_moment(found.at, zone)}; nothing else is stored"
    return "\n".join(
        [
            *_person(found, zone),
            *_requests(found, zone),
            *(line for received in found.deliveries for line in _letter(received, zone)),
            *_events(found, zone),
            *(
                f"  {_moment(one.queued_at, zone)} notice ({one.kind}): {one.state}"
                for one in found.notices
            ),
            *_twice(found, alike),
        ]
    )


def _person(found: SubscriberHistory, zone: ZoneInfo) -> Iterator[str]:
    subscriber = found.subscriber
    name = f" ({subscriber.first_name})" if subscriber.first_name else ""
    yield f"{subscriber.email}: {subscriber.status}{name}"
    since = f"{_moment(subscriber.created_at, zone)}, by {subscriber.source}"
    if subscriber.confirmed_at:
        since += f", confirmed {_moment(subscriber.confirmed_at, zone)}"
    yield f"  on the list since {since}"
    if subscriber.paused_until:
        yield f"  gets no letters until {_moment(subscriber.paused_until, zone)}"
    yield from (f"  {words}" for words in subscriber.preferences.in_words())
    if subscriber.block_reason:
        yield f"  letters are blocked by: {subscriber.block_reason}"
    for consent in found.consents:
        where = f", from {consent.ip}" if consent.ip else ""
        yield f'  agreed {_moment(consent.at, zone)} ({consent.source}{where}): "{consent.text}"'
        if consent.requested_at:
            yield f"    asked {_moment(consent.requested_at, zone)} on {consent.form}"


def _requests(found: SubscriberHistory, zone: ZoneInfo) -> Iterator[str]:
    """Yield what they asked for on a form, and whether they confirmed it."""
    for asked in found.signups:
        if not asked.confirmed_at:
            source = f" ({asked.source})" if asked.source else ""
            yield f"  asked {_moment(asked.at, zone)} on {asked.form}{source}, not confirmed"
    for change in found.changes:
        if change.confirmed_at:
            yield f"  had {change.old_email} until {_moment(change.confirmed_at, zone)}"
        else:
            asked_at = _moment(change.requested_at, zone)
            yield f"  asked {asked_at} for {change.new_email}, not confirmed"


def _letter(received: DeliveryRecord, zone: ZoneInfo) -> Iterator[str]:
    """Yield one delivery, and each time the provider accepted it."""
    kind = " (rehearsal, nobody was mailed)" if received.rehearsal else ""
    why = f": {received.reason}" if received.reason else ""
    assumed = ", assumed by a person" if received.assumed else ""
    yield f"  {received.issue}{kind}: {received.state}{assumed}{why}"
    for one in received.acceptances:
        moment = one.at.astimezone(zone)
        yield f"    {moment:%Y-%m-%d %H:%M:%S} accepted by {received.provider} as {one.provider_id}"


def _events(found: SubscriberHistory, zone: ZoneInfo) -> Iterator[str]:
    for event in found.events:
        about = " ".join(filter(None, (event.issue, event.detail)))
        yield f"  {_moment(event.at, zone)} {event.kind}{f': {about}' if about else ''}"


def _twice(found: SubscriberHistory, look_alikes: Sequence[LookAlike]) -> Iterator[str]:
    """Yield what answers "I got it twice"."""
    twice = [one for one in found.deliveries if len(one.acceptances) > 1]
    for one in twice:
        times = len(one.acceptances)
        yield f"  {one.issue} may have arrived {times} times: look in the log of {one.provider}"
    for alike in look_alikes:
        who = f"{alike.subscriber.email}, {alike.subscriber.status}"
        both = f"; both got {', '.join(alike.issues)}" if alike.issues else ""
        yield f"  possibly the same mailbox: {who} ({alike.why}){both}"
    if not twice and not look_alikes:
        yield "  no letter was accepted twice, and nobody else has another spelling of this address"


def sources_as_json(found: Stats, asked: Sequence[AskedQuestion]) -> dict[str, Any]:
    """Return what the document of `subscribers stats` says of sources and answers."""
    return {
        "sources": [
            {"source": source, "confirmed": confirmed, "unconfirmed": unconfirmed}
            for source, (confirmed, unconfirmed) in _sources(found)
        ],
        "answers": [
            {
                "issue": one.issue,
                "question": one.question,
                "answers": [{"answer": answer, "count": count} for answer, count in one.answers],
            }
            for one in asked
        ],
    }


def sources_as_text(found: Stats, asked: Sequence[AskedQuestion]) -> Iterator[str]:
    """Yield the same as a person reads it."""
    if sources := _sources(found):
        yield ""
        yield f"{'sign-ups from':<42}{'confirmed':>12}{'not yet':>12}"
    for source, (confirmed, unconfirmed) in sources:
        yield f"  {source or 'a link without ?van=':<40}{confirmed:>12,}{unconfirmed:>12,}"
    for one in asked:
        yield ""
        yield f"{one.issue}: {one.question}"
        yield from (f"{count:>9,}  {answer}" for answer, count in one.answers)


def _sources(found: Stats) -> list[tuple[str | None, tuple[int, int]]]:
    """Return what each source brought, the one of most subscribers first."""
    return sorted(found.sources.items(), key=lambda one: (-one[1][0], -one[1][1], one[0] or ""))


def _moment(moment: datetime, zone: ZoneInfo) -> str:
    return f"{moment.astimezone(zone):%Y-%m-%d %H:%M}"
