"""What the receiver of a letter wrote about it: Authentication-Results (RFC 8601)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

_COMMENT: Final = re.compile(r"\([^()]*\)")
_RESULT: Final = re.compile(r"\s*([\w-]+)(?:\s*/\s*\d+)?\s*=\s*([\w-]+)")
_PROPERTY: Final = re.compile(r"([\w-]+\.[\w.-]+)\s*=\s*(\"[^\"]*\"|[^\s;]+)")


@dataclass(frozen=True, slots=True)
class AuthenticationResult:
    """The result of one method.

    Attributes:
        method: Such as `spf`, `dkim` or `dmarc`.
        result: Such as `pass`, `fail` or `temperror`.
        properties: What it is about, such as `header.d`.
    """

    method: str
    result: str
    properties: Mapping[str, str]

    @property
    def domain(self) -> str:
        """The domain that it is about; empty if it does not say."""
        for name in ("header.d", "header.i", "smtp.mailfrom", "smtp.helo", "header.from"):
            if value := self.properties.get(name, ""):
                return value.rpartition("@")[2].lower()
        return ""


def read_results(headers: Iterable[str]) -> tuple[AuthenticationResult, ...]:
    """Return what the last receiver wrote: anybody before it can write such a header too.

    Args:
        headers: The values of the headers, the topmost first.
    """
    parsed = [_parse(value) for value in headers]
    if not parsed:
        return ()
    receiver = parsed[0][0]
    return tuple(one for name, results in parsed if name == receiver for one in results)


def _parse(value: str) -> tuple[str, Sequence[AuthenticationResult]]:
    """Return who wrote it, and the results."""
    before = ""
    while before != value:
        before, value = value, _COMMENT.sub(" ", value)
    first, *others = value.split(";")
    if "=" in first:  # some receivers leave their name out
        name, others = "", [first, *others]
    else:
        name = (first.split() or [""])[0].lower()
    return name, [_result(part) for part in others if _RESULT.match(part)]


def _result(part: str) -> AuthenticationResult:
    found = _RESULT.match(part)
    method, result = found.groups() if found else ("", "")
    properties = {name.lower(): value.strip('"') for name, value in _PROPERTY.findall(part)}
    return AuthenticationResult(method.lower(), result.lower(), properties)
