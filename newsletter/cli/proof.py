"""`newsletter proof`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from newsletter import delivery
from newsletter.cli.naming import file_named
from newsletter.cli.output import note, print_json, say
from newsletter.cli.warnings import tell_warnings
from newsletter.providers import open_provider
from newsletter.providers.base import Leaving
from newsletter.subscriptions.addresses import Address, parse_address

if TYPE_CHECKING:
    from newsletter.cli import App


def _address(_context: click.Context, _parameter: click.Parameter, value: str) -> Address:
    """Return a valid address; what was typed is not repeated in an error."""
    try:
        return parse_address(value)
    except ValueError as error:
        raise click.BadParameter(f"that is {error}; give it alone, without a name") from None


@click.command()
@click.argument("issue")
@click.option("--to", callback=_address, required=True, help="Your own address.")
@click.option("--json", "json_", is_flag=True, help="Print one JSON document.")
@click.pass_obj
def proof(app: App, *, issue: str, to: Address, json_: bool) -> None:
    """Send one real copy of ISSUE to yourself, marked "Proef" in its subject.

    It is the letter as it would leave now, also of a draft; its leave link is good for nothing.
    With the outbox it is a file in .newsletter/outbox/_proofs/, which does not count as seen.
    """
    provider = open_provider(app.settings)
    draft = file_named(app, issue)
    made = delivery.proof(app.store, app.settings, provider, draft, email=to.given, key=to.key)
    if json_:
        print_json(
            {
                "issue": made.slug,
                "provider": made.provider,
                "rehearsal": made.rehearsal,
                "ref": made.ref,
                "provider_id": made.provider_id,
                "letter_hash": made.letter_hash,
                "proofed": not made.rehearsal,
            }
        )
        tell_warnings(draft)
        return
    tell_warnings(draft)
    if made.rehearsal:
        file = app.settings.state / "outbox" / "_proofs" / made.provider_id
        say(f"A proof of {made.slug} is in {file}")
        note("Nobody is mailed by the outbox, so it does not count as seen.")
    else:
        say(f"A proof of {made.slug} was handed to {made.provider}: look in your inbox.")
        if provider.capabilities.leaving is Leaving.BY_PERMISSION:
            note(
                f"See in its source that List-Unsubscribe is yours alone: {made.provider} adds its "
                "own until its support switches that off (docs/providers.md)."
            )
