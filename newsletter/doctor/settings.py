"""Settings and environment: whether they can be read, and fit together."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from newsletter import config
from newsletter.config.names import VARIABLES
from newsletter.delivery import preflight
from newsletter.doctor.checklist import (
    CLOCK,
    SETTINGS_ENVIRONMENT,
    SETTINGS_FILE,
    SETTINGS_IDENTITY,
    SETTINGS_ISSUES,
    SETTINGS_PROVIDER,
    SETTINGS_PUBLIC_URL,
    SETTINGS_SCHEDULE,
)
from newsletter.doctor.findings import attempt, failure, of_error, of_problems, ok, warning
from newsletter.errors import NewsletterError
from newsletter.model import DiagnosisState
from newsletter.providers import capabilities_of
from newsletter.schedule import HOURS_BETWEEN_RUNS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from newsletter.config import Settings
    from newsletter.model import Diagnosis

_PROVIDER: Final = "NEWSLETTER_PROVIDER"
_TIMER_HOURS: Final = 0.5  # of a timer that comes every ten minutes
_LATENESS_HOURS: Final = 2
_OWN_TIME_HOURS: Final = 2 * HOURS_BETWEEN_RUNS
_FIRST_YEAR: Final = 2020
_LAST_YEAR: Final = 2100
# RFC 2606 and RFC 6761 keep these for examples and tests: nobody has mail there.
_RESERVED: Final = frozenset({"example", "test", "invalid", "localhost", "local"})
_EXAMPLES: Final = frozenset({"example.org", "example.com", "example.net"})


def read_settings(
    folder: Path, environment: Mapping[str, str] | None = None
) -> tuple[Settings | None, tuple[Diagnosis, ...]]:
    """Return the settings that hold for a folder, and what is wrong with how they are written.

    Args:
        folder: As for `config.load`.
        environment: As for `config.load`.

    Returns:
        None instead of settings if they cannot be read, or there are none.
    """
    environment = os.environ if environment is None else environment
    file, named = _read_file(folder)
    variables = tuple(_read_environment(folder, environment)) if named else ()
    if any(one.state is DiagnosisState.FAILURE for one in (file, *variables)):
        return None, (file, *variables)
    return config.load(folder, environment), (file, *variables)


def _read_file(folder: Path) -> tuple[Diagnosis, bool]:
    """Return whether the settings file can be read, and whether the environment is worth a look."""
    try:
        settings = config.load(folder, {})
    except NewsletterError as error:
        return of_error(SETTINGS_FILE, error), True
    if settings.origin == config.DEFAULT_ORIGIN:
        return failure(
            SETTINGS_FILE,
            f"there are no settings in {folder} or above it",
            "Go to your newsletter's folder, or begin one with: newsletter init",
        ), False
    return ok(SETTINGS_FILE, f"{settings.origin} can be read"), True


def _read_environment(folder: Path, environment: Mapping[str, str]) -> Iterator[Diagnosis]:
    ours = [name for name in (*VARIABLES, *config.PROVIDER_VARIABLES) if name in environment]
    broken = []
    for name in ours:
        try:
            config.load(folder, {name: environment[name]})
        except NewsletterError as error:
            # That of the file is reported already, and is in each of these.
            if name in error.sentence:
                broken.append(of_error(SETTINGS_ENVIRONMENT, error))
    yield from broken
    for remark in config.unread_warnings(environment):
        yield warning(
            SETTINGS_ENVIRONMENT, remark.rstrip("."), "Correct its name, or unset it if it is old"
        )
    if not broken and not config.unread_warnings(environment):
        yield ok(SETTINGS_ENVIRONMENT, "every variable of this program can be read")


def examine_settings(
    settings: Settings, environment: Mapping[str, str] | None = None
) -> Iterator[Diagnosis]:
    """Yield whether the settings fit together, as far as this machine alone can say."""
    yield from attempt(SETTINGS_IDENTITY, lambda: check_identity(settings))
    yield from attempt(SETTINGS_PROVIDER, lambda: check_provider(settings, environment))
    yield from attempt(SETTINGS_PUBLIC_URL, lambda: check_public_url(settings))
    yield from attempt(SETTINGS_ISSUES, lambda: check_issues(settings))
    yield from attempt(SETTINGS_SCHEDULE, lambda: check_schedule(settings))
    yield from attempt(CLOCK, lambda: check_clock(datetime.now(UTC)))


def settings_of_file(settings: Settings, environment: Mapping[str, str] | None = None) -> Settings:
    """Return the settings as the file has them, where the environment chose the outbox instead.

    Args:
        settings: The newsletter's, with the environment.
        environment: As for `config.load`.
    """
    environment = os.environ if environment is None else environment
    if not capabilities_of(settings).rehearsal or _PROVIDER not in environment:
        return settings
    others = {name: value for name, value in environment.items() if name != _PROVIDER}
    return config.load(settings.root, others)


def is_test_server(settings: Settings) -> bool:
    """Return whether the provider is on this machine: nobody outside is mailed."""
    return bool(settings.provider_url) and config.is_loopback(settings.provider_url)


def check_identity(settings: Settings) -> Diagnosis:
    """Check that letters say who sends them and how to reach them."""
    if missing := next(preflight.find_missing_settings(settings), None):
        if capabilities_of(settings).rehearsal:
            return warning(SETTINGS_IDENTITY, missing.sentence, missing.hint)
        return of_error(SETTINGS_IDENTITY, missing)
    if settings.name == config.Settings(root=settings.root).name:
        return warning(
            SETTINGS_IDENTITY,
            f'the newsletter is still called "{settings.name}"',
            f"Give it its own name: name = … in {settings.origin}",
        )
    labels = settings.domain.lower().rpartition(".")
    is_example = settings.domain.lower() in _EXAMPLES or labels[2] in _RESERVED
    if is_example and not capabilities_of(settings).rehearsal and not is_test_server(settings):
        return failure(
            SETTINGS_IDENTITY,
            f"the sender is at {settings.domain}, which is for examples and takes no mail",
            f"Fill in an address at your own domain: sender = … in {settings.origin}",
        )
    return ok(SETTINGS_IDENTITY, "letters say who sends them and how to reach them")


def check_provider(settings: Settings, environment: Mapping[str, str] | None = None) -> Diagnosis:
    """Check that the provider is the one that is meant."""
    if remark := config.outbox_warning(settings, environment):
        said, _, fix = remark.partition(". ")
        return warning(SETTINGS_PROVIDER, said, fix)
    if (meant := settings_of_file(settings, environment).provider) != settings.provider:
        return warning(
            SETTINGS_PROVIDER,
            f'{_PROVIDER} is the outbox here, so that nobody is mailed; {settings.origin} says "'
            f'{meant}"',
            f"If letters should leave from here: unset {_PROVIDER}",
        )
    if capabilities_of(settings).rehearsal:
        return ok(SETTINGS_PROVIDER, "the outbox: letters become files, and nobody is mailed")
    if is_test_server(settings):
        return ok(SETTINGS_PROVIDER, f"{settings.provider}, on this machine: a test server")
    if settings.provider_url:
        return ok(SETTINGS_PROVIDER, f"{settings.provider}, at {settings.provider_url}")
    return ok(SETTINGS_PROVIDER, settings.provider)


def check_public_url(settings: Settings) -> Diagnosis:
    """Check that subscribers and mail programs can use the address in every letter."""
    if capabilities_of(settings).rehearsal and config.is_loopback(settings.public_url):
        return ok(SETTINGS_PUBLIC_URL, "this machine; enough for rehearsals")
    problems = preflight.find_url_problems(settings)
    return of_problems(SETTINGS_PUBLIC_URL, problems, f"{settings.public_url} may be in letters")


def check_issues(settings: Settings) -> Diagnosis:
    """Check that the schedule has a folder to look into."""
    if settings.issues.is_dir():
        return ok(SETTINGS_ISSUES, "there is a folder issues/")
    return failure(
        SETTINGS_ISSUES,
        f"there is no folder issues/ beside {settings.origin}",
        "Make it: mkdir issues; or check that this is your newsletter's folder",
    )


def check_schedule(settings: Settings) -> Diagnosis:
    """Check that a job that begins late, as jobs at a forge do, may still start a letter."""
    hours = settings.max_lateness_hours
    at_forge = config.has_job_at_forge(settings)
    if hours >= (_OWN_TIME_HOURS if at_forge else _TIMER_HOURS):
        return ok(SETTINGS_SCHEDULE, f"a letter may start up to {hours:g} hours late")
    why = "scheduled jobs are often later"
    if not at_forge:
        why = "a timer that starts it every ten minutes may miss that"
    elif hours >= _LATENESS_HOURS:
        why = (
            "an issue with a send_at of its own may meet a single run of a job at a forge, or none "
            "where that one is dropped"
        )
    return warning(
        SETTINGS_SCHEDULE,
        f"a letter may start at most {hours:g} hours late, and {why}",
        f"Write max_lateness_hours = 6 in {settings.origin}",
    )


def check_clock(now: datetime) -> Diagnosis:
    """Check that this machine's clock shows a possible year."""
    if _FIRST_YEAR <= now.year < _LAST_YEAR:
        return ok(CLOCK, "this machine's clock shows a possible date")
    return failure(
        CLOCK,
        f"this machine's clock shows {now:%Y-%m-%d}",
        "Set the clock; until then certificates seem invalid and letters are due at a wrong time",
    )
