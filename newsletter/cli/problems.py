"""What `status` says of letters that mailbox providers refused, and of webhooks nobody can read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from newsletter.model import Cause
from newsletter.schedule import format_utc
from newsletter.subscriptions.refusals import refused_lately, unreadable_webhooks

if TYPE_CHECKING:
    from collections.abc import Iterator

    from newsletter.store import Store
    from newsletter.subscriptions.refusals import Refused

_ABOUT: Final = {
    Cause.POLICY: "blocks or limits your letters",
    Cause.SENDER: "refuses your letters because of how they are sent",
    Cause.SIZE: "refuses your letters because they are too large",
}
_NEXT_STEP: Final = {
    Cause.POLICY: "ask your email provider to have the block lifted",
    Cause.SENDER: "check SPF, DKIM and DMARC of your sender's domain at your email provider",
    Cause.SIZE: "make the next letter smaller",
}


def as_json(store: Store) -> dict[str, Any]:
    """Return what `status --json` has of these."""
    return {
        "refused": [
            {
                "cause": one.cause.value,
                "mailbox_provider": one.mailbox_provider,
                "subscribers": one.subscribers,
                "first_at": format_utc(one.first_at),
                "last_at": format_utc(one.last_at),
                "says": one.says,
                "next_step": _NEXT_STEP[one.cause],
            }
            for one in refused_lately(store)
        ],
        "webhooks": {"unreadable": unreadable_webhooks(store)},
    }


def as_lines(store: Store) -> Iterator[str]:
    """Yield what a person reads of these; nothing while all is well."""
    for one in refused_lately(store):
        yield from _refused(one)
    if count := unreadable_webhooks(store):
        some = "1 webhook was" if count == 1 else f"{count:,} webhooks were"
        yield (
            f"{some} genuine and could not be read: what it tells may be missing here"
            " (docs/events.md)"
        )


def _refused(one: Refused) -> Iterator[str]:
    many = f"{one.subscribers:,} subscriber{'s' * (one.subscribers != 1)}"
    yield (
        f"{one.mailbox_provider} {_ABOUT[one.cause]}: {many} missed one,"
        f" last {one.last_at:%Y-%m-%d}; they stay on the list"
    )
    if one.says:
        yield f"  it says: {one.says}"
    yield f"  next: {_NEXT_STEP[one.cause]} (docs/events.md)"
