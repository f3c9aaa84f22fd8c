"""A database on a server: whether it takes what this program asks, as it asks it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from newsletter.doctor.checklist import ENCODING, ISOLATION, POOLER, TLS, WRITABLE
from newsletter.doctor.findings import attempt, failure, ok, warning
from newsletter.store import examination

if TYPE_CHECKING:
    from collections.abc import Iterator

    from newsletter.model import Diagnosis
    from newsletter.store import Store
    from newsletter.store.examination import ServerProperties

_ISOLATION: Final = ("read committed", "repeatable read")


def examine_server(store: Store) -> Iterator[Diagnosis]:
    """Yield what is wrong with how a server treats this program's transactions."""
    yield from attempt(WRITABLE, lambda: check_server(examination.server_properties(store)))


def check_server(found: ServerProperties) -> Iterator[Diagnosis]:
    """Check that a server treats this program's transactions as it asks."""
    yield check_server_writable(found)
    if found.isolation == _ISOLATION:
        yield ok(ISOLATION, "transactions are isolated as this program asks")
    else:
        yield failure(
            ISOLATION,
            f"transactions are isolated as {' and '.join(found.isolation)}, not as asked",
            "Use a pooler in transaction or session mode, or none",
        )
    if found.encoding == "UTF8":
        yield ok(ENCODING, "text of every language can be stored")
    else:
        yield failure(
            ENCODING,
            f"it stores text as {found.encoding}, in which some names cannot be written",
            "Make a database with ENCODING 'UTF8' (createdb -E UTF8), and: newsletter db move",
        )
    yield check_encryption(found)
    between = "behind a pooler, which is fine" if found.pooled else "no pooler is in between"
    yield ok(POOLER, between)


def check_encryption(found: ServerProperties) -> Diagnosis:
    """Check that addresses do not travel through the internet in the clear."""
    if found.encrypted or not found.outside:
        where = "is encrypted" if found.encrypted else "stays within this machine or network"
        return ok(TLS, f"the connection {where}")
    return warning(
        TLS,
        "subscribers' addresses travel to the server through the internet, and are not encrypted",
        "Add ?sslmode=require to the URL, or verify-full",
    )


def check_server_writable(found: ServerProperties) -> Diagnosis:
    """Check that this user may do everything that the program does."""
    if found.replica:
        return failure(
            WRITABLE,
            "it is a replica, which takes no changes",
            "Copy the URL of the primary server from its host's panel",
        )
    if found.read_only:
        return failure(
            WRITABLE,
            "it is read-only: default_transaction_read_only is on for this user or database",
            "Turn that off: ALTER DATABASE … RESET default_transaction_read_only, and ALTER ROLE … "
            "RESET default_transaction_read_only; or see at its host whether the disk or a quota is"
            " full",
        )
    if found.without_rights:
        count = len(found.without_rights)
        return failure(
            WRITABLE,
            f"this user may not change {count} of its tables, such as {found.without_rights[0]}",
            "Give this user SELECT, INSERT, UPDATE and DELETE on all tables, or use their owner",
        )
    return ok(WRITABLE, "it can be written")
