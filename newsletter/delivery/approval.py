"""Whether a letter may leave: its author got a proof of it, or a commit approves it.

`require_proof` binds everyone, `approval` only the schedule: a person who sends decides for
themselves. Both are about the letter's hash, so that whatever is changed afterwards needs a new
proof or a new approval. A mailing that has started is frozen, and goes on.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from newsletter import render
from newsletter.delivery.approval_lines import approval_line
from newsletter.delivery.approving_commits import read_approving_commits
from newsletter.errors import NewsletterError
from newsletter.store import proofs

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from newsletter.config import Settings
    from newsletter.delivery.approving_commits import ApprovingCommits
    from newsletter.model import Issue, Letter
    from newsletter.store import Store

_CAUSES: Final = "its text, a template, a setting, a picture or the program's version"


@dataclass(frozen=True, slots=True)
class LetterApproval:
    """What is known of a letter before it leaves.

    Attributes:
        slug: Of the issue.
        letter_hash: Of its letter as it would be frozen now.
        proofed_at: When its author last got a proof of exactly this letter; None if never.
        commit: The commit that approves it; empty if none does, or none has to.
        objections: Why the schedule does not send it, each with what to do.
        objections_to_all: Those of them that also hold for a person who sends it.
    """

    slug: str
    letter_hash: str
    proofed_at: datetime | None
    commit: str
    objections: tuple[NewsletterError, ...]
    objections_to_all: tuple[NewsletterError, ...]

    @property
    def approved(self) -> bool:
        """Whether a proof or a commit approves exactly this letter."""
        return self.proofed_at is not None or bool(self.commit)


class Approvals:
    """What is known of letters: the ledger and the history of git are read once.

    Args:
        store: The ledger.
        settings: The settings of the newsletter.
    """

    def __init__(self, store: Store, settings: Settings) -> None:
        self._store = store
        self._settings = settings
        self._letters: dict[str, Letter] = {}
        self._found: dict[str, LetterApproval] = {}
        self._proofs: dict[tuple[str, str], dict[str, datetime]] | None = None
        self._commits: ApprovingCommits | NewsletterError | None = None

    def read_issue(self, issue: Issue) -> LetterApproval:
        """Return what is known of an issue's letter, rendered now.

        Raises:
            NewsletterError: A template is wrong, so that there is no letter.
        """
        if issue.slug not in self._found:
            self._found[issue.slug] = self.read_letter(issue, self.letter(issue).hash)
        return self._found[issue.slug]

    def letter(self, issue: Issue) -> Letter:
        """Return an issue's letter, which is rendered once.

        Raises:
            NewsletterError: A template is wrong, so that there is no letter.
        """
        if issue.slug not in self._letters:
            self._letters[issue.slug] = render.letter(issue, self._settings)
        return self._letters[issue.slug]

    def proofed_at(self, slug: str, letter_hash: str, provider_url: str) -> datetime | None:
        """Return when a letter of a mailing was last proofed at its provider; None if never."""
        return self._proofs_of(slug, provider_url).get(letter_hash)

    def read_letter(self, issue: Issue, letter_hash: str) -> LetterApproval:
        """Return what is known of an issue's letter."""
        proofed = self._proofs_of(issue.slug, self._settings.provider_url)
        at = proofed.get(letter_hash)
        commit = "" if at else self._find_commit(issue.slug, letter_hash)
        to_all = tuple(self._object_to_all(issue, proofed, at))
        return LetterApproval(
            slug=issue.slug,
            letter_hash=letter_hash,
            proofed_at=at,
            commit=commit,
            objections=(
                *to_all,
                *self._object_to_schedule(issue, letter_hash, proofed, approved=bool(at or commit)),
            ),
            objections_to_all=to_all,
        )

    def _proofs_of(self, slug: str, provider_url: str) -> dict[str, datetime]:
        if self._proofs is None:
            with self._store.read() as connection:
                self._proofs = proofs.find_all(connection)
        return self._proofs.get((slug, provider_url), {})

    def _find_commit(self, slug: str, letter_hash: str) -> str:
        branch = self._settings.approval
        if not branch:
            return ""
        if self._commits is None:
            try:
                self._commits = read_approving_commits(self._settings.root, branch)
            except NewsletterError as error:
                self._commits = error
        if isinstance(self._commits, NewsletterError):
            return ""
        return self._commits.commits.get((slug, letter_hash), "")

    def _object_to_all(
        self, issue: Issue, proofed: dict[str, datetime], at: datetime | None
    ) -> Iterator[NewsletterError]:
        if self._settings.require_proof and not at:
            yield NewsletterError(
                "it was changed after its proof (require_proof)"
                if proofed
                else "nobody got a proof of it yet (require_proof)",
                where=issue.path,
                hint=f"Get one: {proof_command(issue.slug)}",
            )

    def _object_to_schedule(
        self, issue: Issue, letter_hash: str, proofed: dict[str, datetime], *, approved: bool
    ) -> Iterator[NewsletterError]:
        if not self._settings.approval or approved:
            return
        if isinstance(self._commits, NewsletterError):
            unknown = self._commits
            yield NewsletterError(unknown.problem, where=issue.path, hint=unknown.hint)
            return
        yield self._unapproved(issue, letter_hash, proofed=bool(proofed))

    def _unapproved(self, issue: Issue, letter_hash: str, *, proofed: bool) -> NewsletterError:
        branch, slug = self._settings.approval, issue.slug
        known = self._commits if not isinstance(self._commits, NewsletterError) else None
        commits = known.commits if known else {}
        earlier = [commit for (other, _), commit in commits.items() if other == slug]
        unread = known.unread.get(slug, "") if known else ""
        if earlier or proofed:
            before = f"commit {earlier[0][:12]} of {branch} approved it" if earlier else "its proof"
            why = f"the letter was changed after {before}: {_CAUSES}"
        else:
            why = f"no commit of {branch} approves its letter, and nobody got a proof of it"
        if unread:
            why += f" ({unread})"
        return NewsletterError(
            why,
            where=issue.path,
            hint=f"Get a proof: {proof_command(slug)}. Or merge a commit whose message ends with "
            f"this line: {approval_line(slug, letter_hash)}",
        )


def proof_command(slug: str) -> str:
    """Return the command that sends a proof to the author."""
    return f"newsletter proof {slug} --to you@example.org"
