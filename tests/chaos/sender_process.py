"""What a forked sender does: what the program does, until it is killed at some step."""

from __future__ import annotations

import dataclasses
import sys
import traceback
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg  # noqa: F401 - so that it is here when a process is born

from newsletter import config, delivery, desk, render  # noqa: F401
from newsletter.errors import NewsletterError
from newsletter.providers import open_provider
from newsletter.providers.lettermint import send as _lettermint  # noqa: F401
from newsletter.providers.mailgun import send as _mailgun  # noqa: F401
from newsletter.providers.resend import send as _resend  # noqa: F401
from newsletter.providers.ses import send as _ses  # noqa: F401
from newsletter.store import open_store, postgres  # noqa: F401
from tests.chaos.clock import Clock
from tests.chaos.process_faults import PROCESS_FAULTS
from tests.chaos.steps import die_at

if TYPE_CHECKING:
    from newsletter.config import Settings
    from newsletter.providers.base import Provider


def note_progress(_done: int, _total: int) -> None:
    """Report nothing; but this is called when an outcome has been committed."""


def work(order: dict[str, Any]) -> int:
    """Send as `newsletter send ISSUE` does; return the exit code."""
    settings = config.load(Path(order["root"]), order["environment"])
    clock = Clock(Path(order["clock"]), order.get("clock_wrong_by", 0.0))
    for name, value in order["process_faults"].items():
        PROCESS_FAULTS[name](value)
    die_at(order["step"], order["nth"])
    try:
        store = open_store(settings, None if order.get("clock_of_the_server") else clock)
        slug, draft = desk.find_draft(settings, order["slug"])
        report = delivery.send_issue(
            delivery.Context(store, settings, provider(settings, order)),
            delivery.SendRequest(
                slug, draft, limit=order.get("limit"), early=True, preflight=False
            ),
            progress=note_progress,
        )
        store.close()
    except NewsletterError as error:
        sys.stderr.write(f"{error}\n")
        return error.exit_code
    except BaseException:  # noqa: BLE001 - whatever it is, it is to be seen
        traceback.print_exc()
        return 70
    if report.error:
        sys.stderr.write(f"{report.error}\n")
    return report.error.exit_code if report.error else 0


def provider(settings: Settings, order: dict[str, Any]) -> Provider:
    """Return the adapter that the settings name, with requests small enough to be several."""
    opened: Any = open_provider(settings).for_audience(order["audience"])
    can = opened.capabilities
    opened.capabilities = dataclasses.replace(
        can,
        max_messages=min(can.max_messages, order["size"]),
        in_flight=order.get("in_flight", can.in_flight),
    )
    opened.for_audience = lambda _audience: opened
    found: Provider = opened
    return found
