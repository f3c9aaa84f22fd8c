"""Read a CSV file of any size, from any program, in two passes.

The first pass finds the encoding, the line ends and the delimiter, and every error that makes the
whole file unusable, before anything is stored. The second pass streams the records.
"""

from __future__ import annotations

import codecs
import csv
import io
import itertools
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple, TextIO

from newsletter.errors import NewsletterError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

RECORD_LIMIT = 1_000_000
"""The most characters in one record; a longer one does not come from a list of people."""

_DELIMITERS = ",;\t|"
_SAMPLE = 65_536
# A name in the encoding of an old Mac (MacRoman) or DOS (CP850), read as Windows-1252: signs and
# capitals directly after a small letter. From the tables at https://encoding.spec.whatwg.org and
# https://www.unicode.org/Public/MAPPINGS.
_OTHER_CODE_PAGE = re.compile(
    "[a-z](?:[\u017d\u0160\u0178\u0152\u201a\u201e\u2030\u02c6\u2021\u2020\u2018\u2039\u02dc]"
    "|[\u201c\u201d\u2022\u2122\u00a2\u00a3\u00a4](?=[a-z]))|[A-Z][\u017d\u0160\u0178\u0152](?=[a-z])"
)
_ZIP = b"PK\x03\x04"  # an Excel file is a zip too
_BOMS = {codecs.BOM_UTF8: "utf-8-sig", codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16"}


class Record(NamedTuple):
    """One row: the number of its first line, and its cells.

    If its quotes are ``broken``, ``cells`` holds the unchanged line as its only item.
    """

    line: int
    cells: list[str]
    broken: bool = False


@dataclass(frozen=True, slots=True)
class CsvFile:
    """A file that can be read as CSV from start to end.

    Attributes:
        preamble: Lines before the header (a spreadsheet's ``sep=``).
        rows: The number of records below the header that are not empty, for a progress bar.
    """

    path: Path
    encoding: str
    delimiter: str
    preamble: int
    header: tuple[str, ...]
    rows: int

    def records(self) -> Iterator[Record]:
        """Yield the records below the header that are not empty."""
        with _open_text(self.path, self.encoding) as file:
            found = _records(_Lines(file, self.path.name), self.delimiter, self.preamble)
            yield from itertools.islice(found, 1, None)


RecordObserver = Callable[[tuple[str, ...]], Callable[[list[str]], None]]
"""A function of the header that returns a function of each readable record: see `inspect`."""


def inspect(
    path: Path,
    is_known: Callable[[tuple[str, ...]], bool],
    observer: RecordObserver = lambda _: lambda _: None,
) -> CsvFile:
    """Read a file once from start to end and return its format.

    Args:
        path: A regular file.
        is_known: Returns whether a header is recognised; used to choose the delimiter.
        observer: Gets each record. The encoding is not known at that point: see `as_text`.

    Raises:
        NewsletterError: The file cannot be read, is empty or not text, mixes encodings, has a
            quote that is not closed, or a line longer than `RECORD_LIMIT`.
    """
    try:
        if not path.is_file():
            path.stat()
            raise NewsletterError(
                f"{path.name} is not a regular file", hint="Save it to a file first"
            )
        return _inspect(path, is_known, observer)
    except OSError as error:
        raise NewsletterError(
            f"{path} cannot be read: {error.strerror}", hint="Check its name and permissions"
        ) from None
    except UnicodeDecodeError:
        raise NewsletterError(
            f"{path.name} is damaged: it is marked as UTF-16 but is not valid UTF-16",
            hint="Save it again as CSV (UTF-8)",
        ) from None


def as_text(cell: str) -> str:
    """Return the most likely text of a cell that `inspect` passes to `observer`."""
    if cell.isascii():
        return cell
    try:
        raw = cell.encode("latin-1")
    except UnicodeEncodeError:
        return cell
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return raw.decode("cp1252", "replace")


def _inspect(
    path: Path, is_known: Callable[[tuple[str, ...]], bool], observer: RecordObserver
) -> CsvFile:
    with path.open("rb") as raw:
        start = raw.read(4)
    if start == _ZIP:
        raise NewsletterError(
            f"{path.name} is a zip or an Excel file, not a CSV file",
            hint="Unpack it and give the .csv file in it; or save it in Excel as CSV (UTF-8)",
        )
    declared = next((name for bom, name in _BOMS.items() if start.startswith(bom)), "")
    # In Latin-1 each byte is a character, so lines and quotes can be found before the encoding is
    # known; the code below depends on ASCII characters only.
    first_guess = declared if declared == "utf-16" else "latin-1"
    with _open_text(path, first_guess) as file:
        file.seek(len(codecs.BOM_UTF8) if declared == "utf-8-sig" else 0)
        sample = file.read(_SAMPLE)
    if not sample.strip():
        raise NewsletterError(f"{path.name} is empty", hint="Export the list again")
    preamble, delimiter = _delimiter(sample, is_known)
    with _open_text(path, first_guess) as file:
        file.seek(len(codecs.BOM_UTF8) if declared == "utf-8-sig" else 0)
        lines = _CheckedLines(file, path.name, declared)
        rows = _count(_records(lines, delimiter, preamble), observer)
    encoding = lines.encoding()
    with _open_text(path, encoding) as file:
        header = next(_records(_Lines(file, path.name), delimiter, preamble), None)
    if header is None:
        raise NewsletterError(f"{path.name} is empty", hint="Export the list again")
    return CsvFile(path, encoding, delimiter, preamble, tuple(header.cells), rows)


def _count(records: Iterator[Record], observer: RecordObserver) -> int:
    header = next(records, None)
    if header is None:
        return 0
    observe = observer(tuple(map(as_text, header.cells)))
    rows = 0
    for record in records:
        rows += 1
        if not record.broken:
            observe(record.cells)
    return rows


def _open_text(path: Path, encoding: str) -> TextIO:
    # Line ends are not translated: the csv module requires that, and line numbers depend on it.
    return path.open(encoding=encoding, newline="")


def _delimiter(sample: str, is_known: Callable[[tuple[str, ...]], bool]) -> tuple[int, str]:
    """Return the number of lines before the header, and the delimiter of its cells."""
    lines = io.StringIO(sample, newline=None).readlines()
    first = lines[0].rstrip("\n").strip('"')
    if first[:-1].lower() == "sep=" and first[-1] in _DELIMITERS:
        return 1, first[-1]
    headers = {
        delimiter: next((tuple(row) for row in csv.reader(lines, delimiter=delimiter) if row), ())
        for delimiter in _DELIMITERS
    }
    return 0, max(
        _DELIMITERS, key=lambda delimiter: (is_known(headers[delimiter]), len(headers[delimiter]))
    )


class _Lines:
    """The lines of a file for the csv module, which reads on while a quote is open.

    Attributes:
        number: The number of the last line that was read; ``line`` is its text.
        record_start: The number of the first line of the current record.
    """

    def __init__(self, file: TextIO, where: str) -> None:
        self._file = file
        self._where = where
        self.number = 0
        self.record_start = 1
        self.line = ""

    def __iter__(self) -> Iterator[str]:
        for line in self._file:
            self.number += 1
            self.line = line
            yield line
        self.line = ""

    def open_quote(self) -> NewsletterError:
        """Return the error for a quote that is not closed."""
        return NewsletterError(
            f"a quote opened on line {self.record_start} is not closed",
            where=self._where,
            hint='Close it there, or write "" for a quote inside a cell',
        )


class _CheckedLines(_Lines):
    """Lines that are checked while they are read: can each be used, and what is its encoding?"""

    def __init__(self, file: TextIO, where: str, declared: str) -> None:
        super().__init__(file, where)
        self._declared = declared
        self._utf8 = 1 if declared == "utf-8-sig" else 0
        self._other = 0
        self._wrong_code_page = 0

    def __iter__(self) -> Iterator[str]:
        size = 0
        while line := self._file.readline(RECORD_LIMIT + 1):
            self.number += 1
            self.line = line
            size = len(line) if self.number == self.record_start else size + len(line)
            if size > RECORD_LIMIT:
                raise self._too_long()
            if "\0" in line:
                raise self._unusable(
                    f"holds NUL bytes (line {self.number}), so it is not a CSV file",
                    "Save it as CSV (UTF-8)",
                )
            if not line.isascii() and self._declared != "utf-16":
                self._detect_encoding(line.encode("latin-1"))
            yield line
        self.line = ""

    def _too_long(self) -> NewsletterError:
        if self.number > self.record_start:
            return self.open_quote()
        return self._unusable(
            f"line {self.number} is longer than a million characters",
            "Export the list again, with one person on each line",
        )

    def _unusable(self, problem: str, hint: str) -> NewsletterError:
        return NewsletterError(problem, where=self._where, hint=hint)

    def encoding(self) -> str:
        """Return the encoding of all lines; call it after the last one."""
        if self._wrong_code_page:
            raise self._unusable(
                f"line {self._wrong_code_page} holds letters of an old Mac or DOS encoding,"
                " so names would be wrong",
                "Save it again as CSV (UTF-8)",
            )
        return self._declared or ("cp1252" if self._other else "utf-8")

    def _detect_encoding(self, raw: bytes) -> None:
        try:
            raw.decode()
            self._utf8 = self._utf8 or self.number
        except UnicodeDecodeError:
            self._other = self._other or self.number
            self._check_windows(raw)
        if self._utf8 and self._other:
            raise self._unusable(
                f"the file mixes encodings: line {self._utf8} is UTF-8, line {self._other} is not",
                "Save it again as CSV (UTF-8) from one program",
            )

    def _check_windows(self, raw: bytes) -> None:
        try:
            if _OTHER_CODE_PAGE.search(raw.decode("cp1252")):
                self._wrong_code_page = self._wrong_code_page or self.number
        except UnicodeDecodeError:
            raise self._unusable(
                f"line {self.number} is neither UTF-8 nor Windows-1252",
                "Save it again as CSV (UTF-8)",
            ) from None


def _records(lines: _Lines, delimiter: str, preamble: int) -> Iterator[Record]:
    source = iter(lines)
    for _ in range(preamble):
        next(source, None)
    csv.field_size_limit(max(csv.field_size_limit(), RECORD_LIMIT))
    # Strict: otherwise a quote that is not closed takes in all rows up to the next quote.
    rows = csv.reader(source, delimiter=delimiter, strict=True)
    while True:
        lines.record_start = start = lines.number + 1
        try:
            cells = next(rows)
        except StopIteration:
            return
        except csv.Error:
            if lines.number > start or not lines.line:
                raise lines.open_quote() from None
            line = lines.line.rstrip("\r\n")
            escaped = _with_backslashes(line, delimiter)
            yield Record(start, escaped) if escaped else Record(start, [line], broken=True)
            continue
        if any(map(str.strip, cells)):
            yield Record(start, cells)


def _with_backslashes(line: str, delimiter: str) -> list[str] | None:
    """Return the cells of a line that escapes quotes with a backslash, as MailPoet writes it.

    Return None if the line cannot be read that way either.
    """
    if '\\"' not in line:
        return None
    rows = csv.reader([line], delimiter=delimiter, strict=True, doublequote=False, escapechar="\\")
    try:
        return next(rows, None)
    except csv.Error:
        return None
