"""Reading a form that a browser posts, in either encoding; anything else is refused."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from python_multipart.multipart import parse_options_header
from starlette.exceptions import HTTPException
from starlette.requests import Request

from newsletter.web import bodies

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.types import Message

_ENCODINGS: Final = frozenset({b"application/x-www-form-urlencoded", b"multipart/form-data"})
_MOST_FIELDS: Final = 20


async def fields(request: Request, most: int) -> Mapping[str, str]:
    """Return the text fields of a form by name; of several with one name the last.

    Args:
        request: A POST.
        most: How many bytes its body may have.

    Raises:
        HTTPException: The body is longer, comes too slowly, is no form, or holds a file.
    """
    kind, boundary = _encoding(request.headers.get("content-type", ""))
    body = await bodies.read(request, most)

    async def receive() -> Message:
        return {"type": "http.request", "body": body, "more_body": False}

    # Browsers post in the encoding of the page, which is UTF-8; another one that a client names
    # may be one that decodes no text.
    said = kind + (b'; boundary="%b"' % boundary if boundary else b"")
    scope = {**request.scope, "headers": [(b"content-type", said)]}
    again = Request(scope, receive)
    try:
        async with again.form(max_files=0, max_fields=_MOST_FIELDS, max_part_size=most) as form:
            return {name: value for name, value in form.items() if isinstance(value, str)}
    except (ValueError, LookupError):
        raise HTTPException(400) from None


def _encoding(header: str) -> tuple[bytes, bytes]:
    """Return what a form is encoded as, and what stands between its parts."""
    try:
        kind, options = parse_options_header(header)
    except (ValueError, LookupError):
        raise HTTPException(415) from None
    if kind not in _ENCODINGS:
        raise HTTPException(415)
    return kind, options.get(b"boundary", b"")


def shown(text: str, most: int) -> str:
    """Return what was typed as it may stand in a field of its own."""
    return "".join(filter(str.isprintable, text))[:most]
