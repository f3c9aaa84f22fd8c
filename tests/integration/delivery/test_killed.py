from __future__ import annotations

import contextlib
import os
import pty
import re
import signal
import subprocess
import time
from collections import Counter
from datetime import timedelta
from email import message_from_bytes, policy
from typing import TYPE_CHECKING

import pytest

from newsletter import delivery
from newsletter.store import claims, mailings, schema, sender_locks
from tests.support.newsletter import DAY, Newsletter
from tests.support.processes import COMMAND

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from newsletter.store.claims import Claim

pytestmark = pytest.mark.usefixtures("database")

# Long enough for any machine to begin to wait for it.
LEASE = timedelta(minutes=2)


def test_the_command_killed_half_way_goes_on_with_the_frozen_letter(
    root: Path, run: Callable[..., subprocess.CompletedProcess[str]]
) -> None:
    newsletter = Newsletter(root, subscribers=1500)
    outbox = root / ".newsletter" / "outbox" / newsletter.slug
    process = subprocess.Popen(
        [COMMAND, "send", newsletter.slug], cwd=root, stderr=subprocess.DEVNULL
    )
    deadline = time.monotonic() + 60
    while len(list(outbox.glob("*.eml"))) < 250 and time.monotonic() < deadline:
        time.sleep(0.01)
    process.kill()
    assert process.wait(10) == -signal.SIGKILL
    assert 250 <= len(list(outbox.glob("*.eml"))) < 1500
    frozen = newsletter.sql("SELECT letter_hash FROM mailings")

    done = run("send", newsletter.slug)

    assert done.returncode == 0, done.stderr
    assert newsletter.sql("SELECT letter_hash FROM mailings") == frozen
    to = Counter(
        message_from_bytes(file.read_bytes(), policy=policy.default)["To"]
        for file in outbox.glob("*.eml")
    )
    assert len(to) == 1500
    assert set(to.values()) == {1}


def leave_claimed(
    newsletter: Newsletter, run: Callable[..., subprocess.CompletedProcess[str]]
) -> Claim:
    """Leave all that is to go under way, claimed by a process that is no more."""
    assert run("send", newsletter.slug, "--limit", "5").returncode == 0
    with newsletter.store.write() as connection:
        mailings.set_limit(connection, 1, None)
        assert mailings.start(connection, 1)
        lost = claims.claim(connection, 1, size=25, lease=LEASE, key_id="k")
    assert lost
    return lost


def test_of_a_sender_that_is_gone_from_this_machine_status_says_that_it_is_lost(
    root: Path, run: Callable[..., subprocess.CompletedProcess[str]]
) -> None:
    newsletter = Newsletter(root, subscribers=25)
    leave_claimed(newsletter, run)

    def claim_and_fail() -> None:
        with sender_locks.hold(newsletter.settings.state) as owner:
            assert owner
            with newsletter.store.write() as connection:
                connection.execute(schema.batches.update().values(owner=owner))
            assert "was lost" not in run("status", newsletter.slug).stdout
            raise KeyError

    with pytest.raises(KeyError):
        claim_and_fail()
    assert re.search("20 attempting: .* gone", run("status", newsletter.slug).stdout)
    assert run("send", newsletter.slug).returncode == 0
    assert newsletter.sql("SELECT DISTINCT state FROM deliveries") == [("accepted",)]


def test_waiting_for_a_killed_process_is_reported_once_with_the_time(
    root: Path, run: Callable[..., subprocess.CompletedProcess[str]]
) -> None:
    newsletter = Newsletter(root, subscribers=25)
    lost = leave_claimed(newsletter, run)
    with subprocess.Popen(
        [COMMAND, "rehearse", newsletter.slug],
        cwd=root,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
    ) as process:
        assert process.stderr
        line = process.stderr.readline()
        time.sleep(1)  # in which it looks again a few times
        newsletter.lose_process()
        _, said = process.communicate(timeout=60)
    assert process.returncode == 0, said
    reported = re.fullmatch(
        rf"{newsletter.slug}: waiting for letters that another process is sending,"
        r" until (\d\d):(\d\d):(\d\d) at the latest\n",
        line,
    )
    assert reported, line
    assert "waiting for" not in said
    # In the newsletter's own time, and within minutes of it, for clocks tick.
    hours, minutes, seconds = map(int, reported.groups())
    until = (lost.claimed_at + LEASE).astimezone(newsletter.settings.zone)
    known = timedelta(hours=until.hour, minutes=until.minute, seconds=until.second)
    apart = timedelta(hours=hours, minutes=minutes, seconds=seconds) - known
    assert min(apart % DAY, -apart % DAY) < timedelta(minutes=10)
    assert newsletter.sql("SELECT DISTINCT state FROM deliveries") == [("accepted",)]


def test_on_a_terminal_it_is_printed_above_the_progress_bar(
    root: Path, run: Callable[..., subprocess.CompletedProcess[str]]
) -> None:
    newsletter = Newsletter(root, subscribers=25)
    leave_claimed(newsletter, run)
    ours, terminal = pty.openpty()
    with subprocess.Popen(
        [COMMAND, "send", newsletter.slug],
        cwd=root,
        env={**os.environ, "TERM": "xterm"},
        stdin=terminal,
        stdout=terminal,
        stderr=terminal,
    ) as process:
        os.close(terminal)
        said = b""
        while b"latest" not in said:
            said += os.read(ours, 4096)
        newsletter.lose_process()
        with contextlib.suppress(OSError):  # when nobody has the terminal any more
            while more := os.read(ours, 4096):
                said += more
    os.close(ours)
    assert process.returncode == 0, said
    # The bar is wiped out, the line stands in its place, and the bar comes after it.
    _, wiped, line = said.partition(f"\r\x1b[2K{newsletter.slug}: waiting".encode())
    assert wiped, said
    assert b"\xe2\x94\x81" in line.partition(b"latest\r\n")[2]


@pytest.mark.parametrize("signal_", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_finishes_what_is_in_flight_and_says_what_is_left(
    root: Path, signal_: signal.Signals
) -> None:
    newsletter = Newsletter(root, subscribers=1500)
    outbox = root / ".newsletter" / "outbox" / newsletter.slug
    with subprocess.Popen(
        [COMMAND, "send", newsletter.slug],
        cwd=root,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
    ) as process:
        deadline = time.monotonic() + 60
        while not list(outbox.glob("*.eml")) and time.monotonic() < deadline:
            time.sleep(0.01)
        process.send_signal(signal_)
        _, said = process.communicate(timeout=60)
    assert process.returncode == 75, said
    report = delivery.find_report(newsletter.store, newsletter.slug)
    assert report
    counts = {state.value: n for state, n in report.counts.items() if n}
    assert set(counts) == {"accepted", "pending"}
    assert f"{counts['pending']:,} letters" in said
    assert len(list(outbox.glob("*.eml"))) == counts["accepted"]
