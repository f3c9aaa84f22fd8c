"""What the benchmarks of sending share: providers' stand-ins, a newsletter, and one send of it."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from newsletter import config, delivery, desk, personalize, render, tokens
from newsletter.delivery.context import Context
from newsletter.delivery.sender import Sender
from newsletter.model import Batch, Letter, Mailing, MailingState
from newsletter.providers import open_provider
from newsletter.store import freezing, mailings, open_store

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from sqlalchemy import Connection

    from newsletter.config import Settings
    from newsletter.providers.base import Provider
    from newsletter.store import Store
    from tests.support.postgres import Postgres

KEY = "a key for the benchmark only, and a long one"
PARAGRAPHS = 48
"""Make a letter of about 30 KB of HTML."""


@dataclasses.dataclass(frozen=True)
class Mode:
    """A mode of sending.

    Attributes:
        name: As the tables have it.
        provider: As in the settings.
        size: Letters a request.
        credentials: What its stand-in takes.
        headers: What a bare request needs, given a number of its own.
        path: Where it goes.
        share: Of the subscribers asked for; a slower mode gets fewer.
    """

    name: str
    provider: str
    size: int
    credentials: Mapping[str, str]
    headers: Callable[[str], Mapping[str, str]]
    path: str
    share: float = 1


SUBSTITUTION = Mode(
    "substitution, 1000 a request",
    "mailgun",
    1000,
    {"MAILGUN_API_KEY": "key", "MAILGUN_DOMAIN": "brief.example.org"},
    lambda _number: {
        "Authorization": "Basic YXBpOmtleQ==",
        "Content-Type": "multipart/form-data; boundary=key",
    },
    "/v3/brief.example.org/messages",
)
BODIES = Mode(
    "full bodies, 100 a request",
    "resend",
    100,
    {"RESEND_API_KEY": "re_benchmark"},
    lambda number: {
        "Authorization": "Bearer re_benchmark",
        "Content-Type": "application/json",
        "Idempotency-Key": number,
    },
    "/emails/batch",
    0.25,
)
SINGLE = Mode(
    "one letter a request",
    "ses",
    1,
    {
        "AWS_ACCESS_KEY_ID": "AKIDEXAMPLE",
        "AWS_SECRET_ACCESS_KEY": "secret",
        "AWS_REGION": "eu-west-1",
    },
    lambda _number: {"Content-Type": "application/json"},
    "/v2/email/outbound-emails",
    0.05,
)
MODES = {"substitution": SUBSTITUTION, "bodies": BODIES, "single": SINGLE}


@contextlib.contextmanager
def stand_in(mode: Mode, latency: int) -> Iterator[str]:
    """Start a stand-in for a mode's provider, a process of its own; return its address."""
    with tempfile.TemporaryDirectory() as folder:
        module = f"tests.support.providers.fake_{mode.provider}"
        command = [
            *(sys.executable, "-m", module, "--fast", "--ledger", Path(folder) / "taken"),
            *("--latency-ms", str(latency)),
        ]
        with subprocess.Popen(command, stdout=subprocess.PIPE, encoding="utf-8") as process:
            assert process.stdout
            try:
                yield f"http://127.0.0.1:{process.stdout.readline().strip()}"
            finally:
                process.terminate()


def migrated(server: Postgres) -> str:
    """Return the address of a new database with all tables."""
    url = server.url(server.database())
    environment = {**os.environ, "NEWSLETTER_DATABASE_URL": url}
    command = [Path(sys.executable).with_name("newsletter"), "-q", "db", "upgrade"]
    subprocess.run(command, check=True, env=environment, stdout=subprocess.DEVNULL)
    return url


def newsletter(root: Path, database: str, mode: Mode, url: str, audience: int) -> Settings:
    """Make a newsletter with an issue and subscribers; return its settings."""
    (root / "issues").mkdir()
    (root / "newsletter.toml").write_text('name = "Proefbrief"\n', encoding="utf-8")
    day = datetime.now(UTC) + timedelta(days=3)
    prose = "\n\n".join(
        f'Alinea {n}: "rust" is geen plan maar een gewoonte. Die [groeit](https://example.org/{n}) '
        "langzaam, op dagen waarop niets hoeft en niemand kijkt; wie haar zoekt, vindt haar zelden."
        for n in range(PARAGRAPHS)
    )
    issue = root / "issues" / f"{day:%Y-%m-%d}-rust.md"
    issue.write_text(f"---\nsubject: Over rust\n---\n{prose}\n", encoding="utf-8")
    settings = dataclasses.replace(
        config.load(root, {}),
        sender="Gerrit <gerrit@example.org>",
        contact="Postbus 1",
        provider=mode.provider,
        provider_url=url,
        credentials=mode.credentials,
        secret_keys=(KEY,),
        database_url=database,
    )
    store = open_store(settings)
    _add_subscribers(store, audience)
    store.close()
    return settings


def _add_subscribers(store: Store, audience: int) -> None:
    """Add subscribers, every second one with a name; the database makes them itself."""
    with store.write() as connection:
        on_file = connection.dialect.name == "sqlite"
        name = "lower(hex(randomblob(16)))" if on_file else "gen_random_uuid()"
        connection.exec_driver_sql(
            "INSERT INTO subscribers (public_id, email, email_key, first_name, status, source,"  # noqa: S608 - a number of ours
            " created_at) WITH RECURSIVE number(n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM number"
            f" WHERE n < {audience - 1}) SELECT replace(CAST({name} AS text), '-', ''),"
            " 'lezer' || n || '@example.org', 'lezer' || n || '@example.org',"
            " CASE n & 1 WHEN 1 THEN 'Anna' END, 'active', 'test', "
            + ("'2026-01-01 00:00:00.000000'" if on_file else "now()")
            + " FROM number"
        )


def letter_of(settings: Settings) -> tuple[str, Letter]:
    """Return the slug and the letter of the one issue."""
    slug = desk.issue_paths(settings)[0].stem
    _, draft = desk.find_draft(settings, slug)
    assert draft
    assert draft.issue
    return slug, render.letter(draft.issue, settings)


def frozen(connection: Connection, settings: Settings) -> Mailing:
    """Freeze the one issue for everybody, ready to be sent."""
    slug = desk.issue_paths(settings)[0].stem
    _, draft = desk.find_draft(settings, slug)
    assert draft
    assert draft.issue
    mailing = freezing.freeze(
        connection,
        draft.issue,
        render.letter(draft.issue, settings),
        provider=settings.provider,
        provider_url=settings.provider_url,
        rehearsal=False,
    )
    mailings.change_state(connection, mailing.id, MailingState.SENDING)
    return mailing


def provider_of(settings: Settings, mode: Mode) -> Provider:
    """Return the provider in a mode of sending."""
    return open_provider(settings).for_audience(1 if mode.size == 1 else 1_000_000)


def ours(settings: Settings, mode: Mode, audience: int) -> float:
    """Send; return letters per second, from the first claim to the last outcome."""
    store, provider = open_store(settings), provider_of(settings, mode)
    with store.write() as connection:
        mailing = frozen(connection, settings)
    context = Context(store, settings, provider)
    sender = Sender(context, mailing, progress=lambda _a, _b: None)
    began = time.perf_counter()
    trouble = sender.run()
    took = time.perf_counter() - began
    assert trouble is None, trouble
    with store.write() as connection:
        mailings.complete_if_done(connection, mailing.id)
    report = delivery.find_report(store, mailing.slug)
    assert report
    assert report.mailing.state is MailingState.COMPLETED, report
    store.close()
    return audience / took


def full_batch(settings: Settings, mode: Mode) -> Batch:
    """Return a request's worth of letters."""
    slug, letter = letter_of(settings)
    recipients = tuple(
        personalize.recipient(
            letter,
            f"{n:032x}",
            f"lezer{n}@example.org",
            "Anna" if n % 2 else None,
            tokens.unsubscribe_token(KEY, f"{n:032x}", "1" * 32),
        )
        for n in range(mode.size)
    )
    return Batch("key", slug, letter, datetime.now(UTC), recipients)
