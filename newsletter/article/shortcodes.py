"""What a site's generator fills in: shortcodes of Hugo, Liquid, Nunjucks, components of MDX.

A picture becomes Markdown, a pair of tags leaves the text between them, a comment nothing, and all
else the mark of a gap with the name of what was there.
"""

from __future__ import annotations

import re
from typing import Final

from newsletter.article.markdown import COMMENT, mark_gap, replace_between

_COMMENTS: Final = (
    COMMENT,
    (re.compile(r"\{\{[-<%]?\s*/\*"), re.compile(r"\*/\s*[->%]?\}\}")),
    (re.compile(r"\{/\*"), re.compile(r"\*/\}")),
    (re.compile(r"\{#(?![\w-]+\})"), re.compile(r"#\}")),  # a heading has its name so: {#name}
    (re.compile(r"\{%-?\s*comment\s*-?%\}"), re.compile(r"\{%-?\s*endcomment\s*-?%\}")),
)
_CODE: Final = (
    (re.compile(r"\{%-?\s*highlight\b"), re.compile(r"\{%-?\s*endhighlight\s*-?%\}")),
    (
        re.compile(r"\{\{[<%]\s*highlight\b"),
        re.compile(r"\{\{[<%]\s*/\s*highlight\s*[>%]\}\}"),
    ),
)
"""Where each kind begins and ends."""
_MODULE_LINES: Final = re.compile(
    r"^(?:import\s+(?:[\w*{].*?\sfrom\s+)?['\"][^'\"\n]+['\"];?"
    r"|export\s+(?:const|let|function|default)\b.*(?:\n(?!\n).*)*)[ \t]*$",
    re.MULTILINE,
)
_IMPORT: Final = re.compile(r"^import\s+(\w+)\s+from\s+['\"]([^'\"\n]+)['\"]", re.MULTILINE)
_IN_LINK: Final = re.compile(r"\]\(\s*(?:\{\{|\{%)[^()\n]*?(?:\}\}|%\})[^()\s]*\s*\)")
_RAW: Final = re.compile(r"\{%-?\s*(?:end)?(?:raw|verbatim)\s*-?%\}")
_TAG: Final = re.compile(
    r"\{\{(?P<braces>(?:(?!\{\{|\}\}).)*+)\}\}"
    r"|\{%(?P<liquid>(?:(?!\{%|%\}).)*+)%\}"
    r"|<(?P<jsx>/?[A-Z][\w.]*+(?:[^<>\"'{}]|\"[^\"]*\"|'[^']*'|\{[^{}]*\})*+)>",
    re.DOTALL,
)
_NAME: Final = re.compile(r"/?\s*[\w./-]+")
_PICTURE: Final = re.compile(
    r"(?<![^\s\"'<>{}=])([^\s\"'<>{}=]+\.(?:jpe?g|png|gif|webp))", re.IGNORECASE
)
_ALT: Final = re.compile(r"\b(?:alt|title)\s*=\s*(?:\"([^\"]*)\"|'([^']*)')")
_STRINGS: Final = re.compile(r"\"([^\"]*)\"|'([^']*)'")
_VARIABLE: Final = re.compile(r"\bsrc=\{(\w+)(?:\.\w+)?\}")
_CONTENTS: Final = re.compile(r"(?:table[-_]of[-_]contents|toc)(?:\W|$)", re.IGNORECASE)
"""A table of contents leads to places in the page, which no letter has."""
_INCLUDES: Final = {"include", "include_relative", "render", "component", "shortcode"}


def mark_shortcodes(text: str, *, components: bool = False) -> str:
    """Return a post's Markdown without what only its generator understands.

    Args:
        text: The text below the front matter.
        components: It is MDX, whose components are tags with a capital letter.
    """
    for begin, end in _COMMENTS:
        text = replace_between(text, begin, end, "")
    imports: dict[str, str] = {}
    if components:
        imports = dict(_IMPORT.findall(text))
        text = _MODULE_LINES.sub("", text)
    for begin, end in _CODE:
        text = replace_between(text, begin, end, f"\n\n{mark_gap('code')}\n\n")
    text = _IN_LINK.sub("](#)", _RAW.sub("", text))
    closed = _closed_names(text)

    def replace(found: re.Match[str]) -> str:
        if (found["jsx"] and not components) or found["liquid"] == "":
            return found[0]
        return _replacement(found, closed, imports)

    return _TAG.sub(replace, text)


def _closed_names(text: str) -> set[str]:
    names = {_name_and_rest(found)[0] for found in _TAG.finditer(text)}
    return {_opened(name) for name in names if _opened(name)}


def _opened(name: str) -> str:
    """Return the name that a closing tag closes; "" for another tag."""
    if name.startswith("/"):
        return name[1:].strip()
    return name[3:] if name.startswith("end") else ""


def _name_and_rest(found: re.Match[str]) -> tuple[str, str]:
    """Return the name of a tag, and what it is given; "" for the name of a value."""
    inner = found["braces"]
    if inner is not None:
        is_hugo = inner[:1] in {"<", "%"} and inner[-1:] in {">", "%"} and len(inner) > 1
        inner = inner[1:-1] if is_hugo else ""
    else:
        inner = found["liquid"] or found["jsx"] or ""
    inner = inner.strip("-").strip()
    name = _NAME.match(inner)
    return (name[0].strip(), inner[name.end() :].rstrip("/")) if name else ("", "")


def _replacement(found: re.Match[str], closed: set[str], imports: dict[str, str]) -> str:
    name, rest = _name_and_rest(found)
    if _opened(name):
        return "\n\n"
    if picture := _picture(rest, imports):
        return f"\n\n{picture}\n\n"
    if name in closed:
        return "\n\n"
    if not name and found["braces"] is not None:
        return mark_gap(found["braces"].strip("-").strip())
    if name in _INCLUDES:
        name = rest.split()[0].strip("\"',") if rest.split() else name
    return "\n\n" if _CONTENTS.match(name) else mark_gap(name)


def _picture(rest: str, imports: dict[str, str]) -> str:
    """Return the Markdown of a tag that shows a picture; "" for another."""
    variable = _VARIABLE.search(rest)
    source = imports.get(variable[1], "") if variable else ""
    found = _PICTURE.search(rest)
    source = source or (found[1] if found else "")
    if not source:
        return ""
    named = _ALT.search(rest)
    strings = [one or other for one, other in _STRINGS.findall(rest)]
    unnamed = next((one for one in strings if one and one != source), "") if "=" not in rest else ""
    alt = (named[1] or named[2] or "") if named else unnamed
    plain = re.sub(r"[\[\]\\<>]", "", alt)
    return f"![{plain}](<{source}>)"
