"""Reading what a client sends: a body that is short and comes soon, and the form in it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from python_multipart.multipart import parse_options_header
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.formparsers import FormParser, MultiPartException, MultiPartParser
from starlette.requests import ClientDisconnect

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Mapping

    from starlette.requests import Request
    from starlette.types import Scope

    from newsletter.web.context import Limits

MAX_FORM: Final = 4096
"""How many bytes the body of a form may have."""

_MAX_FIELDS: Final = 20
_HELD: Final = "held"
_CLOSE: Final = {"Connection": "close"}
_RETRY: Final = {"Retry-After": "10", **_CLOSE}
_FORM_TYPE: Final = b"application/x-www-form-urlencoded"
_MULTIPART: Final = b"multipart/form-data"


class BodyReader:
    """Reads the bodies of requests; it belongs to one event loop, which alone counts its bytes."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._held = 0

    async def read(self, request: Request, most: int) -> bytes:
        """Return the body of a request, of at most so many bytes.

        It counts as held until `release`. Forms are so short that they never wait for long bodies:
        only what is longer than a form counts.

        Raises:
            HTTPException: It is longer, does not come in time, or its client is gone; or too much
                is held already.
        """
        parts: list[bytes] = []
        size = 0
        try:
            async with asyncio.timeout(self._limits.read_body_seconds):
                async for part in request.stream():
                    size += len(part)
                    if size > most:
                        raise HTTPException(413, headers=_CLOSE)
                    self._hold(request.scope, size)
                    parts.append(part)
        except TimeoutError:
            raise HTTPException(408, headers=_CLOSE) from None
        except ClientDisconnect:
            raise HTTPException(400) from None
        return b"".join(parts)

    def release(self, scope: Scope) -> None:
        """Count the body of a request no longer, because it is answered."""
        self._held -= scope["state"].pop(_HELD, 0)

    async def read_form(self, request: Request) -> Mapping[str, str]:
        """Return the text fields of a form by name; of several with one name the last.

        Raises:
            HTTPException: The body is too long, comes too slowly, is no form, or holds a file.
        """
        kind, boundary = _encoding(request.headers.get("content-type", ""))
        body = await self.read(request, MAX_FORM)
        return await _parse(kind, boundary, body)

    def _hold(self, scope: Scope, size: int) -> None:
        long, before = max(0, size - MAX_FORM), scope["state"].get(_HELD, 0)
        if self._held + long - before > self._limits.held_bytes:
            raise HTTPException(503, headers=_RETRY)
        scope["state"][_HELD] = long
        self._held += long - before


async def _parse(kind: bytes, boundary: bytes, body: bytes) -> Mapping[str, str]:
    async def stream() -> AsyncGenerator[bytes, None]:
        yield body

    # Browsers post in the encoding of the page, which is UTF-8; another charset that a client
    # names may be one that decodes no text. So the parser sees the boundary and no charset.
    said = kind + (b'; boundary="%b"' % boundary if boundary else b"")
    headers = Headers(raw=[(b"content-type", said)])
    if kind == _MULTIPART:
        parser: FormParser | MultiPartParser = MultiPartParser(
            headers, stream(), max_files=0, max_fields=_MAX_FIELDS, max_part_size=MAX_FORM
        )
    else:
        parser = FormParser(headers, stream(), max_fields=_MAX_FIELDS, max_part_size=MAX_FORM)
    try:
        form = await parser.parse()
    except (MultiPartException, ValueError, LookupError):
        raise HTTPException(400) from None
    return {name: value for name, value in form.items() if isinstance(value, str)}


def _encoding(header: str) -> tuple[bytes, bytes]:
    """Return how a form is encoded, and what separates its parts."""
    try:
        kind, options = parse_options_header(header)
    except (ValueError, LookupError):
        raise HTTPException(415) from None
    if kind not in {_FORM_TYPE, _MULTIPART}:
        raise HTTPException(415)
    return kind, options.get(b"boundary", b"")


def is_foreign(request: Request, own_url: str) -> bool:
    """Return whether a page of another site made this request.

    Browsers say so themselves (Fetch Metadata); old ones name the page's origin. A page of ours has
    none, because it sends no referrer (Fetch, section 3.1: "null").
    """
    if site := request.headers.get("sec-fetch-site"):
        return site not in {"same-origin", "none"}
    origin = request.headers.get("origin", "null")
    ours = {request.headers.get("host"), urlsplit(own_url).netloc}
    # Whatever else is in it, an origin is a scheme and a host (Fetch, section 3.2).
    return origin != "null" and origin.partition("://")[2] not in ours


def printable(text: str, most: int) -> str:
    """Return what a visitor typed as it may be shown in its field again."""
    return "".join(filter(str.isprintable, text))[:most]
