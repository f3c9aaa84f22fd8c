"""What an export holds: letters that were sent, and what else is in it, with the reason."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

_COMMON: Final = (
    "%Y-%m-%d %H:%M:%S",
    "%Y-%m-%d %H:%M",
    "%b %d, %Y %I:%M %p",  # Mailchimp: May 19, 2019 06:00 pm
    "%B %d, %Y %I:%M %p",
    "%b %d, %Y",
)
_FRACTION: Final = re.compile(r"(\.\d{1,6})\d*")

LARGEST: Final = 4 << 20
"""How many bytes the text of one letter may have, with its markup."""

NOT_SENT: Final = "not sent"
NOT_FOR_ALL: Final = "not for everyone"
NO_LETTER: Final = "not a letter"
NO_TEXT: Final = "its text is not in the export"
TOO_LONG: Final = "its text is longer than that of any letter"
NO_DATE: Final = "its date is missing, or cannot be read"


@dataclass(frozen=True, slots=True)
class SentLetter:
    """A letter as its program has it.

    Attributes:
        title: Its subject.
        sent_at: When; without an offset it is the newsletter's own time.
        markup: Its HTML.
        preheader: What an inbox shows below the subject.
        name: What its address there ends with; "" where that says nothing.
        url: The address that it says is its own; "" where it says none.
        themes: What it is filed under.
    """

    title: str
    sent_at: datetime
    markup: str
    preheader: str = ""
    name: str = ""
    url: str = ""
    themes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class LeftOut:
    """Something that does not come into the archive, and why."""

    name: str
    reason: str


@dataclass(frozen=True, slots=True)
class ExportContents:
    """What is in an export.

    Attributes:
        program: The program's name.
        total: How many items there are.
        items: They, each read when its turn comes.
    """

    program: str
    total: int
    items: Iterator[SentLetter | LeftOut]


def read_moment(text: str) -> datetime | None:
    """Return a moment as any of the programs writes it; None where it is none."""
    text = " ".join(text.strip().strip('"').split())
    try:
        # Python 3.11 reads at most six digits of a second.
        return datetime.fromisoformat(_FRACTION.sub(r"\1", text).replace(" +", "+"))
    except ValueError:
        pass
    for shape in _COMMON:
        try:
            return datetime.strptime(text, shape)  # noqa: DTZ007 - none of them has an offset
        except ValueError:
            continue
    return None


def says_yes(text: str) -> bool:
    """Tell whether a cell or field says yes."""
    return text.strip().casefold() in {"true", "yes", "1", "t"}
