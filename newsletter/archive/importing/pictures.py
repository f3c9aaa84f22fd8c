"""The pictures of an export: found by the address that a letter has for them."""

from __future__ import annotations

import base64
import binascii
import re
from collections import defaultdict
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Final
from urllib.parse import unquote, unquote_to_bytes, urlsplit

from newsletter import pictures
from newsletter.errors import NewsletterError, PictureError

if TYPE_CHECKING:
    from newsletter.archive.importing.export_file import ExportFile
    from newsletter.model import Picture

_LARGEST: Final = 40 << 20
_SUFFIX: Final = re.compile(r"\.(?:jpe?g|png|gif|webp)$", re.IGNORECASE)
# Where the programs keep the pictures that are in their exports too.
_OWN_HOSTS: Final = re.compile(
    r"(?:^|\.)(?:mcusercontent\.com|gallery\.mailchimp\.com|cdn-images\.mailchimp\.com"
    r"|assets\.buttondown\.(?:com|email)|buttondown-attachments\.s3\S*\.amazonaws\.com)$"
)
_RESIZED: Final = re.compile(r"(?<=/)size/w\d+(?:h\d+)?/(?:format/\w+/)?")
_DATA: Final = re.compile(r"data:image/[\w.+-]+(;base64)?,(.*)", re.IGNORECASE | re.DOTALL)


class ExportPictures:
    """Finds pictures in an export, and keeps where the content of each is.

    Args:
        export: The export.
    """

    def __init__(self, export: ExportFile) -> None:
        self._export = export
        self._by_name: dict[str, list[str]] = defaultdict(list)
        for name in export.names:
            if _SUFFIX.search(name):
                self._by_name[PurePosixPath(name).name.casefold()].append(name)
        self._found: dict[str, tuple[Picture, str]] = {}
        """Each picture that was found, and its address, by its name."""
        self._answers: dict[str, str] = {}

    def find(self, source: str) -> str:
        """Return the name of a picture's copy; "" where its file is not in the export.

        Args:
            source: Its address, as the letter has it.
        """
        if source not in self._answers:
            self._answers[source] = self._look_at(source)
        return self._answers[source]

    def describe(self, name: str) -> Picture:
        """Return the picture that has a copy of this name."""
        return self._found[name][0]

    def copy(self, name: str) -> bytes:
        """Return a picture's copy.

        Raises:
            PictureError: It is damaged.
            NewsletterError: Its file is.
        """
        picture, source = self._found[name]
        return pictures.copy_bytes(self._read(source), picture, "picture")

    def _look_at(self, source: str) -> str:
        try:
            data = self._read(source)
            picture = pictures.describe_bytes(data, "picture") if data else None
        except (PictureError, NewsletterError):
            return ""
        if picture is None:
            return ""
        self._found[picture.name] = (picture, source)
        return picture.name

    def _read(self, source: str) -> bytes:
        if inline := _DATA.match(source):
            try:
                data = unquote_to_bytes(inline[2])
                return base64.b64decode(data, validate=True) if inline[1] else data
            except (binascii.Error, ValueError):
                return b""
        name = self._file_of(source)
        return self._export.read(name, _LARGEST) if name else b""

    def _file_of(self, source: str) -> str:
        """Return the file of an address: the one whose folders are most like those in it."""
        try:
            parts = urlsplit(source)
            host = parts.hostname or ""
        except ValueError:
            return ""
        if host and not _OWN_HOSTS.search(host):
            return ""
        path = _RESIZED.sub("", f"/{unquote(parts.path).lstrip('/')}").casefold()
        same = self._by_name.get(PurePosixPath(path).name, [])
        exact = [one for one in same if f"/{one.casefold()}".endswith(path)]
        if len(exact) == 1:
            return exact[0]
        return same[0] if len(same) == 1 else ""
