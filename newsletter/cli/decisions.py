"""`newsletter pause`, `cancel` and `resolve`: what a person decides about a mailing."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from newsletter import delivery, desk
from newsletter.cli.output import print_json, say
from newsletter.cli.receipts import as_json, as_text

if TYPE_CHECKING:
    from newsletter.cli import App
    from newsletter.model import Receipt

_json = click.option("--json", "json_", is_flag=True, help="Print one JSON document.")


@click.command()
@click.argument("issue")
@_json
@click.pass_obj
def pause(app: App, *, issue: str, json_: bool) -> None:
    """Stop the mailing of ISSUE after what is in flight; `send ISSUE` goes on with it."""
    _show(delivery.pause(app.store, desk.slug_of(app.settings, issue)), json_=json_)


@click.command()
@click.argument("issue")
@_json
@click.pass_obj
def cancel(app: App, *, issue: str, json_: bool) -> None:
    """End the mailing of ISSUE: whoever has no letter yet will get none.

    A rehearsal, or a mailing of which nothing had left, may be sent anew after that.
    """
    _show(delivery.cancel(app.store, desk.slug_of(app.settings, issue)), json_=json_)


@click.command()
@click.argument("issue")
@click.option("--resend", "verdict", flag_value="resend", help="Send them once more.")
@click.option("--assume-sent", "verdict", flag_value="assume-sent", help="Count them as sent.")
@_json
@click.pass_obj
def resolve(app: App, *, issue: str, verdict: str | None, json_: bool) -> None:
    """Decide about the letters of ISSUE of which nobody knows whether they left."""
    if verdict is None:
        raise click.UsageError("say which: --resend or --assume-sent")
    slug = desk.slug_of(app.settings, issue)
    _show(delivery.resolve(app.store, slug, delivery.Verdict(verdict)), json_=json_)


def _show(receipt: Receipt, *, json_: bool) -> None:
    print_json(as_json(receipt)) if json_ else say(as_text(receipt))
