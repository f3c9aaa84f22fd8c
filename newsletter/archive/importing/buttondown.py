"""Buttondown: a ZIP file or folder with `emails/NAME.md`, and a table of them.

The table is `emails.json` or `emails.csv` (id, secondary_id, subject, publish_date, source, slug;
in others also status, email_type, body). Without it, each file has its own front matter, as
Buttondown's command line writes it. Sources: packages/mg-buttondown of
https://github.com/TryGhost/migrate, and src/lib/serde/email.ts of https://github.com/buttondown/cli.
"""

from __future__ import annotations

import json
import re
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any, Final

from newsletter.archive.importing.letters import (
    LARGEST,
    NO_DATE,
    NO_TEXT,
    NOT_FOR_ALL,
    NOT_SENT,
    ExportContents,
    LeftOut,
    SentLetter,
    read_moment,
)
from newsletter.archive.importing.markdown_html import markdown_to_html
from newsletter.archive.importing.tables import read_columns, read_table
from newsletter.article.front_matter import split_front_matter
from newsletter.errors import NewsletterError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from newsletter.archive.importing.export_file import ExportFile

_NAME: Final = "Buttondown"
_LARGEST: Final = 200 << 20
_SENT: Final = {"", "sent", "published", "imported", "resending", "archival"}
_FOR_ALL: Final = {"", "public", "archival"}
_HTML: Final = re.compile(r"\s*<!--\s*buttondown-editor-mode:\s*fancy\s*-->")
_OWN_KEYS: Final = {"email_type", "publish_date", "status", "secondary_id", "commenting_mode"}
_LISTS: Final = ("emails", "results", "data")


def is_buttondown(export: ExportFile) -> bool:
    """Tell whether an export is one of Buttondown."""
    if table := export.find("emails.csv"):
        return {"subject", "publish_date"} <= read_columns(export, table)
    if export.find("emails.json"):
        return True
    files = _files(export)
    try:
        fields, _ = _split(export, files[0]) if files else ({}, "")
    except NewsletterError:
        return any(PurePosixPath(name).parent.name == "emails" for name in files)
    return "subject" in fields and bool(_OWN_KEYS & set(fields))


def read_buttondown(export: ExportFile) -> ExportContents:
    """Return what is in an export of Buttondown.

    Raises:
        NewsletterError: Its table cannot be read.
    """
    files = _files(export)
    rows = _read_rows(export)
    if rows is None:
        return ExportContents(_NAME, len(files), (_read_file(export, name) for name in files))
    by_stem = {PurePosixPath(name).stem: name for name in files}
    items = (_read_row(export, row, _file_of(row, by_stem)) for row in rows)
    return ExportContents(_NAME, len(rows), items)


def _file_of(row: Mapping[str, Any], by_stem: Mapping[str, str]) -> str:
    return by_stem.get(_text(row, "slug")) or by_stem.get(_text(row, "id")) or ""


def _files(export: ExportFile) -> list[str]:
    names = [name for name in export.names if name.casefold().endswith((".md", ".markdown"))]
    inside = [name for name in names if PurePosixPath(name).parent.name == "emails"]
    return inside or names


def _read_rows(export: ExportFile) -> list[dict[str, Any]] | None:
    if name := export.find("emails.json"):
        try:
            said = json.loads(export.read_text(name, _LARGEST))
        except (ValueError, RecursionError):
            raise NewsletterError(
                "this is no JSON, or it is damaged",
                where=name,
                hint="Download the export again, and give the file as it came",
            ) from None
        if isinstance(said, dict):
            said = next((said[key] for key in _LISTS if isinstance(said.get(key), list)), [])
        return [row for row in said if isinstance(row, dict)] if isinstance(said, list) else []
    table = export.find("emails.csv")
    return [dict(row) for row in read_table(export, table)] if table else None


def _text(row: Mapping[str, Any], name: str) -> str:
    value = row.get(name)
    return "" if value is None else str(value).strip()


def _split(export: ExportFile, name: str) -> tuple[Mapping[str, Any], str]:
    return split_front_matter(export.read_text(name, LARGEST))


def _read_file(export: ExportFile, name: str) -> SentLetter | LeftOut:
    stem = PurePosixPath(name).stem
    try:
        fields, body = _split(export, name)
    except NewsletterError as error:
        return LeftOut(stem, error.problem)
    return _letter({"slug": stem, **fields}, body)


def _read_row(export: ExportFile, row: Mapping[str, Any], file: str) -> SentLetter | LeftOut:
    known = _text(row, "subject") or _text(row, "slug")
    try:
        fields, body = _split(export, file) if file else ({}, _text(row, "body"))
    except NewsletterError as error:
        return LeftOut(known, error.problem)
    return _letter({**fields, **{key: value for key, value in row.items() if value}}, body)


def _letter(row: Mapping[str, Any], body: str) -> SentLetter | LeftOut:
    title = _text(row, "subject")
    known = title or _text(row, "slug")
    if _text(row, "status").casefold() not in _SENT:
        return LeftOut(known, NOT_SENT)
    if _text(row, "email_type").casefold() not in _FOR_ALL:
        return LeftOut(known, NOT_FOR_ALL)
    sent_at = read_moment(_text(row, "publish_date"))
    if sent_at is None:
        return LeftOut(known, NO_DATE)
    if not body.strip():
        return LeftOut(known, NO_TEXT)
    try:
        markup = _HTML.sub("", body) if _HTML.match(body) else markdown_to_html(body)
    except NewsletterError as error:
        return LeftOut(known, error.problem)
    url = _text(row, "canonical_url")
    tags = row.get("tags")
    return SentLetter(
        title=title,
        sent_at=sent_at,
        markup=markup,
        preheader=_text(row, "description"),
        name=_text(row, "slug"),
        url=url if url.startswith(("https://", "http://")) else "",
        themes=tuple(str(one) for one in tags) if isinstance(tags, list) else (),
    )
