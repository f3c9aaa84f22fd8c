"""Subject and preheader: what a subscriber sees in the inbox, before anything else."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from newsletter.checks.prose import bare, subject_prefixes
from newsletter.checks.registry import Hit, rule
from newsletter.model import Severity, Text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from newsletter.model import Draft

_FEWEST_CAPITALS: Final = 8
_BEGINNING: Final = 4
_STRANGE: Final = frozenset({"yaml-value", "header-marks"})


def _value(draft: Draft, key: str) -> tuple[str, int]:
    """Return a value and its line; nothing and 0 where it is missing, or cannot be meant so."""
    entry = draft.entries.get(key)
    strange = {one.line for one in draft.findings if one.rule in _STRANGE}
    return (entry.value, entry.line) if entry and entry.line not in strange else ("", 0)


@rule("subject-capitals", Severity.WARNING)
def subject_capitals(draft: Draft) -> Iterator[Hit]:
    """The subject is in capitals, which looks like spam."""
    subject, line = _value(draft, "subject")
    letters = [c for c in subject if c.isalpha()]
    if len(letters) >= _FEWEST_CAPITALS and subject.isupper():
        yield Hit(line, "the whole subject is in capitals", "Write it as a sentence")


@rule("subject-ending", Severity.HINT)
def subject_ending(draft: Draft) -> Iterator[Hit]:
    """The subject ends with a full stop or with dots."""
    subject, line = _value(draft, "subject")
    if subject.endswith((".", "…")):
        what = "dots" if subject.endswith(("..", "…")) else "a full stop"
        yield Hit(line, f"the subject ends with {what}", "Leave them out, or end with a word")


@rule("subject-exclamation", Severity.WARNING)
def subject_exclamation(draft: Draft) -> Iterator[Hit]:
    """The subject has several exclamation marks."""
    subject, line = _value(draft, "subject")
    if subject.count("!") > 1:
        yield Hit(line, "the subject has several exclamation marks", "Keep one at most")


@rule("subject-without-words", Severity.WARNING)
def subject_without_words(draft: Draft) -> Iterator[Hit]:
    """The subject has only emoji, signs or quotation marks."""
    subject, line = _value(draft, "subject")
    if subject.strip() and not re.search(r"[^\W_]", subject):
        yield Hit(line, "the subject has no words", "Say in a few words what the letter is about")


@rule("subject-prefix", Severity.WARNING)
def subject_prefix(draft: Draft) -> Iterator[Hit]:
    """The subject begins as that of an answer, a copy or a test: Re:, Copy of, [TEST]."""
    subject, line = _value(draft, "subject")
    if found := subject_prefixes().match(subject):
        yield Hit(
            line,
            f'a mail program wrote "{found[0].strip()}" before the subject',
            "Delete that",
        )


@rule("preheader-missing", Severity.HINT)
def preheader_missing(draft: Draft) -> Iterator[Hit]:
    """There is no preheader, so inboxes show the beginning of the letter."""
    subject, line = _value(draft, "subject")
    entry = draft.entries.get("preheader")
    if subject and not (entry and entry.value.strip()):
        yield Hit(
            line,
            "there is no preheader, so that inboxes show the beginning of the letter",
            'Write a line "preheader: …" that adds something to the subject',
        )


@rule("preheader-repeats-subject", Severity.WARNING)
def preheader_repeats_subject(draft: Draft) -> Iterator[Hit]:
    """The preheader says what the subject says."""
    subject, preheader = bare(_value(draft, "subject")[0]), bare(_value(draft, "preheader")[0])
    if subject and preheader in {subject, f"{subject} {subject}"}:
        yield Hit(
            _value(draft, "preheader")[1],
            "the preheader says what the subject says already",
            "Write what makes a subscriber curious beside the subject",
        )


@rule("preheader-repeats-text", Severity.HINT)
def preheader_repeats_text(draft: Draft) -> Iterator[Hit]:
    """The preheader begins like the letter, so that it says nothing new."""
    preheader, line = _value(draft, "preheader")
    first = next((block for block in draft.blocks if isinstance(block, Text)), None)
    begins = bare(preheader).split()[:_BEGINNING]
    if first and len(begins) == _BEGINNING and bare(first.body.text).split()[:_BEGINNING] == begins:
        yield Hit(
            line,
            "the preheader begins like the letter itself, and an inbox shows both",
            "Write another sentence, or leave the preheader out",
        )
