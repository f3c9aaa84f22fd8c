"""Where an article comes from: an address, a file, standard input; and which kind it is."""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

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
_HOST: Final = re.compile(r"(?:[\w-]+\.)+[a-z]{2,}(?:/\S*)?", re.IGNORECASE)
_FORMATS: Final = {".docx", ".doc", ".odt", ".rtf", ".pdf", ".pages", ".epub"}
_PAGES: Final = {".html", ".htm", ".xhtml"}
_MARKDOWN: Final = {".md", ".markdown", ".mdown", ".mkd", ".mdx"}
_FEEDS: Final = {".xml", ".rss", ".atom", ".json"}
_PAGE: Final = re.compile(r"<(?:!doctype\s+html|html|head|body)\b", re.IGNORECASE)
_BEFORE_PAGE: Final = {"<!--": "-->", "<?xml": "?>"}
_HEAD: Final = 20_000
_MARKS: Final = re.compile(r"^(?:#{1,3} \S|> \S|!?\[[^\]\n]+\]\(\S+\)\s*$)", re.MULTILINE)
_PASTE: Final = "Copy the article's text into a plain-text file, and give that"
_ENOUGH_MARKUP: Final = 1500


@dataclass(frozen=True, slots=True)
class FoundArticle:
    """An article and where it was found.

    Attributes:
        article: The article.
        path: Its file; None where it has none.
        name: What a file may be named after if the title gives no name.
    """

    article: Article
    path: Path | None
    name: str


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
        article = _from_feed(found, entry, is_known)
        return FoundArticle(replace(article, url=url or article.url), None, "")
    if entry is not None:
        raise NewsletterError(
            f"{_shown(source)} is not a feed, so it has no entries", hint="Leave out --entry"
        )
    article = _from_text(settings, found, url)
    return FoundArticle(article, found.path, found.path.stem if found.path else "")


def _read(source: str) -> _Source:
    if _ADDRESS.match(source):
        return _fetch(source)
    if source == STANDARD_INPUT:
        return _Source(_checked(sys.stdin.buffer.read(_MOST + 1), "the text on standard input"))
    path = Path(source)
    _require_file(path, source)
    try:
        with path.open("rb") as file:
            body = file.read(_MOST + 1)
    except OSError as error:
        raise NewsletterError(
            f"{_shown(source)} cannot be read: {error.strerror}",
            hint="Give this user the right to read it",
        ) from None
    return _Source(_checked(body, _shown(source)), suffix=path.suffix.casefold(), path=path)


def _fetch(url: str) -> _Source:
    from newsletter.article.fetch import fetch  # noqa: PLC0415 - httpx is slow to import

    page = fetch(url)
    return _Source(page.body, content_type=page.content_type, url=page.url)


def _require_file(path: Path, source: str) -> None:
    """Check that there is a file.

    Raises:
        NewsletterError: There is none; the hint says what may be meant.
    """
    try:
        if path.is_dir():
            inside = [one.name for one in sorted(path.glob("index.*")) if one.is_file()]
            hint = f"Give the file in it: {path / inside[0]}" if inside else "Give one file"
            raise NewsletterError(f"{_shown(source)} is a folder", hint=hint)
        there = path.is_file()
    except (OSError, ValueError):
        there = False
    if there:
        return
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
    if "\0" in text:
        raise NewsletterError("this is not a text: it holds bytes that no text has", hint=_PASTE)
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


def _begins_page(text: str) -> bool:
    """Tell whether a text begins as a page does; comments may be before it."""
    rest = text[:_HEAD].lstrip("\ufeff \t\r\n\f")
    while end := next((end for mark, end in _BEFORE_PAGE.items() if rest.startswith(mark)), ""):
        rest = rest.partition(end)[2].lstrip()
    return bool(_PAGE.match(rest))


def _is_page(source: _Source) -> bool:
    return source.suffix in _PAGES or "html" in source.content_type


def _from_page(text: str, url: str, fetched: str) -> Article:
    from newsletter.article.page import read_page  # noqa: PLC0415 - only pages need its parser

    article = read_page(text, url or fetched)
    return replace(article, url=url or article.url or fetched)


def _from_feed(source: _Source, number: int | None, is_known: Callable[[str], bool]) -> Article:
    """Return the article of an entry; where the feed has only a part of it, from its page."""
    from newsletter.article.feed import read_feed  # noqa: PLC0415 - slow to import

    chosen = _choose(read_feed(source.body, source.content_type, url=source.url), number, is_known)
    article = _from_page(chosen.markup, chosen.url, "")
    if len(chosen.markup) < _ENOUGH_MARKUP and _ADDRESS.match(chosen.url):
        page = _fetch(chosen.url)
        from newsletter.article.charset import decode  # noqa: PLC0415 - as above

        article = _from_page(decode(page.body, page.content_type), chosen.url, page.url)
    return replace(
        article,
        title=chosen.title or article.title,
        url=chosen.url or article.url,
        published=chosen.published or article.published,
        summary=article.summary or chosen.summary,
    )


def _choose(
    entries: tuple[FeedEntry, ...], number: int | None, is_known: Callable[[str], bool]
) -> FeedEntry:
    if number is not None:
        if not 1 <= number <= len(entries):
            raise NewsletterError(
                f"the feed has {len(entries)} entries, so none with the number {number}",
                hint=f"Give --entry a number from 1, the newest, to {len(entries)}",
            )
        return entries[number - 1]
    chosen = next((entry for entry in entries if not is_known(entry.url)), None)
    if chosen is None:
        raise NewsletterError(
            f"each of the {len(entries)} entries of this feed has an issue already",
            hint="Choose one by its number, with --entry 1 for the newest",
        )
    return chosen


def _shown(source: str) -> str:
    return (source if source.isprintable() else repr(source))[:_SHOWN]
