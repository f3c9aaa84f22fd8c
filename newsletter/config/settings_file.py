"""Where the settings stand: the nearest settings file upwards, and what only looks like one.

A file or a table that is nearly right would be passed over, and every setting would then have its
default without a word: so it is an error that names the right one.
"""

from __future__ import annotations

import difflib
import re
import stat
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from newsletter.config import toml
from newsletter.config.names import KEYS, find_setting
from newsletter.errors import NewsletterError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping
    from pathlib import Path

OWN: Final = "newsletter.toml"
SHARED: Final = "pyproject.toml"
TABLE: Final = "tool.newsletter"

_ALIKE: Final = 0.84  # newsleter, newsletters, news-letter; not news, letters
_LARGEST: Final = 1 << 20  # bytes; a settings file has a few hundred
# What editors, version control and macOS leave beside a file that is open, changed or copied.
_TRACES: Final = re.compile(r"\.#.*|#.*#|\._.*|.*\.(swp|swo|swx|part|crdownload|lock)")
_COPIES: Final = re.compile(
    r".*(~|\.(bak|backup|old|orig|save|saved|tmp|rej|before[\w.-]*|example|sample|dist|template))"
    r"|.*\.(example|sample|template|old|backup)\.\w+|.*\((\d+)\).*|.*\b(copy|kopie)\b.*",
)
_TOMLISH: Final = re.compile(r"(to?ml|toml?|tolm|tmol|tomal)(\.\w+)?|(txt|md)\.toml")
_OTHER_FORMS: Final = {"yaml", "yml", "json", "json5", "ini", "cfg", "conf", "txt", "md", "rtf", ""}
# A key at the beginning of a line, as any of these forms would have it.
_A_KEY: Final = re.compile(r"^\s*[\"']?([a-z_]+)[\"']?\s*[=:]", re.MULTILINE)
_COMMON: Final = frozenset({"name", "description", "language", "timezone"})
"""Settings whose names other programs have too, so that they say nothing of whose a file is."""


@dataclass(frozen=True, slots=True)
class Source:
    """The settings as they were written.

    Attributes:
        path: The settings file; None when every setting has its default.
        table: What it says.
        text: The whole file, to name lines by.
        first: The line before the first that may hold a setting.
    """

    path: Path | None = None
    table: Mapping[str, Any] = field(default_factory=dict)
    text: str = ""
    first: int = 0

    def place(self, key: str, origin: str) -> str:
        """Return where a key is, as `FILE:LINE`; the file alone if its line cannot be found."""
        named = re.compile(
            rf"\s*(?:\[+\s*(?:tool\.newsletter\.)?)?[\"']?{re.escape(key)}[\"']?\s*[]=.]"
        )
        for number, line in enumerate(self.text.split("\n"), 1):
            if number > self.first and named.match(line):
                return f"{origin}:{number}"
        return origin


def find(start: Path) -> Source:
    """Return the settings of the nearest folder upwards that has any.

    Raises:
        NewsletterError: They cannot be read, stand in two files, or stand where nothing reads them.
    """
    for folder in (start, *start.parents):
        names = _names(folder)
        own = folder / OWN if _is_there(folder / OWN) else None
        shared = _shared(folder / SHARED) if _is_there(folder / SHARED) else None
        _refuse_misnamed(folder, names, alone=own is None and shared is None)
        if own and shared:
            raise NewsletterError(
                f"the settings stand in two files: {OWN} and [{TABLE}] in {SHARED}",
                where=OWN,
                hint=f"Keep one: move every line below [{TABLE}] to {OWN}, and delete that table",
            )
        if own:
            return _own(own)
        if shared:
            return shared
    _refuse_too_deep(start)
    return Source()


def _refuse_too_deep(folder: Path) -> None:
    """Refuse settings one folder below the one with the issues, where nothing looks for them."""
    if not (folder / "issues").is_dir():
        return
    for path in sorted(folder.glob(f"*/{OWN}")):
        if (path.parent / "issues").is_dir():
            continue  # a newsletter of its own, such as one that is tried in here
        raise NewsletterError(
            f"{path.parent.name}/{OWN} is not read: the settings stand in the folder that holds "
            f"{path.parent.name}/",
            hint=f"Move it one folder up: mv {path.parent.name}/{OWN} {OWN}",
        )


def _names(folder: Path) -> list[str]:
    try:
        return sorted(path.name for path in folder.iterdir())
    except OSError:  # a folder above us that this user may not look into
        return []


def _is_there(path: Path) -> bool:
    """Tell whether a file is there; what has its name and is none is an error."""
    try:
        mode = path.stat().st_mode
    except FileNotFoundError:
        if not path.is_symlink():
            return False
        raise NewsletterError(
            f"{path.name} is a link that leads nowhere", hint="Make the file that it leads to"
        ) from None
    except OSError:  # a folder above us that this user may not look into
        return False
    if stat.S_ISREG(mode):
        return True
    if path.name == SHARED:
        return False  # other programs' business, and they will tell
    raise NewsletterError(
        f"{path.name} is a folder and must be a file"
        if stat.S_ISDIR(mode)
        else f"{path.name} is not a file",
        hint="Move it away, or write the settings in a file of that name",
    )


def _own(path: Path) -> Source:
    text = toml.text_of(path)
    table = toml.parsed(text, path.name)
    source = Source(path, table, text)
    for key in _inner_tables(source):
        spelt = _spelt(key, table[key])
        raise NewsletterError(
            f"a table [{spelt}] is not read: the settings stand in no table here",
            where=source.place(key, path.name),
            hint=f"Delete the line [{spelt}], and keep the settings below it",
        )
    return source


def _inner_tables(source: Source) -> Iterator[str]:
    """Yield the keys that hold tables where there must be none.

    The value of a key that is a setting may be a table in one line: that is a wrong value.
    """
    for key, value in source.table.items():
        entries = value if isinstance(value, list) else [value]
        if not any(isinstance(entry, dict) for entry in entries):
            continue
        heading = rf"^\s*\[+\s*(tool\.newsletter\.)?[\"']?{re.escape(key)}\b"
        if key not in KEYS or re.search(heading, source.text, re.MULTILINE):
            yield key


def _spelt(key: str, value: object) -> str:
    """Return how a table was written that holds one other, such as `tool.newsletter`."""
    if not isinstance(value, dict):
        return key
    inner = [name for name, entry in value.items() if isinstance(entry, dict)]
    return f"{key}.{inner[0]}" if len(inner) == len(value) == 1 else key


def _shared(path: Path) -> Source | None:
    """Return the settings in a `pyproject.toml`; None if it has none."""
    text = toml.text_of(path)
    if "news" not in text.casefold():
        return None  # whatever else is wrong with it is no business of ours
    document = toml.parsed(text, path.name, after=_heading(text))
    for names, table in _tables(document):
        if names != ("tool", "newsletter") and _is_alike(names[-1]) and _holds_settings(table):
            raise NewsletterError(
                f"the table [{'.'.join(names)}] is not read",
                where=path.name,
                hint=f"Write [{TABLE}]",
            )
    tools = document.get("tool")
    if not isinstance(tools, dict) or "newsletter" not in tools:
        return None
    table = tools["newsletter"]
    if not isinstance(table, dict):
        raise NewsletterError("newsletter is not a table", where=path.name, hint=f"Write [{TABLE}]")
    source = Source(path, table, text, _heading(text))
    for key in _inner_tables(source):
        raise NewsletterError(
            f"a table [{TABLE}.{key}] is not read: every setting stands in [{TABLE}] itself",
            where=source.place(key, path.name),
            hint=f"Delete the line [{TABLE}.{key}], and keep the settings below it",
        )
    return source


def _heading(text: str) -> int:
    """Return the number of the line that begins our table; 0 if there is none."""
    for number, line in enumerate(text.split("\n"), 1):
        if re.match(r"\s*\[+\s*tool\s*\.\s*[\"']?newsletter[\"']?\s*\]", line):
            return number
    return 0


def _tables(document: Mapping[str, Any]) -> Iterator[tuple[tuple[str, ...], Mapping[str, Any]]]:
    """Yield each table to the third level, with its name."""
    level: list[tuple[tuple[str, ...], Mapping[str, Any]]] = [((), document)]
    for _ in range(3):
        level = [
            ((*names, key), inner)
            for names, table in level
            for key, value in table.items()
            for inner in (value if isinstance(value, list) else [value])
            if isinstance(inner, dict)
        ]
        yield from level


def _is_alike(name: str) -> bool:
    """Tell whether a name may be "newsletter", misspelt or not."""
    plain = re.sub(r"[\W_]", "", name.casefold())
    return plain == "nieuwsbrief" or (
        difflib.SequenceMatcher(None, plain, "newsletter").ratio() >= _ALIKE
    )


def _holds_settings(table: Mapping[str, Any]) -> bool:
    return not table or any(key in KEYS or find_setting(key) for key in table)


def _refuse_misnamed(folder: Path, names: list[str], *, alone: bool) -> None:
    """Refuse a file that must be meant as the settings and is not read.

    Args:
        folder: The folder.
        names: Everything in it.
        alone: There are no settings in this folder, so that copies and other forms count as well.
    """
    for name in names:
        if name in {OWN, SHARED} or _TRACES.fullmatch(name):
            continue
        sure = _is_misnamed(name)
        if not sure and not (alone and _may_be_meant(folder / name)):
            continue
        where = folder / name
        if not where.is_file():
            continue
        if alone:
            right = SHARED if name.casefold().startswith("pyproject") else OWN
            problem = f"this file is not read: the settings stand in {right}"
            hint = f"Rename it to {right}"
            if not name.casefold().endswith(".toml"):
                hint += ' (on Windows, first show "File name extensions" in the Explorer)'
            if _COPIES.fullmatch(name.casefold()):
                hint = f"Copy it to {right}, and fill that in"
        else:
            problem = "this file is not read, and stands beside the settings"
            hint = "Move what you need from it to the settings file, and delete it"
        raise NewsletterError(problem, where=name, hint=hint)


def _is_misnamed(name: str) -> bool:
    """Tell whether a name is that of the settings but for its case, a dot or its ending."""
    plain = name.casefold().strip()
    if _COPIES.fullmatch(plain):
        return False
    stem, _, ending = plain.lstrip("._").partition(".")
    return stem == "newsletter" and bool(_TOMLISH.fullmatch(ending))


def _may_be_meant(path: Path) -> bool:
    """Tell whether a file of another name or form holds our settings."""
    plain = path.name.casefold().strip()
    stem, _, ending = plain.lstrip("._").partition(".")
    ending = ending.rpartition(".")[2] if _COPIES.fullmatch(plain) else ending
    if stem == "pyproject":
        return bool(_TOMLISH.fullmatch(ending)) and _has_our_table(path)
    named = _is_alike(re.sub(r"\W*(\d+|copy|kopie)\W*$", "", stem)) or "newsletter" in stem
    if named and (_TOMLISH.fullmatch(ending) or _COPIES.fullmatch(plain)):
        return _known_keys(path) > 0
    if named and ending in _OTHER_FORMS:
        return _known_keys(path) > 1
    return ending == "toml" and _known_keys(path, without=_COMMON) > 1


def _known_keys(path: Path, without: Collection[str] = ()) -> int:
    """Return how many different settings a file seems to hold."""
    return len(({*_A_KEY.findall(_guessed(path))} & KEYS) - {*without})


def _has_our_table(path: Path) -> bool:
    return _heading(_guessed(path)) > 0


def _guessed(path: Path) -> str:
    """Return the text of a file that may be anything; empty if it cannot be text."""
    try:
        if not path.is_file() or path.stat().st_size > _LARGEST:
            return ""
        return path.read_bytes().decode("utf-8", "replace").replace("\0", "")
    except OSError:
        return ""
