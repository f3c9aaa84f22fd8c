"""`newsletter resolve`: a person decides about what nobody knows, and about nothing else."""

from __future__ import annotations

import json
import os
import pty
from typing import TYPE_CHECKING

import pytest

from newsletter import delivery
from newsletter.errors import NewsletterError
from newsletter.model import DeliveryState
from tests.support.newsletter import Newsletter
from tests.support.processes import run_command

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable
    from pathlib import Path

    Run = Callable[..., subprocess.CompletedProcess[str]]

pytestmark = pytest.mark.usefixtures("database")
RESEND, ASSUME = delivery.UnknownDecision.RESEND, delivery.UnknownDecision.ASSUME_SENT


@pytest.fixture
def newsletter(root: Path, run: Run) -> Newsletter:
    """Return a newsletter with a paused mailing of which 5 letters are unknown, 7 still to go."""
    made = Newsletter(root, subscribers=12)
    run("send", made.slug, "--limit", "5")
    made.sql(
        "UPDATE deliveries SET state = 'unknown', provider_id = NULL, accepted_at = NULL "
        "WHERE state = 'accepted'"
    )
    made.sql("UPDATE batches SET snapshot = NULL")
    return made


def decide(newsletter: Newsletter, *arguments: str, says: str) -> tuple[int, str, str]:
    """Run `resolve` as a person at a terminal does; return its exit code and what it printed."""
    ours, theirs = pty.openpty()
    os.write(ours, says.encode())
    done = run_command("resolve", newsletter.slug, *arguments, cwd=newsletter.root, stdin=theirs)
    os.close(theirs)
    os.close(ours)
    return done.returncode, done.stdout, done.stderr


def unknown(newsletter: Newsletter) -> int:
    report = delivery.find_report(newsletter.store, newsletter.slug)
    assert report
    return report.counts[DeliveryState.UNKNOWN]


@pytest.mark.parametrize(
    ("flag", "risk"),
    [
        ("--resend", "Whoever has the letter already gets it twice"),
        ("--assume-sent", "never gets it"),
    ],
)
def test_a_person_is_asked_with_the_number_of_letters_and_the_risk(
    newsletter: Newsletter, flag: str, risk: str
) -> None:
    code, said, asked = decide(newsletter, flag, says="n\n")
    assert (code, said) == (1, "")
    assert f"5 letters of {newsletter.slug}" in asked
    assert risk in asked
    assert unknown(newsletter) == 5
    assert newsletter.sql(
        "SELECT count(*) FROM decisions WHERE substr(what, 1, 7) = 'resolve'"
    ) == [(0,)]
    code, said, _ = decide(newsletter, flag, says="y\n")
    assert code == 0
    assert newsletter.slug in said
    assert unknown(newsletter) == 0


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_with_yes_nothing_is_asked(newsletter: Newsletter) -> None:
    code, said, asked = decide(newsletter, "--resend", "--yes", "--json", says="")
    assert (code, asked) == (0, "")
    found = json.loads(said)
    assert (found["pending"], found["unknown"]) == (12, 0)


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_where_nobody_can_be_asked_the_flag_decides(newsletter: Newsletter, run: Run) -> None:
    done = run("resolve", newsletter.slug, "--assume-sent", "--json")
    assert (done.returncode, done.stderr) == (0, "")
    (decision,) = json.loads(done.stdout)["decisions"]
    assert (decision["what"], decision["letters"]) == ("resolve --assume-sent", 5)
    assert decision["at"].endswith("Z")
    assert f"{decision['who']} decided: resolve --assume-sent (5 letters)" in (
        run("status", newsletter.slug).stdout
    )


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_a_way_without_risk_is_offered_first(newsletter: Newsletter, run: Run) -> None:
    newsletter.sql("UPDATE batches SET snapshot = '{}', settled_at = NULL")
    code, _, asked = decide(newsletter, "--resend", says="n\n")
    assert code == 1
    first, _ = asked.splitlines()
    assert first.startswith(f"without risk for 5, newsletter rehearse {newsletter.slug} asks again")
    # Where there is no question, the warning is printed anyway.
    assert "without risk" in run("resolve", newsletter.slug, "--resend").stderr
    assert unknown(newsletter) == 0


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_there_is_nothing_to_ask_when_nothing_is_unknown(newsletter: Newsletter) -> None:
    newsletter.sql("UPDATE deliveries SET state = 'rejected' WHERE state = 'unknown'")
    code, said, asked = decide(newsletter, "--resend", says="")
    assert (code, said) == (1, "")
    assert "nothing in" in asked


@pytest.mark.parametrize("verdict", [RESEND, ASSUME])
@pytest.mark.parametrize("mailing", ["sending", "paused", "cancelled"])
def test_certain_deliveries_are_never_changed(
    newsletter: Newsletter, verdict: delivery.UnknownDecision, mailing: str
) -> None:
    states = ["pending", "attempting", "accepted", "rejected", "skipped", "unknown"]
    for number, state in enumerate(states):
        newsletter.sql(
            f"UPDATE deliveries SET state = '{state}', reason = 'x', batch_id = 1, "  # noqa: S608
            f"provider_id = 'id-' || id WHERE id IN ({number + 1}, {number + 7})"
        )
    newsletter.sql("UPDATE batches SET lease_until = '2999-01-01 00:00:00'")
    newsletter.sql(f"UPDATE mailings SET state = '{mailing}'")  # noqa: S608
    before = dict(enumerate(newsletter.sql("SELECT * FROM deliveries ORDER BY id")))
    refused = mailing == "cancelled" and verdict is RESEND
    if refused:
        with pytest.raises(NewsletterError, match="was cancelled"):
            delivery.resolve_unknown(newsletter.store, newsletter.slug, verdict)
    else:
        delivery.resolve_unknown(newsletter.store, newsletter.slug, verdict)
    after = dict(enumerate(newsletter.sql("SELECT * FROM deliveries ORDER BY id")))
    changed = [number for number in before if before[number] != after[number]]
    assert changed == ([] if refused else [5, 11])
