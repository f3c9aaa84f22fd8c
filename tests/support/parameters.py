"""Parameters that a test has in every run, and others that it has only with `./dev test --all`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping


def choose(values: Iterable[Any], *, always: Collection[Any]) -> list[Any]:
    """Return all values, of which the others than `always` wait for `--all`."""
    values = [*values]
    assert set(always) <= set(values), f"{always} are none of {values}"
    return [
        value
        if value in always
        else pytest.param(*(value if isinstance(value, tuple) else (value,)), marks=pytest.mark.all)
        for value in values
    ]


def choose_named(values: Mapping[str, Any], *, always: Collection[str]) -> list[Any]:
    """Return the same of values that are known by their names."""
    assert set(always) <= values.keys()
    return [
        pytest.param(value, id=name, marks=() if name in always else pytest.mark.all)
        for name, value in values.items()
    ]
