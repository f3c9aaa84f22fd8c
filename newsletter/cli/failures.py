"""What an exception means for the person who typed the command: an error and an exit code."""

from __future__ import annotations

import click

from newsletter.errors import NewsletterError, TryAgain

OF_CLICK = (click.ClickException, click.exceptions.Exit, click.Abort, BrokenPipeError)
"""What click itself turns into text and an exit code."""


def failure_of(error: BaseException) -> NewsletterError:
    """Return the error that is printed for an exception; its class has the exit code."""
    if isinstance(error, NewsletterError):
        return error
    if isinstance(error, KeyboardInterrupt):
        return TryAgain("stopped", hint="Run the same command again")
    if isinstance(error, OSError):
        where = str(error.filename or "")
        return NewsletterError(error.strerror or "input or output failed", where=where)
    return NewsletterError(
        f"unexpected {type(error).__name__}",
        hint="Run it again as newsletter -v ... to see where, and report that",
    )
