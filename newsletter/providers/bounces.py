"""Classifies failed deliveries: is the address invalid, or did a server refuse the letter?

One rule for all providers, from the enhanced status code (RFC 3463, RFC 5248 and the registry at
https://www.iana.org/assignments/smtp-enhanced-status-codes/) and from the text of the server. A
provider calls a failure permanent when a server answered 5xx, but a server also answers 5xx when it
blocks the sender: as a hard bounce, one block list would end every subscription at a mailbox
provider.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from newsletter.model import Cause, EventKind
from newsletter.providers import bounce_texts

if TYPE_CHECKING:
    from newsletter.providers.bounce_texts import ServerText

_LONGEST: Final = 1_500
"""Characters of a server's text that are read: an SMTP reply line has 512 (RFC 5321, 4.5.3.1)."""

# In a field of its own, and in a text: not a part of an IP address, a version or a date.
_CODE: Final = re.compile(r"[245]\.\d{1,3}\.\d{1,3}")
_CODE_IN_WORDS: Final = re.compile(r"(?<![\w.])([45])\.(\d{1,3})\.(\d{1,3})(?!\.?\d)")
# "550 5.1.1", "550-5.1.1", "550 #5.1.1": the server's own code.
_CODE_OF_REPLY: Final = re.compile(
    r"(?<![\w.])[45]\d\d[ -]{1,3}#?([45])\.(\d{1,3})\.(\d{1,3})(?!\.?\d)"
)
_REPLY: Final = re.compile(r"\A\s{0,9}(?:[\w-]{1,20};\s{0,9})?([45]\d\d)(?![\d.])")
# A reply of several lines repeats its codes on each of them (RFC 5321, 4.2.1).
_NEXT_LINE: Final = re.compile(r"(?<=\S)\s{1,9}[45]\d\d-(?:#?[45]\.\d{1,3}\.\d{1,3})?\s{0,9}")

_Code = tuple[int, int, int]

_PERMANENT: Final = 5
_PASSING_REPLIES: Final = range(420, 460)
"""SMTP codes that ask to try again; providers have their own codes above these."""

_DEAD: Final = frozenset(
    {(1, 0), (1, 1), (1, 2), (1, 3), (1, 4), (1, 6), (1, 10), (2, 0), (2, 1)},
)
"""Subject and detail of the codes that mean: this address accepts no mail."""

_OTHER: Final = frozenset({(1, 0), (2, 0)})
"""Of these, the codes for everything without a code of its own: here the text matters more."""

_SIZE: Final = frozenset({(2, 3), (3, 4)})
_SENDER: Final = frozenset(
    {
        *((1, 7), (1, 8)),  # the sender's address
        (7, 10),  # encryption needed
        # RFC 7372, RFC 7505 and RFC 8617; Gmail uses some for SPF, DKIM and alignment alone:
        # https://support.google.com/a/answer/3726730
        *((7, detail) for detail in (20, 21, 22, 23, 24, 25, 26, 27, 29, 30, 31, 32)),
        # Microsoft: DMARC, and the requirements for high-volume senders.
        *((7, detail) for detail in (509, 512, 515)),
    }
)
# A mailbox or a domain that has another owner (RFC 7293): a failure of the address.
_ANOTHER_OWNER: Final = frozenset({(7, 17), (7, 18)})
_FULL: Final = (2, 2)
_CONTENT, _POLICY = 6, 7
_SYSTEMS: Final = (3, 5)
"""The mail system and the protocol: servers use these codes where no better one exists."""

HINTS: Final = {
    "MessageTooLarge": Cause.SIZE,
    "ContentRejected": Cause.POLICY,
    "AttachmentRejected": Cause.POLICY,
}
"""Names of failures that are not the address's, in Amazon SES and in Resend, which uses it.

https://docs.aws.amazon.com/ses/latest/dg/notification-contents.html#bounce-types
"""


@dataclass(frozen=True, slots=True)
class FailedDelivery:
    """A delivery that a provider gave up.

    Attributes:
        permanent: The provider's own classification; None if it has none.
        text: The text of the server, as the provider passes it on.
        code: The enhanced status code, where the provider has a field for it.
        reply: The SMTP code, likewise; 0 without one.
        hint: The cause by the provider's own classification, if that is not the address.
    """

    permanent: bool | None
    text: str = ""
    code: str = ""
    reply: int = 0
    hint: Cause | None = None


def classify(failure: FailedDelivery) -> tuple[EventKind, Cause | None]:
    """Return the kind of a failed delivery, and its cause if the author has to act.

    Returns:
        A hard or a soft bounce; with a cause it says nothing of the address, and must not count.
    """
    words = " ".join(_NEXT_LINE.sub(" ", failure.text[:_LONGEST]).split())
    said = bounce_texts.parse(words)
    code = _code(failure, words)
    if code is None:
        return _by_words(failure, said, words)
    cause = _cause(code, said)
    dead = (
        code[0] == _PERMANENT
        and code[1:] in _DEAD
        and failure.permanent is not False
        and not _passes(failure, words)
        and not _contradicted(code, said)
    )
    return (EventKind.HARD_BOUNCE, None) if dead else (EventKind.SOFT_BOUNCE, cause or failure.hint)


def _code(failure: FailedDelivery, words: str) -> _Code | None:
    """Return the most specific enhanced status code, or None if there is none."""
    field = failure.code.strip()
    found = [_CODE_OF_REPLY.search(words), _CODE_IN_WORDS.search(words)]
    codes = [_triple(*match.groups()) for match in found if match]
    if _CODE.fullmatch(field):
        codes.insert(1 if found[0] else 0, _triple(*field.split(".")))
    # X.0.0, and every other code that is "other or undefined", says no more than no code.
    return next((code for code in codes if code[1]), None)


def _triple(first: str, subject: str, detail: str) -> _Code:
    return int(first), int(subject), int(detail)


def _passes(failure: FailedDelivery, words: str) -> bool:
    """Return whether the reply itself asks to try again."""
    found = _REPLY.match(words)
    reply = int(found[1]) if found else failure.reply
    return reply in _PASSING_REPLIES


def _contradicted(code: _Code, said: ServerText) -> bool:
    """Return whether a server's text contradicts its code about the address."""
    if code[1:] in _OTHER:
        return bool(said.cause or said.full or said.temporary)
    # With the code of a disabled mailbox, AOL blocked a sender, and Gmail reports that a mailbox
    # gets too much mail.
    return code[1:] == (2, 1) and (said.too_fast or (bool(said.cause) and not said.no_such_mailbox))


def _cause(code: _Code, said: ServerText) -> Cause | None:
    """Return the cause by the code, and by the server's text where the code has none."""
    subject, what = code[1], code[1:]
    if what in _SIZE:
        return Cause.SIZE
    if what in _SENDER:
        return Cause.SENDER
    if what in _ANOTHER_OWNER or what == _FULL:
        return None
    return _cause_of_subject(subject, said)


def _cause_of_subject(subject: int, said: ServerText) -> Cause | None:
    if subject == _POLICY and not (said.no_such_mailbox or said.relay):
        return Cause.SENDER if said.cause is Cause.SENDER else Cause.POLICY
    if subject == _CONTENT:
        return said.cause or Cause.POLICY
    if subject in _SYSTEMS and not said.no_such_mailbox:
        return said.cause or said.likely
    return said.cause


def _by_words(
    failure: FailedDelivery, said: ServerText, words: str
) -> tuple[EventKind, Cause | None]:
    """Classify a failure without a code: as the provider does, unless the text differs."""
    soft = EventKind.SOFT_BOUNCE
    if said.cause or failure.hint:
        return soft, said.cause or failure.hint
    temporary = said.full or said.temporary
    if not failure.permanent or _passes(failure, words):
        return soft, None if said.no_such_mailbox or temporary else said.likely
    if temporary or said.relay or said.too_fast:
        return soft, None
    return _by_likely_cause(said)


def _by_likely_cause(said: ServerText) -> tuple[EventKind, Cause | None]:
    if said.likely and not said.no_such_mailbox:
        return EventKind.SOFT_BOUNCE, said.likely
    return EventKind.HARD_BOUNCE, None
