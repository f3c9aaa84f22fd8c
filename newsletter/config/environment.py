"""What the environment says: settings that change with the machine, and secrets."""

from __future__ import annotations

import difflib
import os
import re
from typing import TYPE_CHECKING, Any, Final

from newsletter.config.names import KEYS, VARIABLES
from newsletter.config.providers import PROVIDER_VARIABLES, PROVIDERS
from newsletter.config.secrets_file import missing_in_job_hint
from newsletter.errors import NewsletterError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from newsletter.config.settings import Settings

# Variables of the workflow and of the repository, which may well be set here too.
_OF_OTHERS: Final = {"NEWSLETTER_SEND", "NEWSLETTER_PING_URL", "NEWSLETTER_PROJECT"}
_NAMED: Final = "|".join(name.upper() for name, variables in PROVIDERS.items() if variables)
_OURS: Final = re.compile(rf"(NEWS?LET?TER|{_NAMED})S?_\w+")
_ALIKE: Final = 0.8
# A shell's command or variable, a workflow's expression, or "<your key>", as they were written.
_PLACE: Final = re.compile(
    r"\$\(.*\)|\$\{.*\}|`.*`|\{\{.*\}\}|<[^<>]*>|\W*(…|\.\.\.)\W*", re.DOTALL
)


def set_variables(environment: Mapping[str, str]) -> dict[str, str]:
    """Return the variable of each setting that the environment holds."""
    return {key: variable for variable, key in VARIABLES.items() if variable in environment}


def read_settings(environment: Mapping[str, str]) -> dict[str, Any]:
    """Return the settings that the environment holds.

    Raises:
        NewsletterError: One is empty.
    """
    found: dict[str, Any] = {}
    for key, variable in set_variables(environment).items():
        found[key] = _filled(environment, variable)
    if "secret_keys" in found:
        keys = tuple(key.strip() for key in found["secret_keys"].split(","))
        if not all(keys):
            raise NewsletterError(
                "NEWSLETTER_SECRET_KEY holds an empty key",
                hint="Separate keys with one comma, newest first",
            )
        found["secret_keys"] = keys
    return found


def read_credentials(environment: Mapping[str, str]) -> dict[str, str]:
    """Return what providers know us by.

    Raises:
        NewsletterError: One is empty, or is no key.
    """
    found = {name: _filled(environment, name) for name in PROVIDER_VARIABLES if name in environment}
    for name, value in found.items():
        if not re.fullmatch(r"[!-~]+", value):
            raise NewsletterError(
                f"{name} is no key: there is a space, a line break or a letter beyond ASCII in it",
                hint="Copy the key again, alone and whole",
            )
    return found


def unread_warnings(environment: Mapping[str, str] | None = None) -> tuple[str, ...]:
    """Return a warning for each variable that seems meant for this program and is not read."""
    environment = os.environ if environment is None else environment
    return tuple(filter(None, map(_about, sorted(environment))))


def outbox_warning(settings: Settings, environment: Mapping[str, str] | None = None) -> str:
    """Return that a provider's key is set while nobody is mailed.

    Empty if no key is set, or the outbox was chosen by `NEWSLETTER_PROVIDER`, for this once.
    """
    environment = os.environ if environment is None else environment
    if settings.provider != "outbox" or "NEWSLETTER_PROVIDER" in environment:
        return ""
    for provider, variables in PROVIDERS.items():
        name = next(iter(variables), "")
        if name in settings.credentials:
            return (
                f"{name} is set, but the provider is the outbox, which mails nobody. "
                f'To mail subscribers, write provider = "{provider}" in the settings file'
            )
    return ""


def _filled(environment: Mapping[str, str], variable: str) -> str:
    value = environment[variable].strip()
    if not value:
        raise NewsletterError(
            f"{variable} is set but empty",
            hint=missing_in_job_hint(variable, environment)
            or "Give it a value or unset it (an empty value is how a missing secret looks)",
        )
    if value[0] == value[-1] and value[0] in "\"'" and len(value) > 1:
        raise NewsletterError(
            f"{variable} has quotation marks around its value, and they count as a part of it",
            hint="Take them away: a file of variables is not always read as a shell reads it",
        )
    if _PLACE.fullmatch(value):
        raise NewsletterError(
            f"{variable} holds what was to be replaced by a value, and no value",
            hint="Put the value itself in its place",
        )
    return value


def _about(name: str) -> str:
    """Say that a variable is not read which seems meant for this program; empty if it is not."""
    known = {*VARIABLES, *PROVIDER_VARIABLES, *_OF_OTHERS}
    upper = name.upper()
    if name in known or not _OURS.fullmatch(upper):
        return ""
    near = difflib.get_close_matches(upper, sorted(known), n=1, cutoff=_ALIKE)
    key = upper.partition("_")[2].lower()
    ours = "LETTER_" in upper or "LETTERS_" in upper
    if near and near[0] not in _OF_OTHERS:
        return f"the variable {name} is not read. Did you mean {near[0]}?"
    if ours and key in KEYS:
        return f"the variable {name} is not read. Write {key} in the settings file"
    if ours:
        return f"the variable {name} is not read. Those that are: {', '.join(VARIABLES)}"
    return ""
