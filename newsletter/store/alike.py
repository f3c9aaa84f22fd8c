"""A statement that runs whether or not it changes anything.

How long an answer takes must not tell a visitor who is on the list: so the same statements run for
everybody, and a condition says whether a row comes of it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlalchemy as sa

if TYPE_CHECKING:
    from collections.abc import Mapping


def insert_if(
    connection: sa.Connection,
    table: sa.Table,
    values: Mapping[str, object],
    condition: sa.ColumnElement[bool],
) -> int | None:
    """Insert a row if a condition holds; return its number, or None if it does not.

    Args:
        connection: A write transaction.
        table: Has a column `id`.
        values: By column.
        condition: Looked at by the database.
    """
    row = sa.select(*(sa.literal(value, table.c[name].type) for name, value in values.items()))
    statement = table.insert().from_select(list(values), row.where(condition))
    return connection.execute(statement.returning(table.c.id)).scalar_one_or_none()
