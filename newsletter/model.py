"""The frozen values that cross borders between layers. No layer passes a dict, row or response."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, ClassVar, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime


# --- An issue, as its author wrote it ---------------------------------------------------------


class Severity(StrEnum):
    """An error keeps an issue from being sent; a warning does not."""

    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True, slots=True, order=True)
class Finding:
    """One thing that is wrong with an issue file, as `newsletter check --json` prints it."""

    path: str
    line: int
    rule: str
    severity: Severity = field(compare=False)
    message: str = field(compare=False)
    fix: str = field(compare=False)


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

    ``underlined`` tells that it was written as text above a row of dashes.
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
    """Several paragraphs in a row that are only a link."""

    kind: ClassVar = "links"
    line: int
    links: tuple[Link, ...]


@dataclass(frozen=True, slots=True)
class Image:
    """A paragraph that is only an image: an https address and a text that can stand for it."""

    kind: ClassVar = "image"
    line: int
    url: str
    alt: str


@dataclass(frozen=True, slots=True)
class Divider:
    """A thematic break."""

    kind: ClassVar = "divider"
    line: int


Block: TypeAlias = (
    Text | Heading | Quote | Reflection | Questions | ItemList | Button | Links | Image | Divider
)


@dataclass(frozen=True, slots=True)
class Issue:
    """One week's letter as written.

    Attributes:
        slug: The file name without ``.md``.
        path: The file, as the author would type it.
        send_at: With the offset that the newsletter's time zone has at that moment.
        content_hash: SHA-256 (hex) of subject, preheader and body.
    """

    slug: str
    path: str
    subject: str
    preheader: str
    send_at: datetime
    draft: bool
    blocks: tuple[Block, ...]
    content_hash: str


@dataclass(frozen=True, slots=True)
class Draft:
    """What reading an issue file gave: an ``issue`` only if no finding is an error.

    ``blocks`` holds what could be read in any case, so that the rules in ``checks`` can warn
    about a file that also has errors; ``send_at`` is known as soon as the file's name, or its
    own `send_at`, holds a moment.
    """

    slug: str
    path: str
    issue: Issue | None
    blocks: tuple[Block, ...]
    findings: tuple[Finding, ...]
    send_at: datetime | None = None


# --- A letter, rendered once, and the messages made of it ------------------------------------


@dataclass(frozen=True, slots=True)
class Letter:
    """A rendered issue with slots, and all else that a message of it needs but the reader.

    It is frozen with its mailing, so that a change of settings or templates half-way changes
    nothing. ``html`` is pure ASCII. ``leave_url`` ends in a slash; the reader's token follows.
    """

    subject: str
    sender: str
    reply_to: str
    list_id: str
    html: str
    text: str
    greeting: str
    greeting_without_name: str
    leave_url: str

    def encode(self) -> bytes:
        """Return the bytes that are frozen and hashed: the same letter, the same bytes."""
        return json.dumps(asdict(self), ensure_ascii=False, sort_keys=True).encode()

    @classmethod
    def decode(cls, frozen: bytes) -> Letter:
        """Return the letter that ``encode`` made these bytes of."""
        return cls(**json.loads(frozen))

    @property
    def hash(self) -> str:
        """SHA-256 (hex) of the frozen bytes."""
        return hashlib.sha256(self.encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Recipient:
    """One reader's part in a batch: the delivery's reference, the address, the slots' values."""

    ref: str
    email: str
    greeting: str
    leave_url: str


@dataclass(frozen=True, slots=True)
class Batch:
    """The deliveries that travel in one provider request.

    ``key`` names the request to a provider that knows idempotency keys; ``date`` is that of
    every message in it, fixed at the claim so that a replay has the same bytes.
    """

    key: str
    slug: str
    letter: Letter
    date: datetime
    recipients: tuple[Recipient, ...]


@dataclass(frozen=True, slots=True)
class Message:
    """One reader's letter: complete, with the headers in the order they are written."""

    ref: str
    email: str
    headers: tuple[tuple[str, str], ...]
    html: str
    text: str


# --- What a provider said of one delivery ----------------------------------------------------


@dataclass(frozen=True, slots=True)
class Accepted:
    """The provider took it; ``provider_id`` is its own name for the message."""

    provider_id: str


@dataclass(frozen=True, slots=True)
class Rejected:
    """The provider refused this one for good."""

    reason: str


@dataclass(frozen=True, slots=True)
class RetryLater:
    """The provider certainly did not take it, for a reason that may pass."""

    reason: str


@dataclass(frozen=True, slots=True)
class Unknown:
    """It may have been taken: never repeated without a key, a search or a person."""

    reason: str


Outcome: TypeAlias = Accepted | Rejected | RetryLater | Unknown


# --- The list ---------------------------------------------------------------------------------


class Status(StrEnum):
    """Where a subscriber stands; only an active one is mailed."""

    PENDING = "pending"
    ACTIVE = "active"
    UNSUBSCRIBED = "unsubscribed"
    BOUNCED = "bounced"
    COMPLAINED = "complained"


@dataclass(frozen=True, slots=True)
class Subscriber:
    """A person on the list. ``public_id`` is random: the only name of him that leaves the house."""

    public_id: str
    email: str
    first_name: str | None
    status: Status
    created_at: datetime
    confirmed_at: datetime | None
    paused_until: datetime | None
    source: str


@dataclass(frozen=True, slots=True)
class Consent:
    """What somebody agreed to, when and where."""

    at: datetime
    source: str
    text: str
    ip: str | None


# --- The ledger -------------------------------------------------------------------------------


class MailingState(StrEnum):
    """Where a mailing stands."""

    FROZEN = "frozen"
    SENDING = "sending"
    PAUSED = "paused"
    COMPLETED = "completed"
    COMPLETED_WITH_UNKNOWN = "completed_with_unknown"
    CANCELLED = "cancelled"
    EXPIRED = "expired"


class DeliveryState(StrEnum):
    """Where one delivery stands."""

    PENDING = "pending"
    ATTEMPTING = "attempting"
    ACCEPTED = "accepted"
    REJECTED = "rejected"
    SKIPPED = "skipped"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Mailing:
    """One issue being sent: its frozen letter and audience.

    ``send_at`` is the slot, local with its offset; ``note`` says why it is paused, if it is.
    """

    id: int
    public_id: str
    slug: str
    send_at: datetime
    content_hash: str
    letter_hash: str
    provider: str
    provider_url: str
    rehearsal: bool
    state: MailingState
    note: str
    audience: int
    started_at: datetime
    finished_at: datetime | None


@dataclass(frozen=True, slots=True)
class Receipt:
    """A mailing's account: the states add up to the audience, always.

    ``assumed`` is the part of accepted that a person decided.
    """

    mailing: Mailing
    counts: Mapping[DeliveryState, int]
    assumed: int
