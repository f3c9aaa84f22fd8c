"""Which issue an ISSUE argument means: a slug, a path, or a part of a slug that only one has."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from newsletter import desk
from newsletter.errors import NewsletterError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from newsletter.config import Settings

_NAMED: Final = 5
_SHOWN: Final = 120


@dataclass(frozen=True, slots=True)
class IssueMatch:
    """The issue that was named.

    Attributes:
        slug: The whole slug.
        path: Its file; None if that is gone.
        whole: All of the slug, or a path, was typed.
    """

    slug: str
    path: Path | None
    whole: bool = True


def match_issue(settings: Settings, typed: str, ledger: Callable[[], Iterable[str]]) -> IssueMatch:
    """Return the issue that an argument names.

    Args:
        settings: The newsletter's.
        typed: What was typed.
        ledger: Gives the slugs of all mailings, whose files may be gone; asked only where no file
            has that name.

    Raises:
        NewsletterError: There is none, or there are several; the error names the nearest ones.
    """
    if path := desk.find_issue_file(settings, typed):
        return IssueMatch(desk.slug_of_path(path), path)
    slugs = [path.stem for path in desk.issue_paths(settings)]
    known = [*dict.fromkeys([*slugs, *ledger()])]
    gone = desk.slug_of_argument(settings, typed)
    if gone in known:
        return IssueMatch(gone, None)
    part = typed.casefold()
    found = [slug for slug in known if part in slug] if part.strip("-") else []
    if len(found) == 1:
        (slug,) = found
        return IssueMatch(slug, desk.find_issue_file(settings, slug), whole=False)
    raise _no_such_issue(typed, gone, known, found)


def _no_such_issue(typed: str, slug: str, known: list[str], found: list[str]) -> NewsletterError:
    shown = (typed if typed.isprintable() else repr(typed))[:_SHOWN]
    if found:
        names = ", ".join(sorted(found, reverse=True)[:_NAMED])
        return NewsletterError(
            f'"{shown}" is a part of {len(found)} issues: {names}', hint="Type more of the one"
        )
    near = _nearest(slug or Path(typed).name.casefold(), known)
    hint = f"Did you mean {near}?" if near else "See what there is: newsletter status"
    return NewsletterError(f"there is no issue {shown}", hint=hint)


def _nearest(typed: str, known: list[str]) -> str | None:
    """Return the slug that was probably meant; the words may be near while the date is missing."""
    if found := difflib.get_close_matches(typed, known, n=1, cutoff=0.7):
        return found[0]
    words = {slug[11:]: slug for slug in known if len(slug) > len("2026-11-29-")}
    found = difflib.get_close_matches(typed[11:] or typed, words, n=1, cutoff=0.7)
    found = found or difflib.get_close_matches(typed, words, n=1, cutoff=0.7)
    return words[found[0]] if found else None
