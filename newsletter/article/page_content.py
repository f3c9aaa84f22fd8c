"""Which part of a page is its article, and what in that part belongs to the site."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from newsletter.article.page_tree import SILENT, ancestors, measure, name_of, text_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from selectolax.lexbor import LexborNode

_CONTENT: Final = (
    "[itemprop~=articleBody]",
    ".available-content .body.markup",
    ".gh-content",
    ".elementor-widget-theme-post-content",
    "[data-elementor-type=wp-post]",
    ".blog-item-content",
    ".wp-block-post-content",
    ".entry-content",
    ".e-content",
    ".page__content",
    ".post-content",
    ".post__content",
    ".post-body",
    ".article-content",
    ".article-body",
    ".article__content",
    ".article__body",
    ".blog-content",
    ".blog-post-content",
    ".single-content",
    ".td-post-content",
    ".markdown-body",
    "[data-hook=post-description]",
    ".field--name-body",
)
"""Where systems and themes put the text of an article, the most particular first."""

_AROUND: Final = ("article", "main", "[role=main]", "body")
"""What may hold more than the text."""

_CHROME: Final = frozenset({"nav", "form", "dialog", "header", "footer", "aside", "button", "menu"})
_ROLES: Final = {
    "navigation", "search", "dialog", "alertdialog", "contentinfo", "banner", "complementary",
    "tablist",
}  # fmt: skip
_CONSENT: Final = re.compile(r"-(?:cookies?|cookie\w+|consent|gdpr|cmplz|popup|modal|paywall)-")
_FURNITURE: Final = re.compile(
    "-(?:"
    "comments?|disqus|respond|remark42|related|relatedposts|share|sharing|sharedaddy|social|socials"
    "|addtoany|addthis|newsletter|subscribe|subscription|subscriptions|signup|optin|mc4wp|mailchimp"
    "|breadcrumbs?|pagination|paginav|pager|sidebar|toc|advert|advertisement|ads|adsbygoogle"
    "|bio|byline|postmeta|metadata|tags|taxonomy|breadcrumb|tweet|sr-only|visually-hidden"
    "|screen-reader-text|skip-links?|author-(?:box|bio|info|profile|card)|about-the-author"
    "|(?:post|entry|article|page|blog|item)-meta|meta-(?:info|data|wrapper)"
    "|(?:rt-)?reading-time|readtime|read-time|table-of-contents|latest-posts|recent-posts"
    "|(?:post|posts|article|entry)-(?:navigation|nav|info|tags|footer)|read-(?:more|next)"
    "|block-(?:query|comments|social-links|buttons?|navigation|post-terms|search|categories)"
    "|widget-(?:posts|button|form|search|social-icons|loop-grid|loop-carousel|nav-menu|sidebar)"
    "|loop-(?:grid|carousel)|summary-v2|(?:bookmark|button|header|audio|file)-card"
    "|digest-post-embed|speechify-ignore|admonition-(?:header|title)|avatar|button-wrapper|embedded-post|cta|jp-likes|likes-widget|likes"
    ")-"
)
_CALLOUT: Final = re.compile(r"-(?:callout|pullquote|notice|note|tip|admonition|highlight|info)-")
_HIDDEN: Final = re.compile(r"(?:display\s*:\s*none|visibility\s*:\s*hidden)", re.IGNORECASE)
_SIGN: Final = re.compile(r"[→➔➜⇒💡\ufe0f ]{1,4}")
_LITTLE: Final = 0.3
_MUCH: Final = 0.6
_MOST: Final = 0.85
_ENOUGH: Final = 200


class PageContent:
    """The article's part of a page.

    Args:
        body: The page's body.
        title: The element with the article's title, if there is one.
    """

    def __init__(self, body: LexborNode, title: LexborNode | None) -> None:
        self._prose = measure(body, _shows_no_prose)
        self._total = max(self._prose.get(body.mem_id, 0), 1)
        self._title = title
        self._keeps: frozenset[int] = frozenset()
        marked = [one for css in _CONTENT for one in body.css(css) if self._weighs(one)]
        near = [title] if title else []
        self._keeps = frozenset(at.mem_id for one in (*near, *marked) for at in ancestors(one))
        self.root = self._choose_root(body)

    def is_furniture(self, node: LexborNode) -> bool:
        """Tell whether an element is no part of the article: hidden, or the site's."""
        tag = node.tag or ""
        if tag in SILENT or _is_hidden(node):
            return True
        return self._is_named_so(node, tag) and not self._holds(node)

    @staticmethod
    def _is_named_so(node: LexborNode, tag: str) -> bool:
        """Tell whether an element's tag, role, class or id says that it is the site's."""
        name = name_of(node)
        if tag in {"html", "body", "main"}:
            return False
        if tag == "article" or _CONSENT.search(name):
            return bool(_CONSENT.search(name) or _FURNITURE.search(name))
        if tag == "aside" and _is_callout(node, name):
            return False
        role = node.attributes.get("role")
        named = tag in _CHROME or role in _ROLES or bool(_FURNITURE.search(name))
        return named and not _is_in_heading(node)

    def _holds(self, node: LexborNode) -> bool:
        """Tell whether an element holds so much that its name cannot make it furniture."""
        share = self._prose.get(node.mem_id, 0) / self._total
        if _CONSENT.search(name_of(node)):
            return node.mem_id in self._keeps
        if self._keeps:
            return node.mem_id in self._keeps and share >= _LITTLE
        return share >= _MUCH

    def _weighs(self, node: LexborNode) -> bool:
        return self._prose.get(node.mem_id, 0) >= _ENOUGH

    def _choose_root(self, body: LexborNode) -> LexborNode:
        for css in (*_CONTENT, *_AROUND):
            found = [one for one in body.css(css) if self._weighs(one) and self._is_shown(one)]
            if found:
                likeliest = self._likeliest(found)
                return likeliest if css in _CONTENT else self._descend(likeliest)
        return self._descend(body)

    def _is_shown(self, node: LexborNode) -> bool:
        return not any(self.is_furniture(at) for at in ancestors(node) if at.is_element_node)

    def _likeliest(self, found: Iterable[LexborNode]) -> LexborNode:
        """Return the part that is nearest to the title; of more such, that with the most prose."""
        above = ancestors(self._title) if self._title else ()
        near = {at.mem_id: far for far, at in enumerate(above)}

        def rank(node: LexborNode) -> tuple[int, int]:
            far = next((near[at.mem_id] for at in ancestors(node) if at.mem_id in near), len(near))
            return -far, self._prose[node.mem_id]

        return max(found, key=rank)

    def _descend(self, node: LexborNode) -> LexborNode:
        """Return the smallest element that still holds nearly all that is shown in another."""
        prose = measure(node, self.is_furniture)
        while True:
            whole = prose[node.mem_id]
            parts = (one for one in node.iter() if prose.get(one.mem_id, 0) > whole * _MOST)
            inner = next(parts, None)
            if inner is None or inner.tag in {"p", "li", "ul", "ol", "blockquote", "td", "span"}:
                return node
            node = inner


def _shows_no_prose(node: LexborNode) -> bool:
    return node.tag in SILENT or node.tag in {"a", "nav"}


def _is_hidden(node: LexborNode) -> bool:
    attributes = node.attributes
    if attributes.get("aria-hidden") == "true":
        # Authors hide signs such as 💡 and → from screen readers, and only from those.
        return not _SIGN.fullmatch(text_of(node))
    return "hidden" in attributes or bool(_HIDDEN.search(attributes.get("style") or ""))


def _is_callout(node: LexborNode, name: str) -> bool:
    return bool(_CALLOUT.search(name)) or text_of(node).startswith("💡")


def _is_in_heading(node: LexborNode) -> bool:
    return any(at.tag in {"h1", "h2", "h3", "h4", "h5", "h6", "summary"} for at in ancestors(node))
