from __future__ import annotations

import signal
import subprocess
import time
from collections import Counter
from email import message_from_bytes, policy
from typing import TYPE_CHECKING

import pytest
from house import COMMAND, House

from newsletter import delivery

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

pytestmark = pytest.mark.usefixtures("database")


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
