"""Whether the links and pictures of issues can be opened: `newsletter check --online`.

Servers are asked as `article/public_web.py` does: none in a private network. Several are asked at
the same time, each for one address at a time, and one that wants a pause gets it. Answers that are
good are kept for some days, so that another check asks for nothing again.
"""

from __future__ import annotations

import re
import time
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from enum import StrEnum
from http import HTTPStatus
from typing import TYPE_CHECKING, Final, NamedTuple
from urllib.parse import urldefrag, urlsplit

from newsletter.article.public_web import NoReply, Reason, Reply, request
from newsletter.checks.link_cache import load_cache
from newsletter.checks.prose import find_line, links
from newsletter.model import Button, Finding, Image, Severity

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from newsletter.config import Settings
    from newsletter.model import Draft

DEAD, UNREACHABLE, REDIRECTED = "link-dead", "link-unreachable", "link-redirected"
NOT_PUBLIC, TOO_LARGE, NOT_IMAGE = "article-not-public", "image-too-large", "image-not-image"
LARGEST_IMAGE: Final = 1_000_000
"""Bytes of a picture that letters may refer to."""

_SECONDS: Final = 10.0
_AT_ONCE: Final = 8
_LONGEST_PAUSE: Final = 5.0  # seconds that are waited for a server that asks for it
_FIRST_BYTES: Final = 1024
_SEVERITIES: Final = defaultdict(
    lambda: Severity.WARNING, {UNREACHABLE: Severity.HINT, REDIRECTED: Severity.HINT}
)
_GONE: Final = {HTTPStatus.NOT_FOUND, HTTPStatus.GONE}
_BUSY: Final = {HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE}
_ANCHOR: Final = re.compile(r'<a href="([^"]*)"')
_LOGIN: Final = re.compile(
    r"/(?:wp-login|log-?in|sign-?in|inloggen|aanmelden|ghost)\b", re.IGNORECASE
)


class Kind(StrEnum):
    """What an address is for."""

    LINK = "link"
    ARTICLE = "article"
    IMAGE = "image"


class Target(NamedTuple):
    """An address, and what it is for."""

    url: str
    kind: Kind


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong with an address: a rule, what is wrong, and what to do next."""

    rule: str
    message: str
    fix: str


def check(drafts: Sequence[Draft], settings: Settings) -> tuple[Finding, ...]:
    """Return what is wrong with the links and remote pictures of some issues.

    Raises:
        NewsletterError: The certificates of this machine cannot be read.
    """
    uses = [(draft, *use) for draft in drafts for use in _uses(draft)]
    cache = load_cache(settings.state)
    asked = {target for _, target, _ in uses if not cache.is_good(*target)}
    problems = _ask_all(asked)
    cache.keep([target for target in asked if target not in problems])
    found = (
        Finding(draft.path, line, one.rule, _SEVERITIES[one.rule], one.message, one.fix)
        for draft, target, line in uses
        if (one := problems.get(target))
    )
    return tuple(dict.fromkeys(found))


def _uses(draft: Draft) -> Iterator[tuple[Target, int]]:
    """Yield each https address of a letter, with its line, once."""
    entry = draft.entries.get("article")
    button = next((block for block in draft.blocks if isinstance(block, Button)), None)
    article = entry.value if entry else button.link.url if button else ""
    found = [(entry.value, Kind.ARTICLE, entry.line)] if entry else []
    found += [
        (block.url, Kind.IMAGE, find_line(draft, block.line, block.url))
        for block in draft.blocks
        if isinstance(block, Image)
    ]
    for link in links(draft):
        kind = Kind.ARTICLE if link.url == article else Kind.LINK
        found.append((link.url, kind, link.line))
    seen: set[str] = set()
    for url, kind, line in found:
        bare = urldefrag(url).url
        if bare.startswith("https://") and bare not in seen:
            seen.add(bare)
            yield Target(bare, kind), line


def _ask_all(targets: set[Target]) -> Mapping[Target, Problem]:
    """Return the problem of each address that has one."""
    by_host: dict[str, list[Target]] = defaultdict(list)
    for target in sorted(targets):
        by_host[urlsplit(target.url).netloc.lower()].append(target)
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        groups = list(pool.map(_ask_host, by_host.values()))
    return {target: problem for group in groups for target, problem in group if problem}


def _ask_host(targets: Sequence[Target]) -> list[tuple[Target, Problem | None]]:
    """Ask one server for its addresses; if it wants a long pause, ask for no more of them."""
    found: list[tuple[Target, Problem | None]] = []
    for target in targets:
        reply = _ask(target)
        if isinstance(reply, Reply) and (pause := _pause(reply)):
            if pause > _LONGEST_PAUSE:
                host = urlsplit(target.url).hostname
                message = f"{host} asks for a pause of {pause:.0f} seconds"
                return [*found, *((one, _unreachable(message)) for one in targets[len(found) :])]
            time.sleep(pause)
            reply = _ask(target)
        found.append((target, _judge(target, reply)))
    return found


def _ask(target: Target) -> Reply | NoReply:
    """Ask for the head alone, and for the first bytes where that does not say enough."""
    head = request(target.url, method="HEAD", seconds=_SECONDS, max_bytes=0)
    if isinstance(head, Reply):
        if head.status in _BUSY and _pause(head):
            return head
        has_size = target.kind is not Kind.IMAGE or head.headers.get("content-length")
        if head.status == HTTPStatus.OK and has_size:
            return head
    elif head.reason is not Reason.UNREACHABLE:
        return head
    most = LARGEST_IMAGE if target.kind is Kind.IMAGE else _FIRST_BYTES
    return request(target.url, seconds=_SECONDS, max_bytes=most)


def _pause(reply: Reply) -> float:
    """Return the seconds that a busy server asks to wait; 0 if it asks for none."""
    wait = reply.headers.get("retry-after", "").strip()
    is_number = wait.isascii() and wait.isdigit()
    return float(wait) if reply.status in _BUSY and is_number else 0.0


def _judge(target: Target, reply: Reply | NoReply) -> Problem | None:
    if isinstance(reply, NoReply):
        if reply.reason is Reason.NO_HOST:
            return Problem(DEAD, reply.message, "Look for a typing error in the address")
        return _unreachable(reply.message)
    host = urlsplit(target.url).hostname
    at_login = bool(_LOGIN.search(urlsplit(reply.url).path)) and not _LOGIN.search(target.url)
    is_closed = reply.status in {*_GONE, HTTPStatus.UNAUTHORIZED} or at_login
    if target.kind is Kind.ARTICLE and is_closed:
        why = f"answers {reply.status}" if reply.status in _GONE else "asks to log in"
        return Problem(
            NOT_PUBLIC,
            f"the article cannot be read yet: {host} {why}",
            "Publish the article before the letter goes out, or correct its address",
        )
    if reply.status in _GONE:
        return Problem(
            DEAD,
            f"there is nothing at this address: {host} answers {reply.status}",
            "Correct the address, or leave it out",
        )
    if not HTTPStatus.OK <= reply.status < HTTPStatus.MULTIPLE_CHOICES:
        return _unreachable(f"{host} answers {reply.status}")
    return _judge_image(reply) if target.kind is Kind.IMAGE else _judge_move(reply, at_login)


def _judge_move(reply: Reply, at_login: bool) -> Problem | None:  # noqa: FBT001
    if not reply.moved_to or at_login:
        return None
    fix = f"Write its new address: {reply.moved_to}"
    return Problem(REDIRECTED, "this page has moved for good", fix)


def _judge_image(reply: Reply) -> Problem | None:
    kind = reply.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind and not kind.startswith("image/"):
        return Problem(
            NOT_IMAGE,
            f"this address gives no picture, but {kind[:60]}",
            "Open the picture alone in a browser, and give the address that it has there",
        )
    size = reply.headers.get("content-length", "")
    if not reply.is_whole or (size.isdigit() and int(size) > LARGEST_IMAGE):
        return Problem(
            TOO_LARGE,
            f"this picture is larger than {LARGEST_IMAGE // 1_000_000} MB",
            "Make it smaller, or give a local file, which the program makes smaller",
        )
    return None


def _unreachable(message: str) -> Problem:
    return Problem(UNREACHABLE, message, "Open it in a browser; if it is there, nothing is wrong")
