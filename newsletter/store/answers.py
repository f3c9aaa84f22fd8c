"""Queries about the answers to the questions of issues: counts, and nothing about anyone."""

from __future__ import annotations

import sqlalchemy as sa

from newsletter.store.schema import answers


def count(connection: sa.Connection, slug: str, number: int) -> None:
    """Add one to the count of an answer, the first one being 1."""
    connection.execute(_COUNT, {"slug": slug, "answer": number})


def counts(connection: sa.Connection) -> dict[str, dict[int, int]]:
    """Return how often each answer was given, by issue and number."""
    found: dict[str, dict[int, int]] = {}
    for row in connection.execute(sa.select(answers)):
        found.setdefault(row.slug, {})[row.answer] = row[2]
    return found


_COUNT = sa.text(
    "INSERT INTO answers (slug, answer, count) VALUES (:slug, :answer, 1)"
    " ON CONFLICT (slug, answer) DO UPDATE SET count = answers.count + 1"
)
