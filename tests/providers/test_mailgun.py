"""What we say to Mailgun, what a subscriber makes of it, and what each of its answers means."""

from __future__ import annotations

import dataclasses
import html
import json
import re
from email.header import decode_header, make_header
from email.utils import quote
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from newsletter import config, personalize, placeholders, providers, render
from newsletter.errors import NewsletterError
from newsletter.model import Accepted, Batch, RequestRefused, RetryLater, Unknown
from newsletter.providers.http import HttpClient
from newsletter.providers.mailgun.send import BASE, Mailgun
from tests.support.issues import SETTINGS, every_block
from tests.support.providers.batches import TOKEN, batch, letter
from tests.support.providers.fake_mailgun import DOMAIN, FAULTS, FakeMailgun, fields, letters
from tests.support.providers.fake_server import Request

if TYPE_CHECKING:
    from pathlib import Path

    from newsletter.model import Letter, Outcome
    from newsletter.providers.base import Payload

KEY = "key-c4n4ry"
BUILDER = Mailgun(KEY, DOMAIN, BASE, HttpClient())
LEAVE = "https://brief.example.org/u/%recipient.l%"
SYNTAX = (
    "%recipient%",
    "%recipient_email%",
    "%recipient_fname%",
    "%recipient.email%",
    "%recipient.r%",
    "%recipient.l%",
    "%Recipient.g%",
    "%recipient.0%",
    "%unsubscribe_url%",
    "%unsubscribe_email%",
    "%mailing_list_unsubscribe_url%",
    "%tag_unsubscribe_url%",
    "%tag_unsubscribe_email%",
    "%recipient.%recipient.l%%",
    "%recipient",
)


def form(payload: Payload, key: str = "k1") -> dict[str, list[str]]:
    kind = f"multipart/form-data; boundary={key}"
    return fields(Request("POST", "/", {"content-type": kind}, b"".join(payload.parts)))


def variables(of: Batch) -> dict[str, dict[str, str]]:
    (said,) = form(BUILDER.build(of))["recipient-variables"]
    found: dict[str, dict[str, str]] = json.loads(said)
    return found


def mailbox(of: Batch, *, rescans: bool = False) -> list[dict[str, Any]]:
    """Return what each subscriber finds, without a server."""
    sent = form(BUILDER.build(of), of.key)
    return [one["message"] for one in letters(sent, rescans=rescans)]


def outcome(provider: Mailgun, of: Batch | None = None) -> Outcome:
    """Return what became of a batch: of each of its letters the same."""
    of = of or batch()
    said = provider.submit(of, provider.build(of)).outcomes
    assert list(said) == [subscriber.ref for subscriber in of.recipients]
    (one,) = set(said.values())
    return one


def greeted(*names: str | None, of: Letter | None = None) -> Batch:
    """Return a batch with a subscriber of each of these names."""
    of = of or letter()
    sent = batch(*(f"lezer{place}@example.org" for place in range(len(names))), of=of)
    return dataclasses.replace(
        sent,
        recipients=tuple(
            personalize.recipient(of, subscriber.ref, subscriber.email, name, f"{TOKEN}{place:02d}")
            for place, (subscriber, name) in enumerate(zip(sent.recipients, names, strict=True))
        ),
    )


def test_a_request_is_what_the_documentation_asks_for(fake: FakeMailgun, provider: Mailgun) -> None:
    sent = greeted("Zoë", None, of=letter(reply_to="antwoord@example.org"))
    assert isinstance(outcome(provider, sent), Accepted)
    (request,) = fake.requests
    assert (request.method, request.path) == ("POST", "/v3/brief.example.org/messages")
    assert request.headers["authorization"] == "Basic YXBpOmtleS1jNG40cnk="
    said = fields(request)
    assert json.loads(said.pop("recipient-variables")[0]) == {
        "lezer0@example.org": {"r": "0" * 32, "l": f"{TOKEN}00"}
        | {"g": "Dag Zoë,", "h": "Dag Zo&#235;,"},
        "lezer1@example.org": {"r": f"{1:032x}", "l": f"{TOKEN}01", "g": "Dag,", "h": "Dag,"},
    }
    assert said == {
        "from": ["Gerrit <gerrit@example.org>"],
        "to": ["lezer0@example.org,lezer1@example.org"],
        "subject": ["Over rust"],
        "text": [f"%recipient.g%\n\nEen rustige zin.\n\nAfmelden: {LEAVE}\n"],
        "html": [f'<p>%recipient.h%</p><p>Een rustige zin.</p><a href="{LEAVE}">Afmelden</a>'],
        "v:delivery": ["%recipient.r%"],
        "h:Reply-To": ["antwoord@example.org"],
        "h:List-Id": ["Jij en Loslaten <jij-en-loslaten.example.org>"],
        "h:List-Unsubscribe": [f"<{LEAVE}>"],
        "h:List-Unsubscribe-Post": ["List-Unsubscribe=One-Click"],
        "o:tracking": ["no"],
        "o:tracking-clicks": ["no"],
        "o:tracking-opens": ["no"],
        "o:suppress-headers": ["X-Mailgun-Variables,X-Mailgun-Tag"],
        "o:tag": ["newsletterbatch033"],
    }


def test_a_subscriber_gets_no_header_of_ours_but_the_promised_ones(
    fake: FakeMailgun, provider: Mailgun
) -> None:
    assert isinstance(outcome(provider, batch(of=letter(reply_to="a@example.org"))), Accepted)
    for entry in fake.taken():
        assert {name for name, _ in entry["message"]["headers"]} == {
            *("To", "From", "Subject", "Reply-To", "Message-ID", "X-Mailgun-Sid"),
            *("List-Id", "List-Unsubscribe", "List-Unsubscribe-Post"),
        }
        assert "email.example.org" not in json.dumps(entry["message"])


@pytest.mark.parametrize(
    ("names", "own"),
    [
        ((None, None), set()),
        (("Zoë", "Zoë"), set()),
        (("Anna", None), {"g"}),
        (("Anna", "Zoë"), {"g", "h"}),
        (("Anna", "O'Brien"), {"g", "h"}),
        (("%unsubscribe_url%", "%unsubscribe_url%"), {"g", "h"}),
    ],
)
def test_variables_hold_only_what_differs_and_each_subscriber_has_every_name(
    names: tuple[str | None, ...], own: set[str]
) -> None:
    sent = greeted(*names)
    for subscriber in variables(sent).values():
        assert set(subscriber) == {"r", "l", *own}
    for found, subscriber in zip(mailbox(sent), sent.recipients, strict=True):
        assert found["text"] == personalize.message(sent, subscriber).text


def test_each_request_has_a_tag_and_there_are_at_most_a_thousand_tags() -> None:
    said = [form(BUILDER.build(batch(key=f"k{n}")), f"k{n}")["o:tag"] for n in range(3000)]
    tags = {tag for (tag,) in said}
    assert 900 < len(tags) <= 1000
    # One word of ASCII: in a search, a sign between two would part them or exclude one.
    assert all(re.fullmatch("[a-z0-9]{1,128}", tag) for tag in tags)


def test_letters_beyond_ascii_are_in_the_variables_as_they_are() -> None:
    (said,) = form(BUILDER.build(greeted("Zoë 🌱", 'Jan "Piet" \\')))["recipient-variables"]
    assert '"g":"Dag Zoë 🌱,"' in said
    assert "\\u" not in said


def test_the_name_of_a_list_travels_in_ascii_and_on_one_line() -> None:
    sent = batch(of=letter(list_id=f"{'Café Rust ' * 9}<rust.example.org>"))
    (value,) = form(BUILDER.build(sent))["h:List-Id"]
    assert value.isascii()
    assert len(value.splitlines()) == 1


@pytest.mark.parametrize("name", ["Zoë, Café", "Stil Water (Zoë)", 'De "stille" Zoë', "Zoë"])
def test_a_name_beyond_ascii_travels_without_quotation_marks(name: str) -> None:
    of = letter(
        sender=f'"{quote(name)}" <g@example.org>', reply_to=f'"{quote(name)}" <g@example.org>'
    )
    sent = form(BUILDER.build(batch(of=of)))
    for field in ("from", "h:Reply-To"):
        (value,) = sent[field]
        assert value.isascii()
        assert '"' not in value
        assert str(make_header(decode_header(value))) == f"{name} <g@example.org>"


@pytest.mark.parametrize("syntax", SYNTAX)
def test_what_looks_like_mailguns_own_syntax_arrives_as_it_was_written(syntax: str) -> None:
    of = letter(subject=f"Over {syntax} en rust", prose=f"Wie {syntax} schrijft, bedoelt {syntax}.")
    assert BUILDER.unsupported(of) == ""
    sent = greeted(f"Anna {syntax}", None, of=of)
    for found, subscriber in zip(mailbox(sent), sent.recipients, strict=True):
        wanted = personalize.message(sent, subscriber)
        assert dict(found["headers"])["Subject"] == of.subject
        assert found["text"] == wanted.text
        assert html.unescape(found["html"]) == html.unescape(wanted.html)
    # Should it ever read once more what it has put in, the HTML still looks the same.
    for found, subscriber in zip(mailbox(sent, rescans=True), sent.recipients, strict=True):
        assert html.unescape(found["html"]) == html.unescape(
            personalize.message(sent, subscriber).html
        )


PIECES = st.lists(
    st.sampled_from(
        [
            *("%", "%%", "recipient", ".", "_", " ", "\\", '"', "é", "🌱", "&", "<b>", "\u2028"),
            *(
                "r",
                "l",
                "g",
                "h",
                "0",
                "1",
                "email",
                "unsubscribe_url",
                "%recipient.",
                "%recipient",
            ),
            *SYNTAX,
        ]
    ),
    max_size=9,
).map("".join)


@settings(deadline=None)  # a busy machine is no failure
@example(names=[None], subject="%runsubscribe_url%recipient.", prose="%a%recipient.", more="%")
@given(
    names=st.lists(PIECES | st.none(), min_size=1, max_size=3),
    subject=PIECES,
    prose=PIECES,
    more=PIECES,
)
def test_any_text_arrives_as_it_was_written(
    names: list[str | None], subject: str, prose: str, more: str
) -> None:
    of = letter(subject=f"Over {subject}", prose=prose, list_id="Rust <rust.example.org>")
    of = dataclasses.replace(of, greeting=f"Dag {{first_name}}{more}", greeting_without_name=more)
    sent = greeted(*names, of=of)
    for found, subscriber in zip(mailbox(sent), sent.recipients, strict=True):
        wanted = personalize.message(sent, subscriber)
        headers = dict(found["headers"])
        assert headers["Subject"] == of.subject
        assert headers["List-Unsubscribe"] == f"<{subscriber.unsubscribe_url}>"
        assert found["text"] == wanted.text
        assert found["html"].replace("&#37;", "%") == wanted.html


@pytest.mark.parametrize("syntax", ["%recipient%", "%RECIPIENT.x%", "%unsubscribe_url%"])
@pytest.mark.parametrize(
    ("where", "change"),
    [
        ("sender", {"sender": '"Gerrit {}" <gerrit@example.org>'}),
        ("reply_to", {"reply_to": '"Gerrit {}" <gerrit@example.org>'}),
        ("name", {"list_id": '"Rust {}" <rust.example.org>'}),
        ("public_url", {"unsubscribe_url": "https://brief.example.org/{}/u/"}),
        ("styles", {"html": f"<style>a {{content:'{{}}'}}</style>{placeholders.UNSUBSCRIBE_URL}"}),
        ("comments", {"html": f"<!-- {{}} -->{placeholders.UNSUBSCRIBE_URL}"}),
    ],
)
def test_what_it_would_change_is_refused_when_a_mailing_is_planned(
    syntax: str, where: str, change: dict[str, str]
) -> None:
    ((field, value),) = change.items()
    of = dataclasses.replace(letter(), **{field: value.replace("{}", syntax)})
    assert where in BUILDER.unsupported(of)
    assert f'"{syntax}"' in BUILDER.unsupported(of)
    assert (
        BUILDER.unsupported(dataclasses.replace(of, **{field: value.replace("{}", "100%")})) == ""
    )


def test_headers_that_are_larger_than_it_takes_are_refused_when_a_mailing_is_planned(
    fake: FakeMailgun, provider: Mailgun
) -> None:
    def of(length: int) -> Letter:
        return letter(list_id=f"{'x' * length} <rust.example.org>")

    assert BUILDER.unsupported(of(15_600)) == ""
    assert isinstance(outcome(provider, batch(of=of(15_600))), Accepted)
    assert "16,384" in BUILDER.unsupported(of(16_400))
    assert isinstance(outcome(provider, batch(of=of(16_400))), RequestRefused)
    assert len(fake.taken()) == 2


def test_the_letters_of_our_own_samples_and_of_every_block_can_travel() -> None:
    for words in ("rust", "100% rust", "Wie %unsubscribe_url% schrijft"):
        assert BUILDER.unsupported(render.letter(every_block(words), SETTINGS)) == ""


def test_a_subscriber_to_a_letter_of_thirty_kilobytes_costs_at_most_320_bytes() -> None:
    of = render.letter(every_block("Wat mag er vandaag blijven liggen? " * 8), SETTINGS)
    assert 30_000 < len(of.html) + len(of.text.encode()) < 45_000
    names = ["Anna", None, "Zoë", "Jan-Willem"]
    sent = dataclasses.replace(
        batch(of=of, key="f" * 32),
        recipients=tuple(
            personalize.recipient(
                of, f"{n:032x}", f"voornaam.achternaam{n}@voorbeeld.nl", names[n % 4], TOKEN + "00"
            )
            for n in range(1000)
        ),
    )
    assert sum(map(len, BUILDER.build(sent).parts)) / 1000 <= 320


FROM_A_FAULT = {
    "400": RequestRefused("the provider refuses the request (400: it is so)", divisible=True),
    "400-address": RequestRefused(
        "the provider refuses the request "
        "(400: to parameter is not a valid address. please check documentation)",
        divisible=True,
    ),
    "400-from": RequestRefused(
        "the provider refuses the request "
        "(400: from parameter is not a valid address. please check documentation)"
    ),
    "401-forbidden": RequestRefused("the provider refuses this key or account (401)"),
    "402": RequestRefused(
        "the provider refuses this key or account (402: Your plan does not include this)"
    ),
    "403-disabled": RequestRefused(
        "the provider refuses this key or account "
        "(403: Domain brief.example.org is not allowed to send: it is disabled)"
    ),
    "404-domain": RequestRefused(
        "Mailgun knows no such address or domain (404: Domain not found: brief.example.org); "
        "are MAILGUN_DOMAIN and provider_url right? A domain in the United States is at "
        "https://api.mailgun.net"
    ),
    "404-page": RequestRefused(
        "Mailgun knows no such address or domain (404); are MAILGUN_DOMAIN and provider_url "
        "right? A domain in the United States is at https://api.mailgun.net"
    ),
    "magnificent": RequestRefused(
        "Mailgun knows no such address (200: Mailgun Magnificent API); are MAILGUN_DOMAIN and "
        "provider_url right? A domain in the United States is at https://api.mailgun.net"
    ),
    **dict.fromkeys(
        ("not-queued", "no-id", "odd-id", "empty", "page", "half-json", "huge"),
        Unknown("the answer of Mailgun does not say what became of the letters"),
    ),
}


@pytest.mark.parametrize("name", FROM_A_FAULT)
def test_each_answer_means_what_it_proves_and_says_what_to_do(
    fake: FakeMailgun, provider: Mailgun, name: str
) -> None:
    fake.faults[1] = FAULTS[name]
    said = outcome(provider)
    assert said == FROM_A_FAULT[name]
    assert bool(fake.taken()) is isinstance(said, Unknown)


@pytest.mark.parametrize(
    ("name", "after"),
    [("420", 0), ("429-words", 120), ("429-both", 120), ("429-longer", 300), ("429-bare", None)],
)
def test_how_long_to_wait_is_read_in_the_header_and_in_the_words(
    fake: FakeMailgun, provider: Mailgun, name: str, after: float | None
) -> None:
    fake.faults[1] = FAULTS[name]
    said = outcome(provider)
    assert isinstance(said, RetryLater)
    assert said.after == after
    assert fake.taken() == []


def test_one_bad_address_refuses_all_and_the_others_pass_without_it(
    fake: FakeMailgun, provider: Mailgun
) -> None:
    said = outcome(provider, batch("a@example.org", "refused@example.org", "c@example.org"))
    assert said == FROM_A_FAULT["400-address"]
    assert fake.taken() == []
    assert isinstance(outcome(provider, batch("a@example.org", "c@example.org")), Accepted)


def test_one_id_is_that_of_all_letters_in_a_request(fake: FakeMailgun, provider: Mailgun) -> None:
    said = outcome(provider)
    (name,) = {entry["id"] for entry in fake.taken()}
    assert said == Accepted(name)
    assert not {"<", ">"} & set(name)


def opened(root: Path, **environment: str) -> Any:  # noqa: ANN401 - whichever it is
    known = {"NEWSLETTER_PROVIDER": "mailgun", "MAILGUN_API_KEY": KEY, "MAILGUN_DOMAIN": DOMAIN}
    return providers.open_provider(config.load(root, known | environment))


def test_letters_leave_in_europe_unless_the_settings_say_otherwise(tmp_path: Path) -> None:
    assert opened(tmp_path)._url == "https://api.eu.mailgun.net/v3/brief.example.org"  # noqa: SLF001 - what is on the wire needs their servers
    there = opened(tmp_path, NEWSLETTER_PROVIDER_URL="https://api.mailgun.net/")
    assert there._url == "https://api.mailgun.net/v3/brief.example.org"  # noqa: SLF001 - the same


@pytest.mark.parametrize(
    "domain", ["example.org/x", "example.org%2Fx", "https://example.org", "example", "a@b.example"]
)
def test_a_domain_that_would_lead_elsewhere_is_refused(tmp_path: Path, domain: str) -> None:
    with pytest.raises(NewsletterError, match="MAILGUN_DOMAIN") as caught:
        opened(tmp_path, MAILGUN_DOMAIN=domain)
    assert caught.value.exit_code == 1
