"""Issues to render in tests: one that holds every block, and what a mail program shows of it."""

from __future__ import annotations

from datetime import UTC, datetime
from html import escape
from html.parser import HTMLParser
from pathlib import Path
from typing import TYPE_CHECKING

from newsletter import content, placeholders
from newsletter.config import Settings
from newsletter.model import (
    Ask,
    Button,
    Divider,
    Faq,
    FaqItem,
    Heading,
    Image,
    Issue,
    ItemList,
    Link,
    Links,
    ListItem,
    Question,
    Questions,
    Quote,
    Reflection,
    RichText,
    Text,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

    from newsletter.model import Block

REPOSITORY = Path(__file__).parents[2]
SAMPLES = sorted((REPOSITORY / "issues").glob("*.md"))
SETTINGS = Settings(
    root=REPOSITORY,
    name="Jij en Loslaten",
    sender="Gerrit <gerrit@example.org>",
    contact="Postbus 1, 1000 AA Amsterdam",
    site_url="https://example.org/",
    public_url="https://brief.example.org",
)
SUBSCRIBER = {"greeting": "Dag Anna,", "unsubscribe_url": "https://brief.example.org/u/abc"}


def rich(words: str) -> RichText:
    return RichText(html=escape(words, quote=False), text=words, source=words)


def issue(*blocks: Block, subject: str = "De weg naar rust", preheader: str = "") -> Issue:
    return Issue(
        slug="2026-11-29-rust",
        path="issues/2026-11-29-rust.md",
        subject=subject,
        preheader=preheader,
        send_at=datetime(2026, 11, 29, 7, tzinfo=UTC),
        draft=False,
        blocks=blocks,
        content_hash="0" * 64,
    )


def sample(path: Path) -> Issue:
    """Return one of the sample issues."""
    draft = content.read(
        path.read_bytes(),
        name=path.name,
        path=f"issues/{path.name}",
        zone=SETTINGS.zone,
        send_clock=SETTINGS.send_clock,
    )
    assert draft.issue, draft.findings
    return draft.issue


def every_block(words: str = "woorden", url: str = "https://example.org/a") -> Issue:
    """Return an issue in which every block holds the same words and address."""
    body = rich(words)
    linked = RichText(
        html=f'{body.html} <a href="{escape(url)}">{body.html}</a>',
        text=f"{words} {words} [1]",
        source=words,
        links=((1, url),),
    )
    numbers = ItemList(1, ordered=True, start=9, items=(ListItem((body,)), ListItem((body,))))
    return issue(
        Text(1, linked),
        Quote(1, (body, body)),
        Heading(1, 2, body),
        Questions(1, (Question(body, body),) * 3),
        Reflection(1, body),
        Button(1, Link(words, url)),
        Divider(1),
        Heading(1, 2, body),
        Heading(1, 3, body),
        ItemList(1, ordered=False, start=1, items=(ListItem((body, body), numbers),)),
        Image(1, url, words),
        Links(1, (Link(words, url), Link(words, url))),
        Heading(1, 2, body),
        Faq(1, (FaqItem(1, body, (Text(1, body), numbers)), FaqItem(1, body, (Text(1, body),)))),
        Ask(1, linked, (words, words)),
        subject=words,
        preheader=words,
    )


def fill(part: str) -> str:
    """Return a part with a subscriber's values in its slots."""
    return "".join(SUBSCRIBER[p] if i % 2 else p for i, p in enumerate(placeholders.split(part)))


class Parsed(HTMLParser):
    """The elements of a page: (tag, attributes, all text inside)."""

    VOID = frozenset({"br", "hr", "img", "input", "meta", "link"})

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, dict[str, str | None], list[str]]] = []
        self._open: list[int] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: Iterable[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs), []))
        if tag not in self.VOID:
            self._open.append(len(self.elements) - 1)

    def handle_startendtag(self, tag: str, attrs: Iterable[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs), []))

    def handle_endtag(self, tag: str) -> None:
        assert self._open, f"</{tag}> closes nothing"
        assert self.elements[self._open.pop()][0] == tag, f"</{tag}> closes another element"

    def handle_data(self, data: str) -> None:
        for number in self._open:
            self.elements[number][2].append(data)

    def texts(self, tag: str) -> list[str]:
        return ["".join(text) for name, _, text in self.elements if name == tag]

    def values(self, tag: str, attribute: str) -> list[str | None]:
        return [a[attribute] for name, a, _ in self.elements if name == tag and attribute in a]
