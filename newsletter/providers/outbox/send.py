"""The outbox: a folder of complete `.eml` files. It mails nobody: its mailings are rehearsals."""

from __future__ import annotations

import contextlib
import shutil
from typing import TYPE_CHECKING, Final

from newsletter import mime, personalize
from newsletter.config import make_private
from newsletter.errors import NewsletterError
from newsletter.model import Accepted, RetryLater
from newsletter.providers.base import BaseProvider, Payload, SubmitResult
from newsletter.providers.outbox.capabilities import CAPABILITIES

if TYPE_CHECKING:
    from collections.abc import Collection
    from pathlib import Path
    from typing import Self

    from newsletter.config import Settings
    from newsletter.model import Batch, Outcome

_MARK: Final = ".audience"
INDEX: Final = "index.html"
"""The page that shows the letters of a rehearsal, beside them."""


class Outbox(BaseProvider):
    """Writes each message to `<folder>/<slug>/<delivery reference>.eml`.

    Safe to repeat: a file is named by its delivery and replaced in one step.
    """

    capabilities = CAPABILITIES

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @classmethod
    def open(cls, settings: Settings) -> Self:
        """Return the outbox of a newsletter."""
        return cls(settings.state / "outbox")

    def build(self, batch: Batch) -> Payload:
        """Return one complete message (RFC 5322) for each recipient, in their order."""
        messages = (personalize.message(batch, one) for one in batch.recipients)
        return Payload.of(tuple(mime.eml(message) for message in messages))

    def submit(self, batch: Batch, payload: Payload) -> SubmitResult:
        """Write the files."""
        outcomes: dict[str, Outcome] = {}
        for recipient, content in zip(batch.recipients, payload.parts, strict=True):
            name = f"{recipient.ref}.eml"
            try:
                _write(self._make_folder(batch.slug), name, content)
            except OSError as error:
                outcomes[recipient.ref] = RetryLater(f"the outbox: {error.strerror}")
            except NewsletterError as error:
                outcomes[recipient.ref] = RetryLater(f"the outbox: {error.problem}")
            else:
                outcomes[recipient.ref] = Accepted(name)
        return SubmitResult(outcomes)

    def discard_rehearsal(self, slug: str) -> None:
        """Remove the folder of this issue."""
        shutil.rmtree(self._folder / slug, ignore_errors=True)

    def audience_mark(self, slug: str) -> str:
        """Return the mark beside the letters; empty if there is none, or no letters are here."""
        try:
            return (self._folder / slug / _MARK).read_text(encoding="ascii")
        except (OSError, UnicodeDecodeError):
            return ""

    def keep_audience_mark(self, slug: str, mark: str) -> None:
        """Write the mark beside the letters; without it the next rehearsal is made anew."""
        with contextlib.suppress(OSError, NewsletterError):
            _write(self._make_folder(slug), _MARK, mark.encode("ascii"))

    def _make_folder(self, slug: str) -> Path:
        """Return the folder of an issue: it contains addresses, so only its owner may read it."""
        # With a database elsewhere, the program's own folder may not exist yet.
        if not self._folder.parent.exists():
            make_private(self._folder.parent)
        folder = self._folder / slug
        self._folder.mkdir(mode=0o700, exist_ok=True)
        folder.mkdir(exist_ok=True)
        return folder


PROVIDER: Final = Outbox


def withdraw(folder: Path, refs: Collection[str]) -> None:
    """Delete the messages of these deliveries, of every issue, from its page too.

    Raises:
        OSError: One cannot be removed.
    """
    if folder.is_dir():
        for issue in folder.iterdir():
            for ref in refs:
                (issue / f"{ref}.eml").unlink(missing_ok=True)
            index = issue / INDEX
            # It shows all addresses of the rehearsal; the next rehearsal writes it again.
            page = index.read_bytes() if index.is_file() else b""
            if any(ref.encode() in page for ref in refs):
                index.unlink()


def _write(folder: Path, name: str, content: bytes) -> None:
    # The same name for every attempt, so that a killed process leaves no file for good.
    part = folder / f".{name}.part"
    try:
        part.touch(mode=0o600)
        part.write_bytes(content)
        part.replace(folder / name)
    except OSError:
        part.unlink(missing_ok=True)
        raise
