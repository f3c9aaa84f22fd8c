"""Settings that make letters worse: who writes, how to answer, one's own colour."""

from __future__ import annotations

import re
from email.utils import parseaddr
from typing import TYPE_CHECKING, Final

from newsletter.config.settings import DEFAULTS
from newsletter.model import Finding, Severity
from newsletter.render import contrast

if TYPE_CHECKING:
    from collections.abc import Iterator

    from newsletter.config import Settings

_READABLE: Final = 4.5
"""The contrast of text at least (WCAG 2.2, 1.4.3)."""
_PAPER: Final = "#ffffff"
_NOBODY: Final = re.compile(r"(?:no|do-?not|geen)[-_.]?(?:reply|antwoord)", re.IGNORECASE)


def check_settings(settings: Settings, path: str, text: str) -> Iterator[Finding]:
    """Yield what is worth a look in the settings.

    Args:
        settings: The newsletter's settings.
        path: What findings call the settings file.
        text: What it holds, to find the line of a setting.
    """
    for key, rule, problem, fix in (*_identity(settings), *_colour(settings)):
        yield Finding(path, _line_of(key, text), rule, Severity.HINT, problem, fix)


def _identity(settings: Settings) -> Iterator[tuple[str, str, str, str]]:
    name, address = parseaddr(settings.sender)
    if settings.name == DEFAULTS["name"]:
        yield (
            "name",
            "name-missing",
            "the newsletter has no name of its own",
            'Write a line: name = "…"',
        )
    if not settings.sender:
        yield (
            "sender",
            "sender-missing",
            "there is no sender",
            'Write a line such as: sender = "Anna <anna@example.org>"',
        )
    elif not name:
        yield (
            "sender",
            "sender-without-name",
            "the sender has no name, so that inboxes show an address",
            'Write it before the address: "Name <address>"',
        )
    if not settings.contact:
        yield (
            "contact",
            "contact-missing",
            "there is no postal address or other way to reach the sender, which the law asks for",
            'Write a line: contact = "…"',
        )
    if _NOBODY.match(parseaddr(settings.reply_to)[1] or address):
        yield (
            "reply_to" if settings.reply_to else "sender",
            "no-reply-sender",
            "answers to a letter reach nobody",
            "Write an address that a person reads",
        )


def _colour(settings: Settings) -> Iterator[tuple[str, str, str, str]]:
    ratio = contrast(settings.accent_color, _PAPER)
    if ratio < _READABLE:
        yield (
            "accent_color",
            "contrast",
            f"accent_color has a contrast of {ratio:.1f} with white, so letters show it darker",
            "Choose a darker colour, or keep this one for what is not text",
        )


def _line_of(key: str, text: str) -> int:
    found = re.search(rf"^[ \t]*{key}[ \t]*=", text, re.MULTILINE)
    return text.count("\n", 0, found.start()) + 1 if found else 1
