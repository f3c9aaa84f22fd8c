"""`newsletter serve`."""

from __future__ import annotations

import contextlib
import sys
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import TYPE_CHECKING

import click

from newsletter import web
from newsletter.cli.output import is_quiet
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
@click.option("--host", default="127.0.0.1", show_default=True, help="Where to listen.")
@click.option("--port", type=click.IntRange(0, 65535), default=8000, show_default=True)
@click.option(
    "--workers",
    type=click.IntRange(1, 64),
    default=1,
    show_default=True,
    help="How many processes answer.",
)
@click.option(
    "--proxy",
    "proxies",
    type=_Network(),
    multiple=True,
    help="The web server before it, whose X-Forwarded-For is believed. May be repeated.",
)
@click.pass_obj
def serve(
    app: App, *, host: str, port: int, workers: int, proxies: tuple[IPv4Network | IPv6Network, ...]
) -> None:
    """Serve the pages for readers, until it is stopped: sign up, confirm, leave, read an issue.

    Let a web server that speaks TLS stand before it (docs/web.md), at the settings' public_url.
    """
    settings = app.settings
    with web.listen(host, port) as at:
        write = _forget if is_quiet() else _write
        for warning in files.close_to_others(settings):
            write(f"warning: {warning}")
        web.serve(settings, at, write, workers=workers, proxies=proxies)


def _write(line: str) -> None:
    # A log that cannot be written must keep nobody from leaving.
    with contextlib.suppress(OSError, ValueError):
        sys.stderr.write(f"{line}\n")
        sys.stderr.flush()


def _forget(_line: str) -> None:
    pass
