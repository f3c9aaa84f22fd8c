"""The status words of other tools, in the form that `formats.plain` returns."""

from __future__ import annotations

import functools
import re
from typing import TYPE_CHECKING

from newsletter.model import SubscriberStatus

if TYPE_CHECKING:
    from collections.abc import Mapping

WORDS: Mapping[str, SubscriberStatus] = {
    word: status
    for status, words in {
        SubscriberStatus.ACTIVE: (
            *("active", "subscribed", "enabled", "regular", "confirmed", "premium", "gifted"),
            *("trialed", "churning", "actief", "ingeschreven", "aangemeld", "geabonneerd"),
            *("bevestigd", "opted in", "opt in", "optin", "marketing contact"),
        ),
        SubscriberStatus.PENDING: (
            *("pending", "unconfirmed", "not confirmed", "unactivated", "awaiting confirmation"),
            *("onbevestigd", "niet bevestigd", "in afwachting", "nog niet bevestigd"),
            *("double opt in pending", "pending confirmation", "wacht op bevestiging"),
        ),
        SubscriberStatus.UNSUBSCRIBED: (
            *("unsubscribed", "unsubscribe", "opted out", "opt out", "optout", "optedout"),
            *("blocked", "blocklisted", "blacklisted", "disabled", "removed", "deleted"),
            *("archived", "suppressed", "user suppressed", "uitgeschreven", "afgemeld"),
            *("geblokkeerd", "verwijderd", "cancelled", "canceled", "geannuleerd", "opgezegd"),
            *("do not contact", "do not mail", "do not email", "do not disturb", "left"),
            *("unsubbed", "withdrawn", "revoked", "ingetrokken", "geroyeerd", "overleden"),
            *("deceased", "stop", "gestopt", "stopgezet", "beëindigd", "beeindigd"),
        ),
        SubscriberStatus.BOUNCED: (
            *("bounced", "cleaned", "hard bounced", "hard bounce", "hardbounce", "undeliverable"),
            *("gebounced", "gebounst", "bounce", "teruggestuurd", "teruggekaatst"),
            *("teruggekomen", "onbestelbaar", "opgeschoond", "invalid email", "hardbounced"),
        ),
        SubscriberStatus.COMPLAINED: (
            *("complained", "complaint", "spam", "junk", "spammy", "marked as spam", "abuse"),
            *("spam complaint", "ongewenst", "klacht", "spamklacht", "als spam gemarkeerd"),
            *("spam report", "reported spam", "reported as spam", "spammed"),
        ),
    }.items()
    for word in words
}
"""Status words. Only a person who is surely subscribed is active, so an unknown word is not."""

NOT_SURE = frozenset(
    {
        *("inactive", "inactief", "never subscribed", "not subscribed", "non subscribed"),
        *("nonsubscribed", "unsure", "unknown", "onbekend", "cold", "soft bounced", "soft bounce"),
        *("validating", "invalid", "needs attention", "transactional", "non marketing contact"),
        *("niet ingeschreven", "niet aangemeld", "niet geabonneerd", "geen abonnee", "expired"),
    }
)
"""Status words that mean neither "subscribed" nor surely "left": their rows are skipped."""

YES = frozenset(
    {
        *("true", "yes", "1", "y", "t", "on", "ja", "j", "waar", "x", "v", "ok", "aan"),
        *("✓", "✔", "✔️", "✅", "☑", "☑️", "√"),
    }
)
NO = frozenset(
    {
        *("false", "no", "0", "n", "f", "off", "nee", "onwaar", "neen", "uit", "✗", "✘", "❌"),
        *("0 0", "0,0", "0 00", "0,00", "0%", "0 0%", "0,0%"),
    }
)
YES_OR_NO: Mapping[str, SubscriberStatus | None] = {
    **WORDS,
    **dict.fromkeys(YES, SubscriberStatus.ACTIVE),
    **dict.fromkeys(NO, SubscriberStatus.UNSUBSCRIBED),
}
_NEVER = ("never", "nooit", "geen", "niet", "not", "none")
NO_IS_SUBSCRIBED: Mapping[str, SubscriberStatus | None] = {
    **dict.fromkeys(NO, SubscriberStatus.ACTIVE),
    **dict.fromkeys(_NEVER, SubscriberStatus.ACTIVE),
}
NO_IS_PENDING: Mapping[str, SubscriberStatus | None] = {
    **dict.fromkeys(YES),
    **dict.fromkeys(NO, SubscriberStatus.PENDING),
}
NO_IS_NOTHING: Mapping[str, SubscriberStatus | None] = dict.fromkeys((*NO, *_NEVER))

BLANK = frozenset(
    {
        *("", "null", "none", "nil", "n/a", "nvt", "n v t", "niet van toepassing"),
        *("not applicable", "undefined", "nan", "\\n", "[]", "{}", '""', "''", "--", "—", "–"),
        *("0000 00 00", "0000 00 00 00:00:00", "(blank)", "(leeg)", "(none)", "(null)", "#n/a"),
    }
)

NO_MAIL = frozenset(
    {
        *(word for word, status in WORDS.items() if status is not SubscriberStatus.ACTIVE),
        *(NOT_SURE - {"unknown", "onbekend", "unsure", "transactional", "expired", "cold"}),
    }
)
"""Words that forbid mail when a cell of any column holds only them."""

# The text after a status word: "bounced (hard)", "Afgemeld op 1-2-2024", "unsubscribed by".
_TAIL = re.compile(r"(?: ?[(\[:;,/|]| (?:op|on|at|by|door|via|since|sinds|per|in|from|vanaf|\d))")
_STARTS = sorted(
    (word for word, status in WORDS.items() if status is not SubscriberStatus.ACTIVE),
    key=len,
    reverse=True,
)


@functools.lru_cache(maxsize=4096)
def leading_status(word: str) -> SubscriberStatus | None:
    """Return the status that a text begins with and then explains, unless it is "active".

    "bounced (hard)" is bounced; "Active" and "unsubscribed people are welcome" give None.
    """
    for start in _STARTS:
        if word.startswith(start) and _TAIL.match(word, len(start)):
            return WORDS[start]
    return None
