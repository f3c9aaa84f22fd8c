"""The names of settings and of environment variables, and what people write instead of them."""

from __future__ import annotations

import difflib
import re
from typing import TYPE_CHECKING, Final

from newsletter.config.settings import DEFAULTS

if TYPE_CHECKING:
    from collections.abc import Iterable

KEYS: Final = frozenset(DEFAULTS)
"""Every setting that the settings file may hold."""

SWITCHES: Final = frozenset(key for key, one in DEFAULTS.items() if isinstance(one, bool))
"""Those of them that are true or false."""

NUMBERS: Final = frozenset(key for key, one in DEFAULTS.items() if not isinstance(one, str | bool))
"""Those of them that are numbers."""

VARIABLES: Final = {
    "NEWSLETTER_DATABASE_URL": "database_url",
    "NEWSLETTER_SECRET_KEY": "secret_keys",
    "NEWSLETTER_PROVIDER": "provider",
    "NEWSLETTER_PROVIDER_URL": "provider_url",
    "NEWSLETTER_PUBLIC_URL": "public_url",
}
"""The settings that the environment may hold."""

_ALIASES: Final = {
    "name": "naam titel title subject newsletter_name list_name listname brief nieuwsbrief",
    "language": "taal lang locale",
    "timezone": "tijdzone tz zone",
    "send_day": "dag day weekday verzenddag publicatiedag",
    "send_time": "tijd time hour uur send_at send_hour sendtime verzendtijd at",
    "max_lateness_hours": "lateness max_lateness late_hours",
    "finish_within_hours": "finish_within",
    "require_proof": "proof proof_required proef",
    "approval": "approve approved approval_branch goedkeuring",
    "sender": "afzender from from_name from_email from_address sender_name sender_email van "
    "sender_address email e_mail mail author auteur",
    "reply_to": "antwoord antwoordadres reply reply_address reply_to_address replies answer_to",
    "contact": "adres address postal_address postadres contact_address imprint colofon",
    "site_url": "url site website site_address homepage blog base_url link",
    "public_url": "app_url web_url public_address",
    "archive_url": "archive archief archief_url archive_address static_url",
    "permalink": "permalinks article_url post_url blog_url article_address",
    "provider": "service esp backend mailer transport via",
    "provider_url": "api_url endpoint",
    "greeting": "aanhef salutation begroeting hello",
    "greeting_without_name": "greeting_no_name aanhef_zonder_naam greeting_default",
    "signature": "handtekening ondertekening groet afsluiting sign_off footer closing",
    "logo": "masthead brand beeldmerk header_image",
    "portrait": "portret photo foto avatar author_image",
    "accent_color": "kleur color colour accent accent_colour brand_color",
    "welcome": "welkom welcome_letter welkomstbrief",
    "welcome_with_latest": "welcome_latest with_latest",
    "max_per_second": "rate rate_limit per_second",
    "max_per_hour": "per_hour hourly_limit",
    "keep_proof_years": "proof_years keep_years",
    "ledger": "ledger_id",
}
_SYNONYMS: Final = {
    re.sub(r"[\W_]", "", word): key for key, words in _ALIASES.items() for word in words.split()
}


def find_setting(word: str) -> str:
    """Return the setting that a word refers to; empty if that is not clear."""
    if word in KEYS:
        return word
    plain = re.sub(r"[\W_]", "", word.casefold())
    if not plain:
        return ""
    for key in KEYS:
        if plain in {key.replace("_", ""), f"newsletter{key.replace('_', '')}"}:
            return key
    if plain in _SYNONYMS and _SYNONYMS[plain] in KEYS:
        return _SYNONYMS[plain]
    return nearest(word.casefold().replace("-", "_"), KEYS)


def nearest(word: str, among: Iterable[str]) -> str:
    """Return the name that is most like a word; empty if none is like it."""
    found = difflib.get_close_matches(word, sorted(among), n=1, cutoff=0.75)
    return found[0] if found else ""
