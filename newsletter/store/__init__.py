"""The database: tables, migrations and every query. Rows become model objects only here."""

from newsletter.store.database import Connection, Store, open_store, open_to_read

__all__ = ["Connection", "Store", "open_store", "open_to_read"]
