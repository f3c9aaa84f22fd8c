"""What every provider keeps, each against its own stand-in over real sockets.

`cases.py` lists the providers; each test here runs for every one that can do what it asks for.
What is a provider's own stands in its `test_NAME….py`.
"""

from __future__ import annotations

import dataclasses
import json
import logging
import time
import traceback
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from email.header import decode_header, make_header
from email.utils import formataddr, formatdate, getaddresses, quote
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsletter import config, personalize, providers
from newsletter.errors import NewsletterError
from newsletter.model import (
    Accepted,
    Batch,
    Outcome,
    RecipientRejected,
    RequestRefused,
    RetryLater,
    Unknown,
)
from newsletter.providers.base import account_id
from tests.support.newsletter import Newsletter
from tests.support.parameters import choose
from tests.support.providers.batches import TOKEN, letter, notice
from tests.support.providers.cases import CASES, Case
from tests.support.providers.fake_server import Fault

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from newsletter.model import Letter, Recipient
    from newsletter.providers.base import Provider, SubmitResult
    from tests.support.providers.fake_server import FakeServer

LOST = ("reset-accepted", "reset-untaken", "500-accepted", "hang")


@pytest.fixture(params=CASES, ids=lambda case: case.name)
def case(request: pytest.FixtureRequest) -> Case:
    """Return each provider in turn."""
    one: Case = request.param
    return one


def those(can: Callable[[Case], object]) -> pytest.MarkDecorator:
    """Run a test for those providers alone that can do something."""
    some = [one for one in CASES if can(one)]
    return pytest.mark.parametrize("case", some, ids=lambda case: case.name)


DOCS = Path(__file__).parents[2] / "docs"
SEVERAL = those(lambda case: case.can.max_messages > 1)
LISTED = those(lambda case: case.can.max_messages > 1 and case.listed)
KEYED = those(lambda case: case.can.replay)
OF_JSON = those(lambda case: case.plain)


def submit(provider: Provider, of: Batch) -> SubmitResult:
    """Send a batch; whatever happens, each of its deliveries gets an outcome that can be read."""
    said = provider.submit(of, provider.build(of))
    assert set(said.outcomes) == {subscriber.ref for subscriber in of.recipients}
    for outcome in said.outcomes.values():
        reported = getattr(outcome, "reason", "reported")
        assert reported
        assert reported.isprintable()
    return said


def outcomes(provider: Provider, of: Batch) -> list[Outcome]:
    """Send a batch and return the outcomes in the order of its subscribers."""
    said = submit(provider, of).outcomes
    return [said[subscriber.ref] for subscriber in of.recipients]


def kinds(said: Iterable[Outcome]) -> set[type]:
    return {type(outcome) for outcome in said}


# What is opened.


def settings(case: Case, root: Path, **more: str) -> config.Settings:
    environment = {"NEWSLETTER_PROVIDER": case.can.name, **case.environment, **more}
    return config.load(root, {name: value for name, value in environment.items() if value != "-"})


def test_without_what_it_needs_it_is_not_opened_but_what_it_can_do_is_known(
    case: Case, tmp_path: Path
) -> None:
    for name in case.environment:
        without = settings(case, tmp_path, **{name: "-"})
        assert providers.capabilities_of(without).name == case.can.name
        with pytest.raises(NewsletterError, match=name) as caught:
            providers.open_provider(without)
        assert caught.value.exit_code == 1
    opened = providers.open_provider(settings(case, tmp_path))
    assert opened.capabilities == providers.capabilities_of(settings(case, tmp_path))


def test_the_account_of_a_provider_that_can_replay_or_search_has_an_id(
    case: Case, tmp_path: Path
) -> None:
    can = case.can
    assert bool(can.account_variable) is bool(can.replay or can.search)
    known = account_id(settings(case, tmp_path), can)
    if not can.account_variable:
        assert known is None
        return
    for name in case.environment:
        other = settings(case, tmp_path, **{name: "another.example.org"})
        assert (account_id(other, can) != known) is (name == can.account_variable)


def test_the_documents_name_it_and_all_that_it_needs(case: Case) -> None:
    for page in ("providers.md", "settings.md"):
        text = (DOCS / page).read_text(encoding="utf-8")
        missing = [name for name in (case.can.name, *case.environment) if f"`{name}`" not in text]
        assert missing == [], page


def test_a_malformed_secret_is_refused_and_not_shown(case: Case, tmp_path: Path) -> None:
    for name, value in case.environment.items():
        for bad in ("", "  ", f"{value} {value}", f"{value}\n{value}", f"{value}é", f"{value}\x00"):
            with pytest.raises(NewsletterError, match=name) as caught:
                settings(case, tmp_path, **{name: bad})
            assert caught.value.exit_code == 1
            assert value not in str(caught.value)


def test_a_secret_shows_in_no_settings_and_no_traceback(case: Case, tmp_path: Path) -> None:
    read = settings(case, tmp_path, NEWSLETTER_SECRET_KEY="s3cr3t")
    assert read.credentials == case.environment
    opened = providers.open_provider(read)
    reported = repr(read) + repr(opened) + "".join(traceback.format_exception(RuntimeError(read)))
    for secret in (*case.secrets, "s3cr3t"):
        assert secret not in reported


def test_a_secret_is_in_no_file(case: Case, tmp_path: Path) -> None:
    for name, value in case.environment.items():
        (tmp_path / "newsletter.toml").write_text(f'{name.lower()} = "{value}"\n')
        with pytest.raises(NewsletterError, match=name.lower()) as caught:
            config.load(tmp_path, {})
        assert value not in str(caught.value)


def test_nothing_travels_in_clear_text_beyond_this_machine(case: Case, tmp_path: Path) -> None:
    for near in (
        "http://127.0.0.1:80",
        "http://localhost:80",
        "http://[::1]/",
        "https://x.example",
    ):
        assert providers.open_provider(settings(case, tmp_path, NEWSLETTER_PROVIDER_URL=near))
    for far in ("http://api.example.com", "http://127.0.0.1.example.org", "http://10.0.0.1"):
        with pytest.raises(NewsletterError, match="unencrypted"):
            providers.open_provider(settings(case, tmp_path, NEWSLETTER_PROVIDER_URL=far))


@pytest.mark.parametrize(("base", "slash"), [("", "/"), ("/sandbox/v1", ""), ("/sandbox/v1", "/")])
def test_another_base_address_keeps_its_path(
    case: Case, tmp_path: Path, base: str, slash: str
) -> None:
    with case.fake(tmp_path / "taken", base=base) as fake:
        url = fake.url + slash
        plain = providers.open_provider(settings(case, tmp_path, NEWSLETTER_PROVIDER_URL=url))
        opened: Any = plain.for_audience(case.audience)
        assert kinds(outcomes(opened, case.batch())) == {Accepted}
        assert [request.path.startswith(f"{base}/") for request in fake.requests] == [True]
        opened.close()


def test_a_base_address_without_its_path_is_refused_and_says_so(case: Case, tmp_path: Path) -> None:
    with case.fake(tmp_path / "taken", base="/v1") as fake:
        opened = case.open(fake.url.removesuffix("/v1"), 15)
        said = outcomes(opened, case.batch())
        opened.close()
    assert kinds(said) == {RequestRefused}
    assert "provider_url" in str(said[0])


# What leaves.


def in_plain_text(of: Letter) -> Letter:
    return dataclasses.replace(of, html="")


def versions(case: Case) -> list[Batch]:
    """Return batches that all say something else."""

    def changed(**values: str) -> Batch:
        first, *others = sent.recipients
        return dataclasses.replace(sent, recipients=(dataclasses.replace(first, **values), *others))

    sent = case.batch()
    return [
        sent,
        changed(greeting="Dag Ann,"),
        changed(email="ann@example.org"),
        changed(ref="f" * 32),
        changed(unsubscribe_url="https://brief.example.org/u/x"),
        case.batch(of=letter(subject="Over rust!")),
        case.batch(of=letter(prose="Een rustige zin!")),
        case.batch(of=letter(reply_to="antwoord@example.org")),
        case.batch(of=in_plain_text(letter())),
        *(
            [
                dataclasses.replace(sent, recipients=sent.recipients[::-1]),
                dataclasses.replace(sent, recipients=sent.recipients[:1]),
            ]
            if len(sent.recipients) > 1
            else []
        ),
    ]


def test_the_digest_is_the_same_for_the_same_bytes_and_for_no_others(case: Case) -> None:
    builder, another = case.open("https://x.example", 1), case.open("https://x.example", 1)
    sent = versions(case)
    built = [builder.build(version) for version in sent]
    assert len({payload.digest for payload in built}) == len(sent)
    assert len({b"".join(payload.parts) for payload in built}) == len(sent)
    again = [another.build(version) for version in versions(case)]
    assert [(one.digest, b"".join(one.parts)) for one in again] == [
        (one.digest, b"".join(one.parts)) for one in built
    ]
    tomorrow = dataclasses.replace(sent[0], date=sent[0].date + timedelta(days=1))
    other = builder.build(tomorrow)
    same = b"".join(other.parts) == b"".join(built[0].parts)
    assert (other.digest == built[0].digest) is same


LINES = st.text(
    st.characters(exclude_categories=["Cc", "Cs", "Co", "Zl", "Zp"])
    | st.sampled_from("\"\\/<>&'{}🌱𝔘é"),
    max_size=30,
)


@OF_JSON
@given(
    name=LINES
    | st.sampled_from(["</script>", "\u2028", "{unsubscribe_url}", '"},{"', "&amp;", "\\u0041"]),
    subject=LINES,
    prose=LINES | st.sampled_from(["&#57344;greeting&#57345;", "\\ue000greeting\\ue001", "\u2029"]),
    reply_to=st.sampled_from(["", '"Zoë, van" <zoe@example.org>']),
)
def test_the_joined_pieces_are_the_json_of_the_messages_built_one_by_one(
    case: Case, name: str, subject: str, prose: str, reply_to: str
) -> None:
    of = letter(subject=subject or "Over rust", prose=prose, reply_to=reply_to)
    sent = case.batch("anna@example.org", "bert@example.org", "carla@x.example", of=of, name=name)
    built = case.open("https://x.example", 1).build(sent)
    assert case.plain
    assert json.loads(b"".join(built.parts)) == case.plain(sent)


def test_the_largest_allowed_request_is_accepted(case: Case, fake: FakeServer) -> None:
    patient = case.open(fake.url, 60)
    sent = case.batch(*(f"lezer{number}@example.org" for number in range(case.can.max_messages)))
    assert kinds(outcomes(patient, sent)) == {Accepted}
    patient.close()
    assert fake.count == 1
    assert [(entry["to"], entry["ref"]) for entry in fake.taken()] == [
        (subscriber.email, subscriber.ref) for subscriber in sent.recipients
    ]


def test_several_threads_at_once_get_each_their_own_answers(
    case: Case, fake: FakeServer, provider: Provider
) -> None:
    sent = [
        case.batch(f"a{number}@example.org", f"b{number}@example.org", key=f"k{number}")
        for number in range(24)
    ]
    with ThreadPoolExecutor(case.can.in_flight) as pool:
        said = list(pool.map(lambda one: submit(provider, one).outcomes, sent))
    reported = {ref: outcome for answer in said for ref, outcome in answer.items()}
    assert reported == {entry["ref"]: Accepted(entry["id"]) for entry in fake.taken()}
    assert len(reported) == sum(len(one.recipients) for one in sent)


# What a subscriber finds in the mailbox.


def read(name: str, value: str) -> object:
    """Return a header as a person reads it."""

    def decoded(words: str) -> str:
        return " ".join(str(make_header(decode_header(words))).split())

    if name in {"From", "To", "Cc", "Reply-To", "List-Id"}:
        return [(decoded(phrase), address) for phrase, address in getaddresses([value])]
    return decoded(value)


def assert_delivered(entry: dict[str, Any], of: Batch, subscriber: Recipient) -> None:
    """Say whether a subscriber finds all that was promised, once, and just as it was written."""
    wanted = personalize.message(of, subscriber)
    found = entry["message"]
    for name, value in wanted.headers:
        if name not in {"Date", "Message-ID"}:  # most providers write these themselves
            there = [text for header, text in found["headers"] if header.lower() == name.lower()]
            assert [read(name, text) for text in there] == [read(name, value)], name
    # A percent sign may be hidden from the provider as an entity: a subscriber sees the same.
    assert found["html"].replace("&#37;", "%") == wanted.html
    assert found["text"] == wanted.text


@pytest.mark.parametrize(
    "of",
    [
        letter(),
        in_plain_text(letter()),
        letter(reply_to='"Zoë, van" <zoe@example.org>', subject='Over "rust", \\ en 🌱'),
        letter(
            sender=formataddr(("Gerrit, de Vries", "gerrit@example.org")),
            list_id="Café Rust <rust.example.org>",
            prose="</script> & é \u2028 \\ue000 'x' \"y\" 🌱 en een heel lange regel "
            + "rust " * 500,
        ),
    ],
)
@pytest.mark.parametrize("name", ["Anna", None, 'Zoë "O\'Brien" <b> & \\ 🌱'])
def test_each_letter_arrives_with_every_header_and_as_it_was_written(
    case: Case,
    fake: FakeServer,
    provider: Provider,
    of: Letter,
    name: str | None,
) -> None:
    sent = case.batch(of=of, name=name)
    assert provider.unsupported(of) == ""
    assert kinds(outcomes(provider, sent)) == {Accepted}
    for entry, subscriber in zip(fake.taken(), sent.recipients, strict=True):
        assert_delivered(entry, sent, subscriber)


NAMES = (
    "Gerrit J. de Vries",
    "Stil Water B.V.",
    "Vries, Gerrit",
    "Stil Water: brief; en meer",
    "gerrit@example.org",
    "Gerrit (Stil Water) [zondag]",
    'De "stille" brief \\ Gerrit',
    "Zoë, Café",
    "Zoë (Café)",
    "Gezin 👨\u200d👩\u200d👧\u200d👦 & co.",
)


@pytest.mark.parametrize("name", NAMES)
def test_a_sender_arrives_under_the_name_that_was_written(
    case: Case, fake: FakeServer, provider: Provider, tmp_path: Path, name: str
) -> None:
    typed = json.dumps(f"{name} <g@example.org>", ensure_ascii=False)
    lines = f"sender = {typed}\nreply_to = {typed}\n"
    (tmp_path / "newsletter.toml").write_text(lines, encoding="utf-8")
    settings = config.load(tmp_path, {})
    mine = letter(
        sender=settings.sender,
        reply_to=settings.reply_to,
        list_id=f'"{quote(name)}" <rust.example.org>',
    )
    assert provider.unsupported(mine) == ""
    sent = case.batch(of=mine)
    assert kinds(outcomes(provider, sent)) == {Accepted}
    for entry, subscriber in zip(fake.taken(), sent.recipients, strict=True):
        assert_delivered(entry, sent, subscriber)
        for header, value in entry["message"]["headers"]:
            if header.lower() in {"from", "reply-to"}:
                assert read(header, value) == [(name, "g@example.org")]
            if header.lower() == "list-id":
                assert read(header, value) == [(name, "rust.example.org")]


def test_a_notice_travels_as_it_was_written_and_as_no_list_mail(
    case: Case, fake: FakeServer, provider: Provider
) -> None:
    sent = case.batch("anna@example.org", of=notice(), name=None)
    alone = provider.for_audience(1)
    assert alone.unsupported(sent.letter) == ""
    assert kinds(outcomes(alone, sent)) == {Accepted}
    (entry,) = fake.taken()
    assert_delivered(entry, sent, sent.recipients[0])
    headers = [(name.lower(), value) for name, value in entry["message"]["headers"]]
    assert {"list-id", "list-unsubscribe", "list-unsubscribe-post"} & {
        n for n, _ in headers
    } == set()
    # No holiday message answers it (RFC 3834).
    assert [v for name, v in headers if name == "auto-submitted"] == ["auto-generated"]


def test_a_letter_to_the_list_is_not_marked_as_the_answer_of_a_program(
    case: Case, fake: FakeServer, provider: Provider
) -> None:
    assert kinds(outcomes(provider, case.batch())) == {Accepted}
    for entry in fake.taken():
        names = [name.lower() for name, _ in entry["message"]["headers"]]
        assert "list-unsubscribe" in names
        assert "auto-submitted" not in names


def test_who_prefers_plain_text_gets_no_other_part(
    case: Case, fake: FakeServer, provider: Provider
) -> None:
    sent = case.batch(of=in_plain_text(letter()))
    assert provider.unsupported(sent.letter) == ""
    leaves = b"".join(provider.build(sent).parts)
    assert b"html" not in leaves.lower()
    assert not case.plain or json.loads(leaves) == case.plain(sent)
    assert kinds(outcomes(provider, sent)) == {Accepted}
    assert [entry["message"]["html"] for entry in fake.taken()] == [""] * len(sent.recipients)


@SEVERAL
def test_no_letter_has_another_subscribers_address_or_values(
    fake: FakeServer, provider: Provider, case: Case
) -> None:
    sent = case.batch(*(f"lezer{number}@{number}.example" for number in range(20)))
    assert kinds(outcomes(provider, sent)) == {Accepted}
    for entry, subscriber in zip(fake.taken(), sent.recipients, strict=True):
        headers = entry["message"]["headers"]
        to = [value for name, value in headers if name.lower() in {"to", "cc", "bcc"}]
        assert [address for _, address in getaddresses(to)] == [subscriber.email]
        seen = json.dumps(entry["message"])
        for other in sent.recipients:
            shows = other.email in seen or other.unsubscribe_url in seen or other.ref in seen
            assert not shows or other is subscriber
    leaving = [
        value
        for entry in fake.taken()
        for name, value in entry["message"]["headers"]
        if name.lower() == "list-unsubscribe"
    ]
    assert leaving == [f"<{subscriber.unsubscribe_url}>" for subscriber in sent.recipients]


SYNTAX = (
    "{{x}}",
    "{{{x}}}",
    "{{ params.email }}",
    "{{greeting}}",
    "{{unsubscribe_url}}",
    "{{amazonSESUnsubscribeUrl}}",
    "{{{RESEND_UNSUBSCRIBE_URL}}}",
    "{{#if x}}",
    "{% if x %}",
    "{{var:x}}",
    "%recipient%",
    "%recipient.email%",
    "%recipient.greeting%",
    "%recipient.x%",
    "%unsubscribe_url%",
    "%mailing_list_unsubscribe_url%",
    "%tag.x%",
    "[[x]]",
    "[[data:x]]",
    "*|X|*",
    "${x}",
    "<%x%>",
    "-x-",
    ":x",
    "\\{{x}}",
    "%25recipient.email%25",
)
"""What one provider or another would take for a place to fill in."""


@pytest.mark.parametrize("syntax", SYNTAX)
def test_words_that_look_like_a_providers_own_arrive_as_they_were_written(
    case: Case, fake: FakeServer, provider: Provider, syntax: str
) -> None:
    of = letter(
        subject=f"Over {syntax} en rust",
        sender=formataddr((f"Gerrit {syntax}", "gerrit@example.org")),
        list_id=formataddr((f"Rust {syntax}", "rust.example.org")),
        prose=f"Wie {syntax} schrijft, bedoelt {syntax}.",
    )
    if syntax in case.unsupported:
        assert provider.unsupported(of)
        of = letter()  # what a subscriber is called is nobody's choice
    assert provider.unsupported(of) == ""
    sent = case.batch(of=of, name=f"Anna {syntax}")
    assert kinds(outcomes(provider, sent)) == {Accepted}
    for entry, subscriber in zip(fake.taken(), sent.recipients, strict=True):
        assert_delivered(entry, sent, subscriber)


def test_an_address_with_letters_beyond_ascii_before_its_at_is_handled_as_declared(
    case: Case, fake: FakeServer, provider: Provider
) -> None:
    (said,) = outcomes(provider, case.batch("zoë@example.org"))
    assert type(said) is (Accepted if case.beyond_ascii else RecipientRejected)
    assert fake.count == (1 if case.beyond_ascii else 0)
    (said,) = outcomes(provider, case.batch("anna@bücher.example", key="k2"))
    assert type(said) is Accepted
    assert fake.taken()[-1]["to"] == "anna@xn--bcher-kva.example"


@SEVERAL
def test_an_address_that_cannot_be_mailed_costs_nobody_else_a_letter(
    case: Case, fake: FakeServer, provider: Provider
) -> None:
    emails = ("anna@example.org", "zoë@example.org", "bert@example.org")
    said = outcomes(provider, case.batch(*emails))
    middle = Accepted if case.beyond_ascii else RecipientRejected
    assert [type(one) for one in said] == [Accepted, middle, Accepted]
    assert [entry["to"] for entry in fake.taken() if entry["to"].isascii()] == [*emails[::2]]
    assert fake.count == 1


# What an answer means.


@pytest.mark.parametrize(
    "name",
    [
        *("reset-unread", "reset-untaken", "reset-accepted", "half-answer", "502-page"),
        *("page", "empty", "half-json", "huge", "500", "500-accepted", "503"),
    ],
)
def test_what_may_have_been_accepted_is_unknown_and_never_anything_else(
    case: Case, fake: FakeServer, provider: Provider, name: str
) -> None:
    fake.faults[1] = fake.FAULTS[name]
    assert kinds(outcomes(provider, case.batch())) == {Unknown}
    assert fake.count == 1


@pytest.mark.parametrize("name", ["hang", "hang-untaken", "dribble"])
def test_an_answer_that_does_not_come_is_given_up_and_leaves_all_unknown(
    case: Case, fake: FakeServer, hasty: Provider, name: str
) -> None:
    fake.faults[1] = fake.FAULTS[name]
    assert kinds(outcomes(hasty, case.batch())) == {Unknown}
    assert fake.count == 1


def test_an_error_of_the_server_means_the_same_before_and_after_acceptance(
    case: Case, fake: FakeServer, provider: Provider
) -> None:
    fake.faults = {1: fake.FAULTS["500"], 2: fake.FAULTS["500-accepted"]}
    before, after = (outcomes(provider, case.batch(key=key)) for key in ("k1", "k2"))
    assert fake.taken()
    assert before == after


def test_an_unreachable_server_has_accepted_nothing(
    case: Case, fake: FakeServer, provider: Provider
) -> None:
    fake.__exit__(None, None, None)
    assert kinds(outcomes(provider, case.batch())) == {RetryLater}


@pytest.mark.parametrize("name", ["401", "403", "404-page"])
def test_a_refusal_of_the_account_or_the_address_waits_for_a_person(
    case: Case, fake: FakeServer, provider: Provider, name: str
) -> None:
    fake.faults[1] = fake.FAULTS[name]
    said = outcomes(provider, case.batch())
    assert said == [said[0]] * len(said)
    assert isinstance(said[0], RequestRefused)
    assert not said[0].divisible
    assert (fake.count, fake.taken()) == (1, [])


@pytest.mark.parametrize("name", ["400", "413", "422"])
def test_a_refusal_of_the_content_says_that_smaller_requests_may_pass(
    case: Case, fake: FakeServer, provider: Provider, name: str
) -> None:
    fake.faults[1] = fake.FAULTS[name]
    for said in outcomes(provider, case.batch()):
        assert isinstance(said, RecipientRejected) or (
            isinstance(said, RequestRefused) and said.divisible
        )
    assert (fake.count, fake.taken()) == (1, [])


@SEVERAL
def test_one_bad_address_is_rejected_alone_or_the_request_can_be_divided(
    case: Case, fake: FakeServer, provider: Provider
) -> None:
    sent = case.batch("anna@example.org", "refused@example.org", "bert@example.org")
    said = outcomes(provider, sent)
    if isinstance(said[0], RequestRefused):
        assert said[0].divisible
        assert (said, fake.taken()) == ([said[0]] * 3, [])
    else:
        assert [type(one) for one in said] == [Accepted, RecipientRejected, Accepted]
        assert [entry["to"] for entry in fake.taken()] == ["anna@example.org", "bert@example.org"]
        assert [said[0], said[2]] == [Accepted(entry["id"]) for entry in fake.taken()]


@pytest.mark.parametrize(
    ("name", "after"), [("429", 1), ("429-bare", None), ("429-absurd", 86400), ("503-later", 7)]
)
def test_how_long_to_wait_is_passed_on(
    case: Case, fake: FakeServer, provider: Provider, name: str, after: float | None
) -> None:
    fake.faults[1] = fake.FAULTS[name]
    said = outcomes(provider, case.batch())
    assert said == [said[0]] * len(said)
    assert isinstance(said[0], RetryLater)
    assert said[0].after == after
    assert (fake.count, fake.taken()) == (1, [])


def test_a_date_to_wait_for_is_turned_into_seconds(
    case: Case, fake: FakeServer, provider: Provider
) -> None:
    date = formatdate(time.time() + 90, usegmt=True)
    fake.faults[1] = dataclasses.replace(fake.FAULTS["429"], headers={"retry-after": date})
    for said in outcomes(provider, case.batch()):
        assert isinstance(said, RetryLater)
        assert said.after is not None
        assert 30 < said.after <= 90


# Whose a name is.


def test_each_delivery_gets_the_providers_id_for_it(
    case: Case, fake: FakeServer, provider: Provider
) -> None:
    sent = case.batch("a@example.org", "b@example.org", "c@example.org")
    said = submit(provider, sent)
    assert said.outcomes == {entry["ref"]: Accepted(entry["id"]) for entry in fake.taken()}
    assert len(fake.taken()) == len(sent.recipients)
    assert said.surplus == 0


SHORT_OR_ODD: dict[str, Callable[[list[Any]], list[Any]]] = {
    "none": lambda _: [],
    "the first is missing": lambda entries: entries[1:],
    "one in the middle is missing": lambda entries: [entries[0], *entries[2:]],
    "the last is missing": lambda entries: entries[:-1],
    "one stands for another": lambda entries: [entries[1], *entries[1:]],
    "the last is doubled and one is missing": lambda entries: [*entries[1:], entries[-1]],
    "one is empty": lambda entries: [{}, *entries[1:]],
    "one is nothing": lambda entries: [*entries[:-1], None],
    "one is a number": lambda entries: [entries[0], 7, *entries[2:]],
}
MORE: dict[str, Callable[[list[Any]], list[Any]]] = {
    "the first is doubled": lambda entries: [entries[0], *entries],
    "the last is doubled": lambda entries: [*entries, entries[-1]],
    "all are doubled": lambda entries: [*entries, *entries],
}


@LISTED
@pytest.mark.parametrize("name", [*SHORT_OR_ODD, *MORE])
def test_no_id_is_ever_given_to_the_wrong_delivery(
    case: Case, fake: FakeServer, provider: Provider, name: str
) -> None:
    change = (SHORT_OR_ODD | MORE)[name]
    fake.faults[1] = Fault(taken=True, change=lambda fake, said: fake.relist(said, change))
    said = submit(provider, case.batch("a@example.org", "b@example.org", "c@example.org"))
    own = {entry["ref"]: entry["id"] for entry in fake.taken()}
    assert len(own) == 3
    for ref, outcome in said.outcomes.items():
        assert isinstance(outcome, Unknown) or outcome == Accepted(own[ref])
    assert Unknown in kinds(said.outcomes.values())
    assert (said.surplus > 0) is (name in MORE)


@LISTED
def test_an_id_of_another_request_is_ignored_and_counted(
    case: Case, fake: FakeServer, provider: Provider
) -> None:
    earlier: list[Any] = []

    def add_an_earlier_one(entries: list[Any]) -> list[Any]:
        earlier.extend(entries)
        return entries if earlier == entries else [*earlier[:1], *entries]

    fake.faults = dict.fromkeys(
        (1, 2),
        Fault(taken=True, change=lambda fake, said: fake.relist(said, add_an_earlier_one)),
    )
    assert kinds(outcomes(provider, case.batch())) == {Accepted}
    said = submit(provider, case.batch("c@example.org", "d@example.org", key="k2"))
    assert kinds(said.outcomes.values()) == {Unknown}
    assert said.surplus == 1


# What a key promises.


@KEYED
def test_the_same_bytes_under_the_same_key_are_taken_once_and_get_the_same_answer(
    case: Case, fake: FakeServer, provider: Provider
) -> None:
    sent = case.batch()
    assert outcomes(provider, sent) == outcomes(provider, sent)
    assert fake.count == 2
    assert len(fake.taken()) == len(sent.recipients)


@KEYED
@pytest.mark.parametrize("name", ["reset-accepted", "half-answer", "500-accepted", "hang"])
def test_a_lost_answer_is_repeated_for_the_same_bytes_under_the_same_key(
    case: Case, fake: FakeServer, hasty: Provider, provider: Provider, name: str
) -> None:
    fake.faults[1] = fake.FAULTS[name]
    assert kinds(outcomes(hasty, case.batch())) == {Unknown}
    said = submit(provider, case.batch()).outcomes
    assert said == {entry["ref"]: Accepted(entry["id"]) for entry in fake.taken()}
    assert len(fake.taken()) == len(case.batch().recipients)


@KEYED
def test_other_bytes_under_a_known_key_are_not_accepted_and_the_first_stays_unknown(
    case: Case, fake: FakeServer, provider: Provider
) -> None:
    first, *others = versions(case)
    outcomes(provider, first)
    taken = fake.taken()
    for other in others:
        assert kinds(outcomes(provider, other)) == {Unknown}
    assert fake.taken() == taken


# What must stay hidden.


def test_no_secret_address_or_name_is_ever_shown(
    case: Case,
    fake: FakeServer,
    provider: Provider,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    """Let the provider echo all that it got, and look for it in everything that comes out."""
    caplog.set_level(logging.DEBUG, logger="newsletter")
    worded = [fault for fault in fake.FAULTS.values() if fault.name]
    assert worded
    for number, fault in enumerate(worded, 1):
        sent = case.batch(name="C4naryname", key=f"k{number}")
        subscriber = sent.recipients[0]
        reported = (
            *case.secrets,
            subscriber.email,
            subscriber.greeting,
            subscriber.unsubscribe_url,
            subscriber.ref,
        )
        fake.faults[number] = dataclasses.replace(fault, message=" ".join(reported))
        said = str(outcomes(provider, sent)) + repr(provider)
        said += caplog.text + "".join(capfd.readouterr())
        for secret in (*reported, "C4naryname", TOKEN):
            assert secret not in said
    assert fake.count == len(worded)


# A whole mailing.


def subscribers(newsletter: Newsletter, state: str) -> set[str]:
    """Return who has a delivery in this state."""
    query = "SELECT email FROM subscribers s JOIN deliveries d ON d.subscriber_id = s.id"
    rows = newsletter.sql(f"{query} WHERE d.state = '{state}'")
    return {str(email) for (email,) in rows}


@pytest.mark.parametrize("name", choose(LOST, always=["reset-accepted", "reset-untaken"]))
def test_lost_answers_cause_no_second_letter_and_no_missing_letter(
    root: Path, case: Case, fake: FakeServer, *, hasty: Provider, provider: Provider, name: str
) -> None:
    newsletter = Newsletter(root, subscribers=250)
    # The first is how every provider is asked, whatever it holds; then one of a few tens.
    fake.faults = dict.fromkeys((1, 3, *range(40, 300, 40)), fake.FAULTS[name])
    newsletter.send(hasty)  # type: ignore[arg-type] - it is a provider as well
    trouble = newsletter.send(provider).error  # type: ignore[arg-type] - and this
    copies = Counter(entry["to"] for entry in fake.taken())
    # One request may have held everybody, and got lost on the way: then there are no copies.
    assert set(copies.values()) <= {1}
    accepted, unknown = subscribers(newsletter, "accepted"), subscribers(newsletter, "unknown")
    assert len(accepted | unknown) == len(accepted) + len(unknown) == 250
    assert accepted <= set(copies)
    if case.can.replay:
        assert unknown == set()
    # Where the outcome of one is unknown, a person must decide.
    assert (trouble is not None) is (unknown != set())
