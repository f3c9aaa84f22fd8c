"""Related issues: by themes and telling words, always the same ones."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

from newsletter.archive.analysis import analyse
from newsletter.archive.related import find_related
from newsletter.archive.search_documents import document_of
from newsletter.model import Text
from tests.support.issues import rich
from tests.support.published import published

if TYPE_CHECKING:
    from newsletter.model import PublishedIssue


def related(issues: list[PublishedIssue]) -> dict[str, list[str]]:
    words = {issue.slug: analyse(document_of(issue)) for issue in issues}
    found = find_related(issues, words)
    return {slug: [one.slug[11:] for one in near] for slug, near in found.items()}


def issue(day: int, name: str, text: str, *themes: str) -> PublishedIssue:
    return published(
        f"2026-11-{day:02}-{name}",
        subject=name,
        preheader="",
        themes=themes,
        blocks=[Text(1, rich(text))],
    )


ARCHIVE = [
    issue(29, "tuin", "De perenboom bloeit en de hommels vliegen rond de perenboom."),
    issue(22, "boom", "Onder een perenboom zitten; er vliegt een hommel voorbij."),
    issue(15, "trein", "De conducteur knipt een kaartje in de trein naar zee.", "reizen"),
    issue(8, "fiets", "Mijn ketting liep eraf op de dijk.", "Reizen"),
    issue(1, "soep", "Linzen koken met laurier.", "koken"),
]


def test_issues_are_related_by_their_words_and_by_their_themes() -> None:
    found = related(ARCHIVE)
    assert found["2026-11-29-tuin"] == ["boom"]
    assert found["2026-11-22-boom"] == ["tuin"]
    assert found["2026-11-15-trein"] == ["fiets"]
    assert found["2026-11-08-fiets"] == ["trein"]


def test_an_issue_with_nothing_in_common_has_none() -> None:
    assert related(ARCHIVE)["2026-11-01-soep"] == []
    assert related(ARCHIVE[:1]) == {"2026-11-29-tuin": []}


def test_there_are_three_at_most_the_newest_first_of_those_that_are_equally_near() -> None:
    same = [issue(day, f"brief{day}", "Rust.", "rust") for day in range(28, 20, -1)]
    found = related(same)
    assert found["2026-11-28-brief28"] == ["brief27", "brief26", "brief25"]
    assert found["2026-11-21-brief21"] == ["brief28", "brief27", "brief26"]


def test_the_order_in_which_words_are_found_changes_nothing() -> None:
    words = {one.slug: list(analyse(document_of(one))) for one in ARCHIVE}
    before = find_related(ARCHIVE, words)
    for own in words.values():
        random.Random(7).shuffle(own)  # noqa: S311 - not a secret
    assert find_related(ARCHIVE, words) == before
