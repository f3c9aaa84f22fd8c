"""Lists of `tag=value;`, as DKIM and DMARC write their records and signatures (RFC 6376, 3.2)."""

from __future__ import annotations


class TagError(ValueError):
    """The text is no list of tags; the message says why."""


def parse_tags(text: str) -> dict[str, str]:
    """Return the values by their tags, in their order; tags in lower case, values as they are.

    Raises:
        TagError: A part has no `=`, or a tag is there twice.
    """
    found, errors = read_tags(text)
    if errors:
        raise TagError(errors[0])
    return found


def read_tags(text: str) -> tuple[dict[str, str], tuple[str, ...]]:
    """Return the values by their tags, and what is wrong with the parts that were left out.

    Of a tag that is there twice, the first value is returned.
    """
    found: dict[str, str] = {}
    errors: list[str] = []
    for part in text.split(";"):
        if not part.strip():
            continue
        tag, equals, value = part.partition("=")
        name = tag.strip().lower()
        if not equals or not name:
            errors.append(f'"{part.strip()[:40]}" is no tag with a value')
        elif name in found:
            errors.append(f'the tag "{name}" is there twice')
        else:
            found[name] = value.strip()
    return found, tuple(errors)
