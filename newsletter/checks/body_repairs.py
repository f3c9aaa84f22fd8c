"""Repairs of the body."""

from __future__ import annotations

import re
from html import unescape
from typing import TYPE_CHECKING, Final

from newsletter.checks.redirectors import unwrap
from newsletter.checks.repairs import change, repairs
from newsletter.content.block_lookalikes import ODD_SPACES
from newsletter.tracking_parameters import without_tracking

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from newsletter.checks.repairs import Edit
    from newsletter.model import Finding

_BULLET: Final = re.compile(
    rf"[\s{ODD_SPACES}]*(?:[•◦▪‣⁃∙●○■□►▸➤➢☐☑]\ufe0f?|·(?=\s))[\s{ODD_SPACES}]*(?=\S)"
)
_DASH: Final = re.compile(rf"[\s{ODD_SPACES}]*[–—−‐‑][\s{ODD_SPACES}]*(?=\S)")
_GLUED: Final = re.compile(r"\s*-(?=[^\W\d_]|[\"“‘'(][^\W\d_])")
_GLUED_NUMBER: Final = re.compile(r"\s*(\d{1,2}[.)])(?=[^\W\d_]{2,})")
_ITEM: Final = re.compile(r"\s*(?:[-*+]|\d{1,9}[.)])\s")
_ARROW: Final = re.compile(r"\s*(?:[=–—]{1,2}>|-->|[⇒➔➜➝➞➡⟶⟹⇨↦]\ufe0f?)\s*")
_HINT: Final = re.compile(r"\?\W{0,3}?\s*(?:→|->)")
_ODD_MARK: Final = re.compile(
    rf"[\s{ODD_SPACES}]*([-*+]|#{{1,6}}|>|\d{{1,3}}[.)])[\s{ODD_SPACES}]*(?=\S)"
)
_ODD_START: Final = re.compile(
    rf"\s*[{ODD_SPACES}]|\s*(?:[-*+#>]|\d)[^{ODD_SPACES}\w]{{0,6}}[{ODD_SPACES}]"
)
_HEADINGS: Final = (
    (re.compile(r"[\s\u00a0]*(#{1,6})\s*(?=\S)"), r"\1 "),
    (re.compile(r"\s*h([1-6])\.\s+"), "## "),
    (re.compile(r"\s*={2,6}\s+([^=]*[^=\s])\s*=*\s*\Z"), r"## \1"),
)
_QUOTES: Final = {'"': '"', "“": "”", "„": "”“", "”": "”", "'": "'", "‘": "’", "«": "»", "»": "«"}
_ENTITY: Final = re.compile(
    r"&(?:amp;)?((?:nbsp|amp|quot|apos|euro|hellip|[mn]dash|[lr][sd]quo|laquo|raquo|rarr|bull"
    r"|[aeiou](?:uml|acute|grave|circ)|ccedil|copy|deg)|#[0-9]{1,7})(?:;|(?![A-Za-z0-9;]))"
)
_BARE: Final = re.compile(
    r"(?<![\w@/.<\[\"“])(?<!\]\()(?:(https?://)|(?=www\.))([^\s<>\[\]\"”’()]{3,300}?)(?=[.,;:!?)]*(?:\s|\Z))"
)
_BARE_ANGLE: Final = re.compile(r"<((?:www\.|[a-z0-9-]+\.)[a-z0-9.-]+[^<>\s]{0,300})>")
_SPACED_LINK: Final = re.compile(
    r"(\[[^\[\]\n]{1,200}\])\s{1,3}\(\s?(https?://[^\s()]{1,300})\s?\)"
)
_SPACED_IMAGE: Final = re.compile(
    r"(!\[[^\[\]\n]{0,200}\]\()(?!<)((?=[^\"\n]*[\s(])[^<>\"\n]{1,300}?\.\w{3,4})((?:\s+\"[^\"\n]{0,200}\")?\s*\))"
)
_TURNED_LINK: Final = re.compile(r"\(([^()\n]{1,200})\)\s?\[\s?(https?://[^\s\[\]]{1,300})\s?\]")
_WWW_LINK: Final = re.compile(r"\]\((?=www\.)")
_SPACED_BOLD: Final = re.compile(r"(?<!\S)(\*\*|\*|_)\s+([^\W\d_][^*_\n]{0,200}?)\s+\1(?!\S)")
_GLUED_BOLD: Final = re.compile(r"(?<!\S)(\*\*[^*\n]{1,200}[^\w\s*]\*\*)(?=\w)")
_TASK: Final = re.compile(r"(\s*(?:(?:[-*+]|\d{1,9}[.)])\s+)?)\[[ xX✓]?\]\s+")
_ADDRESS: Final = re.compile(r"https?://[^\s<>()\"]+")


def _substitute(
    lines: Sequence[str],
    finding: Finding,
    *steps: tuple[re.Pattern[str], str | Callable[[re.Match[str]], str]],
) -> Edit:
    """Return the edit of a finding's line by some patterns and what to write for each."""
    new = lines[finding.line - 1]
    for pattern, replacement in steps:
        new = pattern.sub(replacement, new)
    return change(lines, finding.line - 1, new)


def _block(lines: Sequence[str], at: int) -> range:
    """Return the lines of a paragraph from one of its lines on."""
    end = at
    while end < len(lines) and lines[end].strip():
        end += 1
    return range(at, end)


def _itemised(lines: Sequence[str], at: int, sign: re.Pattern[str]) -> Edit:
    """Begin a run of lines with a hyphen each, and have an empty line around them."""
    edit: dict[int, list[str]] = {}
    last = at
    for index in range(at, len(lines)):
        if sign.match(lines[index]):
            edit[index] = [sign.sub("- ", lines[index], count=1)]
            last = index
        elif lines[index].strip():
            break
    if last not in edit:
        return {}
    if _is_text(lines, last + 1):
        edit[last] = [*edit[last], ""]
    if _is_text(lines, at - 1):
        edit[at] = ["", *edit[at]]
    return edit


def _is_text(lines: Sequence[str], index: int) -> bool:
    """Tell whether a line has text that is no item of a list."""
    inside = 0 <= index < len(lines) and lines[index].strip() not in {"", "---"}
    return inside and not _ITEM.match(lines[index])


@repairs("pasted-bullets")
def write_hyphens(lines: Sequence[str], finding: Finding) -> Edit:
    """Write hyphens for pasted bullets."""
    return _itemised(lines, finding.line - 1, _BULLET)


@repairs("almost-list")
def write_list(lines: Sequence[str], finding: Finding) -> Edit:
    """Write a space behind the hyphens of a list, and hyphens for its dashes."""
    at = finding.line - 1
    if match := _GLUED_NUMBER.match(lines[at]):
        sign = re.compile(rf"(?<=\A)\s*(\d{{1,2}}{re.escape(match[1][-1])})(?=[^\W\d_])")
        run = [i for i in _block(lines, at) if sign.match(lines[i])]
        return {index: [sign.sub(r"\1 ", lines[index])] for index in run}
    for sign in (_GLUED, _DASH):
        if sign.match(lines[at]):
            return _itemised(lines, at, sign)
    return {}


@repairs("almost-questions")
def write_arrows(lines: Sequence[str], finding: Finding) -> Edit:
    """Write the arrow of questions for another one, and hyphens before lines that are no list."""
    at = finding.line - 1
    block = _block(lines, at)
    if not _ITEM.match(lines[at]):
        asked = all(_HINT.search(lines[index]) for index in block)
        return {index: [f"- {lines[index].strip()}"] for index in block} if asked else {}
    return {
        index: [_ARROW.sub(" → ", lines[index], count=1)]
        for index in block
        if "→" not in lines[index] and re.search(r"\?\W{0,3}?\s*\Z", _ARROW.split(lines[index])[0])
    }


@repairs("odd-space")
def write_space(lines: Sequence[str], finding: Finding) -> Edit:
    """Write a plain space behind a mark, and nothing before it."""
    edit: dict[int, list[str]] = {}
    for index in _block(lines, finding.line - 1):
        if _ODD_START.match(lines[index]):
            edit[index] = [_ODD_MARK.sub(r"\1 ", lines[index], count=1)]
    for index in [*edit]:
        if index + 1 not in edit and _is_text(lines, index + 1):
            edit[index] += [""]
    return edit


@repairs("almost-heading")
def write_heading(lines: Sequence[str], finding: Finding) -> Edit:
    """Write a heading as Markdown has it."""
    at = finding.line - 1
    for shape, form in _HEADINGS:
        if shape.match(lines[at]):
            return change(lines, at, shape.sub(form, lines[at], count=1))
    return {}


@repairs("almost-divider")
def write_divider(lines: Sequence[str], finding: Finding) -> Edit:
    """Write a divider with an empty line above and below."""
    at = finding.line - 1
    above = [""] if at and lines[at - 1].strip() else []
    below = [""] if at + 1 < len(lines) and lines[at + 1].strip() else []
    return {at: [*above, "---", *below]}


@repairs("quoted-paragraph")
def write_quote(lines: Sequence[str], finding: Finding) -> Edit:
    """Write a paragraph in quotation marks as a quote."""
    block = _block(lines, finding.line - 1)
    text = "\n".join(lines[index].strip() for index in block)
    emphasis = re.match(r"(\*\*|\*|_)(?=\W)", text)
    marks = emphasis[1] if emphasis and text.endswith(emphasis[1]) else ""
    inner = text.removeprefix(marks).removesuffix(marks)
    end = re.search(r"[.,!?…]*\Z", inner)
    points = end[0] if end else ""
    inner = inner.removesuffix(points)
    if len(inner) < 3 or inner[-1] not in _QUOTES.get(inner[0], ""):  # noqa: PLR2004 - two marks and a word
        return {}
    whole = f"{marks}{inner[1:-1].strip()}{points if inner[-2] not in '.!?…' else ''}{marks}"
    new = whole.split("\n")
    return {index: [f"> {new[index - block.start]}"] for index in block}


@repairs("lazy-line")
def write_empty_line(lines: Sequence[str], finding: Finding) -> Edit:
    """Write an empty line above one that belongs to nothing above it."""
    at = finding.line - 1
    return {at: ["", lines[at]]}


@repairs("wrong-entity")
def write_character(lines: Sequence[str], finding: Finding) -> Edit:
    """Write the character for an entity with a mistake."""
    at = finding.line - 1

    def character(found: re.Match[str]) -> str:
        return unescape(f"&{found[1]};").replace("\u00a0", " ")

    new = _ENTITY.sub(character, lines[at])
    return change(lines, at, re.sub(r"(?<=\S) {2,}(?=\S)", " ", new) if new != lines[at] else new)


@repairs("bare-address")
def write_address(lines: Sequence[str], finding: Finding) -> Edit:
    """Write a bare address between < and >, with https:// before it."""
    at = finding.line - 1
    new = _BARE_ANGLE.sub(r"<https://\1>", lines[at])
    if new == lines[at]:
        new = _BARE.sub(lambda found: f"<{found[1] or 'https://'}{found[2]}>", new)
    return change(lines, at, new)


@repairs("broken-link")
def write_link(lines: Sequence[str], finding: Finding) -> Edit:
    """Write a link without a space between its brackets, and these in their order."""
    return _substitute(lines, finding, (_SPACED_LINK, r"\1(\2)"), (_TURNED_LINK, r"[\1](\2)"))


@repairs("image-address")
def write_image(lines: Sequence[str], finding: Finding) -> Edit:
    """Write the name of an image between < and >, where it has spaces."""
    return _substitute(lines, finding, (_SPACED_IMAGE, r"\1<\2>\3"))


@repairs("link-address")
def write_link_scheme(lines: Sequence[str], finding: Finding) -> Edit:
    """Write https:// before the address of a link that begins with www."""
    return _substitute(lines, finding, (_WWW_LINK, "](https://"))


@repairs("unused-emphasis")
def write_emphasis(lines: Sequence[str], finding: Finding) -> Edit:
    """Write stars against the words, and a space outside."""
    return _substitute(lines, finding, (_SPACED_BOLD, r"\1\2\1"), (_GLUED_BOLD, r"\1 "))


@repairs("task-list")
def delete_boxes(lines: Sequence[str], finding: Finding) -> Edit:
    """Delete the boxes to tick of a list."""
    at = finding.line - 1
    run = [index for index in _block(lines, at) if _TASK.match(lines[index])]
    return {index: [_TASK.sub(lambda m: m[1] or "- ", lines[index], count=1)] for index in run}


@repairs("code-block")
def delete_margin(lines: Sequence[str], finding: Finding) -> Edit:
    """Delete the spaces before lines that are no program code."""
    at = finding.line - 1
    run = [index for index in _block(lines, at) if re.match(r" {4}|\t", lines[index])]
    return {index: [lines[index].lstrip()] for index in run}


@repairs("tracking-parameters")
def delete_tracking(lines: Sequence[str], finding: Finding) -> Edit:
    """Delete the parameters of an address that only track who opens it."""
    return _substitute(lines, finding, (_ADDRESS, lambda found: without_tracking(found[0])))


@repairs("wrapped-link")
def write_target(lines: Sequence[str], finding: Finding) -> Edit:
    """Write the address that another one holds."""

    def target(found: re.Match[str]) -> str:
        return without_tracking(unwrap(found[0]) or "") or found[0]

    return _substitute(lines, finding, (_ADDRESS, target))
