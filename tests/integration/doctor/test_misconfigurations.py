"""Each misconfiguration is found by its check, and by no other; a good set-up is silent."""

from __future__ import annotations

import dataclasses
import shutil
import subprocess
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
import trustme

from newsletter import tokens
from newsletter.config import PROVIDERS, Settings
from newsletter.doctor.settings import examine_settings
from newsletter.model import DiagnosisState, MailingState, PauseReason
from tests.integration.doctor.good_set_up import KEY, OTHER_KEY, SetUp, problems
from tests.support.newsletter import raw, write_issue
from tests.support.parameters import choose

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Seed = Callable[[SetUp], object]

WARNING, FAILURE = DiagnosisState.WARNING, DiagnosisState.FAILURE
UNKNOWN = DiagnosisState.UNKNOWN


def value(name: str, text: str | float) -> Seed:
    """Write another value into the settings file."""
    return lambda made: made.values.update({name: text})


def without(name: str) -> Seed:
    return lambda made: made.values.pop(name)


def variable(name: str, text: str) -> Seed:
    """Set a variable here and for the web app."""
    return lambda made: made.environment.update({name: text})


def unset(name: str) -> Seed:
    return lambda made: made.environment.pop(name)


def elsewhere(name: str, text: str) -> Seed:
    """Set a variable for the web app alone."""
    return lambda made: made.elsewhere.update({name: text})


def fault(name: str) -> Seed:
    return lambda made: setattr(made.front, "fault", name)


def both(*seeds: Seed) -> Seed:
    return lambda made: [seed(made) for seed in seeds]


def later(change: Seed) -> Seed:
    """Do it when the web app runs."""
    return lambda made: made.later.append(lambda: change(made))


def settings_text(text: str) -> Seed:
    def write(made: SetUp) -> None:
        made.later.append(
            lambda: (made.root / "newsletter.toml").write_text(text, encoding="utf-8")
        )

    return write


def run_sql(statement: str, **values: object) -> Seed:
    return lambda made: made.newsletter.sql(statement, **values)


def ago(**span: float) -> str:
    return f"{datetime.now(UTC) - timedelta(**span):%Y-%m-%d %H:%M:%S.%f}"


def mailing(
    state: MailingState,
    note: str = "",
    *,
    delivery: str = "accepted",
    url: str = "",
    **finished: float,
) -> Seed:
    """Put a mailing with one delivery into the ledger."""
    return both(
        lambda made: run_sql(
            "INSERT INTO mailings (public_id, slug, slot, send_at, content_hash, letter_hash,"
            " letter, provider, provider_url, rehearsal, state, note, released, audience,"
            " started_at, finished_at) VALUES ('m', '2026-11-01-oud', '2026-11-01T07:00',"
            " '2026-11-01T07:00:00+01:00', 'c', 'l', '', 'resend', :url, false, :state, :note,"
            " false, 1, :began, :ended)",
            state=state.value,
            note=note,
            began=ago(hours=3),
            ended=ago(**finished) if finished else None,
            url=url or made.fake.url,
        )(made),
        run_sql(
            "INSERT INTO deliveries (mailing_id, subscriber_id, ref, state, assumed, sent_again,"
            " plain_text) SELECT m.id, s.id, 'r', :state, false, false, false"
            " FROM mailings m, subscribers s WHERE s.email = 'lezer1@example.org'",
            state=delivery,
        ),
    )


def notices(count: int, state: str, **due: float) -> Seed:
    """Queue sign-up confirmations that were due some time ago."""
    return both(
        *(
            run_sql(
                "INSERT INTO notices (ref, kind, address_hash, provider, provider_url, state,"
                " queued_at, due_at, expires_at, attempt) VALUES (:ref, 'confirmation', :ref,"
                " 'resend', 'x', :state, :due, :due, :end, 0)",
                ref=f"n{number}",
                state=state,
                due=ago(**due),
                end=ago(days=-3),
            )
            for number in range(count)
        )
    )


def webhook(*, unreadable: bool, **came: float) -> Seed:
    return run_sql(
        "INSERT INTO webhooks (provider, name, at, body, unreadable)"
        " VALUES ('resend', 'w', :at, '{}', :unreadable)",
        at=ago(**came),
        unreadable=unreadable,
    )


def damage(made: SetUp) -> None:
    """Write over a page in the middle of the database."""
    made.newsletter.sql("UPDATE ledger SET created_at = created_at")
    with raw(made.database) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        (page,) = connection.execute(
            "SELECT rootpage FROM sqlite_master WHERE name = 'consents'"
        ).fetchone()
    with made.database.open("r+b") as file:
        file.seek((page - 1) * 4096)
        file.write(b"\x0d" + b"\xee" * 2000)


def overwrite(made: SetUp) -> None:
    made.database.write_bytes(b"this is no database at all, but a text " * 200)


def use_a_rollback_journal(made: SetUp) -> None:
    made.newsletter.store.close()
    with raw(made.database) as connection:
        assert connection.execute("PRAGMA journal_mode = DELETE").fetchone() == ("delete",)


def use_another_database(made: SetUp) -> None:
    """Let `doctor` find a second database, which was made for a rehearsal."""
    copy = made.root / "other.db"
    with raw(made.database) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    shutil.copy(made.database, copy)
    with raw(copy) as connection:
        connection.execute("UPDATE ledger SET id = 'another'")
        connection.commit()
    made.elsewhere["NEWSLETTER_DATABASE_URL"] = f"sqlite:///{made.database}"
    made.environment["NEWSLETTER_DATABASE_URL"] = f"sqlite:///{copy}"


def commit_the_database(made: SetUp) -> None:
    secrets_file("")(made)
    files = [f".newsletter/{name}" for name in ("newsletter.db", "production.env")]
    for command in (["init", "-q"], ["add", "-f", *files]):
        subprocess.run(["git", *command], cwd=made.root, check=True)


def commit_and_take_out(made: SetUp) -> None:
    """Leave secrets and database in the history of git alone."""
    (made.root / ".newsletter" / "production.env").touch(mode=0o600)
    who = ["-c", "user.name=Gerrit", "-c", "user.email=gerrit@brief.test"]
    files = [f".newsletter/{name}" for name in ("newsletter.db", "production.env")]
    for command in (
        ["init", "-q"],
        ["add", "-f", *files],
        [*who, "commit", "-qm", "all"],
        ["rm", "-q", "--cached", *files],
        [*who, "commit", "-qm", "fewer"],
    ):
        subprocess.run(["git", *command], cwd=made.root, check=True)


def secrets_file(text: str, mode: int = 0o600) -> Seed:
    """Write the file of secrets, which no shell has read here."""

    def write(made: SetUp) -> None:
        path = made.root / ".newsletter" / "production.env"
        path.write_text(text, encoding="utf-8")
        path.chmod(mode)

    return write


def signed_by(key: str) -> Seed:
    return run_sql(
        "INSERT INTO signing_keys (fingerprint, recorded_at) VALUES (:key, :at)",
        key=tokens.fingerprint(key),
        at=ago(days=9),
    )


def job_at_forge(name: str) -> Seed:
    """Write the file of a job that sends there."""

    def write(made: SetUp) -> None:
        path = made.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("jobs: {}\n", encoding="utf-8")

    return write


NO_KEY = both(unset("NEWSLETTER_SECRET_KEY"), elsewhere("NEWSLETTER_SECRET_KEY", KEY))


def certificate(*names: str, days: int = 90, trusted: bool = True) -> Seed:
    return lambda made: made.certify(*names, days=days, authority=None if trusted else trustme.CA())


def hang_up_the_front(made: SetUp) -> None:
    made.front.shutdown()
    made.front.server_close()


SEEDS: dict[str, tuple[Seed, dict[str, DiagnosisState]]] = {
    # Settings
    "no settings file": (
        later(lambda made: (made.root / "newsletter.toml").unlink()),
        {"settings-file": FAILURE},
    ),
    "TOML that cannot be read": (settings_text("name = Brief\n"), {"settings-file": FAILURE}),
    "an unknown setting": (settings_text('naam = "Brief"\n'), {"settings-file": FAILURE}),
    "two settings files": (
        later(
            lambda made: (made.root / "pyproject.toml").write_text(
                "[tool.newsletter]\nname = 'B'\n"
            )
        ),
        {"settings-file": FAILURE},
    ),
    "an empty secret": (
        both(variable("RESEND_API_KEY", " "), elsewhere("RESEND_API_KEY", "re_x")),
        {"settings-environment": FAILURE},
    ),
    "a secret in quotation marks": (
        both(
            variable("NEWSLETTER_SECRET_KEY", f'"{KEY}"'), elsewhere("NEWSLETTER_SECRET_KEY", KEY)
        ),
        {"settings-environment": FAILURE},
    ),
    "a secret that was not filled in": (
        both(
            variable("NEWSLETTER_SECRET_KEY", "${{ secrets.KEY }}"),
            elsewhere("NEWSLETTER_SECRET_KEY", KEY),
        ),
        {"settings-environment": FAILURE},
    ),
    "a misspelt variable": (
        variable("NEWSLETTER_SECRETKEY", KEY),
        {"settings-environment": WARNING},
    ),
    "no contact": (
        without("contact"),
        {"settings-identity": FAILURE, "web-notices": WARNING},
    ),
    "the name of nobody's newsletter": (without("name"), {"settings-identity": WARNING}),
    "the provider was forgotten": (without("provider"), {"settings-provider": WARNING}),
    "the outbox was left in the environment": (
        both(
            variable("NEWSLETTER_PROVIDER", "outbox"),
            elsewhere("NEWSLETTER_PROVIDER", "resend"),
            lambda made: write_issue(made.root, name="gemist", days=-2),
        ),
        {"settings-provider": WARNING, "backlog-overdue": FAILURE},
    ),
    "no folder issues/": (
        lambda made: shutil.rmtree(made.root / "issues"),
        {"settings-issues": FAILURE},
    ),
    "a schedule that is never in time": (
        value("max_lateness_hours", 0),
        {"settings-schedule": WARNING},
    ),
    "a window that an issue's own time may miss": (
        both(value("max_lateness_hours", 3), job_at_forge(".forgejo/workflows/send.yml")),
        {"settings-schedule": WARNING},
    ),
    "a window that is too short only at a forge": (value("max_lateness_hours", 3), {}),
    "a pace that a job at a forge does not keep": (
        both(
            value("max_per_hour", 1),
            value("finish_within_hours", 3.5),
            job_at_forge(".github/workflows/send.yml"),
        ),
        {"settings-pace": WARNING},
    ),
    "a pace that a timer keeps": (
        both(value("max_per_hour", 1), value("finish_within_hours", 3.5)),
        {},
    ),
    "a pace that never ends": (
        both(value("max_per_hour", 1), value("finish_within_hours", 2)),
        {"settings-pace": WARNING},
    ),
    "a clock before the last record": (
        run_sql("UPDATE ledger SET created_at = :at", at=ago(days=-400)),
        {"clock": FAILURE},
    ),
    # Secrets
    "no secret key": (NO_KEY, {"secret-key": FAILURE, "web-app": UNKNOWN}),
    "the key that has signed letters is not set": (
        both(NO_KEY, signed_by(KEY)),
        {"secret-key": FAILURE, "secret-fingerprint": FAILURE, "web-app": UNKNOWN},
    ),
    "the key that has signed letters is in a file": (
        both(NO_KEY, signed_by(KEY), secrets_file(f"NEWSLETTER_SECRET_KEY={KEY}\n")),
        {"secret-key": FAILURE, "secret-fingerprint": FAILURE, "web-app": UNKNOWN},
    ),
    "the provider's key is in a file": (
        both(
            unset("RESEND_API_KEY"),
            elsewhere("RESEND_API_KEY", "re_of_these_tests"),
            secrets_file("RESEND_API_KEY=re_of_these_tests\n"),
        ),
        {"provider-key": FAILURE},
    ),
    "the provider's key is not in the file yet": (
        both(
            unset("RESEND_API_KEY"),
            elsewhere("RESEND_API_KEY", "re_of_these_tests"),
            secrets_file("RESEND_API_KEY=\n"),
        ),
        {"provider-key": FAILURE},
    ),
    "a key that people choose": (
        variable("NEWSLETTER_SECRET_KEY", "changeme-changeme-changeme-12345"),
        {"secret-key": FAILURE},
    ),
    "a key that repeats itself": (
        variable("NEWSLETTER_SECRET_KEY", "a8F3k1Zq" * 8),
        {"secret-key": FAILURE},
    ),
    "a key that counts": (
        variable("NEWSLETTER_SECRET_KEY", "abcdefghijklmnopqrstuvwxyz0123456789"),
        {"secret-key": FAILURE},
    ),
    "a short key": (variable("NEWSLETTER_SECRET_KEY", KEY[:20]), {"secret-key": FAILURE}),
    "an old key that can be guessed": (
        variable("NEWSLETTER_SECRET_KEY", f"{KEY},kort"),
        {"secret-key": WARNING},
    ),
    "a key that signed letters is gone": (
        signed_by(OTHER_KEY),
        {"secret-fingerprint": FAILURE, "web-notices": WARNING},
    ),
    "no webhook secret": (
        unset("RESEND_WEBHOOK_SECRET"),
        {"secret-webhook": WARNING, "provider-webhook": WARNING, "web-webhook": WARNING},
    ),
    "a database that everyone can read": (
        later(lambda made: made.database.chmod(0o644)),
        {"secret-files": WARNING},
    ),
    "a file of secrets that everyone can read": (
        later(secrets_file("", mode=0o644)),
        {"secret-files": WARNING},
    ),
    "a folder that everyone can list": (
        later(lambda made: (made.root / ".newsletter").chmod(0o755)),
        {"secret-files": WARNING},
    ),
    "a database in git": (commit_the_database, {"secret-git": FAILURE}),
    "a database in the history of git": (commit_and_take_out, {"secret-git": WARNING}),
    # Database
    "no ledger": (without("ledger"), {"database-ledger": FAILURE, "web-notices": WARNING}),
    "the ledger of another database": (
        value("ledger", "another"),
        {"database-ledger": FAILURE, "web-app": UNKNOWN},
    ),
    "another database": (
        use_another_database,
        {"database-ledger": FAILURE, "web-app": FAILURE},
    ),
    "no database": (
        lambda made: (
            made.elsewhere.update(NEWSLETTER_DATABASE_URL=f"sqlite:///{made.database}"),
            made.environment.update(NEWSLETTER_DATABASE_URL="sqlite:///none.db"),
        ),
        {"database-reachable": FAILURE, "web-app": UNKNOWN},
    ),
    "a kind of database that is not known": (
        lambda made: (
            made.elsewhere.update(NEWSLETTER_DATABASE_URL=f"sqlite:///{made.database}"),
            made.environment.update(NEWSLETTER_DATABASE_URL="mysql://kees:geheim@host/brief"),
        ),
        {"database-reachable": FAILURE, "secret-files": FAILURE, "web-app": UNKNOWN},
    ),
    "a database that was moved": (
        run_sql("UPDATE ledger SET closed_at = :at", at=ago(hours=1)),
        {"database-open": FAILURE, "web-app": UNKNOWN},
    ),
    "a database of a newer version": (
        run_sql("UPDATE alembic_version SET version_num = '9999'"),
        {"database-reachable": FAILURE, "web-app": UNKNOWN},
    ),
    "an empty list": (
        run_sql("UPDATE subscribers SET status = 'unsubscribed'"),
        {"database-subscribers": WARNING},
    ),
    "a damaged database": (later(damage), {"database-intact": FAILURE}),
    "a file that is no database": (
        later(overwrite),
        {"database-reachable": FAILURE, "web-app": UNKNOWN},
    ),
    "a rollback journal": (use_a_rollback_journal, {"database-journal": WARNING}),
    # Provider and DNS
    "a key that was revoked": (
        lambda made: setattr(made.fake.account, "permission", "none"),
        dict.fromkeys(
            [f"provider-{what}" for what in ("domain", "tracking", "webhook", "region", "limits")],
            UNKNOWN,
        )
        | {"provider-key": FAILURE},
    ),
    "a provider that counts clicks": (
        lambda made: made.fake.account.domains[0].update(click_tracking=True),
        {"provider-tracking": FAILURE},
    ),
    "a domain that is not verified": (
        lambda made: made.fake.account.domains[0].update(status="pending"),
        {"provider-domain": FAILURE},
    ),
    "no DMARC": (
        lambda made: made.zone.update({"_dmarc.brief.test": {}}),
        {"dns-dmarc": FAILURE},
    ),
    "a DKIM key that vanished": (
        lambda made: made.zone.update({"resend._domainkey.brief.test": {}}),
        {"dns-dkim": FAILURE},
    ),
    # Web app
    "a certificate that has expired": (
        certificate("localhost", days=-1),
        {"web-certificate": FAILURE},
    ),
    "a certificate for another host": (
        certificate("www.brief.test"),
        {"web-certificate": FAILURE},
    ),
    "a certificate that nobody trusts": (
        certificate("localhost", trusted=False),
        {"web-certificate": FAILURE},
    ),
    "a certificate that ends soon": (
        certificate("localhost", days=5),
        {"web-certificate": WARNING},
    ),
    "no TLS": (lambda made: setattr(made.front, "tls", None), {"web-certificate": FAILURE}),
    "nothing at public_url": (later(hang_up_the_front), {"web-certificate": UNKNOWN}),
    "a web server without the app": (fault("away"), {"web-app": UNKNOWN}),
    "a page of something else": (fault("page"), {"web-app": FAILURE}),
    "a redirect to www": (fault("redirect"), {"web-app": FAILURE}),
    "a server that refuses POST": (
        fault("no POST"),
        {"web-unsubscribe": FAILURE, "web-webhook": WARNING},
    ),
    "a firewall that tests for robots": (
        fault("firewall"),
        {"web-unsubscribe": FAILURE, "web-webhook": WARNING},
    ),
    "a firewall before webhooks": (fault("webhooks"), {"web-webhook": WARNING}),
    "a login before webhooks": (fault("login"), {"web-webhook": WARNING}),
    "a server without the links": (fault("no links"), {"web-unsubscribe": FAILURE}),
    "a proxy that drops the query": (fault("no query"), {"web-preferences": FAILURE}),
    "a host that sets a cookie": (fault("cookie"), {"web-cookie": WARNING}),
    "a web server whose clock is wrong": (fault("late"), {"web-clock": WARNING}),
    "another key in the web app": (
        elsewhere("NEWSLETTER_SECRET_KEY", OTHER_KEY),
        {"web-unsubscribe": FAILURE},
    ),
    "no webhook secret in the web app": (
        elsewhere("RESEND_WEBHOOK_SECRET", ""),
        {"web-webhook": WARNING},
    ),
    # Backlog
    "an issue that missed its time": (
        lambda made: write_issue(made.root, name="gemist", days=-2),
        {"backlog-overdue": FAILURE},
    ),
    "a mailing that the provider refused": (
        mailing(MailingState.PAUSED, "the provider refuses this account"),
        {"backlog-mailings": FAILURE},
    ),
    "a mailing that a person paused": (
        mailing(MailingState.PAUSED, PauseReason.BY_A_PERSON.value),
        {"backlog-mailings": WARNING},
    ),
    "a mailing through another provider": (
        mailing(MailingState.SENDING, url="https://elsewhere.test"),
        {"backlog-mailings": FAILURE},
    ),
    "a delivery of unknown outcome": (
        mailing(MailingState.COMPLETED_WITH_UNKNOWN, delivery="unknown", hours=1),
        {"backlog-unknown": WARNING},
    ),
    "a provider that reports nothing": (
        mailing(MailingState.COMPLETED, days=3),
        {"backlog-events": WARNING},
    ),
    "a sign-up form that is closed": (
        notices(200, "accepted", minutes=5),
        {"backlog-form": WARNING},
    ),
    "a web app that mails nobody": (
        elsewhere("NEWSLETTER_PROVIDER", "outbox"),
        {"web-notices": WARNING},
    ),
    "a notice that does not leave": (
        notices(1, "pending", hours=5),
        {"backlog-notices": WARNING},
    ),
    "a webhook that cannot be read": (
        webhook(unreadable=True, hours=5),
        {"backlog-webhooks": WARNING},
    ),
    "a webhook that is not applied": (
        webhook(unreadable=False, hours=5),
        {"backlog-webhooks": WARNING},
    ),
}


SAID = {
    "the outbox was left in the environment": ['says "resend"', "unset NEWSLETTER_PROVIDER"],
    "a firewall that tests for robots": ["POST /u/… got 403, and GET works", "the firewall"],
    "a firewall before webhooks": ["answered with 403, and not by the web app"],
    "a server without the links": ["GET /u/… got 404"],
    "another key in the web app": ["the same NEWSLETTER_SECRET_KEY"],
    "an old key that can be guessed": ["who guesses it can unsubscribe everyone"],
    "no secret key": ["openssl rand", "no secret key is set to make a link with"],
    "the key that has signed letters is not set": ["Put back the key", "See secret-key"],
    "the key that has signed letters is in a file": [". ./.newsletter/production.env"],
    "the provider's key is in a file": ["It is in .newsletter/production.env", "set -a; . ./"],
    "the provider's key is not in the file yet": ["write it into .newsletter/production.env"],
    "a file of secrets that everyone can read": ["can use production.env"],
    "a folder that everyone can list": ["can list what is in .newsletter"],
    "a database in git": ["newsletter.db, .newsletter/production.env is in git"],
    "a database in the history of git": ["newsletter.db, .newsletter/production.env", "history"],
    "no database": ["See database-reachable and database-migrations"],
    "a key that was revoked": ["See provider-key"],
    "a web app that mails nobody": ["the settings file with the line ledger"],
}
"""What leads to the cause, in the lines about what is wrong."""

NOT_SAID = {
    "the key that has signed letters is not set": "openssl",
    "the key that has signed letters is in a file": "old key",
    "the provider's key is in a file": "resend.com",
    "no database": "secret key",
    "a key that was revoked": "may not see",
    "a folder that everyone can list": "can use",
    "a firewall that tests for robots": "NEWSLETTER_SECRET_KEY",
    "a server without the links": "NEWSLETTER_SECRET_KEY",
}
"""What would lead away from it."""

ALWAYS = [
    *("no settings file", "an empty secret", "no contact", "the provider was forgotten"),
    *("no secret key", "a key that people choose", "a key that signed letters is gone"),
    *("another database", "a database that was moved", "a damaged database"),
    *("a key that was revoked", "no DMARC", "a certificate that has expired"),
    *("a page of something else", "a server that refuses POST", "another key in the web app"),
    *("the outbox was left in the environment", "a firewall that tests for robots"),
    *("a firewall before webhooks", "a server without the links"),
    *("the key that has signed letters is not set", "the provider's key is in a file"),
    *("a database in git", "a folder that everyone can list"),
    *("an issue that missed its time", "a delivery of unknown outcome"),
    *("a web app that mails nobody", "a pace that a job at a forge does not keep"),
]
"""What is tried each time; the others wait for `--all`."""


def test_a_good_set_up_is_silent(set_up: SetUp) -> None:
    found = set_up.examine()
    assert problems(found) == {}
    assert not any(one.fix for one in found)
    said = {one.check for one in found}
    assert {"settings-file", "secret-key", "database-intact", "provider-key", "dns-dkim"} <= said
    assert {"web-certificate", "web-unsubscribe", "web-webhook", "backlog-events"} <= said
    assert "web-notices" in said


@pytest.mark.parametrize("name", choose(list(SEEDS), always=ALWAYS))
def test_a_misconfiguration_is_found_by_its_check(set_up: SetUp, name: str) -> None:
    seed, expected = SEEDS[name]
    seed(set_up)
    set_up.write_settings()
    found = set_up.examine()
    assert problems(found) == expected
    assert all(one.fix for one in found if one.state is not DiagnosisState.OK)
    wrong = (one for one in found if one.state is not DiagnosisState.OK)
    about = "\n".join(f"{one.message}\n{one.fix}" for one in wrong)
    assert [one for one in SAID.get(name, []) if one not in about] == []
    assert name not in NOT_SAID or NOT_SAID[name] not in about
    said = "\n".join(f"{one.message}\n{one.fix}" for one in found)
    secrets = (*set_up.environment.values(), "geheim", "lezer1@example.org", KEY)
    shown = [one for one in {*secrets} - {*PROVIDERS} if len(one) > 5 and one in said]
    assert [one for one in shown if not one.startswith("http")] == []


@pytest.mark.parametrize(
    ("changes", "check", "state"),
    [
        ({"sender": "Gerrit <g@example.org>"}, "settings-identity", FAILURE),
        ({"sender": "Gerrit <g@brief.test>"}, "settings-identity", FAILURE),
        ({"sender": ""}, "settings-identity", FAILURE),
        ({"provider": "outbox", "sender": ""}, "settings-identity", WARNING),
        ({"public_url": "http://brief.nl"}, "settings-public-url", FAILURE),
        ({"public_url": "http://localhost:8000"}, "settings-public-url", FAILURE),
    ],
)
def test_settings_that_no_test_server_can_have(
    changes: dict[str, Any], check: str, state: DiagnosisState, tmp_path: Path
) -> None:
    (tmp_path / "issues").mkdir()
    good = Settings(
        root=tmp_path,
        name="Brief",
        sender="Gerrit <gerrit@jijenloslaten.nl>",
        contact="Postbus 1",
        public_url="https://brief.jijenloslaten.nl",
        provider="resend",
        secret_keys=(KEY,),
    )
    assert problems(tuple(examine_settings(good, {}))) == {}
    spoilt = dataclasses.replace(good, **changes)
    assert problems(tuple(examine_settings(spoilt, {}))) == {check: state}
