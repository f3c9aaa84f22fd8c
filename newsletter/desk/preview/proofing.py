"""A proof from the preview: the only thing there that opens the database."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from newsletter import delivery
from newsletter.addresses import parse_address
from newsletter.desk.inspection import inspect_issue
from newsletter.desk.issues import read_draft
from newsletter.errors import NewsletterError
from newsletter.model import Severity
from newsletter.providers import open_provider
from newsletter.store import files, open_store

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from newsletter.config import Settings
    from newsletter.model import Draft


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
        done = (
            f"A proof is in {settings.state.name}/outbox/_proofs/{made.provider_id}. "
            "The outbox mails nobody, so this does not count as a proof."
        )
    else:
        done = f"A proof was accepted by {made.provider}: look in your inbox."
    return " ".join([done, f"The letter's hash is {made.letter_hash}.", *_warn(settings, draft)])


def _warn(settings: Settings, draft: Draft) -> Iterator[str]:
    found = inspect_issue(settings, draft)
    if count := sum(one.severity is Severity.WARNING for one in found):
        yield f"It has {count} warning{'s' * (count > 1)}: look under Findings."
