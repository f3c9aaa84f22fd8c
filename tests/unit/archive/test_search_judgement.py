"""How well the search of the archive does on queries whose right answers were written down first.

`tests/corpora/search/README.md` says how they were made. Before anything was tuned by them, the
search had a precision of 0.987 and a recall of 0.970.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from typing import Any

import pytest

from newsletter.archive.search_index import build
from newsletter.archive.search_query import search
from tests.support.archive_search import read_document

CORPUS = Path(__file__).parents[2] / "corpora" / "search"
DATE = len("2026-01-04-")


@dataclass(frozen=True)
class Judgement:
    """What a query found, less what is arguable, beside what it should."""

    query: dict[str, Any]
    found: list[str]

    @property
    def right(self) -> set[str]:
        return set(self.query["right"])

    @property
    def precision(self) -> float:
        return len(self.right & {*self.found}) / len(self.found) if self.found else 1.0

    @property
    def recall(self) -> float:
        return len(self.right & {*self.found}) / len(self.right) if self.right else 1.0


@pytest.fixture(scope="module")
def judgements() -> list[Judgement]:
    index = build(read_document(file) for file in sorted((CORPUS / "issues").glob("*.md")))
    queries = tomllib.loads((CORPUS / "queries.toml").read_text("utf-8"))["query"]
    assert len(index.entries) == 60
    assert len(queries) == 135
    found = [[hit.slug[DATE:] for hit in search(index, one["q"], 60).hits] for one in queries]
    return [
        Judgement(query, [slug for slug in slugs if slug not in query.get("maybe", ())])
        for query, slugs in zip(queries, found, strict=True)
    ]


def test_what_is_found_is_right(judgements: list[Judgement]) -> None:
    assert fmean(one.precision for one in judgements) >= 0.995


def test_what_is_right_is_found(judgements: list[Judgement]) -> None:
    assert fmean(one.recall for one in judgements) >= 0.995


def test_the_best_answer_comes_first(judgements: list[Judgement]) -> None:
    assert [
        (one.query["q"], one.found[:1])
        for one in judgements
        if "best" in one.query and one.found[:1] != [one.query["best"]]
    ] == []


def test_lookalikes_are_not_found(judgements: list[Judgement]) -> None:
    found = [(one.query["q"], {*one.query.get("wrong", ())} & {*one.found}) for one in judgements]
    assert [(query, slugs) for query, slugs in found if slugs] == []
