"""What the program does in a scripted week is what it did when the goldens were recorded."""

from __future__ import annotations

import difflib
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.goldens.script import play
from tests.goldens.values import write
from tests.goldens.week import Week
from tests.support.parameters import choose

if TYPE_CHECKING:
    from collections.abc import Mapping

HERE = Path(__file__).parent
CONTEXT, MOST = 8, 120
"""How many lines a difference is shown with, and how many lines are shown of each file."""


def compare(goldens: Mapping[str, object], *, record: str) -> None:
    """Hold what was seen against the files, or write those that are to be recorded."""
    different: list[str] = []
    # PostgreSQL does not play what concerns no database.
    recorded = {path.stem for path in HERE.glob("*.json")}
    assert recorded - goldens.keys() <= {"usage-commands", "usage-messages"}
    # Messages change more often than the rest, and so come last.
    for name in sorted(goldens, key=lambda name: (name.endswith("messages"), name)):
        file, seen = HERE / f"{name}.json", write(goldens[name])
        if record == "all" or (record and name.endswith(record)):
            file.write_text(seen, encoding="utf-8")
        before = file.read_text(encoding="utf-8").splitlines()
        names = (f"{file.name}, recorded", f"{file.name}, seen")
        found = [*difflib.unified_diff(before, seen.splitlines(), *names, "", "", CONTEXT, "")]
        different += found[:MOST]
        if len(found) > MOST:
            different.append(f"… and {len(found) - MOST} lines more of {file.name}")
    assert not different, "\n".join(["the program does something else:", *different])


@pytest.mark.parametrize("engine", choose(["sqlite", "postgresql"], always=["sqlite"]))
def test_a_week_gives_the_recorded_goldens(
    engine: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    url = request.getfixturevalue("postgresql") if engine == "postgresql" else ""
    root = tmp_path / "brief"
    root.mkdir()
    week = Week(root, url)
    play(week, tmp_path)
    record = request.config.getoption("--update-golden") if engine == "sqlite" else ""
    compare(week.goldens, record=record)
