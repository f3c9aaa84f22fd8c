"""The values of a settings file: known keys, and each of the kind that its key needs."""

from __future__ import annotations

import datetime as dt
import re
from typing import TYPE_CHECKING, Any, Final

from newsletter.config import mailbox, suggestions
from newsletter.config.names import KEYS, NUMBERS, SWITCHES, VARIABLES, find_setting
from newsletter.config.providers import PROVIDER_VARIABLES
from newsletter.config.settings import DEFAULTS
from newsletter.config.toml import number_in, quoted, switch_in
from newsletter.errors import NewsletterError

if TYPE_CHECKING:
    from newsletter.config.settings_file import Source

_KINDS: Final[dict[type, str]] = {
    bool: "true or false",
    str: "text",
    int: "a number",
    float: "a number",
    list: "a list",
    dict: "a table",
    dt.datetime: "a date and time",
    dt.date: "a date",
    dt.time: "a time",
}
_SECRET: Final = re.compile(r"key|token|secret|passw|wachtwoord|database|dsn", re.IGNORECASE)
_SHOWN: Final = 100  # characters of a value that is shown


def typed(key: str, value: object, origin: str, source: Source) -> Any:  # noqa: ANN401 - a setting's
    """Return the value of a key, a sender in the form of a header.

    Raises:
        NewsletterError: There is no such key, or its value is of another kind.
    """
    if key not in KEYS:
        raise NewsletterError(
            f'unknown setting "{key}"', where=source.place(key, origin), hint=_about_unknown(key)
        )
    if key in SWITCHES:
        if isinstance(value, bool):
            return value
        raise _wrong_kind(key, value, source.place(key, origin))
    if key not in NUMBERS and isinstance(value, str):
        # What cannot be read as a mailbox stays as it is, and is refused by its rule.
        return mailbox.canonical(value) or value if key in {"sender", "reply_to"} else value
    if key in NUMBERS and isinstance(value, int | float) and not isinstance(value, bool):
        return value
    raise _wrong_kind(key, value, source.place(key, origin))


def _wrong_kind(key: str, value: object, where: str) -> NewsletterError:
    wanted = _wanted(key)
    kind = next(name for type_, name in _KINDS.items() if isinstance(value, type_))
    if key in NUMBERS | SWITCHES and isinstance(value, str):
        kind = "a text in quotes"
    return NewsletterError(
        f'setting "{key}" must be {wanted}, not {kind}',
        where=where,
        hint=f"Write: {key} = {_corrected(key, value) or _example(key)}",
    )


def _wanted(key: str) -> str:
    if key in SWITCHES:
        return "true or false"
    return "a number" if key in NUMBERS else "a text in quotes"


def _example(key: str) -> str:
    default = DEFAULTS[key]
    if isinstance(default, bool):
        return "true" if not default else "false"
    return quoted(default or "…") if isinstance(default, str) else f"{default:g}"


def _about_unknown(key: str) -> str:
    plain = key.upper()
    if plain in PROVIDER_VARIABLES or VARIABLES.get(plain) in {"database_url", "secret_keys"}:
        return f"A secret stands in no file that git keeps: put {plain} into the environment"
    if meant := find_setting(key):
        return f'Did you mean "{meant}"?'
    if _SECRET.search(key):
        return "A secret never stands in a file: docs/settings.md names its environment variable"
    return f"The keys are: {', '.join(sorted(KEYS))}"


def _corrected(key: str, value: object) -> str:
    """Return a value of the wrong kind as it may have been meant; empty if that is not clear."""
    if isinstance(value, list) and len(value) == 1 and not isinstance(value[0], list | dict):
        value = value[0]
    if isinstance(value, list | dict):
        return ""
    if key in SWITCHES:
        return switch_in(str(value))
    if key in NUMBERS:
        return number_in(value) if isinstance(value, str) else ""
    if isinstance(value, bool | dt.date):
        return ""
    text = _as_text(key, value)
    return quoted(suggestions.suggest_value(key, text) or text) if len(text) <= _SHOWN else ""


def _as_text(key: str, value: object) -> str:
    """Return a value that TOML has a type of its own for as its author wrote it."""
    if isinstance(value, dt.time):
        return value.strftime("%H:%M")
    return f"{value:.2f}" if key == "send_time" and isinstance(value, float) else str(value)
