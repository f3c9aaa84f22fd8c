"""An Issue and templates become a Letter: the only slow step, once a mailing."""

from newsletter.render.letters import (
    NOTICES,
    Newsletter,
    archive_page,
    archive_values,
    data_filename,
    erratum_subject,
    form,
    letter,
    notice,
    page,
    values,
    wording,
)
from newsletter.render.mjml import MAX_BYTES
from newsletter.render.palette import TEXT_CONTRAST, contrast, palette
from newsletter.render.pictures import published_blocks

__all__ = [
    "MAX_BYTES",
    "NOTICES",
    "TEXT_CONTRAST",
    "Newsletter",
    "archive_page",
    "archive_values",
    "contrast",
    "data_filename",
    "erratum_subject",
    "form",
    "letter",
    "notice",
    "page",
    "palette",
    "published_blocks",
    "values",
    "wording",
]
