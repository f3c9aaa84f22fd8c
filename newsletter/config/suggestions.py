"""The value that may be meant by one that is not right; empty if that is not clear."""

from __future__ import annotations

import difflib
import re
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit
from zoneinfo import available_timezones

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

_LANGUAGES: Final = {
    "nederlands": "nl",
    "dutch": "nl",
    "vlaams": "nl-BE",
    "flemish": "nl-BE",
    "engels": "en",
    "english": "en",
    "duits": "de",
    "deutsch": "de",
    "german": "de",
    "frans": "fr",
    "français": "fr",
    "french": "fr",
}
_COUNTRIES: Final = {
    "nederland": "Europe/Amsterdam",
    "netherlands": "Europe/Amsterdam",
    "nl": "Europe/Amsterdam",
    "belgie": "Europe/Brussels",
    "belgië": "Europe/Brussels",
    "belgium": "Europe/Brussels",
    "antwerpen": "Europe/Brussels",
    "brussel": "Europe/Brussels",
    "rotterdam": "Europe/Amsterdam",
    "utrecht": "Europe/Amsterdam",
    "den haag": "Europe/Amsterdam",
}
_PROVIDERS: Final = {
    "amazon": "ses",
    "amazon ses": "ses",
    "aws": "ses",
    "aws ses": "ses",
    "sesv2": "ses",
    "none": "outbox",
    "geen": "outbox",
    "test": "outbox",
    "": "outbox",
}
_DUTCH_DAYS: Final = {
    "monday": "maandag",
    "tuesday": "dinsdag",
    "wednesday": "woensdag",
    "thursday": "donderdag",
    "friday": "vrijdag",
    "saturday": "zaterdag",
    "sunday": "zondag",
}
_COLOURS: Final = {
    "green": "#2f5d50",
    "groen": "#2f5d50",
    "blue": "#1f4e79",
    "blauw": "#1f4e79",
    "red": "#8b1e1e",
    "rood": "#8b1e1e",
    "black": "#000000",
    "zwart": "#000000",
}


def suggest_value(key: str, value: str) -> str:
    """Return what a text may mean as the value of a setting; empty if nothing better is known."""
    known: Mapping[str, Callable[[str], str]] = {
        "send_day": weekday,
        "send_time": clock,
        "accent_color": colour,
        "language": language,
        "timezone": timezone,
        "site_url": web_address,
        "public_url": web_address,
        "archive_url": web_address,
        "provider_url": web_address,
    }
    return known[key](value) if key in known else ""


def language(value: str) -> str:
    """Return a language's tag for its name, or with hyphens."""
    return _LANGUAGES.get(value.strip().casefold(), value.strip().replace("_", "-"))


def timezone(value: str) -> str:
    """Return the zone of a city or country, or one that is spelt much alike."""
    plain = value.strip().casefold()
    if plain in _COUNTRIES:
        return _COUNTRIES[plain]
    zones = available_timezones()
    by_name = {zone.casefold(): zone for zone in sorted(zones)}
    by_city = {zone.rpartition("/")[2].casefold(): zone for zone in sorted(zones) if "/" in zone}
    spelt = plain.replace(" ", "_")
    city = spelt.rpartition("/")[2]
    found = by_name.get(spelt) or by_city.get(city) or _COUNTRIES.get(city)
    if found:
        return found
    near = difflib.get_close_matches(spelt, by_name, n=1, cutoff=0.8)
    near_city = difflib.get_close_matches(city, by_city, n=1, cutoff=0.8)
    return by_name[near[0]] if near else by_city[near_city[0]] if near_city else ""


def weekday(value: str) -> str:
    """Return the day that a Dutch name or the beginning of an English one means."""
    plain = value.strip().casefold().rstrip(".").removesuffix("s")
    for day, dutch in _DUTCH_DAYS.items():
        if len(plain) > 1 and (day.startswith(plain) or dutch.startswith(plain)):
            return day
    return ""


def clock(value: str) -> str:
    """Return a time of day in four figures."""
    found = re.fullmatch(
        r"\s*(\d{1,2})(?:[:.hu](\d{2}))?(?:[:.]\d{2})?\s*(?:uur|u|h|hours?|o'clock)?\s*([ap]m)?\s*",
        value,
        re.IGNORECASE,
    )
    if not found:
        return ""
    hour, minute, half = int(found[1]), found[2] or "00", (found[3] or "").lower()
    if half:
        hour = hour % 12 + (12 if half == "pm" else 0)
    return f"{hour:02}:{minute}"


def web_address(value: str) -> str:
    """Return a web address with its scheme, and without what follows the path."""
    value = value.strip().strip("<>")
    if link := re.fullmatch(r"\[[^\]]*\]\(([^()]+)\)", value):
        value = link[1]
    if "@" in value:
        return ""
    if re.match(r"https?:/?[^/]", value):
        value = re.sub(r":/?", "://", value, count=1)
    elif re.fullmatch(r"[^\s/:]+\.[^\s/:]+(:\d+)?(/\S*)?", value):
        value = f"https://{value}"
    return re.sub(r"[?#].*", "", value)


def ascii_address(value: str) -> str:
    """Return a web address with its domain in ASCII."""
    host = urlsplit(value).hostname or ""
    try:
        return value.replace(host, host.encode("idna").decode(), 1)
    except UnicodeError:
        return ""


def colour(value: str) -> str:
    """Return a colour in six figures."""
    plain = value.strip().casefold()
    if plain in _COLOURS:
        return _COLOURS[plain]
    if found := re.fullmatch(r"rgb\(\s*(\d{1,3})\s*,\s*(\d{1,3})\s*,\s*(\d{1,3})\s*\)", plain):
        return "#" + "".join(f"{int(part):02x}" for part in found.groups())
    figures = plain.lstrip("#").removeprefix("0x")
    if re.fullmatch(r"[0-9a-f]{3}", figures):
        figures = "".join(one * 2 for one in figures)
    return f"#{figures}"


def provider(value: str, known: Collection[str]) -> str:
    """Return the provider that a name is like."""
    plain = value.strip().casefold()
    if plain in known:
        return plain
    near = difflib.get_close_matches(plain, known, n=1, cutoff=0.7)
    return _PROVIDERS.get(plain) or (near[0] if near else "")
