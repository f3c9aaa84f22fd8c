"""`newsletter serve`."""

from __future__ import annotations

import contextlib
import sys
from typing import TYPE_CHECKING

import click

from newsletter import web
from newsletter.cli.output import is_quiet

if TYPE_CHECKING:
    from newsletter.cli import App


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Where to listen.")
@click.option("--port", type=click.IntRange(0, 65535), default=8000, show_default=True)
@click.pass_obj
def serve(app: App, *, host: str, port: int) -> None:
    """Serve the pages behind readers' links, until it is stopped: leave, read an issue.

    Let a web server that speaks TLS stand before it (docs/web.md), at the settings' public_url.
    """
    settings = app.settings
    with web.listen(host, port) as at:
        web.serve(settings, at, _forget if is_quiet() else _write)


def _write(line: str) -> None:
    # A log that cannot be written must keep nobody from leaving.
    with contextlib.suppress(OSError, ValueError):
        sys.stderr.write(f"{line}\n")
        sys.stderr.flush()


def _forget(_line: str) -> None:
    pass
