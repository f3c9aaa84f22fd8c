"""The commits of a branch that approve letters: `Newsletter-Approved: SLUG HASH` in a trailer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from newsletter.delivery.approval_lines import TRAILER, explain_lines, read_trailers
from newsletter.errors import NewsletterError
from newsletter.git import ask_git

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from newsletter.git import GitAnswer

_FIELDS: Final = ("%H", f"%(trailers:key={TRAILER},valueonly,unfold)", "%B")
# Whatever the configuration of git says, trailers are read in one way.
_LOG: Final = (
    *("-c", "trailer.separators=:", "log", "--no-show-signature"),
    *("--encoding=UTF-8", "--regexp-ignore-case", "--fixed-strings", f"--grep={TRAILER}"),
    f"--format=tformat:{'%x00'.join(_FIELDS)}%x00",
)


@dataclass(frozen=True, slots=True)
class ApprovingCommits:
    """What the commits of a branch approve.

    Attributes:
        commits: The newest commit that approves a letter, by the letter's slug and hash.
        unread: Why a line about a slug approves nothing, by slug.
    """

    commits: Mapping[tuple[str, str], str]
    unread: Mapping[str, str]


def read_approving_commits(root: Path, branch: str) -> ApprovingCommits:
    """Return what the commits that a branch contains approve.

    The branch is the one of this repository, and the same as it was last fetched from `origin`: a
    job may have only the second.

    Raises:
        NewsletterError: Git is not here, or there is no repository, no such branch or only a part
            of its history.
    """
    try:
        shallow = ask_git(root, "rev-parse", "--is-shallow-repository")
    except NewsletterError as error:
        raise NewsletterError(
            f"{error.problem}, so it cannot say which letters {branch} approves", hint=error.hint
        ) from None
    if not shallow.succeeded:
        raise _unreadable(root, shallow)
    branches = _find_branches(root, branch)
    if shallow.text.strip() != "false":
        raise NewsletterError(
            f"only the end of the history of {branch} is here, so an approval may be missing",
            hint="Fetch all of it: fetch-depth: 0 for the checkout of a workflow, GIT_DEPTH: 0 at "
            "GitLab, git fetch --unshallow elsewhere",
        )
    log = ask_git(root, *_LOG, *branches, "--")
    if not log.succeeded:
        raise _unreadable(root, log)
    return _read_log(log.text)


def _find_branches(root: Path, branch: str) -> list[str]:
    names = [f"refs/heads/{branch}", f"refs/remotes/origin/{branch}"]
    found = ask_git(root, "for-each-ref", "--format=%(refname)", *names)
    if not found.succeeded:
        raise _unreadable(root, found)
    known = [name for name in found.text.splitlines() if name in names]
    if not known:
        raise NewsletterError(
            f'there is no branch "{branch}" in this repository',
            where="approval",
            hint=f"Fetch it: git fetch origin {branch}:refs/remotes/origin/{branch}. Or correct "
            "the name in the settings",
        )
    return known


def _unreadable(root: Path, answer: GitAnswer) -> NewsletterError:
    """Return why git does not answer."""
    said = answer.complaint
    if "dubious ownership" in said:
        return NewsletterError(
            "git does not read this repository, because another user owns it",
            where=str(root),
            hint=f"If you trust it: git config --global --add safe.directory {root}",
        )
    if "not a git repository" in said:
        return NewsletterError(
            "the newsletter is in no git repository, so no commit can approve a letter",
            where=str(root),
            hint='Use a clone of the repository. Or leave out "approval" in the settings',
        )
    reason = next((line for line in said.splitlines() if line.strip()), "it gave no reason")
    return NewsletterError(
        f"git cannot read the history: {reason.removeprefix('fatal: ')}",
        where=str(root),
        hint="Correct that, and run it again",
    )


def _read_log(text: str) -> ApprovingCommits:
    commits: dict[tuple[str, str], str] = {}
    unread: dict[str, str] = {}
    fields = text.split("\0")
    for commit, trailers, body in zip(fields[::3], fields[1::3], fields[2::3], strict=False):
        short = f"a line in commit {commit.strip()[:12]}"
        approved, wrong = read_trailers(trailers)
        for letter in approved:
            commits.setdefault(letter, commit.strip())
        for slug, why in wrong.items():
            unread.setdefault(slug, f"{short} {why}")
        seen = {slug for slug, _ in approved} | set(wrong)
        for slug, why in explain_lines(body):
            if slug not in seen:
                unread.setdefault(slug, f"{short} {why}")
    return ApprovingCommits(commits, unread)
