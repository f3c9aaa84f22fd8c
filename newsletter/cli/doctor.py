"""`newsletter doctor`: what is wrong with the set-up."""

from __future__ import annotations

import sys
from collections import Counter
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from newsletter import desk, mail_dns
from newsletter import doctor as examination
from newsletter.cli.groups import WrongUsage
from newsletter.cli.output import counted, is_quiet, json_option, print_json, print_line
from newsletter.doctor import Section
from newsletter.errors import NewsletterError, TryAgain
from newsletter.model import DiagnosisState

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from newsletter.config import Settings
    from newsletter.model import Diagnosis, Draft

_STATES: Final = {
    DiagnosisState.OK: ("✓", "ok", "green"),
    DiagnosisState.WARNING: ("!", "warning", "yellow"),
    DiagnosisState.FAILURE: ("✗", "failure", "red"),
    DiagnosisState.UNKNOWN: ("?", "could not check", "magenta"),
}
_LARGEST: Final = 50_000_000
"""Bytes that are read of a letter: more than any mail server takes."""
_ENDED: Final = "nothing else was looked at: that needs settings that can be read"
_PLAIN: Final = str.maketrans("✓✗", "+x")


@click.command()
@click.option("--dns", is_flag=True, help="Look at the DNS of the sender's domain alone.")
@click.option(
    "--received",
    metavar="FILE.eml",
    type=click.Path(path_type=Path),
    help="Look at a proof that arrived, as your mail program saved it.",
)
@json_option
def doctor(*, dns: bool, received: Path | None, json_: bool) -> None:
    """Look for what is wrong with the set-up, and say how to correct it; change nothing.

    It looks at settings, secrets, database, provider, DNS, web app and backlog. Exit code 1: there
    is a failure; 75: there is none, but something could not be checked. See docs/doctor.md.
    """
    if dns and received:
        raise WrongUsage("--dns and --received look at different things", hint="Give one of them")
    settings, read = examination.read_settings(Path.cwd())
    first = Section("Settings", read, "" if settings else _ENDED)
    if settings is None:
        sections: Iterable[Section] = (first,)
    elif received:
        letter = _bytes_of(received)
        sections = (Section("Received letter", mail_dns.check_received(letter, settings)),)
    elif dns:
        sections = (examination.examine_domain(settings),)
    else:
        sections = _all_sections(settings, first)
    found: list[Diagnosis] = []
    for section in sections:
        found += section.diagnoses
        if not json_:
            _print_section(section)
    if json_:
        print_json([asdict(one) for one in found])
    else:
        print_line(_summary(found))
    click.get_current_context().exit(_exit_code(found))


def _all_sections(settings: Settings, first: Section) -> Iterator[Section]:
    """Yield every section; the first one has also how the settings are written."""
    sections = examination.examine(settings, _drafts(settings))
    second = next(sections)
    yield Section(second.title, (*first.diagnoses, *second.diagnoses))
    yield from sections


def _drafts(settings: Settings) -> tuple[Draft, ...]:
    """Return every issue file; none where they cannot be read, which `check` reports."""
    try:
        return tuple(desk.read_all(settings))
    except (NewsletterError, OSError):
        return ()


def _bytes_of(path: Path) -> bytes:
    """Return a saved letter, or as much of a larger file as shows that it is none."""
    try:
        with path.open("rb") as file:
            return file.read(_LARGEST)
    except OSError as error:
        raise NewsletterError(
            f"the letter cannot be read: {error.strerror}",
            where=path.name,
            hint="Save it in your mail program as a file (.eml), and give its path",
        ) from None


def _print_section(section: Section) -> None:
    quiet = is_quiet()
    shown = [one for one in section.diagnoses if not (quiet and one.state is DiagnosisState.OK)]
    if not shown and (quiet or not section.note):
        return
    print_line(click.style(section.title, bold=True))
    for one in shown:
        for line in _lines(one):
            print_line(line)
    if section.note and not quiet:
        print_line(f"  - {section.note}")


def _lines(one: Diagnosis) -> Iterator[str]:
    mark, word, colour = _STATES[one.state]
    yield f"  {click.style(f'{_printable(mark)} {word}', fg=colour)}: {one.message} ({one.check})"
    for number, line in enumerate(one.fix.splitlines()):
        yield f"      {'' if number else 'fix: '}{line}"


def _printable(mark: str) -> str:
    """Return a mark as standard output can write it."""
    try:
        mark.encode(sys.stdout.encoding or "ascii")
    except (UnicodeEncodeError, LookupError):
        return mark.translate(_PLAIN)
    return mark


def _summary(found: list[Diagnosis]) -> str:
    counts = Counter(one.state for one in found)
    parts = [f"{counts[DiagnosisState.OK]:,} ok"]
    parts += [
        counted(counts[state], state.value)
        for state in (DiagnosisState.WARNING, DiagnosisState.FAILURE)
    ]
    parts.append(f"{counts[DiagnosisState.UNKNOWN]:,} could not be checked")
    return f"{', '.join(parts)}."


def _exit_code(found: list[Diagnosis]) -> int:
    states = {one.state for one in found}
    if DiagnosisState.FAILURE in states:
        return NewsletterError.exit_code
    return TryAgain.exit_code if DiagnosisState.UNKNOWN in states else 0
