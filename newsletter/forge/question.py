"""The one open issue that asks a person: opened, renewed each time, and new only once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from newsletter.errors import NewsletterError, TryAgain
from newsletter.forge.summary import read_summary

if TYPE_CHECKING:
    from newsletter.forge.summary import RunSummary
    from newsletter.forge.trackers import ForgePages, IssueTracker, OpenIssue

_TITLE: Final = "The newsletter waits for you"
_CHANGED: Final = "It waits for something else now; see above."


@dataclass(frozen=True, slots=True)
class Asked:
    """What became of a question.

    Attributes:
        issue: The issue that asks it.
        new: Nobody was asked this before.
    """

    issue: OpenIssue
    new: bool


def ask_person(tracker: IssueTracker, summary: RunSummary) -> Asked:
    """Open the issue that asks a person, or renew the one that is open.

    Raises:
        NewsletterError: The forge refuses it.
        TryAgain: The forge does not answer, or not now.
    """
    body = _body(summary, tracker.pages)
    try:
        issue = tracker.find()
        if issue is None:
            return Asked(tracker.open(_TITLE, body), new=True)
        new = _asked_before(issue) != summary.asks
        # Commented first: a forge notifies people of a comment and not of a new text, and the next
        # run compares with the text. If renewing fails, that run comments again.
        if new:
            tracker.comment(issue, _CHANGED)
        tracker.renew(issue, body)
    except (AttributeError, KeyError, TypeError, ValueError):
        raise TryAgain(
            "the forge answers with something else than issues", hint="Run this again"
        ) from None
    return Asked(issue, new)


def _asked_before(issue: OpenIssue) -> str | None:
    try:
        return read_summary(issue.body).asks
    except NewsletterError:
        return None  # a person has changed its text


def _body(summary: RunSummary, pages: ForgePages) -> str:
    end = (
        "\n"
        f"Without a computer of your own: [start the workflow *Act*]({pages.act}) with one "
        "of the `newsletter` commands.\n"
        f"Last looked at in [this run]({pages.run}). Close this issue when it is done.\n"
    )
    return summary.as_text(end)
