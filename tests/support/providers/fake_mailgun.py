"""A stand-in for Mailgun with a ledger of its own, and with every fault a network can have.

It takes a form in either encoding, puts each subscriber's variables in, and notes the letter as it
arrives. What its domain would add (a pixel, rewritten links, headers of its own) it adds
unless the request says no. Events are listed when their `lag` is over, in pages. `stand_in.py` says
how to use it; `--fast` finds addresses and references without putting anything in.
"""

from __future__ import annotations

import base64
import io
import json
import re
import time
import uuid
from typing import TYPE_CHECKING, Any, ClassVar
from urllib.parse import parse_qs, parse_qsl, urlsplit

import python_multipart

from newsletter.providers.http import HttpClient
from newsletter.providers.mailgun.send import Mailgun
from tests.support.providers.case import Case
from tests.support.providers.fake_account_mailgun import DOMAIN, MailgunAccount
from tests.support.providers.fake_server import (
    FakeServer,
    Fault,
    Request,
    answer,
    error,
    faults,
    run,
    seen,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

MOST = 1000
PER_PAGE = 300
OPTIONS = 16 * 1024
DAY = 86_400.0
WELCOME = b"Mailgun Magnificent API"
RATE = "Domain brief.example.org is not allowed to send: account-requests-per-sec limit exceeded"
PROBATION = "Domain brief.example.org is not allowed to send: recipient limit exceeded"
ADDRESS = "to parameter is not a valid address. please check documentation"


def says(status: int, message: str, **headers: str) -> Fault:
    return error(status, "message", message=message, **headers)


FAULTS: Mapping[str, Fault] = {
    **faults({}),
    "400-address": says(400, ADDRESS),
    "400-from": says(400, "from parameter is not a valid address. please check documentation"),
    "401-forbidden": answer(b"Forbidden", status=401, taken=False, kind="text/plain"),
    "402": says(402, "Your plan does not include this"),
    "403-disabled": says(403, "Domain brief.example.org is not allowed to send: it is disabled"),
    "404-domain": says(404, "Domain not found: brief.example.org"),
    "420": says(420, f"{PROBATION}, try again after Mon, 25 Aug 2025 07:00:31 UTC"),
    "429-words": says(429, f"{RATE}, try again after 120 seconds"),
    "429-both": says(429, f"{RATE}, try again after 120 seconds", retry_after="7"),
    "429-longer": says(429, f"{RATE}, try again after 120 seconds", retry_after="300"),
    "magnificent": answer(WELCOME, taken=False, kind="text/plain"),
    "not-queued": answer(b'{"id":"<1@example.org>","message":"Thank you."}'),
    "no-id": answer(b'{"message":"Queued. Thank you."}'),
    "odd-id": answer(b'{"id":["<1@example.org>"],"message":"Queued. Thank you."}'),
}


class FakeMailgun(FakeServer):
    """A stand-in for Mailgun.

    Args:
        ledger: See StandIn.
        lag: In seconds, for how long an event is not listed.
        rescans: Whether what was put in is read for variables once more.
    """

    FAULTS: ClassVar[Mapping[str, Fault]] = FAULTS

    def __init__(
        self,
        ledger: Path,
        *,
        lag: float = 0.0,
        rescans: bool = False,
        **more: Any,  # noqa: ANN401 - see StandIn
    ) -> None:
        super().__init__(ledger, **more)
        self.lag, self.rescans = lag, rescans
        self.passed = 0.0
        """In seconds, how far its clock is ahead."""
        self.happens: tuple[str, ...] = ("accepted", "delivered")
        """What happens to each letter from now on."""
        self.recites = False
        """Whether an event lists all recipients of its request."""
        self.keeps_tags = True
        """Whether events are listed with their tags, or these were dropped or renamed."""
        self.events: list[dict[str, Any]] = []
        self.domains = {DOMAIN}
        """Of the account; each lists its own events."""
        self._of: dict[str, str] = {}
        self.page_faults: dict[int, Fault] = {}
        self.pages = 0
        self.account = MailgunAccount(self.domains)

    def error(self, fault: Fault) -> bytes:
        return json.dumps({"message": fault.message}).encode()

    def next_fault(self, request: Request) -> Fault:
        if request.method == "GET":
            self.pages += 1
            return self.page_faults.get(self.pages, self.reading)
        return super().next_fault(request)

    def now(self) -> float:
        return time.time() + self.passed

    def respond(self, request: Request) -> tuple[int, bytes]:
        """Answer as Mailgun does; return status and body."""
        where = urlsplit(request.path)
        about = self.account.respond(
            request, where.path.removeprefix(self.base), known=self._knows(request)
        )
        if about:
            return about
        found = re.fullmatch(
            rf"{self.base}/v3/([^/]+)/(messages|events)(?:/([\w=-]+))?", where.path
        )
        if not found or (request.method == "POST") != (found[2] == "messages"):
            return 200, WELCOME
        if not self._knows(request):
            return 401, b"Forbidden"
        domain = found[1]
        if domain not in self.domains:
            return 404, self.error(says(404, f"Domain not found: {domain}"))
        if request.method == "GET":
            first = _name({**dict(parse_qsl(where.query)), "offset": 0})
            return self._page(domain, found[3] or first)
        if self.latency:
            time.sleep(self.latency)
        return self._take(domain, request)

    def _knows(self, request: Request) -> bool:
        scheme, _, secret = request.headers.get("authorization", "").partition(" ")
        if scheme != "Basic":
            return False
        user, _, key = base64.b64decode(secret).decode().partition(":")
        return user == "api" and bool(key) and key == (self.key or key)

    def _take(self, domain: str, request: Request) -> tuple[int, bytes]:
        id_ = f"{time.strftime('%Y%m%d%H%M%S')}.{uuid.uuid4().hex[:16]}@{domain}"
        said = json.dumps({"id": f"<{id_}>", "message": "Queued. Thank you."}).encode()
        if self.fast:
            self.note([{"to": to, "ref": ref, "id": id_} for to, ref in found(request.body)])
            return 200, said
        form = fields(request)
        if problem := _problem(form):
            return 400, self.error(says(400, problem))
        try:
            json.loads(form.get("recipient-variables", ["{}"])[0])
        except ValueError:
            return 400, self.error(says(400, "'recipient-variables' parameter is not a valid JSON"))
        taken = list(letters(form, id_, rescans=self.rescans))
        with self.lock:
            self.note(taken if self.keep else [one | {"message": None} for one in taken])
            reported = [
                _event(kind, letter, form, self.now() + second)
                for letter in taken
                for second, kind in enumerate(self.happens)
            ]
            self._of |= {event["id"]: domain for event in reported}
            if self.recites:
                for event in reported:
                    event["message"]["recipients"] = _recipients(form)
            self.events += reported
        return 200, said

    def _page(self, domain: str, name: str) -> tuple[int, bytes]:
        query = json.loads(base64.urlsafe_b64decode(name))
        limit, begin = int(query.get("limit", 100)), float(query["begin"])
        if limit > PER_PAGE or ("end" not in query and "ascending" not in query):
            return 400, self.error(says(400, "Bad Request"))
        now = self.now()
        with self.lock:
            listed = sorted(
                (
                    event
                    for event in self.events
                    if max(begin, now - DAY) <= event["timestamp"] <= now - self.lag
                    and _fits(event, query, tagged=self.keeps_tags)
                    and self._of.get(event["id"], domain) == domain
                ),
                key=lambda event: event["timestamp"],
            )
        items = listed[query["offset"] :][:limit]
        if not self.keeps_tags:
            items = [event | {"tags": []} for event in items]
        following = _name({**query, "offset": query["offset"] + len(items)})
        at = f"{self.url}/v3/{domain}/events"
        paging = {"next": f"{at}/{following}", "previous": f"{at}/{name}"}
        return 200, json.dumps({"items": items, "paging": paging}).encode()


def fields(request: Request) -> dict[str, list[str]]:
    """Return a form, in whichever of both encodings it came."""
    kind = request.headers["content-type"]
    if kind == "application/x-www-form-urlencoded":
        return parse_qs(request.body.decode(), keep_blank_values=True, strict_parsing=True)
    form: dict[str, list[str]] = {}

    def keep(field: Any) -> None:  # noqa: ANN401 - the parser's own
        form.setdefault(field.field_name.decode(), []).append((field.value or b"").decode())

    headers = {"Content-Type": kind.encode(), "Content-Length": str(len(request.body)).encode()}
    python_multipart.parse_form(headers, io.BytesIO(request.body), keep, keep)
    return form


def found(body: bytes) -> list[tuple[str, str]]:
    """Return address and reference of each subscriber, by where our requests have them."""
    head = b'\r\nContent-Disposition: form-data; name="recipient-variables"\r\n\r\n'
    start = body.index(head) + len(head)
    variables = json.loads(body[start : body.index(b"\r\n", start)])
    return [(to, own["r"]) for to, own in variables.items()]


def _problem(form: dict[str, list[str]]) -> str:
    """Return why a form is refused, in Mailgun's words; empty if it is not."""
    missing = next((name for name in ("from", "to", "subject") if name not in form), "")
    if missing:
        return f"{missing} parameter is missing"
    if not {"text", "html"} & form.keys():
        return "Need at least one of 'text', 'html', 'amp-html' or 'template' parameters specified"
    options = (name + value for name in form if name[1] == ":" for value in form[name])
    if sum(map(len, options)) > OPTIONS:
        return "Send options (parameters starting with o:, h:, or v:) are limited to 16KB total"
    subscribers = _recipients(form)
    if any("@" not in subscriber or subscriber.startswith("refused") for subscriber in subscribers):
        return ADDRESS
    return "" if len(subscribers) <= MOST else f"Too many recipients; max is {MOST}"


def _recipients(form: dict[str, list[str]]) -> list[str]:
    return [subscriber.strip() for said in form["to"] for subscriber in said.split(",")]


def letters(
    form: dict[str, list[str]], id_: str = "1", *, rescans: bool = False
) -> Iterator[dict[str, Any]]:
    """Yield each subscriber's letter: as it is found in the mailbox, and what is known of it."""
    subscribers = _recipients(form)
    variables = json.loads(form.get("recipient-variables", ["{}"])[0])
    for subscriber in dict.fromkeys(subscribers):
        own = _known(subscriber, variables.get(subscriber, {}))
        said = {
            name: [_put_in(value, own, rescans=rescans) for value in values]
            for name, values in form.items()
            if name not in {"to", "recipient-variables"}
        }
        data = {name[2:]: values[0] for name, values in said.items() if name.startswith("v:")}
        # Without variables, everybody sees whom else it was sent to.
        to = subscriber if "recipient-variables" in form else ", ".join(subscribers)
        headers = [("To", to), ("From", said["from"][0]), ("Subject", said["subject"][0])]
        headers += [("Message-ID", f"<{id_}>"), *_headers(said, data)]
        yield {
            "to": subscriber,
            "ref": data.get("delivery", ""),
            "id": id_,
            "data": data,
            "message": seen(headers, _tracked(said), said.get("text", [""])[0]),
        }


def _headers(said: dict[str, list[str]], data: dict[str, str]) -> list[tuple[str, str]]:
    tags = said.get("o:tag", [])
    own = [("X-Mailgun-Variables", json.dumps(data)), *(("X-Mailgun-Tag", tag) for tag in tags)]
    hidden = said.get("o:suppress-headers", [""])[0].split(",")
    return [
        ("X-Mailgun-Sid", "WyJh"),
        *((name, value) for name, value in own if name not in hidden),
        *((name[2:], value) for name in said if name[:2] == "h:" for value in said[name]),
    ]


def _tracked(said: dict[str, list[str]]) -> str:
    """Return the HTML with all that the domain adds to it unless a request says no."""
    html = said.get("html", [""])[0]
    if said.get("o:tracking-clicks", said.get("o:tracking")) != ["no"]:
        html = html.replace('href="https://', 'href="https://email.example.org/c/')
    if said.get("o:tracking-opens", said.get("o:tracking")) != ["no"]:
        html += '<img src="https://email.example.org/o/1">'
    return html


def _known(subscriber: str, own: Mapping[str, object]) -> dict[str, str]:
    """Return all variables of a subscriber by what stands between their percent signs."""
    return {
        "recipient": subscriber,
        "recipient_email": subscriber,
        **dict.fromkeys(("recipient_name", "recipient_fname", "recipient_lname"), ""),
        **dict.fromkeys(
            ("unsubscribe_url", "mailing_list_unsubscribe_url", "tag_unsubscribe_url"),
            "https://email.example.org/u/1",
        ),
        **dict.fromkeys(("unsubscribe_email", "tag_unsubscribe_email"), "u+1@example.org"),
        **{f"recipient.{name}": str(value) for name, value in own.items()},
    }


def _put_in(text: str, own: Mapping[str, str], *, rescans: bool) -> str:
    # What it does not know stays as it is.
    filled = re.sub(
        r"%(recipient(?:\.[^%\s]+|_\w+)?|\w*unsubscribe_\w+)%",
        lambda found: own.get(found[1], found[0]),
        text,
    )
    return _put_in(filled, own, rescans=False) if rescans else filled


def _event(
    kind: str, letter: Mapping[str, Any], form: dict[str, list[str]], at: float
) -> dict[str, Any]:
    headers = dict(letter["message"]["headers"])
    event = {
        "event": kind,
        "id": uuid.uuid4().hex[:22],
        "timestamp": at,
        "log-level": "info",
        "flags": {"is-authenticated": True, "is-test-mode": False},
        "message": {
            "headers": {
                "to": headers["To"],
                "message-id": letter["id"],
                "from": headers["From"],
                "subject": headers["Subject"],
            },
            "attachments": [],
            "recipients": [letter["to"]],
            "size": len(letter["message"]["html"]),
        },
        "tags": form.get("o:tag", [""]),
        "user-variables": letter["data"],
    }
    return event if kind == "rejected" else event | {"recipient": letter["to"]}


def _fits(event: Mapping[str, Any], query: Mapping[str, Any], *, tagged: bool) -> bool:
    """Say whether an event fits all filters that were asked for."""
    values = {
        "tags": event["tags"] if tagged else [],
        "recipient": [event.get("recipient")],
        "message-id": [event["message"]["headers"].get("message-id")],
    }
    return all(query[name] in values[name] for name in values.keys() & query.keys())


def _name(query: Mapping[str, object]) -> str:
    return base64.urlsafe_b64encode(json.dumps(query).encode()).decode()


CASES = (
    Case(
        name="mailgun",
        fake=FakeMailgun,
        can=Mailgun.capabilities,
        environment={"MAILGUN_API_KEY": "key-c4n4ry", "MAILGUN_DOMAIN": DOMAIN},
        open=lambda url, deadline: Mailgun(
            "key-c4n4ry", DOMAIN, url, HttpClient(deadline=deadline)
        ),
        listed=False,
        beyond_ascii=True,
        # In what an author writes they can stand: see `test_mailgun.py`. These letters hold them in
        # settings as well.
        unsupported=(
            "%recipient%",
            "%recipient.email%",
            "%recipient.greeting%",
            "%recipient.x%",
            "%unsubscribe_url%",
            "%mailing_list_unsubscribe_url%",
        ),
    ),
)


if __name__ == "__main__":
    run(FakeMailgun)
