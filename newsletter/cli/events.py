"""`newsletter events`: what became of letters, where a provider lists it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from newsletter.cli.groups import SuggestingGroup
from newsletter.cli.output import print_json, say, warn
from newsletter.errors import NewsletterError
from newsletter.providers.pagination import ListingDenied
from newsletter.schedule import format_utc
from newsletter.store.keys import recorded_fingerprints
from newsletter.subscriptions import events as telling

if TYPE_CHECKING:
    from newsletter.cli import App


@click.group(cls=SuggestingGroup)
def events() -> None:
    """What became of letters: who bounced, who complained, what was delivered.

    Providers tell it to the web app by webhooks; docs/events.md says how that is set up.
    """


@events.command()
@click.option("--json", "json_", is_flag=True, help="Print one JSON document.")
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


def pull_events_first(app: App) -> None:
    """Take in what is known of earlier letters, before it is decided who gets the next one.

    What cannot be learned is a remark: who left by our own pages is known in any case. Before the
    first letter leaves there is nothing to learn, so then nothing is said.
    """
    app.store.refuse_closed()
    try:
        telling.apply_waiting(app.store)
        telling.pull(app.store, app.settings)
    except ListingDenied:
        pass  # its webhooks tell
    except NewsletterError as error:
        with app.store.read() as connection:
            some_left = bool(recorded_fingerprints(connection))
        if some_left:
            warn(f"not all is known of what became of earlier letters: {error}")
