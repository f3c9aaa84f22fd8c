"""Substack: a ZIP file with `posts.csv` and `posts/ID.NAME.html`.

The columns of `posts.csv`: post_id, post_date, is_published, email_sent_at, inbox_sent_at, type,
audience, title, subtitle, podcast_url. Beside them are lists of subscribers and of who opened what;
these are never read. Source: the exports that https://github.com/TryGhost/migrate reads,
packages/mg-substack.
"""

from __future__ import annotations

import re
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Final

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
    says_yes,
)
from newsletter.archive.importing.tables import read_columns, read_table
from newsletter.errors import NewsletterError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from newsletter.archive.importing.export_file import ExportFile

_TABLE: Final = "posts.csv"
_SENT: Final = {"newsletter", "podcast", "video", ""}
_FOR_ALL: Final = {"everyone", ""}
_OF_OTHERS: Final = re.compile(
    r"<div[^<>]*\bdata-dynamic-audiences=\"(?![^<>\"]*\bnon_sub)[^<>\"]*\"[^<>]*>", re.IGNORECASE
)


def is_substack(export: ExportFile) -> bool:
    """Tell whether an export is one of Substack."""
    table = export.find(_TABLE)
    return bool(table) and {"post_id", "is_published"} <= read_columns(export, table)


def read_substack(export: ExportFile) -> ExportContents:
    """Return what is in an export of Substack.

    Raises:
        NewsletterError: Its table cannot be read.
    """
    table = export.find(_TABLE)
    files = {
        PurePosixPath(name).name.removesuffix(".html"): name
        for name in export.beside(table, "posts", ".html")
    }
    rows = read_table(export, table)
    items = (_read_row(export, row, files) for row in rows)
    return ExportContents("Substack", len(rows), items)


def _read_row(
    export: ExportFile, row: Mapping[str, str], files: Mapping[str, str]
) -> SentLetter | LeftOut:
    post = row.get("post_id", "").strip()
    title = row.get("title", "").strip()
    known = title or post
    if reason := _why_not(row):
        return LeftOut(known, reason)
    sent_at = read_moment(row.get("post_date", "") or row.get("email_sent_at", ""))
    if sent_at is None:
        return LeftOut(known, NO_DATE)
    if post not in files:
        return LeftOut(known, NO_TEXT)
    try:
        markup = export.read_text(files[post], LARGEST)
    except NewsletterError as error:
        return LeftOut(known, error.problem)
    return SentLetter(
        title=title,
        sent_at=sent_at,
        markup=_OF_OTHERS.sub('<div hidden="">', markup),
        preheader=row.get("subtitle", "").strip(),
        name=post.partition(".")[2],
    )


def _why_not(row: Mapping[str, str]) -> str:
    """Return why a post is no letter that everyone could read; "" where it is one."""
    if not says_yes(row.get("is_published", "")):
        return NOT_SENT
    if row.get("type", "").strip().casefold() not in _SENT:
        return NO_LETTER
    return "" if row.get("audience", "").strip().casefold() in _FOR_ALL else NOT_FOR_ALL
