"""What each setting must be: one rule, one line of advice, and the value that may be meant."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from newsletter.config import mailbox, suggestions, texts
from newsletter.config.providers import PROVIDERS
from newsletter.config.settings import WEEKDAYS
from newsletter.config.toml import quoted
from newsletter.errors import NewsletterError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from newsletter.config.settings_file import Source

_A_YEAR: Final = 24 * 366
_A_HEADER: Final = 300  # far below the 998 characters that a header line may have (RFC 5322)
_SHOWN: Final = 120  # characters of a value that is shown


def is_loopback(url: str) -> bool:
    """Tell whether a web address leads to this machine itself."""
    host = urlsplit(url).hostname or ""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        # RFC 6761, section 6.3: whatever ends in .localhost never leaves this machine.
        return host == "localhost" or host.endswith(".localhost")


def _is_zone(name: str) -> bool:
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        return False
    return True


_LABEL: Final = r"\w(?:[\w-]*\w)?"
_HOST: Final = re.compile(rf"{_LABEL}(?:\.{_LABEL})*\.?")
"""A host by name; letters beyond ASCII have a rule, and a hint, of their own."""


def _is_host(name: str) -> bool:
    if ":" in name:
        try:
            ip_address(name)
        except ValueError:
            return False
        return True
    return bool(_HOST.fullmatch(name))


def _is_web_address(value: str) -> bool:
    try:
        parts = urlsplit(value)
        _ = parts.port
    except ValueError:
        return False
    return (
        parts.scheme in {"https", "http"}
        and _is_host(parts.hostname or "")
        and "@" not in parts.netloc  # what stands before it is shown in errors, and sent along
        and not re.search(r"[\s<>\"{}|\\^`]", value)  # RFC 3986 has none of these in a URL
        and not parts.query
        and not parts.fragment
    )


def _is_permalink(value: str) -> bool:
    return value.count("{slug}") == 1 and _is_web_address(value.replace("{slug}", "slug"))


def _is_branch(value: str) -> bool:
    # What `git check-ref-format` allows, without the names that are read as something else.
    if not value:
        return True
    parts = value.split("/")
    return (
        re.fullmatch(r"[\w.+#%/-]+", value) is not None
        and not value.startswith(("-", "refs/", "origin/"))
        and ".." not in value
        and all(
            part and not part.startswith(".") and not part.endswith((".", ".lock"))
            for part in parts
        )
    )


def _matches(pattern: str) -> Callable[[str], bool]:
    return lambda value: bool(re.fullmatch(pattern, value))


@dataclass(frozen=True, slots=True)
class Rule:
    """What the values of some keys must be.

    Attributes:
        keys: The settings.
        holds: Whether a value is right.
        problem: What is wrong otherwise; may show the value as `{value}`.
        hint: What to do.
        suggest: The value that may be meant, which is then shown; empty if that is not clear.
        advice: What to do about this very value, instead of `hint`.
    """

    keys: tuple[str, ...]
    holds: Callable[[Any], bool]
    problem: str
    hint: str
    suggest: Callable[[str], str] | None = None
    advice: Callable[[str], str] | None = None


def refuse_broken(
    values: Mapping[str, Any], origin: str, source: Source, variables: Mapping[str, str]
) -> None:
    """Refuse the first value that breaks a rule.

    Args:
        values: The settings that were given, by key.
        origin: The settings file, for messages.
        source: What it says.
        variables: The variable of each setting that the environment gave.

    Raises:
        NewsletterError: One does; names its file and line, or its variable.
    """
    for rule in RULES:
        for key in rule.keys:
            if key not in values or rule.holds(values[key]):
                continue
            value = values[key]
            problem = rule.problem.format(value=repr(value))
            variable = variables.get(key, "")
            raise NewsletterError(
                f"{variable} {problem}" if variable else f'setting "{key}" {problem}',
                where="" if variable else source.place(key, origin),
                hint=_hint(rule, key, value, variable),
            )


def _hint(rule: Rule, key: str, value: str, variable: str) -> str:
    if rule.advice:
        return rule.advice(value)
    right = rule.suggest(value) if rule.suggest else ""
    # Never a correction that breaks the same rule.
    if right and right != value and rule.holds(right) and len(right) <= _SHOWN:
        return f"Write: {variable}={right}" if variable else f"Write: {key} = {quoted(right)}"
    return rule.hint


RULES: Final = (
    Rule(
        ("greeting", "greeting_without_name", "signature", "reflection_label", "contact", "name"),
        texts.is_unescaped,
        "spells out a line break or a quotation mark, and subscribers would see that",
        'Write it between double quotes: there, \\n begins a new line and \\" is a quotation mark',
        suggest=texts.unescaped,
    ),
    Rule(
        (
            "name",
            "language",
            "sender",
            "reply_to",
            "greeting_without_name",
            "greeting",
            "reflection_label",
        ),
        texts.is_one_line,
        "must be one line of characters that can be printed",
        "Type it again on one line",
        advice=texts.about_unprintable,
    ),
    Rule(
        ("contact", "signature"),
        texts.is_lines,
        "holds a character that cannot be printed",
        "Type that line again",
        advice=texts.about_unprintable,
    ),
    Rule(
        ("greeting", "greeting_without_name", "signature", "reflection_label", "contact", "name"),
        texts.is_plain,
        "holds Markdown or HTML, which is not read here, so that subscribers would see its marks",
        "Write it as plain text",
        suggest=texts.plain,
    ),
    Rule(
        ("name", "sender", "reply_to", "public_url"),
        lambda value: len(value) <= _A_HEADER,
        f"is longer than {_A_HEADER} characters, which is more than a header can carry",
        "Shorten it",
    ),
    Rule(("name",), texts.is_visible, "is empty", "Name your newsletter"),
    Rule(
        ("language",),
        _matches(r"[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*"),  # RFC 5646; no language has more letters
        "is not a language tag: {value}",
        'Write one such as "nl" or "nl-BE"',
        suggest=suggestions.language,
    ),
    Rule(
        ("timezone",),
        _is_zone,
        "is not a time zone: {value}",
        'Write one such as "Europe/Amsterdam"',
        suggest=suggestions.timezone,
    ),
    Rule(
        ("send_day",),
        lambda value: value in WEEKDAYS,
        "is not a day of the week: {value}",
        'Write one such as "sunday"',
        suggest=suggestions.weekday,
    ),
    Rule(
        ("send_time",),
        _matches(r"([01]\d|2[0-3]):[0-5]\d"),
        "is not a time: {value}",
        'Write one such as "07:00"',
        suggest=suggestions.clock,
    ),
    Rule(
        ("max_lateness_hours",),
        lambda value: 0 <= value <= _A_YEAR,
        "must be zero or more, and a year at the most",
        "Write a number of hours such as 6",
    ),
    Rule(
        ("finish_within_hours",),
        lambda value: 0 < value <= _A_YEAR,
        "must be more than zero, and a year at the most",
        "Write a number of hours such as 48",
    ),
    Rule(
        ("approval",),
        _is_branch,
        "is not the name of a branch: {value}",
        'Write the name alone, such as "main"',
        suggest=lambda value: re.sub(r"^(refs/heads/|refs/remotes/origin/|origin/)", "", value),
    ),
    Rule(
        ("keep_proof_years",),
        lambda value: 1 <= value <= 10,  # noqa: PLR2004 - explained by the problem
        "must be one year or more, and ten at the most",
        "Write for how many years you must be able to prove consent, such as 5",
    ),
    Rule(
        ("max_per_second", "max_per_hour"),
        lambda value: 0 <= value < math.inf,
        "must be zero or more",
        "Write a number; 0 is what the provider allows",
    ),
    Rule(
        ("sender", "reply_to"),
        lambda value: not value or bool(mailbox.canonical(value)),
        "is not an address",
        mailbox.EXAMPLE,
        advice=mailbox.advice,
    ),
    Rule(
        ("site_url", "archive_url", "provider_url"),
        lambda value: not value or _is_web_address(value),
        "is not a web address",
        'Write it in full, such as "https://example.org"',
        suggest=suggestions.web_address,
    ),
    Rule(
        ("permalink",),
        lambda value: not value or _is_permalink(value),
        "is not the address of an article with {{slug}} in it",
        'Write one such as "https://example.org/blog/{slug}/"',
    ),
    Rule(
        ("public_url",),
        # A certificate is for a name without underscores.
        lambda value: _is_web_address(value) and "_" not in urlsplit(value).netloc,
        "is not a web address",
        'Write it in full, such as "https://example.org"',
        suggest=suggestions.web_address,
    ),
    Rule(
        ("public_url", "archive_url", "provider_url"),
        str.isascii,
        "holds letters beyond ASCII, with which links and requests do not travel",
        "Write the domain in its ASCII form, which begins with xn--",
        suggest=suggestions.ascii_address,
    ),
    Rule(
        ("greeting",),
        texts.is_greeting,
        "may hold {{first_name}} and no other braces or places for a name",
        'Write it as "Dag {first_name},"',
        suggest=texts.greeting,
    ),
    Rule(
        ("greeting_without_name", "signature", "reflection_label", "name", "contact"),
        texts.has_no_placeholder,
        "is the same for everyone, so that a place for a name would stay as it is",
        "Only greeting may hold {first_name}",
    ),
    Rule(
        ("greeting_without_name",),
        texts.is_greeting,
        "holds braces or another place for a name, and there is no name to put there",
        'Write it as "Dag,"',
    ),
    Rule(
        ("logo", "portrait"),
        # On Windows a path may begin with a drive, which is on one computer only.
        lambda value: not re.match(r"[A-Za-z][A-Za-z0-9+.-]*:|//", value) and value.isprintable(),
        "is not a file of this newsletter: {value}",
        'Copy the picture into the folder with the settings, and write its name: "logo.png"',
    ),
    Rule(
        ("accent_color",),
        _matches(r"#[0-9a-fA-F]{6}"),
        "is not a colour: {value}",
        'Write one such as "#2f5d50"',
        suggest=suggestions.colour,
    ),
    Rule(
        ("provider",),
        lambda value: value in PROVIDERS,
        "is unknown: {value}",
        f"Known here: {', '.join(PROVIDERS)}",
        suggest=lambda value: suggestions.provider(value, PROVIDERS),
    ),
)
