"""`send --due --summary FILE`: what a run leaves for people, however it ends."""

from __future__ import annotations

import contextlib
import logging
import os
import re
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

import click

from newsletter.cli.annotations import annotation, on_actions
from newsletter.cli.failures import failure_of
from newsletter.cli.logs import LOGGER, hide_personal_data
from newsletter.cli.output import print_command, warn
from newsletter.errors import DecisionNeeded, NewsletterError, TryAgain
from newsletter.forge import RunRecord, RunSummary, summarize_run
from newsletter.schedule import is_after_window

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from newsletter.cli.app import App


_KEY: Final = re.compile("KEY|TOKEN")
_GITHUB: Final = "https://github.com"


@contextlib.contextmanager
def summarized(app: App, file: Path) -> Iterator[RunRecord]:
    """Write the summary of what happens inside, also if that is an error.

    Args:
        app: What commands share.
        file: Where to; it is appended to what is there.
    """
    record = RunRecord(on_github=os.environ.get("GITHUB_SERVER_URL") == _GITHUB)
    collector = _WarningCollector(record.warnings)
    logging.getLogger(LOGGER).addHandler(collector)
    code = NewsletterError.exit_code
    try:
        yield record
    except click.exceptions.Exit as ended:
        code = ended.exit_code
        raise
    except BaseException as error:
        failure = failure_of(error)
        code = failure.exit_code
        record.errors.append(str(failure))
        raise
    finally:
        logging.getLogger(LOGGER).removeHandler(collector)
        found = summarize_run(record, code, last=_is_last_try(app))
        _write(replace(found, asks=hide_personal_data(found.asks)), file)
        if on_actions():
            _annotate(found, record)


def provider_keys(provider: str) -> tuple[str, ...]:
    """Return the secrets that a provider knows the author by."""
    from newsletter.repository.providers import facts_of  # noqa: PLC0415 - slow, and only for jobs

    return tuple(name for name in facts_of(provider).sends_with if _KEY.search(name))


def _write(found: RunSummary, file: Path) -> None:
    text = replace(found, body=hide_personal_data(found.body)).as_text()
    try:
        with file.open("a", encoding="utf-8") as opened:
            opened.write(text)
    except OSError as error:
        # What was sent was sent: the exit code must say how that ended.
        warn(f"the summary cannot be written to {file}: {error.strerror}")


def _is_last_try(app: App) -> bool:
    """Tell whether a person should see it now if this run fails for a reason that passes."""
    started_by = os.environ.get("GITHUB_EVENT_NAME") or os.environ.get("CI_PIPELINE_SOURCE")
    if started_by not in {None, "schedule"}:
        return True
    try:
        settings = app.settings
    except NewsletterError:
        return True
    local = datetime.now(UTC).astimezone(settings.zone)
    return is_after_window(local, settings.send_clock, settings.max_lateness_hours)


def _annotate(found: RunSummary, record: RunRecord) -> None:
    """Show on the page of the run how it ended, and each warning; nothing if all is well."""
    for warning in record.other_warnings:
        print_command(annotation("warning", hide_personal_data(warning), title="Warning"))
    if found.exit_code == 0:
        return
    waits = found.exit_code == TryAgain.exit_code and not found.last
    kind = "warning" if waits or found.exit_code == DecisionNeeded.exit_code else "error"
    said = hide_personal_data("\n".join(record.errors) or found.asks)
    print_command(annotation(kind, said, title=found.outcome))


class _WarningCollector(logging.Handler):
    """Keeps the warnings that are printed while it is there."""

    def __init__(self, warnings: list[str]) -> None:
        super().__init__(logging.WARNING)
        self._warnings = warnings

    def emit(self, record: logging.LogRecord) -> None:
        """Keep one warning."""
        self._warnings.append(record.getMessage())
