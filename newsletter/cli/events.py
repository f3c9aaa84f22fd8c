"""`newsletter events`: what became of letters, where a provider lists it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from newsletter.cli.groups import SuggestingGroup
from newsletter.cli.output import json_option, print_json, say
from newsletter.schedule import format_utc
from newsletter.subscriptions import events as telling

if TYPE_CHECKING:
    from newsletter.cli.app import App


@click.group(cls=SuggestingGroup)
def events() -> None:
    """What became of letters: who bounced, who complained, what was delivered.

    Providers tell it to the web app by webhooks; docs/events.md says how that is set up.
    """


@events.command()
@json_option
@click.pass_obj
def pull(app: App, *, json_: bool) -> None:
    """Read what the provider lists since the last time, and apply it.

    `send` does so by itself before it decides who gets a letter.
    """
    waited = telling.apply_waiting(app.store)
    found = telling.pull(app.store, app.settings)
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
        say(f"{app.settings.provider} lists nothing.")
    else:
        events_, readers = (
            f"{count:,} {what}{'s' * (count != 1)}"
            for count, what in ((found.events, "event"), (found.left, "reader"))
        )
        say(f"{events_}; {readers} left, for they are on its own list.")
