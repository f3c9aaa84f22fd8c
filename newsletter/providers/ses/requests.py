"""A letter as a request to Amazon SES: complete for one recipient, or as a template for many.

In a template that travels with its request only the plain substitution of `{{name}}` is allowed,
and only of names without an underscore (https://github.com/aws/aws-sdk-js-v3/issues/6657):
anything else in double braces is refused, or filled in. An author's own braces are therefore sent
as the value of a variable, and so are braces and backslashes beside a variable of ours, which might
be read as a part of it. Nothing is escaped when a variable is filled in
(https://docs.aws.amazon.com/ses/latest/dg/send-personalized-email-advanced.html), so that a value
has one variable for HTML and another for everything else.
"""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from newsletter import mime, personalize
from newsletter.placeholders import Pieces
from newsletter.providers.json_template import JsonTemplate, array, encode, header, object_, text

if TYPE_CHECKING:
    from collections.abc import Mapping

    from newsletter.model import Letter

MOST: Final = 50
"""Recipients in one bulk request: https://docs.aws.amazon.com/ses/latest/dg/quotas.html."""

# https://docs.aws.amazon.com/ses/latest/dg/send-personalized-email-api.html
_LARGEST_REQUEST: Final = 1_000_000
_ROOM: Final = 4000  # for the values of one recipient, which are about 500 bytes
# It writes Date and Message-ID itself, among others, and refuses ours:
# https://docs.aws.amazon.com/ses/latest/dg/header-fields.html.
_HEADERS: Final = (
    *("List-Id", "List-Unsubscribe", "List-Unsubscribe-Post"),
    *("Newsletter-Letter-Hash", "Auto-Submitted"),
)
# https://docs.aws.amazon.com/ses/latest/APIReference-V2/API_MessageHeader.html
_LONGEST_VALUE: Final = 995
_LONGEST_HEADER: Final = 996
_TOKEN: Final = 100  # more characters than an unsubscribe token has
# Overrides what the account or its configuration set has switched on.
_NO_TRACKING: Final = Pieces(
    ('{"Tracking":{"OpenTrackingEnabled":"DISABLED","ClickTrackingEnabled":"DISABLED"}}',)
)
_IN_HTML: Final = "Html"
# Several in a row, or one at the end of a piece, next to a variable.
_BRACES: Final = re.compile(r"[{}\\]{2,}|\A[{}\\]|[{}\\]\Z")


@dataclass(frozen=True, slots=True)
class Template:
    """The parts of a letter, with variables.

    Attributes:
        parts: `Subject`, `Html` and `Text`.
        slots: The recipient's values in them, each by its variable.
        braces: The variables that are the same for all, with their values.
    """

    parts: Mapping[str, str]
    slots: Mapping[str, str]
    braces: Mapping[str, str]

    def data(self, own: Mapping[str, str]) -> str:
        """Return every variable of one recipient as JSON; if one is missing, it is not sent."""
        filled = {
            variable: personalize.html_value(own[slot])
            if variable.endswith(_IN_HTML)
            else own[slot]
            for variable, slot in self.slots.items()
        }
        return encode(filled | dict(self.braces))


@dataclass(frozen=True, slots=True)
class Bulk:
    """A request for many recipients.

    Attributes:
        head: What comes before the first entry.
        entry: A recipient's part; takes `data` besides `personalize.values`.
        tail: What follows the last entry.
        template: Returns `data`.
    """

    head: bytes
    entry: JsonTemplate
    tail: bytes
    template: Template


@functools.lru_cache(maxsize=2)
def single(letter: Letter, configuration_set: str) -> JsonTemplate:
    """Return the template of a request with one complete letter."""
    cut = personalize.letter_template(letter)
    in_html = {"Html": _content(cut.html, html=True)} if cut.html else {}
    content = {
        "Subject": _content(Pieces((_subject(letter),))),
        "Body": object_(in_html | {"Text": _content(cut.text)}),
        "Headers": _named(_headers(letter)),
    }
    return JsonTemplate.of(
        object_(
            _common(letter, configuration_set)
            | {
                "Destination": _DESTINATION,
                "EmailTags": _TAGS,
                "Content": object_({"Simple": object_(content)}),
            }
        )
    )


@functools.lru_cache(maxsize=2)
def bulk(letter: Letter, configuration_set: str) -> Bulk:
    """Return a letter as the template of a request for many."""
    made = _template(letter)
    # Every entry has all its values; AWS requires that there are none by default.
    content = {
        "TemplateContent": object_({name: text((part,)) for name, part in made.parts.items()}),
        "TemplateData": text(("{}",)),
    }
    head, _, tail = object_(
        _common(letter, configuration_set)
        | {
            "DefaultContent": object_({"Template": object_(content)}),
            "BulkEmailEntries": array(Pieces(("", "entries", ""))),
        }
    )
    data = object_({"ReplacementTemplateData": text(("", "data", ""))})
    entry = {
        "Destination": _DESTINATION,
        "ReplacementTags": _TAGS,
        "ReplacementHeaders": _named(_headers(letter)),
        "ReplacementEmailContent": object_({"ReplacementTemplate": data}),
    }
    return Bulk(head.encode(), JsonTemplate.of(object_(entry)), tail.encode(), made)


def unsupported(letter: Letter) -> str:
    """Return why a letter cannot be sent unchanged; empty if it can."""
    unsubscribe_url = len(letter.unsubscribe_url) + _TOKEN
    for name, pieces in _headers(letter).items():
        length = sum(map(len, pieces[::2])) + unsubscribe_url * (len(pieces) // 2)
        if length > _LONGEST_VALUE or len(name) + length > _LONGEST_HEADER:
            return f"{name} would be longer than the {_LONGEST_VALUE} characters that SES takes"
    request = bulk(letter, "")
    entry = sum(map(len, request.entry.pieces)) + len(encode(request.template.braces)) + _ROOM
    if len(request.head) + MOST * entry > _LARGEST_REQUEST:
        return "the letter is larger than a template of SES may be"
    return ""


def _common(letter: Letter, configuration_set: str) -> dict[str, Pieces[str]]:
    """Return the fields of every request."""
    fields: dict[str, Pieces[str]] = {
        "FromEmailAddress": text(header("From", Pieces((letter.sender,))))
    }
    if letter.reply_to:
        fields["ReplyToAddresses"] = array(text(header("Reply-To", Pieces((letter.reply_to,)))))
    if configuration_set:
        fields["ConfigurationSetName"] = text((configuration_set,))
    return fields | {"ConfigurationOverrides": _NO_TRACKING}


def _headers(letter: Letter) -> dict[str, Pieces[str]]:
    headers = dict(personalize.letter_template(letter).headers)
    return {name: header(name, headers[name]) for name in _HEADERS if name in headers}


def _subject(letter: Letter) -> str:
    """Return the subject: as it is, or in encoded words if it looks like one."""
    return mime.unfolded("Subject", letter.subject) if "=?" in letter.subject else letter.subject


def _content(pieces: Pieces[str], *, html: bool = False) -> Pieces[str]:
    return object_({"Charset": text(("UTF-8",)), "Data": text(pieces, html=html)})


def _named(values: Mapping[str, Pieces[str]]) -> Pieces[str]:
    """Return names and values in the form that SES has for headers and tags."""
    return array(
        *(object_({"Name": text((name,)), "Value": text(value)}) for name, value in values.items())
    )


_DESTINATION: Final = object_({"ToAddresses": array(text(("", "email", "")))})
_TAGS: Final = _named({"delivery": Pieces(("", "ref", ""))})


def _template(letter: Letter) -> Template:
    cut = personalize.letter_template(letter)
    slots: dict[str, str] = {}
    braces: dict[str, str] = {}
    parts = {
        "Subject": _source(Pieces((_subject(letter),)), "", slots, braces),
        **({"Html": _source(cut.html, _IN_HTML, slots, braces)} if cut.html else {}),
        "Text": _source(cut.text, "", slots, braces),
    }
    return Template(parts, slots, {variable: run for run, variable in braces.items()})


def _source(pieces: Pieces[str], suffix: str, slots: dict[str, str], braces: dict[str, str]) -> str:
    """Return one part of a template, and add its variables to the dictionaries."""

    def literal(found: re.Match[str]) -> str:
        # A name of letters only, however many there are.
        return _variable(braces.setdefault(found[0], "Brace" + "s" * len(braces)))

    source = []
    for place, piece in enumerate(pieces):
        if place % 2:
            name = piece.title().replace("_", "") + suffix
            slots[name] = piece
            source.append(_variable(name))
        else:
            source.append(_BRACES.sub(literal, piece))
    return "".join(source)


def _variable(name: str) -> str:
    return "{{" + name + "}}"
