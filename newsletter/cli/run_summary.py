"""`send --due --summary FILE`: what a run leaves for people, however it ends."""

from __future__ import annotations

import contextlib
import logging
import os
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

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


@contextlib.contextmanager
def summarized(app: App, file: Path) -> Iterator[RunRecord]:
    """Write the summary of what happens inside, also if that is an error.

    Args:
        app: What commands share.
        file: Where to; it is appended to what is there.
    """
    record = RunRecord()
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
            _annotate(found, record.errors)


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


def _annotate(found: RunSummary, errors: list[str]) -> None:
    """Show on the page of the run how it ended; nothing if all is well."""
    kind, title = "error", f"Something to correct (exit code {found.exit_code})"
    if found.exit_code == 0:
        return
    if found.exit_code == DecisionNeeded.exit_code:
        kind, title = "warning", "A person must decide"
    elif found.exit_code == TryAgain.exit_code and found.last:
        title = "Temporary failure, and the time for today's letter is over"
    elif found.exit_code == TryAgain.exit_code:
        kind, title = "warning", "Temporary failure; the next run tries again"
    said = hide_personal_data("\n".join(errors) or found.asks)
    print_command(annotation(kind, said, title=title))


class _WarningCollector(logging.Handler):
    """Keeps the warnings that are printed while it is there."""

    def __init__(self, warnings: list[str]) -> None:
        super().__init__(logging.WARNING)
        self._warnings = warnings

    def emit(self, record: logging.LogRecord) -> None:
        """Keep one warning."""
        self._warnings.append(record.getMessage())
