"""What became of a request to Mailgun, among the events that it lists.

https://documentation.mailgun.com/docs/mailgun/api-reference/send/mailgun/events, and below
https://documentation.mailgun.com/docs/mailgun/user-manual/: events/event-polling,
events/event-structure, events/filter-expressions, tracking-messages/track-tagging.

What is missing is looked for in two ways, for a tag is the account's: with too many of them it is
dropped, and anybody may rename or remove it. Then nothing is listed under it of what was taken.
"""

from __future__ import annotations

import functools
import re
import zlib
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Final
from urllib.parse import urlencode

from newsletter.model import Accepted, RequestRefused, Search, SearchResult, Unknown
from newsletter.providers import responses
from newsletter.providers.http import HttpResponse
from newsletter.providers.mailgun import responses as mailgun_responses

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from newsletter.model import UnresolvedRequest
    from newsletter.providers.http import Failure

# A page of events can be trusted when its youngest is half an hour old. They are kept for a day on
# the free plan, and for longer on every other; clocks may disagree.
SEARCH: Final = Search(lag=timedelta(minutes=30), retention=timedelta(hours=23))
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
_PAGES_OF_ONE: Final = 5
# What has no meaning of its own in a filter: with a minus before it, a word must not be there.
_ASKABLE: Final = re.compile(r"[A-Za-z0-9][\w.+-]*@[A-Za-z0-9.-]+", re.ASCII)
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


@dataclass(frozen=True, slots=True)
class _Seen:
    """What the events that fit a filter tell.

    Attributes:
        taken: What was looked for and was taken, by delivery reference.
        unnamed: There are others, of which it is not told which they are.
        failure: Why not all of them were seen, if they were not.
    """

    taken: Mapping[str, Accepted]
    unnamed: bool = False
    failure: Failure | None = None


def tag(key: str) -> str:
    """Return the tag of a request: one word, for several would be searched for one by one.

    Args:
        key: The batch's.
    """
    return f"newsletterbatch{zlib.crc32(key.encode()) % _TAGS:03d}"


def search(
    doubt: UnresolvedRequest, fetch: Callable[[str], HttpResponse | Failure], hide: Iterable[str]
) -> SearchResult:
    """Look through the events since a request left: those with its tag, then those of some readers.

    A letter is known by its delivery's reference: its reader may have left or moved since.

    Args:
        doubt: The request.
        fetch: Asks for what the domain has at a path.
        hide: What must not be shown of what is answered.
    """
    begin = f"{(doubt.since - _SKEW).timestamp():.0f}"
    look = functools.partial(_look, fetch, hide, begin)
    seen = look(doubt.refs, tags=tag(doubt.key))
    missing = [ref for ref in doubt.refs if ref not in seen.taken]
    if seen.failure:
        return SearchResult(seen.taken, complete=False, failure=seen.failure)
    if missing and seen.unnamed:
        return _inconclusive(seen.taken, "lists letters and does not say whose they are")
    return _without_tag(doubt, seen.taken, missing, look)


def _without_tag(
    doubt: UnresolvedRequest,
    found: Mapping[str, Accepted],
    missing: Sequence[str],
    look: Callable[..., _Seen],
) -> SearchResult:
    """Believe that letters are missing if that is also so for some of their readers.

    Mailgun takes all of a request or nothing, so that a few readers tell. Whoever has been erased
    is mailed no more, and whose address is another now cannot be asked for.
    """
    if not any(ref in doubt.addresses for ref in missing):
        return SearchResult(found, complete=True)
    told = False
    for ref in _few([ref for ref in missing if _ASKABLE.fullmatch(doubt.addresses.get(ref, ""))]):
        seen = look([ref], pages=_PAGES_OF_ONE, recipient=doubt.addresses[ref])
        if seen.failure:
            return SearchResult(found, complete=False, failure=seen.failure)
        if seen.taken:
            return _by_name({**found, **seen.taken}, missing, seen.taken[ref].provider_id, look)
        # Somebody else's letter to him, or ours: he tells nothing.
        told = told or not seen.unnamed
    if told:
        return SearchResult(found, complete=True)
    return _inconclusive(found, "tells of none of the readers whether it has a letter for him")


def _by_name(
    found: Mapping[str, Accepted], missing: Sequence[str], name: str, look: Callable[..., _Seen]
) -> SearchResult:
    """Look for the rest of a request by the name that all of its letters have in common.

    Its tag is not to be believed: what is missing now may have been taken all the same.
    """
    seen = look(missing, **{"message-id": name}) if name else _Seen({})
    found = {**found, **seen.taken}
    if all(ref in found for ref in missing):
        return SearchResult(found, complete=True)
    if seen.failure:
        return SearchResult(found, complete=False, failure=seen.failure)
    return _inconclusive(found, "lists letters without the tag with which they left")


def _few(refs: Sequence[str]) -> Iterable[str]:
    """Return the first, the one in the middle and the last of them, each once."""
    return dict.fromkeys((refs[0], refs[len(refs) // 2], refs[-1])) if refs else ()


def _look(
    fetch: Callable[[str], HttpResponse | Failure],
    hide: Iterable[str],
    begin: str,
    refs: Iterable[str],
    *,
    pages: int = _PAGES,
    **filters: str,
) -> _Seen:
    """Look for deliveries among the events since a moment that fit a filter."""
    query = {"begin": begin, "ascending": "yes", "limit": _PER_PAGE, **filters}
    path = f"events?{urlencode(query)}"
    taken: dict[str, Accepted] = {}
    missing = set(refs)
    unnamed = False
    for _ in range(pages):
        page = _read(fetch(path), hide)
        if not isinstance(page, _Page):
            return _Seen(taken, unnamed, page)
        taken |= {ref: one for ref, one in page.taken.items() if ref in missing}
        missing -= taken.keys()
        unnamed = unnamed or not page.legible
        if not missing or page.last:
            return _Seen(taken, unnamed)
        if not page.following:
            return _Seen(taken, unnamed, _unknown("does not say where its next events are"))
        path = page.following
    return _Seen(taken, unnamed, _unknown("lists more events than can be looked through"))


def _read(reply: HttpResponse | Failure, hide: Iterable[str]) -> _Page | Failure:
    """Return what one page of events tells, or why it tells nothing."""
    if not isinstance(reply, HttpResponse):
        return reply
    said = responses.content(reply)
    items = said.get("items")
    if reply.status != mailgun_responses.OK or not isinstance(items, list):
        failure = mailgun_responses.failure(reply, hide)
        if reply.status in _MAY_NOT:
            return RequestRefused(f"{failure.reason}; a key that may only send cannot read events")
        return failure
    text = mailgun_responses.text
    letters = [item for item in items if text(item, "event") in _TAKEN]
    refs = [text(letter, "user-variables", VARIABLE) for letter in letters]
    names = [text(letter, "message", "headers", "message-id") for letter in letters]
    return _Page(
        taken={
            ref: Accepted(mailgun_responses.message_id(name))
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
    found = _NEXT.fullmatch(mailgun_responses.text(said, "paging", "next"))
    return f"events/{found[1]}" if found else ""


def _inconclusive(found: Mapping[str, Accepted], what: str) -> SearchResult:
    return SearchResult(found, complete=False, failure=_unknown(what))


def _unknown(what: str) -> Unknown:
    return Unknown(f"Mailgun {what}")
