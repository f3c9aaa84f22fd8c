"""Images: what stands for them, where they are, and how many there are."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final
from urllib.parse import unquote, urlsplit

from newsletter.checks.prose import bare, count_words, words
from newsletter.checks.registry import Hit, rule
from newsletter.model import Image, Severity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from newsletter.model import Draft

_MANY_IMAGES: Final = 3
_WORDS_PER_IMAGE: Final = 40
_FILE_NAME: Final = re.compile(
    r"\S+\.(?:jpe?g|png|gif|webp|heic|svg)"
    r"|(?:IMG|DSC[NF]?|PXL|Schermafbeelding|Screenshot)[-_ ]?\d\S*",
    re.IGNORECASE,
)
_VIEWING_PAGE: Final = re.compile(
    r"https://(?:www\.)?(?:"
    r"drive\.google\.com/(?:file|open|drive)\b|photos\.google\.com/|photos\.app\.goo\.gl/"
    r"|dropbox\.com/(?!.*[?&](?:raw|dl)=1\b)|github\.com/[^/]+/[^/]+/blob/(?!.*[?&]raw=)"
    r"|gitlab\.com/.+/-/blob/|1drv\.ms/|onedrive\.live\.com/(?!download)|[\w-]+\.sharepoint\.com/:i:/"
    r"|icloud\.com/|share\.icloud\.com/|imgur\.com/|flickr\.com/photos/|unsplash\.com/photos/(?!.*/download)"
    r"|pexels\.com/(?:[a-z]{2}-[a-z]{2}/)?(?:photo|foto)/|pixabay\.com/(?:[a-z]{2}/)?photos/"
    r"|[a-z]+\.wikipedia\.org/wiki/|commons\.wikimedia\.org/wiki/File:|instagram\.com/p/"
    r"|facebook\.com/photo|pinterest\.[a-z.]+/pin/|canva\.com/design/|we\.tl/|wetransfer\.com/)",
    re.IGNORECASE,
)


@rule("image-alt-file-name", Severity.WARNING)
def image_alt_file_name(draft: Draft) -> Iterator[Hit]:
    """The text of an image is the name of its file."""
    for block in draft.blocks:
        if not isinstance(block, Image):
            continue
        name = unquote(urlsplit(block.url).path.rpartition("/")[2])
        stem = name.rpartition(".")[0]
        same = len(words(stem)) == 1 and stem == block.alt and not stem.isalpha()
        if _FILE_NAME.fullmatch(block.alt) or block.alt == name or same:
            yield Hit(
                block.line,
                "the text of this image is the name of a file",
                "Say what is to be seen, for who cannot see it",
            )


@rule("image-alt-repeats-caption", Severity.HINT)
def image_alt_repeats_caption(draft: Draft) -> Iterator[Hit]:
    """The text of an image is its caption, so that some hear it twice."""
    for block in draft.blocks:
        if isinstance(block, Image) and block.caption and bare(block.alt) == bare(block.caption):
            yield Hit(
                block.line,
                "the text of this image is its caption, so that some hear it twice",
                "Say between the brackets what is to be seen",
            )


@rule("little-text", Severity.HINT)
def little_text(draft: Draft) -> Iterator[Hit]:
    """There are many images and little text, which spam filters distrust."""
    images = [block for block in draft.blocks if isinstance(block, Image)]
    count = count_words(draft)
    if len(images) >= _MANY_IMAGES and count < _WORDS_PER_IMAGE * len(images):
        yield Hit(
            images[0].line,
            f"there are {len(images)} images and {count} words: some see only the words",
            "Write more, or show fewer images",
        )


@rule("image-viewing-page", Severity.WARNING)
def image_viewing_page(draft: Draft) -> Iterator[Hit]:
    """The address of an image is a page that shows it, and no image."""
    for block in draft.blocks:
        if isinstance(block, Image) and _VIEWING_PAGE.match(block.url):
            yield Hit(
                block.line,
                f"{urlsplit(block.url).hostname} gives a page that shows this image, and no image",
                "Download it, put it beside the issue, and write its name: ![A path](pad.jpg)",
            )
