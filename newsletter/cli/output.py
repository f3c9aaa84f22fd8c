"""What commands print: results on standard output, all else on standard error."""

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
    """Print a remark beside the result, unless the person asked for quiet."""
    _log.info(text)


def warn(text: str) -> None:
    """Print what may surprise the person later, however quiet they want it."""
    _log.warning(text)


def print_error(sentence: str, hint: str = "") -> None:
    """Print what is wrong, and what to do next."""
    click.echo(f"error: {sentence}", err=True)
    if hint:
        click.echo(f"hint: {' '.join(hint.split())}", err=True)


def is_quiet() -> bool:
    """Tell whether the person asked for results and errors only."""
    quiet: bool = click.get_current_context().find_root().obj.verbosity < 0
    return quiet


def print_json(document: object) -> None:
    """Print the one JSON document of a command."""
    click.echo(json.dumps(document, ensure_ascii=False, indent=2))


def on_terminal() -> bool:
    """Tell whether a person is watching standard error."""
    return sys.stderr.isatty()
