"""A sender as people write one: made a mailbox as the standard wants it (RFC 5322, section 3.4).

Between a name and its address stand `<` and `>`, so that what comes before them can only be the
name, whatever signs are in it. Where the standard wants them quoted, quotes are put round it.
"""

from __future__ import annotations

import re
from email.headerregistry import HeaderRegistry
from email.utils import parseaddr, quote
from typing import Any, Final

_HEADERS: Final = HeaderRegistry()
_NAMED: Final = re.compile(r"(?P<name>[^<>]*?)\s*<\s*(?P<address>[^<>\s]+)\s*>")
# In quotes as a whole: the standard lets those around a part of a name disappear.
_QUOTED: Final = re.compile(r'"(?:[^"\\]|\\.)*"\s*<[^<>]+>')
# As mail programs once wrote it: the name behind the address, as a remark.
_REMARK: Final = re.compile(r"(?P<address>[^\s<>()]+@[^\s<>()]+)\s*\((?P<name>[^<>]*)\)")
_SEVERAL: Final = re.compile(r"\S+@\S+\.\S+\s*[,;]|[,;]\s*\S+@\S+\.\S+\s*$")
_ADDRESS: Final = re.compile(r"[^\s<>()\[\],;:\"“”]+@[^\s<>()\[\],;:\"“”]+")
EXAMPLE: Final = 'Write it as "Gerrit <gerrit@example.org>"'


def canonical(value: str) -> str:
    """Return a mailbox as it must stand in a header; empty if the value is not one mailbox."""
    value = value.strip()
    if "=?" in value:
        return ""  # decoded by some who read it (RFC 2047), and then something else
    if ('"' not in value or _QUOTED.fullmatch(value)) and _is_mailbox(value):
        return value
    found = _NAMED.fullmatch(value) or _REMARK.fullmatch(value)
    if not found or not _is_mailbox(found["address"]) or _SEVERAL.search(found["name"]):
        return ""
    return _quoted_mailbox(found["name"].strip(), found["address"])


def _quoted_mailbox(name: str, address: str) -> str:
    """Return a mailbox with its name in quotes; empty if it would be read as another one."""
    if len(name) > 1 and name[0] == name[-1] == '"':
        name = re.sub(r"\\(.)", r"\1", name[1:-1]).strip()
    written = f'"{quote(name)}" <{address}>' if name else address
    return written if parseaddr(written) == (name, address) else ""


def advice(value: str) -> str:
    """Return how a value that is no mailbox is written, as far as that is clear."""
    value = value.replace("mailto:", "")
    addresses = _ADDRESS.findall(value)
    if "=?" in value:
        return "Write the name in letters, not in an encoding"
    if len(addresses) > 1:
        return "Keep one address: letters come from one, and answers go to one"
    if not addresses:
        return EXAMPLE
    address = addresses[0].strip(".")
    if wrong := _about_address(*address.rpartition("@")[::2]):
        return wrong
    name = value.replace(addresses[0], "").strip(" <>()[]{},;:\"'“”-")
    written = canonical(f"{name} <{address}>" if name else address)
    return f'Write it as "{written.replace(chr(34), "")}"' if written else EXAMPLE


def _about_address(local: str, domain: str) -> str:
    if not domain.isascii():
        return f"Write the domain in its ASCII form: {local}@{_ascii(domain)}"
    if not local.isascii():
        return "Use an address with only plain letters before its @: others do not arrive"
    if "." not in domain:
        return f"Write the whole domain, such as {local}@{domain}.nl"
    return ""


def _is_mailbox(value: str) -> bool:
    """Tell whether a value is one mailbox as the standard has it, with all of its name."""
    try:
        found: Any = _HEADERS("from", value)
    except (AttributeError, IndexError, ValueError):  # of odd values it makes no defect
        return False
    if found.defects or len(found.addresses) != 1:
        return False
    (mailbox,) = found.addresses
    return bool(
        mailbox.username
        and "." in mailbox.domain
        and mailbox.addr_spec.isascii()
        and parseaddr(value) == (mailbox.display_name, mailbox.addr_spec)
    )


def _ascii(domain: str) -> str:
    try:
        return domain.encode("idna").decode()
    except UnicodeError:
        return "xn--…"
