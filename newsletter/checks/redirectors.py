"""Addresses that a mail program or a site put around another one, to follow who opens it."""

from __future__ import annotations

import re
from base64 import urlsafe_b64decode
from typing import Final
from urllib.parse import parse_qs, unquote, urlsplit

_PARAMETERS: Final = {
    "safelinks.protection.outlook.com": ("url",),
    "google.com/url": ("q", "url"),
    "l.facebook.com": ("u",),
    "lm.facebook.com": ("u",),
    "l.instagram.com": ("u",),
    "l.messenger.com": ("u",),
    "youtube.com/redirect": ("q",),
    "linkedin.com/redir/redirect": ("url",),
    "linkedin.com/safety/go": ("url",),
    "slack-redir.net/link": ("url",),
    "linkprotect.cudasvc.com/url": ("a",),
    "out.reddit.com": ("url",),
    "t.umblr.com/redirect": ("z",),
    "deref-gmx.net": ("redirectUrl",),
    "deref-web.de": ("redirectUrl",),
}
"""Hosts, some with the begin of a path, and the parameters that may hold the target."""

_HIDING: Final = ("mimecast.com/s", "clicktime.symantec.com", "secure-web.cisco.com")
_PROOFPOINT_2: Final = "urldefense.proofpoint.com/v2"
_PROOFPOINT_3: Final = "urldefense.com/v3"
_WRAPPED_3: Final = re.compile(r"/v3/__(.+?)__;([\w-]*)")
_LEFT_OUT: Final = re.compile(r"\*(?:\*(.))?")
_RUNS: Final = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"


def unwrap(url: str) -> str | None:
    """Return the target of a redirecting address, "" where it is hidden; None of any other."""
    try:
        parts = urlsplit(url)
        target = _target(url, (parts.hostname or "").removeprefix("www."), parts.path, parts.query)
    except ValueError:
        return None
    if target is None:
        return None
    return target if re.fullmatch(r"https?://[^\s<>()\"]+", target) else ""


def _target(url: str, host: str, path: str, query: str) -> str | None:
    if _is_below(_PROOFPOINT_3, host, path):
        return _proofpoint(url)
    given = parse_qs(query)
    if _is_below(_PROOFPOINT_2, host, path):
        coded = given.get("u", [""])[0]
        return unquote(coded.replace("-", "%").replace("_", "/"))
    for place, names in _PARAMETERS.items():
        if _is_below(place, host, path):
            found = (given[name][0] for name in names if name in given)
            # Without a target it is an ordinary page of that site.
            return next(found, None)
    return "" if any(_is_below(place, host, path) for place in _HIDING) else None


def _is_below(place: str, host: str, path: str) -> bool:
    name, _, begin = place.partition("/")
    same = host == name or host.endswith(f".{name}")
    return same and (not begin or f"{path}/".startswith((f"/{begin}/", f"/{begin}.")))


def _proofpoint(url: str) -> str:
    """Return the target of the third version: `*` stands for characters that are in base64."""
    found = _WRAPPED_3.search(url)
    if not found:
        return ""
    kept = urlsafe_b64decode(found[2] + "=" * (-len(found[2]) % 4)).decode()
    at = 0

    def put_back(star: re.Match[str]) -> str:
        nonlocal at
        count = _RUNS.index(star[1]) + 2 if star[1] else 1
        at += count
        return kept[at - count : at]

    return re.sub(r"^(https?):/(?=[^/])", r"\1://", _LEFT_OUT.sub(put_back, found[1]))
