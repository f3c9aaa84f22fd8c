"""How pages of the archive are named, in the app and as files, and how one leads to another.

A path is that of the app, without a slash before it: ``issues/``, ``issues/SLUG``, ``feed.xml``. As
a file it is ``issues/index.html``, ``issues/SLUG.html``, ``feed.xml``, so that any static host, and
a browser without one, finds what a link names.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from newsletter.config import Settings

INDEX: Final = "issues/"
QUESTIONS: Final = "issues/questions"
SEARCH: Final = "issues/search"
SEARCH_SCRIPT: Final = "issues/search.js"
SEARCH_INDEX: Final = "issues/search-index.js"
ATOM: Final = "feed.xml"
JSON: Final = "feed.json"
SITEMAP: Final = "sitemap.xml"
_FILES: Final = (".xml", ".json", ".js")


def issue_path(slug: str) -> str:
    """Return the path of an issue's page."""
    return f"issues/{slug}"


def theme_path(slug: str) -> str:
    """Return the path of the first page of a theme."""
    return f"issues/theme/{slug}"


def part_path(path: str, number: int) -> str:
    """Return the path of a part of a long page: the first one, 1, has the path itself."""
    if number == 1:
        return path
    return f"{path}page/{number}" if path.endswith("/") else f"{path}/{number}"


def file_name(path: str) -> str:
    """Return the name of the file of a page."""
    if not path or path.endswith("/"):
        return f"{path}index.html"
    return path if path.endswith(_FILES) else f"{path}.html"


def link(path: str, to: str, *, files: bool) -> str:
    """Return a relative link from one page to another.

    It works below any address: the app may be a part of a larger site.

    Args:
        path: Of the page with the link.
        to: The path of the other.
        files: Whether the pages are files.
    """
    back = "../" * path.count("/")
    return (back + (file_name(to) if files else to)) or "./"


def address(settings: Settings, path: str) -> str:
    """Return the one address of a page, wherever else it can be read."""
    if not settings.archive_url:
        return f"{settings.public_url.rstrip('/')}/{path}"
    name = path if path.endswith("/") else file_name(path)
    return f"{settings.archive_url.rstrip('/')}/{name}"
