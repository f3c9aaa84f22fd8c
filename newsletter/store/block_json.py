"""The blocks of an issue as JSON, for the archive: what was published outlives the program."""

from __future__ import annotations

import dataclasses
import json
from typing import TYPE_CHECKING, Any, Final

from newsletter.model import issue

if TYPE_CHECKING:
    from collections.abc import Sequence

    from newsletter.model import Block

_TYPE: Final = "type"
_CLASSES: Final = {
    name: one
    for name, one in vars(issue).items()
    if isinstance(one, type) and dataclasses.is_dataclass(one)
}


def encode(blocks: Sequence[Block]) -> str:
    """Return blocks as JSON; what has its default value is left out."""
    return json.dumps([_encoded(block) for block in blocks], ensure_ascii=False)


def decode(text: str) -> tuple[Block, ...]:
    """Return the blocks that `encode` made this of, by this or an earlier version."""
    blocks: tuple[Block, ...] = _decoded(json.loads(text))
    return blocks


def _encoded(value: Any) -> Any:  # noqa: ANN401 - whatever a block holds
    if isinstance(value, tuple):
        return [_encoded(one) for one in value]
    if not dataclasses.is_dataclass(value):
        return value
    filled = {
        field.name: _encoded(getattr(value, field.name))
        for field in dataclasses.fields(value)
        if getattr(value, field.name) != field.default
    }
    return {_TYPE: type(value).__name__, **filled}


def _decoded(value: Any) -> Any:  # noqa: ANN401 - whatever a block holds
    if isinstance(value, list):
        return tuple(map(_decoded, value))
    if not isinstance(value, dict):
        return value
    filled = {name: _decoded(one) for name, one in value.items() if name != _TYPE}
    return _CLASSES[value[_TYPE]](**filled)
