"""Every rule by its id: of reading, of writing, and of what is around a file."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from newsletter.checks.registry import RULES
from newsletter.content import READING_RULES
from newsletter.model import RuleSummary, Severity

if TYPE_CHECKING:
    from collections.abc import Mapping

    from newsletter.model import Draft

_WAIVER_RULES: Final[Mapping[str, RuleSummary]] = {
    "allow-unknown": RuleSummary(Severity.WARNING, "`allow` names a rule that does not exist."),
    "allow-unused": RuleSummary(Severity.WARNING, "`allow` names a rule that finds nothing here."),
}
_ERRORS: Final = {
    "digest-empty": "An issue with `audience: monthly` links to no earlier issue.",
    "letter": "No letter can be made of the file.",
    "overlooked-file": "A file that is never sent because of its name or place.",
    "same-text": "Another file has the same subject and text.",
    "slot-taken": "Another issue has the same date and time.",
    "unreadable": "The file cannot be read.",
}
_WARNINGS: Final = {
    "outside-issues": "The file is not in `issues/`, so the schedule never sends it.",
    "subject-used-before": "An earlier issue has the same subject.",
    "letter-size": "The letter has more than 60 KB; beyond 100 KB no letter is made.",
    "text-part": "The plain text or the HTML lacks what the other has.",
    "spelling": "A word that is in no dictionary.",
    "doubled-word": "A word is there twice.",
    "link-dead": "A link leads to a page that does not exist.",
    "article-not-public": "The article cannot be read by everyone yet.",
    "image-too-large": "An image is larger than 1 MB.",
    "contact-placeholder": "The address of the sender is that of an example.",
    "sender-free-mailbox": "The sender has a mailbox for which no provider may send.",
    "image-not-image": "The address of an image gives something else.",
}
_HINTS: Final = {
    "slots-close": "Two issues go out within 24 hours.",
    "name-missing": "The newsletter has no name of its own.",
    "sender-missing": "There is no sender.",
    "sender-without-name": "The sender has no name.",
    "contact-missing": "There is no way to reach the sender.",
    "no-reply-sender": "Answers to a letter reach nobody.",
    "contrast": "The accent colour is too light for links on the page and card of a letter.",
    "link-unreachable": "A link could not be tried.",
    "link-redirected": "A link leads to a page that has moved for good.",
}
FOLDER_RULES: Final[Mapping[str, RuleSummary]] = {
    **{rule: RuleSummary(Severity.ERROR, text) for rule, text in _ERRORS.items()},
    **{rule: RuleSummary(Severity.WARNING, text) for rule, text in _WARNINGS.items()},
    **{rule: RuleSummary(Severity.HINT, text) for rule, text in _HINTS.items()},
}
"""Rules that need the settings, the letter or the other files; `desk` applies them."""


def file_rules() -> Mapping[str, RuleSummary]:
    """Return every rule that one file alone can break."""
    writing = {rule.id: RuleSummary(rule.severity, rule.description) for rule in RULES.values()}
    return {**READING_RULES, **_WAIVER_RULES, **writing}


def all_rules() -> Mapping[str, RuleSummary]:
    """Return every rule that `check` knows."""
    return {**file_rules(), **FOLDER_RULES}


def known_offline(draft: Draft) -> frozenset[str]:
    """Return the rules of which it is known, without the network, that they find nothing."""
    unknown = {"link-dead", "link-unreachable", "link-redirected", "article-not-public",
               "image-too-large", "image-not-image"}  # fmt: skip
    if draft.issue is None:
        unknown |= {"letter-size", "text-part"}
    return frozenset(all_rules()) - unknown
