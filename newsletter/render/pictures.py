"""Where a letter shows its pictures, and how large."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from newsletter import pictures
from newsletter.errors import NewsletterError
from newsletter.model import Image
from newsletter.model.issue import WIDEST

if TYPE_CHECKING:
    from newsletter.config import Settings
    from newsletter.model import Block, Issue, Picture

_LOGO: Final = (260, 90)
_PORTRAIT: Final = (72, 96)
"""The widest and highest, in CSS pixels: a picture of twice as many is sharp on every screen."""


@dataclass(frozen=True, slots=True)
class ShownPicture:
    """A picture of the settings, as a template shows it; width and height are in CSS pixels."""

    url: str
    width: int
    height: int
    alt: str


def place_images(issue: Issue, media: str) -> Issue:
    """Return an issue whose images have the address and the size with which they are shown.

    Raises:
        NewsletterError: Nobody has looked at the file of one.
    """
    blocks = tuple(_placed(b, issue, media) if isinstance(b, Image) else b for b in issue.blocks)
    return replace(issue, blocks=blocks)


def _placed(image: Image, issue: Issue, media: str) -> Image:
    wanted = min(image.width or WIDEST, WIDEST)
    if not image.file:
        return replace(image, width=wanted)
    if image.picture is None:
        raise NewsletterError(
            f'the picture "{image.file}" was not looked at', where=f"{issue.path}:{image.line}"
        )
    width, height = _fit(image.picture, wanted)
    return replace(image, url=media + image.picture.name, width=width, height=height)


def published_blocks(issue: Issue) -> tuple[Block, ...]:
    """Return the blocks of an issue as the archive keeps them.

    Nothing of the author's machine is in them: the address of a file is ``media/NAME``.

    Raises:
        NewsletterError: Nobody has looked at the file of an image.
    """
    placed = place_images(issue, "media/").blocks
    return tuple(replace(b, file="", picture=None) if isinstance(b, Image) else b for b in placed)


def show_logo(settings: Settings, media: str) -> ShownPicture | None:
    """Return the picture of the masthead; None if none is set."""
    return _shown(settings, "logo", media, _LOGO, settings.name)


def show_portrait(settings: Settings, media: str, name: str) -> ShownPicture | None:
    """Return the picture beside the signature; None if none is set.

    Args:
        name: Whose it is.
    """
    return _shown(settings, "portrait", media, _PORTRAIT, name)


def _shown(
    settings: Settings, key: str, media: str, most: tuple[int, int], alt: str
) -> ShownPicture | None:
    picture = pictures.read_setting(settings, key)
    if picture is None:
        return None
    width, height = _fit(picture, *most)
    return ShownPicture(media + picture.name, width, height, alt)


def _fit(picture: Picture, widest: int, highest: int = 0) -> tuple[int, int]:
    """Return the size at which a picture is shown: never larger than it is."""
    width = min(picture.width, widest)
    if highest:
        width = min(width, max(1, round(highest * picture.width / picture.height)))
    return width, max(1, round(picture.height * width / picture.width))
