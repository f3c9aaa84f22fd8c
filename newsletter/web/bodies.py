"""Reading what a client sends: for as long as it is short and comes soon."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.types import Scope

SECONDS: Final = 10.0
MOST_HELD: Final = 16 << 20
"""How many bytes of bodies are held at once, in all; the beginning of each counts for nothing."""

_SMALL: Final = 4096
_CLOSE: Final = {"Connection": "close"}
_LATER: Final = {"Retry-After": "10", **_CLOSE}
_SIZE: Final = "size"


class _Held:
    """What this process holds; its event loop alone counts."""

    count = 0


async def read(request: Request, most: int) -> bytes:
    """Return the body of a request, of at most so many bytes.

    It counts as held until the request is answered. Forms are so short that they never wait for
    long bodies: only what goes beyond that counts.

    Raises:
        HTTPException: It is longer, does not come in time, or its client is gone; or too much is
            held already.
    """
    parts: list[bytes] = []
    size = 0
    try:
        async with asyncio.timeout(SECONDS):
            async for part in request.stream():
                size += len(part)
                if size > most:
                    raise HTTPException(413, headers=_CLOSE)
                _hold(request.scope, size)
                parts.append(part)
    except TimeoutError:
        raise HTTPException(408, headers=_CLOSE) from None
    except ClientDisconnect:
        raise HTTPException(400) from None
    return b"".join(parts)


def let_go(scope: Scope) -> None:
    """Hold the body of a request no longer."""
    _Held.count -= scope["state"].pop(_SIZE, 0)


def _hold(scope: Scope, size: int) -> None:
    long, before = max(0, size - _SMALL), scope["state"].get(_SIZE, 0)
    if _Held.count + long - before > MOST_HELD:
        raise HTTPException(503, headers=_LATER)
    scope["state"][_SIZE] = long
    _Held.count += long - before
