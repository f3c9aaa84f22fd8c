"""The article, the themes, and the findings that an author allows."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from newsletter.content.decoding import has_words
from newsletter.content.dialects import GAPS
from newsletter.content.findings import quote_text
from newsletter.content.links import is_link
from newsletter.model import Waiver

if TYPE_CHECKING:
    from newsletter.content.findings import FindingCollector
    from newsletter.model import Entry

LONGEST_THEME: Final = 40
_WAIVER: Final = re.compile(r"([a-z][a-z0-9-]*)\s*\(([^()]*)\)")
_BETWEEN: Final = re.compile(r"\s*(?:,\s*|\Z)")
_WORDS_OF_ONES_OWN: Final = "; a single word that is right goes into words.txt"


def read_article(entry: Entry | None, problems: FindingCollector) -> str:
    """Return the address of the article, or nothing where it is none."""
    if entry is None or not entry.value:
        return ""
    if gap := next((one for one in GAPS if one.search(entry.value)), None):
        problems.error(entry.line, gap.rule, gap.problem, gap.fix)
    elif _scheme(entry.value) not in {"https", "http"} or not is_link(entry.value):
        problems.error(
            entry.line,
            "article-address",
            "the value of article is not the address of a web page",
            'Write the whole address: "article: https://…"',
        )
    else:
        return entry.value
    return ""


def _scheme(url: str) -> str:
    """Return the scheme of an address; nothing where it cannot be read."""
    try:
        return "" if re.search(r"\s", url) else urlsplit(url).scheme
    except ValueError:
        return ""


def read_themes(entry: Entry | None, problems: FindingCollector) -> tuple[str, ...]:
    """Return the themes between the commas, each once."""
    found: dict[str, str] = {}
    for part in entry.value.split(",") if entry else ():
        theme = " ".join(part.split())
        if not theme or not entry:
            continue
        if len(theme) > LONGEST_THEME or not has_words(re.sub(r"[\W_]", "", theme)):
            problems.error(
                entry.line,
                "theme-invalid",
                f'"{quote_text(theme)}" is no theme: one or a few words, at most {LONGEST_THEME} '
                "characters",
                'Write short themes with commas between them: "themes: rust, spanning"',
            )
        found.setdefault(theme.casefold(), theme)
    return tuple(found.values())


def read_allowed(entry: Entry | None, problems: FindingCollector) -> tuple[Waiver, ...]:
    """Return what an author allows: `rule-id (reason), rule-id (reason)`."""
    waivers: list[Waiver] = []
    at, value = 0, entry.value if entry else ""
    while entry and at < len(value):
        found = _WAIVER.match(value, at)
        end = _BETWEEN.match(value, found.end()) if found else None
        if not found or not end or not has_words(found[2]):
            problem = "this is not a rule's id with a reason behind it"
            if found and end:
                problem = f"the reason to allow {found[1]} is missing"
            elif re.match(r"[a-z][a-z0-9-]*\s*(?:,|\Z)", value[at:]):
                problem = "the reason to allow this rule is missing"
            named = re.match(r"[a-z][a-z0-9-]*", value[at:])
            problems.error(entry.line, "allow-invalid", problem, _form(named[0] if named else ""))
            break
        waivers.append(Waiver(found[1], found[2].strip(), entry.line))
        at = end.end()
    return tuple(waivers)


def _form(named: str) -> str:
    """Return how to write it, with the rule that the author named."""
    more = _WORDS_OF_ONES_OWN if named == "spelling" else ""
    return f'Write "allow: {named or "rule-id"} (reason)", and a comma between two of them{more}'
