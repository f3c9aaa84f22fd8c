from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections import Counter
from email import message_from_bytes, policy
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from house import COMMAND, House, Provider

from newsletter import delivery

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.usefixtures("database")

SENDER = Path(__file__).with_name("sender.py")
STEPS = (
    # In the transaction that freezes, and after it.
    "mailings.freeze:return",
    "plan.freeze:return",
    # In the transaction that claims, and after it.
    "batches.claim:return",
    "batches.seal:return",
    "sender._turn:return",
    "refuse",
    # The letters were taken; in the transaction that settles, and after it.
    "submit",
    "batches.settle:return",
    "sender.told:call",
)


def sender(house: House, ledger: Path, hours: int, where: str) -> subprocess.Popen[bytes]:
    command = [sys.executable, SENDER, house.root, ledger, str(hours), where]
    environment = {**os.environ, "PYTHONPATH": str(SENDER.parent)}
    return subprocess.Popen(command, env=environment)


@pytest.mark.parametrize("hours", [24, 0], ids=["keyed", "blind"])
@pytest.mark.parametrize("where", STEPS)
def test_a_killed_sender_mails_nobody_twice_and_loses_nobody_in_silence(
    root: Path, tmp_path: Path, where: str, hours: int
) -> None:
    house = House(root, readers=50)
    ledger = tmp_path / "taken"
    killed = sender(house, ledger, hours, where)
    assert killed.wait(60) == -signal.SIGKILL
    frozen = house.sql("SELECT letter_hash, audience FROM mailings")
    # A freeze that was cut short has left nothing; one that was committed, everything.
    assert frozen == [] if where == "mailings.freeze:return" else frozen[0][1] == 50
    house.lose_process()

    code = sender(house, ledger, hours, "nowhere").wait(60)

    receipt = delivery.receipt_of(house.store, house.slug)
    assert receipt
    counts = {state.value: n for state, n in receipt.counts.items()}
    copies = Provider(ledger).copies()
    assert max(copies.values()) == 1
    assert sum(counts.values()) == 50
    assert counts["accepted"] + counts["unknown"] == 50
    assert len(copies) >= counts["accepted"]
    assert house.sql("SELECT letter_hash, audience FROM mailings")[: len(frozen)] == frozen
    if hours:
        assert len(copies) == counts["accepted"] == 50
        assert code == 0
    else:
        # One request was in doubt at the most, and it is there to be seen.
        assert counts["unknown"] in {0, 10}
        assert code == (3 if counts["unknown"] else 0)


def test_two_senders_at_once_are_one_send(root: Path, tmp_path: Path) -> None:
    house = House(root, readers=500)
    ledger = tmp_path / "taken"
    both = [sender(house, ledger, 0, "nowhere") for _ in range(2)]
    assert [process.wait(90) for process in both] == [0, 0]
    copies = Provider(ledger).copies()
    assert len(copies) == 500
    assert set(copies.values()) == {1}
    assert house.sql("SELECT count(*) FROM mailings") == [(1,)]


def test_the_command_killed_half_way_goes_on_with_the_frozen_letter(
    root: Path, run: Callable[..., subprocess.CompletedProcess[str]]
) -> None:
    house = House(root, readers=1500)
    outbox = root / ".newsletter" / "outbox" / house.slug
    process = subprocess.Popen([COMMAND, "send", house.slug], cwd=root, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 60
    while len(list(outbox.glob("*.eml"))) < 250 and time.monotonic() < deadline:
        time.sleep(0.01)
    process.kill()
    assert process.wait(10) == -signal.SIGKILL
    assert 250 <= len(list(outbox.glob("*.eml"))) < 1500
    frozen = house.sql("SELECT letter_hash FROM mailings")

    done = run("send", house.slug)

    assert done.returncode == 0, done.stderr
    assert house.sql("SELECT letter_hash FROM mailings") == frozen
    to = Counter(
        message_from_bytes(file.read_bytes(), policy=policy.default)["To"]
        for file in outbox.glob("*.eml")
    )
    assert len(to) == 1500
    assert set(to.values()) == {1}


@pytest.mark.parametrize("signal_", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_finishes_what_is_in_flight_and_says_what_is_left(
    root: Path, signal_: signal.Signals
) -> None:
    house = House(root, readers=1500)
    outbox = root / ".newsletter" / "outbox" / house.slug
    with subprocess.Popen(
        [COMMAND, "send", house.slug],
        cwd=root,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
    ) as process:
        deadline = time.monotonic() + 60
        while not outbox.exists() and time.monotonic() < deadline:
            time.sleep(0.01)
        process.send_signal(signal_)
        _, said = process.communicate(timeout=60)
    assert process.returncode == 75, said
    receipt = delivery.receipt_of(house.store, house.slug)
    assert receipt
    counts = {state.value: n for state, n in receipt.counts.items() if n}
    assert set(counts) == {"accepted", "pending"}
    assert f"{counts['pending']:,} letters" in said
    assert len(list(outbox.glob("*.eml"))) == counts["accepted"]
