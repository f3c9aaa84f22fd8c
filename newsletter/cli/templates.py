"""`newsletter templates`: the program's templates, and copies of them to change."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from newsletter.cli.groups import SuggestingGroup
from newsletter.cli.output import json_option, note, print_json, print_line
from newsletter.render import own_templates

if TYPE_CHECKING:
    from pathlib import Path

    from newsletter.cli.app import App
    from newsletter.render.own_templates import Template


@click.group(cls=SuggestingGroup)
def templates() -> None:
    """Show the templates, or copy one to change it.

    A file in the folder templates/ of your newsletter is used in place of the program's.
    """


@templates.command("list")
@json_option
@click.pass_obj
def list_(app: App, *, json_: bool) -> None:
    """Show every template, what it is, and which of them are your own."""
    root = app.settings.root
    found = own_templates.list_templates(root)
    if json_:
        print_json([_as_json(one, root) for one in found])
        return
    width = max(len(one.name) for one in found)
    for one in found:
        print_line(f"{one.name:<{width}}  {_state(one):<14}  {_first_sentence(one.description)}")
    own = sum(one.path is not None for one in found)
    note(f"{len(found)} templates, {own} your own. To change one: newsletter templates eject NAME")


@templates.command()
@click.argument("name")
@json_option
@click.pass_obj
def eject(app: App, name: str, *, json_: bool) -> None:
    """Copy the template NAME into templates/; NAME may be a folder.

    No file is overwritten.
    """
    root = app.settings.root
    copies = own_templates.eject(root, name)
    if json_:
        made, kept = (
            [_shown(path, root) for path in paths] for paths in (copies.made, copies.kept)
        )
        print_json({"ejected": made, "kept": kept})
        return
    for path in copies.made:
        print_line(_shown(path, root))
    for path in copies.kept:
        note(f"{_shown(path, root)} was there already, and is as it was.")


def _as_json(one: Template, root: Path) -> dict[str, object]:
    return {
        "name": one.name,
        "description": one.description,
        "own": one.path is not None,
        "path": one.path and _shown(one.path, root),
        "changed": one.changed,
        "outdated": one.outdated,
    }


def _state(one: Template) -> str:
    if one.path is None:
        return "default"
    if one.outdated:
        return "own, outdated"
    return "own" if one.changed else "own, unchanged"


def _first_sentence(text: str) -> str:
    return text.partition(". ")[0].removesuffix(".")


def _shown(path: Path, root: Path) -> str:
    return path.relative_to(root).as_posix()
