"""Reading what a client sends: for as long as it is short and comes soon."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

if TYPE_CHECKING:
    from starlette.requests import Request

SECONDS: Final = 10.0
_CLOSE: Final = {"Connection": "close"}


async def read(request: Request, most: int) -> bytes:
    """Return the body of a request, of at most so many bytes.

    Raises:
        HTTPException: It is longer, does not come in time, or its client is gone.
    """
    parts: list[bytes] = []
    size = 0
    try:
        async with asyncio.timeout(SECONDS):
            async for part in request.stream():
                size += len(part)
                if size > most:
                    raise HTTPException(413, headers=_CLOSE)
                parts.append(part)
    except TimeoutError:
        raise HTTPException(408, headers=_CLOSE) from None
    except ClientDisconnect:
        raise HTTPException(400) from None
    return b"".join(parts)
