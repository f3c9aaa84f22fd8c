"""Repairs of the front matter."""

from __future__ import annotations

import re
from html import unescape
from typing import TYPE_CHECKING, Final

from newsletter.checks.prose import subject_prefixes
from newsletter.checks.repairs import change, repairs
from newsletter.content.front_matter_keys import KEYS, exact_key
from newsletter.content.front_matter_values import YES_OR_NO_WORDS
from newsletter.content.words import words

if TYPE_CHECKING:
    from collections.abc import Sequence

    from newsletter.checks.repairs import Edit
    from newsletter.model import Finding

_FENCE: Final = "---"
_LIKE_FENCE: Final = re.compile(r"[\s\u200b\u2060\ufeff\u00ad]*[-–—―−‐‑=+*_~]{2,}\s*")
_SUGGESTED: Final = re.compile(r'"(send_at: [0-9: -]{16})"')
_MARKS: Final = (
    re.compile(r"\*\*(?=\S)([^*]{1,200})(?<=\S)\*\*"),
    re.compile(r"(?<!\w)__(?=\S)([^_]{1,200})(?<=\S)__(?!\w)"),
    re.compile(r"(?<![\w*])\*(?=\S)([^*]{1,200})(?<=\S)\*(?![\w*])"),
    re.compile(r"(?<!\w)_(?=[^\W_])([^_]{1,200})(?<=\S)_(?!\w)"),
    re.compile(r"`([^`]{1,200})`"),
    re.compile(r"\\([!#-&(-/:-@\[\]-`{-~])"),
)
_INVISIBLE: Final = re.compile("[\u00ad\u180e\u200b\u2060-\u2064\ufeff]")


@repairs("front-matter-missing", "front-matter-unclosed")
def write_fence(lines: Sequence[str], finding: Finding) -> Edit:
    """Write three hyphens where something like them is, or where they are missing."""
    at = finding.line - 1
    if _LIKE_FENCE.fullmatch(lines[at]):
        return change(lines, at, _FENCE)
    if finding.rule == "front-matter-unclosed":
        return {at: [lines[at], _FENCE]}
    key, colon, _ = lines[at].partition(":")
    return {at: [_FENCE, lines[at]]} if colon and exact_key(key) else {}


@repairs("front-matter-line")
def write_colon(lines: Sequence[str], finding: Finding) -> Edit:
    """Write a colon for an equals sign."""
    at = finding.line - 1
    name, equals, value = lines[at].partition("=")
    key = exact_key(name)
    return change(lines, at, f"{key}: {value.strip()}") if equals and key else {}


@repairs("unknown-key")
def write_key(lines: Sequence[str], finding: Finding) -> Edit:
    """Write the key that a synonym stands for, unless the file has it already."""
    at = finding.line - 1
    name, _, value = (part.strip() for part in lines[at].partition(":"))
    key = exact_key(name)
    taken = any(line.partition(":")[0].strip() == key for line in lines[: at + 20])
    if not key or taken:
        return {}
    if key == "draft":
        said = YES_OR_NO_WORDS.get(value.casefold())
        if said is None:
            return {}
        opposite = {"yes": "no", "no": "yes"}
        value = opposite[said] if name.casefold() in words().not_draft else said
    if key in {"send_at", "article"} and not value:
        return {}
    if key == "themes":
        value = _plain_list(value)
    if key == "article" and value.startswith("www."):
        value = f"https://{value}"
    return change(lines, at, f"{key}: {value}")


@repairs("doubled-key")
def delete_doubled(lines: Sequence[str], finding: Finding) -> Edit:
    """Delete a line that says again exactly what another said."""
    at = finding.line - 1
    same = [line.strip() for line in lines[:at]]
    return {at: []} if lines[at].strip() in same else {}


@repairs("draft-invalid")
def write_yes_or_no(lines: Sequence[str], finding: Finding) -> Edit:
    """Write yes or no as the program reads it."""
    found = re.search(r'"(draft: (?:yes|no))"\Z', finding.fix)
    return change(lines, finding.line - 1, found[1]) if found else {}


@repairs("send-at-invalid")
def write_moment(lines: Sequence[str], finding: Finding) -> Edit:
    """Write a day and a time as the program reads them."""
    found = _SUGGESTED.search(finding.fix)
    return change(lines, finding.line - 1, found[1]) if found else {}


@repairs("yaml-value")
def write_plain_list(lines: Sequence[str], finding: Finding) -> Edit:
    """Write a list of YAML without its brackets, and its quotation marks without backslashes."""
    at = finding.line - 1
    key, _, value = (part.strip() for part in lines[at].partition(":"))
    if key == "themes":
        return change(lines, at, f"{key}: {_plain_list(value)}")
    plain = re.sub(r"\\([\"'])", r"\1", value)
    return change(lines, at, f"{key}: {plain}") if key in KEYS and plain != value else {}


def _plain_list(value: str) -> str:
    """Return the items of a list of YAML with commas between; any other value unchanged."""
    listed = re.fullmatch(r"\[([^\[\]{}]+)\]", value)
    if not listed:
        return value
    items = (item.strip().strip("\"'").strip() for item in listed[1].split(","))
    return ", ".join(item for item in items if item)


@repairs("header-marks")
def write_plain_text(lines: Sequence[str], finding: Finding) -> Edit:
    """Write a subject or preheader without entities and without marks of Markdown."""
    at = finding.line - 1
    key, _, value = (part.strip() for part in lines[at].partition(":"))
    plain = unescape(value).replace("\u00a0", " ") if "entity" in finding.message else value
    if "Markdown" in finding.message:
        for mark in _MARKS:
            plain = mark.sub(r"\1", plain)
        plain = re.sub(r"^(?:#{1,6}|>)\s+", "", plain)
    return change(lines, at, f"{key}: {plain}") if key in KEYS and plain.strip() else {}


@repairs("invisible-character")
def delete_invisible(lines: Sequence[str], finding: Finding) -> Edit:
    """Delete the invisible characters of a subject or preheader."""
    return change(lines, finding.line - 1, _INVISIBLE.sub("", lines[finding.line - 1]))


@repairs("article-address")
def write_scheme(lines: Sequence[str], finding: Finding) -> Edit:
    """Write https:// before an address that begins with www."""
    at = finding.line - 1
    new = re.sub(r"^(\s*article\s*:\s*[\"']?)(?=www\.)", r"\1https://", lines[at])
    return change(lines, at, new)


@repairs("subject-prefix")
def delete_prefix(lines: Sequence[str], finding: Finding) -> Edit:
    """Delete what a mail program writes before the subject of an answer."""
    at = finding.line - 1
    key, colon, value = lines[at].partition(":")
    plain = value.strip()
    mark = plain[:1] if plain[:1] in {"'", '"'} else ""
    rest = subject_prefixes().sub("", plain[len(mark) :])
    return change(lines, at, f"{key}{colon} {mark}{rest}") if rest != plain[len(mark) :] else {}
