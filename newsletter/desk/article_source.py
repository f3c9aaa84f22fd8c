"""Where an article comes from: an address, a file, standard input; and which kind it is."""

from __future__ import annotations

import json
import re
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from newsletter.article.selection import MIN_WORDS
from newsletter.content.file_formats import recognise_format
from newsletter.errors import NewsletterError

if TYPE_CHECKING:
    from collections.abc import Callable

    from newsletter.article.feed import FeedEntry
    from newsletter.config import Settings
    from newsletter.model import Article

STANDARD_INPUT: Final = "-"
_MOST: Final = 10_000_000
_SHOWN: Final = 120
_ADDRESS: Final = re.compile(r"https?://", re.IGNORECASE)
_HTTP: Final = re.compile(r"^http://", re.IGNORECASE)
_HOST: Final = re.compile(r"(?:[\w-]+\.)+[a-z]{2,}(?:/\S*)?", re.IGNORECASE)
_FORMATS: Final = {".docx", ".doc", ".odt", ".rtf", ".pdf", ".pages", ".epub"}
_PAGES: Final = {".html", ".htm", ".xhtml"}
_MARKDOWN: Final = {".md", ".markdown", ".mdown", ".mkd", ".mdx"}
_TABLES: Final = {".csv", ".tsv", ".tab"}
_FEEDS: Final = {".xml", ".rss", ".atom", ".json"}
_PAGE: Final = re.compile(r"<(?:!doctype\s+html|html|head|body)\b", re.IGNORECASE)
_BEFORE_PAGE: Final = {"<!--": "-->", "<?xml": "?>"}
_HEAD: Final = 20_000
_MARKS: Final = re.compile(r"^(?:#{1,3} \S|> \S|!?\[[^\]\n]+\]\(\S+\)\s*$)", re.MULTILINE)
_PASTE: Final = "Copy the article's text into a plain-text file, and give that"
_FILL: Final = "Give the article's whole text; an empty draft to write in: newsletter new"
_SITEMAP: Final = re.compile(r"<(?:urlset|sitemapindex)[\s>]")
_ENOUGH_MARKUP: Final = 1500
_ANYWHERE: Final = "https://site.invalid/"
_MOST_ASKED: Final = 10


@dataclass(frozen=True, slots=True)
class FoundArticle:
    """An article and where it was found.

    Attributes:
        article: The article.
        path: Its file; None where it has none.
        name: What a file may be named after if the title gives no name.
        others: Of a feed, what to do if there is an issue about this entry.
        is_post: It is a post of a site, with front matter.
    """

    article: Article
    path: Path | None
    name: str
    others: str = ""
    is_post: bool = False


@dataclass(frozen=True, slots=True)
class _Source:
    """Bytes, what they are called, and where they came from."""

    body: bytes
    suffix: str = ""
    content_type: str = ""
    url: str = ""
    path: Path | None = None


def find_article(
    settings: Settings,
    source: str,
    *,
    url: str = "",
    entry: int | None = None,
    is_known: Callable[[str], bool],
) -> FoundArticle:
    """Return the article of a SOURCE argument.

    Args:
        settings: The newsletter's settings.
        source: An address, a file, or `-` for standard input.
        url: The article's address, where the author gives it.
        entry: The number of a feed's entry, counted from the newest; None for the newest one of
            which there is no issue.
        is_known: Whether an issue introduces the article at an address.

    Raises:
        NewsletterError: There is no article, or none that can be read.
    """
    found = _read(source)
    if _is_feed(found):
        article, others = _from_feed(found, entry, is_known)
        return FoundArticle(replace(article, url=url or article.url), None, "", others)
    if entry is not None:
        raise NewsletterError(
            f"{_shown(source)} is not a feed, so it has no entries", hint="Leave out --entry"
        )
    article = _from_text(settings, found, url)
    name = found.path.stem if found.path else ""
    return FoundArticle(article, found.path, name, is_post=_is_post(found))


def _read(source: str) -> _Source:
    if _ADDRESS.match(source):
        return _fetch(source)
    if source == STANDARD_INPUT:
        return _Source(_checked(sys.stdin.buffer.read(_MOST + 1), "the text on standard input"))
    path = Path(source)
    is_pipe = _require_file(path, source)
    try:
        with path.open("rb") as file:
            body = file.read(_MOST + 1)
    except OSError as error:
        raise NewsletterError(
            f"{_shown(source)} cannot be read: {error.strerror}",
            hint="Give this user the right to read it",
        ) from None
    body = _checked(body, _shown(source))
    return _Source(body) if is_pipe else _Source(body, suffix=path.suffix.casefold(), path=path)


def _fetch(url: str) -> _Source:
    from newsletter.article.fetch import fetch  # noqa: PLC0415 - httpx is slow to import

    page = fetch(url)
    return _Source(page.body, content_type=page.content_type, url=page.url)


def _require_file(path: Path, source: str) -> bool:
    """Check that there is a file, and tell whether it is a pipe, such as `<(command)` gives.

    Raises:
        NewsletterError: There is none; the hint says what may be meant.
    """
    try:
        if path.is_dir():
            inside = [one.name for one in sorted(path.glob("index.*")) if one.is_file()]
            hint = f"Give the file in it: {path / inside[0]}" if inside else "Give one file"
            raise NewsletterError(f"{_shown(source)} is a folder", hint=hint)
        is_pipe = path.is_fifo()
        there = is_pipe or path.is_file()
    except (OSError, ValueError):
        there = is_pipe = False
    if there:
        return is_pipe
    is_host = _HOST.fullmatch(source) and Path(source).suffix.casefold() not in (
        _PAGES | _MARKDOWN | _FEEDS | {".txt"}
    )
    hint = (
        f"Is it an address? Then write https://{source}"
        if is_host
        else "Give an address that begins with https://, a file, or - for standard input"
    )
    raise NewsletterError(f"there is no file {_shown(source)}", hint=hint)


def _checked(body: bytes, what: str) -> bytes:
    """Return bytes that may be text.

    Raises:
        NewsletterError: They are too many, or a file of another program.
    """
    if len(body) > _MOST:
        raise NewsletterError(
            f"{what} is larger than {_MOST // 1_000_000} MB, which no article is", hint=_PASTE
        )
    if not body.strip():
        raise NewsletterError(f"{what} is empty", hint=_FILL)
    known = recognise_format(body)
    if known and "web page" not in known[0]:
        raise NewsletterError(f"{what} is {known[0]}, not a text", hint=_PASTE)
    return body


def _is_feed(source: _Source) -> bool:
    from newsletter.article.feed import is_feed  # noqa: PLC0415 - feedparser is slow to import

    looks_like = source.suffix in _FEEDS or not source.suffix
    return looks_like and is_feed(source.body, source.content_type)


def _from_text(settings: Settings, source: _Source, url: str) -> Article:
    from newsletter.article.charset import decode  # noqa: PLC0415 - only this command needs them
    from newsletter.article.markdown import read_markdown  # noqa: PLC0415
    from newsletter.article.post import has_front_matter, read_post  # noqa: PLC0415
    from newsletter.article.text import read_text  # noqa: PLC0415

    text = decode(source.body, source.content_type)
    _refuse_data(text, source)
    path = source.path or Path("post.md")
    is_post = has_front_matter(text)
    if not is_post and (_is_page(source) or _begins_page(text)):
        return _from_page(text, url, source.url)
    if is_post or source.suffix == ".mdx":
        permalink = settings.permalink if source.path else ""
        return read_post(text, path, url=url, permalink=permalink, site_url=settings.site_url)
    if source.suffix in _MARKDOWN or (source.suffix != ".txt" and _MARKS.search(text)):
        return read_markdown(text, url or source.url)
    return read_text(text, url or source.url)


def _is_post(source: _Source) -> bool:
    from newsletter.article.post import has_front_matter  # noqa: PLC0415 - reads YAML

    return bool(source.path) and has_front_matter(source.body.decode("utf-8", "replace"))


def _refuse_data(text: str, source: _Source) -> None:
    """Refuse what is for programs to read.

    Raises:
        NewsletterError: It is.
    """
    if "\0" in text:
        raise NewsletterError("this is not a text: it holds bytes that no text has", hint=_PASTE)
    if source.suffix in _TABLES or "text/csv" in source.content_type:
        raise NewsletterError("this is a table (CSV), not a text", hint=_PASTE)
    if _SITEMAP.search(text[:_HEAD]) and text.lstrip("\ufeff \r\n\t").startswith("<"):
        raise NewsletterError(
            "this is a sitemap, the list of a site's pages",
            hint="Give the address of one article, or of the site's feed",
        )
    if source.suffix == ".json" or "json" in source.content_type or _is_json(text):
        raise NewsletterError(
            "this is JSON, and no JSON Feed", hint="Give the address of the article itself"
        )


def _is_json(text: str) -> bool:
    """Tell whether all of a text is JSON; a post may begin with it."""
    if text.lstrip()[:1] not in {"{", "["}:
        return False
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True


def _begins_page(text: str) -> bool:
    """Tell whether a text begins as a page does; comments may be before it."""
    rest = text[:_HEAD].lstrip("\ufeff \t\r\n\f")
    while end := next((end for mark, end in _BEFORE_PAGE.items() if rest.startswith(mark)), ""):
        rest = rest.partition(end)[2].lstrip()
    return bool(_PAGE.match(rest))


def _is_page(source: _Source) -> bool:
    return source.suffix in _PAGES or "html" in source.content_type


def _from_page(text: str, url: str, fetched: str) -> Article:
    from newsletter.article.page import lists_pages, read_page  # noqa: PLC0415 - as above

    article = read_page(text, url or fetched)
    # Without an address, links within the site lead nowhere; these lead to each other.
    if lists_pages(article if article.url else read_page(text, _ANYWHERE)):
        raise _is_list(text, url or fetched)
    return replace(article, url=url or article.url or fetched)


def _is_list(text: str, url: str) -> NewsletterError:
    from newsletter.article.feed import find_feed_links, say_feed  # noqa: PLC0415 - slow to import

    feeds = find_feed_links(text, url)
    feed = f"; or the feed: {say_feed(feeds[0])}" if feeds else ""
    return NewsletterError(
        "this is no article, but a page that lists others",
        hint=f"Give the address of one of them{feed}",
    )


def _from_feed(
    source: _Source, number: int | None, is_known: Callable[[str], bool]
) -> tuple[Article, str]:
    """Return the article of an entry, and what to do if there is an issue about it."""
    from newsletter.article.feed import read_feed  # noqa: PLC0415 - slow to import

    entries = read_feed(source.body, source.content_type, url=source.url)
    if number is not None:
        if not 1 <= number <= len(entries):
            raise NewsletterError(
                f"the feed has {len(entries)} entries, so none with the number {number}",
                hint=f"Give --entry a number from 1, the newest, to {len(entries)}",
            )
        return _of_entry(entries[number - 1]), _name_other(entries, is_known)
    unknown = [one for one in entries if not is_known(one.url)]
    for entry in unknown[:_MOST_ASKED]:
        article = _of_entry(entry)
        if not is_known(article.url):  # its page may have another address than the feed says
            return article, ""
    raise NewsletterError(
        f"each of the {len(entries)} entries of this feed has an issue already",
        hint="Publish an article first; or look at the issues: newsletter status",
    )


def _of_entry(entry: FeedEntry) -> Article:
    """Return the article of an entry; where the feed has only a part of it, from its page.

    The page's own address is the article's.
    """
    from newsletter.article.charset import decode  # noqa: PLC0415 - only this command needs it
    from newsletter.article.page import read_page  # noqa: PLC0415 - only pages need its parser

    article = read_page(entry.markup, entry.url)
    url = entry.url
    if not _is_enough(entry, article) and _ADDRESS.match(entry.url):
        page = _fetch(_HTTP.sub("https://", entry.url))
        article = _from_page(decode(page.body, page.content_type), "", page.url)
        url = article.url
    return replace(
        article,
        title=entry.title or article.title,
        url=url or article.url,
        published=entry.published or article.published,
        summary=article.summary or entry.summary,
    )


def _is_enough(entry: FeedEntry, article: Article) -> bool:
    """Tell whether an entry can be the whole article."""
    if entry.is_whole:
        return sum(len(line.text.split()) for line in article.lines) >= MIN_WORDS
    return len(entry.markup) >= _ENOUGH_MARKUP and not entry.is_cut_off


def _name_other(entries: tuple[FeedEntry, ...], is_known: Callable[[str], bool]) -> str:
    """Return which entry of a feed has no issue yet."""
    for number, entry in enumerate(entries, start=1):
        if not is_known(entry.url):
            return f"--entry {number} has no issue yet: {entry.title or entry.url}"
    return f"each of the {len(entries)} entries of this feed has an issue"


def _shown(source: str) -> str:
    return (source if source.isprintable() else repr(source))[:_SHOWN]
