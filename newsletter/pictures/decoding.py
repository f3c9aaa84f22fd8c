"""Image files as Pillow reads them: whatever a file holds, it is a picture or one clear error."""

from __future__ import annotations

import contextlib
import io
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

# Each registers its format; all the others that Pillow knows are never tried.
from PIL import (
    GifImagePlugin,
    Image,
    ImageOps,
    JpegImagePlugin,
    PngImagePlugin,
    WebPImagePlugin,
)

from newsletter.errors import PictureError
from newsletter.pictures.files import LARGE, UNREADABLE, shown_name

if TYPE_CHECKING:
    from collections.abc import Iterator

    from PIL.ImageFile import ImageFile

MAX_PIXELS: Final = 40_000_000
LARGEST: Final = 400 << 10
"""How many bytes a copy may have, and an animation that is kept as it is."""
# A file with more pixels than this is refused below, with a sentence of our own.
Image.MAX_IMAGE_PIXELS = None

_FORMATS: Final = tuple(
    plugin.format
    for plugin in (
        JpegImagePlugin.JpegImageFile,
        PngImagePlugin.PngImageFile,
        GifImagePlugin.GifImageFile,
        WebPImagePlugin.WebPImageFile,
    )
)
_ORIENTATION: Final = 0x0112
_LYING: Final = range(5, 9)  # EXIF 2.3, 4.6.4: width and height are exchanged
_PALETTE: Final = 256
_OTHERS: Final = (
    (b"\x00\x00\x00 ftyphei", "HEIC"),
    (b"%PDF", "PDF"),
    (b"II*\x00", "TIFF"),
    (b"MM\x00*", "TIFF"),
    (b"BM", "BMP"),
    (b"8BPS", "Photoshop"),
)


@dataclass(frozen=True, slots=True)
class Description:
    """What an image file holds.

    Attributes:
        suffix: Of its copy: jpg, png or gif.
        width: In pixels, upright.
        height: The same.
        cut: It is an animation of which only the first frame is copied.
    """

    suffix: str
    width: int
    height: int
    cut: bool


def describe(data: bytes, name: str) -> Description:
    """Return what an image file holds, by its content and not by its name.

    Raises:
        PictureError: It is no picture of a known format, or too large.
    """
    with open_image(data, name) as image:
        width, height = image.size
        if image.getexif().get(_ORIENTATION) in _LYING:
            width, height = height, width
        moves = bool(getattr(image, "is_animated", False)) and image.format in {"GIF", "WEBP"}
        kept = moves and image.format == "GIF" and len(data) <= LARGEST
        return Description("gif" if kept else _suffix(image), width, height, cut=moves and not kept)


def decode(data: bytes, name: str) -> None:
    """Read every pixel of the first frame, at a lower resolution where that is quicker.

    Raises:
        PictureError: It is damaged.
    """
    with open_image(data, name) as image:
        image.draft(None, (1, 1))
        image.load()


@contextlib.contextmanager
def open_image(data: bytes, name: str) -> Iterator[ImageFile]:
    """Yield an opened image; whatever goes wrong with it meanwhile is a `PictureError`."""
    try:
        with Image.open(io.BytesIO(data), formats=_FORMATS) as image:
            _refuse_many_pixels(image.size, name)
            yield image
    except PictureError:
        raise
    except Exception:  # noqa: BLE001 - a decoder may raise anything for a damaged file
        raise _unreadable(data, name) from None


def upright(image: Image.Image) -> Image.Image:
    """Return an image as a camera meant it to be seen."""
    return ImageOps.exif_transpose(image)


def is_transparent(image: Image.Image) -> bool:
    """Tell whether any of an image is transparent, and not only may be."""
    if not image.has_transparency_data:
        return False
    opaque = image.convert("RGBA").getchannel("A").histogram()[-1]
    return opaque < image.width * image.height


def _suffix(image: ImageFile) -> str:
    """Return the format of a copy; it follows from the pixels, whatever encoder there is."""
    if image.format in {"JPEG", "MPO"}:
        return "jpg"
    if image.format == "GIF" or image.mode in {"1", "P"} or is_transparent(image):
        return "png"
    # Drawings and pictures of text have few colours, and JPEG blurs their edges.
    few = image.format == "PNG" and image.convert("RGB").getcolors(_PALETTE) is not None
    return "png" if few else "jpg"


def _refuse_many_pixels(size: tuple[int, int], name: str) -> None:
    width, height = size
    if width * height > MAX_PIXELS:
        raise PictureError(
            LARGE,
            f'"{shown_name(name)}" has {width * height / 1e6:,.0f} megapixels, and '
            f"{MAX_PIXELS // 1_000_000} is the most",
            hint="Export it smaller: 1200 pixels wide is as large as a letter needs",
        )


def _unreadable(data: bytes, name: str) -> PictureError:
    start = data[:1024].lstrip().lower()
    other = next((kind for begin, kind in _OTHERS if data.startswith(begin)), "")
    if data[4:8] == b"ftyp":
        other = "AVIF" if data[8:12] in {b"avif", b"avis"} else "HEIC"
    elif start.startswith((b"<svg", b"<?xml", b"<!doctype svg")) and b"<svg" in start:
        other = "SVG"
    known = data.startswith((b"\xff\xd8", b"\x89PNG", b"GIF8", b"RIFF"))
    problem = f"is a {other} file" if other else "is no picture"
    if known:
        problem = "is damaged, or not all of it is there"
    return PictureError(
        UNREADABLE,
        f'"{shown_name(name)}" {problem}',
        hint="Copy it here again" if known else "Export it as a JPEG or PNG",
    )
