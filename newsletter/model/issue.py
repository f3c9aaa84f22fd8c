"""An issue, as its author wrote it."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, ClassVar, Final, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date, datetime, time
    from zoneinfo import ZoneInfo

WIDEST: Final = 520
"""The width of a letter's text in CSS pixels: no image is shown wider."""


class Severity(StrEnum):
    """An error keeps an issue from being sent; a warning and a hint do not.

    A warning is most likely a mistake. A hint is worth a look, and never fails a check.
    """

    ERROR = "error"
    WARNING = "warning"
    HINT = "hint"


@dataclass(frozen=True, slots=True)
class RuleSummary:
    """What a rule finds, in one sentence, and the highest severity of its findings."""

    severity: Severity
    text: str


@dataclass(frozen=True, slots=True, order=True)
class Finding:
    """One thing that is wrong with an issue file, as `newsletter check --json` prints it.

    Attributes:
        fixable: Whether the program can repair it by itself. Nothing does so yet.
    """

    path: str
    line: int
    rule: str
    severity: Severity = field(compare=False)
    message: str = field(compare=False)
    fix: str = field(compare=False)
    fixable: bool = field(default=False, compare=False)


@dataclass(frozen=True, slots=True)
class RichText:
    """A run of prose in the three forms its users need.

    Attributes:
        html: Sanitised inline HTML on one line: only strong, em, code, br and a[href].
        text: For the plain-text part: a hard break is a newline, a link is ``label [3]``.
        source: The Markdown as written.
        links: What the numbers in ``text`` stand for, as (number, address); numbers run
            through the whole issue.
    """

    html: str
    text: str
    source: str
    links: tuple[tuple[int, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Text:
    """A paragraph."""

    kind: ClassVar = "text"
    line: int
    body: RichText


@dataclass(frozen=True, slots=True)
class Heading:
    """A heading of level 2 or 3 (the subject is level 1); levels never skip.

    ``underlined`` is true when it was written as text above a row of dashes.
    """

    kind: ClassVar = "heading"
    line: int
    level: int
    body: RichText
    underlined: bool = False


@dataclass(frozen=True, slots=True)
class Quote:
    """A line worth keeping: the paragraphs of a blockquote."""

    kind: ClassVar = "quote"
    line: int
    paragraphs: tuple[RichText, ...]


@dataclass(frozen=True, slots=True)
class Reflection:
    """A paragraph that began with 💡, without that sign."""

    kind: ClassVar = "reflection"
    line: int
    body: RichText


@dataclass(frozen=True, slots=True)
class Question:
    """One ``question? → hint``."""

    question: RichText
    hint: RichText


@dataclass(frozen=True, slots=True)
class Questions:
    """A list in which every item is a question with a hint."""

    kind: ClassVar = "questions"
    line: int
    items: tuple[Question, ...]


@dataclass(frozen=True, slots=True)
class ListItem:
    """An item of a list: its paragraphs, and a list below it if there is one."""

    paragraphs: tuple[RichText, ...]
    sublist: ItemList | None = None


@dataclass(frozen=True, slots=True)
class ItemList:
    """A plain list; ``start`` is the first number of an ordered one."""

    kind: ClassVar = "list"
    line: int
    ordered: bool
    start: int
    items: tuple[ListItem, ...]


@dataclass(frozen=True, slots=True)
class Link:
    """A label (plain text) and an https, http or mailto address."""

    label: str
    url: str


@dataclass(frozen=True, slots=True)
class Button:
    """A paragraph that is only a link."""

    kind: ClassVar = "button"
    line: int
    link: Link


@dataclass(frozen=True, slots=True)
class Links:
    """Paragraphs directly below a button that are only a link too."""

    kind: ClassVar = "links"
    line: int
    links: tuple[Link, ...]


@dataclass(frozen=True, slots=True)
class Picture:
    """An image file that a letter shows.

    Attributes:
        name: Of the copy that is stored and served: a hash of the file, with a suffix.
        width: Of the file, in pixels, upright.
        height: The same.
        path: The file.
    """

    name: str
    width: int
    height: int
    path: str


@dataclass(frozen=True, slots=True)
class Image:
    """A paragraph that is only an image: where it is, and a text that can stand for it.

    Attributes:
        url: Its https address; of a file, the address that the letter uses, once it is rendered.
        alt: The text.
        caption: What stands below it, as plain text.
        link: Where a click on it leads; empty if nowhere.
        width: In CSS pixels: as written, 0 for nothing; as shown, once it is rendered.
        height: As shown, so that nothing moves when it arrives; 0 where it is not known.
        file: The file, as written; empty for an address.
        picture: That file, once it was looked at.
    """

    kind: ClassVar = "image"
    line: int
    url: str
    alt: str
    caption: str = ""
    link: str = ""
    width: int = 0
    height: int = 0
    file: str = ""
    picture: Picture | None = None


@dataclass(frozen=True, slots=True)
class FaqItem:
    """A question, and the paragraphs and lists that answer it."""

    line: int
    question: RichText
    answer: tuple[Text | ItemList, ...]


@dataclass(frozen=True, slots=True)
class Faq:
    """Questions of level 3 with their answers, below a heading such as "Veelgestelde vragen"."""

    kind: ClassVar = "faq"
    line: int
    items: tuple[FaqItem, ...]

    @property
    def parts(self) -> tuple[Heading | Text | ItemList, ...]:
        """The same as single blocks, in order: what an author wrote, for the rules of `checks`."""
        return tuple(
            part
            for item in self.items
            for part in (Heading(item.line, 3, item.question), *item.answer)
        )


@dataclass(frozen=True, slots=True)
class Ask:
    """A question to subscribers and two to four answers, plain text: each becomes a link."""

    kind: ClassVar = "ask"
    line: int
    question: RichText
    answers: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Divider:
    """A thematic break."""

    kind: ClassVar = "divider"
    line: int


Block: TypeAlias = (
    Text
    | Heading
    | Quote
    | Reflection
    | Questions
    | ItemList
    | Button
    | Links
    | Image
    | Divider
    | Faq
    | Ask
)


MONTHLY: Final = "monthly"
"""The one value of the key `audience`."""


@dataclass(frozen=True, slots=True)
class Issue:
    """One week's letter as written.

    Attributes:
        slug: The file name without ``.md``.
        path: The file, as the author would type it.
        send_at: With the offset that the newsletter's time zone has at that moment.
        content_hash: SHA-256 (hex) of subject, preheader and body.
        article: The address of the article that it introduces; empty if there is none.
        themes: What it is about, for the archive.
        monthly: It goes to those who chose a digest a month, else to all others.
        source_hash: The same of the whole file with line feeds for line ends, and without its line
            `draft`: that one says whether it is done, and nothing about the letter.
    """

    slug: str
    path: str
    subject: str
    preheader: str
    send_at: datetime
    draft: bool
    blocks: tuple[Block, ...]
    content_hash: str
    article: str = ""
    themes: tuple[str, ...] = ()
    monthly: bool = False
    source_hash: str = ""


@dataclass(frozen=True, slots=True)
class Entry:
    """A value of the front matter and the line it stands on."""

    line: int
    value: str


@dataclass(frozen=True, slots=True)
class Waiver:
    """A rule whose findings an author allows in one file, and why; from the key `allow`."""

    rule: str
    reason: str
    line: int


@dataclass(frozen=True, slots=True)
class IssueSource:
    """A file as it was read, and what it was read with, so that it can be read again.

    Attributes:
        text: As it is in the file, with its line ends.
        name: The file's name.
        zone: The newsletter's time zone.
        send_clock: The local time at which an issue without `send_at` goes out.
        today: The day from which a moment may be too far ahead; None when that is of no matter.
        own_url: Where the newsletter's own pages are; empty when that is of no matter.
    """

    text: str
    name: str
    zone: ZoneInfo
    send_clock: time
    today: date | None
    own_url: str


@dataclass(frozen=True, slots=True)
class Draft:
    """What reading an issue file gave: an ``issue`` only if no finding is an error.

    ``blocks`` holds what could be read in any case, so that the rules in ``checks`` can warn
    about a file that also has errors; ``send_at`` is known as soon as the file's name, or its
    own `send_at`, holds a moment. ``is_draft`` is true when it says "draft: yes", whatever else is
    wrong with it. ``entries`` has the values of the front matter by key, and ``allowed`` the
    findings that the author does not want to see again. ``source`` is None for a file of which the
    text cannot be read.
    """

    slug: str
    path: str
    issue: Issue | None
    blocks: tuple[Block, ...]
    findings: tuple[Finding, ...]
    send_at: datetime | None = None
    is_draft: bool = False
    entries: Mapping[str, Entry] = field(default_factory=dict)
    allowed: tuple[Waiver, ...] = ()
    source: IssueSource | None = None

    @property
    def monthly(self) -> bool:
        """Whether it says that it is for those who get a digest a month, errors or not."""
        entry = self.entries.get("audience")
        return entry is not None and entry.value.casefold() == MONTHLY
