"""Which account of a provider knows of a request: to all others its key is new."""

from __future__ import annotations

import sqlalchemy as sa


def known_to(account: str | None, table: sa.Table) -> sa.ColumnElement[bool]:
    """Return the condition that a request left through an account, by all that is noted of it.

    What was not noted, for it left before that was done, counts as the account's own.

    Args:
        account: Its fingerprint; None where no account matters.
        table: Batches or notices.
    """
    return sa.or_(table.c.account.is_(None), table.c.account == account)
