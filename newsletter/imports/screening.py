"""Screen the whole file before its first row counts: does an unknown column hold a refusal?

A person whose status column says "active" and whose next column says "no newsletter" has refused.
So an unknown column stops the import if its name or its cells may say that a person left, refused,
bounced, complained or gave no permission. The author then says what the column means.
"""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from newsletter.errors import NewsletterError
from newsletter.imports import columns as columns_
from newsletter.imports import formats, stems, words
from newsletter.imports.csv_file import as_text
from newsletter.imports.stems import Kind
from newsletter.model import SubscriberStatus

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

    from newsletter.imports.columns import Columns

_REMEMBERED = 4096  # distinct cells of a column, to examine each only once
_EXAMPLES = 5
_SHOWN = 40
_NAMED = 6

_LINK = re.compile(r"(?:https?://|www\.|mailto:)\S+", re.IGNORECASE)
_ZERO = re.compile(r"0+(?:[ ,]0+)?(?: ?%)?")
_DATE = re.compile(
    r"\d{1,4}[ /]\d{1,2}[ /]\d{1,4}\b.*|\d{8}(?:t?\d{4,6})?z?"
    r"|(?:\w+,? )?\d{1,2} (?:jan|feb|mar|maa|mrt|apr|may|mei|jun|jul|aug|sep|oct|okt|nov|dec)\w*,?"
    r" \d{4}\b.*|(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)\w* \d{1,2},? \d{4}\b.*"
)
_CLEAR_YES = (
    words.YES
    | frozenset(word for word, status in words.WORDS.items() if status is SubscriberStatus.ACTIVE)
    | {
        *("granted", "given", "gegeven", "akkoord", "accepted", "geaccepteerd", "agreed"),
        *("allowed", "toegestaan", "toestemming", "toestemming gegeven", "consent given"),
        *("consented", "consent", "opt ins", "double opt in", "single opt in", "yes please"),
        *("ja graag", "ja, graag", "ja akkoord", "subscribe", "email", "verleend"),
    }
)
_NO_PERMISSION = frozenset({"none", "nil"})  # in a column of another kind, an empty cell
_PLAIN_NO = (words.NO - {"0", "0 0", "0,0", "0 00", "0,00"}) | {"never", "nooit"}
# An empty cell means "subscribed" only in columns with such a name.
_SHOWS_WHO_LEFT = re.compile(r"unsub|uitschr|uitgeschr|afmeld|afgemeld|opt ?out|opted ?out|cancel")


def looks_like_date(word: str) -> bool:
    """Return whether a text in the form of `formats.plain` is a date in any usual order."""
    return _DATE.fullmatch(word) is not None


@dataclass(slots=True)
class _Column:
    """What the screening found in one column."""

    name: str
    kind: Kind
    against: dict[str, None] = field(default_factory=dict)
    others: dict[str, None] = field(default_factory=dict)
    blank: bool = False
    filled: bool = False
    zero: bool = False
    count: bool = False
    only_status: bool = True
    seen: dict[str, None] = field(default_factory=dict)

    def examine(self, cell: str) -> None:
        """Examine a cell with a text that is new in this column."""
        if len(self.seen) >= _REMEMBERED:
            self.seen.clear()
        self.seen[cell] = None
        text = as_text(cell)
        word = formats.plain(text)
        if word in words.BLANK and not (self.kind is Kind.PERMISSION and word in _NO_PERMISSION):
            self.blank = True
            return
        zero = _ZERO.fullmatch(word) is not None
        no = word in words.NO_IS_NOTHING or zero
        if no and self.kind is Kind.LEAVING:
            self.blank = True
        else:
            self.filled = True
        self.zero |= zero
        self.count |= word not in {"0", "1"}
        self.only_status &= word in words.WORDS or word in words.NOT_SURE
        self._keep_example(word, text, no=no)

    def _keep_example(self, word: str, text: str, *, no: bool) -> None:
        against = self._is_against(word, text, no=no) or (
            self.kind is not Kind.CHANNEL and stems.forbids_mail(self.name, text)
        )
        kept = self.against if against else self.others
        if len(kept) < _EXAMPLES:
            kept[text] = None

    def _is_against(self, word: str, text: str, *, no: bool) -> bool:
        if self.kind is Kind.LEAVING:
            return not no and not _LINK.fullmatch(text.strip())
        if self.kind is Kind.PERMISSION:
            return word not in _CLEAR_YES and not looks_like_date(word)
        return self.kind is Kind.SUBSCRIPTION and word in _PLAIN_NO

    def stops_import(self) -> bool:
        """Return whether this column may hold a refusal that the import would miss."""
        if self.against:
            return True
        if self.kind is Kind.PERMISSION:
            return self.blank and self.filled
        # Under "Receives mail", 0 is a no if the only other number is 1; otherwise it is a count.
        flag = self.zero and not self.count and not stems.is_counted(self.name)
        return self.kind is Kind.SUBSCRIPTION and flag

    def examples(self) -> str:
        """Return some values of the column for a message: shortened, and without addresses."""
        values = [*self.against, *self.others][:_EXAMPLES]
        if self.kind is Kind.PERMISSION and self.blank:
            values.append("")
        return ", ".join(
            f'"{_cut(value)}"' if value else "nothing in some rows" for value in values
        )


def _cut(text: str) -> str:
    text = " ".join("(an address)" if "@" in word else word for word in text.split())
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"


class Screen:
    """Examines a file while it is read for the first time.

    Args:
        where: The file's name, for errors.
        mapping: What `--map` says, by field.
        ignore: The columns that `--ignore` names.
    """

    def __init__(
        self, where: str, mapping: Mapping[str, str | Sequence[str]], ignore: Collection[str]
    ) -> None:
        self._where = where
        self._mapping = mapping
        self._ignore = ignore
        self._observed: dict[int, _Column] = {}
        self._heading = ""

    def observe(self, header: tuple[str, ...]) -> Callable[[list[str]], None]:
        """Return the function that examines each record below this header."""
        try:
            columns = self._recognise(header)
            ignored = self._ignored(header, columns)
        except NewsletterError:
            return lambda _: None  # `columns` raises it again after the whole file is read
        leaving = {column.number for column in columns.status if column.otherwise}
        observed = {
            number: _Column(header[number], Kind.LEAVING if number in leaving else stems.kind(name))
            for number, name in [*columns.others.items(), *((n, header[n]) for n in leaving)]
            if number not in ignored
        }
        self._observed = observed
        looks = [(number, column.seen, column.examine) for number, column in observed.items()]
        width, email = len(header), columns.email

        def look(cells: list[str]) -> None:
            if "@" not in "".join(cells[email : email + 1]):
                self._look_for_heading(header, cells)
            if len(cells) < width:
                cells = cells + [""] * (width - len(cells))
            for number, seen, examine in looks:
                cell = cells[number]
                if cell not in seen:
                    examine(cell)

        return look

    def _look_for_heading(self, header: Sequence[str], cells: Sequence[str]) -> None:
        """Notice a heading between the rows, as people write in lists that they keep by hand."""
        filled = [(name, cell) for name, cell in zip(header, cells, strict=False) if cell.strip()]
        if len(filled) == 1 and stems.forbids_mail(*filled[0]):
            self._heading = self._heading or filled[0][1]

    def columns(self, header: Sequence[str]) -> Columns:
        """Return the columns, after the whole file was read.

        Raises:
            NewsletterError: A column that `--map` or `--ignore` names does not exist, or cannot
                be ignored.
        """
        states = [
            number
            for number, column in self._observed.items()
            if formats.column_name(column.name) in formats.STATUS_IF_ITS_WORDS_ARE
            and column.only_status
            and column.filled
        ]
        found = self._recognise(header, states)
        self._ignored(header, found)
        mapped = self._mapped(header).get("status", ())
        sometimes = [
            number
            for number, column in self._observed.items()
            if column.blank
            and column.filled
            and (number in mapped or _SHOWS_WHO_LEFT.search(formats.column_name(column.name)))
        ]
        return found.with_blank_as_subscribed(sometimes)

    def check(self, header: Sequence[str], columns: Columns) -> None:
        """Stop the import if an unknown column, or a line between the rows, may hold a refusal.

        Raises:
            NewsletterError: There is such a column or line.
        """
        if self._heading:
            raise NewsletterError(
                f'a line without an address says "{_cut(self._heading)}", which may be about all'
                " rows below it, so nothing was imported",
                where=self._where,
                hint="Put the rows of people who left into a separate file, and import it with"
                " --as-suppressed",
            )
        stopping = [
            (number, column)
            for number, column in self._observed.items()
            if number in columns.others and column.stops_import()
        ]
        if not stopping:
            return
        found = [
            f"{_quoted(column.name, number)} holds {column.examples()}"
            for number, column in stopping[:_NAMED]
        ]
        names = [shlex.quote(_typed(header, number)) for number, _ in stopping]
        maps = " ".join(f"--map status={name}" for name in names)
        ignores = " ".join(f"--ignore {name}" for name in names)
        what = "a column is" if len(stopping) == 1 else f"{len(stopping)} columns are"
        raise NewsletterError(
            f"{what} not known and may say who left or does not want mail, so nothing was imported:"
            f" {'; '.join(found)}",
            where=self._where,
            hint=f"Add {maps} for columns that show who is subscribed or left, and {ignores} for"
            " columns that do not",
        )

    def _mapped(self, header: Sequence[str]) -> dict[str, tuple[int, ...]]:
        return columns_.mapped(header, self._mapping, where=self._where)

    def _recognise(self, header: Sequence[str], states: Collection[int] = ()) -> Columns:
        return columns_.recognise(header, self._mapped(header), where=self._where, states=states)

    def _ignored(self, header: Sequence[str], columns: Columns) -> frozenset[int]:
        hint = "Use the name that the column has in the file"
        numbers = [
            columns_.find(header, name, where=self._where, hint=hint) for name in self._ignore
        ]
        for number in numbers:
            if number in columns.known:
                raise NewsletterError(
                    f"the import reads the column {_quoted(header[number], number)}, so it cannot"
                    " be ignored",
                    where=self._where,
                    hint="Leave out that --ignore. A person becomes active only if all known"
                    " columns agree",
                )
        return frozenset(numbers)


def _quoted(name: str, number: int) -> str:
    shown = columns_.shown(name)
    return f'"{shown}"' if shown and "@" not in shown else f"column {number + 1}"


def _typed(header: Sequence[str], number: int) -> str:
    """Return how to name a column in an option: by name or, if the name is unusable, by number."""
    name = " ".join(header[number].split())
    same = [other for other in header if formats.plain(other) == formats.plain(name)]
    usable = name and len(same) == 1 and "@" not in name and name.isprintable()
    return name if usable and not name.startswith("#") else f"#{number + 1}"
