"""The front matter of a post: YAML, TOML or JSON before its text.

PyYAML reads YAML, with its safe loader and without aliases: the fields of site generators need
nested tables and texts over several lines, which a reader of our own would get wrong.
"""

from __future__ import annotations

import json
import re
import tomllib
from datetime import date, datetime
from typing import TYPE_CHECKING, Any, Final

import yaml

from newsletter.errors import NewsletterError

if TYPE_CHECKING:
    from collections.abc import Mapping

_FENCED: Final = re.compile(
    r"(?P<fence>---|\+\+\+)(?P<kind>[a-z]*)[ \t]*\n(?P<inner>(?:.*\n)*?)(?P=fence)[ \t]*(?:\n|\Z)"
)
_MOST: Final = 64_000
_DEEPEST: Final = 20
_HINT: Final = "Correct it as your site's generator expects it"


def split_front_matter(text: str) -> tuple[Mapping[str, Any], str]:
    """Return the fields of a post, and its text. Without front matter there are no fields.

    Raises:
        NewsletterError: The front matter cannot be read.
    """
    text = text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n").lstrip("\n")
    if found := _FENCED.match(text):
        _require_size(found["inner"])
        load = _load_toml if found["fence"] == "+++" or found["kind"] == "toml" else _load_yaml
        return _fields(load(found["inner"])), text[found.end() :]
    if re.match(r"\{\s*\"", text):
        return _split_json(text)
    return {}, text


def find_text(fields: Mapping[str, Any], *names: str) -> str:
    """Return the first of some fields that is a text; "" where none is.

    A name with a point in it leads into a table: `cover.image`. Upper and lower case are one.
    """
    for name in names:
        value: object = fields
        for part in name.casefold().split("."):
            value = value.get(part) if isinstance(value, dict) else None
        if isinstance(value, str) and value.strip():
            return " ".join(value.split())
    return ""


def find_day(fields: Mapping[str, Any], *names: str) -> date | None:
    """Return the day of the first of some fields that has one."""
    for name in names:
        value = fields.get(name.casefold())
        if isinstance(value, datetime):
            return value.date()
        if isinstance(value, date):
            return value
        if isinstance(value, str) and (found := re.match(r"\d{4}-\d{2}-\d{2}", value)):
            try:
                return date.fromisoformat(found[0])
            except ValueError:
                continue
    return None


def _load_yaml(text: str) -> object:
    try:
        _require_simple(text)
        return yaml.safe_load(text)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        mark = getattr(error, "problem_mark", None)
        raise NewsletterError(
            "the front matter of this post is not valid YAML",
            where=f"line {mark.line + 2}" if mark else "",
            hint=_HINT,
        ) from None


def _require_simple(text: str) -> None:
    """Check that YAML is not deep, and has no alias: it could stand for something very large.

    Raises:
        NewsletterError: It is, or has one.
    """
    depth = 0
    for event in yaml.parse(text):
        depth += isinstance(event, yaml.CollectionStartEvent)
        depth -= isinstance(event, yaml.CollectionEndEvent)
        if isinstance(event, yaml.AliasEvent):
            raise NewsletterError(
                "the front matter of this post has an alias of YAML, a name that begins with *",
                hint="Write the value itself there",
            )
        if depth > _DEEPEST:
            raise NewsletterError(
                f"the front matter of this post has tables within tables, {_DEEPEST} deep",
                hint=_HINT,
            )


def _require_size(text: str) -> None:
    if len(text) > _MOST:
        raise NewsletterError(
            f"the front matter of this post has {len(text):,} characters, more than {_MOST:,}",
            hint="Is its last line --- missing? Put it below the fields",
        )


def _load_toml(text: str) -> object:
    try:
        return tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        raise NewsletterError(
            f"the front matter of this post is not valid TOML: {error}", hint=_HINT
        ) from None


def _split_json(text: str) -> tuple[Mapping[str, Any], str]:
    try:
        value, end = json.JSONDecoder().raw_decode(text)
    except (ValueError, RecursionError):
        return {}, text  # a text that begins with a brace
    _require_size(text[:end])
    return _fields(value), text[end:]


def _fields(value: object) -> dict[str, Any]:
    """Return a table with its names in lower case, tables within it too."""
    if not isinstance(value, dict):
        return {}
    return {
        str(name).casefold(): _fields(part) if isinstance(part, dict) else part
        for name, part in value.items()
    }
