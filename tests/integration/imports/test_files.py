"""Files as programs really write them, and files that are broken: nothing is written then."""

from __future__ import annotations

import random
import string
from typing import TYPE_CHECKING

import pytest

from newsletter.errors import NewsletterError
from tests.support.subscribers import fresh_store, import_text, rows, statuses

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from newsletter.store import Store

LIST = "email,voornaam,status\nzoe@example.org,Zo\u00eb,active\nrene@example.org,Ren\u00e9,active\n"


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    store = fresh_store(tmp_path)
    yield store
    store.close()


def names(store: Store) -> dict[str, str | None]:
    return {email: row["first_name"] for email, row in rows(store).items()}


@pytest.mark.parametrize("ends", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-be", "cp1252"])
def test_encoding_delimiter_and_line_ends_are_found(
    store: Store, tmp_path: Path, encoding: str, delimiter: str, ends: str
) -> None:
    text = LIST.replace(",", delimiter).replace("\n", ends)
    raw = text.encode(encoding)
    if encoding == "utf-16-be":
        raw = b"\xfe\xff" + raw
    assert import_text(store, tmp_path, raw).added == 2
    assert names(store) == {"zoe@example.org": "Zo\u00eb", "rene@example.org": "Ren\u00e9"}


@pytest.mark.parametrize("first", ["sep=;\r\n", '"sep=;"\n'])
def test_a_spreadsheets_own_first_line_is_heeded(store: Store, tmp_path: Path, first: str) -> None:
    report = import_text(
        store, tmp_path, f'{first}a,b;email;status\n"x;y";anna@example.org;active\n'
    )
    assert report.added == 1


def test_the_column_with_addresses_settles_the_delimiter(store: Store, tmp_path: Path) -> None:
    text = '"a,b,c,d";email;status\nx;anna@example.org;active\n'
    assert import_text(store, tmp_path, text).added == 1


def test_cells_may_hold_line_ends_and_rows_may_be_ragged(store: Store, tmp_path: Path) -> None:
    report = import_text(
        store,
        tmp_path,
        'email,status,notes\nanna@example.org,active,"one\ntwo, three\r\n""four"""\n'
        "bas@example.org,active\ncor@example.org,active,x,,\ndirk@example.org,active,x,y\n",
    )
    assert (report.added, report.invalid) == (3, 1)
    assert report.reasons == {"more cells than columns": 1}


def test_only_a_header_is_an_empty_list(store: Store, tmp_path: Path) -> None:
    report = import_text(store, tmp_path, "email,status\n\n")
    assert (report.rows, report.reasons) == (0, {})


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "is empty"),
        (b"\xef\xbb\xbf \r\n\r\n", "is empty"),
        (b"naam,plaats\nAnna,Delft\n", 'has no address column; the columns are "naam", "plaats"'),
        (b"naam,plaats\nAnna,Delft\n", "--map email=COLUMN"),
        (b"anna@example.org,Anna\n", "the first line holds an address"),
        (
            LIST.encode() + "ren\u00e9@example.org,R,active\n".encode("cp1252"),
            "mixes encodings: line 2 is UTF-8, line 4 is not",
        ),
        (b"\xef\xbb\xbf" + LIST.encode("cp1252"), "mixes encodings: line 1 is UTF-8, line 2"),
        (b"email,status\nanna@example.org,\x81ctive\n", "line 2 is neither UTF-8 nor"),
        (
            b'email,status\na@example.org,active\n"b@example.org,active\n',
            "a quote opened on line 3",
        ),
        (
            b'email,status\n"b@example.org,active\n' + b"c@example.org,active\n" * 60_000,
            "a quote opened on line 2 is not closed",
        ),
        (
            b'email,status\nx@example.org,"active\nb@example.org,active\nc@example.org,"active"\n',
            "a quote opened on line 2 is not closed",
        ),
        (b"email,status\n" + b"x" * 10_000_000, "line 2 is longer than a million characters"),
        (b"email,status\nanna@example.org,a\0ctive\n", "holds NUL bytes (line 2)"),
        (
            "email,voornaam,status\nanna@example.org,André,active\n".encode("mac-roman"),
            "line 2 holds letters of an old Mac or DOS encoding",
        ),
        (
            "email,voornaam,status\nanna@example.org,Zoë,active\n".encode("cp850"),
            "line 2 holds letters of an old Mac or DOS encoding",
        ),
        (
            "email,voornaam,status\nanna@example.org,Jürgen König,active\n".encode("mac-roman"),
            "line 2 holds letters of an old Mac or DOS encoding",
        ),
        (b"PK\x03\x04\x14\x00\x06\x00", "is a zip or an Excel file"),
        ("email,status\n".encode("utf-16-le"), "holds NUL bytes"),
        ("email,status\n".encode("utf-16") + b"\x00", "is damaged: it is marked as UTF-16"),
    ],
)
def test_a_broken_file_is_one_line_and_writes_nothing(
    store: Store, tmp_path: Path, content: bytes, says: str
) -> None:
    with pytest.raises(NewsletterError) as caught:
        import_text(store, tmp_path, content)
    assert says in str(caught.value)
    assert "\n" not in str(caught.value)
    assert "list.csv" in str(caught.value)
    assert "@" not in str(caught.value)
    assert caught.value.exit_code == 1
    assert statuses(store) == {}


@pytest.mark.parametrize("name", ["missing.csv", "folder"])
def test_what_is_no_file_is_one_line(store: Store, tmp_path: Path, name: str) -> None:
    from newsletter.imports.run import ImportOptions, import_file  # noqa: PLC0415

    (tmp_path / "folder").mkdir()
    with pytest.raises(NewsletterError) as caught:
        import_file(store, tmp_path / name, ImportOptions("x"))
    assert name in str(caught.value)


def test_random_bytes_are_refused_or_counted_and_never_crash(store: Store, tmp_path: Path) -> None:
    chance = random.Random(7)  # noqa: S311 - the same noise each time
    for _ in range(150):
        noise = "".join(chance.choices(string.printable + '"";,\u00eb\u2028', k=200))
        try:
            report = import_text(store, tmp_path, f"email,status{noise[:5]}\n{noise}")
        except NewsletterError as error:
            assert "\n" not in str(error)  # noqa: PT017 - either outcome will do
            continue
        parts = (report.added, report.updated, report.unchanged, report.skipped, report.invalid)
        assert report.rows == sum(parts)
        assert report.added == 0


def test_windows_signs_are_no_old_encoding(store: Store, tmp_path: Path) -> None:
    signs = "‘Ja’ – “graag”… d’Hont €5 Žižka ŠKODA word—word KAŠPAR"
    text = f"email,status,notitie\nanna@example.org,active,{signs}\n"
    assert import_text(store, tmp_path, text.encode("cp1252")).added == 1


def test_a_name_that_was_encoded_twice_is_repaired_and_reported(
    store: Store, tmp_path: Path
) -> None:
    twice = "André".encode().decode("cp1252")
    quote = "D’Arcy".encode().decode("cp1252")
    text = (
        f"email,voornaam,status\nanna@example.org,{twice},active\nbas@example.org,Bas,active\n"
        f"cor@example.org,{quote},active\ndirk@example.org,{twice[:-1]}Â€,active\n"
    )
    report = import_text(store, tmp_path, text)
    assert list(names(store).values()) == ["André", "Bas", "D’Arcy", None]
    assert report.remarks == (
        '2 names had been encoded twice and were repaired: "André" (line 2), "D’Arcy" (line 4)',
        "1 name had a wrong encoding and was left out: line 5",
    )


def test_portuguese_capitals_are_not_garbled(store: Store, tmp_path: Path) -> None:
    import_text(store, tmp_path, "email,voornaam,status\nanna@example.org,JOÃO,active\n")
    assert names(store) == {"anna@example.org": "JOÃO"}
