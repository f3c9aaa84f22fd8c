"""What `newsletter init` asks on a terminal, and the options that answer it elsewhere."""

from __future__ import annotations

import sys
from email.utils import parseaddr
from typing import TYPE_CHECKING, Any, Final

import click

from newsletter import config
from newsletter.cli.groups import WrongUsage
from newsletter.cli.output import print_error, warn
from newsletter.errors import NewsletterError
from newsletter.mail_dns.sender import check_free_mail, is_free_mail
from newsletter.model import DiagnosisState
from newsletter.repository.plan import CI, PAGES

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from newsletter.config import Settings

    Given = Mapping[str, str | None]

_DEFAULTS: Final = {"language": "nl", "timezone": "Europe/Amsterdam"}
_QUESTIONS: Final = {
    "name": "Name of the newsletter",
    "sender": 'Sender, such as "Gerrit <gerrit@example.org>"',
    "contact": "Postal address, or another way to reach you (in every letter)",
    "provider": "Provider that delivers the letters (outbox: nobody is mailed yet)",
    "pages": "Where the web app runs",
    "ci": "What runs the scheduled job",
    "public_url": "Address of the web app",
    "language": "Language of the letters",
    "timezone": "Time zone",
}
_CHOICES: Final = {"provider": tuple(config.PROVIDERS), "pages": PAGES, "ci": CI}
_USUAL: Final = {"provider": "outbox", "pages": "none", "ci": "github"}


def ask_settings(root: Path, given: Given) -> tuple[Settings, str, str]:
    """Return the settings, the kind of pages and the kind of CI; ask for what is not given.

    Args:
        root: The folder that the settings will be in.
        given: The value of each option; None where it was left out.

    Raises:
        WrongUsage: There is no terminal to ask on, and an option is missing.
        NewsletterError: A value is not what its setting needs.
    """
    answers = {key: value for key, value in given.items() if value is not None}
    _check(root, answers)
    _warn_of_free_mail(answers.get("sender", ""))
    if sys.stdin.isatty():
        for key in _QUESTIONS:
            if _is_missing(key, answers):
                answers[key] = _ask(root, key, answers)
    else:
        answers = {**_DEFAULTS, **answers}
        _refuse_missing(answers)
    settings = {key: value for key, value in answers.items() if key not in {"pages", "ci"}}
    return config.from_values(root, settings), answers["pages"], answers["ci"]


def _refuse_missing(answers: Mapping[str, str]) -> None:
    missing = [key for key in _QUESTIONS if _is_missing(key, answers)]
    if missing:
        options = ", ".join(f"--{key.replace('_', '-')}" for key in missing)
        raise WrongUsage(
            f"without a terminal these options are needed: {options}",
            hint="Add them, or run it on a terminal, where it asks",
        )


def _is_missing(key: str, answers: Mapping[str, str]) -> bool:
    """Return whether a question has to be asked: the web app has no address until it runs."""
    if key in answers:
        return False
    if key != "public_url":
        return True
    return answers.get("provider") != "outbox" or answers.get("pages") != "none"


def _ask(root: Path, key: str, answers: Mapping[str, str]) -> str:
    """Ask one question until its answer is right."""
    if key in _CHOICES:
        return _choose(key)
    while True:
        answer = str(click.prompt(_QUESTIONS[key], default=_default(key, answers), err=True))
        try:
            _check(root, {key: answer.strip()})
        except NewsletterError as error:
            print_error(error.problem, error.hint)
            continue
        if key == "sender":
            _warn_of_free_mail(answer)
        return answer.strip()


def _choose(key: str) -> str:
    """Ask which of several it is, until it is one of them, in upper or lower case."""
    choices = ", ".join(_CHOICES[key])
    while True:
        question = f"{_QUESTIONS[key]} ({choices})"
        answer = str(click.prompt(question, default=_USUAL[key], err=True)).strip()
        if answer.lower() in _CHOICES[key]:
            return answer.lower()
        print_error(f"{answer} is none of them", f"Type one of: {choices}")


def _default(key: str, answers: Mapping[str, str]) -> str | None:
    domain = parseaddr(answers.get("sender", ""))[1].rpartition("@")[2]
    if key == "public_url" and domain and not is_free_mail(domain.lower()):
        return f"https://brief.{domain.removeprefix('brief.')}"
    return _DEFAULTS.get(key)


def _warn_of_free_mail(sender: str) -> None:
    """Warn at once of a sender from whom letters do not arrive."""
    found = check_free_mail(parseaddr(sender)[1].rpartition("@")[2].lower())
    if found.state is DiagnosisState.FAILURE:
        warn(f"{found.message}. {found.fix}")


def _check(root: Path, answers: Mapping[str, str]) -> None:
    """Hold answers against the rules of the settings, and two that only a new newsletter has.

    Raises:
        NewsletterError: One breaks a rule.
    """
    settings = {key: value for key, value in answers.items() if key not in {"pages", "ci"}}
    config.from_values(root, settings)
    for key in ("sender", "contact"):
        if key in settings and not settings[key].strip():
            raise NewsletterError(f"{key} is empty", hint="Every letter shows it")
    url = settings.get("public_url", "https://")
    if not url.startswith("https://") and not config.is_loopback(url):
        raise NewsletterError(
            "public_url must begin with https://, or mail programs leave out the button to "
            "unsubscribe",
            hint="Write it in full, such as https://brief.example.org",
        )


def add_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options that answer the questions."""
    for key in reversed(_QUESTIONS):
        kind = click.Choice(_CHOICES[key]) if key in _CHOICES else str
        metavar = "KIND" if key in {"pages", "ci"} else None
        name = f"--{key.replace('_', '-')}"
        command = click.option(name, key, type=kind, metavar=metavar, help=_help(key))(command)
    return command


def _help(key: str) -> str:
    text = _QUESTIONS[key].partition(" (")[0]
    return f"{text}: {', '.join(_CHOICES[key])}." if key in _CHOICES else f"{text}."
