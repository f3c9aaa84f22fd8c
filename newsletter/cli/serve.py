"""`newsletter serve`."""

from __future__ import annotations

import functools
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import TYPE_CHECKING

import click

from newsletter import config, web
from newsletter.cli.logs import configure_logging
from newsletter.cli.output import warn
from newsletter.providers import capabilities_of
from newsletter.store import files
from newsletter.store.url import SqliteFile, locate

if TYPE_CHECKING:
    from collections.abc import Iterator

    from newsletter.cli.app import App
    from newsletter.config import Settings


class _Network(click.ParamType[IPv4Network | IPv6Network]):
    name = "ADDRESS"

    def convert(
        self,
        value: str,
        param: click.Parameter | None,
        ctx: click.Context | None,
    ) -> IPv4Network | IPv6Network:
        try:
            return ip_network(value)
        except ValueError:
            self.fail("give an IP address, or a network such as 172.16.0.0/12", param, ctx)


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=8000,
    show_default=True,
    help="Port to listen on.",
)
@click.option(
    "--workers",
    type=click.IntRange(1, 64),
    default=1,
    show_default=True,
    help="Number of processes.",
)
@click.option(
    "--proxy",
    "proxies",
    type=_Network(),
    multiple=True,
    help="Address of a reverse proxy whose X-Forwarded-For is trusted. May be repeated.",
)
@click.pass_obj
def serve(
    app: App, *, host: str, port: int, workers: int, proxies: tuple[IPv4Network | IPv6Network, ...]
) -> None:
    """Run the web app until it is stopped: sign-up, confirm, unsubscribe, preferences, issues.

    Put a reverse proxy with TLS in front of it, at the address in public_url (docs/web.md).
    """
    settings = app.settings
    with web.listen(host, port) as listener:
        for warning in (*files.close_to_others(settings), *_default_warnings(settings)):
            warn(warning)
        web.serve(
            settings,
            listener,
            configure_logging=functools.partial(configure_logging, app.verbosity),
            workers=workers,
            proxies=proxies,
        )


def _default_warnings(settings: Settings) -> Iterator[str]:
    """Yield that a database or a key of this machine is used, though people are mailed.

    A file that is there already was meant, if the key is set: the app runs beside its sender.
    """
    if capabilities_of(settings).rehearsal:
        return
    place = locate(settings)
    meant = settings.secret_keys and isinstance(place, SqliteFile) and place.path.exists()
    for name in config.unset_secrets(settings):
        if name == "NEWSLETTER_DATABASE_URL" and not meant:
            yield (
                f"{name} is not set, so the list is the SQLite file {settings.state.name}/"
                "newsletter.db of this machine. Set it where this runs if your list is elsewhere"
            )
        elif name == "NEWSLETTER_SECRET_KEY":
            yield (
                f"{name} is not set, so a key that was made here signs the links, and no link in "
                "your letters works. Set it where this runs"
            )
