"""Where providers tell what became of letters: believed by its signature, stored, then answered."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Final

from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.responses import Response

from newsletter.config import PROVIDERS
from newsletter.errors import NewsletterError
from newsletter.providers.base_events import InvalidSignature, WebhookRequest
from newsletter.providers.registry import events_of
from newsletter.subscriptions.events import apply_since, keep
from newsletter.web import bodies
from newsletter.web.batching import RequestBatcher
from newsletter.web.middleware import annotate, mark_known

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.requests import Request

    from newsletter.config import Settings
    from newsletter.providers.base_events import ParsedWebhook, VerifiedWebhook
    from newsletter.web.database import Database

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
        self._verifiers = {
            name: verifier
            for name in PROVIDERS
            if (events := events_of(name)) and (verifier := events.verifier(settings))
        }
        self._database = database
        self._few: dict[str, asyncio.Semaphore] = {}
        self._unreadable: set[tuple[str, str]] = set()
        self._line = RequestBatcher(self._keep, self._apply)
        self._parsed: dict[tuple[str, str], ParsedWebhook] = {}
        self._looked_at = 0

    async def receive(self, request: Request) -> Response:
        """Take a webhook; what is answered with 200 is stored for good, or known already."""
        provider = request.path_params["provider"]
        if provider not in self._verifiers:
            raise HTTPException(404)
        verifier = self._verifiers[provider]
        body = await bodies.read(request, verifier.max_body)
        received = WebhookRequest(dict(request.headers), body, time.time())
        try:
            async with self._few.setdefault(provider, asyncio.Semaphore(_AT_ONCE)):
                webhook = await run_in_threadpool(verifier.verify, received)
            mark_known(request.scope)
            await self._line.wait(webhook)
            if webhook.key in self._unreadable:
                self._unreadable.discard(webhook.key)
                annotate(request.scope, _UNREADABLE)
        except InvalidSignature as refusal:
            annotate(request.scope, str(refusal))
            return Response(status_code=refusal.status)
        except NewsletterError as error:
            annotate(request.scope, str(error))
            return Response(status_code=503, headers=_LATER)
        return Response(status_code=200)

    def close(self) -> None:
        """Close the connections of the verifiers."""
        for verifier in self._verifiers.values():
            verifier.close()

    def _keep(
        self, first: list[VerifiedWebhook], others: Callable[[], list[VerifiedWebhook]]
    ) -> None:
        kept = keep(self._database.store(), first + others())
        self._unreadable |= kept.unreadable
        self._parsed |= kept.parsed

    def _apply(self) -> None:
        """Apply what was stored; what has to wait is tried again in the background."""
        parsed, self._parsed = self._parsed, {}
        self._looked_at = apply_since(self._database.store(), self._looked_at, parsed)
