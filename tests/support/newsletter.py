"""What tests of the ledger share: a newsletter with subscribers, and a provider."""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import json
import os
import re
import sqlite3
import threading
from collections import Counter
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from newsletter import config, delivery, desk
from newsletter.model import Accepted
from newsletter.providers.base import BaseProvider, Capabilities, Payload, SubmitResult
from newsletter.store import Store, open_store
from newsletter.store import sql as sql_store
from newsletter.store.schema import subscribers
from tests.support.databases import prepare_database, where

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path
    from typing import Self

    from newsletter.config import Settings
    from newsletter.model import Batch, Outcome

DAY = timedelta(days=1)


class FakeProvider(BaseProvider):
    """Takes every message and notes it in a file of its own, synced before it answers.

    Args:
        ledger: The file: one JSON line for each message taken.
        replay: How long it knows a key; zero makes it blind to repetitions.
        answer: Called with the batch after its messages were taken; what it returns or raises is
            the answer that the sender sees.
    """

    def __init__(
        self,
        ledger: Path,
        *,
        replay: timedelta = DAY,
        size: int = 10,
        lease: timedelta = timedelta(seconds=30),
        answer: Callable[[Batch], Mapping[str, Outcome] | None] | None = None,
    ) -> None:
        self.ledger = ledger
        self.answer = answer
        self.calls = 0
        self.capabilities = Capabilities(
            name="fake", rehearsal=False, max_messages=size, lease=lease, replay=replay
        )

    @classmethod
    def open(cls, settings: Settings) -> Self:
        return cls(settings.root / "taken")

    def build(self, batch: Batch) -> Payload:
        return Payload.of(tuple(repr((batch.date, r)).encode() for r in batch.recipients))

    def submit(self, batch: Batch, payload: Payload) -> SubmitResult:
        self.calls += 1
        digest = hashlib.sha256(b"".join(payload.parts)).hexdigest()
        known = {entry["key"]: entry["digest"] for entry in self.taken()}
        if self.capabilities.replay and batch.key in known:
            assert known[batch.key] == digest, "the same key with other bytes"
        else:
            with self.ledger.open("a", encoding="utf-8") as file:
                for subscriber in batch.recipients:
                    entry = {"key": batch.key, "digest": digest, "email": subscriber.email}
                    file.write(json.dumps(entry) + "\n")
                file.flush()
                os.fsync(file.fileno())
        said = self.answer(batch) if self.answer else None
        if said is not None:
            return SubmitResult(said)
        return SubmitResult({r.ref: Accepted(f"id-{r.ref}") for r in batch.recipients})

    def forget(self, slug: str) -> None:
        raise AssertionError(f"a provider that mails people forgets nothing, not even {slug}")

    def taken(self) -> list[dict[str, str]]:
        if not self.ledger.exists():
            return []
        return [json.loads(line) for line in self.ledger.read_text(encoding="utf-8").splitlines()]

    def copies(self) -> Counter[str]:
        return Counter(entry["email"] for entry in self.taken())


@contextlib.contextmanager
def raw(database: Path, *, manual: bool = False) -> Iterator[sqlite3.Connection]:
    """Open a file behind the program's back, and close it.

    `manual` leaves BEGIN to you, and waits: an app that has just begun writes by itself.
    """
    level, timeout = (None, 30) if manual else ("DEFERRED", 0)
    opened = sqlite3.connect(database, isolation_level=level, timeout=timeout)
    with contextlib.closing(opened) as connection, connection:
        yield connection


def is_one_error(stderr: str) -> bool:
    """Say whether all that was printed is one error, with its hint if it has one."""
    return re.fullmatch(r"error: [^\n]+\n(hint: [^\n]+\n)?", stderr) is not None


def coming(days: int = 6) -> datetime:
    """Return seven in the morning, some days from now."""
    day = datetime.now().astimezone() + timedelta(days=days)
    return day.replace(hour=7, minute=0, second=0, microsecond=0)


def write_issue(root: Path, *, name: str = "rust", days: int = 6, more: str = "") -> str:
    """Write an issue file and return its slug."""
    slug = f"{coming(days):%Y-%m-%d}-{name}"
    text = f"---\nsubject: Over {name}\n---\nEen rustige zin over {name}.{more}\n"
    (root / "issues" / f"{slug}.md").write_text(text, encoding="utf-8")
    return slug


def add_subscribers(store: Store, count: int) -> None:
    """Put subscribers on the list, every second one with a name."""
    with store.write() as connection:
        connection.execute(
            subscribers.insert(),
            [
                {
                    "public_id": sql_store.new_id(),
                    "email": f"lezer{n}@example.org",
                    "email_key": f"lezer{n}@example.org",
                    "first_name": "Anna" if n % 2 else None,
                    "status": "active",
                    "source": "test",
                    "created_at": datetime.now().astimezone(),
                }
                for n in range(count)
            ],
        )


class Newsletter:
    """A newsletter's folder with an issue and subscribers, and the means to send it."""

    def __init__(
        self,
        root: Path,
        subscribers: int = 25,
        slug: str = "",
        clock: Callable[[], datetime] | None = None,
    ) -> None:
        self.root = root
        loaded = config.load(root, where())
        prepare_database(root)
        self.store = open_store(loaded, clock=clock)
        # All that must be said before a provider that mails people may send.
        self.settings: Settings = dataclasses.replace(
            loaded,
            sender="Gerrit <gerrit@example.org>",
            contact="Postbus 1, Amsterdam",
            public_url="https://brief.example.org",
            secret_keys=("a key that is only for these tests",),
            ledger=str(self.sql("SELECT id FROM ledger")[0][0]),
        )
        self.slug = slug or write_issue(root)
        if subscribers:
            add_subscribers(self.store, subscribers)

    def send(
        self,
        provider: FakeProvider,
        slug: str = "",
        *,
        stop: threading.Event | None = None,
        progress: Callable[[int, int], None] = lambda _done, _total: None,
        **order: object,
    ) -> delivery.SendResult:
        slug, draft = desk.find_draft(self.settings, slug or self.slug)
        return delivery.send_issue(
            self.context(provider, stop),
            delivery.SendRequest(slug, draft, **{"preflight": False, "early": True, **order}),  # type: ignore[arg-type]
            progress=progress,
        )

    def context(
        self, provider: FakeProvider, stop: threading.Event | None = None
    ) -> delivery.Context:
        """Return what everything that sends works with."""
        return delivery.Context(self.store, self.settings, provider, stop or threading.Event())

    def sql(self, statement: str, **values: object) -> list[tuple[object, ...]]:
        """Run SQL behind the program's back."""
        with self.store.write() as connection:
            result = connection.exec_driver_sql(statement, values or None)
            return [tuple(row) for row in result.all()] if result.returns_rows else []

    def lose_process(self) -> None:
        """Let all leases run out, as they do when the process that held them was killed."""
        self.sql("UPDATE batches SET lease_until = '2000-01-01 00:00:00.000000'")

    def for_real(self, url: str) -> dict[str, str]:
        """Write settings with which letters leave for real; return the command's environment.

        Args:
            url: Where a stand-in for the provider is.
        """
        (self.root / "newsletter.toml").write_text(
            'name = "Proefbrief"\n'
            'provider = "resend"\n'
            f'sender = "{self.settings.sender}"\n'
            f'contact = "{self.settings.contact}"\n'
            f'ledger = "{self.settings.ledger}"\n',
            encoding="utf-8",
        )
        return {
            "RESEND_API_KEY": "re_of_these_tests",
            "NEWSLETTER_SECRET_KEY": self.settings.secret_keys[0],
            "NEWSLETTER_PROVIDER_URL": url,
            "NEWSLETTER_PUBLIC_URL": "http://127.0.0.1:9",
        }
