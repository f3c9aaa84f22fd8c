"""What a process does that is born to send: what the program does, and at some step it dies."""

from __future__ import annotations

import dataclasses
import sys
import threading
import traceback
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg  # noqa: F401 - so that it is here when a process is born
from clock import Clock
from steps import die_at

from newsletter import config, delivery, desk, render  # noqa: F401
from newsletter.errors import NewsletterError
from newsletter.providers import open_provider, resend  # noqa: F401
from newsletter.store import open_store, postgres  # noqa: F401

if TYPE_CHECKING:
    from newsletter.config import Settings
    from newsletter.providers.base import Provider


def told(_done: int, _total: int) -> None:
    """Nothing is to be told; but this is called when an outcome has been committed."""


def work(order: dict[str, Any]) -> int:
    """Send as `newsletter send ISSUE` does; return the exit code."""
    settings = config.load(Path(order["root"]), order["environment"])
    die_at(order["step"], order["nth"])
    try:
        store = open_store(settings, Clock(Path(order["clock"])))
        slug, draft = desk.draft_if_there(settings, order["slug"])
        report = delivery.send(
            store,
            settings,
            provider(order["kind"], settings, order["size"]),
            delivery.Order(slug, draft, preflight=False),
            stop=threading.Event(),
            progress=told,
        )
        store.close()
    except NewsletterError as error:
        sys.stderr.write(f"{error}\n")
        return error.exit_code
    except BaseException:  # noqa: BLE001 - whatever it is, it is to be seen
        traceback.print_exc()
        return 70
    if report.trouble:
        sys.stderr.write(f"{report.trouble}\n")
    return report.trouble.exit_code if report.trouble else 0


def provider(kind: str, settings: Settings, size: int) -> Provider:
    """Return the adapter that the settings name, with requests small enough to be several.

    Without its keys it is one that can neither repeat nor look up.
    """
    opened: Any = open_provider(settings)
    replay = opened.capabilities.replay if kind == "keyed" else timedelta(0)
    opened.capabilities = dataclasses.replace(opened.capabilities, max_messages=size, replay=replay)
    found: Provider = opened
    return found
