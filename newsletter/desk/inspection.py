"""What `check` reports: each file, its letter, what is between files, and the settings."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from newsletter import checks, pictures, render
from newsletter.desk import cross_checks, folder, issues
from newsletter.desk.fixing import new_name
from newsletter.desk.spelling import check_words
from newsletter.errors import NewsletterError
from newsletter.model import Finding, Severity

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from newsletter.config import Settings
    from newsletter.desk.folder import IssueHead
    from newsletter.model import Draft, Issue, Letter


@dataclass(frozen=True, slots=True)
class Inspection:
    """The issues that were checked, all findings, and how many more their files allow."""

    drafts: tuple[Draft, ...]
    findings: tuple[Finding, ...]
    allowed: int = 0


def inspect_folder(settings: Settings, *, online: bool = False) -> Inspection:
    """Check everything: each issue, what is between them, other files, and the settings.

    Args:
        settings: The newsletter's settings.
        online: Also try every link and remote picture.

    Raises:
        NewsletterError: There is no `issues/`, or the certificates of this machine cannot be read.
    """
    folder.require_folder(settings)
    drafts = issues.read_all(settings)
    between = [
        *cross_checks.conflicts(folder.read_heads(settings)),
        *(_try_links(settings, drafts) if online else ()),
    ]
    rest = [
        *(one.finding() for one in folder.ignored_files(settings)),
        *_about_settings(settings),
    ]
    return _report(settings, drafts, between, rest)


def inspect_files(
    settings: Settings,
    drafts: Sequence[Draft],
    paths: Sequence[Path],
    *,
    heads: Sequence[IssueHead] | None = None,
    letter_of: Callable[[Issue], Letter] | None = None,
    online: bool = False,
) -> Inspection:
    """Check some issues, each in itself and in comparison with all others.

    Args:
        settings: The newsletter's settings.
        drafts: The issues.
        paths: The file of each.
        heads: The front matter of every issue, oldest first, where it is known.
        letter_of: Renders an issue, where letters are known already.
        online: Also try every link and remote picture.

    Raises:
        NewsletterError: The certificates of this machine cannot be read.
    """
    between = list(_try_links(settings, drafts) if online else ())
    skimmed = folder.read_heads(settings) if heads is None else heads
    for draft, path in zip(drafts, paths, strict=True):
        if issues.in_issues(settings, path):
            between += cross_checks.conflicts(skimmed, draft.slug)
        else:
            between.append(cross_checks.outside(draft))
    return _report(settings, drafts, between, (), letter_of)


def inspect_issue(settings: Settings, draft: Draft) -> tuple[Finding, ...]:
    """Return all findings about an issue: in its file, by every rule, and in its letter."""
    return _report(settings, [draft], (), ()).findings


def _report(
    settings: Settings,
    drafts: Sequence[Draft],
    between: Iterable[Finding],
    rest: Iterable[Finding],
    letter_of: Callable[[Issue], Letter] | None = None,
) -> Inspection:
    render_issue = letter_of or (lambda issue: render.letter(issue, settings))
    beside: Mapping[str, list[Finding]] = defaultdict(list)
    for finding in between:
        beside[finding.path].append(finding)
    found: list[Finding] = []
    allowed = 0
    for draft in drafts:
        extra = [
            *_about_letter(settings, draft, render_issue),
            *check_words(settings, draft),
            *checks.check_closing(draft, settings),
            *checks.check_digest(draft, settings),
            *beside[draft.path],
        ]
        report = checks.report(pictures.find_damage(draft), extra)
        found += _renamable(settings, draft, report.findings)
        allowed += report.allowed
    return Inspection(tuple(drafts), (*found, *rest), allowed)


def _try_links(settings: Settings, drafts: Sequence[Draft]) -> tuple[Finding, ...]:
    from newsletter.checks import online  # noqa: PLC0415 - slow to import, and seldom asked for

    return online.check(drafts, settings)


def _renamable(settings: Settings, draft: Draft, found: tuple[Finding, ...]) -> Iterator[Finding]:
    """Mark the finding about a file's name where the right one is known and free."""
    for one in found:
        path = settings.issues / (draft.source.name if draft.source else "")
        named = one.rule == "file-name" and path.is_file() and bool(new_name(path))
        yield replace(one, fixable=True) if named else one


def _about_letter(
    settings: Settings, draft: Draft, render_issue: Callable[[Issue], Letter]
) -> Iterator[Finding]:
    if draft.issue is None:
        return
    try:
        letter = render_issue(draft.issue)
        pictures.decode_settings(settings)
    except NewsletterError as error:
        yield Finding(
            path=draft.path,
            line=1,
            rule="letter",
            severity=Severity.ERROR,
            message=" ".join(error.sentence.split()),
            fix=error.hint,
        )
    else:
        yield from checks.check_letter(draft, letter)


def _about_settings(settings: Settings) -> Iterator[Finding]:
    path = settings.root / settings.origin
    if not settings.origin or not path.is_file():
        return
    text = path.read_text(encoding="utf-8", errors="replace")
    yield from checks.check_settings(settings, issues.shown_path(settings, path), text)
