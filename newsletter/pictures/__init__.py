"""Image files of a letter: found, looked at, and copied smaller and without metadata."""

from newsletter.pictures.copies import (
    copy_bytes,
    copy_picture,
    describe_bytes,
    media_type,
)
from newsletter.pictures.letters import (
    NAME,
    attach_pictures,
    copy_pictures,
    decode_settings,
    find_damage,
    list_pictures,
    read_setting,
    show_copies,
    stored_at,
)

__all__ = [
    "NAME",
    "attach_pictures",
    "copy_bytes",
    "copy_picture",
    "copy_pictures",
    "decode_settings",
    "describe_bytes",
    "find_damage",
    "list_pictures",
    "media_type",
    "read_setting",
    "show_copies",
    "stored_at",
]
