"""`newsletter act`: the commands that a person may start at the forge, and no others."""

from __future__ import annotations

import json
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final, cast

import click

from newsletter.cli.groups import WrongUsage
from newsletter.cli.output import note
from newsletter.errors import NewsletterError

if TYPE_CHECKING:
    from collections.abc import Mapping

_SLUG: Final = re.compile(r"[a-z0-9][a-z0-9-]{0,119}")
_FIELDS: Final = ("command", "issue", "to", "option")
_NONE: Final = frozenset({"", "none"})


@dataclass(frozen=True, slots=True)
class _Form:
    """What one command may be given.

    Attributes:
        fixed: Options that it always gets, because nobody is there to answer a question.
        options: Those of which a person may choose one.
        needs_issue: It does nothing without an issue.
        needs_option: It needs one of `options`.
        takes_address: It needs at least one address.
    """

    fixed: tuple[str, ...] = ()
    options: tuple[str, ...] = ()
    needs_issue: bool = True
    needs_option: bool = False
    takes_address: bool = False


_FORMS: Final[Mapping[str, _Form]] = {
    "status": _Form(needs_issue=False),
    "proof": _Form(takes_address=True),
    "send": _Form(fixed=("--yes",), options=("--early", "--late")),
    "pause": _Form(),
    "cancel": _Form(),
    "resolve": _Form(("--yes",), ("--resend", "--assume-sent"), needs_option=True),
}


@click.command()
@click.pass_context
def act(context: click.Context) -> None:
    """In the workflow Act: run the command that a person asked for.

    It reads the inputs command, issue, to and option of the workflow's run, or at GitLab the
    variables ACT_COMMAND, ACT_ISSUE, ACT_TO and ACT_OPTION. Only these commands are allowed:
    status, proof, send, pause, cancel, resolve.
    """
    asked = {name: text.strip() for name, text in _read_inputs(os.environ).items()}
    name = asked["command"]
    arguments = _arguments(asked)
    shown = " ".join("…" if "@" in one else one for one in arguments)
    note(f"newsletter {name} {shown}".rstrip())
    root = context.find_root()
    _, command, _ = cast("click.Group", root.command).resolve_command(root, [name])
    if command is None:
        raise AssertionError(name)
    with command.make_context(name, arguments, parent=root) as inner:
        command.invoke(inner)


def _arguments(asked: Mapping[str, str]) -> list[str]:
    """Return the arguments of the command that was asked for.

    Raises:
        WrongUsage: It is none of those that are allowed, or was given something else.
    """
    form = _FORMS.get(asked["command"])
    if form is None:
        raise WrongUsage(
            "that is no command of this workflow", hint=f"Choose one of: {', '.join(_FORMS)}"
        )
    arguments = [*form.fixed, *_option(asked, form), *_addresses(asked, form)]
    issue = asked["issue"]
    if issue and not _SLUG.fullmatch(issue):
        raise WrongUsage(
            "the issue is no slug", hint="Type the name of its file without .md: 2026-11-29-rust"
        )
    if form.needs_issue and not issue:
        raise WrongUsage(f"{asked['command']} needs an issue", hint="Type its slug")
    return [*arguments, "--", issue] if issue else arguments


def _option(asked: Mapping[str, str], form: _Form) -> list[str]:
    option, name = asked["option"], asked["command"]
    if option in _NONE:
        if form.needs_option:
            raise WrongUsage(
                f"{name} needs an option", hint=f"Choose one of: {', '.join(form.options)}"
            )
        return []
    if option not in form.options:
        allowed = ", ".join(form.options) or "none"
        raise WrongUsage(f"{name} does not take that option", hint=f"It takes: {allowed}")
    return [option]


def _addresses(asked: Mapping[str, str], form: _Form) -> list[str]:
    addresses = re.split(r"[\s,;]+", asked["to"]) if asked["to"] else []
    if form.takes_address and not addresses:
        raise WrongUsage(f"{asked['command']} needs an address", hint="Type yours")
    if not form.takes_address and addresses:
        raise WrongUsage(f"{asked['command']} takes no address", hint="Leave it empty")
    return [f"--to={address}" for address in addresses if address]


def _read_inputs(environment: Mapping[str, str]) -> dict[str, str]:
    """Return what the person chose, as the forge passes it on.

    Raises:
        WrongUsage: No person started this.
        NewsletterError: The forge's own file cannot be read.
    """
    if environment.get("GITHUB_EVENT_NAME") == "workflow_dispatch":
        path = Path(environment.get("GITHUB_EVENT_PATH", ""))
        try:
            inputs = json.loads(path.read_text(encoding="utf-8"))["inputs"] or {}
            return {name: str(inputs.get(name) or "") for name in _FIELDS}
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            raise NewsletterError(
                "the inputs of this run cannot be read", where="GITHUB_EVENT_PATH"
            ) from None
    if "ACT_COMMAND" in environment:
        return {name: environment.get(f"ACT_{name.upper()}", "") for name in _FIELDS}
    raise WrongUsage(
        "no person started this at a forge",
        hint="On a computer, type the command itself, such as: newsletter status",
    )
