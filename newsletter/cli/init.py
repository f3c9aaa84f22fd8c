"""`newsletter init`: an author's own repository."""

from __future__ import annotations

import sys
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

import click

from newsletter.atomic_write import advise
from newsletter.cli.init_questions import add_options, ask_settings
from newsletter.cli.init_steps import first_steps
from newsletter.cli.init_text import FORGES, dns_lines, secret_lines, waiting_lines
from newsletter.cli.output import counted, note, print_error, print_line, warn
from newsletter.config import settings_file
from newsletter.errors import NewsletterError
from newsletter.repository.files import render_files
from newsletter.repository.installation import find_installation
from newsletter.repository.origin import read_origin
from newsletter.repository.plan import RepositoryPlan, plan_repository
from newsletter.repository.secret_file import NAME, write_secrets
from newsletter.repository.work_tree import find_work_tree, make_work_tree
from newsletter.repository.write import refuse_targets, write_files

if TYPE_CHECKING:
    from newsletter.config import Settings
    from newsletter.repository import Installation
    from newsletter.repository.write import WriteResult

_HTTPS: Final = 443


@click.command()
@click.argument("folder", metavar="[DIR]", default=".", type=click.Path(path_type=Path))
@add_options
@click.option(
    "--from",
    "asked",
    default="",
    metavar="OWNER/REPO@REF",
    help="Where the jobs install this program from, if not from where you did: also a git URL@REF.",
)
@click.option("--update", is_flag=True, help="Renew the files that init wrote; show what changes.")
def init(folder: Path, *, asked: str, update: bool, **given: str | None) -> None:
    """Make DIR the repository of a newsletter: settings, first draft, jobs, README.

    It asks on a terminal what no option answers, and changes nothing that is there. With --update
    it renews the files of the jobs and of the web app, and nothing else.
    """
    if update:
        from newsletter.cli.init_update import update_repository  # noqa: PLC0415 - it imports this

        update_repository(folder, asked, given)
        return
    _refuse_newsletter(folder)
    settings, pages, ci = ask_settings(folder.absolute(), given)
    _refuse_subfolder(folder, ci)
    plan = make_plan(settings, pages, ci, asked)
    for line in waiting_lines(plan):
        print_line(line)
    done = _write(folder, plan)
    draft = plan.draft if f"issues/{plan.draft}.md" in done.written else "ISSUE"
    for line in (*dns_lines(folder), *secret_lines(plan), *first_steps(folder, plan, draft)):
        print_line(line)


def _refuse_newsletter(folder: Path) -> None:
    """Refuse a folder that is part of a newsletter; a new one may be inside another."""
    if not folder.exists():
        return
    found = settings_file.find(folder.resolve()).path if folder.is_dir() else None
    if found:
        raise NewsletterError(
            f"there is a newsletter already: {found}",
            hint="Renew the files that init wrote with newsletter init --update, or name a folder "
            "that does not exist yet",
        )


def _refuse_subfolder(folder: Path, ci: str) -> None:
    """Refuse to write workflows where the forge does not look for them."""
    root = find_work_tree(folder.resolve())
    if root and root != folder.resolve() and ci in FORGES:
        raise NewsletterError(
            f"{folder} is inside the repository {root}, and jobs are read at its root only",
            hint=f"Run newsletter init in {root}, or add --ci none",
        )


def make_plan(settings: Settings, pages: str, ci: str, asked: str) -> RepositoryPlan:
    """Return what the files of a repository are rendered from, with the version that jobs install.

    Raises:
        NewsletterError: That version cannot be pinned, or the web app cannot be at its address.
        TryAgain: The repository of the program cannot be reached.
    """
    if pages == "scale-to-zero" and urlsplit(settings.public_url).port not in {None, _HTTPS}:
        raise NewsletterError(
            f"such a host serves port {_HTTPS} alone, and public_url has another",
            hint="Leave the port out of public_url, or choose --pages container",
        )
    install: Installation | None = None
    if pages != "none" or ci != "none":
        install = _find_installation(asked)
    today = datetime.now(settings.zone).date()
    return plan_repository(settings, pages=pages, ci=ci, install=install, today=today)


def _find_installation(asked: str) -> Installation:
    """Return what jobs install; on a terminal, ask where from until it can be pinned."""
    origin = read_origin()
    while True:
        try:
            return find_installation(asked, origin)
        except NewsletterError as error:
            if not sys.stdin.isatty():
                raise
            print_error(error.sentence, error.hint)
        asked = click.prompt("Install the program from (OWNER/REPO@VERSION)", err=True)


def _write(folder: Path, plan: RepositoryPlan) -> WriteResult:
    files = render_files(plan)
    if any((folder / "issues").glob("*.md")):
        files = tuple(one for one in files if not one.path.startswith("issues/"))
    state = folder / ".newsletter"
    secret = f"{state.name}/{NAME}"
    wheel = plan.install.wheel if plan.install else ""
    refuse_targets(folder, [*(one.path for one in files), secret])
    _make(folder)
    before = [secret] if write_secrets(state, plan) else []
    if not before:
        note(f"{secret} was there, and is as it was")
    done = write_files(folder, files, wheel=wheel, before=before)
    if find_work_tree(folder.resolve()) is None and (problem := make_work_tree(folder)):
        warn(f"the folder is no git repository yet: {problem}. Make it one with git init")
    print_line(f"Wrote {counted(len(done.written), 'file')} in {folder.resolve()}:")
    for path in done.written:
        print_line(f"  {path}")
    for path in done.left:
        print_line(f"  {path} was there, and is as it was")
    return done


def _make(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise NewsletterError(
            f"the folder {folder} cannot be made: {error.strerror}",
            hint=f"{advise(error)}, or name another folder",
        ) from None
