"""`newsletter preview`: the issue in a browser, live."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import click

from newsletter.cli.issues import issue_path
from newsletter.cli.output import note, print_line
from newsletter.desk.folder import require_folder

if TYPE_CHECKING:
    from newsletter.cli.app import App


@click.command()
@click.argument("issue", required=False)
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=8025,
    show_default=True,
    help="Port to listen on; 0 takes a free one.",
)
@click.option("--no-open", is_flag=True, help="Open no browser.")
@click.pass_obj
def preview(app: App, *, issue: str | None, port: int, no_open: bool) -> None:
    """Show ISSUE in a browser, on a page that follows its file until you press Ctrl-C.

    Without ISSUE it begins with the one that was edited last. Only this computer can see the page,
    only through the printed address, and looking at it needs no database.
    """
    from newsletter.desk import preview as desk_preview  # noqa: PLC0415 - a server is slow to import
    from newsletter.desk.preview.guard import Access  # noqa: PLC0415 - as above

    settings = app.settings
    path = issue_path(app, issue) if issue else None
    if path is None:
        require_folder(settings)
    with desk_preview.listen(port) as listener:
        access = Access(listener.getsockname()[1])
        print_line(access.url)
        note("Press Ctrl-C to stop.")
        if not no_open:
            threading.Thread(target=_open, args=(access.url,), daemon=True).start()
        desk_preview.serve(desk_preview.PreviewSession(settings, path), listener, access)


def _open(url: str) -> None:
    """Open a browser; a program that answers late must not keep the page from being served."""
    if click.launch(url) != 0:
        note("No browser could be opened: open the address yourself.")
