"""Web pages: the article of a page, without what belongs to its site."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from newsletter.article.page_content import PageContent
from newsletter.article.page_facts import PageFacts
from newsletter.article.page_lines import read_lines
from newsletter.article.page_tree import ancestors, name_of, parse_html, text_of, walk
from newsletter.article.prose import tidy
from newsletter.model import Article, ArticleLine, LineKind

if TYPE_CHECKING:
    from collections.abc import Iterator

    from selectolax.lexbor import LexborNode

_SUMMARY: Final = re.compile(
    r"-(?:excerpt|subtitle|standfirst|dek|lead|lede|intro|introduction|(?:post|article)-description"
    r"|p-summary|deck)-"
)
_SHORTEST_SUMMARY: Final = 25
_LONGEST_SUMMARY: Final = 600
_NEAR: Final = 3
_FIRST: Final = 6
_FEWEST_LISTED: Final = 3
_TEASER: Final = 60
"""A page that lists others has fewer words for each of them."""
_ENDED: Final = re.compile(r"[.!?…][\"”’)]*$")


def read_page(markup: str, url: str = "") -> Article:
    """Return the article of a web page.

    Args:
        markup: The page.
        url: Where it was found. Without it, the page's own canonical address counts.

    Raises:
        NewsletterError: Its elements are nested so deep that reading it would take hours.
    """
    page = parse_html(markup, url)
    facts = PageFacts(page, markup, url)
    if page.body is None:
        return Article(lines=(), title=facts.title, url=facts.url, language=facts.language)
    content = PageContent(page.body, facts.heading)
    lines = read_lines(content.root, content.is_furniture, facts.addresses)
    lines = _trim(lines, tidy(facts.title))
    return Article(
        lines=lines,
        title=tidy(facts.title),
        url=facts.url,
        summary=_find_summary(facts, content) or _proven(facts.description, lines),
        published=facts.published,
        site_name=tidy(facts.site_name),
        language=facts.language,
    )


def lists_pages(article: Article) -> bool:
    """Tell whether an article is none: the home page of a site, or another list of its pages."""
    lines = [line for line in article.lines if line.kind not in {LineKind.IMAGE, LineKind.GAP}]
    linked = [line for line in lines if any(link.label == line.text for link in line.links)]
    pages = {link.url for line in linked for link in line.links}
    own = sum(len(line.text.split()) for line in lines if line not in linked)
    return (
        len(pages) >= _FEWEST_LISTED
        and len(linked) * 3 >= len(lines)
        and own < _TEASER * len(pages)
    )


def _trim(lines: tuple[ArticleLine, ...], title: str) -> tuple[ArticleLine, ...]:
    """Leave out the title above the text, and headings with nothing under them at its end."""
    first = [index for index, line in enumerate(lines[:_FIRST]) if line.text == title]
    kept = [line for index, line in enumerate(lines) if index not in first[:1]]
    while kept and kept[-1].kind is LineKind.HEADING:
        kept.pop()
    return tuple(kept)


def _find_summary(facts: PageFacts, content: PageContent) -> str:
    """Return the lead that the page marks as such, below its title and before its text."""
    for node in _below_heading(facts.heading, content):
        text = tidy(text_of(node))
        if len(text) >= _SHORTEST_SUMMARY and _SUMMARY.search(name_of(node)):
            return text
        if node.mem_id == content.root.mem_id or len(text) >= _LONGEST_SUMMARY:
            return ""
    return ""


def _below_heading(heading: LexborNode | None, content: PageContent) -> Iterator[LexborNode]:
    """Yield the elements that come after the title and near it, except those that hold it."""
    if heading is None:
        return
    above = [one for one in ancestors(heading) if one.tag not in {"body", "html"}]
    holders = {one.mem_id for one in above}
    place = above[min(_NEAR, len(above) - 1)]
    passed = False
    for node, begins in walk(place, lambda x: x.mem_id not in holders and content.is_furniture(x)):
        passed = passed or node.mem_id == heading.mem_id
        if passed and begins and node.is_element_node and node.mem_id not in holders:
            yield node


def _proven(description: str, lines: tuple[ArticleLine, ...]) -> str:
    """Return the page's description, if all of it is a sentence of the article; else ""."""
    text = tidy(description)
    prose = (line.text for line in lines if line.kind in {LineKind.PARAGRAPH, LineKind.QUOTE})
    whole = _ENDED.search(text) and any(text in one for one in prose)
    return text if whole else ""
