"""The spelling of issues, in the language of the settings and with the author's own words."""

from __future__ import annotations

import functools
import logging
from typing import TYPE_CHECKING, Final

from newsletter.checks.spelling import check_doubled, check_spelling, has_dictionary
from newsletter.errors import NewsletterError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from newsletter.config import Settings
    from newsletter.model import Draft, Finding

OWN_WORDS: Final = "words.txt"
"""The file in the root that has the author's own words, one on each line."""

_log = logging.getLogger(__name__)


def check_words(settings: Settings, draft: Draft) -> Iterator[Finding]:
    """Yield what is wrong with the words of an issue.

    Raises:
        NewsletterError: The list of the author's own words cannot be read.
    """
    yield from check_doubled(draft)
    if has_dictionary(settings.language):
        yield from check_spelling(draft, settings.language, read_own_words(settings.root))
    else:
        _say_once(settings.language)


def read_own_words(root: Path) -> frozenset[str]:
    """Return the words of `words.txt`, without comments.

    Raises:
        NewsletterError: It cannot be read.
    """
    try:
        text = (root / OWN_WORDS).read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        return frozenset()
    except (OSError, UnicodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise NewsletterError(
            f"{OWN_WORDS} cannot be read: {why}",
            hint="Make it a text file in UTF-8 with one word on each line",
        ) from None
    lines = (line.partition("#")[0].strip() for line in text.splitlines())
    return frozenset(line for line in lines if line)


@functools.cache
def _say_once(language: str) -> None:
    _log.debug("The spelling is not checked: there is no dictionary of the language %s.", language)
