"""Reading a CSV file of any size, whatever program wrote it, in two passes.

The first settles encoding, line ends and delimiter and finds all that is wrong with the file as
a whole, before anything is written; the second streams its records.
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
"""Characters in one record; more is no list of people."""

_DELIMITERS = ",;\t|"
_SAMPLE = 65_536
# What a name looks like that an old Mac (MacRoman) or DOS (CP850) wrote and Windows-1252 reads, by
# the tables at https://encoding.spec.whatwg.org and https://www.unicode.org/Public/MAPPINGS: signs
# and capitals that stand directly behind a small letter.
_OTHER_CODE_PAGE = re.compile(
    "[a-z](?:[\u017d\u0160\u0178\u0152\u201a\u201e\u2030\u02c6\u2021\u2020\u2018\u2039\u02dc]"
    "|[\u201c\u201d\u2022\u2122\u00a2\u00a3\u00a4](?=[a-z]))|[A-Z][\u017d\u0160\u0178\u0152](?=[a-z])"
)
_BOMS = {codecs.BOM_UTF8: "utf-8-sig", codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16"}


class Record(NamedTuple):
    """One row: the line it begins on, and its cells.

    ``cells`` holds only the line as it is when its quotes are ``broken``.
    """

    line: int
    cells: list[str]
    broken: bool = False


@dataclass(frozen=True, slots=True)
class CsvFile:
    """A file that can be read as CSV to its end.

    Attributes:
        preamble: Lines before the header (a spreadsheet's ``sep=``).
        rows: Records below the header that hold anything: the total for a progress bar.
    """

    path: Path
    encoding: str
    delimiter: str
    preamble: int
    header: tuple[str, ...]
    rows: int

    def records(self) -> Iterator[Record]:
        """Yield the records below the header, without those that hold nothing."""
        with _open(self.path, self.encoding) as file:
            found = _records(_Lines(file, self.path.name), self.delimiter, self.preamble)
            yield from itertools.islice(found, 1, None)


Watch = Callable[[tuple[str, ...]], Callable[[list[str]], None]]
"""Is given the header, then every record below it that can be read: see `inspect`."""


def inspect(
    path: Path, is_known: Callable[[tuple[str, ...]], bool], watch: Watch = lambda _: lambda _: None
) -> CsvFile:
    """Read a file once from end to end and tell what it is.

    Args:
        path: A regular file.
        is_known: Tells whether a header makes sense; it settles the delimiter in doubt.
        watch: Looks at everything in it on the way. The encoding is not known yet: see `as_text`.

    Raises:
        NewsletterError: It cannot be read, is empty or no text, mixes encodings, leaves a quote
            open, or has a line longer than `RECORD_LIMIT`.
    """
    try:
        if not path.is_file():
            path.stat()
            raise NewsletterError(
                f"{path.name} is not a regular file", hint="Save it to a file first"
            )
        return _inspect(path, is_known, watch)
    except OSError as error:
        raise NewsletterError(
            f"{path} cannot be read: {error.strerror}", hint="Check its name and rights"
        ) from None
    except UnicodeDecodeError:
        raise NewsletterError(
            f"{path.name} is damaged: it says it is UTF-16 and is not",
            hint="Save it again as CSV (UTF-8)",
        ) from None


def as_text(cell: str) -> str:
    """Return a cell that `inspect` showed as the text that it most likely is."""
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


def _inspect(path: Path, is_known: Callable[[tuple[str, ...]], bool], watch: Watch) -> CsvFile:
    with path.open("rb") as raw:
        start = raw.read(4)
    declared = next((name for bom, name in _BOMS.items() if start.startswith(bom)), "")
    # In Latin-1 each byte is a character, so that lines and quotes can be found before the
    # encoding is known; in what follows only ASCII characters count.
    first_guess = declared if declared == "utf-16" else "latin-1"
    with _open(path, first_guess) as file:
        file.seek(len(codecs.BOM_UTF8) if declared == "utf-8-sig" else 0)
        sample = file.read(_SAMPLE)
    if not sample.strip():
        raise NewsletterError(f"{path.name} is empty", hint="Export the list again")
    preamble, delimiter = _delimiter(sample, is_known)
    with _open(path, first_guess) as file:
        file.seek(len(codecs.BOM_UTF8) if declared == "utf-8-sig" else 0)
        lines = _CheckedLines(file, path.name, declared)
        rows = _count(_records(lines, delimiter, preamble), watch)
    encoding = lines.encoding()
    with _open(path, encoding) as file:
        header = next(_records(_Lines(file, path.name), delimiter, preamble), None)
    if header is None:
        raise NewsletterError(f"{path.name} is empty", hint="Export the list again")
    return CsvFile(path, encoding, delimiter, preamble, tuple(header.cells), rows)


def _count(records: Iterator[Record], watch: Watch) -> int:
    header = next(records, None)
    if header is None:
        return 0
    look = watch(tuple(map(as_text, header.cells)))
    rows = 0
    for record in records:
        rows += 1
        if not record.broken:
            look(record.cells)
    return rows


def _open(path: Path, encoding: str) -> TextIO:
    # Without translation of line ends: the csv module asks for that, and they count as lines.
    return path.open(encoding=encoding, newline="")


def _delimiter(sample: str, is_known: Callable[[tuple[str, ...]], bool]) -> tuple[int, str]:
    """Return how many lines precede the header, and what parts its cells."""
    lines = io.StringIO(sample, newline=None).readlines()
    said = lines[0].rstrip("\n").strip('"')
    if said[:-1].lower() == "sep=" and said[-1] in _DELIMITERS:
        return 1, said[-1]
    headers = {
        delimiter: next((tuple(row) for row in csv.reader(lines, delimiter=delimiter) if row), ())
        for delimiter in _DELIMITERS
    }
    return 0, max(
        _DELIMITERS, key=lambda delimiter: (is_known(headers[delimiter]), len(headers[delimiter]))
    )


class _Lines:
    """The lines of a file for the csv module, which asks for another while a quote is open.

    Attributes:
        number: Of the line given last; ``line`` is that line.
        begun: Of the line on which the present record begins.
    """

    def __init__(self, file: TextIO, where: str) -> None:
        self._file = file
        self._where = where
        self.number = 0
        self.begun = 1
        self.line = ""

    def __iter__(self) -> Iterator[str]:
        for line in self._file:
            self.number += 1
            self.line = line
            yield line
        self.line = ""

    def open_quote(self) -> NewsletterError:
        """Return the error that says where a quote was opened and not closed."""
        return NewsletterError(
            f"a quote opened on line {self.begun} is not closed",
            where=self._where,
            hint='Close it there, or write "" for a quote inside a cell',
        )


class _CheckedLines(_Lines):
    """The same, looking on the way whether each line can be used, and in what encoding it is."""

    def __init__(self, file: TextIO, where: str, declared: str) -> None:
        super().__init__(file, where)
        self._declared = declared
        self._utf8 = 1 if declared == "utf-8-sig" else 0
        self._other = 0
        self._odd = 0

    def __iter__(self) -> Iterator[str]:
        size = 0
        while line := self._file.readline(RECORD_LIMIT + 1):
            self.number += 1
            self.line = line
            size = len(line) if self.number == self.begun else size + len(line)
            if size > RECORD_LIMIT:
                raise self._too_long()
            if "\0" in line:
                raise self._unusable(
                    f"holds NUL bytes (line {self.number}), so it is not a CSV file",
                    "Save it as CSV (UTF-8)",
                )
            if not line.isascii() and self._declared != "utf-16":
                self._look_at(line.encode("latin-1"))
            yield line
        self.line = ""

    def _too_long(self) -> NewsletterError:
        if self.number > self.begun:
            return self.open_quote()
        return self._unusable(
            f"line {self.number} is longer than a million characters",
            "Export the list again, one person a line",
        )

    def _unusable(self, problem: str, hint: str) -> NewsletterError:
        return NewsletterError(problem, where=self._where, hint=hint)

    def encoding(self) -> str:
        """Return the encoding in which every line can be read."""
        if self._odd:
            raise self._unusable(
                f"line {self._odd} holds letters of an old Mac or DOS encoding, so names would come"
                " out wrong",
                "Save it again as CSV (UTF-8)",
            )
        return self._declared or ("cp1252" if self._other else "utf-8")

    def _look_at(self, raw: bytes) -> None:
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
                self._odd = self._odd or self.number
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
    # Strictly: a quote left open would otherwise swallow rows up to the next quote.
    rows = csv.reader(source, delimiter=delimiter, strict=True)
    while True:
        lines.begun = begun = lines.number + 1
        try:
            cells = next(rows)
        except StopIteration:
            return
        except csv.Error:
            if lines.number > begun or not lines.line:
                raise lines.open_quote() from None
            line = lines.line.rstrip("\r\n")
            escaped = _with_backslashes(line, delimiter)
            yield Record(begun, escaped) if escaped else Record(begun, [line], broken=True)
            continue
        if any(map(str.strip, cells)):
            yield Record(begun, cells)


def _with_backslashes(line: str, delimiter: str) -> list[str] | None:
    """Return the cells of a line with a backslash before each quote in a cell, as MailPoet has it.

    None if that makes no sense of it either.
    """
    if '\\"' not in line:
        return None
    rows = csv.reader([line], delimiter=delimiter, strict=True, doublequote=False, escapechar="\\")
    try:
        return next(rows, None)
    except csv.Error:
        return None
