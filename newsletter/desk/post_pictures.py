"""The pictures of a post: found where generators of sites look, and copied beside the issue."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import unquote

from newsletter.errors import NewsletterError
from newsletter.model import LineKind

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from newsletter.model import ArticleLine

_SUFFIXES: Final = {".jpg", ".jpeg", ".png", ".gif", ".webp"}
_ASSETS: Final = (
    "static",
    "public",
    "assets",
    "src/assets",
    "src",
    "source",
    "_src",
    "content",
    ".",
)
_MOST: Final = 40_000_000
_HIGHEST: Final = 8


def find_pictures(lines: Iterable[ArticleLine], post: Path | None) -> dict[str, Path]:
    """Return the files of the images of some lines, by the address that the lines have.

    Args:
        lines: The lines.
        post: The file of the post; None where there is none, so no neighbours either.
    """
    if post is None:
        return {}
    found: dict[str, Path] = {}
    for line in lines:
        if line.kind is LineKind.IMAGE and line.links:
            address = line.links[0].url
            if file := _find_picture(address, post.absolute()):
                found[address] = file
    return found


def _find_picture(address: str, post: Path) -> Path | None:
    name = unquote(address).partition("?")[0].partition("#")[0]
    if "://" in name or name.startswith("//") or Path(name).suffix.casefold() not in _SUFFIXES:
        return None
    for base, candidate in _candidates(name, post):
        try:
            real = candidate.resolve(strict=True)
            inside = real.is_relative_to(base.resolve())
            if inside and real.is_file() and real.stat().st_size <= _MOST:
                return candidate
        except (OSError, ValueError, RuntimeError):
            continue
    return None


def _candidates(name: str, post: Path) -> Iterator[tuple[Path, Path]]:
    """Yield the folder that may not be left, and where in it a picture may be."""
    folders = list(_parents(post))
    top = folders[-1]
    if not name.startswith(("/", "~", "@")):
        yield top, post.parent / name
        yield top, post.parent / post.stem / name
    rest = name.lstrip("/~@")
    for folder in folders:
        for assets in _ASSETS:
            yield top, folder / assets / rest


def _parents(post: Path) -> Iterator[Path]:
    """Yield the folders above a post, up to that of its repository."""
    for folder in list(post.parents)[:_HIGHEST]:
        yield folder
        if (folder / ".git").exists():
            return


def place_pictures(
    root: Path, slug: str, pictures: Mapping[str, Path]
) -> tuple[dict[str, str], dict[str, bytes]]:
    """Return how an issue names each picture, and the data of those that go beside it.

    A picture below the root is named where it is; another one is copied.

    Args:
        root: The root.
        slug: The issue's slug, with which the names of copies begin.
        pictures: The files, by the address that the article has for them.

    Raises:
        NewsletterError: A picture cannot be read.
    """
    shown: dict[str, str] = {}
    copies: dict[str, bytes] = {}
    for address, file in pictures.items():
        inside = _below(root, file)
        if not inside:
            name = f"{slug}-{len(copies) + 1}{file.suffix.casefold()}"
            copies[name] = _read(file)
        shown[address] = inside or name
    return shown, copies


def _below(root: Path, file: Path) -> str:
    real, top = file.resolve(), root.resolve()
    return real.relative_to(top).as_posix() if real.is_relative_to(top) else ""


def _read(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise NewsletterError(
            f"the picture {file} cannot be read: {error.strerror}",
            hint="Give this user the right to read it, or take it out of the post",
        ) from None
