"""The letters of a pull request, for the page of its run: each hash, and how to approve it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from newsletter.forge.markdown import plain

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True, slots=True)
class ChangedLetter:
    """A letter that a pull request would change.

    Attributes:
        slug: Of its issue.
        subject: Its subject.
        letter_hash: Names it.
        line: The line that approves it; empty where no approval is asked for.
    """

    slug: str
    subject: str
    letter_hash: str
    line: str


def summarize_letters(letters: Sequence[ChangedLetter], branch: str) -> str:
    """Return Markdown with the hash of each letter, and the line to paste for its approval.

    Args:
        letters: Those that changed.
        branch: Where approvals are merged; empty where none is asked for.
    """
    if not letters:
        return "### Letters\n\nNo letter changed.\n"
    lines = ["### Letters", ""]
    if branch:
        lines += [
            f"The schedule sends a letter once a commit of `{branch}` approves it.",
            "To approve one, paste its line at the end of the message of the merge, in the last",
            "paragraph.",
            "",
        ]
    for one in letters:
        lines += [f"**{plain(one.slug)}**: {plain(one.subject)}", ""]
        lines += ["```", one.line or one.letter_hash, "```", ""]
    return "\n".join(lines).rstrip() + "\n"
