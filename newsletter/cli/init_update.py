"""`newsletter init --update`: renews the files of the jobs and of the web app."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Final

import click

from newsletter import config
from newsletter.cli.groups import WrongUsage
from newsletter.cli.init import make_plan
from newsletter.cli.output import counted, note, print_line, warn
from newsletter.errors import NewsletterError
from newsletter.repository.files import paths_of_kind, render_files
from newsletter.repository.plan import CI, PAGES
from newsletter.repository.update import (
    Change,
    ChangeKind,
    compare_files,
    compare_wheel,
    find_kind,
    is_written,
    renew_files,
)
from newsletter.repository.write import refuse_targets

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from newsletter.config import Settings
    from newsletter.repository import RepositoryPlan

_ONLY_NEW: Final = ("name", "sender", "contact", "provider", "public_url", "language", "timezone")
_KINDS: Final = {"ci": CI, "pages": PAGES}


def update_repository(folder: Path, asked: str, given: Mapping[str, str | None]) -> None:
    """Show what differs from what this version writes, and renew it.

    Args:
        folder: The newsletter, or a folder in it.
        asked: The value of `--from`.
        given: The value of each other option; None where it was left out.

    Raises:
        WrongUsage: An option would change the settings.
        NewsletterError: There is no newsletter, or a file cannot be read or written.
    """
    settings = _load(folder, given)
    root = settings.root
    kinds = {group: given[group] or _kind_here(root, group) for group in _KINDS}
    if set(kinds.values()) == {"none"}:
        raise NewsletterError(
            "init has written no files of jobs or of a web app here, so there are none to renew",
            where=str(root),
            hint="Say which you want: newsletter init --update --ci KIND --pages KIND",
        )
    plan = make_plan(settings, kinds["pages"], kinds["ci"], asked)
    files = render_files(plan)
    changes = compare_files(root, files)
    if plan.install and plan.install.wheel:
        changes += compare_wheel(root, plan.install.wheel)
    refuse_targets(root, [one.path for one in changes], missing_only=False)
    for change in changes:
        print_line(f"{change.path} ({change.kind})")
        print_line(change.diff())
    if not changes:
        print_line("Nothing to renew: every file is as this version writes it.")
    _renew(root, settings.state, _chosen(changes), plan)
    _name_unused(root, {one.path for one in files})


def _load(folder: Path, given: Mapping[str, str | None]) -> Settings:
    """Return the settings of the newsletter, which no option changes."""
    if used := [key for key in _ONLY_NEW if given[key] is not None]:
        names = ", ".join(f"--{key.replace('_', '-')}" for key in used)
        raise WrongUsage(
            f"--update changes no settings, so it takes no {names}",
            hint="Edit newsletter.toml, then run newsletter init --update",
        )
    settings = config.load(folder, environment={})
    if settings.origin == config.DEFAULT_ORIGIN:
        raise NewsletterError(
            f"there is no newsletter in {folder.resolve()} to update",
            hint="Go to its folder, or make one: newsletter init",
        )
    return settings


def _kind_here(root: Path, group: str) -> str:
    """Return which kind of files `init` wrote here before."""
    return find_kind(root, {kind: paths_of_kind(group, kind) for kind in _KINDS[group]})


def _chosen(changes: Sequence[Change]) -> list[Change]:
    """Ask a person which files are renewed; without a terminal, those that nobody edited."""
    asks = sys.stdin.isatty()
    chosen = [one for one in changes if one.kind is not ChangeKind.EDITED]
    if chosen and asks:
        question = f"Renew {counted(len(chosen), 'file')}?"
        if not click.confirm(question, default=True, err=True):
            chosen = []
    for change in changes:
        if change.kind is not ChangeKind.EDITED:
            continue
        question = f"{change.path} was edited here. Replace it, and keep a copy?"
        if asks and click.confirm(question, err=True):
            chosen.append(change)
        else:
            warn(
                f"{change.path} was edited here, and stays as it is. To get this version's, "
                "delete it and run newsletter init --update again"
            )
    return chosen


def _renew(root: Path, state: Path, changes: Sequence[Change], plan: RepositoryPlan) -> None:
    if not changes:
        return
    kept = renew_files(root, changes, config.make_private(state))
    for change in changes:
        print_line(f"Renewed {change.path}")
    for copy in kept:
        print_line(f"What it was is in {copy}")
    if plan.ci != "none":
        note(f"The scheduled job needs these secrets: {', '.join(plan.send_variables)}")
    note("Look at the difference with git diff, and commit it")


def _name_unused(root: Path, used: Iterable[str]) -> None:
    """Name the files of another kind that `init` wrote here before: jobs would run twice."""
    every = {
        path
        for group, kinds in _KINDS.items()
        for kind in kinds
        for path in paths_of_kind(group, kind)
    }
    for path in sorted(every - {*used}):
        if is_written(root, path):
            warn(f"{path} belongs to another kind of jobs or web app: delete it")
