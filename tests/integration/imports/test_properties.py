"""What holds for every list: properties, on a real database."""

from __future__ import annotations

import contextlib
import io
from typing import TYPE_CHECKING

import pytest
from email_validator import EmailNotValidError, validate_email
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from newsletter.addresses import clean_name, parse_address
from newsletter.subscriptions.csv_cells import guard, unguard
from newsletter.subscriptions.export import export_csv
from tests.support.subscribers import dump, fresh_store, import_text, rows, sql, statuses

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from newsletter.store import Store

# One database for all examples of a test, emptied between them.
on_a_database = settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
STATUS = ("active", "pending", "unsubscribed", "bounced", "complained")
LEFT = STATUS[2:]
NAMES = st.text(max_size=20) | st.sampled_from(
    ["=1+1", "'=x", "@a", "\uff1dx", "-", "' +", "\u202ea"]
)
ROWS = st.lists(
    st.tuples(
        st.sampled_from(
            ["a@example.org", "B@example.org", "b@example.org", "c@example.org", "nee"]
        ),
        NAMES,
        st.sampled_from([*STATUS, "", "raar"]),
    ),
    max_size=12,
)
ODD = "@.+-_\"' \u00e9\u00df\u0130\uff20\u3002xX1\t<>()"


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    store = fresh_store(tmp_path)
    yield store
    store.close()


def empty(store: Store) -> None:
    sql(store, "DELETE FROM subscribers")


def as_csv(rows: list[tuple[str, str, str]]) -> str:
    def quoted(cell: str) -> str:
        return '"' + cell.replace('"', '""').replace("\0", "") + '"'

    lines = [",".join(map(quoted, row)) for row in rows]
    return "\n".join(["email,first_name,status", *lines]).encode("utf-8", "replace").decode()


def exported(store: Store) -> str:
    file = io.StringIO()
    export_csv(store, file)
    return file.getvalue()


@given(st.text())
@example("'")
@example("''=1")
@example(" =1")
@example("x;=1;y")
@example(";'=1;\t@a")
@example("\u3000+1")
def test_a_guarded_cell_reads_back(cell: str) -> None:
    assert unguard(guard(cell)) == cell
    assert not guard(cell).lstrip().startswith(("=", "+", "-", "@", "\t", "\r"))
    assert not guard(cell).startswith(("\t", "\r", "\n"))
    # Where a semicolon parts the cells, these are the cells.
    for part in guard(cell).split(";"):
        assert not part.lstrip().startswith(("=", "+", "-", "@"))


@pytest.mark.parametrize(
    "cell",
    [
        "=1+1",
        "+31",
        "-1",
        "@a",
        "\t=1",
        "\r",
        "\n1",
        "＝1",
        "＋1",
        "－1",
        "＠a",
        " =1",
        "\u3000=1",
        "'=1",
    ],
)
def test_what_a_spreadsheet_would_run_is_made_text(cell: str) -> None:
    assert guard(cell) == f"'{cell}"


@given(NAMES | st.text())
def test_a_cleaned_name_is_clean(text: str) -> None:
    with contextlib.suppress(ValueError):
        name = clean_name(text)
        assert name is None or name == clean_name(name)
        assert name is None or (name.strip() == name and len(name.splitlines()) == 1)
        assert "\u202e" not in (name or "")


@settings(max_examples=400)
@given(
    st.emails()
    | st.text(alphabet=ODD, max_size=12).map(lambda text: f"{text}@example.org")
    | st.text(alphabet="aB1-.", min_size=1, max_size=70).map(lambda text: f"anna@{text}")
    | st.text(alphabet=ODD + "abc.org", max_size=30)
)
@example("anna@example.test")
@example("a@b.invalid")
@example("a@xn--mnchen-3ya.example.org")
@example("a@ab--cd.example.org")
@example("postmaster@Example.org")
@example("a" * 65 + "@example.org")
def test_an_address_is_what_email_validator_says(text: str) -> None:
    given = text.strip()
    try:
        expected = validate_email(given, check_deliverability=False)
    except EmailNotValidError:
        with pytest.raises(ValueError, match=r"^(no|not an) email address$"):
            parse_address(text)
        return
    address = parse_address(text)
    assert address.given == given
    local, _, domain = address.key.rpartition("@")
    assert domain == expected.ascii_domain.lower()
    assert local.lower() == local
    assert parse_address(address.key).key == address.key
    assert parse_address(given.upper() if given.isascii() else given).key == address.key


@on_a_database
@given(already=ROWS, file=ROWS)
def test_rows_add_up_and_nobody_who_left_is_active(
    store: Store,
    tmp_path: Path,
    already: list[tuple[str, str, str]],
    file: list[tuple[str, str, str]],
) -> None:
    empty(store)
    import_text(store, tmp_path, as_csv(already))
    before = statuses(store)
    report = import_text(store, tmp_path, as_csv(file))
    parts = (report.added, report.updated, report.unchanged, report.skipped, report.invalid)
    assert report.rows == len(file) == sum(parts)
    assert sum(report.reasons.values()) == report.skipped + report.invalid
    after = statuses(store)
    gone = {email for email, status in before.items() if status in LEFT}
    gone |= {email for email, _, status in file if status in LEFT and email != "nee"}
    for email in gone:
        kept = {kept.lower(): status for kept, status in after.items()}
        assert kept[email.lower()] in LEFT


@on_a_database
@given(file=ROWS, data=st.data())
def test_the_order_of_rows_decides_nobodys_status(
    store: Store, tmp_path: Path, file: list[tuple[str, str, str]], data: st.DataObject
) -> None:
    outcomes = []
    for order in (file, data.draw(st.permutations(file))):
        empty(store)
        import_text(store, tmp_path, as_csv(order))
        outcomes.append(
            {
                email.lower(): "left" if status in LEFT else status
                for email, status in statuses(store).items()
            }
        )
    assert outcomes[0] == outcomes[1]


@on_a_database
@given(file=ROWS)
def test_a_second_time_changes_nothing(
    store: Store, tmp_path: Path, file: list[tuple[str, str, str]]
) -> None:
    empty(store)
    dry = import_text(store, tmp_path, as_csv(file), dry_run=True)
    assert import_text(store, tmp_path, as_csv(file)) == dry
    before = dump(store)
    again = import_text(store, tmp_path, as_csv(file))
    assert (again.added, again.updated) == (0, 0)
    assert dump(store) == before


@on_a_database
@given(file=ROWS)
def test_an_export_imports_back_unchanged(
    store: Store, tmp_path: Path, file: list[tuple[str, str, str]]
) -> None:
    empty(store)
    import_text(store, tmp_path, as_csv(file))
    before, text = dump(store), exported(store)
    import_text(store, tmp_path, text)
    assert dump(store) == before
    people = rows(store)
    empty(store)
    import_text(store, tmp_path, text)
    assert exported(store) == text
    assert rows(store) == people
