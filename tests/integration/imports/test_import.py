"""Who an import makes active, who never, and what it leaves alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from newsletter.addresses import address_hash, parse_address
from newsletter.errors import NewsletterError
from newsletter.subscriptions import admin as list_
from tests.support.subscribers import (
    dump,
    freeze_batches,
    fresh_store,
    import_text,
    rows,
    sql,
    statuses,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from newsletter.store import Store


pytestmark = pytest.mark.usefixtures("database")


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    store = fresh_store(tmp_path)
    yield store
    store.close()


def consents(store: Store, email: str) -> list[tuple[str, str, str, str | None]]:
    history = list_.load_history(store, email)
    assert isinstance(history, list_.SubscriberHistory)
    return [(f"{c.at:%Y-%m-%d %H:%M}", c.source, c.text, c.ip) for c in history.consents]


def test_every_row_is_accounted_for(store: Store, tmp_path: Path) -> None:
    list_.add(store, "bas@example.org", consent="x", first_name="Bas")
    report = import_text(
        store,
        tmp_path,
        "email,first name,status\n"
        "anna@example.org,Anna,active\n"
        "bas@example.org,Bas,active\n"
        "bas@example.org,Sebastiaan,active\n"
        "cor@example.org,Cor,unsubscribed\n"
        "geen adres,Dirk,active\n"
        ",Eva,active\n"
        ",,\n"
        "\n"
        "fem@example.org,Fem,wie weet\n",
    )
    assert report.rows == 7
    assert (report.added, report.updated, report.unchanged) == (1, 0, 2)
    assert (report.skipped, report.invalid) == (2, 2)
    assert report.reasons == {
        "unsubscribed in the file": 1,
        "not an email address": 1,
        "no email address": 1,
        'unknown status "wie weet"': 1,
    }
    assert statuses(store) == {
        "bas@example.org": "active",
        "anna@example.org": "active",
        "cor@example.org": "unsubscribed",
    }


@pytest.mark.parametrize(
    ("word", "kept_as"),
    [
        ("Subscribed", "active"),
        ("ENABLED", "active"),
        ("Actief", "active"),
        ("unconfirmed", "pending"),
        ("Niet bevestigd", "pending"),
        ("Unsubscribed", "unsubscribed"),
        ("opted_out", "unsubscribed"),
        ("blocklisted", "unsubscribed"),
        ("Uitgeschreven", "unsubscribed"),
        ("cleaned", "bounced"),
        ("Junk", "complained"),
        ("non-subscribed", None),
        ("transactional", None),
        ("", None),
        ("0", None),
    ],
)
def test_only_a_clear_status_makes_active(
    store: Store, tmp_path: Path, word: str, kept_as: str | None
) -> None:
    report = import_text(store, tmp_path, f"email,status\nanna@example.org,{word}\n")
    assert statuses(store) == ({"anna@example.org": kept_as} if kept_as else {})
    assert (report.added, report.skipped) == ((1, 0) if kept_as == "active" else (0, 1))


@pytest.mark.parametrize("left", ["unsubscribed", "bounced", "complained"])
def test_who_left_here_stays_away_whatever_a_file_says(
    store: Store, tmp_path: Path, left: str
) -> None:
    import_text(store, tmp_path, f"email,status\nanna@example.org,{left}\n")
    before = dump(store)
    report = import_text(
        store, tmp_path, "email,first_name,status\nANNA@Example.org,A,subscribed\n"
    )
    assert report.skipped == 1
    assert report.reasons == {f"{left} here": 1}
    report = import_text(store, tmp_path, "email\nanna@example.org\n", all_subscribed=True)
    assert report.skipped == 1
    assert dump(store) == before


def test_who_was_erased_here_stays_away_and_is_not_kept(store: Store, tmp_path: Path) -> None:
    ((key,),) = sql(store, "SELECT suppression_key FROM ledger")
    assert isinstance(key, bytes)
    digest = address_hash(key, parse_address("Anna@example.org").key)
    sql(store, "INSERT INTO suppressions VALUES (?, 'erased', '2026-01-02 03:04:05')", digest)
    text = (
        "email,status\nanna@EXAMPLE.org,active\nbas@example.org,active\nanna@example.org,pending\n"
    )
    report = import_text(store, tmp_path, text)
    assert report.reasons == {"erased here": 2}
    assert statuses(store) == {"bas@example.org": "active"}


def test_who_unsubscribed_in_the_file_is_unsubscribed_here_too(
    store: Store, tmp_path: Path
) -> None:
    list_.add(store, "anna@example.org", consent="x", first_name="Anna")
    report = import_text(
        store,
        tmp_path,
        "email,first_name,status,unsubscribed_at\n"
        f"anna@example.org,{'A' * 500},unsubscribed,2024-05-06\n",
    )
    assert (report.skipped, report.reasons) == (1, {"unsubscribed in the file": 1})
    assert statuses(store) == {"anna@example.org": "unsubscribed"}
    ((left_at,),) = sql(store, "SELECT left_at FROM subscribers")
    assert str(left_at).startswith("2024-05-06 00:00:00")


def test_a_pending_subscriber_with_a_subscribed_row_becomes_active(
    store: Store, tmp_path: Path
) -> None:
    import_text(store, tmp_path, "email,status\nanna@example.org,unconfirmed\n")
    assert statuses(store) == {"anna@example.org": "pending"}
    assert consents(store, "anna@example.org") == []
    report = import_text(store, tmp_path, "email,name,status\nanna@example.org,Anna,active\n")
    assert (report.updated, report.rows) == (1, 1)
    assert statuses(store) == {"anna@example.org": "active"}
    assert len(consents(store, "anna@example.org")) == 1


def test_a_pending_row_changes_nobody(store: Store, tmp_path: Path) -> None:
    list_.add(store, "anna@example.org", consent="x")
    report = import_text(store, tmp_path, "email,status\nanna@example.org,pending\n")
    assert report.skipped == 1
    assert statuses(store) == {"anna@example.org": "active"}


def test_names_are_renewed_but_never_blanked(store: Store, tmp_path: Path) -> None:
    text = "email,first_name,status\nanna@example.org,Anna,active\nbas@example.org,Bas,active\n"
    import_text(store, tmp_path, text)
    report = import_text(
        store,
        tmp_path,
        "email,first_name,status\nanna@example.org,  ,active\nbas@example.org,Sebas,active\n",
    )
    assert (report.updated, report.unchanged) == (1, 1)
    names = {email: row["first_name"] for email, row in rows(store).items()}
    assert names == {"anna@example.org": "Anna", "bas@example.org": "Sebas"}


def test_the_same_file_twice_changes_nothing(store: Store, tmp_path: Path) -> None:
    text = (
        "email,first_name,status\n"
        "anna@example.org,Anna,active\n"
        "anna@example.org,Anneke,active\n"
        "bas@example.org,Bas,pending\n"
        "bas@example.org,Bas,active\n"
        "cor@example.org,Cor,active\n"
        "COR@example.org,Cor,bounced\n"
    )
    first = import_text(store, tmp_path, text)
    assert (first.added, first.updated, first.unchanged, first.skipped) == (2, 1, 1, 2)
    before = dump(store)
    again = import_text(store, tmp_path, text)
    assert (again.added, again.updated) == (0, 0)
    assert dump(store) == before
    assert statuses(store)["cor@example.org"] == "bounced"


def test_of_several_rows_the_first_with_a_status_decides(store: Store, tmp_path: Path) -> None:
    import_text(
        store,
        tmp_path,
        "email,first_name,status\nanna@example.org,,unsubscribed\nanna@example.org,,bounced\n"
        "bas@example.org,Bas,pending\nbas@example.org,,active\n",
    )
    assert statuses(store) == {"anna@example.org": "unsubscribed", "bas@example.org": "active"}
    assert rows(store)["bas@example.org"]["first_name"] == "Bas"


@pytest.mark.parametrize(
    "date",
    ["2999-01-01", "1970-01-01 00:00:00", "2021-13-01", "20210304", "04-03-2021", "gisteren"],
)
def test_an_impossible_date_becomes_the_day_of_the_import(
    store: Store, tmp_path: Path, date: str
) -> None:
    import_text(store, tmp_path, f"email,status,opted_in_at\nanna@example.org,active,{date}\n")
    created = rows(store)["anna@example.org"]["created_at"]
    assert created == rows(store)["anna@example.org"]["confirmed_at"]
    assert created is not None
    assert consents(store, "anna@example.org")[0][0] == created[:16].replace("T", " ")


def test_duplicates_far_apart_are_duplicates_too(store: Store, tmp_path: Path) -> None:
    list_.add(store, "oud@example.org", consent="x", first_name="Oud")
    people = [f"p{number}@example.org,P,active" for number in range(9000)]
    text = "\n".join(
        [
            "email,first_name,status",
            "oud@example.org,Oude,active",
            *people,
            "p0@example.org,Q,active",
            "oud@example.org,Ander,active",
            "p1@example.org,P,junk",
        ]
    )
    report = import_text(store, tmp_path, text)
    assert (report.added, report.updated, report.unchanged) == (9000, 1, 2)
    found = rows(store)
    assert found["p0@example.org"]["first_name"] == "P"
    assert found["oud@example.org"]["first_name"] == "Oude"
    assert found["p1@example.org"]["status"] == "complained"


def test_opt_in_date_and_ip_are_the_evidence(store: Store, tmp_path: Path) -> None:
    import_text(
        store,
        tmp_path,
        "email,status,optin_time,optin_ip\n"
        "anna@example.org,active,2021-03-04 05:06:07,192.0.2.7\n"
        "bas@example.org,active,2021-03-04T05:06:07+02:00,2001:db8::7\n"
        "cor@example.org,active,03/04/2021 05:06,no address\n",
    )
    assert consents(store, "anna@example.org") == [
        ("2021-03-04 05:06", "import", "Ja, graag", "192.0.2.7")
    ]
    assert consents(store, "bas@example.org") == [
        ("2021-03-04 03:06", "import", "Ja, graag", "2001:db8::7")
    ]
    ((at, _, _, ip),) = consents(store, "cor@example.org")
    assert not at.startswith("2021")  # March or April? The day of the import is no guess.
    assert ip is None


def test_a_file_without_a_status_needs_an_option(store: Store, tmp_path: Path) -> None:
    text = "Email Address,First Name,OPTIN_TIME\nanna@example.org,Anna,2021-03-04 05:06:07\n"
    with pytest.raises(NewsletterError, match="--all-subscribed") as caught:
        import_text(store, tmp_path, text)
    assert caught.value.exit_code == 1
    assert statuses(store) == {}
    assert import_text(store, tmp_path, text, all_subscribed=True).added == 1
    assert statuses(store) == {"anna@example.org": "active"}


def test_all_subscribed_refuses_a_column_that_says_who_left(store: Store, tmp_path: Path) -> None:
    text = (
        "email,Toestand\nanna@example.org,Ingeschreven\nbas@example.org,Uitgeschreven\n"
        "cor@example.org,\ndirk@example.org,bounced\n"
    )
    with pytest.raises(NewsletterError, match="--map status=Toestand") as caught:
        import_text(store, tmp_path, text, all_subscribed=True)
    assert '"Toestand" holds "Uitgeschreven", "bounced", "Ingeschreven"' in str(caught.value)
    assert "--ignore Toestand" in str(caught.value)
    assert statuses(store) == {}
    report = import_text(store, tmp_path, text, all_subscribed=True, mapping={"status": "Toestand"})
    assert (report.added, report.skipped) == (2, 2)
    assert statuses(store)["dirk@example.org"] == "bounced"


def test_all_subscribed_restores_nobody(store: Store, tmp_path: Path) -> None:
    report = import_text(
        store,
        tmp_path,
        "email,status,UNSUB_TIME,CLEAN_TIME\n"
        "anna@example.org,,2024-01-02 03:04:05,\n"
        "bas@example.org,active,,2024-01-02 03:04:05\n"
        "cor@example.org,pending,,\n"
        "dirk@example.org,non-subscribed,,\n"
        "eva@example.org,,,\n",
        all_subscribed=True,
    )
    assert (report.added, report.skipped) == (1, 4)
    assert statuses(store) == {
        "anna@example.org": "unsubscribed",
        "bas@example.org": "bounced",
        "cor@example.org": "pending",
        "eva@example.org": "active",
    }


def test_as_suppressed_unsubscribes_everybody(store: Store, tmp_path: Path) -> None:
    list_.add(store, "anna@example.org", consent="x")
    report = import_text(
        store,
        tmp_path,
        "email,status\nanna@example.org,active\nbas@example.org,active\ncor@example.org,complained\n",
        as_suppressed=True,
    )
    assert report.skipped == 3
    assert statuses(store) == {
        "anna@example.org": "unsubscribed",
        "bas@example.org": "unsubscribed",
        "cor@example.org": "complained",
    }


def test_a_dry_run_counts_the_same_and_writes_nothing(store: Store, tmp_path: Path) -> None:
    list_.add(store, "p3@example.org", consent="x", first_name="Drie")
    people = [f"p{n % 9000}@example.org,P,{['active', 'junk'][n % 7 == 0]}" for n in range(11_000)]
    text = "\n".join(["email,first_name,status", "nee,N,active", *people])
    before = dump(store)
    dry = import_text(store, tmp_path, text, dry_run=True)
    assert dump(store) == before
    assert dry == import_text(store, tmp_path, text)
    assert dry.added > 7000
    assert dry.updated == 1


def test_rejects_hold_every_refused_line_as_it_was(store: Store, tmp_path: Path) -> None:
    rejects = tmp_path / "rejects.csv"
    rejects.write_text("line,reason,email\n2,older,x\n")
    import_text(
        store,
        tmp_path,
        'naam;email;status;notitie\nAnna;anna@example.org;active;\n"Bas;\nB";bas;active;"a;b"\n'
        'Cor;cor@example.org;junk;=1+1\n"Dirk" D;dirk@example.org;active;\n'
        "E;e@example.org;active;;x\n",
        rejects=rejects,
    )
    assert rejects.read_text() == (
        "line,reason,naam,email,status,notitie\n"
        '3,not an email address,"Bas;\nB",bas,active,a;b\n'
        "5,complained in the file,Cor,cor@example.org,junk,'=1+1\n"
        '6,broken quotes,"""Dirk"" D;dirk@example.org;active;"\n'
        "7,more cells than columns,E,e@example.org,active,,x\n"
    )
    assert rejects.stat().st_mode & 0o777 == 0o600


def test_names_are_cleaned_and_long_ones_refused(store: Store, tmp_path: Path) -> None:
    report = import_text(
        store,
        tmp_path,
        "email,first_name,status\n"
        'anna@example.org,"  An\u2028na\u202e\u200f \r\n <b>x</b>\u00a0\x07y ",active\n'
        "bas@example.org,Zoe\u0308,active\n"
        f"cor@example.org,{'C' * 500},active\n"
        "dirk@example.org,{{7*7}} [[unsubscribe_url]],active\n",
    )
    assert report.reasons == {"a name longer than 100 characters": 1}
    assert {email: row["first_name"] for email, row in rows(store).items()} == {
        "anna@example.org": "An na <b>x</b> y",
        "bas@example.org": "Zo\u00eb",
        "dirk@example.org": "{{7*7}} [[unsubscribe_url]]",
    }


@pytest.mark.parametrize(
    ("header", "name", "used"),
    [
        ("name", "Anna de Vries", "Anna"),
        ("name", "Vries, Anna de", "Anna"),
        ("Naam,Achternaam", "Anna Maria,Vries", "Anna Maria"),
        ("name,first_name", "De heer Vries,Joost", "Joost"),
        ("name", "Vries", "Vries"),
        ("name", "Smit, Gea", "Gea"),
        ("name", "Drs. Ing. Ida Ot", "Ida"),
        ("name", "De heer Joost Vries", "Joost"),
        ("name", "Jan Smit, MSc", "Jan"),
        ("name", "Dhr. A. de Vries", None),
        ("name", "Mevr. Bos", None),
        ("name", "Fam. Cool", None),
        ("name", "D. Dam", None),
        ("name", "de Vries", None),
        ("name", "Smit, mevr.", None),
        ("name", "Bakkerij Jansen B.V.", None),
        ("name", "hans@example.org", None),
    ],
)
def test_a_greeting_needs_a_first_name(
    store: Store, tmp_path: Path, header: str, name: str, used: str | None
) -> None:
    if header == "name":
        name = f'"{name}"'
    import_text(
        store,
        tmp_path,
        f"email,{header},status\nanna@example.org,{name},active\n".replace(
            "achternaam,status", "achternaam,status"
        ),
    )
    assert rows(store)["anna@example.org"]["first_name"] == used


@pytest.mark.parametrize(
    "name",
    [
        *("NULL", "None", "undefined", "N/A", "-", "\\N", "(null)", "onbekend", "n.v.t.", "NaN"),
        *("anna@example.org", "'t", "de", "van der", "Dhr.", "Mevr.", "Drs. Ing.", "Fam.", "D."),
        *("J.P.", "123", "?", "*|FNAME|*", "undefined undefined"),
    ],
)
def test_what_is_no_first_name_is_none_and_the_row_counts(
    store: Store, tmp_path: Path, name: str
) -> None:
    list_.add(store, "bas@example.org", consent="x", first_name="Bas")
    text = (
        f"email,first_name,status\nanna@example.org,{name},active\nbas@example.org,{name},active\n"
    )
    report = import_text(store, tmp_path, text)
    assert (report.added, report.unchanged) == (1, 1)
    names = {email: row["first_name"] for email, row in rows(store).items()}
    assert names == {"anna@example.org": None, "bas@example.org": "Bas"}


@pytest.mark.parametrize(
    "name", ["JAN", "André 😀", "Anna Maria", "Jan-Willem", "St. John", "Ma", "P"]
)
def test_a_first_name_stays_as_it_is(store: Store, tmp_path: Path, name: str) -> None:
    import_text(store, tmp_path, f"email,first_name,status\nanna@example.org,{name},active\n")
    assert rows(store)["anna@example.org"]["first_name"] == name


def test_skipped_and_invalid_rows_are_reported_by_line(store: Store, tmp_path: Path) -> None:
    lines = ["email,status", "anna@example.org,active", "geen adres,active"]
    lines += [f"p{n}@example.org,unsubscribed" for n in range(150)]
    report = import_text(store, tmp_path, "\n".join(lines))
    assert [(row.line, row.reason) for row in report.rejected[:2]] == [
        (3, "not an email address"),
        (4, "unsubscribed in the file"),
    ]
    assert len(report.rejected) == 100
    assert report.skipped + report.invalid == 151


def test_addresses_are_one_whatever_their_case_and_kept_as_given(
    store: Store, tmp_path: Path
) -> None:
    report = import_text(
        store,
        tmp_path,
        "email,status\nAnna.V@Example.org,active\nanna.v@example.ORG,active\nannav@example.org,active\n"
        "anna.v+x@example.org,active\nb@m\u00fcnchen.example.org,active\n"
        "b@xn--mnchen-3ya.example.org,active\n",
    )
    assert (report.added, report.unchanged) == (4, 2)
    assert list(statuses(store)) == [
        "Anna.V@Example.org",
        "annav@example.org",
        "anna.v+x@example.org",
        "b@m\u00fcnchen.example.org",
    ]


def test_who_leaves_by_a_file_is_not_mailed_from_a_copy(store: Store, tmp_path: Path) -> None:
    for name in ("anna", "bas"):
        list_.add(store, f"{name}@example.org", consent="x")
    freeze_batches(store)
    import_text(store, tmp_path, "email,status\nanna@example.org,junk\n")
    assert sql(store, "SELECT key, snapshot FROM batches ORDER BY key") == [
        ("with anna", None),
        ("with bas", "copy"),
    ]
