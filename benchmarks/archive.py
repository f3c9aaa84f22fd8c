"""What `newsletter archive build` costs: all of 500 issues, and one change.

The whole process, with search and related issues, in seconds of CPU: less than 10 for all, less
than 1 after one change, above what a build without any issue takes in the same round.
"""

from __future__ import annotations

import dataclasses
import resource
import statistics
import subprocess
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from interleaved import NEWSLETTER

from newsletter import config
from newsletter.model import Edition, RichText, Text
from newsletter.store import editions, open_store
from tests.support.generated_issues import generate

if TYPE_CHECKING:
    from tests.support.generated_issues import GeneratedIssue

ISSUES = 500
ROUNDS = 7
HEAVIEST = 40_000


def main() -> None:
    """Measure and print the table."""
    with tempfile.TemporaryDirectory() as folder:
        root, empty = Path(folder) / "full", Path(folder) / "empty"
        empty.mkdir()
        root.mkdir()
        (root / "newsletter.toml").write_text('name = "Jij en Loslaten"\n', encoding="utf-8")
        store = open_store(config.load(root))
        published = [_edition(issue) for issue in generate(ISSUES)]
        with store.write() as connection:
            for edition in published:
                editions.record(connection, edition)
        whole = _seconds(root, "archive", "build", "--out", "public")
        unchanged, changed, least = [], [], []
        for number in range(1, ROUNDS + 1):
            least.append(_seconds(empty, "archive", "build", "--out", "public"))
            unchanged.append(_seconds(root, "archive", "build", "--out", "public"))
            text = published[ISSUES // 2]
            own = {"number": number, "imported_from": "", "blocks": text.blocks[number:]}
            with store.write() as connection:
                editions.record(connection, dataclasses.replace(text, **own))
            changed.append(_seconds(root, "archive", "build", "--out", "public"))
        store.close()
        heaviest = max(path.stat().st_size for path in (root / "public").rglob("*.html"))
    print(f"| {ISSUES} issues, whole process | seconds of CPU, median of {ROUNDS} |")
    print("|---|---|")
    print(f"| no issue at all, the start of the program | {statistics.median(least):.2f} |")
    print(f"| everything, once | {whole:.2f} |")
    print(f"| no change | {statistics.median(unchanged):.2f} |")
    print(f"| one issue corrected | {statistics.median(changed):.2f} |")
    print(f"\nthe heaviest page: {heaviest:,} bytes (at most {HEAVIEST:,})")


def _edition(issue: GeneratedIssue) -> Edition:
    texts = [" ".join(sentences) for sentences in issue.paragraphs]
    return Edition(
        slug=issue.slug,
        number=0,
        at=datetime(issue.day.year, issue.day.month, issue.day.day, 6, tzinfo=UTC),
        day=issue.day,
        subject=issue.subject,
        preheader=issue.preheader,
        article="",
        themes=issue.themes,
        blocks=tuple(Text(line, RichText(text, text, text)) for line, text in enumerate(texts)),
        content_hash=issue.slug,
        imported_from="substack",
    )


def _seconds(root: Path, *arguments: str) -> float:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([NEWSLETTER, "-q", *arguments], cwd=root, check=True, capture_output=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


if __name__ == "__main__":
    main()
