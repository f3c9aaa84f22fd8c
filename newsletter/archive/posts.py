"""The archive as posts of the author's own site: Markdown with front matter, and its pictures.

Each issue has a folder of its own, `SLUG/index.md` with its pictures beside it: so a generator that
looks for a picture beside the file finds it (Astro), and so does a browser beside the page (Hugo,
Eleventy, a collection of Jekyll).
"""

from __future__ import annotations

import json
from datetime import date
from functools import partial
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from newsletter.archive import output_folder, paths
from newsletter.archive.block_markdown import write_markdown
from newsletter.archive.build import BuildReport, read_picture, refuse_own
from newsletter.archive.output_folder import OutputFile
from newsletter.archive.published import read_issues
from newsletter.content.hosts import is_private
from newsletter.store import media

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from newsletter.config import Settings
    from newsletter.model import PublishedIssue
    from newsletter.store import Store

_LIST: Final = ".newsletter-posts.json"
"""Another one than a static site has, so that both may be in one folder."""


def build_posts(
    settings: Settings, store: Store, folder: Path, report: Callable[[int, int], None]
) -> BuildReport:
    """Write every issue of the archive as a post.

    Args:
        settings: The newsletter's.
        store: Where its issues are.
        folder: Where the posts go; see `output_folder`.
        report: Called with how many files are done, and of how many.

    Raises:
        NewsletterError: The folder is one of the newsletter's own, cannot be written, or has files
            of someone else at the names of posts.
    """
    place = folder.resolve()
    refuse_own(settings, place)
    issues = read_issues(settings, store)
    needed = {name for issue in issues for name in issue.edition.pictures}
    with store.read() as connection:
        stored = media.find_stored(connection, needed) if needed else frozenset()
    files: list[OutputFile] = []
    for issue in issues:
        own = sorted(stored & set(issue.edition.pictures))
        text = post_text(issue, settings, {f"media/{name}": name for name in own})
        files.append(OutputFile(f"{issue.slug}/index.md", partial(str.encode, text)))
        files += [
            OutputFile(f"{issue.slug}/{name}", partial(read_picture, store, name), name)
            for name in own
        ]
    return BuildReport(len(issues), output_folder.update(place, files, report, list_name=_LIST))


def post_text(issue: PublishedIssue, settings: Settings, pictures: Mapping[str, str]) -> str:
    """Return a post: front matter in YAML, and the text as CommonMark.

    Args:
        issue: The issue.
        settings: The newsletter's: where its archive is.
        pictures: The file of each picture beside the post, by the address that the issue has.
    """
    edition = issue.edition
    # JSON is YAML too, and its texts need no guess about quotation marks.
    fields = {
        "title": edition.subject,
        "date": edition.day,
        "description": edition.preheader,
        "slug": issue.slug,
        "tags": list(edition.themes),
        "canonical": _canonical(issue, settings),
    }
    rows = [f"{name}: {_yaml(value)}" for name, value in fields.items() if value]
    return "\n".join(["---", *rows, "---", "", write_markdown(edition.blocks, pictures)])


def _canonical(issue: PublishedIssue, settings: Settings) -> str:
    """Return the address of the issue's page in the archive; "" where no visitor can open it."""
    url = paths.address(settings, paths.issue_path(issue.slug))
    return "" if is_private(urlsplit(url).hostname or "") else url


def _yaml(value: object) -> str:
    if isinstance(value, date):
        return value.isoformat()
    return json.dumps(value, ensure_ascii=False)
