"""The keys of the front matter, and what authors of other programs call them."""

from __future__ import annotations

import difflib
import re
from typing import Final

from newsletter.content.findings import quote_text
from newsletter.content.words import words

KEYS: Final = (
    *("subject", "preheader", "send_at", "article", "themes", "audience", "draft", "allow"),
)
_ALL = f"The keys are {', '.join(KEYS)}"


def exact_key(name: str) -> str | None:
    """Return the key that a name surely stands for: one of its synonyms, or itself."""
    flat = _flat(name)
    return flat if flat in KEYS else words().keys.get(flat)


def _flat(name: str) -> str:
    return re.sub(r"[\s-]+", "_", name.strip("*_`\"' ").casefold())


def suggest_key(name: str) -> str | None:
    """Return the key that an unknown name stands for: a synonym or a slip of the fingers."""
    flat = _flat(name)
    if key := exact_key(name):
        return key
    near = [] if flat in words().unused else difflib.get_close_matches(flat, KEYS, n=1, cutoff=0.7)
    return near[0] if near else None


def key_fix(name: str) -> str:
    """Return what to do about a name that is no key."""
    key = suggest_key(name)
    if key == "draft":
        return 'Write "draft: yes" or "draft: no"'
    if key and name.casefold() in words().keys:
        return f'Write "{key}: …" in its place'
    if key:
        return f'Did you mean "{key}"?'
    if name.casefold() in words().unused:
        return f'Delete this line: a letter has no "{quote_text(name)}". {_ALL}'
    return _ALL


def says_draft(name: str, value: str) -> bool:
    """Tell whether a misspelt `draft` holds the issue back; `published` says the opposite."""
    return name.casefold() not in words().not_draft and value.casefold() in ("yes", "true")
