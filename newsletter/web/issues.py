"""The page of an issue, as it was sent but without anything of a subscriber."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from starlette.responses import Response

from newsletter.archive import paths
from newsletter.model import Letter
from newsletter.store import editions, mailings
from newsletter.web import links

if TYPE_CHECKING:
    from starlette.requests import Request

    from newsletter.web.archive import ArchiveHandler
    from newsletter.web.context import Context

_SLUG: Final = re.compile(r"[a-z0-9][a-z0-9-]{0,119}")
# An author's pictures may be anywhere, and the styles of a letter are in its elements.
_HEADERS: Final = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'unsafe-inline'; img-src 'self' https:; form-action 'none';"
        " base-uri 'none'; frame-ancestors 'none'"
    ),
    "Cache-Control": "public, max-age=300",
}


class IssueHandler:
    """Shows an issue."""

    def __init__(self, context: Context, archive: ArchiveHandler) -> None:
        self._context = context
        self._archive = archive

    def show(self, request: Request) -> Response:
        """Show an issue as its subscribers got it, or as it was corrected since."""
        context = self._context
        slug = links.repair(_SLUG, request.path_params["slug"])
        if not _SLUG.fullmatch(slug):
            return context.pages.missing_issue.answer(404)
        if page := self._archive.answer(request, paths.issue_path(slug)):
            return page
        # One that an earlier version of the program froze has only its letter.
        with context.database.store().read() as connection:
            if editions.is_withdrawn(connection, slug):
                return context.pages.withdrawn.answer(410)
            found = mailings.published_letter(connection, slug, rehearsals=context.shows_rehearsals)
        if found is None:
            return context.pages.missing_issue.answer(404)
        letter_hash, frozen = found
        headers = {**_HEADERS, "ETag": f'"{letter_hash}"'}
        if headers["ETag"] in request.headers.get("if-none-match", ""):
            return Response(status_code=304, headers=headers)
        return Response(Letter.decode(frozen).page, 200, headers, "text/html")
