"""The columns that other tools write in their exports, as plain tables.

Names are compared in lower case, and spaces, underscores, hyphens and dots are equal; write them
here with single spaces. Sources: the headers and status lists in exports of Mailchimp, MailerLite
(English and Dutch), Brevo, Substack, Ghost, Buttondown and listmonk; and

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
"""The fields that `--map` can set."""

# In order of precedence: if a file has several, the first one counts.
EMAIL = (
    *("email", "email address", "e mail", "e mail address", "e mailadres", "emailadres"),
    *("mailadres", "subscriber email", "contact email", "email id", "mail", "subscriber"),
    *("abonnee", "e mail adres", "email adres", "emailaddress"),
)
FIRST_NAME = ("first name", "firstname", "fname", "given name", "voornaam", "prénom", "vorname")
FULL_NAME = ("name", "full name", "naam", "volledige naam", "subscriber name", "display name")
# In a file with one of these, "name" is a first name (MailerLite).
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
# Buttondown's name for the status. In other files it is the type of a letter or a contact.
STATUS_OF_BUTTONDOWN = "type"
MARKS_OF_BUTTONDOWN = frozenset({"creation date", "metadata"})
# Kit's and Laposta's name for the status. In other files a state is a part of a country, so the
# values in the column decide.
STATUS_IF_ITS_WORDS_ARE = frozenset({"state", "subscription state", "subscriber state"})

# Columns that answer yes or no to "may we mail?".
SUBSCRIBED = (
    *("subscribed to emails", "subscribed", "is subscribed", "email subscribed", "ingeschreven"),
    *("aangemeld", "accepts marketing", "accepts email marketing", "active", "is active"),
    *("actief", "opt in", "optin", "opted in"),
)
# Those in which a date is the time of the sign-up (MailerLite's "Subscribed").
SUBSCRIBED_WHEN = frozenset(SUBSCRIBED) & frozenset(OPTED_IN_AT)
# Columns in which a plain no means that this person never confirmed.
CONFIRMED = ("confirmed", "is confirmed", "email confirmed", "bevestigd")

# Columns in which anything but a plain no means that the person left: a date, a yes, a reason.
# A plain no means "subscribed" in the first table, and nothing in the second.
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
LEFT_ONE_LETTER_PREFIX = "opted out of email"
"""The start of the names of HubSpot's columns that show who left one of several letters."""
OPT_OUT_FILE_MARK = "portal unsubscribe"
"""Marks HubSpot's file of opt-outs: its other columns name letters, and TRUE means "left it"."""
OPTOUT_TYPE = "optout type"
"""MailUp's number for how a person left; 0 is "by the author"."""
OPTOUT_TYPES: Mapping[str, SubscriberStatus | None] = {
    "8": SubscriberStatus.BOUNCED,
    "16": SubscriberStatus.COMPLAINED,
}

# The meaning of "inactive" in tools that mean something else by it than others do.
INACTIVE_IS: tuple[tuple[frozenset[str], SubscriberStatus], ...] = (
    (frozenset({"canceled at", "cancelled at"}), SubscriberStatus.PENDING),  # Kit: did not confirm
    (frozenset({"subscription tier"}), SubscriberStatus.UNSUBSCRIBED),  # beehiiv
    (frozenset({"subscription premium tier names"}), SubscriberStatus.UNSUBSCRIBED),
)

# Columns whose names or words look like unsubscribing or permission, but are about something else:
# paid plans, counts, other channels, the letter in which a person unsubscribed.
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
    """Return a text in the form in which texts are compared."""
    return _BETWEEN.sub(" ", text.strip().strip("\ufeff").casefold()).strip()


def column_name(text: str) -> str:
    """Return a column's name as `plain` does, also without the signs around it ("Afgemeld?")."""
    return _BETWEEN.sub(" ", _AROUND.sub("", text.strip().strip("\ufeff")).casefold()).strip()


def field(text: str) -> str | None:
    """Return the field of `FIELDS` with this name, if any."""
    name = plain(text).replace(" ", "_")
    return name if name in FIELDS else None
