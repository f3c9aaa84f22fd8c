"""`newsletter resolve`: a person decides about what nobody knows, and about nothing else."""

from __future__ import annotations

import json
import os
import pty
import subprocess
from typing import TYPE_CHECKING

import pytest
from house import COMMAND, House

from newsletter import delivery
from newsletter.errors import NewsletterError
from newsletter.model import DeliveryState

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Run = Callable[..., subprocess.CompletedProcess[str]]

pytestmark = pytest.mark.usefixtures("database")
RESEND, ASSUME = delivery.Verdict.RESEND, delivery.Verdict.ASSUME_SENT


@pytest.fixture
def house(root: Path, run: Run) -> House:
    """Return a newsletter with a paused mailing of which 5 letters are unknown, 7 still to go."""
    made = House(root, readers=12)
    run("send", made.slug, "--limit", "5")
    made.sql(
        "UPDATE deliveries SET state = 'unknown', provider_id = NULL, accepted_at = NULL "
        "WHERE state = 'accepted'"
    )
    made.sql("UPDATE batches SET snapshot = NULL")
    return made


def decide(house: House, *arguments: str, says: str) -> tuple[int, str, str]:
    """Run `resolve` as a person at a terminal does; return its exit code and what it printed."""
    ours, theirs = pty.openpty()
    os.write(ours, says.encode())
    done = subprocess.run(
        [COMMAND, "resolve", house.slug, *arguments],
        cwd=house.root,
        stdin=theirs,
        capture_output=True,
        encoding="utf-8",
        timeout=60,
        check=False,
    )
    os.close(theirs)
    os.close(ours)
    return done.returncode, done.stdout, done.stderr


def unknown(house: House) -> int:
    receipt = delivery.receipt_of(house.store, house.slug)
    assert receipt
    return receipt.counts[DeliveryState.UNKNOWN]


@pytest.mark.parametrize(
    ("flag", "risk"),
    [("--resend", "Whoever has it already gets it twice"), ("--assume-sent", "will never get it")],
)
def test_a_person_is_asked_with_the_number_of_letters_and_the_risk(
    house: House, flag: str, risk: str
) -> None:
    code, said, asked = decide(house, flag, says="n\n")
    assert (code, said) == (1, "")
    assert f"5 letters of {house.slug}" in asked
    assert risk in asked
    assert unknown(house) == 5
    assert house.sql("SELECT count(*) FROM decisions WHERE substr(what, 1, 7) = 'resolve'") == [
        (0,)
    ]
    code, said, _ = decide(house, flag, says="y\n")
    assert code == 0
    assert house.slug in said
    assert unknown(house) == 0


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_who_says_yes_beforehand_is_not_asked(house: House) -> None:
    code, said, asked = decide(house, "--resend", "--yes", "--json", says="")
    assert (code, asked) == (0, "")
    found = json.loads(said)
    assert (found["pending"], found["unknown"]) == (12, 0)


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_where_nobody_can_be_asked_the_flag_decides(house: House, run: Run) -> None:
    done = run("resolve", house.slug, "--assume-sent", "--json")
    assert (done.returncode, done.stderr) == (0, "")
    (decision,) = json.loads(done.stdout)["decisions"]
    assert (decision["what"], decision["letters"]) == ("resolve --assume-sent", 5)
    assert decision["at"].endswith("Z")
    assert f"{decision['who']} decided: resolve --assume-sent (5 letters)" in (
        run("status", house.slug).stdout
    )


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_who_could_settle_it_without_risk_is_told_so_first(house: House, run: Run) -> None:
    house.sql("UPDATE batches SET snapshot = '{}', settled_at = NULL")
    code, _, asked = decide(house, "--resend", says="n\n")
    assert code == 1
    first, _ = asked.splitlines()
    assert first.startswith(f"without risk for 5, newsletter rehearse {house.slug} asks again")
    # Where nobody is asked he is told all the same.
    assert "without risk" in run("resolve", house.slug, "--resend").stderr
    assert unknown(house) == 0


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_there_is_nothing_to_ask_when_nothing_is_unknown(house: House) -> None:
    house.sql("UPDATE deliveries SET state = 'rejected' WHERE state = 'unknown'")
    code, said, asked = decide(house, "--resend", says="")
    assert (code, said) == (1, "")
    assert "nothing in" in asked


@pytest.mark.parametrize("verdict", [RESEND, ASSUME])
@pytest.mark.parametrize("mailing", ["sending", "paused", "cancelled"])
def test_what_is_certain_is_never_touched(
    house: House, verdict: delivery.Verdict, mailing: str
) -> None:
    states = ["pending", "attempting", "accepted", "rejected", "skipped", "unknown"]
    for number, state in enumerate(states):
        house.sql(
            f"UPDATE deliveries SET state = '{state}', reason = 'x', batch_id = 1, "  # noqa: S608
            f"provider_id = 'id-' || id WHERE id IN ({number + 1}, {number + 7})"
        )
    house.sql("UPDATE batches SET lease_until = '2999-01-01 00:00:00'")
    house.sql(f"UPDATE mailings SET state = '{mailing}'")  # noqa: S608
    before = dict(enumerate(house.sql("SELECT * FROM deliveries ORDER BY id")))
    refused = mailing == "cancelled" and verdict is RESEND
    if refused:
        with pytest.raises(NewsletterError, match="was cancelled"):
            delivery.resolve(house.store, house.slug, verdict)
    else:
        delivery.resolve(house.store, house.slug, verdict)
    after = dict(enumerate(house.sql("SELECT * FROM deliveries ORDER BY id")))
    changed = [number for number in before if before[number] != after[number]]
    assert changed == ([] if refused else [5, 11])
