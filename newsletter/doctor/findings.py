"""Short ways to say what a check found, and to keep its failure to itself."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from newsletter.errors import NewsletterError, TryAgain
from newsletter.model import Diagnosis, DiagnosisState

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

log = logging.getLogger(__name__)


def ok(check: str, message: str) -> Diagnosis:
    """Return that nothing needs to be done."""
    return Diagnosis(check, DiagnosisState.OK, message)


def warning(check: str, message: str, fix: str) -> Diagnosis:
    """Return that letters can be sent, but something should be looked at."""
    return Diagnosis(check, DiagnosisState.WARNING, message, fix)


def failure(check: str, message: str, fix: str) -> Diagnosis:
    """Return that something must be corrected before a letter is sent."""
    return Diagnosis(check, DiagnosisState.FAILURE, message, fix)


def unknown(check: str, message: str, fix: str) -> Diagnosis:
    """Return that something could not be checked."""
    return Diagnosis(check, DiagnosisState.UNKNOWN, message, fix)


def of_error(check: str, error: NewsletterError) -> Diagnosis:
    """Return what an error means: what can pass by itself says nothing about the set-up."""
    if isinstance(error, TryAgain):
        return unknown(check, error.sentence, error.hint)
    return failure(check, error.sentence, error.hint)


def of_problems(check: str, problems: Iterable[NewsletterError], fine: str) -> Diagnosis:
    """Return the first problem as a failure; without one, that all is well."""
    first = next(iter(problems), None)
    return of_error(check, first) if first else ok(check, fine)


def attempt(check: str, look: Callable[[], Diagnosis | Iterable[Diagnosis]]) -> Iterator[Diagnosis]:
    """Yield what a check finds; an error of its own leaves this check unknown, and no other."""
    try:
        found = look()
        yield from (found,) if isinstance(found, Diagnosis) else found
    except NewsletterError as error:
        yield of_error(check, error)
    except Exception as error:  # noqa: BLE001 - whatever it is, the other checks go on
        yield unexpected(check, error)


def unexpected(check: str, error: Exception) -> Diagnosis:
    """Return that an error which nobody foresaw kept something from being checked."""
    log.debug("The check %s ended here:", check, exc_info=error)
    return unknown(
        check,
        f"could not be checked: unexpected {type(error).__name__}",
        "Run it again; if it stays so, report that",
    )
