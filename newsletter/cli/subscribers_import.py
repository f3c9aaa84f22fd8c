"""`newsletter subscribers import`."""

from __future__ import annotations

import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from newsletter.cli.groups import WrongUsage
from newsletter.cli.output import counted, json_option, note, print_json, print_line
from newsletter.cli.progress import progress
from newsletter.imports import formats, run
from newsletter.imports import undo as undo_imports
from newsletter.model import ListChange
from newsletter.states import LEFT

if TYPE_CHECKING:
    from newsletter.cli.app import App
    from newsletter.imports.leavers import Leavers
    from newsletter.imports.run import ImportReport
    from newsletter.imports.undo import UndoPlan

_LISTED = 10


@click.command("import", short_help="Import a CSV file from another tool.")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--consent", default="", help="The words that everyone in the file agreed to.")
@click.option("--all-subscribed", is_flag=True, help="Take rows without a status as subscribed.")
@click.option("--as-suppressed", is_flag=True, help="Take everyone in the file as unsubscribed.")
@click.option("--leavers-only", is_flag=True, help="Store only those who unsubscribed.")
@click.option(
    "--map",
    "mapping",
    multiple=True,
    metavar="FIELD=COLUMN",
    help=f"Which column holds a field: {', '.join(formats.FIELDS)}.",
)
@click.option(
    "--ignore",
    multiple=True,
    metavar="COLUMN",
    help="A column that does not say who is subscribed, although it looks like one.",
)
@click.option("--dry-run", is_flag=True, help="Count only; change nothing.")
@click.option(
    "--rejects",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write every skipped or invalid row to FILE, with line and reason.",
)
@json_option
@click.pass_obj
def import_(
    app: App,
    *,
    file: Path,
    consent: str,
    all_subscribed: bool,
    as_suppressed: bool,
    leavers_only: bool,
    ignore: tuple[str, ...],
    mapping: tuple[str, ...],
    dry_run: bool,
    rejects: Path | None,
    json_: bool,
) -> None:
    """Import a CSV file from Mailchimp, MailerLite, Brevo, Substack, Ghost or another tool.

    A row becomes active only if it is clearly subscribed and did not unsubscribe here.
    """
    options = run.ImportOptions(
        consent="" if as_suppressed or leavers_only else wording(consent),
        mapping=_mapping(mapping),
        all_subscribed=all_subscribed,
        as_suppressed=as_suppressed,
        leavers_only=leavers_only,
        ignore=ignore,
        dry_run=dry_run,
        rejects=rejects,
    )
    _check_usage(file, options)
    with progress("Importing") as tell:
        report = run.import_file(app.store, file, options, tell)
    if dry_run:
        note("Dry run: nothing was changed.")
    for remark in report.remarks:
        note(f"Note: {remark}.")
    print_json(_document(report)) if json_ else print_line(_report(report, leavers_only))


def _check_usage(file: Path, options: run.ImportOptions) -> None:
    """Refuse options that contradict each other, and files that cannot be read or written."""
    if options.all_subscribed and options.as_suppressed:
        raise WrongUsage(
            "--all-subscribed and --as-suppressed contradict each other", hint="Give one of them"
        )
    if options.leavers_only and (options.all_subscribed or options.as_suppressed):
        raise WrongUsage(
            "--leavers-only reads from the file who left",
            hint="Leave out --all-subscribed and --as-suppressed",
        )
    if str(file) == "-":
        raise WrongUsage(
            "an import reads its file twice, so it cannot read standard input",
            hint="Save the list to a file and name that",
        )
    rejects = options.rejects
    if rejects and rejects.exists() and file.exists() and rejects.samefile(file):
        raise WrongUsage(
            "--rejects would overwrite the file that is imported", hint="Name another file"
        )


@click.command()
@click.argument("import_id", metavar="IMPORT")
@click.option("--yes", is_flag=True, help="Skip the confirmation prompt.")
@json_option
@click.pass_obj
def undo(app: App, *, import_id: str, yes: bool, json_: bool) -> None:
    """Undo an import by the id that it printed.

    Removes the people it added, and makes those active again that it unsubscribed, except where
    something happened since: a letter, an event, an act of theirs or yours.
    """
    plan = undo_imports.look_up(app.store, import_id)
    if not yes:
        effect = _effect(plan)
        if not sys.stdin.isatty():
            raise WrongUsage(
                f"undoing this import {effect}; without a terminal it needs --yes",
                hint="Confirm it with --yes",
            )
        note(f"Import {import_id} of {plan.began:%Y-%m-%d %H:%M} UTC. Undoing it {effect}.")
        click.confirm("Undo it?", abort=True, err=True)
    done = undo_imports.undo(app.store, app.settings, import_id)
    if json_:
        print_json(asdict(done))
        return
    print_line(f"{done.removed:,} removed, {done.restored:,} restored, {done.kept:,} kept")
    for reason, count in done.reasons.items():
        print_line(f"{count:>9,}  {reason}")


def _effect(plan: UndoPlan) -> str:
    """Return what an undo does, as the end of a sentence."""
    parts = (
        (plan.removed, "removes {} from the list"),
        (plan.active, "makes {} active again"),
        (plan.pending, "makes {} pending again"),
    )
    done = [
        words.format("1 person" if count == 1 else f"{count:,} people")
        for count, words in parts
        if count
    ]
    if not done:
        return "changes nobody on the list"
    return f"{' and '.join(done)}, except where something happened since"


def wording(text: str) -> str:
    """Return the text of `--consent` on one line.

    Raises:
        WrongUsage: It is empty, or cannot be stored.
    """
    words = " ".join(text.split())
    if not words:
        raise WrongUsage(
            "--consent is empty or missing",
            hint="Give the words that these people agreed to, such as those of the form",
        )
    # Text that a terminal sent in another encoding cannot be stored.
    if not words.isprintable():
        raise WrongUsage(
            "--consent holds characters that cannot be printed", hint="Type its words again"
        )
    return words


def _mapping(given: tuple[str, ...]) -> dict[str, tuple[str, ...]]:
    """Return the columns of each field in `--map`; only a status may have several."""
    mapping: dict[str, tuple[str, ...]] = {}
    for text in given:
        field, _, column = text.partition("=")
        if formats.field(field) is None:
            column, _, field = text.rpartition("=")
        known = formats.field(field)
        again = known in mapping and known != "status"
        if known is None or not column.strip() or again:
            raise click.BadParameter(
                f"{text!r}; write FIELD=COLUMN, each field once (status as often as needed), with"
                f" FIELD one of {', '.join(formats.FIELDS)}",
                param_hint="--map",
            )
        if column not in mapping.get(known, ()):
            mapping[known] = (*mapping.get(known, ()), column)
    return mapping


def _document(report: ImportReport) -> dict[str, Any]:
    """Return the JSON of a report: what only its text has is left out."""
    document = asdict(report)
    del document["leavers"], document["undoable"]
    return document


def _report(report: ImportReport, leavers_only: bool) -> str:  # noqa: FBT001 - an option
    left = report.leavers
    if leavers_only:
        others = report.rows - left.rows - report.invalid
        lines = [f"{counted(report.rows, 'row')}: {_left(left)}; {others:,} others untouched"]
    else:
        counts = {result: getattr(report, result.value) for result in ListChange}
        parts = ", ".join(f"{count:,} {result}" for result, count in counts.items())
        lines = [f"{counted(report.rows, 'row')}: {parts}"]
        lines += [f"People who left are kept as such: {_left(left)}"] if left.total else []
    lines += [f"{count:>9,}  {reason}{_kept(reason)}" for reason, count in report.reasons.items()]
    lines += _listed(report)
    if report.id and report.undoable:
        lines.append(f"Undo it: newsletter subscribers undo {report.id}")
    return "\n".join(lines)


def _left(left: Leavers) -> str:
    """Return what the import did with the people who left."""
    parts = [f"{counted(left.active, 'active subscriber')} unsubscribed"]
    if left.pending:
        parts.append(f"{left.pending:,} pending unsubscribed")
    if left.new:
        parts.append(f"{left.new:,} new")
    parts.append(f"{left.before:,} had left before")
    return ", ".join(parts)


def _kept(reason: str) -> str:
    """Return what becomes of people who are skipped for a reason and yet kept on the list."""
    if reason in {f"{status} in the file" for status in LEFT}:
        return ": kept as people who left"
    return ": kept as pending" if reason == "not confirmed in the file" else ""


def _listed(report: ImportReport) -> list[str]:
    """Return the first lines: first of people who were taken off the list, then of all others."""
    left = report.leavers.lines
    taken = {line for line, _ in left}
    rows = [(line, f"{status} in the file, and on the list until now") for line, status in left]
    rows += [(row.line, row.reason) for row in report.rejected if row.line not in taken]
    shown = rows[:_LISTED]
    lines = [f"  line {line}: {reason}" for line, reason in shown]
    if more := report.skipped + report.invalid - len(shown):
        lines.append(f"  and {more:,} more: --rejects FILE writes all of them")
    return lines
