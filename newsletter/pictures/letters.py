"""The pictures of one letter: those of its issue, and the two of the settings."""

from __future__ import annotations

import contextlib
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from newsletter.errors import NewsletterError, PictureError
from newsletter.model import Image
from newsletter.pictures.copies import copy_picture, decode_picture, describe_picture
from newsletter.pictures.files import find_file

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from newsletter.config import Settings
    from newsletter.content.findings import FindingCollector
    from newsletter.model import Draft, Issue, Picture

SETTINGS: Final = ("logo", "portrait")
NAME: Final = r"[0-9a-f]{40}\.(?:jpg|png|gif)"
"""A pattern of the names of copies."""


def stored_at(settings: Settings) -> str:
    """Return the address of the stored pictures; the name of one follows."""
    return f"{settings.public_url.rstrip('/')}/media/"


def show_copies(html: str, names: Iterable[str], settings: Settings, before: str) -> str:
    """Return a letter's HTML with copies in place of its stored pictures.

    Args:
        html: The letter's, or a message's.
        names: Of the letter's pictures.
        settings: With which it was rendered.
        before: What stands before the name of a copy: the address of a folder, or empty.
    """
    for name in names:
        html = html.replace(f"{stored_at(settings)}{name}", f"{before}{name}")
    return html


def attach_pictures(draft: Draft, folder: Path, settings: Settings) -> Draft:
    """Look at every image of an issue; what is wrong with its file or place is a finding.

    Args:
        draft: As it was read.
        folder: The folder of its file.
        settings: The newsletter's settings.
    """
    if not any(isinstance(block, Image) for block in draft.blocks):
        return draft
    from newsletter.content import findings as found  # noqa: PLC0415 - no web app needs it

    problems = found.FindingCollector(draft.path)
    blocks = tuple(
        _with_picture(block, folder, settings, problems) if isinstance(block, Image) else block
        for block in draft.blocks
    )
    issue = replace(draft.issue, blocks=blocks) if draft.issue and not problems.errors else None
    findings = (*draft.findings, *problems.found)
    return replace(draft, blocks=blocks, issue=issue, findings=findings)


def _with_picture(
    image: Image, folder: Path, settings: Settings, problems: FindingCollector
) -> Image:
    if not image.file:
        if image.url.casefold().startswith(stored_at(settings).casefold()):
            problems.error(
                image.line,
                "image-own-address",
                "this is the address of a copy for another letter, which may be deleted",
                "Write the name of the file itself, as ![A path](pad.jpg); if you have it no more, "
                "save it from that address",
            )
        return image
    try:
        picture, cut = describe_picture(find_file(image.file, settings.root, folder))
    except PictureError as error:
        problems.error(image.line, error.rule, error.problem, error.hint)
        return image
    if cut:
        problems.warning(
            image.line,
            "image-animated",
            "of this animation only the first frame is sent",
            "Make it a GIF of at most 400 KB, if it must move",
        )
    if image.width > picture.width:
        problems.warning(
            image.line,
            "image-not-wider",
            f"the picture is {picture.width} pixels wide, and is not shown wider",
            "Write a smaller width, or take a larger picture",
        )
    return replace(image, picture=picture)


def find_damage(draft: Draft) -> Draft:
    """Read every image file to its end, which a letter needs; damage becomes a finding."""
    from newsletter.content import findings as found  # noqa: PLC0415 - no web app needs it

    problems = found.FindingCollector(draft.path)
    for block in draft.blocks:
        if isinstance(block, Image) and block.picture:
            try:
                decode_picture(block.picture)
            except PictureError as error:
                problems.error(block.line, error.rule, error.problem, error.hint)
    return replace(draft, findings=(*draft.findings, *problems.found)) if problems.found else draft


def decode_settings(settings: Settings) -> None:
    """Read the pictures of the settings to their end.

    Raises:
        NewsletterError: One cannot be used.
    """
    for key in SETTINGS:
        if picture := read_setting(settings, key):
            with _named(key, settings):
                decode_picture(picture)


@contextlib.contextmanager
def _named(key: str, settings: Settings) -> Iterator[None]:
    """Name the setting in an error about its file."""
    try:
        yield
    except PictureError as error:
        raise NewsletterError(
            f'setting "{key}": {error.problem}', where=settings.origin, hint=error.hint
        ) from None


def read_setting(settings: Settings, key: str) -> Picture | None:
    """Return the picture that a setting names; None if it names none.

    Raises:
        NewsletterError: It cannot be used.
    """
    written: str = getattr(settings, key)
    if not written:
        return None
    with _named(key, settings):
        picture, _ = describe_picture(find_file(written, settings.root))
    return picture


def list_pictures(issue: Issue, settings: Settings) -> tuple[Picture, ...]:
    """Return all pictures of a letter, each once.

    Raises:
        NewsletterError: One of the settings cannot be used.
    """
    shown = [block.picture for block in issue.blocks if isinstance(block, Image)]
    shown += [read_setting(settings, key) for key in SETTINGS]
    return tuple({picture.name: picture for picture in shown if picture}.values())


def copy_pictures(issue: Issue, settings: Settings) -> dict[str, bytes]:
    """Return the copies of all pictures of a letter, by name.

    Raises:
        NewsletterError: One cannot be used any more.
    """
    return {one.name: copy_picture(one) for one in list_pictures(issue, settings)}
