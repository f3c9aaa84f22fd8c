"""The pages of the archive: settings and published issues become bytes, for app and files."""

from __future__ import annotations

import hashlib
import itertools
from dataclasses import dataclass
from functools import cached_property, partial
from typing import TYPE_CHECKING, Final, TypeVar

from newsletter import render
from newsletter.archive import feeds, paths
from newsletter.archive.analysis import analyse
from newsletter.archive.parts import cut, weigh_issue
from newsletter.archive.questions import gather_questions, weigh_question
from newsletter.archive.related import find_related
from newsletter.archive.search_files import search_script
from newsletter.archive.searching import ArchiveWords, SearchResult
from newsletter.archive.themes import Theme, gather_themes, theme_slug, themes_of
from newsletter.changed_text import keep_current
from newsletter.model import PublishedIssue

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from newsletter.archive.analysis import SearchDocument, WordUse
    from newsletter.archive.questions import ArchiveQuestion
    from newsletter.config import Settings

Item = TypeVar("Item")

HTML: Final = "text/html"
_SCRIPT: Final = "text/javascript"
_IN_FEED: Final = 50
_THEMES: Final = 40
"""How many themes a page lists: those of most issues."""
_SHORT: Final = ("issues", "")
"""Where the list is too, because people and hosts leave out the rest: in the app, as a file."""
_NO_PAGES: Final = frozenset(
    {
        *_SHORT,
        *(paths.SEARCH, paths.SEARCH_SCRIPT, paths.SEARCH_INDEX),
        *(paths.ATOM, paths.JSON, paths.SITEMAP),
    }
)
"""What the sitemap does not name."""


@dataclass(frozen=True, slots=True)
class Page:
    """The bytes of a page, and what kind they are: a media type such as ``text/html``."""

    body: bytes
    media_type: str = HTML


class Site:
    """The archive of one newsletter. The same input gives the same bytes.

    Args:
        settings: The newsletter's.
        issues: Newest first.
        files: Whether the pages are files of a static site, and not answers of the app.
        logo: The name of the stored copy of the newsletter's logo; empty for none.
        analysis: `analyse`, or what returns stored values of it.
    """

    def __init__(
        self,
        settings: Settings,
        issues: Sequence[PublishedIssue],
        *,
        files: bool = False,
        logo: str = "",
        analysis: Callable[[SearchDocument], Sequence[WordUse]] = analyse,
    ) -> None:
        self._settings = settings
        self._files = files
        self._logo = logo
        self._words = ArchiveWords(issues, analysis)
        self.issues = tuple(issues)
        self.themes = gather_themes(issues)
        questions = gather_questions(self.issues, self.themes)
        self._values = {
            **render.archive_values(settings),
            "is_file": files,
            "has_questions": bool(questions),
        }
        self._places = {paths.issue_path(one.slug): n for n, one in enumerate(self.issues)}
        self._pages: dict[str, Callable[[], Page]] = {}
        letters = cut(self.issues, weigh_issue)
        index = partial(_index, self.themes[:_THEMES], _first_parts(letters))
        self._add_parts("index", paths.INDEX, letters, index)
        short = {**index(letters[0]), **_around(paths.INDEX, 1, len(letters))}
        self._add("index", _SHORT[files], lambda: short, canonical=paths.INDEX)
        for path, place in self._places.items():
            self._add("issue", path, partial(self._issue, place))
        for theme in self.themes:
            parts = cut(theme.issues, weigh_issue)
            self._add_parts(
                "theme", paths.theme_path(theme.slug), parts, partial(self._theme, theme)
            )
        self._add_parts("questions", paths.QUESTIONS, cut(questions, weigh_question), _questions)
        if files:
            self._pages[paths.SEARCH] = partial(self.search_page, "")
            self._pages[paths.SEARCH_SCRIPT] = lambda: Page(search_script(), _SCRIPT)
            self._pages[paths.SEARCH_INDEX] = self._search_index
        self._pages[paths.ATOM] = self._atom
        self._pages[paths.JSON] = self._json_feed
        self._pages[paths.SITEMAP] = self._sitemap

    def _add_parts(
        self,
        name: str,
        first: str,
        parts: Sequence[Sequence[Item]],
        show: Callable[[Sequence[Item]], Mapping[str, object]],
    ) -> None:
        for number, part in enumerate(parts, start=1):
            values = {**show(part), **_around(first, number, len(parts))}
            self._add(name, paths.part_path(first, number), partial(dict, values))

    def _add(
        self,
        name: str,
        path: str,
        values: Callable[[], Mapping[str, object]],
        *,
        canonical: str = "",
    ) -> None:
        self._pages[path] = partial(self._render, name, path, values, canonical or path)

    @property
    def paths(self) -> tuple[str, ...]:
        """The paths of all pages."""
        return tuple(self._pages)

    def page(self, path: str) -> Page | None:
        """Return a page; None if there is none of that path.

        Raises:
            NewsletterError: A template is missing or wrong.
        """
        make = self._pages.get(path)
        return make() if make else None

    def key(self, path: str, code: str) -> str:
        """Return what changes with all that the page of an issue shows; empty of another page.

        Args:
            path: Of the page.
            code: What changes with templates and program.
        """
        place = self._places.get(path)
        if place is None:
            return ""
        values = {name: _listed(value) for name, value in self._issue(place).items()}
        bases = (self._settings.public_url, self._settings.archive_url)
        shown = (code, bases, self._values, self.issues[place], values)
        return hashlib.sha256(repr(shown).encode()).hexdigest()

    @cached_property
    def pictures(self) -> tuple[str, ...]:
        """The names of all stored pictures that the pages show."""
        shown = {picture for issue in self.issues for picture in issue.edition.pictures}
        return tuple(sorted(shown | ({self._logo} - {""})))

    @cached_property
    def _related(self) -> Mapping[str, tuple[PublishedIssue, ...]]:
        return find_related(self.issues, self._words.by_slug)

    def search(self, query: str) -> SearchResult:
        """Return what a query finds; any text is one."""
        return self._words.find(query)

    def search_page(self, query: str) -> Page:
        """Return the page of the app with what a query finds."""
        result = self.search(query) if query else SearchResult((), "", ())
        slugs = {theme_slug(name) for name in result.suggestions}
        values = {
            "query": query,
            "result": result,
            "suggested": [theme for theme in self.themes if theme.slug in slugs],
            "themes": self.themes[:_THEMES],
        }
        return self._render("search", paths.SEARCH, lambda: values, paths.SEARCH)

    def _search_index(self) -> Page:
        return Page(self._words.index_script(), _SCRIPT)

    def _render(
        self, name: str, path: str, values: Callable[[], Mapping[str, object]], canonical: str
    ) -> Page:
        known = {
            **self._values,
            **values(),
            "path": path,
            "canonical": paths.address(self._settings, canonical),
            "root": paths.link(path, "", files=False),
            "link": partial(paths.link, path, files=self._files),
            "form_address": self._form_address(path),
        }
        return Page(render.archive_page(self._settings, name, known).encode())

    def _form_address(self, path: str) -> str:
        if self._files:
            return f"{self._settings.public_url.rstrip('/')}/subscribe"
        return paths.link(path, "subscribe", files=False)

    def _issue(self, place: int) -> dict[str, object]:
        issue = self.issues[place]
        return {
            **self._text_of(issue),
            "card": self._card(issue),
            "issue_themes": themes_of(issue, self.themes),
            "newer": self.issues[place - 1] if place else None,
            "older": self.issues[place + 1] if place + 1 < len(self.issues) else None,
            "related": self._related[issue.slug],
        }

    def _text_of(self, issue: PublishedIssue) -> dict[str, object]:
        """Return what the text of an issue needs, on its page and in a feed."""
        zone, edition = self._settings.zone, issue.edition
        text = (edition.subject, edition.preheader, edition.blocks)
        # What a later correction took away may have to be forgotten.
        shown = [keep_current(one.added, text) for one in issue.corrections[:-1]]
        shown += [one.added for one in issue.corrections[-1:]]
        days = (one.at.astimezone(zone).date() for one in issue.corrections)
        return {"issue": issue, "corrections": list(zip(days, shown, strict=True))}

    def _card(self, issue: PublishedIssue) -> str:
        """Return the address of the picture that stands for an issue; empty for none."""
        picture = next(iter(issue.edition.pictures), self._logo)
        return picture and self._absolute(f"media/{picture}")

    def _theme(self, theme: Theme, part: Sequence[PublishedIssue]) -> dict[str, object]:
        others = [one for one in self.themes if one is not theme]
        return {"theme": theme, "other_themes": others[:_THEMES], "years": _by_year(part)}

    def _absolute(self, path: str) -> str:
        base = self._settings.archive_url or self._settings.public_url
        return f"{base.rstrip('/')}/{path}"

    def _atom(self) -> Page:
        return Page(feeds.atom(self._settings, self._feed_items), "application/atom+xml")

    def _json_feed(self) -> Page:
        return Page(feeds.json_feed(self._settings, self._feed_items), "application/feed+json")

    @cached_property
    def _feed_items(self) -> list[feeds.FeedItem]:
        return [
            feeds.FeedItem(issue, self._content(issue), self._card(issue))
            for issue in self.issues[:_IN_FEED]
        ]

    def _content(self, issue: PublishedIssue) -> str:
        known = {**self._values, **self._text_of(issue), "root": self._absolute("")}
        return render.archive_page(self._settings, "content", known)

    def _sitemap(self) -> Page:
        pages = [path for path in self._pages if path not in _NO_PAGES]
        changed = {paths.issue_path(one.slug): one.edition.at for one in self.issues}
        return Page(feeds.sitemap(self._settings, pages, changed), "application/xml")


def _listed(value: object) -> object:
    """Return what a page shows of an issue or a theme that it leads to."""
    match value:
        case PublishedIssue():
            return value.slug, value.edition.day, value.edition.subject
        case Theme():
            return value.slug, value.name
        case list() | tuple():
            return tuple(map(_listed, value))
    return value


def _first_parts(parts: Sequence[Sequence[PublishedIssue]]) -> dict[int, str]:
    """Return the path of the part on which each year begins, newest first."""
    starts: dict[int, str] = {}
    for number, part in enumerate(parts, start=1):
        for issue in part:
            starts.setdefault(issue.edition.day.year, paths.part_path(paths.INDEX, number))
    return starts


def _index(
    themes: Sequence[Theme], starts: Mapping[int, str], part: Sequence[PublishedIssue]
) -> dict[str, object]:
    return {"themes": themes, "starts": starts, "years": _by_year(part)}


def _by_year(issues: Sequence[PublishedIssue]) -> list[tuple[int, list[PublishedIssue]]]:
    groups = itertools.groupby(issues, key=lambda one: one.edition.day.year)
    return [(year, list(group)) for year, group in groups]


def _questions(part: Sequence[ArchiveQuestion]) -> dict[str, object]:
    groups = itertools.groupby(part, key=lambda one: one.theme)
    return {"questions": [(theme, list(group)) for theme, group in groups]}


def _around(first: str, number: int, count: int) -> dict[str, object]:
    """Return the number of a part of a page, and the paths of the parts beside it."""
    return {
        "number": number,
        "newer_part": paths.part_path(first, number - 1) if number > 1 else None,
        "older_part": paths.part_path(first, number + 1) if number < count else None,
    }
