"""The templates that come with the program, and what an author made of them in their own folder.

A copy begins with a comment that holds the hash of what was copied. So it is known whether the
author has changed it since, and whether the program's has changed.
"""

from __future__ import annotations

import difflib
import hashlib
import os
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from newsletter import __version__
from newsletter.atomic_write import advise
from newsletter.errors import NewsletterError
from newsletter.package_data import template_folders

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_COPIED: Final = re.compile(r"\A\{# Copied from newsletter \S+: ([0-9a-f]{16})\. #\}\n")
_COMMENT: Final = re.compile(r"\A\{#-?\s*(.*?)\s*-?#\}", re.DOTALL)
_ENDING: Final = ".j2"
_LARGEST: Final = 1_000_000
# What may lie beside templates: notes, and pictures.
_NO_TEMPLATES: Final = frozenset({".md", ".png", ".jpg", ".jpeg", ".gif", ".webp", ".svg"})


@dataclass(frozen=True, slots=True)
class Template:
    """A template of the program.

    Attributes:
        name: Below `templates/`, with slashes: "notices/end.txt.j2".
        description: What it is: the comment that it begins with.
        path: The author's own file of that name; None where there is none.
        changed: Whether the author's differs from what it was copied from; where that is not known,
            from the program's.
        outdated: Whether the program's has changed since; None where it is not known what the
            author's was copied from.
    """

    name: str
    description: str
    path: Path | None = None
    changed: bool = False
    outdated: bool | None = None


@dataclass(frozen=True, slots=True)
class Copies:
    """What was copied into an author's folder, and what was not, because it was there."""

    made: tuple[Path, ...]
    kept: tuple[Path, ...]


def list_templates(root: Path) -> tuple[Template, ...]:
    """Return every template of the program by name, and what the author has of it.

    Raises:
        NewsletterError: A file of the author's cannot be read.
    """
    home, own = _program_folder(), _own_folder(root)
    return tuple(_template(name, home / name, own and own / name) for name in _names(home))


def eject(root: Path, name: str) -> Copies:
    """Copy a template into the author's folder, or all of a folder; nothing is overwritten.

    Args:
        root: The newsletter's folder.
        name: Such as "issue.mjml.j2", or "notices" for all in it; "templates/" before it and
            ".j2" after it may be there or not.

    Raises:
        NewsletterError: There is none of that name, all of it is there already, or the folder
            cannot be written.
    """
    home, folder = _program_folder(), root / "templates"
    meant = _meant(name, _names(home))
    made: list[Path] = []
    kept: list[Path] = []
    for one in meant:
        place = folder / one
        if not _is_inside(place.parent, folder):
            raise NewsletterError(
                f"{place.parent.name} is a link that leads out of {folder.name}",
                hint="Make it a folder",
            )
        (made if _copy(home / one, place) else kept).append(place)
    if not made:
        raise NewsletterError(
            f"{_shown(kept[0], root)} is there already"
            if len(kept) == 1
            else f"all of {name} is there already",
            hint="Change that file; for the program's own text, rename yours first",
        )
    return Copies(tuple(made), tuple(kept))


def unused_files(root: Path) -> tuple[tuple[str, str], ...]:
    """Return the author's files that nothing uses, each with the nearest name of a template.

    What another file of theirs names is a part of that one.
    """
    own = _own_folder(root)
    if own is None:
        return ()
    names = _names(_program_folder())
    files = {path.relative_to(own).as_posix(): path for path in _files(own)}
    strange = [name for name in files if name not in names]
    texts = [_read(path) for path in files.values()] if strange else []
    return tuple(
        (name, _nearest(name, names))
        for name in strange
        if not any(f'"{name}"' in text or f"'{name}'" in text for text in texts)
    )


def _template(name: str, ours: Path, own: Path | None) -> Template:
    text = _read(ours)
    found = _COMMENT.match(text)
    description = " ".join(found[1].split()) if found else ""
    if own is None or not own.is_file():
        return Template(name, description)
    copy = _read(own)
    mark = _COPIED.match(copy)
    body = _COPIED.sub("", copy)
    if mark is None:
        return Template(name, description, own, changed=body != text)
    return Template(
        name, description, own, changed=_hash(body) != mark[1], outdated=_hash(text) != mark[1]
    )


def _copy(ours: Path, place: Path) -> bool:
    """Copy a template; tell whether that was possible without overwriting anything."""
    text = _read(ours)
    mark = f"{{# Copied from newsletter {__version__}: {_hash(text)}. #}}\n"
    try:
        if os.path.lexists(place):
            return False
        place.parent.mkdir(parents=True, exist_ok=True)
        with place.open("x", encoding="utf-8", newline="\n") as file:
            file.write(mark + text)
    except OSError as error:
        raise NewsletterError(
            f"{place} cannot be written: {error.strerror}", hint=advise(error)
        ) from None
    return True


def _meant(typed: str, names: tuple[str, ...]) -> list[str]:
    name = typed.replace("\\", "/").removeprefix("./").removeprefix("templates/").rstrip("/")
    exact = [one for one in names if one in {name, name + _ENDING}]
    meant = exact or [one for one in names if name and one.startswith(f"{name}/")]
    if not meant:
        near = _nearest(name, names)
        hint = f"Did you mean {near}?" if near else "See what there is: newsletter templates list"
        shown = typed if typed and typed.isprintable() else repr(typed)
        raise NewsletterError(f"there is no template {shown}", hint=hint)
    return meant


def _nearest(name: str, names: tuple[str, ...]) -> str:
    """Return the template that was probably meant; its folder and its ending may be missing."""
    whole = {one: one for one in names}
    folders = {one.rpartition("/")[0]: one.rpartition("/")[0] for one in names if "/" in one}
    ended = {one.rpartition("/")[2].removesuffix(_ENDING): one for one in names}
    bare = {one.rpartition("/")[2].partition(".")[0]: one for one in reversed(names)}
    for known in (whole, ended, folders, bare) if "." in name else (folders, bare, ended):
        if found := difflib.get_close_matches(name, known, n=1, cutoff=0.75):
            return known[found[0]]
    return ""


def _names(home: Path) -> tuple[str, ...]:
    """Return the names of the program's templates: those of one folder after the other."""
    found = (path.relative_to(home).as_posix() for path in home.rglob(f"*{_ENDING}"))
    return tuple(sorted(found, key=lambda name: (name.rpartition("/")[0], name)))


def _files(own: Path) -> Iterator[Path]:
    for path in sorted(own.rglob("*")):
        hidden = any(part.startswith(".") for part in path.relative_to(own).parts)
        if path.is_file() and not hidden and path.suffix.lower() not in _NO_TEMPLATES:
            yield path


def _program_folder() -> Path:
    return next(folder for folder in template_folders() if folder.is_dir())


def _own_folder(root: Path) -> Path | None:
    """Return the author's folder, if there is one; the program's own repository has none."""
    own = root / "templates"
    return own if own.is_dir() and not own.samefile(_program_folder()) else None


def _is_inside(place: Path, folder: Path) -> bool:
    return place.resolve().is_relative_to(folder.resolve())


def _shown(path: Path, root: Path) -> str:
    return path.relative_to(root).as_posix()


def _read(path: Path) -> str:
    try:
        with path.open("rb") as file:
            raw = file.read(_LARGEST)
    except OSError as error:
        raise NewsletterError(
            f"{path.name} cannot be read: {error.strerror}",
            hint="Make it a file that this user may read",
        ) from None
    return raw.decode("utf-8", errors="replace").replace("\r\n", "\n")


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]
