"""Whether a letter arrived as it was written: headers for unsubscribing, links, pictures, words."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final
from urllib.parse import SplitResult, urlsplit

from newsletter import placeholders
from newsletter.mail_dns.received_html import LetterHtml
from newsletter.model import Diagnosis, DiagnosisState

if TYPE_CHECKING:
    from collections.abc import Iterable
    from email.message import Message

    from newsletter.config import Settings
    from newsletter.mail_dns.received_file import ReceivedLetter

SUBJECT: Final = "received-subject"
UNSUBSCRIBE: Final = "received-unsubscribe"
PARTS: Final = "received-parts"
PLACEHOLDERS: Final = "received-placeholders"
LINKS: Final = "received-links"
PICTURES: Final = "received-pictures"
CONTENT_CHECKS: Final = (
    (SUBJECT, "Its subject is that of a proof, unchanged"),
    (UNSUBSCRIBE, "List-Unsubscribe is there and leads to public_url, and its Post header too"),
    (PARTS, "It has a text and an HTML part, and both can be read"),
    (PLACEHOLDERS, "Every placeholder is filled in"),
    (LINKS, "Links are as they were written: nothing counts who follows them"),
    (PICTURES, "Nothing hidden is loaded when it is opened"),
)
"""The ids of the checks of the content, in their order, with what each is about."""

_OK, _WARNING = DiagnosisState.OK, DiagnosisState.WARNING
_FAILURE, _UNKNOWN = DiagnosisState.FAILURE, DiagnosisState.UNKNOWN
_PROOF: Final = "Proef: "
_ONE_CLICK: Final = "List-Unsubscribe=One-Click"
_MARKS: Final = re.compile(
    r"\{\{.{0,100}?\}\}|\[\[.{0,100}?\]\]|%recipient[._]\w+%|\*\|.{1,100}?\|\*|<%.{0,100}?%>"
    r"|\{(?:first_name|greeting|unsubscribe_url)\}|%(?:tag_)?unsubscribe_(?:url|email)%"
)
# How addresses look that known providers count clicks with.
_COUNTED: Final = re.compile(r"/CL0/http|/L0/http|/c/eJ[\w-]{20}|awstrack\.me/|resend-clicks")
# An address within an address.
_WRAPPED: Final = re.compile(r"https?(?:%3A|:)(?:%2F|/)", re.IGNORECASE)
_BROKEN_ESCAPE: Final = re.compile(rb"=(?![0-9A-Fa-f]{2}|[ \t]*\r?\n|[ \t]*\Z)")
_ADDRESS: Final = re.compile(r"https?://[^\s<>\"]+")
_OFF: Final = "Switch off click and open tracking at your provider: newsletter doctor"


def check_content(letter: ReceivedLetter, settings: Settings) -> tuple[Diagnosis, ...]:
    """Check what the letter says and loads, and how a subscriber leaves."""
    text, html = letter.parts("text/plain"), letter.parts("text/html")
    words = "\n".join(map(_decoded, text))
    source = "\n".join(map(_decoded, html))
    page = LetterHtml(source)
    return (
        _check_subject(letter),
        _check_unsubscribe(letter, settings),
        _check_parts(text, html),
        _check_placeholders(letter.header("Subject"), words, page.text, *page.links),
        _check_links(page, words, settings),
        _check_pictures(page, settings),
    )


def _check_subject(letter: ReceivedLetter) -> Diagnosis:
    subject = letter.header("Subject")
    if subject.startswith(_PROOF):
        return Diagnosis(SUBJECT, _OK, "the subject is that of a proof")
    if _PROOF.strip() in subject:
        return Diagnosis(
            SUBJECT,
            _WARNING,
            "something was put before the subject on its way",
            "Look at the mailbox's rules, or send the proof to another mailbox",
        )
    return Diagnosis(
        SUBJECT,
        _WARNING,
        f'the subject does not begin with "{_PROOF.strip()}", so this is no proof',
        "Make one: newsletter proof ISSUE --to YOU, and save what arrives",
    )


def _check_unsubscribe(letter: ReceivedLetter, settings: Settings) -> Diagnosis:
    values = letter.header_values("List-Unsubscribe")
    if len(values) != 1:
        count = len(values) or "no"
        return Diagnosis(
            UNSUBSCRIBE,
            _FAILURE,
            f"it has {count} List-Unsubscribe header{'s' * (len(values) != 1)}",
            "Let your provider keep the header of the letter: docs/providers.md says how",
        )
    addresses = [one.strip() for one in re.findall(r"<([^<>]*)>", values[0])]
    ours = [one for one in addresses if _begins_with(one, f"{settings.public_url.rstrip('/')}/u/")]
    if not ours:
        hosts = ", ".join(sorted({_host(one) for one in addresses})) or "nowhere"
        return Diagnosis(
            UNSUBSCRIBE,
            _FAILURE,
            f"its List-Unsubscribe leads to {hosts}, and not to public_url",
            "Let your provider keep the header of the letter: docs/providers.md says how",
        )
    if damaged := _damaged_headers(letter):
        return damaged
    if len(addresses) > len(ours):
        return Diagnosis(
            UNSUBSCRIBE,
            _WARNING,
            "your provider added another address to List-Unsubscribe: who uses that one stays on "
            "your list",
            "Switch its own unsubscribing off: docs/providers.md says how",
        )
    return Diagnosis(UNSUBSCRIBE, _OK, "List-Unsubscribe leads to public_url")


def _damaged_headers(letter: ReceivedLetter) -> Diagnosis | None:
    """Return why mail programs show no button to unsubscribe; None if they do."""
    if letter.is_encoded("List-Unsubscribe") or letter.is_encoded("List-Unsubscribe-Post"):
        return Diagnosis(
            UNSUBSCRIBE,
            _FAILURE,
            "a header for unsubscribing arrives as an encoded word (RFC 2047), which mail programs "
            "do not decode there: they show no button to unsubscribe",
            "Ask your provider not to encode List-Unsubscribe and List-Unsubscribe-Post",
        )
    if letter.header("List-Unsubscribe-Post").replace(" ", "") != _ONE_CLICK:
        return Diagnosis(
            UNSUBSCRIBE,
            _FAILURE,
            f"its List-Unsubscribe-Post is not {_ONE_CLICK}, so there is no button to unsubscribe",
            "Let your provider keep the header of the letter: docs/providers.md says how",
        )
    return None


def _check_parts(text: list[Message], html: list[Message]) -> Diagnosis:
    for name, parts in (("text", text), ("HTML", html)):
        if not any(_decoded(part).strip() for part in parts):
            return Diagnosis(
                PARTS,
                _FAILURE,
                f"it has no {name} part",
                "Save the whole letter, not what a mail program shows of it. If it is whole, a "
                "program on its way removed the part",
            )
        if any(map(_is_damaged, parts)):
            return Diagnosis(
                PARTS,
                _FAILURE,
                f"the encoding of its {name} part is damaged: some letters cannot be read",
                "Save the proof again, straight from the mailbox and unedited",
            )
    return Diagnosis(PARTS, _OK, "it has a text and an HTML part")


def _check_placeholders(*texts: str) -> Diagnosis:
    for text in texts:
        if found := _MARKS.search(text):
            return Diagnosis(
                PLACEHOLDERS,
                _FAILURE,
                f"a placeholder is not filled in: {found[0][:40]}",
                "If it is a part of your text, take it out; if not, report it with your provider's "
                "name",
            )
        if placeholders.remain(text):
            return Diagnosis(
                PLACEHOLDERS,
                _FAILURE,
                "a placeholder of the letter is not filled in",
                "Send the proof again; if it stays so, report it with your provider's name",
            )
    return Diagnosis(PLACEHOLDERS, _OK, "every placeholder is filled in")


def _check_links(page: LetterHtml, words: str, settings: Settings) -> Diagnosis:
    ours, others = _web_links(page, settings)
    foreign, tracked = _sort_links(others, words)
    unsubscribe = any("/u/" in one for one in ours)
    if tracked or (foreign and not unsubscribe):
        return Diagnosis(
            LINKS,
            _FAILURE,
            f"links lead through {_hosts(tracked or foreign)}, which counts who follows them",
            _OFF,
        )
    if not unsubscribe:
        return Diagnosis(
            LINKS,
            _FAILURE,
            "it has no link to unsubscribe at public_url",
            "See whether your own template has the unsubscribe link, and public_url is right",
        )
    if foreign:
        return Diagnosis(
            LINKS,
            _WARNING,
            f"links to {_hosts(foreign)} are in the HTML part and not in the text part: were they "
            "changed on their way?",
            f"Compare them with what you wrote. {_OFF}",
        )
    return Diagnosis(LINKS, _OK, "links are as they were written")


def _web_links(page: LetterHtml, settings: Settings) -> tuple[list[str], list[str]]:
    """Return the links to the newsletter's own sites, and the links elsewhere."""
    web = [one for one in page.links if re.match("https?:", one, re.IGNORECASE)]
    ours = [one for one in web if _is_own(one, settings)]
    return ours, [one for one in web if one not in ours]


def _sort_links(links: list[str], words: str) -> tuple[list[str], list[str]]:
    """Return which links the text part does not have, and which addresses count who follows them.

    The text part of a letter has every address that its author wrote.
    """
    written = {_plain(one) for one in _ADDRESS.findall(words)}
    foreign = [one for one in links if _plain(one) not in written]
    tracked = [one for one in foreign if _WRAPPED.search(one, len("https://"))]
    return foreign, [*tracked, *filter(_COUNTED.search, (*foreign, *written))]


def _check_pictures(page: LetterHtml, settings: Settings) -> Diagnosis:
    hidden = [one.url for one in page.pictures if one.hidden and not _is_own(one.url, settings)]
    if hidden:
        return Diagnosis(
            PICTURES,
            _FAILURE,
            f"something hidden is loaded from {_hosts(hidden)}, which counts who opens the letter",
            _OFF,
        )
    return Diagnosis(PICTURES, _OK, "nothing hidden is loaded when it is opened")


def _decoded(part: Message) -> str:
    payload = part.get_payload(decode=True)
    raw = payload if isinstance(payload, bytes) else b""
    try:
        return raw.decode(part.get_content_charset("utf-8"), "replace")
    except (LookupError, ValueError):
        return raw.decode("utf-8", "replace")


def _is_damaged(part: Message) -> bool:
    """Return whether letters of a part cannot be read as its headers say they are written."""
    payload = part.get_payload(decode=True)
    raw = payload if isinstance(payload, bytes) else b""
    how = str(part.get("Content-Transfer-Encoding", "")).strip().lower()
    written = part.get_payload()
    if how == "quoted-printable" and isinstance(written, str):
        encoded = written.encode("utf-8", "surrogateescape")
        if _BROKEN_ESCAPE.search(encoded):
            return True
    try:
        raw.decode(part.get_content_charset("utf-8"))
    except (LookupError, ValueError):
        return True
    return False


def _is_own(url: str, settings: Settings) -> bool:
    bases = (settings.public_url, settings.site_url)
    return any(_begins_with(url, f"{base.rstrip('/')}/") for base in bases if base)


def _begins_with(url: str, base: str) -> bool:
    """Return whether an address is below another: the same host, and the same path before it."""
    one, other = _split(url), _split(base)
    return (one.scheme, one.netloc.lower()) == (other.scheme, other.netloc.lower()) and (
        (one.path or "/").startswith(other.path)
    )


def _split(url: str) -> SplitResult:
    """Return the parts of an address; none if it cannot be one."""
    try:
        return urlsplit(url)
    except ValueError:
        return urlsplit("")


def _plain(url: str) -> str:
    return url.rstrip("/.,;:)")


def _host(url: str) -> str:
    """Return where an address leads, without a token or an address of a person."""
    if url.lower().startswith("mailto:"):
        return "a mailto address"
    return _split(url).hostname or "an address that cannot be read"


def _hosts(urls: Iterable[str]) -> str:
    return ", ".join(sorted({_host(one) for one in urls}))
