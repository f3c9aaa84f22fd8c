"""Addresses of web pages that strangers wrote: kept where they are whole, and safe to write."""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import quote, urlsplit

_SCHEMES: Final = ("https", "http")
_NEVER: Final = re.compile(r"[\s\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_HOST: Final = re.compile(r"[\w.-]+|\[[0-9a-f:.]+\]", re.IGNORECASE)
_UNSAFE: Final = re.compile(r"[<>\[\]\"\\^`{|}]")
"""What RFC 3986 has nowhere behind the host, and Markdown or a front matter could act on."""


def web_address(text: str) -> str:
    """Return the address of a web page, with signs that are not safe to write encoded.

    Args:
        text: What may be one.

    Returns:
        "" for anything else: another scheme, no host, a user's name before the host, white space
        or control characters within it.
    """
    text = text.strip()
    if _NEVER.search(text):
        return ""
    try:
        parts = urlsplit(text)
        _ = parts.port
    except ValueError:
        return ""
    host = parts.netloc.removesuffix(f":{parts.port}")
    if parts.scheme not in _SCHEMES or not _HOST.fullmatch(host) or not re.search(r"\w", host):
        return ""
    origin = f"{parts.scheme}://{parts.netloc}"
    behind = text[len(parts.scheme) + 3 + len(parts.netloc) :]
    return origin + _UNSAFE.sub(lambda found: quote(found[0], safe=""), behind)
