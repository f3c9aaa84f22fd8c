"""Every error the program raises on purpose, and the exit code each stands for.

    NewsletterError          1   the author must mend something: content, settings, data
    ├── ContentError         1   an issue file holds errors; carries all of its findings
    ├── DecisionNeeded       3   a person must decide, or act outside the program
    └── TryAgain            75   passing: run the same command again

Wrong usage (exit code 2) is click's own ``UsageError``. The message of an error is one line:
what is wrong, where, and what to do next.
"""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from newsletter.model import Finding


class NewsletterError(Exception):
    """Something the author must mend.

    Args:
        problem: What is wrong, as a sentence without its full stop.
        where: A path, setting or column, if there is one.
        hint: What to do next, as a sentence without its full stop.
    """

    exit_code = 1

    def __init__(self, problem: str, *, where: str = "", hint: str = "") -> None:
        self.problem = problem
        self.where = where
        self.hint = hint
        text = f"{where}: {problem}" if where else problem
        super().__init__(" ".join(f"{text}. {hint}".split()) if hint else " ".join(text.split()))


class ContentError(NewsletterError):
    """An issue file holds errors: all of them are in ``findings``, each with its line."""

    def __init__(self, path: str, findings: tuple[Finding, ...]) -> None:
        self.findings = findings
        first, *others = findings
        if others:
            problem = f"{len(findings)} errors, the first on line {first.line}: {first.message}"
            hint = f"All of them: newsletter check {shlex.quote(path)}"
        else:
            problem, hint = f"line {first.line}: {first.message}", first.fix
        super().__init__(problem, where=path, hint=hint)


class DecisionNeeded(NewsletterError):  # noqa: N818 - not a failure
    """The program has done what it may; a person must decide or act outside it."""

    exit_code = 3


class TryAgain(NewsletterError):  # noqa: N818 - says what to do
    """A passing trouble, such as a database that another program holds: run it again."""

    exit_code = 75
