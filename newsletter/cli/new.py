"""`newsletter new`: an article becomes a draft."""

from __future__ import annotations

import re
from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

import click

from newsletter.cli.groups import WrongUsage
from newsletter.cli.output import counted, json_option, note, print_json, print_line, warn

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import date

    from newsletter.article.drafting import DraftText
    from newsletter.cli.app import App
    from newsletter.desk.authoring import NewDraft

_ALTERNATIVES: Final = 2


@click.command()
@click.argument("source", required=False, default="")
@click.option("--url", metavar="URL", default="", help="The address of the article.")
@click.option(
    "--date",
    "day",
    metavar="DATE",
    help="The day of the issue.  [default: the next free send_day]",
)
@click.option(
    "--entry",
    type=click.IntRange(min=1),
    metavar="N",
    help="Of a feed, the entry with this number; 1 is the newest.",
)
@click.option(
    "--digest",
    "month",
    metavar="MONTH",
    help="A digest of the issues of a month, such as 2026-11, for who gets one letter a month.",
)
@click.option("--stdout", "to_stdout", is_flag=True, help="Print the draft; write no file.")
@json_option
@click.pass_obj
def new(
    app: App,
    source: str,
    url: str,
    day: str | None,
    entry: int | None,
    *,
    month: str | None,
    to_stdout: bool,
    json_: bool,
) -> None:
    """Write a draft into issues/ from an article. Every sentence of it is the article's own.

    SOURCE is an article's address, a saved .html page, a text or Markdown file, a post of your own
    site, a feed, or - for standard input. Without SOURCE, the draft is empty.
    """
    from newsletter.desk.authoring import make_draft  # noqa: PLC0415 - reads pages and texts
    from newsletter.model.web_address import web_address  # noqa: PLC0415 - as above

    if to_stdout and json_:
        raise WrongUsage("--stdout and --json both print", hint="Give one of them")
    if url and not web_address(url):
        raise WrongUsage(
            "--url is not the address of a web page",
            hint="Give all of it, as the address bar of a browser shows it: --url https://…",
        )
    if month is not None:
        if source or url or entry:
            raise WrongUsage(
                "--digest takes its text from the issues that were sent",
                hint="Leave out the source, --url and --entry",
            )
        made = _make_digest(app, month, _day(day), write=not to_stdout)
    else:
        made = make_draft(
            app.settings,
            source,
            url=web_address(url),
            day=_day(day),
            entry=entry,
            now=datetime.now(UTC),
            write=not to_stdout,
        )
    if "\ufffd" in made.draft.text:
        warn("Some characters of the source are broken: a � stands for each. Write them yourself.")
    if to_stdout:
        click.echo(made.draft.text, nl=False)
        return
    if json_:
        print_json(_as_json(made))
    else:
        print_line(made.path)
        _tell(made, counted(made.draft.parts.opening, "issue") if month else _taken(made.draft))


def _make_digest(app: App, typed: str, day: date | None, *, write: bool) -> NewDraft:
    from newsletter.desk.digest import Month, make_digest  # noqa: PLC0415 - reads the database

    try:
        first = datetime.strptime(typed.strip(), "%Y-%m")  # noqa: DTZ007 - a month
    except ValueError:
        shown = typed if typed.isprintable() else repr(typed)
        raise WrongUsage(
            f'--digest "{shown}" is not a month', hint="Write it as 2026-11: year and month"
        ) from None
    month = Month(first.year, first.month)
    now = datetime.now(UTC)
    return make_digest(app.settings, app.reading, month, day=day, now=now, write=write)


def _day(typed: str | None) -> date | None:
    """Return a day that a person typed.

    Raises:
        WrongUsage: It is none.
    """
    if typed is None:
        return None
    try:
        return datetime.strptime(typed.strip(), "%Y-%m-%d").date()  # noqa: DTZ007 - a day
    except ValueError:
        shown = typed if typed.isprintable() else repr(typed)
        raise WrongUsage(
            f'--date "{shown}" is not a day', hint="Write it as 2026-12-06: year, month, day"
        ) from None


def _as_json(made: NewDraft) -> dict[str, object]:
    return {
        "path": made.path,
        "slug": made.slug,
        "article": made.article,
        "subject": made.draft.subject,
        "send_at": made.send_at.isoformat(timespec="minutes"),
        "parts": asdict(made.draft.parts),
        "todo": list(made.draft.todo),
        "cut": len(made.cut),
        "alternatives": {name: list(texts) for name, texts in made.alternatives.items()},
    }


def _tell(made: NewDraft, taken: str) -> None:
    """Say what was taken, what was cut, what is missing, and what to do next."""
    for held in made.held:
        note(held)
    note(f"It goes out on {made.send_at:%A %Y-%m-%d at %H:%M}, once it no longer says draft: yes.")
    if made.article or made.draft.subject:
        note(f"Taken: {taken}.")
    if made.cut:
        note(f"Left out: {counted(len(made.cut), 'line')} that belong to the site.")
    for name, texts in made.alternatives.items():
        for text in texts[:_ALTERNATIVES]:
            note(f"Another {name[:-1]}: {text}")
    if made.unknown_address:
        note(f"The address of the article is not known: {made.unknown_address}.")
    for number, gap in _gaps(made.draft.text):
        note(f"Still to fill in, line {number}: {gap}")
    if "alt" in made.draft.todo:
        note("Still to write, between the brackets of a picture: what is to be seen.")
    note(f"Next: newsletter preview {made.slug}")


def _gaps(text: str) -> Iterator[tuple[int, str]]:
    """Yield each gap of a draft with its line."""
    for number, line in enumerate(text.split("\n"), start=1):
        for gap in re.findall(r"\[\[[^\[\]]+\]\]", line):
            yield number, gap


def _taken(draft: DraftText) -> str:
    parts = draft.parts
    taken = [
        (parts.opening, "paragraph"),
        (parts.quotes, "quote"),
        (parts.questions, "question"),
        (parts.reflections, "reflection"),
        (int(parts.button), "button"),
        (parts.related, "other article"),
    ]
    return ", ".join(counted(count, noun) for count, noun in taken if count) or "nothing"
