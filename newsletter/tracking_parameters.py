"""Parameters of an address that only track who opens it."""

from __future__ import annotations

import re
from typing import Final

_NAMES: Final = re.compile(
    r"utm_\w+|fbclid|gclid|dclid|msclkid|yclid|igshid|igsh|mc_[ce]id|_hs(?:enc|mi)|vero_\w+"
    r"|mkt_tok|oly_(?:anon|enc)_id|ck_subscriber_id|sfnsn|trk|si|ref_src",
    re.IGNORECASE,
)


def is_tracking(name: str) -> bool:
    """Tell whether a parameter of this name only tracks who opens an address."""
    return bool(_NAMES.fullmatch(name))


def without_tracking(url: str) -> str:
    """Return an address without such parameters, and all else as it is; `&amp;` is one sign."""
    rest, sharp, fragment = url.partition("#")
    path, mark, query = rest.partition("?")
    kept = [
        one
        for one in query.split("&")
        if not is_tracking(one.removeprefix("amp;").partition("=")[0])
    ]
    if kept:
        kept[0] = kept[0].removeprefix("amp;")
    return path + (mark + "&".join(kept) if kept else "") + sharp + fragment
