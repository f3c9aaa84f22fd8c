"""What `newsletter status` costs as a whole process, after 200 sent issues: less than 700 ms."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
import tempfile
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

from interleaved import BARE, ENVIRONMENT, NEWSLETTER, measure, show

LIMIT = 700
SENT, COMING, PEOPLE, LEFT = 200, 4, 400, 40
SAMPLE = min((Path(__file__).parents[1] / "issues").glob("*.md"))
TODAY = datetime.now(UTC).replace(hour=6, minute=0, second=0, microsecond=0)


def issue(root: Path, week: int) -> tuple[str, datetime]:
    """Write the issue of a week, counted from today; return its slug and its time."""
    at = TODAY + timedelta(days=7 * week + 3)
    slug = f"{at:%Y-%m-%d}-week{week + SENT}"
    lines = SAMPLE.read_text(encoding="utf-8").splitlines(keepends=True)
    kept = [line for line in lines if not line.startswith(("draft:", "send_at:"))]
    text = "".join(kept) + f"\nDe brief van week {week}.\n"
    (root / "issues" / f"{slug}.md").write_text(text, encoding="utf-8")
    return slug, at


def fill(root: Path) -> None:
    """Write the issues, and the rows of a ledger in which all but the last few were sent."""
    issues = [issue(root, week) for week in range(-SENT, COMING)]
    make = (NEWSLETTER, "subscribers", "add", "eerste@example.org", "--consent", "Ja")
    subprocess.run(make, cwd=root, env=ENVIRONMENT, check=True, capture_output=True)
    database = root / ".newsletter" / "newsletter.db"
    with closing(sqlite3.connect(database)) as connection, connection:
        connection.executemany(
            "INSERT INTO subscribers (public_id, email, email_key, status, source, created_at,"
            " left_at) VALUES (?, ?, ?, ?, 'test', '2020-01-01 00:00:00.000000', ?)",
            [person(number) for number in range(PEOPLE)],
        )
        for slug, at in issues[:SENT]:
            mailing(connection, slug, at)


def person(number: int) -> tuple[object, ...]:
    """Return the row of one subscriber; the first few have left."""
    gone = number < LEFT
    left = f"{TODAY - timedelta(days=7 * (number * SENT // LEFT)):%Y-%m-%d %H:%M:%S.000000}"
    email = f"lezer{number}@example.org"
    status = "unsubscribed" if gone else "active"
    return (f"{number:032x}", email, email, status, left if gone else None)


def mailing(connection: sqlite3.Connection, slug: str, at: datetime) -> None:
    """Write a mailing that was completed, with a delivery for everyone."""
    moment = f"{at:%Y-%m-%d %H:%M:%S.000000}"
    row = connection.execute(
        "INSERT INTO mailings (public_id, slug, slot, send_at, content_hash, letter_hash, letter,"
        " provider, provider_url, rehearsal, state, note, released, audience, started_at,"
        " finished_at) VALUES (?, ?, ?, ?, ?, ?, ?, 'resend', '', false, 'completed', '', false,"
        " ?, ?, ?)",
        (
            *(slug, slug, f"{at:%Y-%m-%d %H:%M}", at.isoformat(), slug, slug, b"{}"),
            *(PEOPLE, moment, moment),
        ),
    )
    connection.execute(
        "INSERT INTO deliveries (mailing_id, subscriber_id, ref, state, accepted_at, assumed,"
        " strongest_event) SELECT ?, id, ? || '-' || id, 'accepted', ?, false,"
        " CASE WHEN id % 50 = 0 THEN 'hard bounce' ELSE 'delivered' END FROM subscribers",
        (row.lastrowid, slug, moment),
    )


with tempfile.TemporaryDirectory() as folder:
    root = Path(folder)
    toml = 'name = "Jij en Loslaten"\nprovider = "resend"\n'
    (root / "newsletter.toml").write_text(toml, encoding="utf-8")
    (root / "issues").mkdir()
    ENVIRONMENT |= {"RESEND_API_KEY": "re_of_this_measurement", "NEWSLETTER_SECRET_KEY": "k" * 40}
    fill(root)
    if "--show" in sys.argv:
        subprocess.run((NEWSLETTER, "status"), cwd=root, env=ENVIRONMENT, check=True)
    times = measure(
        {
            "python -c pass": BARE,
            "newsletter status": (NEWSLETTER, "status"),
            "newsletter status --json": (NEWSLETTER, "status", "--json"),
        },
        rounds=15,
        cwd=root,
    )
show(times, "status.py")
print(f"The limit: {LIMIT} ms.")
