"""What the program does in a scripted week is what it did when the goldens were recorded."""

from __future__ import annotations

import difflib
import os
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
CONTEXT, MOST = 12, 400
"""How many lines a difference is shown with, and how many lines are shown at all."""

RECORD = "RECORD_GOLDENS" in os.environ


def compare(goldens: Mapping[str, object], *, record: bool) -> None:
    """Hold what was seen against the files; or write them."""
    different: list[str] = []
    for name, value in goldens.items():
        file = HERE / f"{name}.json"
        seen = write(value)
        if record:
            file.write_text(seen, encoding="utf-8")
            continue
        before = file.read_text(encoding="utf-8").splitlines()
        names = (f"{file.name}, recorded", f"{file.name}, seen")
        different += difflib.unified_diff(before, seen.splitlines(), *names, lineterm="", n=CONTEXT)
    assert not different, "\n".join(["the program does something else:", *different[:MOST]])


@pytest.mark.parametrize("engine", choose(["sqlite", "postgresql"], always=["sqlite"]))
def test_a_week_goes_as_it_went(
    engine: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    url = request.getfixturevalue("postgresql") if engine == "postgresql" else ""
    root = tmp_path / "brief"
    root.mkdir()
    week = Week(root, url)
    play(week, tmp_path)
    compare(week.goldens, record=RECORD and engine == "sqlite")
