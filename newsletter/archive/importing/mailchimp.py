"""Mailchimp: a ZIP file with `campaigns.csv` and `campaigns_content/ID_TITLE.html`.

The table has a row for each campaign that was sent; the folder also has drafts. What joins the two
is the title, as words with hyphens. Sources: https://mailchimp.com/help/export-and-back-up-account-data/
and the columns Title, Subject, List, Send Date, Unique Id. A page of the campaign archive alone has
no date: the name of its file gives it, `2021-03-04-name.html`.
"""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from datetime import datetime, time
from itertools import chain
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Final

from newsletter.archive.importing.elements import find_preview
from newsletter.archive.importing.letters import (
    LARGEST,
    NO_DATE,
    NO_TEXT,
    NOT_SENT,
    ExportContents,
    LeftOut,
    SentLetter,
    read_moment,
)
from newsletter.archive.importing.tables import read_columns, read_table
from newsletter.article.page_tree import parse_html
from newsletter.content.dates import find_date
from newsletter.errors import NewsletterError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from newsletter.archive.importing.export_file import ExportFile

_NAME: Final = "Mailchimp"
_TABLE: Final = "campaigns.csv"
_FOLDER: Final = "campaigns_content"
_OF_MAILCHIMP: Final = re.compile(
    r"\bmcn[A-Z]\w+|\bmce[A-Z]\w+|list-manage\d*\.com|campaign-archive|mailchimp", re.IGNORECASE
)
_GIVE_DATE: Final = "name the file 2021-03-04-name.html, or give the whole export"
_HEAD: Final = 200_000
_SURELY: Final = 15  # letters of a title that was cut off


def is_mailchimp(export: ExportFile) -> bool:
    """Tell whether an export is one of Mailchimp, or pages of its campaign archive."""
    table = export.find(_TABLE)
    if table:
        return {"subject", "send date"} <= read_columns(export, table)
    pages = _pages(export)
    return bool(pages) and bool(
        _OF_MAILCHIMP.search(export.read_bytes(pages[0], _HEAD).decode("utf-8", "replace"))
    )


def read_mailchimp(export: ExportFile) -> ExportContents:
    """Return what is in an export of Mailchimp.

    Raises:
        NewsletterError: Its table cannot be read.
    """
    table = export.find(_TABLE)
    if not table:
        pages = _pages(export)
        return ExportContents(_NAME, len(pages), (_read_page(export, name) for name in pages))
    rows = sorted(read_table(export, table), key=_sent_first)
    files = export.beside(table, _FOLDER, ".html")
    pairs = _pair(rows, files)
    letters = (_read_row(export, row, pairs.get(index, "")) for index, row in enumerate(rows))
    others = sorted(set(files) - set(pairs.values()))
    not_sent = (LeftOut(_title_of(name) or name, NOT_SENT) for name in others)
    return ExportContents(_NAME, len(rows) + len(others), chain(letters, not_sent))


def _pages(export: ExportFile) -> list[str]:
    return [name for name in export.names if name.casefold().endswith((".html", ".htm"))]


def _sent_first(row: Mapping[str, str]) -> str:
    sent_at = read_moment(row.get("send date", ""))
    return sent_at.replace(tzinfo=None).isoformat() if sent_at else "9"


def _read_row(export: ExportFile, row: Mapping[str, str], file: str) -> SentLetter | LeftOut:
    subject = row.get("subject", "").strip()
    known = subject or row.get("title", "").strip() or row.get("unique id", "")
    if not row.get("send date", "").strip():
        return LeftOut(known, NOT_SENT)
    sent_at = read_moment(row["send date"])
    if sent_at is None:
        return LeftOut(known, NO_DATE)
    if not file:
        return LeftOut(known, NO_TEXT)
    try:
        markup = export.read_text(file, LARGEST)
        preview = find_preview(markup)
    except NewsletterError as error:
        return LeftOut(known, error.problem)
    return SentLetter(subject or known, sent_at, markup, preheader=preview)


def _read_page(export: ExportFile, name: str) -> SentLetter | LeftOut:
    known = PurePosixPath(name).stem
    day, rest = find_date(known)
    if day is None:
        return LeftOut(known, f"{NO_DATE}: {_GIVE_DATE}")
    try:
        markup = export.read_text(name, LARGEST)
        preview = find_preview(markup)
    except NewsletterError as error:
        return LeftOut(known, error.problem)
    head = parse_html(markup).css_first("title")
    title = " ".join(head.text().split()) if head else ""
    noon = datetime.combine(day, time(12))
    return SentLetter(title or rest.strip("-_ "), noon, markup, preheader=preview)


def _pair(rows: Sequence[Mapping[str, str]], files: Sequence[str]) -> dict[int, str]:
    """Return the file of each row, by the row's index.

    Where several have one title, the first that was sent has the first number; but only when there
    are as many files as rows, for else it would be a guess.
    """
    by_title: dict[str, list[str]] = defaultdict(list)
    by_id: dict[str, list[str]] = defaultdict(list)
    for name in sorted(files, key=_number):
        by_title[_flat(_title_of(name))].append(name)
        for part in PurePosixPath(name).stem.casefold().split("_"):
            by_id[part].append(name)
    pairs: dict[int, str] = {}
    taken: set[str] = set()
    for column, known in (("unique id", by_id), ("title", by_title), ("subject", by_title)):
        wanted: dict[str, list[int]] = defaultdict(list)
        for index, row in enumerate(rows):
            if index not in pairs and (flat := _flat(row.get(column, ""))):
                wanted[flat].append(index)
        for flat, indexes in wanted.items():
            found = [one for one in _find(flat, known) if one not in taken]
            if len(found) == len(indexes):
                pairs.update(zip(indexes, found, strict=True))
                taken.update(found)
    return pairs


def _find(flat: str, known: Mapping[str, list[str]]) -> list[str]:
    """Return the files of a title or id; a long title may be cut off in the name of a file."""
    lengths = range(len(flat), min(_SURELY, len(flat)) - 1, -1)
    return next((known[flat[:length]] for length in lengths if flat[:length] in known), [])


def _number(name: str) -> tuple[int, str]:
    """Return the number that a file's name begins with: campaigns are counted as they are made."""
    number = PurePosixPath(name).name.partition("_")[0]
    return (int(number) if re.fullmatch(r"\d{1,18}", number) else 0), name


def _title_of(name: str) -> str:
    return PurePosixPath(name).stem.partition("_")[2].strip("-_ ")


def _flat(text: str) -> str:
    """Return the letters and digits of a title, as the names of files have them."""
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().casefold()
    return "".join(re.findall(r"[a-z0-9]+", plain))
