"""An Issue and templates become a Letter: the only slow step, once a mailing."""

from newsletter.render.letters import Newsletter, form, letter, notice, page, values, wording

__all__ = ["Newsletter", "form", "letter", "notice", "page", "values", "wording"]
