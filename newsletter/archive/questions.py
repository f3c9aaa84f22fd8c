"""The questions of all issues (*faq* blocks), by theme."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from newsletter.model import Faq, Text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from newsletter.archive.themes import Theme
    from newsletter.model import Block, FaqItem, ItemList, PublishedIssue, RichText


@dataclass(frozen=True, slots=True)
class ArchiveQuestion:
    """A question with its answer, and the issue that it stands in.

    Attributes:
        theme: The theme that it is listed under; None for an issue without one.
    """

    issue: PublishedIssue
    item: FaqItem
    theme: Theme | None


def gather_questions(
    issues: Sequence[PublishedIssue], themes: Sequence[Theme]
) -> tuple[ArchiveQuestion, ...]:
    """Return all questions: theme by theme, newest issue first; those without a theme last.

    A question is listed under every theme of its issue.
    """
    listed: list[tuple[Theme | None, PublishedIssue]] = [
        (theme, issue) for theme in themes for issue in theme.issues
    ]
    listed += [(None, issue) for issue in issues if not issue.edition.themes]
    return tuple(
        ArchiveQuestion(issue, item, theme)
        for theme, issue in listed
        for item in _questions_of(issue.edition.blocks)
    )


def _questions_of(blocks: Sequence[Block]) -> list[FaqItem]:
    """Return the questions of one issue, in order."""
    return [item for block in blocks if isinstance(block, Faq) for item in block.items]


def weigh_question(question: ArchiveQuestion) -> int:
    """Return about how many bytes a question takes in a list."""
    item = question.item
    answer = sum(map(_weigh_part, item.answer))
    title = len(question.issue.edition.subject.encode())
    return 220 + 2 * title + _weigh(item.question) + answer


def _weigh_part(part: Text | ItemList) -> int:
    if isinstance(part, Text):
        return _weigh(part.body)
    total = 0
    for item in part.items:
        total += sum(map(_weigh, item.paragraphs))
        total += _weigh_part(item.sublist) if item.sublist else 0
    return total


def _weigh(text: RichText) -> int:
    return 20 + len(text.html.encode())
