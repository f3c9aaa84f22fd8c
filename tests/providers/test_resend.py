"""What we say to Resend, and what each of its answers means for every letter of a request."""

from __future__ import annotations

import dataclasses
import json
import logging
import traceback
from datetime import timedelta
from email.header import decode_header, make_header
from typing import TYPE_CHECKING, Any

import pytest
from fake_resend import FAULTS, FakeResend, Fault, answer
from hypothesis import given
from hypothesis import strategies as st
from parcels import TOKEN, batch, letter, plain

from newsletter import config, providers
from newsletter.errors import NewsletterError
from newsletter.model import Accepted, Batch, Outcome, Refused, Rejected, RetryLater, Unknown
from newsletter.providers.resend import Resend

if TYPE_CHECKING:
    from pathlib import Path

    from newsletter.providers.base import Answer, Payload

KEY = "re_c4n4ry"
LINES = st.text(
    st.characters(exclude_categories=["Cc", "Cs", "Co", "Zl", "Zp"])
    | st.sampled_from("\"\\/<>&'{}🌱𝔘é"),
    max_size=30,
)


def submit(resend: Resend, of: Batch | None = None) -> Answer:
    of = of or batch()
    return resend.submit(of, resend.build(of))


def outcomes(resend: Resend, of: Batch | None = None) -> list[Outcome]:
    of = of or batch()
    said = submit(resend, of).outcomes
    assert set(said) == {reader.ref for reader in of.recipients}
    return [said[reader.ref] for reader in of.recipients]


def wire_bytes(payload: Payload) -> Any:  # noqa: ANN401 - JSON
    return json.loads(b"".join(payload.parts))


def builder() -> Resend:
    return Resend(KEY)


def test_a_request_is_what_the_documentation_asks_for(fake: FakeResend, resend: Resend) -> None:
    assert [type(one) for one in outcomes(resend)] == [Accepted, Accepted]
    (request,) = fake.requests
    assert (request.method, request.path) == ("POST", "/emails/batch")
    assert {
        name: request.headers[name]
        for name in ("authorization", "content-type", "idempotency-key", "x-batch-validation")
    } == {
        "authorization": f"Bearer {KEY}",
        "content-type": "application/json",
        "idempotency-key": "k1",
        "x-batch-validation": "permissive",
    }
    first, second = json.loads(request.body)
    assert second["to"] == ["bert@example.org"]
    assert first == {
        "from": "Gerrit <gerrit@example.org>",
        "to": ["anna@example.org"],
        "subject": "Over rust",
        "headers": {
            "List-Id": "Jij en Loslaten <jij-en-loslaten.example.org>",
            "List-Unsubscribe": f"<https://brief.example.org/u/{TOKEN}00>",
            "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
        },
        "tags": [{"name": "delivery", "value": "0" * 32}],
        "html": "<p>Dag Anna,</p><p>Een rustige zin.</p>"
        f'<a href="https://brief.example.org/u/{TOKEN}00">Afmelden</a>',
        "text": "Dag Anna,\n\nEen rustige zin.\n\n"
        f"Afmelden: https://brief.example.org/u/{TOKEN}00\n",
    }


@given(
    name=LINES
    | st.sampled_from(["</script>", "\u2028", "{leave_url}", '"},{"', "&amp;", "\\u0041"]),
    subject=LINES,
    prose=LINES | st.sampled_from(["&#57344;greeting&#57345;", "\\ue000greeting\\ue001", "\u2029"]),
    reply_to=st.sampled_from(["", '"Zoë, van" <zoe@example.org>']),
)
def test_the_joined_pieces_are_the_json_of_the_messages_built_one_by_one(
    name: str, subject: str, prose: str, reply_to: str
) -> None:
    of = letter(subject=subject or "Over rust", prose=prose, reply_to=reply_to)
    sent = batch("anna@example.org", "bert@example.org", "carla@example.org", of=of, name=name)
    assert wire_bytes(builder().build(sent)) == plain(sent)


def test_the_name_of_a_list_travels_in_ascii_and_on_one_line() -> None:
    sent = batch(of=letter(list_id=f"{'Café Rust ' * 9}<rust.example.org>"))
    value = wire_bytes(builder().build(sent))[0]["headers"]["List-Id"]
    assert value.isascii()
    assert len(value.splitlines()) == 1
    assert str(make_header(decode_header(value))).split() == [
        *["Café", "Rust"] * 9,
        "<rust.example.org>",
    ]


def test_the_digest_is_the_same_for_the_same_bytes_and_for_no_others() -> None:
    def changed(**values: str) -> Batch:
        first, *others = sent.recipients
        return dataclasses.replace(sent, recipients=(dataclasses.replace(first, **values), *others))

    sent = batch()
    one, two = sent.recipients
    versions = [
        sent,
        changed(greeting="Dag Ann,"),
        changed(email="ann@example.org"),
        changed(ref="f" * 32),
        changed(leave_url="https://brief.example.org/u/x"),
        dataclasses.replace(sent, recipients=(two, one)),
        dataclasses.replace(sent, recipients=(one,)),
        batch(of=letter(subject="Over rust!")),
        batch(of=letter(prose="Een rustige zin!")),
        batch(of=letter(reply_to="antwoord@example.org")),
    ]
    built = [builder().build(version) for version in versions]
    assert len({payload.digest for payload in built}) == len(versions)
    assert len({b"".join(payload.parts) for payload in built}) == len(versions)
    again = builder().build(dataclasses.replace(sent, date=sent.date + timedelta(days=1)))
    assert (again.digest, again.parts) == (built[0].digest, built[0].parts)


def test_an_address_that_resend_cannot_mail_costs_nobody_else_a_letter(
    fake: FakeResend, resend: Resend
) -> None:
    said = outcomes(resend, batch("zoë@example.org", "bert@example.org", "anna@bücher.example"))
    assert [type(one) for one in said] == [Rejected, Accepted, Accepted]
    assert [entry["to"] for entry in fake.taken()] == [
        "bert@example.org",
        "anna@xn--bcher-kva.example",
    ]
    assert [type(one) for one in outcomes(resend, batch("zoë@example.org"))] == [Rejected]
    assert fake.count == 1


@pytest.mark.parametrize(("base", "slash"), [("", "/"), ("/sandbox/v1", ""), ("/sandbox/v1", "/")])
def test_another_base_address_keeps_its_path(tmp_path: Path, base: str, slash: str) -> None:
    with FakeResend(tmp_path / "taken", base=base) as fake:
        url = {"NEWSLETTER_PROVIDER_URL": fake.url + slash, "RESEND_API_KEY": KEY}
        resend: Any = providers.open_provider(resend_settings(tmp_path, **url))
        assert [type(one) for one in outcomes(resend)] == [Accepted, Accepted]
        assert fake.requests[0].path == f"{base}/emails/batch"
        resend.close()


def test_a_base_address_without_its_path_is_refused_and_says_so(tmp_path: Path) -> None:
    with FakeResend(tmp_path / "taken", base="/v1") as fake:
        resend = Resend(KEY, fake.url.removesuffix("/v1"))
        said = outcomes(resend)
        resend.close()
    assert {type(one) for one in said} == {Refused}
    assert "provider_url" in str(said[0])


FROM_A_FAULT = {
    "hang": Unknown,
    "hang-untaken": Unknown,
    "reset-unread": Unknown,
    "reset-untaken": Unknown,
    "reset-accepted": Unknown,
    "half-answer": Unknown,
    "dribble": Unknown,
    "401": Refused,
    "403": Refused,
    "404-page": Refused,
    "409-busy": RetryLater,
    "409-other-body": Unknown,
    "422": Refused,
    "429": RetryLater,
    "429-bare": RetryLater,
    "429-absurd": RetryLater,
    "429-day": RetryLater,
    "429-month": RetryLater,
    "500": Unknown,
    "500-accepted": Unknown,
    "502-page": Unknown,
    "503": Unknown,
    "503-later": RetryLater,
    "page": Unknown,
    "half-json": Unknown,
    "huge": Unknown,
    "no-ids": Unknown,
    "empty": Unknown,
}


@pytest.mark.parametrize("name", FAULTS)
def test_each_fault_means_what_it_proves_and_the_same_for_all_letters(
    fake: FakeResend, resend: Resend, name: str
) -> None:
    fake.faults[1] = FAULTS[name]
    said = outcomes(resend)
    assert said == [said[0]] * 2
    assert type(said[0]) is FROM_A_FAULT[name]
    assert fake.count == 1
    if not isinstance(said[0], Unknown):
        assert fake.taken() == [], "what was taken is never called not taken"


@pytest.mark.parametrize(
    ("name", "after"),
    [
        ("429", 1),
        ("429-bare", None),
        ("429-absurd", 86400),
        ("429-day", 3600),
        ("429-month", 3600),
        ("409-busy", 5),
        ("503-later", 7),
    ],
)
def test_how_long_to_wait_is_passed_on(
    fake: FakeResend, resend: Resend, name: str, after: float | None
) -> None:
    fake.faults[1] = FAULTS[name]
    (said, _) = outcomes(resend)
    assert isinstance(said, RetryLater)
    assert said.after == after


def test_the_limits_in_an_answer_are_passed_on(fake: FakeResend, resend: Resend) -> None:
    headers = {"ratelimit-remaining": "3", "ratelimit-reset": "1", "ratelimit-limit": "5"}
    fake.faults[1] = Fault(taken=True, headers=headers)
    fake.faults[2] = Fault(taken=True, headers={"ratelimit-remaining": "many"})
    said = submit(resend)
    assert (said.remaining, said.reset) == (3, 1)
    said = submit(resend)
    assert (said.remaining, said.reset) == (None, None)


def ids(*names: object) -> list[dict[str, object]]:
    return [{"id": name} for name in names]


@pytest.mark.parametrize(
    "said",
    [
        {},
        [],
        None,
        7,
        {"data": None},
        {"data": {}},
        {"data": ids("a", "b")},
        {"data": ids("a", "b", "c", "d")},
        {"data": ids("a", "b", "b")},
        {"data": ids("a", "b", "b", "c")},
        {"data": ids("a", "b", 3)},
        {"data": ids("a", "b", None)},
        {"data": ids("a", "b", "")},
        {"data": ids("a", "b", "c d\n")},
        {"data": ids("a", "b", "c" * 500)},
        {"data": [*ids("a", "b"), {"ident": "c"}]},
        {"data": [*ids("a", "b"), "c"]},
        {"data": ids("a", "b", "c"), "errors": {"index": 1}},
        {"data": ids("a", "b", "c"), "errors": [{"index": 1, "message": "no"}]},
        {"data": ids("a", "b"), "errors": [{"message": "no"}]},
        {"data": ids("a", "b"), "errors": [{"index": 3, "message": "no"}]},
        {"data": ids("a", "b"), "errors": [{"index": -1, "message": "no"}]},
        {"data": ids("a", "b"), "errors": [{"index": "1", "message": "no"}]},
        {"data": ids("a", "b"), "errors": [{"index": True, "message": "no"}]},
        {"data": ids("a", "b"), "errors": [{"index": [1], "message": "no"}]},
        {"data": ids("a"), "errors": [{"index": 1}, {"index": 1}]},
        {"data": ids("a", "b"), "errors": [{"index": 1}, {"index": 1}]},
        {"errors": [{"index": 0}, {"index": 1}]},
    ],
)
def test_what_cannot_be_mapped_for_certain_is_unknown(
    fake: FakeResend, resend: Resend, said: object
) -> None:
    fake.faults[1] = answer(json.dumps(said).encode())
    three = outcomes(resend, batch("a@example.org", "b@example.org", "c@example.org"))
    assert {type(one) for one in three} == {Unknown}


def test_ids_and_errors_find_their_letters_in_whatever_order_errors_stand(
    fake: FakeResend, resend: Resend
) -> None:
    errors = [{"index": 3, "message": "Invalid `to`: d@example.org"}, {"index": 0}]
    fake.faults[1] = answer(json.dumps({"data": ids("x", "y"), "errors": errors}).encode())
    said = outcomes(resend, batch(*(f"{one}@example.org" for one in "abcd")))
    assert said == [
        Rejected("Resend refuses it: it does not say why"),
        Accepted("x"),
        Accepted("y"),
        Rejected("Resend refuses it: Invalid `to`: …"),
    ]


def test_only_one_of_many_is_refused(fake: FakeResend, resend: Resend) -> None:
    said = outcomes(resend, batch("a@example.org", "refused@example.org", "c@example.org"))
    assert [type(one) for one in said] == [Accepted, Rejected, Accepted]
    assert [entry["to"] for entry in fake.taken()] == ["a@example.org", "c@example.org"]


def test_the_same_key_and_body_get_the_same_ids_and_no_second_letter(
    fake: FakeResend, resend: Resend
) -> None:
    assert outcomes(resend) == outcomes(resend)
    assert len(fake.taken()) == 2
    assert {type(one) for one in outcomes(resend, batch("else@example.org"))} == {Unknown}
    assert len(fake.taken()) == 2


@pytest.mark.parametrize("name", FAULTS)
def test_nothing_that_must_stay_hidden_is_ever_said(
    fake: FakeResend,
    resend: Resend,
    name: str,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    """Let the provider echo all it was told, and look for it in everything that comes out."""
    caplog.set_level(logging.DEBUG, logger="newsletter")
    sent = batch(name="C4naryname")
    (reader, _) = sent.recipients
    secrets = (KEY, reader.email, "C4naryname", reader.leave_url, TOKEN, reader.ref)
    echo = (
        f"Key {KEY} may not mail {reader.email}: {reader.greeting} {reader.leave_url} {reader.ref}"
    )
    fake.faults[1] = dataclasses.replace(FAULTS[name], message=echo)
    said = "".join(map(str, outcomes(resend, sent))) + repr(resend)
    said += caplog.text + "".join(capfd.readouterr())
    for secret in secrets:
        assert secret not in said


def test_the_key_shows_in_no_settings_and_no_traceback(tmp_path: Path) -> None:
    settings = config.load(tmp_path, {"RESEND_API_KEY": KEY, "NEWSLETTER_SECRET_KEY": "s3cr3t"})
    assert settings.credentials == {"RESEND_API_KEY": KEY}
    told = repr(settings) + "".join(traceback.format_exception(RuntimeError(settings)))
    assert KEY not in told
    assert "s3cr3t" not in told


def resend_settings(root: Path, **environment: str) -> config.Settings:
    return config.load(root, {"NEWSLETTER_PROVIDER": "resend"} | environment)


def test_without_its_key_resend_is_not_opened_but_what_it_can_do_is_known(tmp_path: Path) -> None:
    settings = resend_settings(tmp_path)
    assert providers.capabilities_of(settings).name == "resend"
    with pytest.raises(NewsletterError, match="RESEND_API_KEY") as caught:
        providers.open_provider(settings)
    assert caught.value.exit_code == 1
    opened = providers.open_provider(resend_settings(tmp_path, RESEND_API_KEY=KEY))
    assert isinstance(opened, Resend)
    assert opened.capabilities == providers.capabilities_of(settings)


@pytest.mark.parametrize(
    "key", ["", "  ", f"{KEY} {KEY}", f"{KEY}\n{KEY}", f"{KEY}é", f"{KEY}\x00"]
)
def test_a_key_that_is_none_is_refused_and_not_shown(tmp_path: Path, key: str) -> None:
    with pytest.raises(NewsletterError, match="RESEND_API_KEY") as caught:
        resend_settings(tmp_path, RESEND_API_KEY=key)
    assert caught.value.exit_code == 1
    assert KEY not in str(caught.value)


def test_a_key_stands_in_no_file(tmp_path: Path) -> None:
    (tmp_path / "newsletter.toml").write_text(f'resend_api_key = "{KEY}"\n')
    with pytest.raises(NewsletterError, match="resend_api_key") as caught:
        config.load(tmp_path, {})
    assert KEY not in str(caught.value)


def test_nothing_travels_in_clear_text_beyond_this_machine(tmp_path: Path) -> None:
    def opened(url: str) -> object:
        return providers.open_provider(
            resend_settings(tmp_path, RESEND_API_KEY=KEY, NEWSLETTER_PROVIDER_URL=url)
        )

    for near in (
        "http://127.0.0.1:8025",
        "http://localhost:8025",
        "http://[::1]/",
        "https://x.example",
    ):
        assert isinstance(opened(near), Resend)
    for far in ("http://api.resend.com", "http://127.0.0.1.example.org", "http://10.0.0.1"):
        with pytest.raises(NewsletterError, match="clear text"):
            opened(far)
