"""Visitors who sign up, for tests: what they ask, and the letters that come of it."""

from __future__ import annotations

import re
import threading
import time
from email import message_from_bytes, policy
from typing import TYPE_CHECKING

import sqlalchemy as sa

from newsletter.addresses import parse_address
from newsletter.delivery.notices import NoticeRun, NoticeSender
from newsletter.store.notices import ProviderAccount
from newsletter.store.signups import ClientInfo
from newsletter.subscriptions.signup import SignupRequest
from tests.support.subscribers import sql

if TYPE_CHECKING:
    from collections.abc import Callable
    from email.message import EmailMessage
    from pathlib import Path

    from newsletter.providers.base import Provider
    from newsletter.store import Store
    from tests.support.newsletter import Newsletter

VIA = ProviderAccount("outbox", "")
WORDING = "Ja, ik wil de brief ontvangen."
HERE = ClientInfo("192.0.2.7", "Mozilla/5.0 (in tests)")


def signup_request(
    email: str,
    *,
    name: str | None = None,
    ip: str | None = None,
    wording: str = WORDING,
) -> SignupRequest:
    """Return what a visitor asks."""
    return SignupRequest(
        address=parse_address(email),
        first_name=name,
        wording=wording,
        form="https://example.org",
        client=ClientInfo(ip, "Mozilla/5.0 (in tests)"),
    )


def send_due(newsletter: Newsletter, provider: Provider) -> NoticeRun:
    """Send what is due, as the app does."""
    return NoticeSender(newsletter.settings, provider).send_due(newsletter.store, threading.Event())


def open_link(store: Store, email: str) -> str:
    """Return the public id in the newest confirmation of a person."""
    found = sql(
        store,
        "SELECT signups.public_id FROM signups JOIN subscribers s ON s.id = subscriber_id"
        " WHERE email = ? ORDER BY signups.id DESC",
        email,
    )
    return str(found[0][0])


def statements(store: Store, do: Callable[[], object]) -> list[str]:
    """Return what something says to the database, in order."""
    said: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_more: object) -> None:
        said.append(statement)

    engine = store._engine  # noqa: SLF001 - the seam at which time is spent
    sa.event.listen(engine, "before_cursor_execute", note)
    try:
        do()
    finally:
        sa.event.remove(engine, "before_cursor_execute", note)
    return said


def queued(store: Store) -> list[tuple[object, ...]]:
    """Return kind and state of every notice, in order."""
    return sql(store, "SELECT kind, state FROM notices ORDER BY id")


def letters(root: Path, count: int) -> list[EmailMessage]:
    """Return the notices in the outbox, oldest first, once there are so many."""
    folder = root / ".newsletter" / "outbox" / "_notices"
    until = time.monotonic() + 60
    while len(found := [*folder.glob("*.eml")] if folder.exists() else []) < count:
        assert time.monotonic() < until
        time.sleep(0.05)
    in_order = sorted(found, key=lambda path: path.stat().st_mtime_ns)
    return [
        message_from_bytes(path.read_bytes(), policy=policy.default)  # type: ignore[misc]
        for path in in_order
    ]


def link_in(letter: EmailMessage, kind: str) -> str:
    """Return the path of the link in a letter; `kind` is its first part: "c", "p"."""
    text = letter.get_body(("plain",))
    assert text is not None
    found = re.search(rf"https?://\S+(/{kind}/\S+)", text.get_content())
    assert found
    return found[1]
