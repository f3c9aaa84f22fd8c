"""What `newsletter check` costs, and what of it is spelling.

One issue, the whole process: less than 300 ms. 200 issues: less than 10 s. Beside it, in one
process, the spelling of one issue, and the time in which Hunspell reads all entries.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from datetime import date, timedelta
from datetime import time as clock
from pathlib import Path
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from hunspell import Hunspell
from interleaved import BARE, NEWSLETTER, measure, show

from newsletter import content
from newsletter.checks.dictionary import Dictionary, dictionary
from newsletter.checks.spelling import check_spelling
from newsletter.package_data import dictionary_folder

if TYPE_CHECKING:
    from collections.abc import Callable

ISSUES = sorted((Path(__file__).parents[1] / "issues").glob("*.md"))
MANY = 200
SETTINGS = """name = "Jij en Loslaten"
sender = "Gerrit <gerrit@example.org>"
contact = "Postbus 1, Utrecht"
"""


def main() -> None:
    """Measure and print both tables."""
    with tempfile.TemporaryDirectory() as folder:
        one, many = (
            _newsletter(Path(folder) / name, n) for name, n in (("one", 1), ("many", MANY))
        )
        times = measure(
            {"python -c pass": BARE, "newsletter check": (NEWSLETTER, "check")}, rounds=15, cwd=one
        )
        show(times, "checking.py")
        (all_,) = measure({"all": (NEWSLETTER, "check")}, rounds=1, cwd=many)["all"]
        seconds = f"{all_.clock / 1000:.1f} s, {all_.cpu / 1000:.1f} of CPU"
        print(f"{MANY} issues: {seconds} (less than 10)\n")
        _show_spelling(Path(folder))


def _newsletter(root: Path, count: int) -> Path:
    (root / "issues").mkdir(parents=True)
    (root / "newsletter.toml").write_text(SETTINGS, encoding="utf-8")
    for number in range(count):
        day = date.today() + timedelta(days=1 + number)  # noqa: DTZ011 - any day to come
        text = ISSUES[number % len(ISSUES)].read_text(encoding="utf-8")
        lines = [line for line in text.splitlines() if not line.startswith(("send_at", "draft"))]
        lines[1] = f"subject: Een brief over rust, deel {number}"
        name = f"{day}-rust-{number}.md"
        (root / "issues" / name).write_text("\n".join([*lines, ""]), encoding="utf-8")
    return root


def _show_spelling(folder: Path) -> None:
    source = dictionary_folder() / "nl"
    pairs = (line.split("\t") for line in (source / "entries.txt").read_text("utf-8").splitlines())
    entries = [rest[1:] if rest.startswith("=") else key + rest for key, rest in pairs]
    (folder / "all.aff").write_bytes((source / "affixes.aff").read_bytes())
    (folder / "all.dic").write_text("\n".join([str(len(entries)), *entries]), encoding="utf-8")
    raw, known = ISSUES[0].read_bytes(), dictionary("nl")
    draft = content.read(
        raw, name=ISSUES[0].name, path="", zone=ZoneInfo("Europe/Amsterdam"), send_clock=clock(7)
    )
    assert known.known(["rust"])
    print("| spelling, ms of CPU, median of 15 | |")
    print("|---|---|")
    steps: dict[str, Callable[[], object]] = {
        "Hunspell reads all entries": lambda: Hunspell("all", hunspell_data_dir=str(folder)),
        "the entries are read, as text": lambda: Dictionary("nl"),
        "an issue is checked": lambda: list(check_spelling(draft, "nl", ())),
    }
    for name, step in steps.items():
        print(f"| {name} | {statistics.median(_cpu(step) for _ in range(15)):.0f} |")


def _cpu(step: Callable[[], object]) -> float:
    began = time.process_time()
    step()
    return (time.process_time() - began) * 1000


if __name__ == "__main__":
    main()
