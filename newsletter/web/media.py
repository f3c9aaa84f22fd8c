"""The pictures of letters, as they were stored: a name never gets other bytes."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from starlette.responses import Response

from newsletter import pictures
from newsletter.store import media
from newsletter.web import links

if TYPE_CHECKING:
    from starlette.requests import Request

    from newsletter.web.context import Context

_NAME: Final = re.compile(pictures.NAME)
_FOREVER: Final = "public, max-age=31536000, immutable"


class MediaHandler:
    """Shows a picture."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def show(self, request: Request) -> Response:
        """Show a picture; who has it already is not sent it again, and no database is asked."""
        name = links.repair(_NAME, request.path_params["name"])
        if not _NAME.fullmatch(name):
            return self._context.pages.missing.answer(404)
        headers = {"Cache-Control": _FOREVER, "ETag": f'"{name}"'}
        if headers["ETag"] in request.headers.get("if-none-match", ""):
            return Response(status_code=304, headers=headers)
        with self._context.database.store().read() as connection:
            found = media.read(connection, name)
        if found is None:
            return self._context.pages.missing.answer(404)
        return Response(found, 200, headers, pictures.media_type(name))
