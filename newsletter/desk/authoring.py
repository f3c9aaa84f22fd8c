"""`newsletter new`: from a source to a draft among the issues."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from newsletter.article.drafting import write_draft
from newsletter.article.furniture import remove_furniture
from newsletter.article.prose import word_count
from newsletter.article.selection import MIN_WORDS, select_parts
from newsletter.article.words import draft_texts
from newsletter.desk import article_source, folder, new_issue, post_pictures
from newsletter.desk.issues import shown_path, slug_of_path
from newsletter.errors import NewsletterError
from newsletter.model import Article, LineKind

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date, datetime
    from pathlib import Path

    from newsletter.article.drafting import DraftText
    from newsletter.article.furniture import BareArticle, Cut
    from newsletter.article.selection import Selection
    from newsletter.config import Settings
    from newsletter.desk.article_source import FoundArticle
    from newsletter.desk.new_issue import IssuePlace
    from newsletter.model import ArticleLine

_OTHERS: Final = 5


@dataclass(frozen=True, slots=True)
class NewDraft:
    """A draft that was made.

    Attributes:
        path: Its file, as the author would type it.
        slug: Its slug.
        article: The address of its article; "" where it is not known.
        send_at: When it goes out if its file does not say otherwise.
        draft: Its text.
        cut: What of the source was left out as furniture.
        alternatives: What could stand in its place, by the name of the part.
        held: Which earlier days are held by a draft, and what a digest cannot have yet; a sentence
            on each.
        unknown_address: How to make the address of the article known; "" where it is.
    """

    path: str
    slug: str
    article: str
    send_at: datetime
    draft: DraftText
    cut: tuple[Cut, ...]
    alternatives: Mapping[str, tuple[str, ...]]
    held: tuple[str, ...] = ()
    unknown_address: str = ""


def make_draft(
    settings: Settings,
    source: str,
    *,
    url: str,
    day: date | None,
    entry: int | None,
    now: datetime,
    write: bool,
) -> NewDraft:
    """Make a draft from an article, or an empty one without a source.

    Args:
        settings: The newsletter's settings.
        source: An address, a file, `-`, or "" for an empty draft.
        url: The article's address, where the author gives it.
        day: The day of the issue; None for the next free one.
        entry: The number of a feed's entry; None for the newest without an issue.
        now: The moment.
        write: Write the file; otherwise the text alone is wanted.

    Raises:
        NewsletterError: There is no article, it has an issue already, or the file is not written.
    """
    if write:
        folder.require_folder(settings)
    if day:
        new_issue.require_sensible_day(day, settings, now)
    found = _find(settings, source, url, entry)
    if write:
        _refuse_second(settings, found)
    bare = remove_furniture(found.article)
    if source:
        _require_prose(bare, found.article)
    selection = select_parts(bare)
    names = [*selection.subjects[:1], bare.title, _last_part(bare.url), found.name]
    texts = draft_texts(settings.language)
    place = new_issue.find_place(settings, [*names, texts.name], day, now)
    if write and source and not bare.url:
        _refuse_namesake(settings, place)
    made = _write(settings, selection, bare, place, found.path, write=write)
    return replace(made, unknown_address=_unknown_address(settings, found, made))


def _find(settings: Settings, source: str, url: str, entry: int | None) -> FoundArticle:
    if not source:
        return article_source.FoundArticle(Article(lines=(), url=url), None, "")
    return article_source.find_article(
        settings,
        source,
        url=url,
        entry=entry,
        is_known=lambda one: new_issue.find_introduction(settings, one) is not None,
    )


def _refuse_second(settings: Settings, found: FoundArticle) -> None:
    url = found.article.url
    known = new_issue.find_introduction(settings, url) if url else None
    if known:
        go_on = f"Go on with it: newsletter preview {slug_of_path(known)}"
        raise NewsletterError(
            f"{shown_path(settings, known)} introduces this article already",
            hint=f"{go_on}; {found.others}" if found.others else go_on,
        )


def _refuse_namesake(settings: Settings, place: IssuePlace) -> None:
    """Refuse to make the same draft twice where no address shows that it is the same."""
    known = new_issue.find_namesake(settings, place)
    if known:
        raise NewsletterError(
            f"{shown_path(settings, known)} has the same title",
            hint=f"Go on with it: newsletter preview {slug_of_path(known)}; "
            "or give the address of another article: --url https://…",
        )


def _unknown_address(settings: Settings, found: FoundArticle, made: NewDraft) -> str:
    if made.article or not found.is_post or settings.permalink:
        return ""
    return (
        "give it with --url, or write once in the settings how your site makes addresses, "
        'permalink = "https://…/{slug}/" (docs/new.md)'
    )


def _require_prose(article: BareArticle, read: Article) -> None:
    """Check that there is enough text for a letter.

    Raises:
        NewsletterError: There is not; it says how much there was before the furniture was removed.
    """
    if article.words >= MIN_WORDS:
        return
    whole = sum(word_count(line.text) for line in read.lines)
    if whole < MIN_WORDS:
        raise NewsletterError(
            f"there is no article here: the text has {whole} word{'s' * (whole != 1)}, and an "
            f"article has {MIN_WORDS} or more",
            hint="Give the whole text; or make an empty draft to write in: newsletter new",
        )
    raise NewsletterError(
        f"there is no article here: of {whole} words, all but {article.words} are furniture of "
        "its site",
        hint="Is it the page of a login or of cookies? Open the article in a browser, copy "
        "its text into a file, and give that",
    )


def _last_part(url: str) -> str:
    return url.partition("?")[0].rstrip("/").rpartition("/")[2] if url.count("/") > 2 else ""  # noqa: PLR2004 - those of https://


def _write(
    settings: Settings,
    selection: Selection,
    bare: BareArticle,
    place: IssuePlace,
    post: Path | None,
    *,
    write: bool,
) -> NewDraft:
    files = post_pictures.find_pictures(selection.opening, post)
    if post is None:
        selection = replace(selection, opening=_without_images(selection))
    shown, copied = post_pictures.place_pictures(settings.root, place.slug, files)
    draft = write_draft(selection, bare.url, draft_texts(settings.language), shown)
    if write:
        new_issue.write_issue(settings, place, draft.text, copied)
    return NewDraft(
        path=shown_path(settings, place.path),
        slug=place.slug,
        article=bare.url,
        send_at=place.send_at,
        draft=draft,
        cut=bare.cut,
        alternatives={
            "subjects": selection.subjects[1:_OTHERS],
            "preheaders": selection.preheaders[1:_OTHERS],
            "quotes": tuple(one.text for one in selection.quotes[1:_OTHERS]),
            "reflections": selection.reflections[1:_OTHERS],
        },
        held=place.held,
    )


def _without_images(selection: Selection) -> tuple[ArticleLine, ...]:
    """Leave out the images of a page: they are at its site, and a letter asks no site for one."""
    return tuple(line for line in selection.opening if line.kind is not LineKind.IMAGE)
