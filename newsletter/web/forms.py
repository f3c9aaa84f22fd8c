"""Reading a form that a browser posts, in either encoding; anything else is refused."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from starlette.exceptions import HTTPException
from starlette.requests import Request

from newsletter.web import bodies

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.types import Message

_ENCODINGS: Final = frozenset({"application/x-www-form-urlencoded", "multipart/form-data"})
_MOST_FIELDS: Final = 20


async def fields(request: Request, most: int) -> Mapping[str, str]:
    """Return the text fields of a form by name; of several with one name the last.

    Args:
        request: A POST.
        most: How many bytes its body may have.

    Raises:
        HTTPException: The body is longer, comes too slowly, is no form, or holds a file.
    """
    encoding = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if encoding not in _ENCODINGS:
        raise HTTPException(415)
    body = await bodies.read(request, most)

    async def receive() -> Message:
        return {"type": "http.request", "body": body, "more_body": False}

    again = Request(request.scope, receive)
    async with again.form(max_files=0, max_fields=_MOST_FIELDS, max_part_size=most) as form:
        return {name: value for name, value in form.items() if isinstance(value, str)}


def shown(text: str, most: int) -> str:
    """Return what was typed as it may stand in a field of its own."""
    return "".join(filter(str.isprintable, text))[:most]
