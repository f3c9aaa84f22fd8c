"""Image files for tests: whole, odd and broken ones, made on the spot."""

from __future__ import annotations

import io
import struct
import zlib
from typing import TYPE_CHECKING, Any

from PIL import Image, ImageCms, ImageDraw

if TYPE_CHECKING:
    from pathlib import Path


PIXEL = bytes.fromhex(
    "89504e470d0a1a0a0000000d49484452000000010000000108060000001f15c489"
    "0000000d49444154789c6360606060000000050001a5f645400000000049454e44ae426082"
)
"""A transparent one as a PNG, whose bytes no version of an encoder changes."""


def drawing(width: int = 640, height: int = 480, mode: str = "RGB") -> Image.Image:
    """Return a picture with many colours: a gradient, red at the left and blue at the bottom."""
    red = Image.linear_gradient("L").rotate(90).resize((width, height))
    blue = Image.linear_gradient("L").resize((width, height))
    return Image.merge("RGB", (red, Image.new("L", (width, height), 90), blue)).convert(mode)


def noise(width: int, height: int) -> Image.Image:
    """Return a picture that no format makes small."""
    return Image.effect_noise((width, height), 90).convert("RGB")


def written(image: Image.Image, kind: str = "JPEG", **options: Any) -> bytes:  # noqa: ANN401 - Pillow's options
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


def photo(width: int = 640, height: int = 480) -> bytes:
    return written(drawing(width, height), quality=90)


def rotated(width: int = 640, height: int = 480, orientation: int = 6) -> bytes:
    """Return a photo as a camera that was held upright writes it, with where it was taken."""
    exif = Image.Exif()
    exif[0x0112] = orientation
    exif[0x0110] = "CAMERA OF ANNA"
    exif.get_ifd(0x8825).update({1: "N", 2: (52.0, 22.0, 1.0)})
    return written(drawing(width, height), exif=exif)


def animation(frames: int = 4, width: int = 120, height: int = 90, *, noisy: bool = False) -> bytes:
    """Return an animated GIF with a comment in it."""
    shown = []
    for number in range(frames):
        frame = noise(width, height) if noisy else Image.new("RGB", (width, height), "white")
        left = 10 * number
        ImageDraw.Draw(frame).rectangle((left, 10, left + 8, 20), fill=(200, 20 * number, 0))
        shown.append(frame.quantize(64))
    return written(
        shown[0], "GIF", save_all=True, append_images=shown[1:], loop=0, comment=b"made by Anna"
    )


def bomb(width: int = 30_000, height: int = 30_000) -> bytes:
    """Return a PNG of a few kilobytes that claims to be far larger."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        checksum = struct.pack(">I", zlib.crc32(kind + body))
        return struct.pack(">I", len(body)) + kind + body + checksum

    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    rows = zlib.compress(b"\0" * (1 << 20), 9)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


def wide_gamut() -> bytes:
    """Return a photo whose colours mean something else than those of a screen."""
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("XYZ")).tobytes()
    return written(drawing(), icc_profile=profile)


def opened(data: bytes) -> Image.Image:
    image = Image.open(io.BytesIO(data))
    image.load()
    return image


def put(path: Path, data: bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return path
