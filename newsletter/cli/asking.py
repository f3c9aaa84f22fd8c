"""The question before letters leave for real: all that a person decides by, in one look."""

from __future__ import annotations

import sys
from dataclasses import replace
from typing import TYPE_CHECKING

import click

from newsletter import delivery
from newsletter.cli.groups import WrongUsage
from newsletter.cli.output import warn
from newsletter.cli.warnings import warnings_line
from newsletter.model import DeliveryState
from newsletter.schedule import is_early, time_until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from newsletter.cli import App
    from newsletter.delivery import DryRun, SendRequest, SendResult
    from newsletter.providers.base import Provider

_SHORT_KEY = 16


def ask(app: App, provider: Provider, order: SendRequest, *, yes: bool) -> SendRequest:
    """Let a person say that letters may leave for real, unless none will.

    Returns:
        The order; who answered the question at a terminal has also said that it may be early.

    Raises:
        click.UsageError: Nobody can be asked, and `yes` is not given.
        click.Abort: They said no.
    """
    asks = not yes and sys.stdin.isatty()
    if asks:
        order = replace(order, early=True)
    found = delivery.preview_send(app.store, app.settings, provider, order)
    if isinstance(found, delivery.SendResult) and found.repeated:
        return order
    warn_of_short_keys(app)
    if asks:
        click.confirm("\n".join(_question(app, provider, order, found)), abort=True, err=True)
    elif not yes:
        who = subscribers(_how_many(found))
        raise WrongUsage(
            f"this mails {who} through {provider.capabilities.name}, and nobody can be asked here",
            hint="Confirm it with --yes",
        )
    return order


def subscribers(count: int) -> str:
    """Return a number of subscribers in words."""
    return f"{count:,} subscriber{'s' * (count != 1)}"


def warn_of_short_keys(app: App) -> None:
    """Warn of a key that can be guessed, for it signs what a subscriber clicks on."""
    if any(len(key) < _SHORT_KEY for key in app.settings.secret_keys):
        warn(
            "NEWSLETTER_SECRET_KEY holds a short key, which can be guessed. "
            "Make a longer one with: openssl rand -hex 32"
        )


def _how_many(found: DryRun | SendResult) -> int:
    if isinstance(found, delivery.DryRun):
        return found.audience
    return found.receipt.counts[DeliveryState.PENDING]


def _question(
    app: App, provider: Provider, order: SendRequest, found: DryRun | SendResult
) -> Iterator[str]:
    """Yield what is about to happen, line by line, and the question itself."""
    if isinstance(found, delivery.DryRun):
        moment = delivery.current_time(app.store)
        yield f"{order.slug}, to be sent now:"
        yield f"  subject:  {found.issue.subject}"
        yield f"  to:       {subscribers(found.audience)}, through {provider.capabilities.name}"
        yield f"  send_at:  {_when(found.issue.send_at, moment)}"
        seen = delivery.is_letter_proofed(app.store, found.letter.hash)
        yield f"  proof:    {'seen' if seen else 'nobody has had a proof of this text'}"
    else:
        mailing, left = found.receipt.mailing, _how_many(found)
        yield f"{order.slug}, {mailing.state.replace('_', ' ')}, to go on now:"
        yield f"  to:       {subscribers(left)} of {mailing.audience:,}, through {mailing.provider}"
        yield "  letter:   as it was when it started"
    if order.limit:
        yield f"  limit:    {order.limit:,}, then it pauses"
    yield f"  warnings: {warnings_line(order.draft) or 'none'}"
    yield f"Send {order.slug} to {subscribers(_how_many(found))}?"


def _when(send_at: datetime, moment: datetime) -> str:
    far = time_until(send_at, moment)
    text = f"{send_at:%A %d %B %Y %H:%M}, {far}"
    return f"{text}: this is EARLY" if is_early(send_at, moment) else text
