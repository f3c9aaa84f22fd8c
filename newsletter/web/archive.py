"""The archive in the app: pages of the issues that were published, rendered when first asked for.

Each process keeps the pages of the archive as it is: a thousand feed readers cost one
rendering, and one cheap query each.
"""

from __future__ import annotations

import hashlib
import threading
from dataclasses import dataclass
from datetime import UTC, timedelta
from email.utils import format_datetime
from typing import TYPE_CHECKING, Final

from starlette.responses import JSONResponse, Response

from newsletter.archive import paths
from newsletter.archive.published import read_site
from newsletter.archive.search_query import LONGEST
from newsletter.store import editions
from newsletter.store.database import now
from newsletter.web.pages import page_policy

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from starlette.requests import Request

    from newsletter.archive.searching import SearchResult
    from newsletter.archive.site import Page, Site
    from newsletter.web.context import Context

_VARY: Final = {"Vary": "Accept"}
_SECOND: Final = timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class _Answer:
    """A rendered page with the headers that describe it."""

    page: Page
    headers: Mapping[str, str]


class _Snapshot:
    """The archive as it was at one moment, with the pages that were asked for since."""

    def __init__(self, key: str, site: Site, changed_at: datetime, robots: str) -> None:
        self.key = key
        self.site = site
        self.changed_at = changed_at
        self._robots = robots
        self._answers: dict[str, _Answer] = {}
        self._rendering = threading.Lock()

    def answer(self, path: str) -> _Answer | None:
        """Return a page; it is rendered once, whoever asks for it meanwhile."""
        if path not in self._answers:
            with self._rendering:
                if path not in self._answers and (page := self.site.page(path)):
                    self._answers[path] = _Answer(page, self._headers(page))
        return self._answers.get(path)

    def _headers(self, page: Page) -> dict[str, str]:
        headers = {
            "Cache-Control": "public, max-age=300",
            "ETag": f'"{hashlib.sha256(page.body).hexdigest()[:32]}"',
            "Last-Modified": format_datetime(self.changed_at, usegmt=True),
            "X-Robots-Tag": self._robots,
        }
        if page.media_type == "text/html":
            headers["Content-Security-Policy"] = page_policy(page.body.decode(), pictures=True)
        return headers


class ArchiveHandler:
    """Shows the pages of the archive."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._snapshot: _Snapshot | None = None
        self._since: datetime | None = None
        """When this process showed the archive first: settings and program are those of then."""
        self._reading = threading.Lock()

    def show(self, request: Request) -> Response:
        """Show the page of the request's path."""
        path = request.scope["path"].lstrip("/")
        return self.answer(request, path) or self._context.pages.missing.answer(404)

    def search(self, request: Request) -> Response:
        """Show what a query finds: as a page, or as JSON to who asks for that."""
        query = request.query_params.get("q", "")[:LONGEST].replace("\0", "")
        site = self._current().site
        if "application/json" in request.headers.get("accept", ""):
            return JSONResponse(self._as_json(site.search(query)), headers=_VARY)
        page = site.search_page(query.strip())
        policy = page_policy(page.body.decode(), pictures=True)
        headers = {**_VARY, "Content-Security-Policy": policy}
        return Response(page.body, 200, headers, page.media_type)

    def _as_json(self, result: SearchResult) -> list[dict[str, str]]:
        return [
            {
                "issue": hit.entry.slug,
                "title": hit.entry.title,
                "date": hit.entry.day,
                "excerpt": hit.excerpt,
                "url": self._context.form_url + paths.issue_path(hit.entry.slug),
            }
            for hit in result.hits
        ]

    def answer(self, request: Request, path: str) -> Response | None:
        """Return the answer to a request for a page of the archive; None if it has no such page."""
        found = self._current().answer(path)
        if found is None:
            return None
        if _has_it(request.headers, found.headers):
            return Response(status_code=304, headers=found.headers)
        return Response(found.page.body, 200, found.headers, found.page.media_type)

    def _current(self) -> _Snapshot:
        store = self._context.database.store()
        with store.read() as connection:
            key = editions.fingerprint(connection)
        snapshot = self._snapshot
        if snapshot is None or snapshot.key != key:
            with self._reading:
                snapshot = self._snapshot = self._read()
        return snapshot

    def _read(self) -> _Snapshot:
        context = self._context
        store = context.database.store()
        # First the key: what changes meanwhile has another one, and is read with the next request.
        with store.read() as connection:
            key = editions.fingerprint(connection)
            if self._snapshot and self._snapshot.key == key:  # another thread was first
                return self._snapshot
            self._since = self._since or now(connection)
            changed_at = max(self._since, editions.changed_at(connection) or self._since)
        changed_at = changed_at.astimezone(UTC).replace(microsecond=0)
        if self._snapshot:  # two changes within a second have two dates
            changed_at = max(changed_at, self._snapshot.changed_at + _SECOND)
        site = read_site(context.settings, store)
        # What nobody was mailed is nobody's to find.
        robots = "noindex" if context.shows_rehearsals else "all"
        return _Snapshot(key, site, changed_at, robots)


def _has_it(asked: Mapping[str, str], headers: Mapping[str, str]) -> bool:
    """Return whether the client has these bytes: RFC 9110, section 13.1.

    A date counts only when it is exactly ours: an archive may also go back to what it was before.
    """
    if "if-none-match" in asked:
        tags = [tag.strip().removeprefix("W/") for tag in asked["if-none-match"].split(",")]
        return headers["ETag"] in tags or "*" in tags
    return asked.get("if-modified-since") == headers["Last-Modified"]
