"""Groups of commands that suggest the nearest command, and click's errors in our own form."""

from __future__ import annotations

import difflib
from typing import Final

import click

# Names of commands in other tools.
_ALIASES: Final = {
    "list": "status",
    "ls": "status",
    "schedule": "status",
    "test": "proof",
    "lint": "check",
    "validate": "check",
    "view": "render",
    "show": "status",
    "resume": "send",
    "continue": "send",
    "stop": "pause",
    "abort": "cancel",
    "rehearsal": "rehearse",
    "dry-run": "rehearse",
    "subscriber": "subscribers",
    "server": "serve",
    "run": "send",
    "remove": "erase",
    "delete": "erase",
    "leave": "unsubscribe",
    "publish": "send",
    "correct": "erratum",
    "correction": "erratum",
    "errata": "erratum",
    "retract": "withdraw",
    "unpublish": "withdraw",
    "deliver": "send",
    "preview": "render",
    "draft": "render",
    "outbox": "rehearse",
    "migrate": "db",
    "diagnose": "doctor",
    "verify": "doctor",
    "health": "doctor",
    "setup": "doctor",
    "template": "templates",
    "theme": "templates",
    "themes": "templates",
}
_BELOW: Final = {
    "add": "subscribers add",
    "import": "subscribers import",
    "export": "subscribers export",
    "unsubscribe": "subscribers unsubscribe",
    "erase": "subscribers erase",
    "undo": "subscribers undo",
    "pull": "events pull",
    "upgrade": "db upgrade",
    "move": "db move",
    "eject": "templates eject",
}
"""Subcommands that were typed without their group."""


class WrongUsage(click.UsageError):
    """Wrong usage, and what to type instead."""

    def __init__(self, problem: str, *, hint: str) -> None:
        super().__init__(problem)
        self.hint = hint


def usage_error(error: click.ClickException) -> tuple[str, str]:
    """Return the sentence and the hint of one of click's errors."""
    sentence = error.format_message().strip().rstrip(".")
    context = error.ctx if isinstance(error, click.UsageError) else None
    hint = f"See: {context.command_path} --help" if context else ""
    if isinstance(error, WrongUsage):
        hint = error.hint
    elif isinstance(error, click.NoSuchOption):
        sentence = f"no such option: {error.option_name}"
        if error.possibilities:
            hint = f'Did you mean "{error.possibilities[0]}"?'
    # Click begins with a capital letter.
    if sentence[1:2].islower():
        sentence = sentence[0].lower() + sentence[1:]
    return sentence, hint


class SuggestingGroup(click.Group):
    """Suggests the command that was probably meant."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Return the command that was typed.

        Raises:
            WrongUsage: There is none of that name; the error names the nearest one.
        """
        typed = args[0]
        if (
            not (typed.startswith("-") or ctx.resilient_parsing)
            and self.get_command(ctx, typed) is None
        ):
            near = nearest(typed, self.list_commands(ctx))
            hint = f'Did you mean "{near}"?' if near else f"See: {ctx.command_path} --help"
            raise WrongUsage(f'there is no command "{typed}"', hint=hint)
        return super().resolve_command(ctx, args)


def nearest(typed: str, names: list[str]) -> str | None:
    """Return the command that was probably meant, if one is near."""
    lower = typed.casefold()
    meant = _ALIASES.get(lower)
    if meant in names:
        return meant
    below = _BELOW.get(lower, "")
    if below.partition(" ")[0] in names:
        return below
    found = difflib.get_close_matches(lower, names, n=1, cutoff=0.6)
    return found[0] if found else None
