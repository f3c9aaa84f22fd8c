"""Marks within a line that take no effect: of Markdown itself, of its dialects, of HTML."""

from __future__ import annotations

from typing import Final

from newsletter.content.mark import Mark, marks
from newsletter.content.markdown import SHIELD
from newsletter.content.words import any_of, words
from newsletter.model import Severity

LINK_OPEN, LINK_CLOSE = "\ufffa", "\ufffb"
"""How the edges of a link look in a row."""

ADDRESS: Final = r"(?:https?://|ftp://|www\.|mailto:)"
_LINK_FIX: Final = "Write [words](https://…), with nothing between the two pairs of brackets"
_IMAGE_FIX: Final = "Write ![what is to be seen](https://…)"
_ENTITY: Final = (
    r"(?:nbsp|amp|quot|apos|lt|gt|euro|hellip|[mn]dash|[lr][sd]quo|laquo|raquo|rarr|bull"
    r"|[aeiou](?:uml|acute|grave|circ)|ccedil|copy|deg)"
)
_CALLS: Final = rf"(?:{any_of(words().brackets)}|xx+)"
_QUOTED: Final = r"(?:\"[^\"\n]{0,100}\"|'[^'\n]{0,100}'|[“”][^“”\n]{0,100}[“”])"

(GAP,) = marks(
    "gap",
    "something is still missing between double square brackets",
    "Write what is missing, without the brackets, or delete them and what is between them",
    r"(?<!!)\[\[(?!_{0,2}TOC_{0,2}\])[^\[\]\n]{0,200}\]\]",
    required_characters="[",
    severity=Severity.ERROR,
)
HALF_GAPS: Final = tuple(
    marks(
        "gap",
        "double square brackets have no pair here, so something may still be missing",
        "Write what is missing, without the brackets; or delete them",
        r"\[\[(?![^\[\]\n]{0,200}\][^\[\]\n]{0,200}\])[^\[\]\n]{0,60}",
        r"^(?:[^\[\]\n]{0,300}\[[^\[\]\n]{0,200}\](?!\])){0,20}"
        r"(?:[^\[\]\n]{0,300}\[)?[^\[\]\n]{0,300}\]\]",
        required_characters="[]",
        severity=Severity.ERROR,
    )
)
"""What else has two brackets, where neither `GAP` nor a mark of a dialect is."""
GAPS: Final = (GAP, *HALF_GAPS)
"""For text in which no dialect is looked for."""

DIALECTS: Final = (
    *marks(
        "footnote",
        "a letter has no footnotes: subscribers see the brackets",
        "Write the note in the text, between round brackets",
        r"\[\^[^\[\]\n]{1,60}\]",
        r"\^\[[^\[\]\n]{1,300}\]",
        required_characters="[",
    ),
    GAP,
    *marks(
        "foreign-mark",
        "there are double square brackets here, and subscribers see them",
        "Write ![what is to be seen](https://…) for an image",
        r"!\[\[[^\[\]\n]{0,200}\]\]|\[\[_{0,2}TOC_{0,2}\]\]",
        required_characters="[",
    ),
    *marks(
        "image-address",
        "the name of this image has spaces or brackets, so that subscribers see it as text",
        "Write it between < and >: ![A path](<mijn pad.jpg>)",
        r"!\[[^\[\]\n]{0,200}\]\((?!<)[^<>\"\n]{1,300}?\.\w{3,4}(?:\s+\"[^\"\n]{0,200}\")?\s*\)"
        r"(?:\{[^{}\n]{0,100}\})?",
        required_characters="!",
        severity=Severity.ERROR,
    ),
    *marks(
        "broken-link",
        "this looks like a link, but subscribers will see its brackets",
        "Write [words](https://…) without spaces in the address, and close both brackets",
        r"(?:\[[^\[\]\n]{0,200})?\]\([^()\n]{0,300}\)?",
        required_characters="]",
    ),
    *marks(
        "broken-link",
        "there is a space between the words of a link and its address",
        _LINK_FIX,
        rf"(?:\[[^\[\]\n]{{0,200}})?\]\s{{1,3}}\(\s?{ADDRESS}[^\s()]{{0,300}}\)?",
        required_characters="]",
    ),
    *marks(
        "broken-link",
        "the brackets of this link are the wrong way round",
        _LINK_FIX,
        rf"\)\s?\[\s?(?:{ADDRESS}|/)[^\s\[\]]{{0,300}}\]?",
        required_characters="[",
    ),
    *marks(
        "broken-link",
        "an address follows these brackets, but they are no link",
        _LINK_FIX,
        rf"\]:?\s{{0,3}}\(?{ADDRESS}[^\s<>]{{0,300}}",
        required_characters="]",
    ),
    *marks(
        "broken-link",
        "there is no line that gives this link its address",
        _LINK_FIX,
        r"(?<=[^\W\d])\]\[[^\[\]\n]{0,100}\]",
        required_characters="]",
    ),
    *marks(
        "broken-link",
        "there is one square bracket too many beside this link, and subscribers see it",
        "Delete it, or write the other one of its pair",
        rf"\[{LINK_OPEN}[^{LINK_CLOSE}\n]*{LINK_CLOSE}(?![^\[\]\n]*\])",
        rf"^[^\[\]\n]*{LINK_CLOSE}\]",
        required_characters="[]",
    ),
    *marks(
        "broken-link",
        "there is a space between the exclamation mark and the brackets of an image",
        _IMAGE_FIX,
        rf"^!\s{{1,3}}{LINK_OPEN}",
        required_characters="!",
    ),
    *marks(
        "broken-link",
        "this looks like an image without an address",
        _IMAGE_FIX,
        r"!\[[^\[\]\n]{1,200}\]",
        required_characters="[",
    ),
    *HALF_GAPS,
    *marks(
        "foreign-mark",
        "this mark has no effect in a letter, and subscribers see it",
        "Delete it, or say it in another way",
        r"~~(?=\S)[^~\n]{1,300}~~|(?<!\S)~~(?=[^\W_])",
        rf"(?<![~\w{SHIELD}])~(?=[^\s~\d])[^~\n]{{1,100}}(?<=\S)~(?![~\w])",
        r"(?<=[A-Za-z])~\d{1,2}~",
        r"==(?=[^\s=])[^=\n]{1,300}(?<=\S)==|(?<!\S)==(?=[^\W\d_])",
        r"\+\+(?=[^\s+])[^+\n]{1,300}(?<=\S)\+\+",
        r"\^(?=[^\W_])[^\s^+=*/-]{1,40}\^",
        r"\|\|(?=\S)[^|\n]{1,200}\|\|",
        r"\{[#.:][^{}\n]{1,100}\}",
        r"\{[\w-]+=[^{}\n]{1,100}\}",
        r"(?i)\[/?(?:b|i|u|s|url|img|quote|size|color|center|list|embed)(?:=[^\]\n]{0,200})?\]",
        rf"\[\w+(?:\s+\w+={_QUOTED}){{1,9}}\s*/?\]",
        r"\[/\w{1,40}\]",
        r"\[-?@[\w:-]{1,60}[^\[\]\n]{0,60}\]",
        r"(?<=\s)\^(?=\w*\d)[a-z0-9-]{4,20}\s*$",
        r"\$\$[^$\n]{1,300}\$\$",
        r"\$(?=[^\s$])[^$\n]{0,100}[\\^_{}][^$\n]{0,100}\$",
        required_characters="~=+^|{[$",
    ),
    *marks(
        "foreign-mark",
        "there is a short code for an emoji here, and subscribers see it unchanged",
        "Put the emoji itself here",
        r"(?<![\w:]):(?:[a-z][a-z0-9_+-]{1,40}|[+-]1):(?![\w:])",
        required_characters=":",
    ),
    *marks(
        "broken-link",
        "this looks like a link without an address, and subscribers see its brackets",
        _LINK_FIX,
        rf"(?i)\[{_CALLS}\b[^\[\]\n]{{0,60}}\]",
        r"^\W{0,3}\[(?=[^\[\]\n]*[^\W\d])[^\s\[\]]+(?: [^\s\[\]]+){1,6}(?<![.!?…])\]\W{0,3}$",
        required_characters="[",
    ),
    *marks(
        "bare-address",
        "an address between < and > is a link only with https:// before it",
        "Write <https://…>, or [words](https://…)",
        r"<(?:www\.|[a-z0-9-]+\.)[a-z0-9.-]+[^<>\s]{0,300}>",
        required_characters="<",
    ),
    *marks(
        "wrong-entity",
        "there is an HTML entity here that is written wrong",
        "Write the character itself",
        rf"&{_ENTITY}(?![A-Za-z0-9])",
        r"&[A-Za-z][A-Za-z0-9]{1,30};",
        r"&#x?[0-9A-Fa-f]{2,4}(?![0-9A-Fa-f;])",
        rf"{SHIELD}(?:{_ENTITY}|#\d{{2,4}});",
        required_characters=f"&{SHIELD}",
    ),
)
"""In this order: what one finds, the next does not find again."""

BARE_ADDRESS: Final = tuple(
    marks(
        "bare-address",
        "there is an address here that is no link",
        "Write [words](https://…), or <https://…> to show the address itself",
        rf"(?i)(?<![\w@/.]){ADDRESS}[^\s<>\[\]\"”’{SHIELD}]{{2,300}}",
    )
)

EMPHASIS: Final = (
    *marks(
        "unused-emphasis",
        "there are stars here that make nothing bold, and subscribers see them",
        "Put them directly against the words, with a space or a point outside: **words** more",
        r"(?<!\w)\*\*+|\*\*+(?!\w)",
        r"(?<!\S)\*\s+[^\W\d_][^*\n]{0,60}?\s+\*(?!\S)",
        r"(?<=\S\s)\*\s[^\W\d_][^*\n]{0,60}(?<=[^\W_])\*(?!\w)",
        required_characters="*",
    ),
    *marks(
        "unused-emphasis",
        "there is an underscore here that emphasises nothing, and subscribers see it",
        "Write _words_ with a space or a point outside, or delete it",
        r"(?<![\w/@:.#-])_{1,2}(?=[^\W_])",
        r"(?<!\S)_\s+[^\W\d_][^_\n]{0,60}?\s+_(?!\S)",
        required_characters="_",
    ),
    *marks(
        "unused-emphasis",
        "there is a backtick here without its pair, and subscribers see it",
        "Write the second one, or an apostrophe in its place",
        r"(?<!\w)`+(?=\S)",
        required_characters="`",
    ),
    *marks(
        "unused-emphasis",
        "there is a backslash here without effect, and subscribers see it",
        "Delete it; at the end of a line it breaks the line only when another line follows",
        r"(?<!\\)\\\s*$",
        r"(?<=[\s,.!?])\\n(?![a-z])|(?<=[^\W\d_])\\n(?=[^\W\d_])",
        required_characters="\\",
    ),
)
(OPENING_STAR,) = marks(
    "unused-emphasis",
    "there is a star here that emphasises nothing, and subscribers see it",
    "Close it directly behind the words: *words*; for a star as such write \\*",
    r"(?<![\w*])\*(?=[^\W\d_]|[\"“‘'(][^\W\d_])",
    required_characters="*",
)

__all__ = [
    "BARE_ADDRESS", "DIALECTS", "EMPHASIS", "GAPS", "LINK_CLOSE", "LINK_OPEN", "OPENING_STAR",
    "Mark",
]  # fmt: skip
