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

__all__ = ["Newsletter", "data_filename", "form", "letter", "notice", "page", "values", "wording"]
