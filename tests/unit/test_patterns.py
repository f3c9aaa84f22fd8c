"""No regular expression that reads what others write takes forever.

A pattern with an open end before its needle (`\\S*@`) looks at a long word once for each of its
letters. On text that a stranger wrote that stops a process for as long as the stranger likes. So
all patterns of the packages that read such text are run as they are used, on long texts of just the
characters that they repeat: what a steady one does in a thousandth of a second, a growing one does
in minutes. What an author writes (issues, settings, templates) is read elsewhere, and is their own.
"""

from __future__ import annotations

import ast
import importlib
import importlib.util
import pkgutil
import re
import signal
from dataclasses import fields, is_dataclass
from functools import partial
from pathlib import Path
from re import _constants as sre  # type: ignore[attr-defined]
from re import _parser as parser  # type: ignore[attr-defined]
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType, ModuleType

HERE = Path(__file__).parents[2]
LENGTH = 150_000
SECONDS = 3.0
"""Of a processor, for each text."""

READ_OTHERS = (
    "providers",
    "web",
    "subscriptions",
    "store",
    "delivery",
    "imports",
    "tokens",
    "personalize",
    "article",
    "desk.article_source",
    "desk.authoring",
    "desk.new_issue",
    "desk.post_pictures",
)
SEARCHES = {"search", "sub", "subn", "split", "findall", "finditer"}

SHORT_TEXTS = {
    "newsletter.providers.mailgun.send._NO_ENTITIES": "a letter, made of our templates",
    "newsletter.store.url": "the author's own setting",
    "newsletter.store.server_errors._ADDRESSES": "a sentence that is cut before",
    "newsletter.web.pages._STYLE": "our own templates",
}
"""Patterns that do grow, and the only text that they get."""


def modules() -> Iterator[ModuleType]:
    """Import all modules that read what others write."""
    for package in READ_OTHERS:
        top = importlib.import_module(f"newsletter.{package}")
        yield top
        for found in pkgutil.walk_packages(getattr(top, "__path__", []), f"{top.__name__}."):
            if ".migrations" not in found.name:
                yield importlib.import_module(found.name)
    for path in sorted((HERE / ".github").glob("*.py")):
        spec = importlib.util.spec_from_file_location(f"github_{path.stem}", path)
        assert spec
        assert spec.loader
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        yield module


def held(value: object, depth: int = 0) -> Iterator[re.Pattern[str]]:
    """Yield the patterns in a value of a module."""
    if isinstance(value, re.Pattern):
        yield value
    elif depth < 5:
        inner: list[object] = []
        if isinstance(value, dict):
            inner = [*value.keys(), *value.values()]
        elif isinstance(value, list | tuple | set | frozenset):
            inner = list(value)
        elif isinstance(value, partial):
            inner = [*value.args, *value.keywords.values()]
        elif is_dataclass(value) and not isinstance(value, type):
            inner = [getattr(value, one.name) for one in fields(value)]
        for one in inner:
            yield from held(one, depth + 1)


class Use(NamedTuple):
    """A pattern, and whether it is looked for anywhere in a text or only from its beginning."""

    where: str
    pattern: re.Pattern[Any]
    anywhere: bool


def uses(module: ModuleType) -> Iterator[Use]:
    """Yield the patterns of a module, as they are used in it."""
    source = Path(str(module.__file__)).read_text(encoding="utf-8")
    called: dict[str, set[str]] = {}
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.Attribute):
            continue
        if isinstance(node.value, ast.Name):
            called.setdefault(node.value.id, set()).add(node.attr)
    for name, value in vars(module).items():
        methods = called.get(name, {"search"})
        for one in held(value):
            anywhere = not isinstance(value, re.Pattern) or bool(methods & SEARCHES)
            yield Use(f"{module.__name__}.{name}", one, anywhere)
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.Call(
                func=ast.Attribute(value=ast.Name(id="re"), attr=method),
                args=[ast.Constant(value=str(text)), *_],
            ) if method != "compile":
                yield Use(module.__name__, re.compile(text), method in SEARCHES)


def all_uses() -> list[Use]:
    """Return each pattern once for each way in which it is used."""
    found: dict[tuple[str | bytes, int, bool], Use] = {}
    for module in modules():
        for one in uses(module):
            found.setdefault((one.pattern.pattern, one.pattern.flags, one.anywhere), one)
    return list(found.values())


# Long texts of what a pattern repeats


def sample(items: Any) -> Iterator[str]:  # noqa: ANN401 - a tree of the standard library
    """Yield some characters that one element of a pattern takes."""
    for op, value in items:
        if op is sre.LITERAL:
            yield chr(value)
        elif op is sre.NOT_LITERAL:
            yield from (c for c in "a< @" if ord(c) != value)
        elif op is sre.ANY:
            yield from "a< @"
        elif op is sre.IN:
            yield from members(value)
        elif op is sre.SUBPATTERN:
            yield from sample(value[-1])
        elif op is sre.BRANCH:
            for branch in value[1]:
                yield from sample(branch)
        elif op in {sre.MAX_REPEAT, sre.MIN_REPEAT, sre.POSSESSIVE_REPEAT}:
            yield from sample(value[2])


CLASSES = {
    sre.CATEGORY_SPACE: " \t\n",
    sre.CATEGORY_NOT_SPACE: "a-",
    sre.CATEGORY_DIGIT: "7",
    sre.CATEGORY_NOT_DIGIT: "a ",
    sre.CATEGORY_WORD: "a7",
    sre.CATEGORY_NOT_WORD: " -\n",
}


def members(items: Any) -> Iterator[str]:  # noqa: ANN401 - a tree of the standard library
    items = list(items)
    if items[0][0] is sre.NEGATE:
        taken = re.compile(f"[{re.escape('a-< 7@&%.=(')}]")
        refused = {chr(value) for op, value in items[1:] if op is sre.LITERAL}
        classes = [CLASSES[value] for op, value in items[1:] if op is sre.CATEGORY]
        yield from (
            c
            for c in "a-< 7@&%.=("
            if taken.match(c) and c not in refused and not any(c in one for one in classes)
        )
        return
    for op, value in items[:12]:
        if op is sre.LITERAL:
            yield chr(value)
        elif op is sre.RANGE:
            yield chr(value[0])
        elif op is sre.CATEGORY:
            yield from CLASSES[value]


def repeats(items: Any, before: str = "") -> Iterator[tuple[str, str]]:  # noqa: ANN401 - a tree
    """Yield what stands before each open end of a pattern, and a character that it repeats."""
    for op, value in items:
        if op in {sre.MAX_REPEAT, sre.MIN_REPEAT, sre.POSSESSIVE_REPEAT}:
            _, most, inner = value
            characters = list(dict.fromkeys(sample(inner)))[:4]
            if most is sre.MAXREPEAT:
                yield from ((before, one) for one in characters)
                yield before, "".join(characters)
            yield from repeats(inner, before)
        elif op is sre.SUBPATTERN:
            yield from repeats(value[-1], before)
        elif op is sre.BRANCH:
            for branch in value[1]:
                yield from repeats(branch, before)
        elif op in {sre.ASSERT, sre.ASSERT_NOT}:
            yield from repeats(value[1], before)
        before = (before + next(sample([(op, value)]), ""))[-20:]


def texts(pattern: re.Pattern[Any]) -> list[str]:
    tree = parser.parse(pattern.pattern, pattern.flags & ~re.DEBUG)
    found = dict.fromkeys(
        text
        for before, one in repeats(tree)
        for text in (
            one * (LENGTH // len(one)),
            before + one * (LENGTH // len(one)),
            (before + one) * (LENGTH // len(before + one)),
            (before + one * 3) * (LENGTH // len(before + one * 3)),
        )
        if one
    )
    return list(found)


class TooLong(Exception):  # noqa: N818 - what it says of a pattern
    """A pattern needs more of a processor than a text of this length may cost."""


def stop(_number: int, _frame: FrameType | None) -> None:
    raise TooLong


@pytest.fixture
def _alarm() -> Iterator[None]:
    before = signal.signal(signal.SIGVTALRM, stop)
    yield
    signal.setitimer(signal.ITIMER_VIRTUAL, 0)
    signal.signal(signal.SIGVTALRM, before)


def grows(use: Use, seconds: float = SECONDS) -> str:
    """Return the beginning of a text for which a pattern takes too long; empty if there is none."""
    for text in texts(use.pattern):
        given: Any = text if isinstance(use.pattern.pattern, str) else text.encode()
        signal.setitimer(signal.ITIMER_VIRTUAL, seconds)
        try:
            if use.anywhere:
                for _ in use.pattern.finditer(given):
                    pass
            else:
                use.pattern.match(given)
                use.pattern.fullmatch(given)
        except TooLong:
            return text[:40]
        finally:
            signal.setitimer(signal.ITIMER_VIRTUAL, 0)
    return ""


@pytest.mark.usefixtures("_alarm")
def test_no_pattern_that_reads_what_others_write_takes_forever() -> None:
    found = all_uses()
    assert len(found) > 60
    assert {one.where for one in found} >= SHORT_TEXTS.keys()
    for one in found:
        if one.where not in SHORT_TEXTS:
            assert grows(one) == "", f"{one.where} {one.pattern.pattern!r}"


@pytest.mark.usefixtures("_alarm")
@pytest.mark.parametrize(
    ("pattern", "anywhere", "seconds"),
    [
        (r"\S*@", True, SECONDS),
        # Each of these takes minutes; so a shorter limit finds them too, and costs less.
        (r"\S+@\S+", True, 0.3),
        (r"\s*;", True, 0.3),
        (r"(a+)+b", False, 0.3),
        (r"<[^>]*>", True, 0.3),
    ],
)
def test_a_pattern_that_grows_is_found(pattern: str, seconds: float, *, anywhere: bool) -> None:
    assert grows(Use("here", re.compile(pattern), anywhere), seconds)


@pytest.mark.usefixtures("_alarm")
@pytest.mark.parametrize("pattern", [r"[a-z]+", r"\S{1,64}@", r"<[^<>]*>", r"<[^>]*>?"])
def test_a_pattern_that_does_not_grow_is_not_found(pattern: str) -> None:
    assert grows(Use("here", re.compile(pattern), anywhere=True)) == ""
