"""What the tables are made of. Migrations use these too: what a function makes never changes."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

if TYPE_CHECKING:
    from collections.abc import Iterable

RowId = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
"""The number of a row; only an INTEGER numbers itself in SQLite (sqlite.org/autoinc.html)."""


class UtcDateTime(sa.TypeDecorator[datetime]):
    """A moment: aware in Python; SQLite, which has no such type, keeps it as text, in UTC."""

    impl = sa.DateTime(timezone=True)
    cache_ok = True

    def load_dialect_impl(self, dialect: sa.Dialect) -> sa.types.TypeEngine[Any]:
        """Choose the column's type."""
        kept = sa.Text() if dialect.name == "sqlite" else sa.DateTime(timezone=True)
        return dialect.type_descriptor(kept)

    def process_bind_param(self, value: datetime | None, dialect: sa.Dialect) -> Any:  # noqa: ANN401 - the signature is SQLAlchemy's
        """Turn an aware moment into UTC."""
        if value is None:
            return None
        moment = value.astimezone(UTC)
        return moment.isoformat(" ", "microseconds")[:26] if dialect.name == "sqlite" else moment

    def process_result_value(self, value: Any, dialect: sa.Dialect) -> datetime | None:  # noqa: ANN401, ARG002 - the signature is SQLAlchemy's
        """Give a stored moment its zone back."""
        if value is None:
            return None
        moment = datetime.fromisoformat(value) if isinstance(value, str) else value
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def row_id() -> sa.Column[int]:
    """Return the column that numbers rows."""
    return sa.Column("id", RowId, primary_key=True)


def reference(
    column: str, table: str, *, on_delete: str = "CASCADE", index: bool = True
) -> sa.Column[Any]:
    """Return a column that names a row of another table; it goes, or becomes null, with that."""
    key = sa.ForeignKey(f"{table}.id", ondelete=on_delete)
    return sa.Column(column, key, nullable=on_delete == "SET NULL", index=index)


def one_of(column: str, values: Iterable[str]) -> sa.CheckConstraint:
    """Return the rule that a column holds no word but these."""
    listed = ", ".join(f"'{value}'" for value in values)
    return sa.CheckConstraint(f"{column} IN ({listed})", name=f"known_{column}")


def partial_index(
    name: str, *columns: sa.Column[Any], where: sa.ColumnElement[bool], unique: bool = False
) -> None:
    """Make an index of the rows for which a condition holds."""
    sa.Index(name, *columns, unique=unique, sqlite_where=where, postgresql_where=where)
