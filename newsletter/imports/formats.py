"""The columns that other tools write in their exports, as plain tables.

Everything is compared in lower case, with spaces, underscores, hyphens and dots equal; write it
here with single spaces. Sources: the exports' own headers and status lists of Mailchimp,
MailerLite (English and Dutch), Brevo, Substack, Ghost, Buttondown and listmonk; and of

- Laposta: https://api.laposta.nl/doc/index.en.php (the fields of a member and its states)
- Kit: https://developers.kit.com/api-reference/subscribers/list-subscribers (state, email_address);
  the words on its pages: http://help.convertkit.com/article/12-convertkit-subscribers
- HubSpot: https://knowledge.hubspot.com/properties/hubspots-default-contact-properties; its file of
  opt-outs: https://knowledge.hubspot.com/articles/kcs_article/contacts/
  what-do-the-columns-mean-in-csv-i-receive-when-i-export-unsubscribes-and-bounces
- Klaviyo: https://developers.klaviyo.com/en/reference/get_profiles (consent and suppressions) and
  https://help.klaviyo.com/hc/en-us/articles/115005246108
- MailPoet: https://github.com/mailpoet/mailpoet, lib/Subscribers/ImportExport
- beehiiv: https://www.beehiiv.com/support/article/12428610562327
- ActiveCampaign: https://help.activecampaign.com/hc/en-us/articles/221073788
- MailUp: https://help.mailup.com/display/mailupapi/Export+of+email+unsubscribers
- Sendy: https://sendy.co/api (its states). Its export has no header, so one must be added: see
  https://github.com/svhawks/Sendy-Docker, www/includes/subscribers/export-csv.php
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from newsletter.model import SubscriberStatus

if TYPE_CHECKING:
    from collections.abc import Mapping

FIELDS = ("email", "first_name", "status", "opted_in_at", "ip")
"""What `--map` can name."""

# In the order in which they are believed when a file has several.
EMAIL = (
    *("email", "email address", "e mail", "e mail address", "e mailadres", "emailadres"),
    *("mailadres", "subscriber email", "contact email", "email id", "mail", "subscriber"),
    *("abonnee", "e mail adres", "email adres", "emailaddress"),
)
FIRST_NAME = ("first name", "firstname", "fname", "given name", "voornaam", "prénom", "vorname")
FULL_NAME = ("name", "full name", "naam", "volledige naam", "subscriber name", "display name")
# Beside one of these a "name" is a first name (MailerLite).
LAST_NAME = frozenset({"last name", "lastname", "lname", "surname", "family name", "achternaam"})
OPTED_IN_AT = (
    *("opted in at", "optin time", "opt in time", "opt in date", "optin date", "opted in"),
    *("opt in", "confirm time", "confirmed at", "subscribed at", "subscribe date", "subscribed"),
    *("subscription date", "date subscribed", "signup date", "sign up date", "signup timestamp"),
    *("email marketing consent timestamp", "subscription time", "confirm date", "subscribed on"),
    *("opt in datum", "inschrijfdatum", "aanmelddatum", "ingeschreven op", "aangemeld op"),
    *("ingeschreven", "aangemeld", "joined", "added time", "creation date", "created at"),
    *("created", "create date", "date created", "date added", "profile created on"),
)
IP = (
    *("opted in ip", "optin ip", "opt in ip", "confirm ip", "subscription ip", "signup ip"),
    *("ip address", "ip adres", "ip"),
)

STATUS = (
    *("status", "subscriber status", "subscription status", "email status", "contact status"),
    *("abonnementsstatus", "lijststatus", "nieuwsbriefstatus"),
    *("subscriber type", "email marketing", "email marketing status", "email subscription status"),
    *("marketing status", "abonneestatus", "abonnee status", "inschrijfstatus"),
    *("global status", "list status", "email marketing consent", "marketing contact status"),
    "marketing email confirmation status",
)
# Buttondown's name for it. Elsewhere a type is of a letter or a contact.
STATUS_OF_BUTTONDOWN = "type"
MARKS_OF_BUTTONDOWN = frozenset({"creation date", "metadata"})
# Kit's and Laposta's name for it. Elsewhere a state is a part of a country, so its values decide.
STATUS_IF_ITS_WORDS_ARE = frozenset({"state", "subscription state", "subscriber state"})

# Columns that answer yes or no to "may we mail?".
SUBSCRIBED = (
    *("subscribed to emails", "subscribed", "is subscribed", "email subscribed", "ingeschreven"),
    *("aangemeld", "accepts marketing", "accepts email marketing", "active", "is active"),
    *("actief", "opt in", "optin", "opted in"),
)
# Of these, the ones in which a date says when somebody subscribed (MailerLite's "Subscribed").
SUBSCRIBED_WHEN = frozenset(SUBSCRIBED) & frozenset(OPTED_IN_AT)
# Columns of which a plain no means that this person never answered the question by mail.
CONFIRMED = ("confirmed", "is confirmed", "email confirmed", "bevestigd")

# Columns that tell of leaving by holding anything but a plain no: a date, a yes, a reason.
# A plain no in the first table says as much as "subscribed"; in the second it says nothing.
LEFT_OR_NOT = dict.fromkeys(
    (
        *("email disabled", "unsubscribed", "is unsubscribed", "isunsubscribed", "uitgeschreven"),
        *("afgemeld", "opted out", "opt out", "optout", "blacklisted", "blocklisted"),
        *("email blacklisted", "email blocklisted", "emailblacklisted", "emailblocklisted"),
        *("unsubscribed from all email", "hasoptedoutofemail", "has opted out of email"),
        *("email opt out", "email opted out"),
    ),
    SubscriberStatus.UNSUBSCRIBED,
)
LEFT = {
    **dict.fromkeys(
        (
            *("unsub time", "unsub reason", "unsubscribe time", "unsubscribe date"),
            *("unsubscribed at", "unsubscribed on", "date unsubscribed", "unsubscribe reason"),
            *("unsubscription date", "canceled at", "cancelled at", "optout date", "opt out date"),
            *("uitschrijfdatum", "afmelddatum", "uitgeschreven op", "afgemeld op", "deleted at"),
            *("datum uitschrijving", "datum afmelding", "reden afmelding", "uitschrijfreden"),
            *("email suppressions", "suppressed", "portal unsubscribe", "do not email"),
            *("email address quarantined", "email address quarantine reason"),
            *("unsub campaign title", "unsub campaign id", "unsub reason other"),
            *("unsubscription reason",),
        ),
        SubscriberStatus.UNSUBSCRIBED,
    ),
    **dict.fromkeys(
        (
            *("clean time", "cleaned", "bounced", "hard bounced", "hard bounce", "bounced at"),
            *("email hard bounce reason", "hard bounce reason", "invalid email address"),
            *("portal bounce", "global bounce", "clean campaign title", "clean campaign id"),
            *("undeliverability date", "undeliverability reason"),
        ),
        SubscriberStatus.BOUNCED,
    ),
    **dict.fromkeys(
        ("complained", "complained at", "spam complaint", "abuse", "portal spam report"),
        SubscriberStatus.COMPLAINED,
    ),
}
LEFT_OF_EACH_LETTER = "opted out of email"
"""How the names of HubSpot's columns begin that tell who left one of several letters."""
ALL_LEFT = "portal unsubscribe"
"""HubSpot's file of opt-outs: its other columns name letters, and TRUE is "left this one"."""
OPTOUT_TYPE = "optout type"
"""MailUp's: how somebody left, by number; 0 is "by the author"."""
OPTOUT_TYPES: Mapping[str, SubscriberStatus | None] = {
    "8": SubscriberStatus.BOUNCED,
    "16": SubscriberStatus.COMPLAINED,
}

# What the word of one tool stands for, where others mean something else by it.
INACTIVE_IS: tuple[tuple[frozenset[str], SubscriberStatus], ...] = (
    (frozenset({"canceled at", "cancelled at"}), SubscriberStatus.PENDING),  # Kit: did not confirm
    (frozenset({"subscription tier"}), SubscriberStatus.UNSUBSCRIBED),  # beehiiv
    (frozenset({"subscription premium tier names"}), SubscriberStatus.UNSUBSCRIBED),
)

# Columns whose names or words look like leaving or permission, and that tell nothing of it:
# paid plans, counts, other channels, a letter by which somebody left.
HARMLESS = frozenset(
    {
        *LAST_NAME,
        *(
            "active subscription",
            "churn date",
            "optout nl",
            "optout subtype",
            "marketing emails bounced",
        ),
        *("marketing emails delivered", "marketing emails opened", "marketing emails clicked"),
        *("marketing emails replied", "marketing contact status source name"),
        *("marketing contact status source type", "marketing contact until next update"),
        *("last marketing email name", "last marketing email send date"),
        *("last marketing email open date", "last marketing email click date"),
        *("last marketing email reply date", "first marketing email send date"),
        *("first marketing email open date", "first marketing email click date"),
        *("first marketing email reply date", "sends since last engagement"),
        *("company", "company name", "bedrijf", "bedrijfsnaam", "organization", "organisatie"),
        *("city", "plaats", "woonplaats", "street", "straat", "address", "adres", "postcode"),
        *("zip", "zip code", "country", "land", "phone", "phone number", "telefoon", "mobiel"),
        *("job title", "functie", "euid", "leid", "uuid", "id", "last changed", "updated at"),
    }
)

_BETWEEN = re.compile(r"[\s_.\-]+")
_AROUND = re.compile(r"^[\s_.\-*?!:;]+|[\s_.\-*?!:;]+$")


def plain(text: str) -> str:
    """Return a word as it is compared."""
    return _BETWEEN.sub(" ", text.strip().strip("\ufeff").casefold()).strip()


def column_name(text: str) -> str:
    """Return a column's name as it is compared: also without signs around it ("Afgemeld?")."""
    return _BETWEEN.sub(" ", _AROUND.sub("", text.strip().strip("\ufeff")).casefold()).strip()


def field(text: str) -> str | None:
    """Return which of `FIELDS` somebody means, if any."""
    name = plain(text).replace(" ", "_")
    return name if name in FIELDS else None
