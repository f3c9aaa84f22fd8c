"""Where providers tell what became of letters: believed by its signature, stored, then answered."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Final, TypeAlias

from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.responses import Response

from newsletter.errors import NewsletterError
from newsletter.providers import webhooks
from newsletter.providers.webhooks import InvalidSignature, WebhookRequest
from newsletter.subscriptions.events import apply_since, keep
from newsletter.web import bodies
from newsletter.web.batching import RequestBatcher
from newsletter.web.middleware import annotate, mark_known

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.requests import Request

    from newsletter.config import Settings
    from newsletter.web.database import Database

    _Genuine: TypeAlias = tuple[str, str, bytes]

_AT_ONCE: Final = 2
"""Threads for each provider: whoever floods one keeps neither others nor subscribers waiting."""

_UNREADABLE: Final = "genuine, but not all of it could be read: see newsletter status"
_LATER: Final = {"Retry-After": "60"}


class Webhooks:
    """What the address of each provider answers.

    Args:
        settings: The newsletter's; a provider without a secret in them has no address.
        database: The list and the ledger.

    Raises:
        NewsletterError: A secret cannot be one.
    """

    def __init__(self, settings: Settings, database: Database) -> None:
        gates = {name: webhooks.open_gate(settings, name) for name in webhooks.NAMES}
        self._gates = {name: gate for name, gate in gates.items() if gate}
        self._database = database
        self._few: dict[str, asyncio.Semaphore] = {}
        self._unreadable: set[tuple[str, str]] = set()
        self._line = RequestBatcher(self._keep, self._apply)
        self._looked_at = 0

    async def receive(self, request: Request) -> Response:
        """Take a webhook; what is answered with 200 is stored for good, or known already."""
        provider = request.path_params["provider"]
        if provider not in self._gates:
            raise HTTPException(404)
        gate = self._gates[provider]
        body = await bodies.read(request, gate.most)
        hook = WebhookRequest(dict(request.headers), body, time.time())
        try:
            async with self._few.setdefault(provider, asyncio.Semaphore(_AT_ONCE)):
                name = await run_in_threadpool(gate.admit, hook)
            mark_known(request.scope)
            await self._line.wait((provider, name, body))
            if (provider, name) in self._unreadable:
                self._unreadable.discard((provider, name))
                annotate(request.scope, _UNREADABLE)
        except InvalidSignature as refusal:
            annotate(request.scope, str(refusal))
            return Response(status_code=refusal.status)
        except NewsletterError as error:
            annotate(request.scope, str(error))
            return Response(status_code=503, headers=_LATER)
        return Response(status_code=200)

    def _keep(self, first: list[_Genuine], others: Callable[[], list[_Genuine]]) -> None:
        store = self._database.store()
        self._unreadable |= keep(store, first + others())

    def _apply(self) -> None:
        """Apply what came; what has to wait, `chores` looks at again."""
        self._looked_at = apply_since(self._database.store(), self._looked_at)
