"""Copies of image files as letters carry them: upright, small, in sRGB, without metadata."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Final

from PIL import Image, ImageCms

from newsletter.pictures.animation import strip_animation
from newsletter.pictures.decoding import LARGEST, open_image, upright

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

WIDEST: Final = 1200
"""Pixels: more than twice the width of a letter, for screens that show two or more for one."""
_QUALITIES: Final = (86, 80, 72, 64, 56)
_SMALLER: Final = 0.8
_PALETTE: Final = 256
_SIXTEEN_BITS: Final = 1 / 256


def encode(data: bytes, suffix: str, name: str) -> bytes:
    """Return the copy of an image file.

    Args:
        data: The file.
        suffix: The format of the copy: jpg, png or gif.
        name: Of the file, for messages.

    Raises:
        PictureError: It is damaged.
    """
    with open_image(data, name) as image:
        if suffix == "gif":
            image.load()
            return strip_animation(data)
        # A JPEG is decoded at the smallest size that is still larger than the copy.
        image.draft(None, (2 * WIDEST, 2 * WIDEST))
        drawn = _fit(_in_srgb(upright(image)))
        write = _write_jpeg if suffix == "jpg" else _write_png
        return _smallest_step(drawn, write)


def _smallest_step(image: Image.Image, write: Callable[[Image.Image], Iterator[bytes]]) -> bytes:
    """Return the first of several encodings, from good to small, that is small enough."""
    while True:
        written = b""
        for written in write(image):
            if len(written) <= LARGEST:
                return written
        if max(image.size) <= 1:
            return written
        image = image.resize(
            (max(1, int(image.width * _SMALLER)), max(1, int(image.height * _SMALLER))),
            Image.Resampling.LANCZOS,
        )


def _write_jpeg(image: Image.Image) -> Iterator[bytes]:
    for quality in _QUALITIES:
        out = io.BytesIO()
        image.convert("RGB").save(
            out, "JPEG", quality=quality, optimize=True, progressive=True, exif=b""
        )
        yield out.getvalue()


def _write_png(image: Image.Image) -> Iterator[bytes]:
    for colours in (0, _PALETTE):
        drawn = image.quantize(colours, Image.Quantize.FASTOCTREE) if colours else image
        out = io.BytesIO()
        drawn.save(out, "PNG", optimize=True)
        yield out.getvalue()


def _fit(image: Image.Image) -> Image.Image:
    if image.width <= WIDEST:
        return image
    height = max(1, round(image.height * WIDEST / image.width))
    return image.resize((WIDEST, height), Image.Resampling.LANCZOS)


def _in_srgb(image: Image.Image) -> Image.Image:
    """Return the first frame with the colours that a screen without colour management shows."""
    profile = image.info.get("icc_profile")
    if image.mode.startswith("I;16") or image.mode == "I":
        image = image.point(lambda value: value * _SIXTEEN_BITS).convert("L")
    mode = "RGBA" if image.has_transparency_data else "RGB"
    if profile and image.mode in {"RGB", "RGBA", "CMYK"}:
        try:
            found = ImageCms.profileToProfile(
                image,
                ImageCms.ImageCmsProfile(io.BytesIO(profile)),
                ImageCms.createProfile("sRGB"),
                outputMode=image.mode if image.mode == "RGBA" else "RGB",
            )
        except (ImageCms.PyCMSError, OSError, ValueError, TypeError):
            found = None  # a profile of another kind, or a damaged one
        image = found or image
    bare = image.convert(mode)
    bare.info.clear()
    return bare
