"""Tables of an export: CSV, with the names of its columns in lower case."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING, Final

from newsletter.archive.importing.export_file import shown_name
from newsletter.article.charset import decode
from newsletter.errors import NewsletterError

if TYPE_CHECKING:
    from newsletter.archive.importing.export_file import ExportFile

_LARGEST: Final = 100 << 20
_FIRST_LINE: Final = 20_000


def read_table(export: ExportFile, name: str) -> list[dict[str, str]]:
    """Return the rows of a table; a column that a row lacks is "".

    Raises:
        NewsletterError: It cannot be read.
    """
    text = export.read_text(name, _LARGEST).replace("\0", "")
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=_delimiter(text))
    try:
        header = [cell.strip().casefold() for cell in next(reader, [])]
        full = ((*row, *[""] * len(header)) for row in reader if row)
        rows = [dict(zip(header, row, strict=False)) for row in full]
    except csv.Error as error:
        raise NewsletterError(
            f"the table cannot be read: {error}",
            where=f"{shown_name(name)}:{reader.line_num}",
            hint="Give the file as it came: a program may have changed it",
        ) from None
    return rows


def read_columns(export: ExportFile, name: str) -> frozenset[str]:
    """Return the names of a table's columns, of which nothing else is read."""
    text = decode(export.read_bytes(name, _FIRST_LINE)[:_FIRST_LINE])
    first = text.partition("\n")[0].replace("\0", "")
    cells = next(csv.reader([first], delimiter=_delimiter(first)), [])
    return frozenset(cell.strip().casefold() for cell in cells)


def _delimiter(text: str) -> str:
    first = text.partition("\n")[0]
    return max(",;\t", key=first.count)
