"""A proof from the preview: the only thing there that opens the database."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from newsletter import delivery
from newsletter.addresses import parse_address
from newsletter.desk.issues import read_draft
from newsletter.errors import NewsletterError
from newsletter.providers import open_provider
from newsletter.store import files, open_store

if TYPE_CHECKING:
    from pathlib import Path

    from newsletter.config import Settings


def send_proof(settings: Settings, path: Path, to: str) -> str:
    """Send one real copy of an issue to an address, and return what became of it.

    Raises:
        NewsletterError: The address is not valid, or the copy was not accepted.
    """
    try:
        address = parse_address(to)
    except ValueError as error:
        raise NewsletterError(
            f"that is {error}", hint="Give the address alone, without a name"
        ) from None
    draft = read_draft(settings, path)
    files.close_to_others(settings)
    with contextlib.ExitStack() as stack:
        store = stack.enter_context(contextlib.closing(open_store(settings)))
        provider = stack.enter_context(contextlib.closing(open_provider(settings)))
        context = delivery.Context(store, settings, provider)
        made = delivery.send_proof(context, draft, email=address.given, key=address.key)
    if made.rehearsal:
        return (
            f"A proof is in {settings.state.name}/outbox/_proofs/{made.provider_id}. "
            "The outbox mails nobody, so this does not count as a proof."
        )
    return f"A proof was accepted by {made.provider}: look in your inbox."
