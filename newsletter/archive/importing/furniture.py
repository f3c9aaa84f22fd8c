"""What is in the markup of a sent letter and not of its text: forms, shares, ways to unsubscribe.

The names are those in the markup of Substack, Ghost, Buttondown and Mailchimp.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from newsletter.article.page_tree import SILENT, name_of
from newsletter.content.template_lines import is_template_line

if TYPE_CHECKING:
    from selectolax.lexbor import LexborNode

_TAGS: Final = SILENT | {"form", "nav", "button", "dialog", "menu"}
_NAMED: Final = re.compile(
    "-(?:"
    # Substack
    r"subscription-widget(?:-wrap(?:-editor)?)?|subscribe-widget|captioned-button-wrap"
    r"|paywall-jump|install-substack-app-embed|community-chat|poll-embed|share-dialog|comment"
    r"|header-anchor-(?:parent|widget)|image-link-expand|post-ufi"
    r"|embedded-post-(?:header|body|cta(?:-wrapper)?|meta|publication-name|publication-logo)"
    # Ghost
    r"|kg-signup-card|kg-email-card|kg-email-cta-card|kg-bookmark-(?:description|metadata|thumbnail"
    r"|icon)|kg-(?:audio|video)-(?:player|player-container|thumbnail|hide|overlay)"
    r"|kg-file-card-(?:caption|metadata|icon)|kg-toggle-card-icon|kg-product-card-rating"
    # Mailchimp
    r"|mcnfollow\w*|mcnshare\w*|mcnpreviewtext|templatepreheader|preheadercontainer|templatefooter"
    r"|footercontainer|mce\w*footer\w*|mcesocialfollow\w*|mcepreviewtext|awesome(?:bar|wrap|share)"
    r"|canspambar\w*|monkeyrewards?|archivebar"
    # any
    r"|preheader|unsubscribe(?:-link)?|email-footer|social-links"
    ")-"
)
_HIDDEN: Final = re.compile(r"(?:display\s*:\s*none|visibility\s*:\s*hidden|max-height\s*:\s*0)")
_LEAVING: Final = re.compile(
    r"unsubscrib|uitschrij|afmeld|/unsub\b|list-manage\d*\.com/(?:unsub|profile|about|vcard|abuse)"
    r"|update[_-]profile|manage[_-](?:preferences|subscription)",
    re.IGNORECASE,
)
_OF_PROGRAM: Final = re.compile(
    r"[?&](?:action=share|gift=true|showwelcome)|/subscribe(?:[/?]|$)|/comments(?:[?#]|$)"
    r"|//(?:www\.)?substack\.com/(?:app|redirect|signup|home)\b|open\.substack\.com"
    r"|list-manage\d*\.com/(?:track|subscribe)|campaign-archive\d*\.com/|forward-to-friend"
    r"|facebook\.com/sharer|twitter\.com/(?:intent|share)|linkedin\.com/share|//eepurl\.com"
    r"|#/portal|/#/portal",
    re.IGNORECASE,
)
_RIGHTS: Final = re.compile(r"\W*(?:copyright\b|\(c\)\s|©)", re.IGNORECASE)
LONGEST_LINE: Final = 400
"""What is longer is no line of a program, whatever it links to."""
_RIGHTS_LENGTH: Final = 160


def is_furniture(node: LexborNode) -> bool:
    """Tell whether an element is no part of a letter's text."""
    if node.tag in _TAGS or "hidden" in node.attributes:
        return True
    style = (node.attributes.get("style") or "").casefold()
    return bool(_HIDDEN.search(style)) or bool(_NAMED.search(name_of(node)))


def leads_out(url: str) -> bool:
    """Tell whether a link lets a subscriber leave, or change what they get."""
    return bool(_LEAVING.search(url))


def leads_to_program(url: str) -> bool:
    """Tell whether a link leads to the other program: to sign up, to share, to count clicks."""
    return bool(_OF_PROGRAM.search(url))


def is_program_line(text: str) -> bool:
    """Tell whether a paragraph is of the other program's template, or says who has the rights."""
    if len(text) > LONGEST_LINE:
        return False
    return is_template_line(text) or (len(text) <= _RIGHTS_LENGTH and bool(_RIGHTS.match(text)))
