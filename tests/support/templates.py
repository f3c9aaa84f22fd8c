"""Templates that are compiled once: each newsletter of a test would compile all of them again."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

from jinja2 import BytecodeCache

from newsletter.render import templates

if TYPE_CHECKING:
    from pathlib import Path
    from types import CodeType

    from jinja2.bccache import Bucket
    from jinja2.sandbox import ImmutableSandboxedEnvironment


class _Compiled(BytecodeCache):
    """Keeps what was compiled, by the name, the place and the text of each template."""

    def __init__(self) -> None:
        self._code: dict[tuple[str, str], CodeType | None] = {}

    def load_bytecode(self, bucket: Bucket) -> None:
        bucket.code = self._code.get((bucket.key, bucket.checksum))

    def dump_bytecode(self, bucket: Bucket) -> None:
        self._code[bucket.key, bucket.checksum] = bucket.code


def share_compiled_templates() -> None:
    """Let all newsletters of this process share what is compiled."""
    make, compiled = templates._environment.__wrapped__, _Compiled()  # noqa: SLF001

    @functools.lru_cache(maxsize=8)
    def environment(places: tuple[Path, ...]) -> ImmutableSandboxedEnvironment:
        made = make(places)
        made.bytecode_cache = compiled
        return made

    templates._environment = environment  # noqa: SLF001
