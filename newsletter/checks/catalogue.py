"""Every rule by its id: of reading, of writing, and of what is around a file."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from newsletter.checks.registry import RULES
from newsletter.content import READING_RULES
from newsletter.model import RuleSummary, Severity

if TYPE_CHECKING:
    from collections.abc import Mapping

_WAIVER_RULES: Final[Mapping[str, RuleSummary]] = {
    "allow-unknown": RuleSummary(Severity.WARNING, "`allow` names a rule that does not exist."),
    "allow-unused": RuleSummary(
        Severity.WARNING, "`allow` names a rule that finds nothing here, or an error."
    ),
}
FOLDER_RULES: Final[Mapping[str, RuleSummary]] = {
    "letter": RuleSummary(Severity.ERROR, "No letter can be made of the file."),
    "outside-issues": RuleSummary(Severity.WARNING, "The file is not in `issues/`."),
    "overlooked-file": RuleSummary(Severity.ERROR, "A file that is never sent."),
    "same-text": RuleSummary(Severity.ERROR, "Another file has the same subject and text."),
    "slot-taken": RuleSummary(Severity.ERROR, "Another issue has the same date and time."),
    "unreadable": RuleSummary(Severity.ERROR, "The file cannot be read."),
    "spelling": RuleSummary(Severity.WARNING, "A word that is in no dictionary."),
    "doubled-word": RuleSummary(Severity.WARNING, "A word is there twice."),
}
"""Rules that need the settings, the letter or the other files; `desk` applies them."""


def file_rules() -> Mapping[str, RuleSummary]:
    """Return every rule that one file alone can break."""
    writing = {rule.id: RuleSummary(rule.severity, rule.description) for rule in RULES.values()}
    return {**READING_RULES, **_WAIVER_RULES, **writing}


def all_rules() -> Mapping[str, RuleSummary]:
    """Return every rule that `check` knows."""
    return {**file_rules(), **FOLDER_RULES}
