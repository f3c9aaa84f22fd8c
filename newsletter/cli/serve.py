"""`newsletter serve`."""

from __future__ import annotations

import functools
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import TYPE_CHECKING

import click

from newsletter import web
from newsletter.cli.logs import configure_logging
from newsletter.cli.output import warn
from newsletter.store import files

if TYPE_CHECKING:
    from newsletter.cli.app import App


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
        for warning in files.close_to_others(settings):
            warn(warning)
        web.serve(
            settings,
            listener,
            configure_logging=functools.partial(configure_logging, app.verbosity),
            workers=workers,
            proxies=proxies,
        )
