"""Searches Mailgun's events for what became of a request.

https://documentation.mailgun.com/docs/mailgun/api-reference/send/mailgun/events, and below
https://documentation.mailgun.com/docs/mailgun/user-manual/: events/event-polling,
events/event-structure, events/filter-expressions, tracking-messages/track-tagging.

What is missing is searched in two ways, because a tag belongs to the account: with too many of them
it is dropped, and anybody may rename or remove it. Then accepted letters are not listed under it.
"""

from __future__ import annotations

import functools
import re
import zlib
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Final
from urllib.parse import urlencode

from newsletter.model import Accepted, RequestRefused, SearchResult, Unknown
from newsletter.providers import responses
from newsletter.providers.http import HttpResponse
from newsletter.providers.mailgun import responses as mailgun_responses

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from newsletter.model import UnresolvedRequest
    from newsletter.providers.http import Failure

VARIABLE: Final = "delivery"
"""The name of the delivery's reference in the events of a letter."""

LARGEST_PAGE: Final = 16 << 20
"""In bytes: an event may list all recipients of its request."""

# A domain has 20,000 tags at most. A thousand are enough to separate a request from nearly all
# others of a large mailing, and are never used up.
_TAGS: Final = 1000
# How much two clocks may differ, if one was set by hand or for another zone: an accepted letter
# that is not found would be sent again. Few other events have the same tag.
_SKEW: Final = timedelta(hours=14)
_PER_PAGE: Final = 100
_PAGES: Final = 300
_PAGES_OF_ONE: Final = 5
# What has no special meaning in a filter: a word after a minus must not occur.
_ASKABLE: Final = re.compile(r"[A-Za-z0-9][\w.+-]*@[A-Za-z0-9.-]+", re.ASCII)
_MAY_NOT: Final = frozenset({401, 403})
# A letter was accepted if it has any of these events; "rejected" says that it was not.
_TAKEN: Final = frozenset(
    {"accepted", "delivered", "failed", "opened", "clicked", "unsubscribed", "complained"}
)
_NEXT: Final = re.compile(r"https?://.*/events/([\w=%~+.-]+)", re.ASCII)


@dataclass(frozen=True, slots=True)
class _Page:
    """A page of events.

    Attributes:
        accepted: The letters in it, by delivery reference.
        complete: Each of them has a reference.
        last: There are no more events.
        following: The path of the next page; empty if the response has none.
    """

    accepted: Mapping[str, Accepted]
    complete: bool
    last: bool
    following: str


@dataclass(frozen=True, slots=True)
class _Found:
    """What the events that match a filter report.

    Attributes:
        accepted: The accepted ones among the deliveries in question, by reference.
        unnamed: There are others, without a reference.
        failure: Why not all events were read, if they were not.
    """

    accepted: Mapping[str, Accepted]
    unnamed: bool = False
    failure: Failure | None = None


def tag(key: str) -> str:
    """Return the tag of a request: one word, because several would be searched separately.

    Args:
        key: The batch's.
    """
    return f"newsletterbatch{zlib.crc32(key.encode()) % _TAGS:03d}"


def find_letters(
    request: UnresolvedRequest, fetch: Callable[[str], HttpResponse | Failure], hide: Iterable[str]
) -> SearchResult:
    """Read the events since a request was sent: those with its tag, then those of a few recipients.

    A letter is known by its delivery's reference: its recipient may have unsubscribed or changed
    their address since.

    Args:
        request: The request.
        fetch: Fetches what the domain has at a path.
        hide: What must not be shown of a response.
    """
    begin = f"{(request.since - _SKEW).timestamp():.0f}"
    find = functools.partial(_find, fetch, hide, begin)
    seen = find(request.refs, tags=tag(request.key))
    missing = [ref for ref in request.refs if ref not in seen.accepted]
    if seen.failure:
        return SearchResult(seen.accepted, complete=False, failure=seen.failure)
    if missing and seen.unnamed:
        return _inconclusive(seen.accepted, "lists letters and does not say whose they are")
    return _without_tag(request, seen.accepted, missing, find)


def _without_tag(
    request: UnresolvedRequest,
    found: Mapping[str, Accepted],
    missing: Sequence[str],
    find: Callable[..., _Found],
) -> SearchResult:
    """Accept that letters are missing if a search by address confirms it for a few recipients.

    Mailgun accepts all of a request or nothing, so that a few recipients are enough. Erased
    subscribers are mailed no more, and changed addresses cannot be searched.
    """
    if not any(ref in request.addresses for ref in missing):
        return SearchResult(found, complete=True)
    proved = False
    for ref in _few([ref for ref in missing if _ASKABLE.fullmatch(request.addresses.get(ref, ""))]):
        seen = find([ref], pages=_PAGES_OF_ONE, recipient=request.addresses[ref])
        if seen.failure:
            return SearchResult(found, complete=False, failure=seen.failure)
        if seen.accepted:
            return _by_name(
                {**found, **seen.accepted}, missing, seen.accepted[ref].provider_id, find
            )
        # Another sender's letter to the same address, or ours: it proves nothing.
        proved = proved or not seen.unnamed
    if proved:
        return SearchResult(found, complete=True)
    return _inconclusive(found, "does not say of any recipient whether it has their letter")


def _by_name(
    found: Mapping[str, Accepted], missing: Sequence[str], name: str, find: Callable[..., _Found]
) -> SearchResult:
    """Search for the rest of a request by the name that all its letters have in common.

    Its tag proves nothing: what is missing under it may still be accepted.
    """
    seen = find(missing, **{"message-id": name}) if name else _Found({})
    found = {**found, **seen.accepted}
    if all(ref in found for ref in missing):
        return SearchResult(found, complete=True)
    if seen.failure:
        return SearchResult(found, complete=False, failure=seen.failure)
    return _inconclusive(found, "lists letters without the tag with which they left")


def _few(refs: Sequence[str]) -> Iterable[str]:
    """Return the first, the middle one and the last, each once."""
    return dict.fromkeys((refs[0], refs[len(refs) // 2], refs[-1])) if refs else ()


def _find(
    fetch: Callable[[str], HttpResponse | Failure],
    hide: Iterable[str],
    begin: str,
    refs: Iterable[str],
    *,
    pages: int = _PAGES,
    **filters: str,
) -> _Found:
    """Search for deliveries among the events since a moment that match a filter."""
    query = {"begin": begin, "ascending": "yes", "limit": _PER_PAGE, **filters}
    path = f"events?{urlencode(query)}"
    accepted: dict[str, Accepted] = {}
    missing = set(refs)
    unnamed = False
    for _ in range(pages):
        page = _read(fetch(path), hide)
        if not isinstance(page, _Page):
            return _Found(accepted, unnamed, page)
        accepted |= {ref: one for ref, one in page.accepted.items() if ref in missing}
        missing -= accepted.keys()
        unnamed = unnamed or not page.complete
        if not missing or page.last:
            return _Found(accepted, unnamed)
        if not page.following:
            return _Found(accepted, unnamed, _unknown("does not say where its next events are"))
        path = page.following
    return _Found(accepted, unnamed, _unknown("lists more events than can be looked through"))


def _read(response: HttpResponse | Failure, hide: Iterable[str]) -> _Page | Failure:
    """Return what one page of events reports, or why it reports nothing."""
    if not isinstance(response, HttpResponse):
        return response
    said = responses.content(response)
    items = said.get("items")
    if response.status != mailgun_responses.OK or not isinstance(items, list):
        failure = mailgun_responses.failure(response, hide)
        if response.status in _MAY_NOT:
            return RequestRefused(f"{failure.reason}; a key that may only send cannot read events")
        return failure
    text = mailgun_responses.text
    letters = [item for item in items if text(item, "event") in _TAKEN]
    refs = [text(letter, "user-variables", VARIABLE) for letter in letters]
    names = [text(letter, "message", "headers", "message-id") for letter in letters]
    return _Page(
        accepted={
            ref: Accepted(mailgun_responses.message_id(name))
            for ref, name in zip(refs, names, strict=True)
        },
        complete=all(ref and "%" not in ref for ref in refs),
        # Every page names a next one; an empty page is the end.
        last=not items,
        following=following(said),
    )


def following(said: Mapping[str, object]) -> str:
    """Return the path of the next page; empty if a page does not name one.

    Only the last part of the URL is used: the key is sent to no address from a response.
    """
    found = _NEXT.fullmatch(mailgun_responses.text(said, "paging", "next"))
    return f"events/{found[1]}" if found else ""


def _inconclusive(found: Mapping[str, Accepted], what: str) -> SearchResult:
    return SearchResult(found, complete=False, failure=_unknown(what))


def _unknown(what: str) -> Unknown:
    return Unknown(f"Mailgun {what}")
