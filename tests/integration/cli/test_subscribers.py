"""`newsletter subscribers`, as the author types it, and what it does to one person."""

from __future__ import annotations

import json
import os
import pty
import resource
import subprocess
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from newsletter import config
from newsletter.addresses import address_hash, parse_address
from newsletter.model import Ask, SubscriberStatus
from newsletter.store import answers, editions, open_store
from newsletter.store.schema import subscribers
from newsletter.subscriptions import admin as list_
from newsletter.subscriptions import signup
from tests.support.issues import rich
from tests.support.newsletter import is_one_error
from tests.support.processes import COMMAND
from tests.support.published import published
from tests.support.signups import HERE, VIA, open_link, signup_request
from tests.support.subscribers import freeze_batches, fresh_store, rows, sql

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Run = Callable[..., subprocess.CompletedProcess[str]]


pytestmark = pytest.mark.usefixtures("database")


@pytest.fixture
def ask(run: Run) -> Callable[..., Any]:
    """Return a function that runs `subscribers … --json` and reads its document."""

    def ask(*arguments: str | Path) -> Any:  # noqa: ANN401 - whatever a command prints
        done = run("subscribers", *arguments, "--json")
        assert (done.returncode, done.stderr) == (0, "")
        return json.loads(done.stdout)

    return ask


@pytest.fixture(autouse=True)
def _ready(root: Path, database: str) -> None:  # noqa: ARG001 - it is to be there first
    fresh_store(root).close()


def erase(root: Path, email: str) -> None:
    store = fresh_store(root)
    ((key,),) = sql(store, "SELECT suppression_key FROM ledger")
    assert isinstance(key, bytes)
    digest = address_hash(key, parse_address(email).key)
    sql(store, "INSERT INTO suppressions VALUES (?, 'erased', '2026-01-02 03:04:05')", digest)
    store.close()


def test_add_makes_active_and_keeps_the_evidence(run: Run, ask: Callable[..., Any]) -> None:
    done = run(
        *("subscribers", "add", " Anna@Example.org "),
        *("--consent", "Ja, stuur mij\n de brief", "--first-name", " Anna "),
    )
    assert (done.returncode, done.stdout) == (0, "Added: active from now on.\n")
    found = ask("show", "anna@example.ORG")
    assert {
        key: found[key] for key in ("email", "status", "first_name", "paused_until", "source")
    } == {
        "email": "Anna@Example.org",
        "status": "active",
        "first_name": "Anna",
        "paused_until": None,
        "source": "cli",
    }
    (consent,) = found["consents"]
    assert consent["at"] == found["confirmed_at"] == found["created_at"]
    assert consent["at"].endswith("Z")
    assert (consent["source"], consent["text"], consent["ip"]) == (
        "cli",
        "Ja, stuur mij de brief",
        None,
    )
    assert (found["deliveries"], found["events"]) == ([], [])


def test_adding_again_changes_nothing_but_the_name(run: Run, ask: Callable[..., Any]) -> None:
    add = ("subscribers", "add", "anna@example.org", "--consent", "x")
    run(*add, "--first-name", "Anna")
    assert run(*add).stdout == "Unchanged: active already.\n"
    assert run(*add, "--first-name", "Anneke").stdout == "Updated.\n"
    found = ask("show", "anna@example.org")
    assert found["first_name"] == "Anneke"
    assert len(found["consents"]) == 1


def test_unsubscribe_is_for_good(run: Run, ask: Callable[..., Any]) -> None:
    run("subscribers", "add", "anna@example.org", "--consent", "x")
    assert ask("unsubscribe", "ANNA@example.org") == {"result": "unsubscribed"}
    again = run("subscribers", "unsubscribe", "anna@example.org")
    assert (again.returncode, again.stdout) == (0, "Unchanged: unsubscribed already.\n")
    refused = run("subscribers", "add", "anna@example.org", "--consent", "x", "--first-name", "A")
    assert (refused.returncode, refused.stdout) == (1, "")
    assert "unsubscribed" in refused.stderr
    assert "@" not in refused.stderr
    found = ask("show", "anna@example.org")
    assert (found["status"], found["first_name"], len(found["consents"])) == (
        "unsubscribed",
        None,
        1,
    )


@pytest.mark.parametrize("command", ["show", "unsubscribe"])
def test_an_unknown_address_is_no_subscriber(run: Run, command: str) -> None:
    done = run("subscribers", command, "wie@example.org")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("error: nobody on the list")
    assert "@" not in done.stderr


def test_an_erased_subscriber_is_remembered_by_a_hash_alone(
    run: Run, root: Path, ask: Callable[..., Any], database: str
) -> None:
    erase(root, "anna@example.org")
    assert ask("show", "Anna@example.org") == {
        "status": "suppressed",
        "reason": "erased",
        "at": "2026-01-02T03:04:05Z",
    }
    refused = run("subscribers", "add", "anna@example.org", "--consent", "x")
    assert refused.returncode == 1
    assert "erased" in refused.stderr
    assert run("subscribers", "unsubscribe", "anna@example.org").returncode == 0
    assert ask("stats")["suppressed"] == 1
    if database == "sqlite":
        assert b"anna" not in (root / ".newsletter" / "newsletter.db").read_bytes()


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("add", "geen adres", "--consent", "x"), 1),
        (("add", "a@example.invalid", "--consent", "x"), 1),
        (("add", os.fsdecode(b"\xff@example.org"), "--consent", "x"), 1),
        (("add", "a@example.org", "--consent", "x", "--first-name", "A" * 101), 1),
        (("add", "a@example.org"), 2),
        (("add", "a@example.org", "--consent", "  "), 2),
        (("add", "a@example.org", "--consent", os.fsdecode(b"\xff")), 2),
        (("list", "--status", "away"), 2),
        (("import", "list.csv", "--all-subscribed"), 2),
        (("import", "list.csv", "--consent", "x", "--all-subscribed", "--as-suppressed"), 2),
        (("import", "list.csv", "--leavers-only", "--all-subscribed"), 2),
        (("import", "list.csv", "--consent", "x", "--ignore", "status"), 1),
        (("import", "-", "--consent", "x"), 2),
        (("import", "list.csv", "--consent", "x", "--map", "leeftijd=Age"), 2),
        (("import", "list.csv", "--consent", "x", "--map", "email=a", "--map", "email=b"), 2),
        (("import", "list.csv", "--consent", "x", "--rejects", "list.csv"), 2),
        (("import", "list.csv", "--consent", "x", "--rejects", "nowhere/r.csv"), 1),
        (("import", "other.csv", "--consent", "x"), 1),
        (("export", "nowhere/list.csv"), 1),
    ],
)
def test_what_cannot_be_done_is_said_and_not_done(
    run: Run, root: Path, arguments: tuple[str, ...], code: int
) -> None:
    (root / "list.csv").write_text("email,status\nanna@example.org,active\n")
    done = run("subscribers", *arguments)
    assert (done.returncode, done.stdout) == (code, "")
    assert "@" not in done.stderr
    assert "unexpected" not in done.stderr
    assert is_one_error(done.stderr)
    assert (root / "list.csv").read_text().startswith("email,status\n")
    assert run("subscribers", "list").stdout == ""


def test_import_reports_what_became_of_every_row(
    root: Path, run: Run, ask: Callable[..., Any]
) -> None:
    (root / "list.csv").write_text(
        "Wie,status\nanna@example.org,active\nbas@example.org,junk\nnee,active\n"
    )
    command = ("import", "list.csv", "--consent", "Ja", "--map", "Wie=email")
    dry = run("subscribers", *command, "--dry-run", "--json")
    assert dry.stderr == "Dry run: nothing was changed.\n"
    assert ask("stats")["total"] == 0
    expected = {
        "rows": 3,
        "added": 1,
        "updated": 0,
        "unchanged": 0,
        "skipped": 1,
        "invalid": 1,
        "reasons": {"complained in the file": 1, "not an email address": 1},
        "rejected": [
            {"line": 3, "reason": "complained in the file"},
            {"line": 4, "reason": "not an email address"},
        ],
        "remarks": [],
    }
    assert json.loads(dry.stdout) == {"id": None, **expected}
    done = ask(*command)
    assert done == {"id": done["id"], **expected}
    assert len(done["id"]) == 8
    assert ask("stats") == {
        "pending": 0,
        "active": 1,
        "unsubscribed": 0,
        "bounced": 0,
        "complained": 1,
        "paused": 0,
        "monthly": 0,
        "suppressed": 0,
        "total": 2,
        "sources": [],
        "answers": [],
    }
    words = run("subscribers", *command, "--rejects", "r.csv")
    assert words.stdout.startswith(
        "3 rows: 0 added, 0 updated, 1 unchanged, 1 skipped, 1 invalid\n"
    )
    assert "line 4: not an email address" in words.stdout
    assert "nee" in (root / "r.csv").read_text()


def test_stats_count_sources_and_answers(root: Path, run: Run, ask: Callable[..., Any]) -> None:
    store = fresh_store(root)
    for n, source in enumerate((None, "blog", "blog", "podcast")):
        wanted = replace(signup_request(f"p{n}@example.org"), source=source)
        assert signup.request_signup(store, wanted, VIA) is signup.SignupResult.ACCEPTED
        if n < 3:
            signup.confirm(store, open_link(store, f"p{n}@example.org"), HERE)
    question = Ask(1, rich("Hoe is het\nvandaag?"), ("Goed", "Gaat wel"))
    asking = published(blocks=[question], slug="2026-11-29-rust").edition
    with store.write() as connection:
        editions.record(connection, asking)
        for _ in range(3):
            answers.count(connection, asking.slug, 2)
        answers.count(connection, "2026-11-22-zonder-brief", 1)
        # One who has not confirmed gets nothing, whatever they chose.
        those = subscribers.c.email.in_(["p1@example.org", "p3@example.org"])
        connection.execute(subscribers.update().where(those).values(monthly=True))
    store.close()
    found = ask("stats")
    assert (found["active"], found["monthly"]) == (3, 1)
    assert found["sources"] == [
        {"source": "blog", "confirmed": 2, "unconfirmed": 0},
        {"source": None, "confirmed": 1, "unconfirmed": 0},
        {"source": "podcast", "confirmed": 0, "unconfirmed": 1},
    ]
    assert found["answers"] == [
        {
            "issue": "2026-11-29-rust",
            "question": "Hoe is het vandaag?",
            "answers": [{"answer": "Goed", "count": 0}, {"answer": "Gaat wel", "count": 3}],
        }
    ]
    assert run("subscribers", "stats").stdout.splitlines()[-8:] == [
        "sign-ups from                                confirmed     not yet",
        "  blog                                               2           0",
        "  a link without ?van=                               1           0",
        "  podcast                                            0           1",
        "",
        "2026-11-29-rust: Hoe is het vandaag?",
        "        0  Goed",
        "        3  Gaat wel",
    ]


def test_an_import_that_stops_says_what_to_type(root: Path, run: Run) -> None:
    text = "email;Lidstatus;Nieuwsbrief\nanna@example.org;Actief;Ja\nbas@example.org;Actief;Nee\n"
    (root / "list.csv").write_text(text)
    command = ("subscribers", "import", "list.csv", "--consent", "Ja")
    done = run(*command, "--all-subscribed", "--json")
    assert (done.returncode, done.stdout) == (1, "")
    assert '"Nieuwsbrief" holds "Nee", "Ja"' in done.stderr
    assert "--map status=Nieuwsbrief" in done.stderr
    assert "--ignore Nieuwsbrief" in done.stderr
    assert run("subscribers", "list").stdout == ""
    done = run(*command, "--map", "status=Nieuwsbrief", "--map", "status=Lidstatus")
    assert done.stdout.startswith("2 rows: 1 added, 0 updated, 0 unchanged, 1 skipped")
    done = run(*command, "--all-subscribed", "--ignore", "Nieuwsbrief")
    assert "1 unchanged, 1 skipped" in done.stdout


def test_leavers_only_needs_no_consent(root: Path, ask: Callable[..., Any]) -> None:
    (root / "list.csv").write_text("email,status\nanna@example.org,active\nb@example.org,junk\n")
    assert ask("import", "list.csv", "--leavers-only")["skipped"] == 2
    stats = ask("stats")
    assert (stats["active"], stats["complained"]) == (0, 1)


def test_leavers_only_says_first_who_left(root: Path, run: Run) -> None:
    people = [f"p{number}@example.org" for number in range(15)]
    file = root / "list.csv"
    file.write_text("email,status\n" + "".join(f"{one},active\n" for one in people[:13]))
    assert run("subscribers", "import", "list.csv", "--consent", "x").returncode == 0
    run("subscribers", "unsubscribe", people[11])
    left = {people[11], people[12], people[14]}
    file.write_text(
        "email,status\n"
        + "".join(f"{one},{'unsubscribed' if one in left else 'active'}\n" for one in people)
    )
    dry = run("subscribers", "import", "list.csv", "--leavers-only", "--dry-run").stdout
    done = run("subscribers", "import", "list.csv", "--leavers-only").stdout
    lines = done.splitlines()
    assert lines[0] == (
        "15 rows: 1 active subscriber unsubscribed, 1 new, 1 had left before; 12 others untouched"
    )
    assert "        3  unsubscribed in the file: kept as people who left" in lines
    listed = [line for line in lines if line.startswith("  line ")]
    assert listed[0] == "  line 14: unsubscribed in the file, and on the list until now"
    assert listed[1] == "  line 2: not unsubscribed in the file"
    assert len(listed) == 10
    assert "  and 5 more: --rejects FILE writes all of them" in lines
    assert dry.splitlines() == lines[:-1]
    assert lines[-1].startswith("Undo it: newsletter subscribers undo ")
    again = run("subscribers", "import", "list.csv", "--leavers-only").stdout
    assert again.startswith(
        "15 rows: 0 active subscribers unsubscribed, 3 had left before; 12 others untouched\n"
    )
    assert "Undo it" not in again


def test_who_was_on_the_list_is_judged_by_what_was_before_the_import(root: Path, run: Run) -> None:
    file = root / "list.csv"
    rows = ("new@example.org,active", "new@example.org,unsubscribed", "other@example.org,active")
    file.write_text("\n".join(("email,status", *rows, "")))
    done = run("subscribers", "import", "list.csv", "--consent", "x").stdout
    assert "0 active subscribers unsubscribed, 1 new" in done
    assert "on the list until now" not in done
    rows = ("other@example.org,unsubscribed", "other@example.org,unsubscribed", "no address,active")
    file.write_text("\n".join(("email,status", *rows, "")))
    again = run("subscribers", "import", "list.csv", "--leavers-only").stdout
    assert again.startswith(
        "3 rows: 1 active subscriber unsubscribed, 0 had left before; 0 others untouched\n"
    )


def test_an_import_says_that_people_who_left_are_kept(root: Path, run: Run) -> None:
    for email in ("anna@example.org", "bas@example.org"):
        run("subscribers", "add", email, "--consent", "x")
    (root / "list.csv").write_text(
        "email,status\nanna@example.org,unsubscribed\ncor@example.org,bounced\n"
        "cor@example.org,bounced\ndirk@example.org,pending\nbas@example.org,active\n"
    )
    command = ("subscribers", "import", "list.csv", "--consent", "x")
    lines = run(*command).stdout.splitlines()
    assert lines[0] == "5 rows: 0 added, 0 updated, 1 unchanged, 4 skipped, 0 invalid"
    assert lines[1] == (
        "People who left are kept as such: 1 active subscriber unsubscribed, 1 new, "
        "0 had left before"
    )
    assert "        1  unsubscribed in the file: kept as people who left" in lines
    assert "        1  not confirmed in the file: kept as pending" in lines
    assert lines[-1].startswith("Undo it: ")
    again = run(*command).stdout
    assert "0 active subscribers unsubscribed, 2 had left before" in again
    assert "Undo it" not in again


def test_undo_asks_what_it_does(root: Path, run: Run) -> None:
    for email in ("anna@example.org", "bas@example.org"):
        run("subscribers", "add", email, "--consent", "x")

    def refused(text: str, *options: str) -> str:
        (root / "list.csv").write_text(f"email,status\n{text}")
        done = run("subscribers", "import", "list.csv", *options, "--json")
        shown = run("subscribers", "undo", json.loads(done.stdout)["id"])
        assert shown.returncode == 2
        return shown.stderr

    leavers = "anna@example.org,unsubscribed\nbas@example.org,unsubscribed\n"
    assert (
        "undoing this import makes 2 people active again, except where something happened since"
        in refused(leavers, "--leavers-only")
    )
    people = "cor@example.org,active\ndirk@example.org,pending\n"
    assert "undoing this import removes 2 people from the list, except" in refused(
        people, "--consent", "x"
    )
    confirmed = "dirk@example.org,active\neva@example.org,active\n"
    assert (
        "undoing this import removes 1 person from the list and makes 1 person pending again,"
        in refused(confirmed, "--consent", "x")
    )
    assert "undoing this import changes nobody on the list;" in refused(confirmed, "--consent", "x")


def test_as_suppressed_needs_no_consent(root: Path, ask: Callable[..., Any]) -> None:
    (root / "list.csv").write_text("email\nanna@example.org\n")
    assert ask("import", "list.csv", "--as-suppressed")["skipped"] == 1
    assert ask("stats")["unsubscribed"] == 1


def test_list_and_export_say_the_same(root: Path, run: Run, ask: Callable[..., Any]) -> None:
    for name in ("Zo\u00eb", "=1+1"):
        run(
            "subscribers",
            "add",
            f"p{len(name)}@example.org",
            "--consent",
            "x",
            "--first-name",
            name,
        )
    run("subscribers", "unsubscribe", "p4@example.org")
    people = ask("list")
    assert people == ask("export")
    assert [sorted(person) for person in people] == [
        ["confirmed_at", "created_at", "email", "first_name", "source", "status"]
    ] * 2
    assert ask("list", "--status", "active") == people[:1]
    assert ask("list", "--status", "bounced") == []
    plain = run("subscribers", "list").stdout.splitlines()
    assert plain[0].split("\t")[:3] == ["p3@example.org", "Zo\u00eb", "active"]
    csv = run("subscribers", "export", env={"LC_ALL": "C", "PYTHONUTF8": "0"}).stdout
    assert csv.splitlines()[0] == "email,first_name,status,created_at,confirmed_at,source"
    assert ",'=1+1,unsubscribed," in csv
    run("subscribers", "export", "out.csv")
    assert (root / "out.csv").read_bytes() == csv.encode()
    assert (root / "out.csv").stat().st_mode & 0o777 == 0o600
    assert sorted(path.name for path in root.iterdir() if "out" in path.name) == ["out.csv"]


def test_an_export_that_finds_no_room_leaves_the_older_one(root: Path, run: Run) -> None:
    (root / "list.csv").write_text(
        "email,status\n" + "".join(f"p{n}@example.org,active\n" for n in range(2000))
    )
    run("subscribers", "import", "list.csv", "--consent", "x")
    older = "email,first_name,older"
    (root / "out.csv").write_text(older)
    done = subprocess.run(
        [COMMAND, "subscribers", "export", "out.csv"],
        cwd=root,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (65_536, 65_536)),
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    assert (done.returncode, done.stdout) == (1, "")
    assert is_one_error(done.stderr)
    assert "out.csv cannot be written: File too large" in done.stderr
    assert (root / "out.csv").read_text() == older
    assert not [path for path in root.iterdir() if path.name.startswith(".out")]


def test_an_export_replaces_nothing_but_an_older_export(root: Path, run: Run) -> None:
    settings = (root / "newsletter.toml").read_text()
    target = root / "target.csv"
    target.write_text("mine")
    (root / "link.csv").symlink_to(target)
    os.mkfifo(root / "pipe")
    for name in ("newsletter.toml", "link.csv", "pipe", "issues"):
        for arguments in (("export", name), ("export", name, "--json")):
            done = run("subscribers", *arguments)
            assert (done.returncode, done.stdout) == (1, "")
            assert f"{name} is another kind of file" in done.stderr
    assert (root / "newsletter.toml").read_text() == settings
    assert target.read_text() == "mine"
    assert (root / "pipe").is_fifo()
    for _ in range(2):
        assert run("subscribers", "export", "out.csv").returncode == 0


def test_an_export_fills_an_empty_list_with_the_same(
    root: Path, run: Run, tmp_path_factory: pytest.TempPathFactory
) -> None:
    (root / "list.csv").write_text(
        "email,first_name,status,optin_time\nanna@example.org,Anna,active,2020-01-02\n"
        "+b@example.org,'B,pending,\ncor@example.org,,junk,\n"
    )
    run("subscribers", "import", "list.csv", "--consent", "x")
    first = run("subscribers", "export").stdout
    other = tmp_path_factory.mktemp("other")
    (other / "newsletter.toml").touch()
    (other / "export.csv").write_text(first, encoding="utf-8")
    done = run("subscribers", "import", "export.csv", "--consent", "x", cwd=other)
    assert done.returncode == 0
    assert run("subscribers", "export", cwd=other).stdout == first
    assert "2020-01-02T00:00:00Z,import" in first


def test_who_leaves_is_not_mailed_from_a_copy(root: Path, run: Run) -> None:
    for name in ("anna", "bas", "cor"):
        run("subscribers", "add", f"{name}@example.org", "--consent", "x")
    store = open_store(config.load(root))
    freeze_batches(store)
    sql(store, "UPDATE batches SET settled_at = '2026-11-29' WHERE key = 'with cor'")
    run("subscribers", "unsubscribe", "anna@example.org")
    run("subscribers", "add", "bas@example.org", "--consent", "x", "--first-name", "Bas")
    run("subscribers", "unsubscribe", "cor@example.org")
    assert sql(store, "SELECT key, snapshot FROM batches ORDER BY key") == [
        ("with anna", None),
        ("with bas", None),
        ("with cor", "copy"),
    ]
    assert len(rows(store)) == 3
    store.close()
    document = json.loads(run("subscribers", "show", "anna@example.org", "--json").stdout)
    assert document["deliveries"] == [
        {
            "issue": "brief",
            "rehearsal": True,
            "provider": "outbox",
            "state": "attempting",
            "reason": None,
            "assumed": False,
            "accepted_at": None,
            "provider_id": None,
            "acceptances": [],
        }
    ]


def test_unsubscribing_works_during_an_import(root: Path, run: Run) -> None:
    run("subscribers", "add", "anna@example.org", "--consent", "x")
    (root / "list.csv").write_text(
        "email,status\n" + "".join(f"p{n}@example.org,active\n" for n in range(30_000))
    )
    arguments = [COMMAND, "-q", "subscribers", "import", "list.csv", "--consent", "x"]
    with subprocess.Popen(arguments, cwd=root, stdout=subprocess.PIPE) as importing:
        store = open_store(config.load(root))
        while list_.count_subscribers(store).counts[SubscriberStatus.ACTIVE] == 1:
            assert importing.poll() is None
        left = run("subscribers", "unsubscribe", "anna@example.org")
        assert left.returncode == 0
        assert importing.wait(timeout=60) == 0
    assert sum(list_.count_subscribers(store).counts.values()) == 30_001
    store.close()


def test_a_terminal_gets_a_bar_and_a_table(root: Path, run: Run) -> None:
    (root / "list.csv").write_text("email,status\nanna@example.org,active\n")
    for arguments, sign in (
        (("import", "list.csv", "--consent", "x"), "Importing"),
        (("list",), "on the list since"),
    ):
        ours, theirs = pty.openpty()
        done = subprocess.run(
            [COMMAND, "subscribers", *arguments],
            cwd=root,
            env={**os.environ, "TERM": "xterm", "COLUMNS": "150"},
            stdout=theirs if arguments == ("list",) else subprocess.PIPE,
            stderr=theirs,
            check=False,
        )
        os.close(theirs)
        assert done.returncode == 0
        assert sign in os.read(ours, 65_536).decode(errors="replace")  # it may be cut
        os.close(ours)
    assert "Importing" not in run("subscribers", "import", "list.csv", "--consent", "x").stderr
