"""An Issue and templates become a Letter: the only slow step, once a mailing."""

from newsletter.render.letters import (
    Newsletter,
    data_filename,
    form,
    letter,
    notice,
    page,
    values,
    wording,
)
from newsletter.render.palette import contrast

__all__ = [
    "Newsletter",
    "contrast",
    "data_filename",
    "form",
    "letter",
    "notice",
    "page",
    "values",
    "wording",
]
