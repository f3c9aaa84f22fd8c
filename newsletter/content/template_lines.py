"""Lines of the template of another mailing program: view in browser, unsubscribe."""

from __future__ import annotations

import re
from functools import cache

from newsletter.content.words import any_of, words


def is_template_line(text: str) -> bool:
    """Tell whether a text is such a line, or holds what only such a template says."""
    return bool(_lines().match(text) or _phrases().search(text))


@cache
def _lines() -> re.Pattern[str]:
    line = rf"[^\w{{}}*%]{{0,9}}{any_of(words().template_lines)}[^\w{{}}*%]{{0,9}}"
    return re.compile(rf"(?:{line}(?:[|·•/\n]{line})*)\Z", re.IGNORECASE)


@cache
def _phrases() -> re.Pattern[str]:
    return re.compile(rf"(?<!\w){any_of(words().template_phrases)}", re.IGNORECASE)
