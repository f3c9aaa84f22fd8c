"""What commands print: results on standard output, everything else on standard error."""

from __future__ import annotations

import json
import logging
import sys

import click

_log = logging.getLogger(__name__)

json_option = click.option("--json", "json_", is_flag=True, help="Print one JSON document.")


def counted(count: int, noun: str) -> str:
    """Return a number with its noun, such as "1 letter" or "1,200 letters"."""
    return f"{count:,} {noun}{'s' * (count != 1)}"


def say(text: str) -> None:
    """Print a result."""
    click.echo(text)


def note(text: str) -> None:
    """Print a remark on standard error, unless -q was given."""
    _log.info(text)


def warn(text: str) -> None:
    """Print a warning, also with -q."""
    _log.warning(text)


def print_error(sentence: str, hint: str = "") -> None:
    """Print what is wrong, and what to do next."""
    click.echo(f"error: {sentence}", err=True)
    if hint:
        click.echo(f"hint: {' '.join(hint.split())}", err=True)


def is_quiet() -> bool:
    """Tell whether -q was given."""
    quiet: bool = click.get_current_context().find_root().obj.verbosity < 0
    return quiet


def print_json(document: object) -> None:
    """Print the JSON document of a command."""
    click.echo(json.dumps(document, ensure_ascii=False, indent=2))


def on_terminal() -> bool:
    """Tell whether standard error is a terminal."""
    return sys.stderr.isatty()
