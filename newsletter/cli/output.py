"""What commands print: results on standard output, everything else on standard error."""

from __future__ import annotations

import codecs
import io
import json
import sys
from typing import TYPE_CHECKING

import click

from newsletter.cli.annotations import on_actions, visible, without_commands

if TYPE_CHECKING:
    import logging

json_option = click.option("--json", "json_", is_flag=True, help="Print one JSON document.")


def counted(count: int, noun: str) -> str:
    """Return a number with its noun, such as "1 letter" or "1,200 letters"."""
    return f"{count:,} {noun}{'s' * (count != 1)}"


def print_line(text: str) -> None:
    """Print a result."""
    click.echo(as_printed(text))


def note(text: str) -> None:
    """Print a remark on standard error, unless -q was given."""
    log().info(text)


def warn(text: str) -> None:
    """Print a warning, also with -q."""
    log().warning(text)


def log() -> logging.Logger:
    """Return the logger of the command line."""
    import logging  # noqa: PLC0415 - takes a tenth of the time of `--help`, which needs none

    return logging.getLogger(__name__)


def print_error(sentence: str, hint: str = "") -> None:
    """Print what is wrong, and what to do next."""
    click.echo(as_printed(visible(f"error: {sentence}")), err=True)
    if hint:
        click.echo(as_printed(visible(f"hint: {' '.join(hint.split())}")), err=True)


def print_command(command: str) -> None:
    """Print a command for the runner of a workflow, on standard error."""
    click.echo(command, err=True)


def as_printed(text: str) -> str:
    """Return a text as it may be printed: a runner must find no command of its own in it."""
    return without_commands(text) if on_actions() else text


def is_quiet() -> bool:
    """Tell whether -q was given."""
    quiet: bool = click.get_current_context().find_root().obj.verbosity < 0
    return quiet


def print_json(document: object) -> None:
    """Print the JSON document of a command."""
    click.echo(as_json(document, sys.stdout.encoding, indent=2))


def as_json(document: object, encoding: str, indent: int | None = None) -> str:
    """Return JSON for a file of an encoding: what it may not have is written as an escape."""
    is_unicode = codecs.lookup(encoding).name == "utf-8"
    return json.dumps(document, ensure_ascii=not is_unicode, indent=indent)


def print_any_text() -> None:
    """Let standard output take any text: what its encoding lacks is printed as an escape.

    Consoles and pipes of Windows often have an encoding of 256 characters, and an issue has more.
    """
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")


def on_terminal() -> bool:
    """Tell whether standard error is a terminal."""
    return sys.stderr.isatty()
