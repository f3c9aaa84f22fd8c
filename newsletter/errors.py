"""Every error the program raises on purpose, and the exit code of each.

    NewsletterError          1   the author must correct something: content, settings, data
    ├── ContentError         1   an issue file holds errors; carries all of its findings
    ├── PictureError         1   an image file cannot be used; names the rule of its finding
    ├── DecisionNeeded       3   a person must decide, or act outside the program
    └── TryAgain            75   temporary: run the same command again

Wrong usage (exit code 2) is click's own ``UsageError``. The command line prints an error as
``error: what is wrong (where)`` and, on a line of its own, ``hint: what to do next``.
"""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from newsletter.model import Finding


class NewsletterError(Exception):
    """Something the author must correct.

    Args:
        problem: What is wrong: a sentence without its full stop.
        where: A path (and line), setting or address, if the sentence does not name it.
        hint: What to do next: an imperative sentence without its full stop.
    """

    exit_code = 1

    def __init__(self, problem: str, *, where: str = "", hint: str = "") -> None:
        self.problem = problem
        self.where = where
        self.hint = hint
        super().__init__(f"{self.sentence}. {hint}" if hint else self.sentence)

    @property
    def sentence(self) -> str:
        """What is wrong, and where, on one line."""
        where = f" ({self.where})" if self.where else ""
        return " ".join(f"{self.problem}{where}".split())


def check_command(issue: str) -> str:
    """Return the command that checks an issue, as a shell takes it: its file may have any name."""
    return f"newsletter check {shlex.quote(issue)}"


class ContentError(NewsletterError):
    """An issue file holds errors: all of them are in ``findings``, each with its line."""

    def __init__(self, path: str, findings: tuple[Finding, ...]) -> None:
        self.findings = findings
        first, *others = findings
        problem, hint = first.message, first.fix
        if others:
            problem = f"{len(findings)} errors, the first: {first.message}"
            hint = f"See all of them: {check_command(path)}"
        super().__init__(problem, where=f"{path}:{first.line}", hint=hint)


class PictureError(NewsletterError):
    """An image file cannot be used; ``rule`` is the id under which a check reports it."""

    def __init__(self, rule: str, problem: str, *, where: str = "", hint: str = "") -> None:
        self.rule = rule
        super().__init__(problem, where=where, hint=hint)


class DecisionNeeded(NewsletterError):  # noqa: N818 - not a failure
    """The program has done what it may; a person must decide or act outside it."""

    exit_code = 3


class TryAgain(NewsletterError):  # noqa: N818 - says what to do
    """A temporary failure, such as a database that another program has locked: run it again."""

    exit_code = 75
