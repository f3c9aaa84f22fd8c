"""Providers' webhooks: verified by their signature, stored, then answered."""

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
from newsletter.subscriptions.events import apply_since, store_webhooks
from newsletter.web.batching import RequestBatcher
from newsletter.web.context import RETRY_SOON
from newsletter.web.middleware import annotate, mark_known

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.requests import Request

    from newsletter.providers.base_events import ParsedWebhook, VerifiedWebhook
    from newsletter.web.context import Context

_THREADS_PER_PROVIDER: Final = 2
"""So that a flood from one provider delays neither the others nor subscribers."""

_UNREADABLE: Final = "valid, but not all of it could be read: see newsletter status"


class WebhookHandler:
    """Takes webhooks; a provider without a secret in the settings has no route.

    Raises:
        NewsletterError: A secret has the wrong form.
    """

    def __init__(self, context: Context) -> None:
        self._context = context
        given = context.settings.credentials.keys()
        self._verifiers = {
            name: verifier
            for name, variables in PROVIDERS.items()
            # The libraries of all providers together are slow to import.
            if not given.isdisjoint(variables)
            and (events := events_of(name))
            and (verifier := events.verifier(context.settings))
        }
        self._verifying: dict[str, asyncio.Semaphore] = {}
        self._unreadable: set[tuple[str, str]] = set()
        self._batcher = RequestBatcher(self._store, self._apply)
        self._parsed: dict[tuple[str, str], ParsedWebhook] = {}
        self._last_applied = 0

    async def handle(self, request: Request) -> Response:
        """Take a webhook; what is answered with 200 is stored for good, or was before."""
        provider = request.path_params["provider"]
        if provider not in self._verifiers:
            raise HTTPException(404)
        verifier = self._verifiers[provider]
        body = await self._context.bodies.read(request, verifier.max_body)
        received = WebhookRequest(dict(request.headers), body, time.time())
        semaphore = asyncio.Semaphore(_THREADS_PER_PROVIDER)
        try:
            async with self._verifying.setdefault(provider, semaphore):
                webhook = await run_in_threadpool(verifier.verify, received)
            mark_known(request.scope)
            await self._batcher.submit(webhook)
        except InvalidSignature as refusal:
            annotate(request.scope, str(refusal))
            return Response(status_code=refusal.status)
        except NewsletterError as error:
            annotate(request.scope, str(error))
            return Response(status_code=503, headers=RETRY_SOON)
        if webhook.key in self._unreadable:
            self._unreadable.discard(webhook.key)
            annotate(request.scope, _UNREADABLE)
        return Response(status_code=200)

    def close(self) -> None:
        """Close the connections of the verifiers."""
        for verifier in self._verifiers.values():
            verifier.close()

    def _store(
        self, first: list[VerifiedWebhook], others: Callable[[], list[VerifiedWebhook]]
    ) -> None:
        kept = store_webhooks(self._context.database.store(), first + others())
        self._unreadable |= kept.unreadable
        self._parsed |= kept.parsed

    def _apply(self) -> None:
        """Apply what was stored; the chores try again what has to wait."""
        parsed, self._parsed = self._parsed, {}
        store = self._context.database.store()
        self._last_applied = apply_since(store, self._last_applied, parsed)
