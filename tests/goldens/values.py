"""Replace what differs from run to run (ids, tokens, times, ports) with names that do not."""

from __future__ import annotations

import base64
import difflib
import hashlib
import hmac
import json
import re
from collections import Counter
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

KEY = "a key that signs nothing but goldens"
"""The key of every token in the goldens. It never changes: the tokens in them are exact."""

_TOKEN = re.compile(r"(?<![\w.-])[A-Za-z0-9_-]{20,556}\.[A-Za-z0-9_-]{43}(?![\w-])")
ENGINES = {"sqlite", "postgresql"}
_LONG = 120
_MONTHS = "januari|februari|maart|april|mei|juni|juli|augustus|september|oktober|november|december"
_DAYS = "maandag|dinsdag|woensdag|donderdag|vrijdag|zaterdag|zondag"
_RECENT = r"20(?:2[6-9]|[3-9]\d)"
_TIME = re.compile(rf"({_RECENT}-\d\d-\d\d)([T ])(\d\d:\d\d(?::\d\d)?)(\.\d+)?(Z|[+-]\d\d:\d\d)?")
_PATTERNS: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"=20\d\d-\d\d-\d\dT\d\d%3A\d\d%3A\d\dZ"), "=<timeTh:m:sZ>"),
    (re.compile(r"\w{3}, \d\d \w{3} 20\d\d \d\d:\d\d:\d\d ([+-]\d{4}|GMT)"), r"<date \1>"),
    (re.compile(rf"\b\w+day \d\d? \w+ {_RECENT} (?!07:00)\d\d:\d\d"), "<long date h:m>"),
    (re.compile(rf"\b\w+day \d\d? \w+ {_RECENT}"), "<long date>"),
    (re.compile(r"\b\d+\.\d+ ms\b"), "<ms>"),
    (re.compile(r"(\.lock \S+) \d+ \d+$"), r"\1 <device> <inode>"),
    (re.compile(r"^(engine: +)\w+", re.MULTILINE), r"\1<engine>"),
    (
        re.compile(
            r"the file \S+\.db\b|the PostgreSQL database that NEWSLETTER_DATABASE_URL names"
        ),
        "<database>",
    ),
    (re.compile(r"\((?:newsletter\.db|NEWSLETTER_DATABASE_URL)\)"), "(<database>)"),
    (re.compile(r"(version \d\S*) \(.*\)"), r"\1 (<origin>)"),
    (re.compile(r"\bbegin=\d+"), "begin=<seconds>"),
    (re.compile(r"\bnewsletterbatch\d{3}\b"), "newsletterbatch<number>"),
    (
        re.compile(rf"\b(?:(?:{_DAYS}) )?\d{{1,2}} (?:{_MONTHS})(?: {_RECENT})?\b"),
        "<day month year>",
    ),
    (re.compile(rf"{_RECENT}-\d\d-\d\d"), "<date>"),
    (re.compile(r"\b\d+ days?(?: and \d+ hours?)? (ago|early|from now|late)"), r"<days> \1"),
    (re.compile(r"\bin \d+ days?(?: and \d+ hours?)?"), "in <days>"),
    (re.compile(r"\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b"), "<uuid>"),
    (re.compile(r"\b[0-9a-f]{64}\b"), "<hash>"),
    (re.compile(r"\b[0-9a-f]{32}\b"), "<id>"),
    (re.compile(r"\b[0-9a-f]{16}\b"), "<short hash>"),
    (re.compile(r"(?<=  letter )[0-9a-f]{12}(?=: )"), "<short hash>"),
)


def sign(purpose: str, payload: bytes, key: str = KEY) -> str:
    """Make a token, independently of the program."""
    own = hmac.new(key.encode(), f"newsletter.{purpose}".encode(), hashlib.sha256).digest()
    encoded = _base64(payload)
    return f"{encoded}.{_base64(hmac.new(own, encoded.encode(), hashlib.sha256).digest())}"


def _base64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


class Names:
    """What each value that differs from run to run is called in the goldens."""

    def __init__(self) -> None:
        self._names: dict[str, str] = {"0" * 32: "<nobody>"}
        self.days: dict[str, str] = {}
        """The names of dates on which issues are."""
        self.exact: set[str] = set()
        """Values that stay as they are, although they look as if they differed."""

    def add(self, value: str, name: str) -> None:
        """Name a value; the first name of a value stays."""
        if value:
            self._names.setdefault(value, f"<{name}>")

    def apply(self, text: str) -> str:
        """Return a text with names in it."""
        text = _TOKEN.sub(lambda found: self._token(found[0]), text)
        text = _TIME.sub(self._time, text)
        known = sorted(self._names, key=len, reverse=True)
        text = re.sub("|".join(map(re.escape, known)), lambda found: self._names[found[0]], text)
        for date, name in self.days.items():
            text = text.replace(date, name)
        for pattern, name in _PATTERNS:
            text = pattern.sub(
                lambda found, name=name: found[0] if found[0] in self.exact else found.expand(name),
                text,
            )
        return text

    def _time(self, found: re.Match[str]) -> str:
        """Return the form of a time, and of an issue's what it is."""
        date, between, clock, fraction, zone = found.groups()
        zone = "+zone" if zone and zone != "Z" else zone or ""
        name = self.days.get(date)
        if name and not fraction:
            return f"{name}{between}{clock}{zone}"
        seconds = ":s" if len(clock) > 5 else ""
        return f"<time{between}h:m{seconds}{'.f' if fraction else ''}{zone}>"

    def deep(self, value: Any) -> Any:  # noqa: ANN401 - whatever JSON holds
        """Return a JSON value with names in its texts, keys included."""
        if isinstance(value, str):
            return "<engine>" if value in ENGINES else self.apply(value)
        if isinstance(value, dict):
            return {self.apply(str(key)): self.deep(one) for key, one in value.items()}
        if isinstance(value, list | tuple):
            return [self.deep(one) for one in value]
        return value

    def _token(self, token: str) -> str:
        """Return what a token says, after its signature was computed anew."""
        if token in self.exact:
            return token
        encoded = token.partition(".")[0]
        payload = base64.urlsafe_b64decode(encoded + "=" * (-len(encoded) % 4))
        for purpose in ("leave", "confirm", "preferences", "address", "form"):
            if sign(purpose, payload) == token:
                return f"<token newsletter.{purpose}: {self._payload(purpose, payload)}>"
        return "<token of another key>"

    def _payload(self, purpose: str, payload: bytes) -> str:
        if purpose == "form":
            return f"time {payload[8:].decode()}"
        ids = [payload[at : at + 16].hex() for at in range(0, len(payload) - 15, 16)]
        rest = payload[16 * len(ids) :]
        return " ".join(ids) + (f" until {len(rest)} bytes" if rest else "")


TEXTS = {"blocked_by", "fix", "message", "note", "notes", "reason", "remarks", "troubles", "why"}
"""Keys of JSON under which there are sentences for people."""


def without_texts(value: Any, texts: list[str], key: str = "") -> Any:  # noqa: ANN401 - JSON
    """Return JSON in which sentences are numbers of what is added to `texts`."""
    if isinstance(value, dict):
        if key == "reasons" and all(isinstance(one, int) for one in value.values()):
            return {without_texts(name, texts, "reason"): one for name, one in value.items()}
        inner = key == "reasons"
        return {
            name: without_texts(one, texts, key if inner else name) for name, one in value.items()
        }
    if isinstance(value, list):
        return [without_texts(one, texts, key) for one in value]
    if key in TEXTS and isinstance(value, str):
        texts.append(value)
        return f"<text {len(texts)}>"
    return value


def lines(text: str) -> list[str]:
    """Cut a text into pieces that can be read; joined, they are the text."""
    found: list[str] = []
    for line in text.splitlines(keepends=True):
        found += re.split(r"(?<=>)(?=<)", line) if len(line) > _LONG else [line]
    return found


def distance(first: Sequence[str], text: Sequence[str]) -> int:
    """Return about how many pieces differ."""
    return (Counter(text) - Counter(first)).total() + (Counter(first) - Counter(text)).total()


def against(first: Sequence[str], text: Sequence[str]) -> list[str]:
    """Return what differs, with "-" what only the first has, with "+" what only this one has."""
    found = difflib.unified_diff(first, text, n=0, lineterm="")
    return [line for line in found if not line.startswith(("--- ", "+++ ", "@@ "))]


def write(value: object) -> str:
    """Return JSON with one value a line."""
    return json.dumps(value, indent=1, ensure_ascii=False) + "\n"
