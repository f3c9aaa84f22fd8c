"""A settings file as text and as TOML, with errors that say how a line must be written.

TOML is strict, and the sentences of its parser speak of columns and illegal characters. What
people write instead is known: no quotes, curly ones, a colon, a text that goes on below. So the
line is rewritten in each likely way, and the first valid one is suggested.
https://toml.io/en/v1.0.0
"""

from __future__ import annotations

import json
import re
import tomllib
from typing import TYPE_CHECKING, Any, Final, NamedTuple, NoReturn

from newsletter.config import suggestions
from newsletter.config.names import KEYS, NUMBERS, SWITCHES, find_setting
from newsletter.errors import NewsletterError

if TYPE_CHECKING:
    from pathlib import Path

_QUOTES: Final = "\"'“”„‟«»‘’‚‛`´″"
_CURLY: Final = _QUOTES.translate({ord(one): None for one in "\"'"})
_SPACES: Final = dict.fromkeys(map(ord, "\u00a0\u2007\u202f\u2009\u3000"), " ") | dict.fromkeys(
    map(ord, "\u200b\u200e\u200f\u2060\ufeff\u00ad")
)
_PAIR: Final = re.compile(
    r"\s*(?:export\s+)?(?P<key>[^=:\[\]{}<>#]+?)\s*(?P<sign>:=|=+>?|:)\s*(?P<value>.*?)\s*"
)
_COMMENTS: Final = ("//", ";", "--", "%", "/*", "<!--", "rem ", "'")
_FENCES: Final = ("---", "```", "+++", "...")
_SHOWN: Final = 160  # characters of a line that is shown
_MOST_LINES: Final = 12  # that one text may go on for
_WRITE: Final = 'Write every setting on a line of its own as key = "value", with straight quotes'
# What other programs save under any name, by how it begins.
_OTHER_FILES: Final = {
    b"PK\x03\x04": "a document of Word or another office program",
    b"\xd0\xcf\x11\xe0": "a document of Word or another office program",
    b"{\\rtf": "a document with a layout (RTF)",
    b"%PDF": "a PDF",
    b"<!DOCTYPE": "a web page",
    b"<html": "a web page",
}


def text_of(path: Path) -> str:
    """Return the text of a settings file.

    Raises:
        NewsletterError: It cannot be read, or is not UTF-8.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise NewsletterError(f"{path.name} cannot be read: {error.strerror}") from None
    for beginning, what in _OTHER_FILES.items():
        if data.startswith(beginning):
            raise NewsletterError(
                f"not valid TOML: it is {what}",
                where=path.name,
                hint="Write it in a text editor, and save it as plain text",
            )
    if data.startswith((b"\xff\xfe", b"\xfe\xff")) or b"\0" in data[:64]:
        raise NewsletterError(
            "not valid TOML: it is saved as UTF-16",
            where=path.name,
            hint='Save it again with the encoding UTF-8 (in Notepad: "Save as", Encoding)',
        )
    try:
        return data.decode("utf-8-sig").replace("\r\n", "\n").replace("\r", "\n")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise NewsletterError(
            "not valid TOML: this line holds a letter that is not saved as UTF-8",
            where=f"{path.name}:{line}",
            hint='Save it again with the encoding UTF-8 (in Notepad: "Save as", Encoding)',
        ) from None


def parsed(text: str, name: str, *, after: int = 0) -> dict[str, Any]:
    """Return what TOML says.

    Args:
        text: The whole file.
        name: The file, for messages.
        after: The line before the first of ours; what is wrong before it is reported as it is.

    Raises:
        NewsletterError: It is not TOML; names the line and, where that is clear, the right one.
    """
    if text.lstrip().startswith("{"):
        raise NewsletterError("not valid TOML: it is JSON", where=name, hint=_WRITE)
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        lines = text.split("\n")
        number = _number(error, lines)
        ours = name != "pyproject.toml" or 0 < after <= number
        _refuse(lines, number, str(error), name, ours=ours)
    except RecursionError:
        raise NewsletterError("not valid TOML: too deep", where=name, hint=_WRITE) from None


def quoted(value: str) -> str:
    """Return a text as a TOML string."""
    text = json.dumps(value, ensure_ascii=False)
    # JSON and TOML differ in one thing: TOML wants this character escaped.
    return text.replace("\x7f", "\\u007f")


def _number(error: tomllib.TOMLDecodeError, lines: list[str]) -> int:
    found = re.search(r"at line (\d+)", str(error))
    if found:
        return int(found[1])
    return max((at for at, line in enumerate(lines, 1) if line.strip()), default=1)


def _refuse(lines: list[str], number: int, said: str, name: str, *, ours: bool) -> NoReturn:
    raw = lines[number - 1] if number <= len(lines) else ""
    problem, hint = re.sub(r" \(at .*\)", "", said), _WRITE
    if ours:
        line = raw.strip()
        pair = _pair(line)
        if "overwrite" in said.casefold() and pair:
            problem, hint = _duplicate_key(pair.key, lines[: number - 1])
        elif pair:
            problem, hint = _wrong_pair(pair, raw, lines[number:])
        elif line != line.translate(_SPACES) and _is_toml(line.translate(_SPACES)):
            problem, hint = "there is an invisible character in it", _shown(line.translate(_SPACES))
        else:
            problem, hint = _wrong_line(line, problem)
    raise NewsletterError(f"not valid TOML: {problem}", where=f"{name}:{number}", hint=hint)


class _Pair(NamedTuple):
    """What seems to be a key, the sign after it, and its value."""

    key: str
    sign: str
    value: str


def _pair(line: str) -> _Pair | None:
    found = _PAIR.fullmatch(line.translate(_SPACES))
    if found:
        return _Pair(found["key"].strip(_QUOTES + " "), found["sign"], found["value"])
    # A key that is known, and no sign at all.
    word, _, rest = line.partition(" ")
    return _Pair(word, "", rest.strip()) if rest and find_setting(word) else None


def _wrong_line(line: str, said: str) -> tuple[str, str]:
    """Say what is wrong with a line that holds no setting."""
    if line.startswith(_FENCES):
        return f'"{line[:20]}" has no place here', "Delete that line"
    if line.startswith(_COMMENTS):
        return "a remark begins with #", f"Write: # {line.lstrip('/;-%*<! ' + chr(39))[:60]}"
    if line.startswith("["):
        return "a table has no place here", "Delete that line, and keep the settings below it"
    if find_setting(line):
        return f"{line} has no value", f'Write: {find_setting(line)} = "…"'
    return said, _WRITE


def _duplicate_key(key: str, before: list[str]) -> tuple[str, str]:
    lines = [at for at, line in enumerate(before, 1) if _key_of(line) == key]
    also = f" (also on line {lines[0]})" if lines else ""
    return f'the setting "{key}" is set for the second time{also}', "Keep one of the two"


def _wrong_pair(pair: _Pair, line: str, below: list[str]) -> tuple[str, str]:
    """Say what is wrong with a line that seems to hold a setting, and how it is written."""
    right = find_setting(pair.key) or pair.key
    if not pair.value or (pair.value.startswith("#") and right != "accent_color"):
        example = "6" if right in NUMBERS else "true" if right in SWITCHES else '"…"'
        return f"{right} has no value", f"Write: {right} = {example}"
    if right not in KEYS:  # its value may be a secret
        return f'there is no setting "{pair.key}", nor is this line TOML', _WRITE
    candidates = filter(_is_toml, _candidates(right, pair.value, below))
    shown = next(map(_shown, candidates), _WRITE)
    return _problem(pair, line), shown


def _key_of(line: str) -> str:
    found = _PAIR.fullmatch(line)
    return found["key"].strip(_QUOTES + " ") if found else ""


def _problem(pair: _Pair, line: str) -> str:
    """Return what is wrong with a setting, the most visible mistake first."""
    key, value = pair.key, pair.value
    cases = (
        (line != line.translate(_SPACES), "there is an invisible character in it"),
        (line.lstrip().startswith("export "), "the word export has no place here"),
        (pair.sign != "=", f"between {key} and its value there must be one equals sign"),
        (re.search(r"[^\w-]|[^ -~]", key), f'"{key}" is no key: a key is one word'),
        ({value[0], value[-1]} & {*_CURLY}, f"the quotation marks of {key} are curly ones"),
        (value[0] in "\"'", _wrong_quotes(key, value)),
        (value[-1] in "\"'", f"the value of {key} begins without a quotation mark"),
        (find_setting(key) in NUMBERS, f"{key} must be a number"),
        (find_setting(key) in SWITCHES, f"{key} must be true or false"),
    )
    found = (problem for wrong, problem in cases if wrong)
    return next(found, f"the value of {key} has no quotation marks around it")


def _wrong_quotes(key: str, value: str) -> str:
    """Return what is wrong with a value that begins with a quotation mark."""
    mark, rest = value[0], value[1:].rstrip(",; ")
    if mark not in rest:
        return f"the value of {key} does not end on its own line"
    if rest.endswith(mark) and "\\" in rest:
        return f"there is a backslash in {key} that TOML does not know"
    if rest.endswith(mark) and mark in rest[:-1]:
        return f"there are quotation marks inside the value of {key}"
    return f"there is something after the value of {key}"


def _candidates(key: str, value: str, below: list[str]) -> list[str]:
    """Return the likely ways to write a setting, the most likely first."""
    if key in NUMBERS | SWITCHES:
        number = number_in(value) if key in NUMBERS else switch_in(value)
        return [f"{key} = {number}"] if number else []
    if value[0] in _QUOTES and not _closes(value):
        whole = _whole_text(value, below)
        if whole is not None:
            return [f"{key} = {_quoted(whole)}"]
    plain = value if value.startswith("#") else re.sub(r"\s+#.*", "", value)
    bare = [_bare(one.rstrip(",; ")) for one in (plain, value)]
    return [f"{key} = {_quoted(suggestions.suggest_value(key, one) or one)}" for one in bare]


def _whole_text(value: str, below: list[str]) -> str | None:
    """Return a text that goes on below, to the first line that ends with a quotation mark."""
    for at, line in enumerate(below[:_MOST_LINES]):
        if find_setting(_key_of(line)):
            return None
        if line.rstrip().endswith(tuple(_QUOTES)):
            return "\n".join(map(_bare, [value, *map(str.strip, below[: at + 1])]))
    return None


def _closes(value: str) -> bool:
    return len(value) > 1 and value.rstrip(",; ")[-1:] in tuple(_QUOTES)


def _bare(value: str) -> str:
    """Return a value without the quotation marks around it."""
    if value[:1] and value[0] in _QUOTES:
        value = value[1:]
    return value[:-1] if value[-1:] and value[-1] in _QUOTES else value


def _quoted(value: str) -> str:
    """Return a text as TOML; what its author escaped already stays so."""
    return quoted(value.replace("\\n", "\n").replace('\\"', '"'))


def _is_toml(line: str) -> bool:
    try:
        return bool(tomllib.loads(line))
    except tomllib.TOMLDecodeError:
        return False


def _shown(line: str) -> str:
    return f"Write: {line.strip()}" if len(line) <= _SHOWN else _WRITE


def switch_in(value: str) -> str:
    """Return the true or false that a value was meant to be; empty if that is not clear."""
    word = value.strip(_QUOTES + " ,;").casefold()
    if word in {"true", "yes", "ja", "on", "1", "waar", "y", "j"}:
        return "true"
    return "false" if word in {"false", "no", "nee", "off", "0", "onwaar", "n"} else ""


def number_in(text: str) -> str:
    """Return the number that a text begins with, perhaps in quotes; empty if it has none."""
    found = re.match(r"\s*[\"']?([+-]?\d+(?:[.,]\d+)?)", text)
    return f"{float(found[1].replace(',', '.')):g}" if found else ""
