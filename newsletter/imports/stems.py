"""Word stems in the name of a column, or phrases in a cell, that may forbid mail to a person.

In Dutch and in English. Names are matched by their parts, cells by whole phrases. If a part also
has harmless uses, those are listed too. A false alarm costs the author one option (`--ignore`); a
word that is missed here means mail to a person who left.
"""

from __future__ import annotations

import functools
import re
import unicodedata
from enum import Enum

from newsletter.imports import words
from newsletter.model import SubscriberStatus


class Kind(Enum):
    """The subject of a column, by its name.

    `LEAVING` includes refusing, bouncing, complaining, blocking and suppression.
    `SUBSCRIPTION` has many harmless uses ("reason for signing up"): only a plain no in it counts.
    `CHANNEL` is about calls, text messages or paper mail.
    """

    LEAVING = "leaving"
    PERMISSION = "permission"
    SUBSCRIPTION = "subscription"
    CHANNEL = "channel"
    NOTHING = "nothing"


# Parts of a name, which is searched without its spaces. A leading space means: only at the start
# of a word.
_LEAVING = (
    *("unsub", "optout", "optedout", "optingout", "uitschr", "uitgeschr", "afmeld", "afgemeld"),
    *("opzeg", "opgezeg", " cancel", " annuleer", "geannuleer", "stopgezet", "gestopt", " quit"),
    *("beeindig", " terminat", " resign", "deactiv", "inactiv", "inactief", "disabled", "churn"),
    *("uitgeschakel", "deleted", "verwijder", " removed", " removal", " lapsed", "withdraw"),
    *("withdrew", "ingetrokken", "intrekk", " revok", "opgehev", "geroyeer", "royement"),
    *("vertrokken", "uitgetreden", "uittred", "deceas", "overled", "overlijd", " unjoin"),
    *("bounc", "gebouns", "undeliver", "onbestelbaar", "onbezorg", "teruggestuur", "teruggekaats"),
    *("teruggekomen", " invalid", "ongeldig", "quarantin", "opgeschoond", " cleaned", "hardfail"),
    *("unreachable", "onbereikbaar", "complain", "klacht", " abuse", "misbruik", "spam", " junk"),
    *("ongewenst", " unwanted", "suppress", "onderdruk", "blacklist", "blocklist", "denylist"),
    *("zwartelijst", " blocked", "geblok", "blokk", " banned", " exclud", "exclusion"),
    *("uitgeslot", " uitsluit", " donot", " dont", " refus", "weiger", " declin", "bezwaar"),
    *(" objection", " objected", "nomail", "noemail", "nonewsletter", "nocontact", "nomarketing"),
    *("nomessages", "nonews", "nomore", "nolonger", "nietmeer", "nooitmeer", " notsubscri"),
    *("nonsubscri", "nopermission", "noconsent", "mailstop", "stopmail"),
)
_LEAVING_WORDS = frozenset(
    {
        "geen",
        "niet",
        "nooit",
        "not",
        "never",
        "stop",
        "stopt",
        "dnc",
        "dnd",
        "dne",
        "dnm",
        "block",
        "leaving",
    }
)
_LINK_WORDS = frozenset({"token", "hash", "link", "url", "uuid"})  # of an unsubscribe link
_HARMLESS_PARTS = (
    *("acceptgiro", "uitsluitend", "noreply", "nomailing"),
    *("noemen", "aanspreken", "maywecall", "mayicall", "addressyou"),  # how to greet a person
)
_LEFT_AS_A_WORD = re.compile(
    r"^left$|\bleft (?:at|on|date|list|reason)\b|\b(?:has|have|date|when|who) left\b"
    r"|\b(?:reden|datum) (?:van )?(?:vertrek|uitschr|afmeld)|\bvertrek(?:reden|datum)\b"
    r"|\bleave (?:date|reason)\b|\b(?:ended|ends) (?:at|on)\b|\beinde (?:lid|abon|inschr|nieuws)"
    r"|\beinddatum (?:lid|abon|inschr|nieuws)|\bend date (?:sub|member)|\bzwarte lijst\b"
)
_PERMISSION = (
    *("consent", "toestemm", "instemm", "optin", "optedin", "akkoord", "goedkeur", "nieuwsbrie"),
    *("newsletter", "mailing", "gdpr", "rgpd", "dsgvo", "marketing", " accept", "geaccepteer"),
    *(" allow", "permission", " permit", " agree", "privacy", "contactable", "mailable"),
    *("maywe", "mayicontact", "maycontact", "mayemail", "maymail", "mogenwe", "magmail", "magwe"),
    *("magik", "maggemail", "magee", "gemaild", "mailenok", "emailok", "mailok"),
)
_PERMISSION_WORDS = frozenset({"avg", "mag"})
_SUBSCRIPTION = (
    *("subscri", "abonn", "aanmeld", "aangemeld", "ingeschr", "inschrij", "verif", " valid"),
    *("deliverable", "reachable", "bereikbaar", "bevestig", "confirm", " geldig", "ontvang"),
    *(" receiv", "mailen"),
)
_SUBSCRIPTION_WORDS = frozenset(
    {"mail", "mails", "email", "emails", "mailing", "letter", "brief", "contact", "updates", "wil"}
)
# A name with one of these is about a count, a date or a detail of the permission or subscription,
# or about a postal address ("Mailing street"); only a plain no in such a column counts.
_METADATA = re.compile(
    r"\b(?:open(?:s|ed|ing|rate)?|geopend|clicks?|clicked|klik\w*|geklikt|sent|sends|verzonden"
    r"|verstuurd|received|delivered|bezorgd|rate|ratio|score|count|aantal|total|totaal|percent\w*|average"
    r"|gemiddeld\w*|last|laatste?|first|eerste|source|bron|via|method\w*|methode|forms?|formulier"
    r"|text|tekst|wording|ip|url|link|links|page|pagina|campaign|campagne|version|versie|id|name"
    r"|naam|title|titel|language|taal|utm|frequen\w*|street|straat|city|plaats|state|province"
    r"|zip|postal|postcode|country|land|address|adres|order|value|waarde|user ?agent|reason|reden"
    r"|tags?|segments?|lists?|lijst\w*|groups?|groep\w*|platform|device|revenue|omzet)\b"
)
_CHANNEL = re.compile(
    r"\b(?:sms|whatsapp|push|fax|call|calls|phone|telefoon\w*|telefonisch\w*|bellen|bel|text"
    r"|post|postal|direct mail|mobile|voice)\b"
)
_BY_MAIL = re.compile(r"\be ?mails?\b|\bmails?\b|\bmailen\b|\bnieuwsbrie|\bnewsletter")
_BOUNCED = re.compile(r"bounc|bouns|undeliver|onbestel|onbezorg|terugge|invalid|ongeldig|cleaned")
_COMPLAINED = re.compile(r"complain|klacht|spam|abuse|junk|ongewenst")


@functools.lru_cache(maxsize=1024)
def kind(name: str) -> Kind:
    """Return the subject of a column with this name."""
    spaced = _spaced(name)
    compact = spaced.replace(" ", "")
    tokens = frozenset(spaced.split())
    if any(part in compact for part in _HARMLESS_PARTS) or not _LINK_WORDS.isdisjoint(tokens):
        return Kind.NOTHING
    if _CHANNEL.search(spaced) and not _BY_MAIL.search(spaced):
        return Kind.CHANNEL

    def has_any(parts: tuple[str, ...], words: frozenset[str]) -> bool:
        return _has(spaced, compact, parts) or not words.isdisjoint(tokens)

    if has_any(_LEAVING, _LEAVING_WORDS) or _LEFT_AS_A_WORD.search(spaced):
        return Kind.LEAVING
    permission = has_any(_PERMISSION, _PERMISSION_WORDS)
    if permission and not _METADATA.search(spaced):
        return Kind.PERMISSION
    if permission or has_any(_SUBSCRIPTION, _SUBSCRIPTION_WORDS):
        return Kind.SUBSCRIPTION
    return Kind.NOTHING


def is_counted(name: str) -> bool:
    """Return whether a column counts or explains something, so that 0 in it is not a no."""
    return _METADATA.search(_spaced(name)) is not None


def status_of(name: str) -> SubscriberStatus:
    """Return the status that a column of kind `LEAVING` gives, by its name."""
    spaced = _spaced(name).replace(" ", "")
    if _COMPLAINED.search(spaced):
        return SubscriberStatus.COMPLAINED
    return SubscriberStatus.BOUNCED if _BOUNCED.search(spaced) else SubscriberStatus.UNSUBSCRIBED


def _has(spaced: str, compact: str, parts: tuple[str, ...]) -> bool:
    starts: tuple[str, ...] = ()
    for part in parts:
        if part.startswith(" "):
            # At the start of a word; the part may run over several words ("do not").
            starts = starts or _starts(spaced)
            if any(start.startswith(part[1:]) for start in starts):
                return True
        elif part in compact:
            return True
    return False


def _starts(spaced: str) -> tuple[str, ...]:
    tokens = spaced.split()
    return tuple("".join(tokens[number:]) for number in range(len(tokens)))


_CAMEL = re.compile(r"(?<=[a-z])(?=[A-Z])")
_SIGNS = re.compile(r"[^0-9a-z]+")


def _spaced(text: str) -> str:
    """Return a name in lower case, without accents, words separated, also in "hasOptedOut"."""
    folded = unicodedata.normalize("NFKD", _CAMEL.sub(" ", text)).casefold()
    ascii_ = "".join(c for c in folded if not unicodedata.combining(c))
    return _SIGNS.sub(" ", ascii_.replace("'", "").replace("\u2019", "")).strip()


# Phrases that forbid mail anywhere in a text, in the form that `_spaced` returns.
_MAIL = r"(?:e ?mails?|mails?|mailen|mailing\w*|nieuws\w*|newsletters?|letters?|brieven|brief)"
_NO_MAIL_PHRASES = re.compile(
    r"\b(?:unsubscrib\w*|unsubbed|unsub|uitgeschreven|uitschrij\w*|uitschreef|afgemeld\w*"
    r"|afmeld\w*|opgezegd|opgezegde|zegde op|opzegging|opted? ?out|optedout|optout|opting out"
    r"|(?:hard ?)?bounced?|gebounced?|gebounst|hardbounce\w*|suppressed|suppression|blacklisted"
    r"|blocklisted|zwarte lijst|geblokkeerd|never ?subscribed|not ?subscribed|non ?subscribed"
    r"|nonsubscribed|not opted in|(?:do not|dont|don t|never) (?:e ?mail|mail|contact|send|disturb)"
    rf"|no (?:more )?{_MAIL}|no (?:consent|permission|marketing)|no longer (?:subscribed|interested"
    r"|wants?|wishes|receiv\w*|member)|not interested"
    r"|niet (?:meer )?(?:ingeschreven|aangemeld|e ?mailen|mailen|benaderen|benaderd|geabonneerd"
    r"|contacteren|akkoord|geinteresseerd|versturen|sturen|toegestaan|ontvangen|gemaild)"
    rf"|geen (?:enkele )?{_MAIL}|geen (?:toestemming|reclame|marketing|abonnee|contact meer"
    r"|interesse meer|post meer)|wil (?:dit |het )?niet meer|wil (?:hem|ze|haar)? ?niet ontvangen"
    r"|(?:marked|reported|gemarkeerd|gemeld) (?:as|als) (?:spam|junk)|als spam gem\w+"
    r"|spam ?(?:complaint|report|klacht|melding)|undeliverable|onbestelbaar|invalid e ?mail"
    r"|consent (?:withdrawn|revoked)|withdrew consent|toestemming ingetrokken|stopgezet"
    r"|left the (?:list|newsletter)|remove(?:d)? from (?:the )?list|van de lijst (?:af|gehaald)"
    r"|(?:subscription|membership|abonnement|lidmaatschap) (?:is )?(?:cancell?ed|ended|beeindigd)"
    r")\b"
)
_LINK = re.compile(r"(?:https?://|www\.|mailto:)\S+", re.IGNORECASE)
# Parts of every phrase in `_NO_MAIL_PHRASES`: a fast test that most texts do not pass.
_HINT = re.compile(
    r"unsub|schr|meld|zeg|opt|ounc|ouns|suppr|list|lijst|block|blok|ever|not|don|no |geen|niet"
    r"|spam|junk|deliver|bestel|invalid|consent|ingetrok|stop|left|remove|cancel|ended|indigd"
)
# Columns in which "cancelled" or "pending" is about a purchase or an event.
_PURCHASE = re.compile(
    r"order|betaa?l|payment|bestel|factuur|invoice|shipping|verzend|event|ticket|afspraak|financ"
    r"|fulfil|booking|boeking|reserver|stripe|plan\b|billing|product"
)
_ACTIVITY = re.compile(r"engage|activity|activiteit|rating|betrokken|account")


@functools.lru_cache(maxsize=512)
def _weak_words(name: str) -> frozenset[str]:
    """Return the words that forbid mail when a cell of a column with this name holds only them."""
    spaced = _spaced(name)
    if _PURCHASE.search(spaced):
        return frozenset()
    if _ACTIVITY.search(spaced):
        return words.NO_MAIL - {"inactive", "inactief", "disabled", "archived", "deleted"}
    return words.NO_MAIL


def forbids_mail(name: str, text: str) -> bool:
    """Return whether a cell says that a person left, refused, bounced or complained.

    Args:
        name: The name of its column.
        text: The text of the cell.
    """
    if len(text) < 2 or text.upper() == text.lower():  # noqa: PLR2004 - not a word
        return False
    plain = text.casefold().replace("_", " ").replace("-", " ").replace(".", " ")
    word = " ".join(plain.split()).strip("\"'[](){} ")
    if word in words.NO_MAIL or word.startswith(_STARTS):
        weak = _weak_words(name)
        if word in weak or (weak and words.leading_status(word)):
            return True
    if not _HINT.search(word):
        return False
    return _NO_MAIL_PHRASES.search(_spaced(_LINK.sub(" ", text))) is not None


_STARTS = tuple(
    {word[:4] for word, status in words.WORDS.items() if status is not SubscriberStatus.ACTIVE}
)
