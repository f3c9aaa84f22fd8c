"""What the preview knows: the issues, the newest reading of each, and what changed since."""

from __future__ import annotations

import contextlib
import threading
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from newsletter import config
from newsletter.desk import fixing, folder, issues
from newsletter.desk.preview.reading import Problem, Reading, read_issue
from newsletter.desk.preview.watching import fingerprint
from newsletter.errors import NewsletterError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from newsletter.config import Settings
    from newsletter.desk.folder import IssueHead
    from newsletter.desk.preview.watching import Fingerprint
    from newsletter.model import Picture

_NO_ISSUE: Final = Problem(
    "there is no issue yet", "Write one into issues/, or begin with: newsletter new"
)


@dataclass(frozen=True, slots=True)
class Sight:
    """What a page shows at one moment.

    Attributes:
        version: Rises with every change.
        settings: The newest settings that are valid.
        heads: The issues, newest first.
        reading: Of the issue that was asked for; None if there has never been such an issue.
        problem: What is wrong with the settings, or why there is no reading.
    """

    version: int
    settings: Settings
    heads: tuple[IssueHead, ...]
    reading: Reading | None
    problem: Problem | None


class PreviewSession:
    """Reads issues for the pages that show them, and again when a file changes.

    Args:
        settings: The newsletter's, as the command found them; they are read again when they change.
        path: The file that was asked for, which may be outside `issues/`.
    """

    def __init__(self, settings: Settings, path: Path | None = None) -> None:
        self.settings = settings
        self._path = path
        self._lock = threading.Lock()
        self._version = 1
        self._problem: Problem | None = None
        self._readings: dict[str, Reading] = {}
        self._last: dict[str, Reading] = {}
        self._renamed: dict[str, str] = {}
        self._pages: dict[object, str] = {}
        self._heads: dict[Path, tuple[object, IssueHead]] = {}
        self._seen = self._look()
        self._waits = False

    @property
    def version(self) -> int:
        """Rises with every change that a page must show."""
        return self._version

    def first(self) -> str:
        """Return the slug of the issue to begin with: the one asked for, or the last one edited."""
        if self._path:
            return issues.slug_of_path(self._path)
        paths = self._paths()
        newest = max(paths.values(), key=_edited, default=None)
        return issues.slug_of_path(newest) if newest else ""

    @contextlib.contextmanager
    def showing(self, slug: str) -> Iterator[None]:
        """Read an issue again whenever something changes, for as long as a page shows it."""
        page = object()
        self._pages[page] = slug
        try:
            yield
        finally:
            del self._pages[page]

    def sight(self, slug: str) -> Sight:
        """Return what a page shows of an issue; under its new name, if the file was renamed."""
        with self._lock:
            slug = self._now_called(slug)
            reading = self._readings.get(slug) or self._read(slug)
            if reading:
                self._publish(slug, reading)
            none = None if reading else _no_issue(slug)
            heads = self._all_heads()[::-1]
            return Sight(self._version, self.settings, heads, reading, self._problem or none)

    def path_of(self, slug: str) -> Path | None:
        """Return the file of an issue; None if there is none."""
        with self._lock:
            return self._paths().get(self._now_called(slug))

    def write_fix(self, slug: str, expected: str) -> str:
        """Write the fix that a person saw into an issue's file; return the slug that it has now.

        Args:
            slug: The issue.
            expected: The hash of that fix.

        Raises:
            NewsletterError: There is no such issue, its file changed since, or it cannot be
                written; nothing is lost.
        """
        with self._lock:
            path = self._paths().get(self._now_called(slug))
            if path is None:
                raise NewsletterError("there is no such issue", hint="Choose another one")
            fix = fixing.plan_fix(self.settings, path)
            if fix is None or fix.hash != expected:
                raise NewsletterError(
                    "the file changed meanwhile, so nothing is written",
                    hint="Close this, and look at what would change now",
                )
            fixing.write_fix(fix)
            old, new = issues.slug_of_path(path), issues.slug_of_path(fix.target)
            if old != new:
                self._renamed[old] = new
                self._path = fix.target if self._path == path else self._path
            return new

    def picture(self, name: str) -> Picture | None:
        """Return the image file of a letter that a page shows, by the name of its copy."""
        with self._lock:
            shown = [one.shown for one in self._last.values() if one.shown]
        found = (picture for one in shown for picture in one.pictures)
        return next((picture for picture in found if picture.name == name), None)

    def look(self) -> bool:
        """Look at all files; tell whether something changed that pages must show.

        An error is only shown when the next look finds it too: many programs save in two steps.
        """
        with self._lock:
            now = self._look()
            is_settled = now == self._seen
            if is_settled and not self._waits:
                return False
            self._seen = now
            found = [self._reload_settings(is_settled=is_settled)]
            if found != [None]:
                found += self._renew_all(is_settled=is_settled)
            self._waits = None in found
            if self._waits and True not in found:
                return False
            self._version += 1
            return True

    def _reload_settings(self, *, is_settled: bool) -> bool | None:
        """Read the settings again; tell whether a page must show that, or None to wait a look."""
        try:
            settings, problem = config.load(self.settings.root), None
            if settings != self.settings:
                self.settings, self._heads = settings, {}
        except NewsletterError as error:
            problem = Problem(f"the settings are not used: {error.sentence}", error.hint)
            if not is_settled and self._problem is None:
                return None
        is_changed = problem != self._problem
        self._problem = problem
        return is_changed

    def _renew_all(self, *, is_settled: bool) -> list[bool | None]:
        """Read again what pages show, and forget the rest."""
        shown = {self._now_called(slug) for slug in [*self._pages.values()]}
        self._readings = {slug: one for slug, one in self._readings.items() if slug in shown}
        return [self._renew(slug, is_settled=is_settled) for slug in [*self._readings]]

    def _renew(self, slug: str, *, is_settled: bool) -> bool | None:
        """Read an issue again; tell whether its page must show that, or None to wait a look."""
        reading = self._read(slug)
        if reading is None:
            return False
        if reading.problem and self._readings[slug].problem is None and not is_settled:
            return None
        self._publish(slug, reading)
        return True

    def _publish(self, slug: str, reading: Reading) -> None:
        if reading.slug != slug:
            self._renamed[slug] = reading.slug
            self._readings.pop(slug, None)
        self._readings[reading.slug] = self._last[reading.slug] = reading

    def _read(self, slug: str) -> Reading | None:
        before = self._last.get(slug)
        path = self._paths().get(slug)
        if path is None and before:
            path = self._moved(before)
            if path is None:
                gone = Problem(
                    f"{before.shown_path} is gone", "Put it back, or choose another issue"
                )
                return replace(before, findings=(), problem=gone)
        if path is None:
            return None
        try:
            return read_issue(self.settings, path, before, self._all_heads())
        except Exception as error:  # noqa: BLE001 - whatever it is, the page goes on
            shown_path = issues.shown_path(self.settings, path)
            problem = Problem(
                f"an unexpected {type(error).__name__}", f"Run newsletter -v render {shown_path}"
            )
            raw, shown = (before.raw, before.shown) if before else (b"", None)
            return Reading(
                issues.slug_of_path(path), path, shown_path, raw, shown=shown, problem=problem
            )

    def _now_called(self, slug: str) -> str:
        """Return the slug that an issue has now: its file may have been renamed."""
        paths = self._paths()
        seen = set()
        while slug not in paths and slug in self._renamed and slug not in seen:
            seen.add(slug)
            slug = self._renamed[slug]
        return slug

    def _moved(self, before: Reading) -> Path | None:
        """Return the file that has the content of one that is gone."""
        for path in self._paths().values():
            try:
                if path.stat().st_size == len(before.raw) and path.read_bytes() == before.raw:
                    return path
            except OSError:
                continue
        return None

    def _paths(self) -> dict[str, Path]:
        """Return the file of each issue, by its slug."""
        try:
            paths = issues.issue_paths(self.settings)
        except NewsletterError:
            paths = []
        found = {issues.slug_of_path(path): path for path in paths}
        if self._path and self._path.exists():
            found.setdefault(issues.slug_of_path(self._path), self._path)
        return found

    def _look(self) -> Fingerprint:
        images = [path for one in self._readings.values() for path in one.images]
        return fingerprint(self.settings.root, [*images, *([self._path] if self._path else [])])

    def _all_heads(self) -> tuple[IssueHead, ...]:
        """Return the front matter of every issue, oldest first; what did not change is kept."""
        heads: dict[Path, tuple[object, IssueHead]] = {}
        for path in self._paths().values():
            state = self._seen.get(str(path))
            kept = self._heads.get(path)
            if kept is None or state is None or kept[0] != state:
                kept = state, folder.read_head(self.settings, path)
            heads[path] = kept
        self._heads = heads
        found = (head for _, head in heads.values())
        return tuple(sorted(found, key=lambda head: head.draft.slug))


def _no_issue(slug: str) -> Problem:
    return Problem(f"there is no issue {slug}", "Choose another one") if slug else _NO_ISSUE


def _edited(path: Path) -> tuple[float, str]:
    try:
        return path.stat().st_mtime, path.name
    except OSError:
        return 0.0, path.name
