"""What stops an import before its first row, and what does not."""

from __future__ import annotations

import csv
import shlex
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from newsletter.errors import NewsletterError
from newsletter.imports import csv_file
from newsletter.imports.columns import email_column
from newsletter.imports.rows import RefusedRow, RowParser
from newsletter.imports.screening import Screen
from newsletter.model import SubscriberStatus
from tests.support.subscribers import fresh_store, import_text, statuses

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from newsletter.store import Store

NOW = datetime(2026, 11, 29, tzinfo=UTC)

# A column beside a status column that says "active" in each row, and its cells.
HARMLESS = [
    ("Hoe mogen we je noemen?", "Anna", "Bram"),
    ("Reden van aanmelding", "via een vriend", "gelezen in een blad"),
    ("Bron van aanmelding", "Website", ""),
    ("Aanmelddatum", "2021-01-02", ""),
    ("Signup source", "form", "import"),
    ("Last opened", "2024-01-01", ""),
    ("Opens", "12", "0"),
    ("Newsletter opens", "12", "0"),
    ("Emails received", "0", "0"),
    ("Avg open rate", "0.4", "0"),
    ("Bounce rate", "0", "0.0"),
    ("Hard bounces", "0", ""),
    ("Complaints", "0", "0"),
    ("Uitgeschreven?", "nee", "nee"),
    ("Uitgeschreven op", "", ""),
    ("Unsubscribe date", "", "NULL"),
    ("Email Suppressions", "[]", "[]"),
    ("Reason for opting out", "n.v.t.", "-"),
    ("Unsubscribe link", "https://u.example.org/1", "https://u.example.org/unsubscribe?2"),
    ("Unsubscribe token", "a1b2c3", "d4e5f6"),
    ("Toestemming", "Ja", "ja"),
    ("GDPR", "TRUE", "true"),
    ("AVG akkoord", "x", "✓"),
    ("Datum toestemming", "01-02-2021", "3 mei 2022"),
    ("Consent text", "Ja, ik wil de brief", "Ja"),
    ("Newsletter frequency", "weekly", "monthly"),
    ("Marketing source", "Facebook", ""),
    ("Mailing street", "Dorpsstraat 1", ""),
    ("SMS_BLACKLISTED", "Yes", "No"),
    ("Do not call", "1", "0"),
    ("House no", "12", "3"),
    ("Achternaam", "Stop", "Junk"),
    ("City", "Leftbury", "Stopham"),
    ("State", "Utrecht", "Zeeland"),
    ("Groep", "Blok A", "Blok B"),
    ("Order status", "cancelled", "paid"),
    ("Betaalstatus", "pending", "paid"),
    ("Lidstatus", "Actief", "Actief"),
    ("Subscription plan", "free", "paid"),
    ("Tags", "lezer, web", ""),
    ("Interesse in workshop", "nee", "ja"),
    ("Beroep", "optometrist", "notaris"),
    ("Notities", "Ontmoet op de beurs; niet op maandag bellen", "Heeft geen kinderen"),
    ("Notes", "Left-handed, bought the book", "Cancelled her yoga class"),
    ("Boek", "De kunst van het loslaten", "Stilte"),
    ("Antwoord", "Niet", "Nooit"),
]
AGAINST = [
    ("list_status", "unsubscribed"),
    ("Nieuwsbrief", "Nee"),
    ("Newsletter", "no"),
    ("Mailing", "uit"),
    ("Email Opt Out", "true"),
    ("HasOptedOutOfEmail", "true"),
    ("Opt_out_date", "03/04/2024"),
    ("OptOut_Date", "20110122T111244"),
    ("canceled_at", "2024-02-01T10:00:00Z"),
    ("Unsubscribed on", "2024-02-01"),
    ("Unsubscribe reason", "Too many"),
    ("Uitschrijfreden", "te veel"),
    ("Opzegdatum", "3-4-2024"),
    ("Datum vertrek", "2024"),
    ("Einde abonnement", "2024-01-01"),
    ("Reason for leaving", "moved"),
    ("Geen nieuwsbrief", "v"),
    ("Geen mail meer", "WAAR"),
    ("Niet mailen", "✓"),
    ("Do Not Email", "Y"),
    ("NoMail", "1"),
    ("DNC", "1"),
    ("STOP", "x"),
    ("Bezwaar", "ja"),
    ("Marketing", "declined"),
    ("Consent", "no"),
    ("Consent", "NEVER_SUBSCRIBED"),
    ("Consent status", "withdrawn"),
    ("Permission", "none"),
    ("Email Marketing Consent", "UNSUBSCRIBED"),
    ("Toestemming nieuwsbrieven", "Uitgeschreven"),
    ("Mag mailen", "nee"),
    ("May we email you?", "No"),
    ("Ontvangt mail", "nee"),
    ("Receive emails", "0"),
    ("Abonnee", "nee"),
    ("Actief?", "nee"),
    ("Email valid", "false"),
    ("E-mail ongeldig", "ja"),
    ("Teruggekomen", "ja"),
    ("Bounce type", "Hard"),
    ("Email Suppressions", '["HARD_BOUNCE"]'),
    ("Klacht", "2024-01-01"),
    ("Geblokkeerd", "ja"),
    ("Suppressed", "2024-01-01"),
    ("Deactivated at", "2024-01-01"),
    ("Overleden", "ja"),
    ("state", "cancelled"),
    ("Toestand", "Uitgeschreven"),
    ("Lidstatus", "Opgezegd"),
    ("x", "bounced (hard)"),
    ("x", "niet ingeschreven"),
    ("x", "Afgemeld op 1-2-2024"),
    ("x", "Uitgeschreven (zelf)"),
    ("x", "do not contact"),
    ("x", "Non-Subscribed"),
    ("tags", "klant, afgemeld"),
    ("Opmerking", "wil geen nieuwsbrief meer"),
    ("Opmerking", "graag niet meer mailen"),
    ("Notes", "UNSUBSCRIBED via phone"),
]


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    store = fresh_store(tmp_path)
    yield store
    store.close()


def read(
    folder: Path,
    header: Sequence[str],
    rows: Sequence[Sequence[str]],
    *,
    mapping: Mapping[str, str | Sequence[str]] | None = None,
    ignore: Sequence[str] = (),
    all_subscribed: bool = False,
) -> list[str]:
    """Return what an import would make of each row: a status, or a reason."""
    path = folder / "list.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([header, *rows])
    screen = Screen(path.name, mapping or {}, ignore)
    file_ = csv_file.inspect(path, lambda names: email_column(names) is not None, screen.observe)
    columns = screen.columns(file_.header)
    screen.check(file_.header, columns)
    parser = RowParser(
        columns, NOW, default_status=SubscriberStatus.ACTIVE if all_subscribed else None
    )
    found = []
    for record in file_.records():
        try:
            found.append(parser.parse(record).status.value)
        except RefusedRow as refused:
            found.append(refused.reason)
    return found


@pytest.mark.parametrize("case", HARMLESS, ids=lambda case: case[0])
def test_a_harmless_column_leaves_nobody_out(tmp_path: Path, case: tuple[str, ...]) -> None:
    name, *cells = case
    rows = [[f"p{n}@example.org", "active", cell] for n, cell in enumerate(cells)]
    assert read(tmp_path, ["email", "status", name], rows) == ["active"] * len(rows)


@pytest.mark.parametrize("case", AGAINST, ids="=".join)
def test_nobody_is_active_against_any_column(tmp_path: Path, case: tuple[str, str]) -> None:
    name, cell = case
    for header, row, everybody in (
        (["email", "Status", name], ["bram@example.org", "Active", cell], False),
        (["email", name], ["bram@example.org", cell], True),
    ):
        try:
            found = read(tmp_path, header, [row], all_subscribed=everybody)
        except NewsletterError as error:
            assert error.exit_code == 1  # noqa: PT017 - either outcome will do
            continue
        assert found != ["active"]


def test_the_message_names_column_values_and_both_ways_which_work(
    store: Store, tmp_path: Path
) -> None:
    text = (
        "email,status,Wil mail?,Notes\n"
        "anna@example.org,active,nee,\n"
        "bas@example.org,active,ja,afgemeld; meld het cor@example.org\n"
    )
    with pytest.raises(NewsletterError) as caught:
        import_text(store, tmp_path, text)
    assert statuses(store) == {}
    message = str(caught.value)
    assert '"Wil mail?" holds "nee", "ja"' in message
    assert '"Notes" holds "afgemeld; meld het (an address)"' in message
    assert "@" not in message
    words = shlex.split(caught.value.hint)
    maps = [words[n + 1].partition("=")[2] for n, word in enumerate(words) if word == "--map"]
    ignores = [words[n + 1] for n, word in enumerate(words) if word == "--ignore"]
    assert maps == ignores == ["Wil mail?", "Notes"]
    report = import_text(store, tmp_path, text, mapping={"status": maps[:1]}, ignore=ignores[1:])
    assert (report.added, report.skipped) == (1, 1)
    assert statuses(store) == {"anna@example.org": "unsubscribed", "bas@example.org": "active"}


def test_a_column_without_a_name_of_its_own_is_named_by_number(tmp_path: Path) -> None:
    header = ["email", "status", "", "Tag", "tag"]
    rows = [["anna@example.org", "active", "afgemeld", "afgemeld", "x"]]
    with pytest.raises(NewsletterError, match="column 3 holds") as caught:
        read(tmp_path, header, rows)
    assert "--ignore '#3' --ignore '#4'" in str(caught.value)
    assert read(tmp_path, header, rows, ignore=["#3", "#4"]) == ["active"]


@pytest.mark.parametrize("name", ["status", "email", "Created at", "nergens"])
def test_only_a_column_that_is_not_known_can_be_ignored(tmp_path: Path, name: str) -> None:
    header = ["email", "status", "Created at"]
    with pytest.raises(NewsletterError, match=r"cannot be ignored|has no column"):
        read(tmp_path, header, [["anna@example.org", "active", ""]], ignore=[name])


@pytest.mark.parametrize(
    ("name", "cells", "found"),
    [
        ("canceled_at ", ["2024-02-01 10:00", ""], ["unsubscribed", "active"]),
        ("Toestand", ["Ingeschreven", "Opgezegd"], ["active", "unsubscribed"]),
        ("Geen mail", ["ja", "nee"], ["unsubscribed", "active"]),
        ("Toestemming op", ["2024-02-01", "nee"], ["active", "unsubscribed"]),
        ("Sinds", ["2024-02-01", "actief"], ["a date where a status belongs", "active"]),
        ("Bounce reason", ["550 no such user", ""], ["bounced", "active"]),
    ],
)
def test_a_column_that_is_pointed_at_is_read_by_its_name(
    tmp_path: Path, name: str, cells: list[str], found: list[str]
) -> None:
    rows = [[f"p{n}@example.org", cell] for n, cell in enumerate(cells)]
    mapping = {"status": name}
    assert read(tmp_path, ["email", name], rows, mapping=mapping, all_subscribed=True) == found


@pytest.mark.parametrize(
    ("header", "rows", "found"),
    [
        # MailerLite's dates: they say who subscribed, and who left.
        (
            ["Subscriber", "Subscribed", "Unsubscribed"],
            [["2021-03-04 05:06:07", ""], ["2021-03-04 05:06:07", "2022-01-02"]],
            ["active", "unsubscribed"],
        ),
        (["Subscriber", "Subscribed"], [["2021-03-04"], [""]], ["active", "no status given"]),
        # With nothing but a moment of leaving, its presence decides.
        (["email", "Afgemeld op"], [["2021-03-04"], [""]], ["unsubscribed", "active"]),
        (["email", "Uitgeschreven"], [["x"], [""]], ["unsubscribed", "active"]),
        # All of them left, or nobody says anything.
        (["email", "Afgemeld op"], [["2021-03-04"], ["1-2-2022"]], ["unsubscribed"] * 2),
        (["email", "Afgemeld op"], [[""], [""]], ["no status given"] * 2),
        # A bounce that is not there is no subscription.
        (["email", "bounced_at"], [["2021-03-04"], [""]], ["bounced", "no status given"]),
        # Any other statement is believed.
        (
            ["email", "status", "Afgemeld op"],
            [["", "2021-03-04"], ["", ""]],
            ["unsubscribed", "no status given"],
        ),
    ],
)
def test_dates_of_coming_and_leaving_mean_what_they_say(
    tmp_path: Path, header: list[str], rows: list[list[str]], found: list[str]
) -> None:
    rows = [[f"p{n}@example.org", *cells] for n, cells in enumerate(rows)]
    assert read(tmp_path, header, rows) == found


def test_a_permission_that_only_some_rows_have_stops(tmp_path: Path) -> None:
    header = ["email", "status", "Toestemming"]
    rows = [["a@example.org", "active", "ja"], ["b@example.org", "active", ""]]
    with pytest.raises(NewsletterError, match="nothing in some rows"):
        read(tmp_path, header, rows)
    assert read(tmp_path, header, [[*row[:2], ""] for row in rows]) == ["active", "active"]


@pytest.mark.parametrize("line", [["AFGEMELD:", "", ""], ["", "Uitgeschreven in 2025", ""]])
def test_a_line_that_heads_those_who_left_stops(tmp_path: Path, line: list[str]) -> None:
    header = ["Naam", "E-mail", "Plaats"]
    rows = [["Anna", "a@example.org", "Goes"], ["", "", ""], line, ["Bram", "b@example.org", ""]]
    with pytest.raises(NewsletterError, match="which may be about all rows below"):
        read(tmp_path, header, rows, all_subscribed=True)


def test_a_person_without_an_address_heads_nothing(tmp_path: Path) -> None:
    header = ["Naam", "E-mail", "status"]
    rows = [["Anna", "a@example.org", "active"], ["Bram", "", "afgemeld"], ["Totaal: 2", "", ""]]
    assert read(tmp_path, header, rows) == ["active", *["no email address"] * 2]


def test_every_encoding_is_looked_through(store: Store, tmp_path: Path) -> None:
    text = "email,status,Opmerking\nanna@example.org,active,beëindigd (café)\n"
    for encoding in ("utf-8", "cp1252", "utf-16"):
        with pytest.raises(NewsletterError, match="beëindigd"):
            import_text(store, tmp_path, text.encode(encoding))
    assert statuses(store) == {}


def test_a_word_far_down_a_long_file_is_found(store: Store, tmp_path: Path) -> None:
    lines = [f"p{n}@example.org,active,note {n}" for n in range(9000)]
    text = "\n".join(["email,status,Notes", *lines, "q@example.org,active,Unsubscribed"])
    with pytest.raises(NewsletterError, match='"Notes" holds "Unsubscribed", "note 0"'):
        import_text(store, tmp_path, text)
    assert statuses(store) == {}


def test_as_suppressed_asks_nothing_and_restores_nobody(store: Store, tmp_path: Path) -> None:
    text = "email,status,Nieuwsbrief\nanna@example.org,active,Nee\nbas@example.org,active,Ja\n"
    report = import_text(store, tmp_path, text, as_suppressed=True)
    assert (report.rows, report.skipped) == (2, 2)
    assert set(statuses(store).values()) == {"unsubscribed"}


def test_leavers_only_stores_who_left_and_nobody_else(store: Store, tmp_path: Path) -> None:
    import_text(store, tmp_path, "email,status\nbas@example.org,active\n")
    text = (
        "email,status\nanna@example.org,active\nbas@example.org,unsubscribed\n"
        "cor@example.org,bounced\ndirk@example.org,pending\neva@example.org,raar\n"
    )
    report = import_text(store, tmp_path, text, leavers_only=True)
    assert (report.rows, report.added, report.skipped) == (5, 0, 5)
    assert report.reasons["not unsubscribed in the file"] == 2
    assert statuses(store) == {"bas@example.org": "unsubscribed", "cor@example.org": "bounced"}
    with pytest.raises(NewsletterError, match="no column shows who left"):
        import_text(store, tmp_path, "email\nanna@example.org\n", leavers_only=True)
    text = "email,status,Nieuwsbrief\nanna@example.org,active,Nee\n"
    with pytest.raises(NewsletterError, match="Nieuwsbrief"):
        import_text(store, tmp_path, text, leavers_only=True)
