"""The keys of the front matter, and what authors of other programs call them."""

from __future__ import annotations

import difflib
import re
from typing import Final

from newsletter.content.findings import shown

KEYS: Final = ("subject", "preheader", "send_at", "draft")
_ALL = f"The keys are {', '.join(KEYS)}"

_CALLED: Final = {
    "subject": "title titel onderwerp kop kopregel headline heading betreff titre sujet asunto "
    "subject_line subjectline email_subject name naam",
    "send_at": "date datum time tijd when wanneer publish_date publishdate pubdate published_at "
    "publish_at publishat scheduled schedule scheduled_at scheduled_for send sendat send_on "
    "send_date senddate verzenden verzenddatum verzendmoment versturen publicatiedatum "
    "publishing_date created created_at lastmod expires",
    "preheader": "description beschrijving omschrijving preview preview_text previewtext summary "
    "samenvatting excerpt intro subtitle sub_title ondertitel teaser snippet lead",
    "draft": "concept published gepubliceerd status state klaar ready publish ontwerp",
}
_SYNONYMS: Final = {name: key for key, names in _CALLED.items() for name in names.split()}
_OPPOSITES: Final = ("published", "gepubliceerd", "publish", "klaar", "ready", "status", "state")
_WITHOUT_USE: Final = frozenset(
    [
        "tags",
        "tag",
        "categories",
        "category",
        "categorie",
        "rubriek",
        "keywords",
        "author",
        "auteur",
        "layout",
        "type",
        "slug",
        "permalink",
        "url",
        "aliases",
        "id",
        "image",
        "cover",
        "featured_image",
        "lang",
        "language",
        "series",
        "weight",
        "toc",
        "math",
        "template",
        "from",
        "reply_to",
        "greeting",
        "signature",
        "groet",
    ]
)


def meant_by(name: str) -> str | None:
    """Return the key that an unknown name stands for: a synonym or a slip of the fingers."""
    flat = re.sub(r"[\s-]+", "_", name.strip("*_`\"' ").casefold())
    if flat in KEYS:
        return flat
    if flat in _SYNONYMS:
        return _SYNONYMS[flat]
    near = [] if flat in _WITHOUT_USE else difflib.get_close_matches(flat, KEYS, n=1, cutoff=0.7)
    return near[0] if near else None


def instead_of(name: str) -> str:
    """Return what to do about a name that is no key."""
    key = meant_by(name)
    if key == "draft":
        return 'Write "draft: yes" or "draft: no"'
    if key and name.casefold() in _SYNONYMS:
        return f'Write "{key}: …" in its place'
    if key:
        return f'Did you mean "{key}"?'
    if name.casefold() in _WITHOUT_USE:
        return f'Delete this line: a letter has no "{shown(name)}". {_ALL}'
    return _ALL


def says_draft(name: str, value: str) -> bool:
    """Tell whether a misspelt `draft` holds the issue back; `published` says the opposite."""
    return name.casefold() not in _OPPOSITES and value.casefold() in ("yes", "true")
