"""`newsletter check` and the words of an issue."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable
    from pathlib import Path

    Run = Callable[..., subprocess.CompletedProcess[str]]

NAME = "2026-12-06-rust.md"


def rules(run: Run, root: Path, allow: str = "") -> list[tuple[int, str]]:
    text = f"---\nsubject: Rust\n{allow}---\nEen niewsbrief over rust.\nGa naar naar huis.\n"
    (root / "issues" / NAME).write_text(text, encoding="utf-8")
    done = run("check", "--json", NAME)
    assert done.returncode == 0
    words = {"spelling", "doubled-word", "allow-unknown", "allow-unused"}
    return [(f["line"], f["rule"]) for f in json.loads(done.stdout) if f["rule"] in words]


def test_words_are_checked_allowed_and_learnt(run: Run, root: Path) -> None:
    (root / "issues").mkdir(exist_ok=True)
    assert sorted(rules(run, root)) == [(4, "spelling"), (5, "doubled-word")]
    assert rules(run, root, "allow: doubled-word (zo bedoeld)\n") == [(5, "spelling")]
    (root / "words.txt").write_text("niewsbrief\n", encoding="utf-8")
    assert rules(run, root) == [(5, "doubled-word")]
