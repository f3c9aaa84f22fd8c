"""A newsletter in a git repository of its own, whose commits approve letters."""

from __future__ import annotations

import contextlib
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from newsletter import config, delivery, desk, render
from tests.support.databases import where
from tests.support.newsletter import Newsletter
from tests.support.repositories import git

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.support.newsletter import FakeProvider

SLUG = "2026-11-29-rust"
SEVEN = datetime.fromisoformat("2026-11-29T07:00:00+01:00")
TOML = 'name = "Proefbrief"\napproval = "main"\n'


class ApprovedNewsletter(Newsletter):
    """A newsletter with one due issue, in a git repository with the branch `main`.

    Args:
        root: Its folder.
        toml: Its settings file.
    """

    def __init__(self, root: Path, toml: str = TOML) -> None:
        (root / "newsletter.toml").write_text(toml, encoding="utf-8")
        (root / ".gitignore").write_text(".newsletter/\ntaken*\n", encoding="utf-8")
        super().__init__(root, subscribers=3, slug=SLUG, clock=lambda: SEVEN.astimezone(UTC))
        self._known = self.settings
        self.file = root / "issues" / f"{SLUG}.md"
        self.file.write_text("---\nsubject: Over rust\n---\nEen rustige zin.\n", encoding="utf-8")
        self.read_settings()
        git(root, "init", "--quiet", "--initial-branch=main")
        self.commit("Write the issue")

    def read_settings(self) -> None:
        """Read the settings again, after a change of the file or of the templates."""
        names = ("sender", "contact", "public_url", "secret_keys", "ledger")
        values = {name: getattr(self._known, name) for name in names}
        self.settings = replace(config.load(self.root, where()), **values)

    def commit(self, message: str, *, on: str = "") -> None:
        """Commit all that is here, on a new branch if one is named."""
        if on:
            git(self.root, "switch", "--quiet", "--create", on)
        git(self.root, "add", "--all")
        git(self.root, "commit", "--quiet", "--allow-empty", "--message", message)

    @property
    def letter_hash(self) -> str:
        """The hash of the letter as it is now."""
        _, draft = desk.find_draft(self.settings, SLUG)
        assert draft
        assert draft.issue, draft.findings
        return render.letter(draft.issue, self.settings).hash

    @property
    def line(self) -> str:
        """The line that approves the letter as it is now."""
        return delivery.approval_line(SLUG, self.letter_hash)

    def send_due(self, provider: FakeProvider) -> delivery.DueResult:
        """Do what the schedule says."""
        return delivery.send_due(
            self.context(provider),
            desk.read_all(self.settings),
            progress=_quiet,
            preflight=False,
        )


@contextlib.contextmanager
def _quiet(_slug: str) -> Iterator[Callable[[int, int], None]]:
    yield lambda _done, _total: None
