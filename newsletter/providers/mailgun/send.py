"""Mailgun: one letter, and the values of up to 1000 recipients, in one request.

Its API, below https://documentation.mailgun.com/docs/mailgun/: a message at
api-reference/send/mailgun/messages, recipients' own values at
user-manual/sending-messages/batch-sending. `docs/providers.md` has what an author must know.
"""

from __future__ import annotations

import functools
import re
from base64 import b64encode
from typing import TYPE_CHECKING, Final

from newsletter import mime, personalize
from newsletter.errors import NewsletterError
from newsletter.providers import base
from newsletter.providers.base import BaseProvider, Payload, SubmitResult
from newsletter.providers.http import HttpClient
from newsletter.providers.json_template import encode
from newsletter.providers.mailgun import responses, search
from newsletter.providers.mailgun.capabilities import CAPABILITIES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from typing import Self

    from newsletter.config import Settings
    from newsletter.model import Batch, Letter, Recipient, SearchResult, UnresolvedRequest
    from newsletter.providers.http import Failure, HttpResponse

BASE: Final = "https://api.eu.mailgun.net"
_DOMAIN: Final = re.compile(r"[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+")
_HEADERS: Final = (
    *("Reply-To", "List-Id", "List-Unsubscribe", "List-Unsubscribe-Post"),
    *("Newsletter-Letter-Hash", "Auto-Submitted"),
)
# These override the domain's own settings. X-Mailgun-Sid stays: complaints are matched by it.
_OPTIONS: Final = (
    ("o:tracking", b"no"),
    ("o:tracking-clicks", b"no"),
    ("o:tracking-opens", b"no"),
    ("o:suppress-headers", b"X-Mailgun-Variables,X-Mailgun-Tag"),
)
_OPTIONS_LIMIT: Final = 16 * 1024
# A percent sign may end one word and begin the next, so that adjacent words are matched as one.
_RUN: Final = re.compile(r"(?:%[\w.:-]*)+", re.ASCII)
# All that Mailgun is known to replace (mailing-lists, "Template Variables"), and what looks like
# it: its syntax has no escape.
_OWN: Final = re.compile(
    "%(?:recipient|unsubscribe_|mailing_list_|tag_unsubscribe_)", re.IGNORECASE
)
# Where an entity is not decoded (HTML, section 13.1.2): a percent sign cannot be escaped there.
_NO_ENTITIES: Final = re.compile(r"<(style|script)\b.*?</\1|<!--.*?-->", re.DOTALL | re.IGNORECASE)
# The names of a recipient's values: short, because each occurs a thousand times in a request.
_REF, _TOKEN, _GREETING, _IN_HTML = "rlgh"


class Mailgun(BaseProvider):
    """Sends each batch in one body, reads its outcomes, and searches for accepted letters.

    Args:
        key: The API key.
        domain: The sending domain.
        url: The base URL of the API.
        http: Its connections.
    """

    capabilities = CAPABILITIES

    def __init__(self, key: str, domain: str, url: str, http: HttpClient) -> None:
        self._headers = headers(key)
        self.hide = (key, self._headers["Authorization"].removeprefix("Basic "))
        self._url = f"{url}/v3/{domain}"
        self._http = http

    @classmethod
    def open(cls, settings: Settings) -> Self:
        """Return Mailgun as the settings have it."""
        return cls(*credentials(settings), base.base_url(settings, BASE), HttpClient())

    def unsupported(self, letter: Letter) -> str:
        """Return where syntax of Mailgun's cannot be escaped, or that the headers are too long.

        In subject, text, HTML and first names it can be escaped: see `_shared`.
        """
        parts = {
            "the setting sender": letter.sender,
            "the setting reply_to": letter.reply_to,
            "the setting name": letter.list_id,
            "the setting public_url": letter.unsubscribe_url,
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
        """Return the form: the letter once, and the values of each recipient."""
        text, in_html, greetings = _greetings(batch.recipients)
        fields = (
            *_shared(batch.letter, text, in_html),
            *_OPTIONS,
            ("o:tag", search.tag(batch.key).encode()),
            ("to", ",".join(one.email for one in batch.recipients).encode()),
            ("recipient-variables", _variables(batch, greetings).encode()),
        )
        return Payload.of(_form(batch.key, fields))

    def submit(self, batch: Batch, payload: Payload) -> SubmitResult:
        """Send the one request and read the response."""
        kind = f"multipart/form-data; boundary={batch.key}"
        response = self._http.post(
            f"{self._url}/messages",
            headers=self._headers | {"Content-Type": kind},
            parts=payload.parts,
        )
        outcome = responses.outcome(response, batch.recipients, self.hide)
        return SubmitResult({one.ref: outcome for one in batch.recipients})

    def search(self, request: UnresolvedRequest) -> SearchResult:
        """Search for the letters of a request among the events that Mailgun lists."""
        return search.find_letters(request, self.get, self.hide)

    def get(self, path: str) -> HttpResponse | Failure:
        """Fetch what the domain has at a path: a page of at most `LARGEST_PAGE` bytes."""
        url = f"{self._url}/{path}"
        return self._http.get(url, headers=self._headers, largest=search.LARGEST_PAGE)

    def delete(self, path: str) -> HttpResponse | Failure:
        """Delete what the domain has at a path."""
        return self._http.delete(f"{self._url}/{path}", headers=self._headers)

    def close(self) -> None:
        """Close every connection."""
        self._http.close()


PROVIDER: Final = Mailgun


def credentials(settings: Settings) -> tuple[str, str]:
    """Return the API key and the sending domain.

    Raises:
        NewsletterError: One of them is missing, or the second is not a domain.
    """
    key = base.credential(settings, "MAILGUN_API_KEY", "Make a key at app.mailgun.com")
    domain = base.credential(settings, "MAILGUN_DOMAIN", "Take your sending domain")
    if not _DOMAIN.fullmatch(domain):
        raise NewsletterError(
            "MAILGUN_DOMAIN is not a domain",
            hint='Write it as Mailgun lists it, such as "brief.example.org"',
        )
    return key, domain


def headers(key: str) -> dict[str, str]:
    """Return the headers of every request with this key."""
    secret = b64encode(f"api:{key}".encode()).decode()
    return {"Authorization": f"Basic {secret}", "Accept": "application/json"}


@functools.lru_cache(maxsize=4)
def _shared(letter: Letter, greeting: str, in_html: str) -> Sequence[tuple[str, bytes]]:
    """Return the fields that all recipients of a letter have in common.

    What looks like Mailgun's own syntax becomes a value in subject and text, inserted as it is; in
    HTML its percent signs become entities.

    Args:
        letter: Has Mailgun's variables in its placeholders.
        greeting: What the text has in place of the greeting.
        in_html: The same in the HTML.
    """
    cut = personalize.letter_template(letter)
    words = _literals(letter)
    own = {"greeting": greeting, "unsubscribe_url": letter.unsubscribe_url + _variable(_TOKEN)}
    escaped = {
        "greeting": in_html,
        "unsubscribe_url": personalize.html_value(own["unsubscribe_url"]),
    }

    def named(literal: str) -> str:
        return _replaced(literal, lambda word: _variable(str(words.index(word))))

    fields = {
        # In encoded words where there is more than ASCII: around such a name with a comma or a
        # bracket, Mailgun adds quotation marks that everyone sees
        # (https://github.com/anymail/django-anymail/issues/270).
        "from": mime.unfolded("From", letter.sender),
        "subject": named(letter.subject),
        "text": cut.text.with_literals(named).fill(own),
        **({"html": cut.html.with_literals(_hidden).fill(escaped)} if cut.html else {}),
        f"v:{search.VARIABLE}": _variable(_REF),
    }
    headers = dict(cut.headers)
    for name in _HEADERS:
        if name in headers:
            fields[f"h:{name}"] = mime.unfolded(name, headers[name].fill(own))
    return [(name, value.encode()) for name, value in fields.items()]


def _variable(name: str) -> str:
    return f"%recipient.{name}%"


def _literals(letter: Letter) -> Sequence[str]:
    """Return all in subject and text that Mailgun would replace; its index is its variable."""
    literals = (letter.subject, *personalize.letter_template(letter).text[::2])
    return list(dict.fromkeys(word for text in literals for word in _syntax(text)))


def _hidden(in_html: str) -> str:
    """Return HTML in which Mailgun replaces nothing, and which looks the same."""
    return _replaced(in_html, lambda word: word.replace("%", "&#37;"))


def _syntax(text: str) -> list[str]:
    """Return all that Mailgun might replace, in order."""
    return [run for run in _RUN.findall(text) if _OWN.search(run)]


def _replaced(text: str, by: Callable[[str], str]) -> str:
    return _RUN.sub(lambda run: by(run[0]) if _OWN.search(run[0]) else run[0], text)


def _greetings(recipients: Sequence[Recipient]) -> tuple[str, str, Mapping[str, str]]:
    """Return how the recipients are greeted.

    Returns:
        What the text has, what the HTML has, and for each greeting what it adds to the JSON of a
        recipient's values: nothing where all greetings are equal.
    """
    all_ = {recipient.greeting for recipient in recipients}
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
    """Return the JSON of all recipients' values by address: every recipient has every name.

    Letters beyond ASCII are not escaped: escapes were once mailed as they are
    (https://github.com/jeffreykemp/mailgun-plsql-api/issues/42).
    """
    unsubscribe_url = batch.letter.unsubscribe_url
    words = "".join(
        f',"{name}":{encode(word)}' for name, word in enumerate(_literals(batch.letter))
    )
    # References and tokens are ours, of characters that JSON does not escape.
    return ",".join(
        f'{encode(one.email)}:{{"{_REF}":"{one.ref}",'
        f'"{_TOKEN}":"{one.unsubscribe_url.removeprefix(unsubscribe_url)}"'
        f"{greetings[one.greeting]}{words}}}"
        for one in batch.recipients
    ).join("{}")


def _form(boundary: str, fields: Iterable[tuple[str, bytes]]) -> tuple[bytes, ...]:
    """Return a form (RFC 7578) in pieces; no author of a value can know its boundary."""
    parts: list[bytes] = []
    for name, value in fields:
        head = f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n'
        parts += (head.encode(), value, b"\r\n")
    return (*parts, f"--{boundary}--\r\n".encode())
