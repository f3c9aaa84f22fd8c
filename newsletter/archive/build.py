"""The static site: every page of the archive as a file, with its pictures."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

from newsletter.archive import output_folder, paths
from newsletter.archive.output_folder import OutputFile
from newsletter.archive.published import read_site
from newsletter.archive.word_cache import WordCache
from newsletter.errors import NewsletterError
from newsletter.gc_tuning import gc_relaxed
from newsletter.package_data import template_folders
from newsletter.store import media

if TYPE_CHECKING:
    from collections.abc import Callable

    from newsletter.archive.output_folder import Changes
    from newsletter.archive.site import Site
    from newsletter.config import Settings
    from newsletter.store import Store

_OWN: Final = ("issues", "templates")
"""Folders of the author that a site would get mixed up with."""
_WORDS: Final = "archive-words.json"
_MAKING: Final = ("archive", "render")
"""The packages that make a page."""


@dataclass(frozen=True, slots=True)
class BuildReport:
    """What building a site did: how many issues it has, and how many files changed."""

    issues: int
    changes: Changes


def build(
    settings: Settings, store: Store, folder: Path, report: Callable[[int, int], None]
) -> BuildReport:
    """Write the archive as a static site.

    Args:
        settings: The newsletter's.
        store: Where its issues are.
        folder: Where the site goes; see `output_folder`.
        report: Called with how many files are done, and of how many.

    Raises:
        NewsletterError: The folder is one of the newsletter's own, cannot be written, or holds
            files of someone else at the site's names; a template is wrong.
    """
    place = folder.resolve()
    refuse_own(settings, place)
    with gc_relaxed():
        return _build(settings, store, place, report)


def _build(
    settings: Settings, store: Store, place: Path, report: Callable[[int, int], None]
) -> BuildReport:
    code = _code_digest(settings)
    words = WordCache(settings.state / _WORDS, code)
    site = read_site(settings, store, files=True, analysis=words.words)
    with store.read() as connection:
        stored = sorted(media.find_stored(connection, site.pictures))
    files = [
        OutputFile(paths.file_name(path), partial(_body, site, path), site.key(path, code))
        for path in site.paths
    ]
    files += [
        OutputFile(f"media/{name}", partial(read_picture, store, name), name) for name in stored
    ]
    changes = output_folder.update(place, files, report)
    words.write()
    return BuildReport(len(site.issues), changes)


def _body(site: Site, path: str) -> bytes:
    page = site.page(path)
    return page.body if page else b""


def read_picture(store: Store, name: str) -> bytes:
    """Return a stored picture."""
    with store.read() as connection:
        return media.read(connection, name) or b""


def refuse_own(settings: Settings, place: Path) -> None:
    """Refuse a folder that has the author's own files.

    Raises:
        NewsletterError: It has.
    """
    root = settings.root.resolve()
    own = [path.resolve() for path in (settings.state, *(root / name for name in _OWN))]
    if place == root or root.is_relative_to(place) or any(map(place.is_relative_to, own)):
        raise NewsletterError(
            "the archive cannot be built among your own files",
            where=str(place),
            hint="Give a folder of its own: --out public",
        )


def _code_digest(settings: Settings) -> str:
    """Return a hash of what makes a page besides settings and issues: templates and program."""
    digest = hashlib.sha256()
    package = Path(__file__).parents[1]
    places = [settings.root / "templates", *template_folders()]
    files = [path for place in places for path in sorted(place.rglob("*.*"))]
    files += [path for name in _MAKING for path in sorted((package / name).rglob("*.*"))]
    for path in files:
        if not path.is_file() or path.suffix == ".pyc":
            continue
        digest.update(f"{path.name} ".encode() + path.read_bytes())
    return digest.hexdigest()
