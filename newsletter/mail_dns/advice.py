"""What to enter at the DNS host: one way to say it for every record."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from newsletter.model import DnsRecord

_LONGEST: Final = 255
"""Bytes of one string of a TXT record (RFC 1035, section 3.3)."""
_SPLIT: Final = (
    f"\nIf your DNS host refuses a value that long: enter it as parts of at most {_LONGEST} "
    'characters, each in quotation marks: "…" "…"'
)


def add(record: DnsRecord) -> str:
    """Return how to add a record where there is none."""
    return f"Add to the DNS: {_written(record)}"


def replace(record: DnsRecord) -> str:
    """Return how to put a record in the place of what is at its name."""
    return f"Replace what the DNS has at {record.name} by: {_written(record)}"


def _written(record: DnsRecord) -> str:
    text = f"{record.name} {record.kind} {record.value}"
    return text + _SPLIT if record.kind == "TXT" and len(record.value) > _LONGEST else text
