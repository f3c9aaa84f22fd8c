"""Ghost: a JSON file with the tables of its database, alone or in a ZIP file.

Of the tables, `posts`, `posts_meta`, `tags` and `posts_tags` are read; members are in none of them.
`__GHOST_URL__` stands for the site's address, which no table has. Source: core/server/data/exporter
and core/server/data/schema/schema.js of https://github.com/TryGhost/Ghost.
"""

from __future__ import annotations

import json
import re
from collections import defaultdict
from datetime import UTC, datetime
from html import escape
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any, Final

from newsletter.archive.importing.ghost_documents import lexical_to_html, mobiledoc_to_html
from newsletter.archive.importing.letters import (
    LARGEST,
    NO_DATE,
    NO_LETTER,
    NO_TEXT,
    NOT_FOR_ALL,
    NOT_SENT,
    ExportContents,
    LeftOut,
    SentLetter,
    read_moment,
)
from newsletter.article.markdown import replace_between
from newsletter.errors import NewsletterError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from newsletter.archive.importing.export_file import ExportFile

_LARGEST: Final = 200 << 20
_MOST_TRIED: Final = 5
_SITE: Final = re.compile(r"__GHOST_URL__(?=/content/)")
_ADDRESS_OF_SITE: Final = re.compile(r"__GHOST_URL__[^\s\"'<>]*")
_MEMBERS_BEGIN: Final = re.compile(r"<!--\s*kg-gated-block:begin(?![^<>]*nonMember:true)[^<>]*-->")
_MEMBERS_END: Final = re.compile(r"<!--\s*kg-gated-block:end[^<>]*-->")
_TO_ALL: Final = {"", "all", "none", "status:free,status:-free"}


def find_ghost(export: ExportFile) -> Mapping[str, Any] | None:
    """Return the tables of an export of Ghost; None where it is none.

    Raises:
        NewsletterError: The file is damaged or too large.
    """
    names = [name for name in export.names if name.casefold().endswith(".json")]
    for name in sorted(names, key=lambda one: (one.count("/"), one))[:_MOST_TRIED]:
        if PurePosixPath(name).name.casefold() == "emails.json":
            continue
        try:
            said = json.loads(export.read_text(name, _LARGEST))
        except (ValueError, RecursionError):
            continue
        database = said.get("db") if isinstance(said, dict) else None
        tables = database[0] if isinstance(database, list) and database else said
        data = tables.get("data") if isinstance(tables, dict) else None
        if isinstance(data, dict) and isinstance(data.get("posts"), list):
            return data
    return None


def read_ghost(data: Mapping[str, Any]) -> ExportContents:
    """Return what is in the tables of an export of Ghost."""
    about = {str(row.get("post_id")): row for row in _rows(data, "posts_meta")}
    themes = _read_themes(data)
    posts = [(str(post.get("id")), post) for post in _rows(data, "posts")]
    items = (_read_post(post, about.get(key, {}), tuple(themes[key])) for key, post in posts)
    return ExportContents("Ghost", len(posts), items)


def _rows(data: Mapping[str, Any], table: str) -> list[dict[str, Any]]:
    rows = data.get(table)
    return [row for row in rows if isinstance(row, dict)] if isinstance(rows, list) else []


def _text(row: Mapping[str, Any], name: str) -> str:
    value = row.get(name)
    return value.strip() if isinstance(value, str) else ""


def _read_themes(data: Mapping[str, Any]) -> defaultdict[str, list[str]]:
    names = {
        str(tag.get("id")): _text(tag, "name")
        for tag in _rows(data, "tags")
        if _text(tag, "visibility") != "internal" and not _text(tag, "name").startswith("#")
    }
    found: defaultdict[str, list[str]] = defaultdict(list)
    for row in sorted(_rows(data, "posts_tags"), key=_order):
        if name := names.get(str(row.get("tag_id"))):
            found[str(row.get("post_id"))].append(name)
    return found


def _order(row: Mapping[str, Any]) -> int:
    order = row.get("sort_order")
    return order if isinstance(order, int) else 0


def _read_post(
    post: Mapping[str, Any], about: Mapping[str, Any], themes: tuple[str, ...]
) -> SentLetter | LeftOut:
    title = _text(post, "title")
    known = title or _text(post, "slug")
    if reason := _why_not(post):
        return LeftOut(known, reason)
    sent_at = _moment(post.get("published_at"))
    if sent_at is None:
        return LeftOut(known, NO_DATE)
    try:
        markup = _markup(post)
    except NewsletterError as error:
        return LeftOut(known, error.problem)
    if not markup:
        return LeftOut(known, NO_TEXT)
    if len(markup) > LARGEST:
        return LeftOut(known, f"it is larger than {LARGEST >> 20} MB")
    url = _text(post, "canonical_url")
    return SentLetter(
        title=_text(about, "email_subject") or title,
        sent_at=sent_at,
        markup=_local(_cover(post, about) + _for_all(markup)),
        preheader=_text(post, "custom_excerpt"),
        name=_text(post, "slug"),
        url=url if url.startswith(("https://", "http://")) else "",
        themes=themes,
    )


def _why_not(post: Mapping[str, Any]) -> str:
    """Return why a post is no letter that everyone could read; "" where it is one."""
    if _text(post, "type") == "page" or bool(post.get("page")):
        return NO_LETTER
    status = _text(post, "status")
    if status not in {"published", "sent"}:
        return NOT_SENT
    if _text(post, "visibility") not in {"", "public"}:
        return NOT_FOR_ALL
    # A post that was only mailed has no page, so its recipients are all who could read it.
    only_some = status == "sent" and _text(post, "email_recipient_filter") not in _TO_ALL
    return NOT_FOR_ALL if only_some else ""


def _moment(value: object) -> datetime | None:
    if isinstance(value, int) and 0 < value < 1 << 42:  # milliseconds, in old versions
        return datetime.fromtimestamp(value / 1000, UTC)
    found = read_moment(value) if isinstance(value, str) else None
    return found.replace(tzinfo=found.tzinfo or UTC) if found else None


def _markup(post: Mapping[str, Any]) -> str:
    if html := _text(post, "html"):
        return html
    if lexical := _text(post, "lexical"):
        return lexical_to_html(lexical)
    return mobiledoc_to_html(_text(post, "mobiledoc"))


def _for_all(markup: str) -> str:
    """Leave out the parts that only members saw."""
    return replace_between(markup, _MEMBERS_BEGIN, _MEMBERS_END, "")


def _cover(post: Mapping[str, Any], about: Mapping[str, Any]) -> str:
    source = _text(post, "feature_image")
    if not source:
        return ""
    image = f'<img src="{escape(source)}" alt="{escape(_text(about, "feature_image_alt"))}">'
    caption = _text(about, "feature_image_caption")
    return f"<figure>{image}<figcaption>{caption}</figcaption></figure>"


def _local(markup: str) -> str:
    """Keep of the site's addresses those of pictures, as files; a link within the site goes."""
    return _ADDRESS_OF_SITE.sub("", _SITE.sub("", markup))
