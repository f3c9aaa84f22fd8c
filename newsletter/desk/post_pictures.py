"""The pictures of a post: found where generators of sites look, and copied beside the issue."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import unquote

from newsletter.errors import NewsletterError
from newsletter.model import LineKind

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

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
_CONFIGS: Final = (
    "hugo.*", "_config.y*ml", "_config.toml", "astro.config.*", "eleventy.config.*", ".eleventy.js",
)  # fmt: skip
"""What the root of a site has: of Hugo, Jekyll, Astro and Eleventy."""
_OLD_HUGO: Final = "config.*"
_MOST: Final = 40_000_000
_HIGHEST: Final = 8


def find_pictures(lines: Iterable[ArticleLine], post: Path | None) -> dict[str, Path]:
    """Return the files of the images of some lines, by the address that the lines have.

    Args:
        lines: The lines.
        post: The file of the post; None where there is none, so no neighbours either.

    None is outside the post's repository. Without one, none is outside its site, as a generator's
    configuration shows it; without that, outside the folder of the post.
    """
    if post is None:
        return {}
    found: dict[str, Path] = {}
    for line in lines:
        if line.kind is LineKind.IMAGE and line.links:
            address = line.links[0].url
            if file := _find_picture(address, post.resolve()):
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
    folders = _parents(post)
    if not folders:
        return
    top = folders[-1]
    if not name.startswith(("/", "~", "@")):
        yield top, post.parent / name
        yield top, post.parent / post.stem / name
    rest = name.lstrip("/~@")
    for folder in folders:
        for assets in _ASSETS:
            yield top, folder / assets / rest


def _parents(post: Path) -> Sequence[Path]:
    """Return the folders above a post, up to the one that its pictures are in."""
    above = [one for one in post.parents[:_HIGHEST] if one != one.parent]
    for is_top in (_is_repository, _is_site):
        for index, folder in enumerate(above):
            if is_top(folder):
                return above[: index + 1]
    return above[:1]


def _is_repository(folder: Path) -> bool:
    return (folder / ".git").exists()


def _is_site(folder: Path) -> bool:
    is_old_hugo = (folder / "content").is_dir() and any(folder.glob(_OLD_HUGO))
    return is_old_hugo or any(one for name in _CONFIGS for one in folder.glob(name))


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
