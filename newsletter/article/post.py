"""A post of the author's own site, as its generator has it: Hugo, Jekyll, Astro, Eleventy."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urljoin, urlsplit

from newsletter.article.front_matter import find_day, find_text, split_front_matter
from newsletter.article.markdown import read_markdown
from newsletter.article.prose import tidy
from newsletter.article.shortcodes import mark_shortcodes
from newsletter.model import ArticleLine, LineKind, Link

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import PurePath

    from newsletter.model import Article

_WHOLE_ADDRESS: Final = (
    "canonical_url", "canonicalurl", "canonical", "url", "permalink", "link", "seo.canonical",
)  # fmt: skip
_PATH: Final = ("url", "permalink")
_SUMMARY: Final = ("summary", "excerpt", "description", "samenvatting", "subtitle", "intro", "lead")
_DAY: Final = ("date", "pubdate", "publishdate", "published", "published_at", "datum")
_COVERS: Final = (
    "cover.image", "cover.src", "cover", "image.src", "image.path", "image.url", "image",
    "hero.src", "hero", "heroimage", "heroimage.src", "featured_image", "featuredimage",
    "thumbnail", "header.image", "header.overlay_image", "images", "banner",
)  # fmt: skip
_COVER_ALTS: Final = (
    "cover.alt", "image.alt", "hero.alt", "heroimage.alt", "heroalt", "imagealt", "image_alt",
    "coveralt", "cover_alt", "alt", "featured_image_alt", "thumbnail_alt",
)  # fmt: skip
_DATED: Final = re.compile(r"\d{4}-\d{1,2}-\d{1,2}-(?=.)")
_INDEX: Final = {"index", "_index"}


def has_front_matter(text: str) -> bool:
    """Tell whether a text begins as a post of a site's generator does."""
    return bool(re.match(r"\ufeff?\s*(?:---[a-z]*|\+\+\+)[ \t]*\r?\n", text))


def read_post(
    text: str, path: PurePath, *, url: str = "", permalink: str = "", site_url: str = ""
) -> Article:
    """Return a post as an article. Images keep the address or file that the post gives them.

    Args:
        text: The file's text.
        path: The file, whose name may be its slug, and whose suffix may be that of MDX.
        url: The post's address, where it is known.
        permalink: The setting: the address of a post, with `{slug}` in it.
        site_url: The setting: where an address without host begins.

    Raises:
        NewsletterError: The front matter cannot be read.
    """
    fields, body = split_front_matter(text)
    body = mark_shortcodes(body, components=path.suffix == ".mdx")
    found = read_markdown(body)
    cover = _cover(fields)
    seen = {line.links[0].url for line in found.lines if line.kind is LineKind.IMAGE}
    first = () if cover is None or cover.links[0].url in seen else (cover,)
    return replace(
        found,
        lines=(*first, *found.lines),
        title=tidy(find_text(fields, "title", "titel") or found.title),
        url=url or post_address(fields, path, permalink, site_url),
        summary=tidy(find_text(fields, *_SUMMARY)),
        published=find_day(fields, *_DAY),
        language=find_text(fields, "lang", "language", "locale"),
    )


def post_address(fields: Mapping[str, Any], path: PurePath, permalink: str, site_url: str) -> str:
    """Return the address of a post: what it says itself, else `permalink`; "" where neither does.

    A path counts from the site's beginning. A template, such as Eleventy's, is no address.
    """
    whole = find_text(fields, *(name for name in _WHOLE_ADDRESS))
    if whole.startswith(("https://", "http://")):
        return whole
    base = site_url or _origin(permalink)
    own = find_text(fields, *_PATH)
    if base and own and not re.search(r"[{}:\s]", own):
        return urljoin(_origin(base) or base, f"/{own.lstrip('/')}")
    return permalink.replace("{slug}", post_slug(fields, path)) if permalink else ""


def post_slug(fields: Mapping[str, Any], path: PurePath) -> str:
    """Return the name of a post in its address."""
    own = find_text(fields, "slug")
    if own:
        return own.strip("/")
    name = path.name.partition(".")[0]
    name = path.parent.name if name in _INDEX else name
    return _DATED.sub("", name)


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}" if parts.netloc else ""


def _cover(fields: Mapping[str, Any]) -> ArticleLine | None:
    """Return the picture that the front matter names."""
    images = fields.get("images")
    listed = {"images": images[0]} if isinstance(images, list) and images else {}
    source = find_text({**fields, **listed}, *_COVERS)
    if not re.search(r"\.(?:jpe?g|png|gif|webp)$", source, re.IGNORECASE):
        return None
    alt = tidy(find_text(fields, *_COVER_ALTS))
    return ArticleLine(LineKind.IMAGE, alt, 0, (Link(alt, source),))
