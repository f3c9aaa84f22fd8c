"""Mailgun: one letter, and the values of up to 1000 readers that go into it, in one request.

What its API takes, below https://documentation.mailgun.com/docs/mailgun/: a message at
api-reference/send/mailgun/messages, readers' own values at
user-manual/sending-messages/batch-sending. `mailgun_replies.py` reads what it says, and
`mailgun_search.py` finds what it took; `docs/providers.md` has what an author must know.
"""

from __future__ import annotations

import functools
import re
from base64 import b64encode
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from newsletter import mime, personalize
from newsletter.errors import NewsletterError
from newsletter.providers import base
from newsletter.providers.base import BaseProvider, Capabilities, Payload, SubmitResult
from newsletter.providers.http import DEADLINE, HttpClient
from newsletter.providers.json_template import encode
from newsletter.providers.mailgun import responses
from newsletter.providers.mailgun import search as mailgun_search

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from newsletter.config import Settings
    from newsletter.model import Batch, Letter, Recipient, SearchResult, UnresolvedRequest
    from newsletter.personalize import Pieces
    from newsletter.providers.http import Failure, HttpResponse

CAPABILITIES: Final = Capabilities(
    name="mailgun",
    rehearsal=False,
    max_messages=1000,
    # The longest that a request may take; finding its server by name is not bounded by that.
    lease=timedelta(seconds=DEADLINE + 30),
    in_flight=8,
    search=mailgun_search.SEARCH,
    substitution=True,
    # Events are listed by domain, for whatever key may read them.
    account_variable="MAILGUN_DOMAIN",
)
"""What Mailgun can do."""

_BASE: Final = "https://api.eu.mailgun.net"
_DOMAIN: Final = re.compile(r"[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+")
_HEADERS: Final = (
    *("Reply-To", "List-Id", "List-Unsubscribe", "List-Unsubscribe-Post"),
    "Auto-Submitted",
)
# Said in each request, whatever the domain's own settings are. X-Mailgun-Sid stays, for by it
# complaints find their way back.
_OPTIONS: Final = (
    ("o:tracking", b"no"),
    ("o:tracking-clicks", b"no"),
    ("o:tracking-opens", b"no"),
    ("o:suppress-headers", b"X-Mailgun-Variables,X-Mailgun-Tag"),
)
_OPTIONS_LIMIT: Final = 16 * 1024
# A percent sign may end one word and begin the next, so that what stands together is looked at
# together.
_RUN: Final = re.compile(r"(?:%[\w.:-]*)+", re.ASCII)
# All that Mailgun is known to replace (mailing-lists, "Template Variables"), and whatever looks
# like it: it has no way of its own to write these literally.
_OWN: Final = re.compile(
    "%(?:recipient|unsubscribe_|mailing_list_|tag_unsubscribe_)", re.IGNORECASE
)
# Where an entity stands for itself (HTML, section 13.1.2): no percent sign can be hidden there.
_NO_ENTITIES: Final = re.compile(r"<(style|script)\b.*?</\1|<!--.*?-->", re.DOTALL | re.IGNORECASE)
# The names of a reader's values: short, for each stands a thousand times in a request.
_REF, _LEAVE, _GREETING, _IN_HTML = "rlgh"


def open_provider(settings: Settings) -> Mailgun:
    """Return Mailgun as the settings have it.

    Raises:
        NewsletterError: Key or domain are missing, or would travel where others can read them.
    """
    key = base.credential(settings, "MAILGUN_API_KEY", "Make a key at app.mailgun.com")
    domain = base.credential(settings, "MAILGUN_DOMAIN", "Take your sending domain")
    if not _DOMAIN.fullmatch(domain):
        raise NewsletterError(
            "MAILGUN_DOMAIN is not a domain",
            hint='Write it as Mailgun lists it, such as "brief.example.org"',
        )
    return Mailgun(key, domain, base.base_url(settings, _BASE))


class Mailgun(BaseProvider):
    """Sends batches in one body each, reads what became of them, and looks up what was taken.

    Args:
        key: The API key.
        domain: The sending domain.
        address: Where the API is, without a slash at its end.
        deadline: In seconds, for one request.
    """

    capabilities = CAPABILITIES

    def __init__(
        self, key: str, domain: str, address: str = _BASE, *, deadline: float = DEADLINE
    ) -> None:
        secret = b64encode(f"api:{key}".encode()).decode()
        self.hide = (key, secret)
        self._headers = {"Authorization": f"Basic {secret}", "Accept": "application/json"}
        self._url = f"{address}/v3/{domain}"
        self._wire = HttpClient(deadline=deadline)

    def unsupported(self, letter: Letter) -> str:
        """Say where syntax of Mailgun's own cannot be kept, or that there is too much in headers.

        In subject, text, HTML and readers' names it can: see `_shared`.
        """
        parts = {
            "the setting sender": letter.sender,
            "the setting reply_to": letter.reply_to,
            "the setting name": letter.list_id,
            "the setting public_url": letter.leave_url,
            "the styles or comments of its HTML": "".join(
                zone[0] for zone in _NO_ENTITIES.finditer(letter.html)
            ),
        }
        for where, said in parts.items():
            if found := _syntax(said):
                return f'Mailgun would put something else in the place of "{found[0]}" in {where}'
        options = [field for field in (*_shared(letter, "", ""), *_OPTIONS) if field[0][1] == ":"]
        size = sum(len(name) + len(value) for name, value in options)
        if size > _OPTIONS_LIMIT:
            return f"its headers hold {size:,} bytes, and Mailgun takes {_OPTIONS_LIMIT:,}"
        return ""

    def build(self, batch: Batch) -> Payload:
        """Return the form that will leave: the letter once, and each reader's own values."""
        text, in_html, greetings = _greetings(batch.recipients)
        fields = (
            *_shared(batch.letter, text, in_html),
            *_OPTIONS,
            ("o:tag", mailgun_search.tag(batch.key).encode()),
            ("to", ",".join(reader.email for reader in batch.recipients).encode()),
            ("recipient-variables", _variables(batch, greetings).encode()),
        )
        return Payload.of(_form(batch.key, fields))

    def submit(self, batch: Batch, payload: Payload) -> SubmitResult:
        """Make the one request and read what Mailgun says to it."""
        kind = f"multipart/form-data; boundary={batch.key}"
        reply = self._wire.post(
            f"{self._url}/messages",
            headers=self._headers | {"Content-Type": kind},
            parts=payload.parts,
        )
        outcome = responses.outcome(reply, batch.recipients, self.hide)
        return SubmitResult({reader.ref: outcome for reader in batch.recipients})

    def search(self, doubt: UnresolvedRequest) -> SearchResult:
        """Look for the letters of a request among the events that Mailgun lists."""
        return mailgun_search.search(doubt, self.get, self.hide)

    def get(self, path: str) -> HttpResponse | Failure:
        """Ask for what the domain has at a path: a page of at most `LARGEST_PAGE` bytes."""
        url = f"{self._url}/{path}"
        return self._wire.get(url, headers=self._headers, largest=mailgun_search.LARGEST_PAGE)

    def delete(self, path: str) -> HttpResponse | Failure:
        """Remove what the domain has at a path."""
        return self._wire.delete(f"{self._url}/{path}", headers=self._headers)

    def close(self) -> None:
        """Close every connection."""
        self._wire.close()


@functools.lru_cache(maxsize=4)
def _shared(letter: Letter, greeting: str, in_html: str) -> Sequence[tuple[str, bytes]]:
    """Return the fields that all readers of a letter have in common.

    What looks like Mailgun's own syntax is a value in subject and text, put in as it is, and in
    HTML its percent signs are entities.

    Args:
        letter: Goes in once, with Mailgun's variables in its slots.
        greeting: What stands in the text where readers are greeted.
        in_html: The same in the HTML.
    """
    cut = personalize.letter_template(letter)
    words = _literals(letter)
    own = {"greeting": greeting, "leave_url": letter.leave_url + _variable(_LEAVE)}
    escaped = {"greeting": in_html, "leave_url": personalize.html_value(own["leave_url"])}

    def named(literal: str) -> str:
        return _replaced(literal, lambda word: _variable(str(words.index(word))))

    fields = {
        # In encoded words where there is more than ASCII: around a name that has such letters and a
        # comma or a bracket, Mailgun itself puts quotation marks that everyone sees
        # (https://github.com/anymail/django-anymail/issues/270).
        "from": mime.unfolded("From", letter.sender),
        "subject": named(letter.subject),
        "text": _fill(cut.text, own, named),
        **({"html": _fill(cut.html, escaped, _hidden)} if cut.html else {}),
        f"v:{mailgun_search.VARIABLE}": _variable(_REF),
    }
    headers = dict(cut.headers)
    for name in _HEADERS:
        if name in headers:
            fields[f"h:{name}"] = mime.unfolded(name, _fill(headers[name], own, str))
    return [(name, value.encode()) for name, value in fields.items()]


def _variable(name: str) -> str:
    return f"%recipient.{name}%"


def _literals(letter: Letter) -> Sequence[str]:
    """Return all in subject and text that Mailgun would replace; its place names its variable."""
    literals = (letter.subject, *personalize.letter_template(letter).text[::2])
    return list(dict.fromkeys(word for text in literals for word in _syntax(text)))


def _hidden(in_html: str) -> str:
    """Return HTML in which Mailgun finds nothing, and a reader what stood there."""
    return _replaced(in_html, lambda word: word.replace("%", "&#37;"))


def _syntax(text: str) -> list[str]:
    """Return all that Mailgun might put something else for, in its order."""
    return [run for run in _RUN.findall(text) if _OWN.search(run)]


def _replaced(text: str, by: Callable[[str], str]) -> str:
    return _RUN.sub(lambda run: by(run[0]) if _OWN.search(run[0]) else run[0], text)


def _fill(pieces: Pieces, own: Mapping[str, str], literally: Callable[[str], str]) -> str:
    return "".join(own[piece] if odd % 2 else literally(piece) for odd, piece in enumerate(pieces))


def _greetings(readers: Sequence[Recipient]) -> tuple[str, str, Mapping[str, str]]:
    """Return how readers are greeted.

    Returns:
        What stands in the text, what stands in the HTML, and for each greeting what it adds to
        the JSON of its reader's values: nothing where all are greeted alike.
    """
    all_ = {reader.greeting for reader in readers}
    escaped = {said: _hidden(personalize.html_value(said)) for said in all_}
    if len(escaped) == 1 and not _syntax(min(escaped)):
        ((alike, in_html),) = escaped.items()
        return alike, in_html, {alike: ""}
    values = {said: f',"{_GREETING}":{encode(said)}' for said in escaped}
    if all(said == in_html for said, in_html in escaped.items()):
        return _variable(_GREETING), _variable(_GREETING), values
    for said, in_html in escaped.items():
        values[said] += f',"{_IN_HTML}":{encode(in_html)}'
    return _variable(_GREETING), _variable(_IN_HTML), values


def _variables(batch: Batch, greetings: Mapping[str, str]) -> str:
    """Return the JSON of all readers' values by address: every reader has every name.

    Letters beyond ASCII stand in it as they are: some had their escapes mailed, undone by nobody
    (https://github.com/jeffreykemp/mailgun-plsql-api/issues/42).
    """
    leave_url = batch.letter.leave_url
    words = "".join(
        f',"{name}":{encode(word)}' for name, word in enumerate(_literals(batch.letter))
    )
    # References and tokens are ours, of letters that JSON takes as they are.
    return ",".join(
        f'{encode(reader.email)}:{{"{_REF}":"{reader.ref}",'
        f'"{_LEAVE}":"{reader.leave_url.removeprefix(leave_url)}"'
        f"{greetings[reader.greeting]}{words}}}"
        for reader in batch.recipients
    ).join("{}")


def _form(boundary: str, fields: Iterable[tuple[str, bytes]]) -> tuple[bytes, ...]:
    """Return a form (RFC 7578) in pieces; nobody who wrote a value can have known its boundary."""
    parts: list[bytes] = []
    for name, value in fields:
        head = f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n'
        parts += (head.encode(), value, b"\r\n")
    return (*parts, f"--{boundary}--\r\n".encode())
