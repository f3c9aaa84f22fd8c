"""`newsletter events`: what happened to letters, where a provider lists it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from newsletter.cli.groups import SuggestingGroup
from newsletter.cli.output import counted, json_option, print_json, print_line
from newsletter.delivery.notices import provider_account
from newsletter.providers import OUTBOX
from newsletter.schedule import format_utc
from newsletter.subscriptions import events as subscription_events
from newsletter.subscriptions.missed import tell_returned

if TYPE_CHECKING:
    from newsletter.cli.app import App


@click.group(cls=SuggestingGroup)
def events() -> None:
    """Events: what happened to letters after the provider accepted them.

    Providers report them to the web app by webhook; docs/events.md explains the set-up.
    """


@events.command(short_help="Read the provider's events and apply them.")
@json_option
@click.pass_obj
def pull(app: App, *, json_: bool) -> None:
    """Read the provider's list of events since the last time, and apply them.

    `send` does this by itself before it fixes the audience. Who returns from a pause learns what
    they missed.
    """
    waited = subscription_events.apply_waiting(app.store)
    found = subscription_events.pull_events(app.store, app.settings)
    if app.settings.provider != OUTBOX:  # which would keep what they missed from them
        tell_returned(app.store, provider_account(app.settings))
    document = {
        "provider": app.settings.provider,
        "events": found.events,
        "left": found.left,
        "webhooks": waited,
        "until": format_utc(found.until),
    }
    if json_:
        print_json(document)
    elif found.until is None:
        print_line(f"{app.settings.provider} has no list of events.")
    else:
        read, left = counted(found.events, "event"), counted(found.left, "subscriber")
        print_line(f"{read}; {left} suppressed from the provider's own list.")
