"""The whole way for real: two senders, a PostgreSQL, a provider, a web app, and who leaves."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections import Counter
from datetime import datetime, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import httpx
import pytest

from newsletter import tokens
from tests.support.newsletter import Newsletter
from tests.support.processes import COMMAND

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

FAKE = "tests.support.providers.fake_resend"
KEY = "a key that is only for these tests"
SUBSCRIBERS = 5000
LEAVERS = 100


def free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port: int = taken.getsockname()[1]
        return port


def issue_that_is_due(root: Path) -> str:
    moment = datetime.now(ZoneInfo("Europe/Amsterdam")) - timedelta(minutes=1)
    slug = f"{moment:%Y-%m-%d}-rust"
    text = f"---\nsubject: Over rust\nsend_at: {moment:%Y-%m-%d %H:%M}\n---\nEen rustige zin.\n"
    (root / "issues" / f"{slug}.md").write_text(text, encoding="utf-8")
    return slug


@pytest.fixture
def provider(tmp_path: Path) -> Iterator[str]:
    # Slow enough for people to leave while it takes the letters.
    command = [sys.executable, "-m", FAKE, "--ledger", tmp_path / "taken", "--latency-ms", "100"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, encoding="utf-8") as process:
        assert process.stdout
        try:
            yield f"http://127.0.0.1:{process.stdout.readline().strip()}"
        finally:
            process.terminate()


@pytest.fixture
def web_app(root: Path, environment: dict[str, str]) -> Iterator[str]:
    url = environment["NEWSLETTER_PUBLIC_URL"]
    command = [COMMAND, "serve", "--port", url.rpartition(":")[2]]
    with subprocess.Popen(
        command, cwd=root, env={**os.environ, **environment}, stderr=subprocess.DEVNULL
    ) as process:
        deadline = time.monotonic() + 30
        while True:
            try:
                if httpx.get(f"{url}/healthz").status_code == 200:
                    break
            except httpx.TransportError:
                assert time.monotonic() < deadline
            time.sleep(0.05)
        yield url
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0


@pytest.fixture
def environment(postgresql: str, provider: str) -> dict[str, str]:
    return {
        "NEWSLETTER_DATABASE_URL": postgresql,
        "NEWSLETTER_SECRET_KEY": KEY,
        "NEWSLETTER_PROVIDER": "resend",
        "NEWSLETTER_PROVIDER_URL": provider,
        "NEWSLETTER_PUBLIC_URL": f"http://127.0.0.1:{free_port()}",
        "RESEND_API_KEY": "re_of_these_tests",
    }


@pytest.mark.all
def test_five_thousand_subscribers_get_one_letter_each_while_a_hundred_leave(
    root: Path, tmp_path: Path, environment: dict[str, str], web_app: str
) -> None:
    newsletter = Newsletter(root, subscribers=SUBSCRIBERS, slug=issue_that_is_due(root))
    (root / "newsletter.toml").write_text(
        'name = "Proefbrief"\nsender = "Gerrit <gerrit@example.org>"\ncontact = "Postbus 1"\n'
        f'ledger = "{newsletter.settings.ledger}"\n',
        encoding="utf-8",
    )
    last = newsletter.sql(
        f"SELECT public_id, email FROM subscribers ORDER BY id DESC LIMIT {LEAVERS}"  # noqa: S608 - a number of ours
    )

    def due() -> subprocess.Popen[str]:
        return subprocess.Popen(
            [COMMAND, "send", "--due", "--json"],
            cwd=root,
            env={**os.environ, **environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            encoding="utf-8",
        )

    both = [due(), due()]
    deadline = time.monotonic() + 60
    while not newsletter.sql("SELECT 1 FROM deliveries WHERE state = 'accepted' LIMIT 1"):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    ((mailing,),) = newsletter.sql("SELECT public_id FROM mailings")
    answers = Counter(
        httpx.post(
            f"{web_app}/u/{tokens.unsubscribe_token(KEY, str(subscriber), str(mailing))}",
            data={"List-Unsubscribe": "One-Click"},
        ).status_code
        for subscriber, _ in last
    )
    said = [process.communicate(timeout=120) for process in both]
    third = due()
    third_said, _ = third.communicate(timeout=60)

    assert answers == {200: LEAVERS}
    assert [process.returncode for process in (*both, third)] == [0, 0, 0], said
    taken = [json.loads(line) for line in (tmp_path / "taken").read_text().splitlines()]
    copies = Counter(letter["to"] for letter in taken)
    assert set(copies.values()) == {1}
    gone = {str(email) for _, email in last}
    # Who had left before their letter was claimed got none, and everyone else got theirs.
    (report,) = json.loads(third_said)["mailings"]
    assert report["state"] == "completed"
    assert report["audience"] == SUBSCRIBERS
    assert report["accepted"] == len(copies)
    assert report["skipped"] == SUBSCRIBERS - len(copies)
    assert report["skipped"] > 0
    assert report["pending"] == report["attempting"] == report["unknown"] == 0
    everybody = {str(email) for (email,) in newsletter.sql("SELECT email FROM subscribers")}
    assert everybody - set(copies) <= gone
    skipped = newsletter.sql(
        "SELECT s.email FROM deliveries d JOIN subscribers s ON s.id = d.subscriber_id"
        " WHERE d.state = 'skipped'"
    )
    assert {str(email) for (email,) in skipped} == everybody - set(copies)
    states = newsletter.sql(
        "SELECT status, count(*) FROM subscribers GROUP BY status ORDER BY status"
    )
    assert states == [("active", SUBSCRIBERS - LEAVERS), ("unsubscribed", LEAVERS)]
    assert len(newsletter.sql("SELECT 1 FROM mailings")) == 1
