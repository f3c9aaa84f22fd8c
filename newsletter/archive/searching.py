"""The words of all issues: what the search, its page and the related issues are made of."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from functools import cached_property
from typing import TYPE_CHECKING, Final

from newsletter.archive import search_excerpt, search_index, search_query
from newsletter.archive.search_documents import document_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from markupsafe import Markup

    from newsletter.archive.analysis import SearchDocument, WordUse
    from newsletter.archive.search_index import Entry, SearchIndex
    from newsletter.model import PublishedIssue

_HITS: Final = 10


@dataclass(frozen=True, slots=True)
class SearchHit:
    """An issue that was found.

    Attributes:
        excerpt: The sentence that matched.
        marked_title: Its title as HTML, the words of the query marked.
        marked_excerpt: That sentence in the same way.
    """

    entry: Entry
    day: date
    excerpt: str
    marked_title: Markup
    marked_excerpt: Markup


@dataclass(frozen=True, slots=True)
class SearchResult:
    """What a query found.

    Attributes:
        hits: At most ten, best first.
        corrected: What was searched for in the place of a typing error; else empty.
        suggestions: Themes near to the query, when nothing was found.
    """

    hits: tuple[SearchHit, ...]
    corrected: str
    suggestions: tuple[str, ...]


class ArchiveWords:
    """The words of all issues, looked at when they are first needed.

    Args:
        issues: All of the archive.
        analysis: `analyse`, or what returns stored values of it.
    """

    def __init__(
        self,
        issues: Iterable[PublishedIssue],
        analysis: Callable[[SearchDocument], Sequence[WordUse]],
    ) -> None:
        self._issues = tuple(issues)
        self._analysis = analysis

    @cached_property
    def _documents(self) -> dict[str, SearchDocument]:
        return {issue.slug: document_of(issue) for issue in self._issues}

    @cached_property
    def by_slug(self) -> dict[str, Sequence[WordUse]]:
        """The words of each issue, by its slug."""
        return {slug: self._analysis(document) for slug, document in self._documents.items()}

    @cached_property
    def _index(self) -> SearchIndex:
        return search_index.build(self._documents.values(), lambda one: self.by_slug[one.slug])

    def index_script(self) -> bytes:
        """Return the index as the script that a page of the static site loads."""
        return search_index.script(self._index)

    def find(self, query: str) -> SearchResult:
        """Return what a query finds; any text is one."""
        answer = search_query.search(self._index, query, _HITS)

        def show(entry: Entry) -> SearchHit:
            sentences = self._documents[entry.slug].sentences
            excerpt = search_excerpt.excerpt(sentences, answer.words) or entry.preheader
            return SearchHit(
                entry,
                date.fromisoformat(entry.day),
                excerpt,
                search_excerpt.marked(entry.title, answer.words),
                search_excerpt.marked(excerpt, answer.words),
            )

        return SearchResult(tuple(map(show, answer.hits)), answer.corrected, answer.suggestions)
