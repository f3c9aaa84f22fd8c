"""Images: where they may be, and what stands with them; no file is looked for here."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final
from urllib.parse import unquote, urlsplit

from newsletter.content.decoding import forbid, has_words
from newsletter.content.links import is_link, judge_reach, problem_with, quoted_url, scheme_of
from newsletter.content.markdown import attributes, plain
from newsletter.model import Image
from newsletter.model.issue import WIDEST

if TYPE_CHECKING:
    from markdown_it.token import Token

    from newsletter.content.findings import FindingCollector

_WIDTH: Final = re.compile(r"width\s*=\s*([\"']?)(\d{1,5})(?:\s*px)?\1", re.IGNORECASE)
_DRIVE: Final = re.compile(r"[A-Za-z]:[\\/]|file:", re.IGNORECASE)
_UNSHOWN: Final = frozenset(
    [
        "svg",
        "svgz",
        "webp",
        "avif",
        "heic",
        "heif",
        "jxl",
        "tif",
        "tiff",
        "bmp",
        "ico",
        "pdf",
        "eps",
        "psd",
        "mp4",
        "mov",
        "webm",
        "avi",
    ]
)
_FILE_FIX: Final = "Copy the file beside the issue, and write its name: ![A path](pad.jpg)"


def read_image(token: Token, link: str, line: int) -> Image | None:
    """Return the image of a token, or None where something of it was reported."""
    url, alt = str(token.attrGet("src") or ""), plain(token.children).strip()
    file = unquote(url) if is_file(url) else ""
    if not has_words(alt) or not (file or is_online(url)) or (link and not is_link(link)):
        return None
    caption = " ".join(str(token.attrGet("title") or "").split())
    return Image(
        line,
        "" if file else url,
        alt,
        caption=caption if has_words(caption) else "",
        link=link,
        width=_width(token),
        file=file,
    )


def is_file(url: str) -> bool:
    """Tell whether an image is a file beside the issue or below the root."""
    return bool(url) and not scheme_of(url) and not url.startswith("//")


def is_online(url: str) -> bool:
    """Tell whether an image is at an address that a letter may use."""
    return scheme_of(url) == "https" and is_link(url)


def check_image(token: Token, line: int, problems: FindingCollector) -> None:
    """Note what is wrong with an image's address, caption and width, if anything."""
    url = str(token.attrGet("src") or "")
    _check_address(url, line, problems)
    forbid(str(token.attrGet("title") or ""), line, problems)
    if attributes(token) and not _width(token):
        problems.error(
            line,
            "image-width",
            "what stands in braces behind the image is not a width in pixels",
            "Write {width=240} directly behind it, or delete that",
        )
    elif _width(token) > WIDEST:
        problems.warning(
            line,
            "image-not-wider",
            f"a letter is {WIDEST} pixels wide, and shows no image wider than that",
            "Delete the width: the image is then as wide as the letter",
        )


def _check_address(url: str, line: int, problems: FindingCollector) -> None:
    if is_file(url):
        return
    problem, fix = _wrong_with(url)
    if problem:
        problems.error(line, "image-address", problem, fix)
        return
    judge_reach(url, line, problems)
    suffix = urlsplit(url).path.rpartition(".")[2].lower()
    if suffix in _UNSHOWN:
        problems.warning(
            line,
            "image-format",
            f"many mail programs do not show an image in the format {suffix}",
            "Use a JPEG, PNG or GIF",
        )


def _wrong_with(url: str) -> tuple[str, str]:
    """Return what is wrong with an address that is no file's, and what to do; empty if nothing."""
    scheme = scheme_of(url)
    if scheme == "https":
        return problem_with(url), "Write the whole address, or copy the file beside the issue"
    if scheme == "http":
        problem = "the image is at an http:// address, which many mail programs do not show"
        return problem, "Write https:// if the site has it, or copy the file beside the issue"
    if scheme == "data":
        return (
            "the image is written out in the file (data:), which mail programs drop",
            "Save the image beside the issue, and write its name: ![A path](pad.jpg)",
        )
    if not url:
        return "the image has no address", _FILE_FIX
    if _DRIVE.match(unquote(url)):
        return f'"{quoted_url(url)}" is a place on one computer only', _FILE_FIX
    return (
        f'the image "{quoted_url(url)}" is neither a file nor at an https:// address',
        _FILE_FIX,
    )


def _width(token: Token) -> int:
    """Return the width that is written behind an image, in CSS pixels; 0 if none is."""
    found = _WIDTH.fullmatch(attributes(token))
    return int(found[2]) if found else 0
