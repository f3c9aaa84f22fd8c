"""`newsletter proof`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from newsletter import delivery
from newsletter.addresses import Address, parse_address
from newsletter.cli.issues import print_warnings, read_issue_file
from newsletter.cli.output import json_option, note, print_json, print_line
from newsletter.errors import NewsletterError
from newsletter.providers.base import UnsubscribeHeader

if TYPE_CHECKING:
    from newsletter.cli.app import App
    from newsletter.model import Draft
    from newsletter.providers.base import Provider


def _addresses(
    _context: click.Context, _parameter: click.Parameter, values: tuple[str, ...]
) -> tuple[Address, ...]:
    """Return valid addresses, each once; what was typed is not repeated in an error."""
    try:
        found = [parse_address(value) for value in values]
    except ValueError as error:
        raise click.BadParameter(
            f"that is {error}; give the address alone, without a name"
        ) from None
    return tuple({address.key: address for address in reversed(found)}.values())[::-1]


@click.command()
@click.argument("issue")
@click.option(
    "--to",
    callback=_addresses,
    multiple=True,
    required=True,
    help="Your address; repeat it for more copies.",
)
@json_option
@click.pass_obj
def proof(app: App, *, issue: str, to: tuple[Address, ...], json_: bool) -> None:
    """Send one real copy of ISSUE to each address, marked "Proef" in its subject.

    It is the letter as it would be sent now; drafts work too. Its unsubscribe link does nothing.
    With the outbox it is a file in .newsletter/outbox/_proofs/, which does not count as a proof.
    """
    provider = app.open_provider(app.settings)
    draft = read_issue_file(app, issue)
    copies = _send(app, provider, draft, to)
    made = copies[-1]
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
                "copies": [{"ref": one.ref, "provider_id": one.provider_id} for one in copies],
            }
        )
        print_warnings(draft)
        return
    print_warnings(draft)
    note(f"The letter's hash is {made.letter_hash}")
    if made.rehearsal:
        for one in copies:
            file = app.settings.state / "outbox" / "_proofs" / one.provider_id
            print_line(f"A proof of {one.slug} is in {file}")
        note("The outbox mails nobody, so this does not count as a proof.")
    else:
        what = "A proof" if len(copies) == 1 else f"{len(copies)} proofs"
        was = "was" if len(copies) == 1 else "were"
        print_line(f"{what} of {made.slug} {was} accepted by {made.provider}: look in your inbox.")
        if provider.capabilities.unsubscribe_header is UnsubscribeHeader.BY_PERMISSION:
            note(
                f"Check that its source has one List-Unsubscribe header: {made.provider} adds "
                "its own until its support switches that off (docs/providers.md)."
            )


def _send(
    app: App, provider: Provider, draft: Draft, to: tuple[Address, ...]
) -> list[delivery.Proof]:
    context = delivery.Context(app.store, app.settings, provider)
    made: list[delivery.Proof] = []
    for address in to:
        try:
            made.append(delivery.send_proof(context, draft, email=address.given, key=address.key))
        except NewsletterError:
            if made:
                note(f"{len(made)} of {len(to)} proofs were sent before that: do not repeat them.")
            raise
    return made
