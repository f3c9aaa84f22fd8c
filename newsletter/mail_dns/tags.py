"""Lists of `tag=value;`, as DKIM and DMARC write their records and signatures (RFC 6376, 3.2)."""

from __future__ import annotations


class TagError(ValueError):
    """The text is no list of tags; the message says why."""


def parse_tags(text: str) -> dict[str, str]:
    """Return the values by their tags, in their order; tags in lower case, values as they are.

    Raises:
        TagError: A part has no `=`, or a tag is there twice.
    """
    found: dict[str, str] = {}
    for part in text.split(";"):
        if not part.strip():
            continue
        tag, equals, value = part.partition("=")
        name = tag.strip().lower()
        if not equals or not name:
            raise TagError(f'"{part.strip()[:40]}" is no tag with a value')
        if name in found:
            raise TagError(f'the tag "{name}" is there twice')
        found[name] = value.strip()
    return found
