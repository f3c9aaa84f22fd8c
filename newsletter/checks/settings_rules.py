"""Settings that make letters worse: who writes, how to answer, one's own colour."""

from __future__ import annotations

import re
from email.utils import parseaddr
from typing import TYPE_CHECKING, Final

from newsletter.checks.catalogue import FOLDER_RULES
from newsletter.checks.examine import examine
from newsletter.checks.writing_rules import OWN_SIGNATURE
from newsletter.config.settings import DEFAULTS
from newsletter.model import Finding, Severity, Text
from newsletter.render import TEXT_CONTRAST, contrast, palette

if TYPE_CHECKING:
    from collections.abc import Iterator

    from newsletter.config import Settings
    from newsletter.model import Draft

_PLACEHOLDER: Final = re.compile(
    r"\b(?:straatnaam|voorbeeldstraat|plaatsnaam|jouw (?:naam|adres|straat)"
    r"|1234 ?AB|123 main st\w*|anytown|your (?:name|street|address|city)"
    r"|street name|example street)\b",
    re.IGNORECASE,
)
_FREE_MAILBOXES: Final = frozenset(
    ["gmail.com", "googlemail.com", "outlook.com", "outlook.be", "outlook.fr", "outlook.de",
     "hotmail.com", "hotmail.nl", "hotmail.be", "hotmail.fr", "hotmail.de", "hotmail.co.uk",
     "live.com", "live.nl", "live.be", "live.fr", "live.de", "live.co.uk", "msn.com",
     "yahoo.com", "yahoo.nl", "yahoo.fr", "yahoo.de", "yahoo.co.uk", "ymail.com",
     "icloud.com", "me.com", "mac.com", "aol.com", "gmx.com", "gmx.net", "gmx.de", "gmx.at",
     "gmx.ch", "web.de", "mail.com", "protonmail.com", "proton.me", "pm.me", "zoho.com",
     "yandex.com", "tutanota.com", "tuta.com", "fastmail.com", "ziggo.nl", "kpnmail.nl",
     "kpnplanet.nl", "planet.nl", "xs4all.nl", "home.nl", "hetnet.nl", "upcmail.nl",
     "casema.nl", "chello.nl", "quicknet.nl", "online.nl", "tele2.nl", "freedom.nl",
     "solcon.nl", "telfort.nl", "zonnet.nl", "wanadoo.nl", "wxs.nl", "versatel.nl",
     "telenet.be", "skynet.be", "proximus.be", "scarlet.be", "pandora.be", "t-online.de",
     "orange.fr", "wanadoo.fr", "free.fr", "laposte.net", "comcast.net"]
)  # fmt: skip
"""Where one has a mailbox and no domain: these forbid others to send for them."""
_NOBODY: Final = re.compile(r"(?:no|do-?not|geen)[-_.]?(?:reply|antwoord)", re.IGNORECASE)


def check_settings(settings: Settings, path: str, text: str) -> Iterator[Finding]:
    """Yield what is worth a look in the settings.

    Args:
        settings: The newsletter's settings.
        path: What findings call the settings file.
        text: What it holds, to find the line of a setting.
    """
    for key, rule, problem, fix in (*_identity(settings), *_colour(settings)):
        severity = FOLDER_RULES[rule].severity
        yield Finding(path, _line_of(key, text), rule, severity, problem, fix)


def check_closing(draft: Draft, settings: Settings) -> Iterator[Finding]:
    """Yield a finding where a file ends with the name of the sender, as a letter of one's own."""
    last = draft.blocks[-1] if draft.blocks else None
    name = parseaddr(settings.sender)[0]
    if not isinstance(last, Text) or not name:
        return
    closing = last.body.source.rstrip().rpartition("\n")[2].strip(" \t,.!–-")
    known = any(one.rule == "own-signature" for one in examine(draft))
    if closing in {name, name.split()[0]} and not known:
        line = last.line + last.body.source.rstrip().count("\n")
        yield Finding(draft.path, line, "own-signature", Severity.WARNING, *OWN_SIGNATURE)


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
    elif found := _PLACEHOLDER.search(settings.contact):
        yield (
            "contact",
            "contact-placeholder",
            f'"{found[0]}" is not your address, and every letter shows it',
            "Write a postal address or another way to reach you, which the law asks for",
        )
    domain = address.rpartition("@")[2].casefold()
    if domain in _FREE_MAILBOXES:
        yield (
            "sender",
            "sender-free-mailbox",
            f"only {domain} may send for this address, so letters are refused or become spam",
            "Send from an address of your own domain; reply_to may be this one",
        )
    if _NOBODY.match(parseaddr(settings.reply_to)[1] or address):
        yield (
            "reply_to" if settings.reply_to else "sender",
            "no-reply-sender",
            "answers to a letter reach nobody",
            "Write an address that a person reads",
        )


def _colour(settings: Settings) -> Iterator[tuple[str, str, str, str]]:
    # Links are text on all three; in the dark mode every colour is made as light as it must be.
    accent = settings.accent_color
    light = palette(accent).light
    ratio = min(contrast(accent, behind) for behind in (light.page, light.card, light.tint))
    if ratio < TEXT_CONTRAST:
        yield (
            "accent_color",
            "contrast",
            f"accent_color has a contrast of only {ratio:.1f}, so links show as {light.link}",
            "Choose a darker colour, or keep this one for what is not text",
        )


def _line_of(key: str, text: str) -> int:
    found = re.search(rf"^[ \t]*{key}[ \t]*=", text, re.MULTILINE)
    return text.count("\n", 0, found.start()) + 1 if found else 1
