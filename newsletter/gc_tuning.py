"""When Python looks for garbage: not among modules, and seldom where rows go by themselves."""

from __future__ import annotations

import contextlib
import gc
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_SELDOM: Final = 20_000


@contextlib.contextmanager
def gc_importing() -> Iterator[None]:
    """Look for no garbage while modules are imported, and never among them: they stay.

    See https://docs.python.org/3/library/gc.html#gc.freeze.
    """
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        if was_enabled:
            gc.enable()


@contextlib.contextmanager
def gc_manual() -> Iterator[Callable[[], object]]:
    """Look for garbage only when what this yields is called; meanwhile all rows are in use."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield lambda: gc.collect(0)
    finally:
        if was_enabled:
            gc.enable()


@contextlib.contextmanager
def gc_relaxed() -> Iterator[None]:
    """Look for garbage after more rows than usual, and never among what is there now."""
    before = gc.get_threshold()
    gc.freeze()
    gc.set_threshold(_SELDOM, *before[1:])
    try:
        yield
    finally:
        gc.set_threshold(*before)
        gc.unfreeze()
