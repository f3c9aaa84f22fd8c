"""What became of a request to Mailgun, among the events that it lists.

https://documentation.mailgun.com/docs/mailgun/api-reference/send/mailgun/events, and below
https://documentation.mailgun.com/docs/mailgun/user-manual/: events/event-polling,
events/event-structure, tracking-messages/track-tagging.
"""

from __future__ import annotations

import re
import zlib
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Final
from urllib.parse import urlencode

from newsletter.model import Accepted, Refused, Unknown
from newsletter.providers import mailgun_replies, replies
from newsletter.providers.base import Findings, Search
from newsletter.providers.wire import Reply

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from newsletter.model import Doubt
    from newsletter.providers.wire import Failure

# A page of events can be trusted when its youngest is half an hour old. They are kept for a day on
# the free plan, and for longer on every other; clocks may disagree.
SEARCH: Final = Search(lag=timedelta(minutes=30), keeps=timedelta(hours=23))
"""What a search can tell."""

VARIABLE: Final = "delivery"
"""What a letter's events call the reference of its delivery."""

LARGEST_PAGE: Final = 16 << 20
"""In bytes: an event may list all recipients of its request."""

# A domain has 20,000 tags at most. A thousand are enough to tell a request from nearly all others
# of a large mailing, and are never used up.
_TAGS: Final = 1000
# By which two clocks may differ, if one was set by hand or for another zone: what was taken and is
# not found would be sent again. Few other events carry the same tag.
_SKEW: Final = timedelta(hours=14)
_PER_PAGE: Final = 100
_PAGES: Final = 300
_MAY_NOT: Final = frozenset({401, 403})
# A letter was taken if any of these happened to it; "rejected" says that it was not.
_TAKEN: Final = frozenset(
    {"accepted", "delivered", "failed", "opened", "clicked", "unsubscribed", "complained"}
)
_NEXT: Final = re.compile(r"https?://.*/events/([\w=%~+.-]+)", re.ASCII)


@dataclass(frozen=True, slots=True)
class _Page:
    """Some of the events that were asked for.

    Attributes:
        taken: The letters of which it tells, by delivery reference.
        legible: It tells of each of them which delivery it was.
        last: There are no more events.
        following: The path of the next page; empty if the answer does not hold one.
    """

    taken: Mapping[str, Accepted]
    legible: bool
    last: bool
    following: str


def tag(key: str) -> str:
    """Return the tag of a request: one word, for several would be searched for one by one.

    Args:
        key: The batch's.
    """
    return f"newsletterbatch{zlib.crc32(key.encode()) % _TAGS:03d}"


def search(doubt: Doubt, fetch: Callable[[str], Reply | Failure], hide: Iterable[str]) -> Findings:
    """Look through the events since a request left that carry its tag.

    A letter is known by its delivery's reference: its reader may have left or moved since.

    Args:
        doubt: The request.
        fetch: Asks for what the domain has at a path.
        hide: What must not be shown of what is answered.
    """
    found: dict[str, Accepted] = {}
    missing = set(doubt.refs)
    legible = True
    path = f"events?{_query(doubt)}"
    for _ in range(_PAGES):
        page = _read(fetch(path), hide)
        if not isinstance(page, _Page):
            return Findings(found, complete=False, failure=page)
        found |= {ref: taken for ref, taken in page.taken.items() if ref in missing}
        missing -= found.keys()
        legible = legible and page.legible
        if not missing or (page.last and legible):
            return Findings(found, complete=True)
        if page.last:
            return _inconclusive(found, "lists letters and does not say whose they are")
        if not page.following:
            return _inconclusive(found, "does not say where its next events are")
        path = page.following
    return _inconclusive(found, "lists more events than can be looked through")


def _query(doubt: Doubt) -> str:
    return urlencode(
        {
            "begin": f"{(doubt.since - _SKEW).timestamp():.0f}",
            "ascending": "yes",
            "limit": _PER_PAGE,
            "tags": tag(doubt.key),
        }
    )


def _read(reply: Reply | Failure, hide: Iterable[str]) -> _Page | Failure:
    """Return what one page of events tells, or why it tells nothing."""
    if not isinstance(reply, Reply):
        return reply
    said = replies.content(reply)
    items = said.get("items")
    if reply.status != mailgun_replies.OK or not isinstance(items, list):
        failure = mailgun_replies.failure(reply, hide)
        if reply.status in _MAY_NOT:
            return Refused(f"{failure.reason}; a key that may only send cannot read events")
        return failure
    text = mailgun_replies.text
    letters = [item for item in items if text(item, "event") in _TAKEN]
    refs = [text(letter, "user-variables", VARIABLE) for letter in letters]
    names = [text(letter, "message", "headers", "message-id") for letter in letters]
    return _Page(
        taken={
            ref: Accepted(mailgun_replies.message_id(name))
            for ref, name in zip(refs, names, strict=True)
        },
        legible=all(ref and "%" not in ref for ref in refs),
        # Every page names a next one; an empty page is the end.
        last=not items,
        following=following(said),
    )


def following(said: Mapping[str, object]) -> str:
    """Return the path of the page after one; empty if that does not say where it is.

    Only the last part of it is taken over: the key goes to no address that an answer holds.
    """
    found = _NEXT.fullmatch(mailgun_replies.text(said, "paging", "next"))
    return f"events/{found[1]}" if found else ""


def _inconclusive(found: Mapping[str, Accepted], what: str) -> Findings:
    return Findings(found, complete=False, failure=Unknown(f"Mailgun {what}"))
