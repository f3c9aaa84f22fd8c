from __future__ import annotations

import re
import shutil
import sqlite3
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy.exc import IntegrityError

from newsletter import config, store
from newsletter.errors import NewsletterError, TryAgain
from newsletter.store import (
    database as database_store,
)
from newsletter.store import files, health, keys, migrate, open_store, sqlite
from newsletter.store import (
    url as url_store,
)
from newsletter.store.schema import metadata
from tests.support.migrations import require_whole, without_pictures
from tests.support.newsletter import add_subscribers, is_one_error, raw

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable

MIGRATIONS = Path(store.__file__).parent / "migrations"


def database(root: Path) -> Path:
    return root / ".newsletter" / "newsletter.db"


def alembic_config() -> Config:
    found = Config()
    found.set_main_option("script_location", str(MIGRATIONS))
    return found


def test_the_migrations_make_the_tables(root: Path) -> None:
    with open_store(config.load(root, {})).read() as connection:
        context = MigrationContext.configure(connection)
        assert compare_metadata(context, metadata) == []
        keys = connection.exec_driver_sql("PRAGMA foreign_key_list(notices)").all()
        assert ("address_changes", "change_id", "id", "SET NULL") in {
            (*key[2:5], key[6]) for key in keys
        }


def test_the_newest_migration_is_the_one_the_code_expects() -> None:
    assert ScriptDirectory.from_config(alembic_config()).get_current_head() == database_store.HEAD


def test_the_database_is_for_its_owner_alone(root: Path) -> None:
    open_store(config.load(root, {}))
    assert stat.S_IMODE(database(root).stat().st_mode) == 0o600
    assert stat.S_IMODE(database(root).parent.stat().st_mode) == 0o700


def test_an_older_database_is_backed_up_and_migrated(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = config.load(root, {})
    with open_store(settings).write() as connection:
        connection.exec_driver_sql(
            "INSERT INTO subscribers (public_id, email, email_key, status, source, created_at)"
            " VALUES ('x', 'a@example.org', 'a@example.org', 'active', 't', '2026-01-01')"
        )
    later(tmp_path / "migrations", monkeypatch)
    opened = open_store(settings)
    count = "SELECT count(*) FROM subscribers"
    with opened.read() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM later").scalar() == 0
        assert connection.exec_driver_sql(count).scalar() == 1
    copy = database(root).with_name("newsletter.db.before-0099")
    with opened.read() as connection:
        assert files.recorded_copies(connection) == [copy]
    assert stat.S_IMODE(copy.stat().st_mode) == 0o600
    backup = copy.read_bytes()
    open_store(settings)
    assert copy.read_bytes() == backup
    with raw(copy) as connection_:
        assert connection_.execute(count).fetchone() == (1,)
        with pytest.raises(sqlite3.OperationalError):
            connection_.execute("SELECT * FROM later")


def later(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the program have one migration more."""
    shutil.copytree(MIGRATIONS, folder)
    (folder / "versions" / "0099_later.py").write_text(
        "from alembic import op\n"
        f"revision, down_revision = '0099', '{database_store.HEAD}'\n"
        "def upgrade():\n"
        "    op.execute('CREATE TABLE later (id INTEGER)')\n"
    )
    monkeypatch.setattr(migrate, "_FOLDER", folder)
    monkeypatch.setattr(database_store, "HEAD", "0099")


def test_a_database_without_pictures_is_backed_up_and_gets_their_table(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = config.load(root, {})
    with without_pictures(tmp_path / "earlier", monkeypatch):
        add_subscribers(open_store(settings), 3)
    require_whole(open_store(settings), people=3)
    copy = database(root).with_name("newsletter.db.before-0018")
    with raw(copy) as connection:
        assert connection.execute("SELECT version_num FROM alembic_version").fetchall() == [
            ("0015",)
        ]
        assert connection.execute("SELECT count(*) FROM subscribers").fetchone() == (3,)


@pytest.mark.parametrize("revision", ["0001", "0014"])
def test_a_database_from_before_the_first_release_is_refused_and_unchanged(
    root: Path, revision: str
) -> None:
    database(root).parent.mkdir()
    with raw(database(root)) as connection:
        connection.execute("CREATE TABLE alembic_version (version_num TEXT)")
        connection.execute("CREATE TABLE ledger (id TEXT)")
        connection.execute("INSERT INTO alembic_version VALUES (?)", (revision,))
    before = database(root).read_bytes()
    for use in (open_store, store.open_to_read, health.database_state, upgrade):
        with pytest.raises(NewsletterError, match="before the first release") as caught:
            use(config.load(root, {}))
        assert caught.value.exit_code == 1
        assert "Do not export" in caught.value.hint
    assert database(root).read_bytes() == before
    assert list(database(root).parent.glob("newsletter.db*")) == [database(root)]


def upgrade(settings: config.Settings) -> None:
    place = url_store.locate(settings)
    opened = database_store.connect(place)
    try:
        database_store.upgrade(opened, place)
    finally:
        opened.close()


def test_many_first_uses_at_once_make_one_database(root: Path) -> None:
    settings = config.load(root, {})

    def use(_n: int) -> tuple[object, ...]:
        with open_store(settings).read() as connection:
            return tuple(connection.exec_driver_sql("SELECT id FROM ledger").all())

    with ThreadPoolExecutor(8) as pool:
        assert len(set(pool.map(use, range(8)))) == 1


def test_a_newer_database_is_refused_and_untouched(root: Path) -> None:
    settings = config.load(root, {})
    open_store(settings).close()
    with raw(database(root)) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(NewsletterError, match="newer version") as caught:
        open_store(settings)
    assert caught.value.exit_code == 1
    with raw(database(root)) as connection:
        assert connection.execute("SELECT * FROM alembic_version").fetchall() == [("9999",)]


@pytest.mark.parametrize("content", [b"This is a shopping list.\n" * 9, b"short", b"\0" * 5000])
def test_a_file_that_is_no_database_is_refused_and_untouched(root: Path, content: bytes) -> None:
    database(root).parent.mkdir()
    database(root).write_bytes(content)
    with pytest.raises(NewsletterError, match=r"database.*newsletter\.db") as caught:
        open_store(config.load(root, {}))
    assert caught.value.exit_code == 1
    assert database(root).read_bytes() == content


def test_the_database_of_another_program_is_refused_and_untouched(root: Path) -> None:
    database(root).parent.mkdir()
    with raw(database(root)) as connection:
        connection.execute("CREATE TABLE subscribers (name TEXT)")
    before = database(root).read_bytes()
    with pytest.raises(NewsletterError, match="not a database of this program"):
        open_store(config.load(root, {}))
    assert database(root).read_bytes() == before


def test_every_connection_keeps_its_promises(root: Path) -> None:
    with open_store(config.load(root, {})).read() as connection:
        pragmas = {
            name: connection.exec_driver_sql(f"PRAGMA {name}").scalar()
            for name in ("foreign_keys", "journal_mode", "secure_delete", "synchronous")
        }
    assert pragmas == {
        "foreign_keys": 1,
        "journal_mode": "wal",
        "secure_delete": 1,
        "synchronous": 2,
    }


def test_a_damaged_database_is_one_line(root: Path) -> None:
    database(root).parent.mkdir()
    database(root).write_bytes(b"SQLite format 3\0" + b"nonsense" * 1000)
    with pytest.raises(NewsletterError, match="database"):
        open_store(config.load(root, {}))


def test_a_folder_in_its_place_is_one_line(root: Path) -> None:
    database(root).mkdir(parents=True)
    with pytest.raises(NewsletterError, match="cannot be opened"):
        open_store(config.load(root, {}))


def test_a_locked_database_is_a_reason_to_try_again(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite, "BUSY_SECONDS", 0.1)
    opened = open_store(config.load(root, {}))
    with raw(database(root), manual=True) as other:
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(TryAgain), opened.write():
            pass
        other.execute("ROLLBACK")


def test_a_transaction_that_writes_holds_the_lock_from_its_start(root: Path) -> None:
    opened = open_store(config.load(root, {}))
    with raw(database(root), manual=True) as other, opened.write():
        other.execute("PRAGMA busy_timeout = 0")
        with pytest.raises(sqlite3.OperationalError, match="locked"):
            other.execute("BEGIN IMMEDIATE")


def test_a_full_disk_loses_nothing(root: Path) -> None:
    opened = open_store(config.load(root, {}))
    add_subscribers(opened, 5)
    with pytest.raises(NewsletterError, match="full"), opened.write() as connection:  # noqa: PT012
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar()
        connection.exec_driver_sql(f"PRAGMA max_page_count = {pages}")
        connection.exec_driver_sql("INSERT INTO wordings (text, hash) VALUES (zeroblob(99999), 1)")
    with opened.read() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM subscribers").scalar() == 5


def test_a_read_only_database_is_one_line(root: Path) -> None:
    opened = open_store(config.load(root, {}))
    with pytest.raises(NewsletterError, match="read-only") as caught, opened.write() as connection:  # noqa: PT012
        # What file permissions do to everyone but root.
        connection.exec_driver_sql("PRAGMA query_only = ON")
        connection.exec_driver_sql("DELETE FROM subscribers")
    assert caught.value.exit_code == 1


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://me:ge/heim@localhost/x",
        "mysql://x",
        "newsletter.db",
        "sqlite:///",
        "sqlite:///:memory:",
        "sqlite:///list.db?mode=ro",
    ],
)
def test_another_kind_of_database_is_refused(root: Path, url: str) -> None:
    settings = config.load(root, {"NEWSLETTER_DATABASE_URL": url})
    with pytest.raises(NewsletterError, match="NEWSLETTER_DATABASE_URL") as caught:
        open_store(settings)
    assert caught.value.exit_code == 1
    assert "heim" not in str(caught.value)


@pytest.mark.parametrize(
    ("url", "says"),
    [
        # What hosts' panels offer to other programs
        ("postgresql://me@h/x?pgbouncer=true&connection_limit=1", "pgbouncer, connection_limit"),
        ("postgresql://me:geheim@h/x?schema=public", "another program: schema"),
        ("postgresql://me@h/x?ssl_mode=require", "sslmode is meant"),
        ("postgresql+psycopg://me:geheim@h/x", "postgresql:// alone"),
        # Passwords with special characters, which may be quoted nowhere
        ("postgresql://me:ge@heim@h/x", "%40"),
        ("postgresql://me:ge@he#im@h/x", "%40"),
        ("postgresql://me:ge#he@im@h/x", "%23"),
        ("postgresql://me:12/heim@h/x", "%2F"),
        ("postgresql://me:ge%heim@h/x", "%25"),
        ("postgresql://me:g?e@h?eim=1@h", "PGPASSWORD"),
        # Paths that a shell would have filled in, or that are none
        ("sqlite:////~/list.db", "whole path"),
        ("sqlite:///~nobody-of-that-name/list.db", "home folder"),
        ("sqlite:///$HOME/list.db", "whole path"),
        ("sqlite:///${HOME}/list.db", "whole path"),
        ("sqlite:///%USERPROFILE%/list.db", "whole path"),
        ("sqlite:///file:list.db", "file:"),
        ("sqlite://list.db", "slashes"),
        ("sqlite:list.db", "slashes"),
        ("sqlite:////", "names no file"),
    ],
)
def test_an_address_that_cannot_be_meant_so_is_refused_with_what_to_write(
    root: Path, url: str, says: str
) -> None:
    with pytest.raises(NewsletterError) as caught:
        open_store(config.load(root, {"NEWSLETTER_DATABASE_URL": url}))
    assert caught.value.exit_code == 1
    assert says in str(caught.value)
    assert not re.search("heim|ge@|ge#|im@|eim=", str(caught.value))
    assert sorted(path.name for path in root.iterdir()) == ["issues", "newsletter.toml"]


def test_a_home_folder_is_found(root: Path) -> None:
    settings = config.load(root, {"NEWSLETTER_DATABASE_URL": "sqlite:///~/brief/list.db"})
    open_store(settings).close()
    assert (Path.home() / "brief" / "list.db").exists()
    assert not (root / "~").exists()


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://me:geheim@h:5433/x",
        "postgres://me:ge%40h%23eim@h/x?sslmode=require",
        "postgresql:///x?host=/run/postgresql",
        "postgresql://me:ge#hei?m@h/x",
        "postgresql://h1:1,h2:2/x?target_session_attrs=read-write&password=geheim",
        "postgresql://m%40e@[::1]:5/d%2Fb?sslpassword=geheim&options=-c%20a%3Db",
        "postgresql://h",
        "postgresql://me@h/x?passfile=/home/me/.pgpass",
    ],
)
def test_an_address_as_it_may_be_shown_means_the_same_without_its_passwords(
    root: Path, url: str
) -> None:
    shown = url_store.without_password(url)
    assert not re.search("heim|hei|ge%", shown)
    meant, reported = (
        dict(url_store.locate(config.load(root, {url_store.VARIABLE: one})).parameters)  # type: ignore[union-attr]
        for one in (url, shown)
    )
    for name in ("password", "sslpassword"):
        meant.pop(name, None)
    assert reported == meant
    assert url_store.has_password(url) == ("eim" in url or "hei" in url)


def test_the_database_may_live_elsewhere(root: Path, tmp_path: Path) -> None:
    place = tmp_path / "else where" / "list.db"
    open_store(config.load(root, {"NEWSLETTER_DATABASE_URL": f"sqlite:///{place}"}))
    assert place.exists()
    assert not database(root).exists()


def test_consents_cannot_be_changed_and_go_with_the_person(root: Path) -> None:
    opened = open_store(config.load(root, {}))
    add_subscribers(opened, 2)
    with opened.write() as connection:
        connection.exec_driver_sql("INSERT INTO wordings (text, hash) VALUES ('yes', 'h')")
        connection.exec_driver_sql(
            "INSERT INTO consents (subscriber_id, wording_id, at, source) "
            "SELECT id, 1, '2026-01-01', 't' FROM subscribers"
        )
    for statement in ("UPDATE consents SET source = 'x'", "DELETE FROM consents"):
        with pytest.raises(IntegrityError, match="append-only"), opened.write() as connection:
            connection.exec_driver_sql(statement)
    with opened.write() as connection:
        connection.exec_driver_sql("DELETE FROM subscribers WHERE id = 1")
    with opened.read() as connection:
        left = connection.exec_driver_sql("SELECT subscriber_id FROM consents").all()
    assert [tuple(row) for row in left] == [(2,)]


def test_an_error_of_the_database_holds_no_address(root: Path) -> None:
    opened = open_store(config.load(root, {}))
    add_subscribers(opened, 1)
    with pytest.raises(IntegrityError) as caught:
        add_subscribers(opened, 1)
    assert "example.org" not in str(caught.value)


def test_the_secret_key_is_made_once_for_its_owner_alone(root: Path) -> None:
    settings = config.load(root, {})
    with ThreadPoolExecutor(8) as pool:
        made = set(pool.map(lambda _n: keys.signing_keys(settings), range(8)))
    assert len(made) == 1
    path = root / ".newsletter" / "secret-key"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert len(path.read_text()) > 40
    assert {file.name for file in path.parent.iterdir()} == {".gitignore", "secret-key"}
    path.write_text("")
    with pytest.raises(NewsletterError, match="empty"):
        keys.signing_keys(settings)


def test_an_error_of_a_command_is_one_line_and_a_status(
    root: Path, run: Callable[..., subprocess.CompletedProcess[str]]
) -> None:
    database(root).parent.mkdir(mode=0o700)
    database(root).touch(mode=0o600)
    database(root).write_bytes(b"no database at all, " * 100)
    done = run("status")
    assert done.returncode == 1
    assert done.stdout == ""
    assert is_one_error(done.stderr)
    assert "Traceback" not in done.stderr
