"""The words with which other tools say who is subscribed, as `formats.plain` writes them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from newsletter.model import Status

if TYPE_CHECKING:
    from collections.abc import Mapping

WORDS: Mapping[str, Status] = {
    word: status
    for status, words in {
        Status.ACTIVE: (
            *("active", "subscribed", "enabled", "regular", "confirmed", "premium", "gifted"),
            *("trialed", "churning", "actief", "ingeschreven", "aangemeld", "geabonneerd"),
            "bevestigd",
        ),
        Status.PENDING: (
            *("pending", "unconfirmed", "not confirmed", "unactivated", "awaiting confirmation"),
            *("onbevestigd", "niet bevestigd", "in afwachting", "nog niet bevestigd"),
        ),
        Status.UNSUBSCRIBED: (
            *("unsubscribed", "unsubscribe", "opted out", "opt out", "blocked", "blocklisted"),
            *("blacklisted", "disabled", "removed", "deleted", "archived", "suppressed"),
            *("uitgeschreven", "afgemeld", "geblokkeerd", "verwijderd"),
        ),
        Status.BOUNCED: (
            *("bounced", "cleaned", "hard bounced", "hard bounce", "undeliverable", "gebounced"),
            *("gebounst", "bounce", "teruggestuurd", "teruggekaatst", "onbestelbaar"),
            "opgeschoond",
        ),
        Status.COMPLAINED: (
            *("complained", "complaint", "spam", "junk", "spammy", "marked as spam", "abuse"),
            *("spam complaint", "ongewenst", "klacht", "spamklacht", "als spam gemarkeerd"),
        ),
    }.items()
    for word in words
}
"""Status words. Whoever is not surely subscribed is not active: a word that is missing here too."""

_YES = ("true", "yes", "1", "y", "t", "on", "ja", "j", "waar")
_NO = ("false", "no", "0", "n", "f", "off", "nee", "onwaar")
YES_OR_NO: Mapping[str, Status | None] = {
    **WORDS,
    **dict.fromkeys(_YES, Status.ACTIVE),
    **dict.fromkeys(_NO, Status.UNSUBSCRIBED),
}
NO_IS_SUBSCRIBED: Mapping[str, Status | None] = dict.fromkeys(_NO, Status.ACTIVE)
NO_IS_PENDING: Mapping[str, Status | None] = {
    **dict.fromkeys(_YES),
    **dict.fromkeys(_NO, Status.PENDING),
}
NO_IS_NOTHING: Mapping[str, Status | None] = dict.fromkeys(_NO)

BLANK = frozenset({"", "null", "none", "nil", "n/a", "0000 00 00", "0000 00 00 00:00:00"})

AGAINST = frozenset(
    word.replace(" ", joint)
    for word, status in WORDS.items()
    if status is not Status.ACTIVE
    for joint in (" ", "_", "-", "")
)
"""Words that speak against being subscribed, wherever they stand alone; looked up in a hurry."""
