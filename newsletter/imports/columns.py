"""Recognise the columns of an imported file."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from newsletter.errors import NewsletterError
from newsletter.imports import formats, stems, words
from newsletter.imports.formats import column_name
from newsletter.model import SubscriberStatus
from newsletter.subscriptions.export import OWN_COLUMNS

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

_SHOWN = 40
_LISTED = 20


@dataclass(frozen=True, slots=True)
class OwnColumns:
    """The columns that only our own export has; an import of such a file keeps their values."""

    created_at: int
    confirmed_at: int
    source: int


@dataclass(frozen=True, slots=True)
class StatusColumn:
    """A column that shows who is subscribed or who left.

    Attributes:
        words: The status that each known word means; None if the word says nothing.
        otherwise: The status that any other word means, if any.
        date: The status that a date means, if any.
        blank: The status that an empty cell means, if any.
    """

    number: int
    words: Mapping[str, SubscriberStatus | None]
    otherwise: SubscriberStatus | None = None
    date: SubscriberStatus | None = None
    blank: SubscriberStatus | None = None


@dataclass(frozen=True, slots=True)
class Columns:
    """The numbers of the cells that an import reads from a row, counted from 0.

    Attributes:
        width: The number of cells in the header.
        own: Set if the file is our own export.
        left_at: Columns that may hold the time at which the person left.
        known: Columns that are read.
        others: The names of the columns that are not recognised, by number.
        default_status: The status of a row that gives none, in a file that lists opt-outs only.
    """

    width: int
    own: OwnColumns | None
    email: int
    first_name: int | None
    full_name: int | None
    opted_in_at: tuple[int, ...]
    ip: tuple[int, ...]
    status: tuple[StatusColumn, ...]
    left_at: tuple[int, ...]
    known: frozenset[int] = frozenset()
    others: Mapping[int, str] = field(default_factory=dict)
    default_status: SubscriberStatus | None = None

    @property
    def shows_only_who_left(self) -> bool:
        """Return whether no column shows who is subscribed, and one shows who left."""
        return any(column.otherwise for column in self.status) and all(
            column.words.get("active") is None for column in self.status
        )

    def with_blank_as_subscribed(self, sometimes: Collection[int]) -> Columns:
        """Return these columns, with an empty unsubscribe date read as "subscribed".

        Args:
            sometimes: Columns that are filled in some rows and empty in others. Without another
                status column, this difference is how the file shows who left.
        """
        if self.default_status or not self.shows_only_who_left:
            return self
        status = tuple(
            replace(
                column,
                blank=SubscriberStatus.ACTIVE,
                words={
                    word: meaning or SubscriberStatus.ACTIVE
                    for word, meaning in column.words.items()
                },
            )
            if column.number in sometimes and column.otherwise is SubscriberStatus.UNSUBSCRIBED
            else column
            for column in self.status
        )
        return replace(self, status=status)


def email_column(header: Sequence[str]) -> int | None:
    """Return the number of the address column, if the header has a known name for it."""
    return _first([column_name(name) for name in header], formats.EMAIL)


def find(header: Sequence[str], name: str, *, where: str, hint: str) -> int:
    """Return the number of the column with this name, or with this number, as in "#5".

    Raises:
        NewsletterError: There is no such column, or there are two.
    """
    if name.startswith("#") and name[1:].isdecimal() and 0 < int(name[1:]) <= len(header):
        return int(name[1:]) - 1
    wanted = formats.plain(name)
    found = [number for number, other in enumerate(header) if formats.plain(other) == wanted]
    if len(found) != 1:
        how_many = "more than one column" if found else "no column"
        raise NewsletterError(
            f'{where} has {how_many} "{name}"; the columns are {listed(header)}', hint=hint
        )
    return found[0]


def mapped(
    header: Sequence[str], names: Mapping[str, str | Sequence[str]], *, where: str
) -> dict[str, tuple[int, ...]]:
    """Return the numbers of the columns that `--map` names, by field.

    Raises:
        NewsletterError: There is no such column, or there are two.
    """
    numbers = {}
    for name, given in names.items():
        columns = [given] if isinstance(given, str) else list(given)
        hint = f"Use the name that the column for {name} has in the file"
        numbers[name] = tuple(find(header, column, where=where, hint=hint) for column in columns)
    return numbers


def recognise(
    header: Sequence[str],
    mapped: Mapping[str, Sequence[int]],
    *,
    where: str,
    states: Collection[int] = (),
) -> Columns:
    """Recognise each column by its name.

    Args:
        header: The names in the file's first row.
        mapped: Fields (of `formats.FIELDS`) that `--map` points at columns, by number.
        where: The file's name, for errors.
        states: Columns that hold status words only. Such a column counts as a status column even
            if its name is ambiguous.

    Raises:
        NewsletterError: There is no address column.
    """
    given = {number for numbers in mapped.values() for number in numbers}
    names = _unmapped_names(header, given)
    email = mapped.get("email", [_first(names, formats.EMAIL)])[0]
    if email is None:
        raise _missing_address_error(header, where)
    given_status = (_mapped_status(n, header[n]) for n in mapped.get("status", ()))
    status = (*given_status, *_status_columns(names, states))
    first_name = mapped.get("first_name", [_first(names, formats.FIRST_NAME)])[0]
    full_name = _first(names, formats.FULL_NAME)
    if first_name is None and formats.LAST_NAME & set(names):
        first_name = full_name
    opted_in_at = tuple(mapped.get("opted_in_at", _all(names, formats.OPTED_IN_AT)))
    ip = tuple(mapped.get("ip", _all(names, formats.IP)))
    own = _own(header)
    known = {email, first_name, full_name, *opted_in_at, *ip, *given, *_numbers(status, own)}
    all_left = formats.OPT_OUT_FILE_MARK in names
    newsletters = _newsletter_columns(names, known) if all_left else ()
    status += newsletters
    known |= _numbers(newsletters)
    return Columns(
        width=len(names),
        own=own,
        email=email,
        first_name=first_name,
        full_name=full_name,
        opted_in_at=opted_in_at,
        ip=ip,
        status=_with_inactive(status, names),
        left_at=tuple(column.number for column in status if column.otherwise),
        known=_present(known),
        others=_others(header, names, known),
        default_status=SubscriberStatus.UNSUBSCRIBED if all_left else None,
    )


def _present(numbers: Iterable[int | None]) -> frozenset[int]:
    return frozenset(number for number in numbers if number is not None)


def _unmapped_names(header: Sequence[str], given: Collection[int]) -> list[str]:
    """Return the names of the columns; empty for a column that `--map` names: only that counts."""
    return ["" if number in given else column_name(name) for number, name in enumerate(header)]


def _numbers(status: Iterable[StatusColumn], own: OwnColumns | None = None) -> set[int | None]:
    numbers: set[int | None] = {column.number for column in status}
    return numbers | {own.created_at, own.confirmed_at, own.source} if own else numbers


def _others(
    header: Sequence[str], names: Sequence[str], known: Collection[int | None]
) -> dict[int, str]:
    """Return the columns that are not recognised and may matter."""
    return {
        number: header[number]
        for number, name in enumerate(names)
        if number not in known and name not in formats.HARMLESS
    }


def _newsletter_columns(
    names: Sequence[str], known: Collection[int | None]
) -> tuple[StatusColumn, ...]:
    """Return the columns of a file of opt-outs that are each about one newsletter."""
    return tuple(
        _leaving(number, SubscriberStatus.UNSUBSCRIBED)
        for number, name in enumerate(names)
        if number not in known and name not in _ABOUT_PEOPLE
    )


_ABOUT_PEOPLE = formats.HARMLESS | {"record id", "contact id"}


def _leaving(number: int, status: SubscriberStatus) -> StatusColumn:
    return StatusColumn(number, words.NO_IS_NOTHING, status, date=status)


def _mapped_status(number: int, name: str) -> StatusColumn:
    """Return the status column for `--map status=`; its name shows what a yes in it means."""
    kind = stems.kind(name)
    if kind is stems.Kind.LEAVING:
        status = stems.status_of(name)
        meanings = {**words.NO_IS_NOTHING, **_LEAVERS}
        return StatusColumn(number, meanings, status, date=status)
    subscribed_when = kind is stems.Kind.PERMISSION or column_name(name) in formats.SUBSCRIBED_WHEN
    return StatusColumn(
        number, words.YES_OR_NO, date=SubscriberStatus.ACTIVE if subscribed_when else None
    )


_LEAVERS = {
    word: status for word, status in words.WORDS.items() if status is not SubscriberStatus.ACTIVE
}


def _status_columns(names: Sequence[str], states: Collection[int]) -> tuple[StatusColumn, ...]:
    stated = [*_all(names, formats.STATUS)]
    if formats.MARKS_OF_BUTTONDOWN & set(names):
        stated += _all(names, (formats.STATUS_OF_BUTTONDOWN,))
    ambiguous = _all(names, tuple(formats.STATUS_IF_ITS_WORDS_ARE))
    stated += [number for number in ambiguous if number in states]
    found = [StatusColumn(number, words.WORDS) for number in stated]
    found += [
        StatusColumn(
            number,
            words.YES_OR_NO,
            date=SubscriberStatus.ACTIVE if names[number] in formats.SUBSCRIBED_WHEN else None,
        )
        for number in _all(names, formats.SUBSCRIBED)
    ]
    found += [StatusColumn(n, words.NO_IS_PENDING) for n in _all(names, formats.CONFIRMED)]
    return *found, *_leaving_columns(names)


def _leaving_columns(names: Sequence[str]) -> Iterator[StatusColumn]:
    """Yield the columns that show who left."""
    for meanings, plain_no in (
        (formats.LEFT_OR_NOT, words.NO_IS_SUBSCRIBED),
        (formats.LEFT, words.NO_IS_NOTHING),
    ):
        for number in _all(names, tuple(meanings)):
            meaning = meanings[names[number]]
            yield StatusColumn(number, plain_no, meaning, date=meaning)
    yield from (
        _leaving(number, SubscriberStatus.UNSUBSCRIBED)
        for number, name in enumerate(names)
        if name.startswith(formats.LEFT_ONE_LETTER_PREFIX)
    )
    for number in _all(names, (formats.OPTOUT_TYPE,)):
        yield StatusColumn(number, formats.OPTOUT_TYPES, SubscriberStatus.UNSUBSCRIBED)


def _with_inactive(
    status: tuple[StatusColumn, ...], names: Sequence[str]
) -> tuple[StatusColumn, ...]:
    """Give "inactive" its meaning in the tool that wrote the file, if the tool is known."""
    for marks, meaning in formats.INACTIVE_IS:
        if marks & set(names):
            return tuple(
                replace(column, words={**column.words, "inactive": meaning})
                if column.words is words.WORDS
                else column
                for column in status
            )
    return status


def _own(header: Sequence[str]) -> OwnColumns | None:
    if not set(header) >= set(OWN_COLUMNS):
        return None
    return OwnColumns(*(header.index(name) for name in ("created_at", "confirmed_at", "source")))


def _missing_address_error(header: Sequence[str], where: str) -> NewsletterError:
    if any("@" in name for name in header):
        return NewsletterError(
            "the first line holds an address where the names of the columns belong",
            where=where,
            hint="Put a line such as email,first_name above it",
        )
    return NewsletterError(
        f"{where} has no address column; the columns are {listed(header)}",
        hint="Name the column with --map email=COLUMN",
    )


def missing_status_error(
    header: Sequence[str], where: str, *, leavers_only: bool = False
) -> NewsletterError:
    """Return the error for a file that does not show who is subscribed."""
    if leavers_only:
        problem = "no column shows who left"
        way = "If everyone in this file left, use --as-suppressed instead of --leavers-only"
    else:
        problem = "no column shows who is subscribed"
        way = (
            "If everyone in this file is subscribed, use --all-subscribed; if everyone left,"
            " --as-suppressed"
        )
    return NewsletterError(
        f"{problem}; the columns are {listed(header)}",
        where=where,
        hint=f"Name the column with --map status=COLUMN. {way}",
    )


def listed(header: Sequence[str]) -> str:
    """Return the names of columns for a message, except names that hold an address."""
    return ", ".join(f'"{shown(name)}"' for name in header[:_LISTED] if "@" not in name)


def shown(name: str) -> str:
    """Return the name of a column on one line, shortened."""
    return " ".join(name.split())[:_SHOWN]


def _first(names: Sequence[str], known: Sequence[str]) -> int | None:
    return next((names.index(name) for name in known if name in names), None)


def _all(names: Sequence[str], known: Sequence[str]) -> tuple[int, ...]:
    order = {name: rank for rank, name in enumerate(known)}
    found = [number for number, name in enumerate(names) if name in order]
    return tuple(sorted(found, key=lambda number: order[names[number]]))
