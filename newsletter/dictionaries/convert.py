r"""Makes `entries.txt` of dictionaries of Hunspell, which have to share one file of affixes.

    python -m newsletter.dictionaries.convert AFFIXES.aff ENTRIES.dic... >entries.txt

Each line is KEY, a tab, and the rest of an entry. The key is that part of the entry, in lower case,
which every form of it contains: an affix may take away the end. So an entry has a part in a word
only if its key is somewhere in the word. The rest is what stands behind the key ("/Za"), or, where
that is not the whole of the difference, "=" and the entry ("=Utrecht/Pn").
"""

from __future__ import annotations

import re
import sys
from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

_ENTRY: Final = re.compile(r"(?P<stem>(?:[^/\\]|\\.)+)(?:/(?P<flags>\S+))?")
_HEADER: Final = 4  # words of the line that begins a group of affixes


def convert(affixes: str, dictionaries: Iterable[str]) -> str:
    """Return the lines of `entries.txt`.

    Args:
        affixes: An .aff file.
        dictionaries: .dic files.

    Raises:
        ValueError: A prefix takes letters away, so that a key may not be the beginning.
    """
    is_long = re.search(r"^FLAG long", affixes, re.MULTILINE) is not None
    removed = _read_removed(affixes, is_long=is_long)
    lines = {
        _line(entry.partition("\t")[0], removed, is_long=is_long)
        for dictionary in dictionaries
        for entry in dictionary.splitlines()[1:]
        if entry.strip()
    }
    return "".join(f"{line}\n" for line in sorted(lines))


def _line(entry: str, removed: dict[str, dict[str, int]], *, is_long: bool) -> str:
    found = _ENTRY.fullmatch(entry)
    if found is None:
        raise ValueError(entry)
    stem = re.sub(r"\\(.)", r"\1", found["stem"])
    ends = [
        end for flag in _flags(found["flags"] or "", is_long=is_long) for end in [removed[flag]]
    ]
    most = max((n for one in ends for end, n in one.items() if stem.endswith(end)), default=0)
    key = stem.lower()[: max(len(stem) - most, 0)]
    rest = entry.removeprefix(key) if entry.partition("/")[0] == key else f"={entry}"
    return f"{key}\t{rest}"


def _read_removed(affixes: str, *, is_long: bool) -> dict[str, dict[str, int]]:
    """Return, for each flag, the endings that it removes, and how many letters go in all.

    A suffix may take another one, which may remove letters too.
    """
    endings: dict[str, dict[str, int]] = defaultdict(dict)
    further: dict[tuple[str, str], list[str]] = defaultdict(list)
    for line in affixes.splitlines():
        kind, flag, end, *rest = line.split()[:4] if line.startswith(("SFX", "PFX")) else [""] * 3
        if not rest or (kind and len(line.split()) == _HEADER and end in {"Y", "N"}):
            continue
        end = "" if end == "0" else end
        if kind == "PFX" and end:
            raise ValueError(line)
        if kind == "SFX":
            endings[flag][end] = max(endings[flag].get(end, 0), len(end))
            further[flag, end] += _flags(rest[0].partition("/")[2], is_long=is_long)
    plain = {flag: max(ends.values()) for flag, ends in endings.items()}
    for (flag, end), flags in further.items():
        endings[flag][end] = len(end) + max((plain.get(one, 0) for one in flags), default=0)
    return endings


def _flags(flags: str, *, is_long: bool) -> list[str]:
    step = 2 if is_long else 1
    return [flags[at : at + step] for at in range(0, len(flags), step)]


if __name__ == "__main__":
    aff, *dics = (Path(name).read_text(encoding="utf-8") for name in sys.argv[1:])
    sys.stdout.buffer.write(convert(aff, dics).encode())
