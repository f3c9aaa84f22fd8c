"""A proof that arrived: each change on its way is found, and an unchanged one is silent."""

from __future__ import annotations

import email
import email.policy
import random
import re
from dataclasses import replace
from datetime import UTC, datetime
from email.message import EmailMessage
from email.utils import format_datetime
from typing import TYPE_CHECKING

import pytest

from newsletter import mime, personalize, render
from newsletter.mail_dns import BLOCKING, CHECKS, RECEIVED_CHECKS, check_received
from newsletter.mail_dns.signature import verify_signatures
from newsletter.model import Batch, Diagnosis, DiagnosisState
from tests.integration.mail_dns.zones import (
    DOMAIN,
    ed25519_key,
    ed25519_record,
    good_zone,
    make_settings,
    rsa_key,
    short_record,
    unknown_kind_record,
)
from tests.support.dkim_signer import SIGNED, sign
from tests.support.dns_server import serve_dns
from tests.support.issues import REPOSITORY, every_block

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from newsletter.config import Settings
    from tests.support.dns_server import Zone

FAILURE, WARNING = DiagnosisState.FAILURE, DiagnosisState.WARNING
UNKNOWN = DiagnosisState.UNKNOWN
PUBLIC = "https://brief.brief.test"
RESULTS = (
    "Authentication-Results: mx.google.com;\r\n"
    f"       dkim=pass header.i=@{DOMAIN} header.s=resend header.b=abc;\r\n"
    "       spf=pass (google.com: domain of 0102@send.brief.test designates 192.0.2.1 as\r\n"
    f"       permitted sender) smtp.mailfrom=0102@send.{DOMAIN};\r\n"
    f"       dmarc=pass (p=QUARANTINE sp=QUARANTINE dis=NONE) header.from={DOMAIN}\r\n"
).encode()


def settings() -> Settings:
    return make_settings(public_url=PUBLIC, contact="Postbus 1, Amsterdam", name="Jij en Loslaten")


def letter() -> bytes:
    """Return the bytes of a proof of an issue with every block, as they leave."""
    written = render.letter(every_block(), settings())
    proof = replace(written, subject=f"Proef: {written.subject}")
    one = personalize.recipient(proof, "ref1", "gerrit@elders.test", "Gerrit", "t0ken")
    batch = Batch("key", "_proofs", proof, datetime(2026, 11, 29, 7, tzinfo=UTC), (one,))
    return mime.eml(personalize.message(batch, one))


def arrived(message: bytes = b"", results: bytes = RESULTS, **how: object) -> bytes:
    """Return a proof as its receiver stores it: signed, with the results of the receiver on top."""
    return results + sign(message or letter(), rsa_key(2048), domain=DOMAIN, **how)  # type: ignore[arg-type]


def check(
    data: bytes, changes: Zone | None = None, behaviour: Mapping[str, str] | None = None
) -> tuple[Diagnosis, ...]:
    with serve_dns(good_zone() | (changes or {}), behaviour) as server:
        return check_received(data, settings(), server.resolver(seconds=1))


def problems(found: tuple[Diagnosis, ...]) -> dict[str, DiagnosisState]:
    for one in found:
        assert bool(one.fix) == (one.state is not DiagnosisState.OK)
    return {one.check: one.state for one in found if one.state is not DiagnosisState.OK}


def test_a_proof_that_nobody_changed_is_silent() -> None:
    found = check(arrived())
    assert problems(found) == {}
    assert [one.check for one in found] == [name for name, _ in RECEIVED_CHECKS]


OTHER_RESULTS = {
    "without a name": b"Authentication-Results: spf=pass (sender IP is 192.0.2.1)\r\n"
    b" smtp.mailfrom=send.brief.test; dkim=pass (signature was verified)\r\n"
    b" header.d=brief.test;dmarc=pass action=none header.from=brief.test;compauth=pass\r\n"
    b" reason=100\r\n",
    "one header for each": b"Authentication-Results: mx.test; dmarc=pass header.from=brief.test\r\n"
    b"Authentication-Results: mx.test; dkim=pass header.d=brief.test (a (nested; one) here)\r\n"
    b"Authentication-Results: mx.test; spf=pass smtp.mailfrom=a@send.brief.test\r\n",
    "two signatures": b"Authentication-Results: mx.test 1; dkim=pass header.d=amazonses.com;\r\n"
    b"\tdkim=pass header.d=brief.test; spf=pass smtp.mailfrom=a@amazonses.com; dmarc=pass\r\n",
    "another one below": RESULTS + b"Authentication-Results: elsewhere.test; dkim=fail;\r\n"
    b" spf=fail; dmarc=fail\r\n",
}


@pytest.mark.parametrize("results", OTHER_RESULTS.values(), ids=OTHER_RESULTS)
def test_receivers_write_their_results_in_several_ways(results: bytes) -> None:
    assert problems(check(arrived(results=results))) == {}


@pytest.mark.parametrize(
    "change",
    [
        lambda data: data.replace(b"\r\n", b"\n"),
        lambda data: b"\xef\xbb\xbf" + data,
        lambda data: b"\r\n" + data,
        lambda data: b"From - Sun Nov 29 07:00:00 2026\r\n" + data,
        # Relaxed canonicalization allows these.
        lambda data: data.replace(b"List-Unsubscribe: <", b"List-Unsubscribe:\r\n\t<"),
        lambda data: data.replace(b"Dag Gerrit,\r\n", b"Dag  Gerrit, \t\r\n", 1),
        lambda data: data + b"\r\n\r\n",
    ],
    ids=["Unix", "BOM", "blank line", "mailbox line", "refolded", "spaces", "lines at the end"],
)
def test_what_mail_programs_do_to_a_file_is_no_change(change: Callable[[bytes], bytes]) -> None:
    assert problems(check(change(arrived()))) == {}


# The signature: each verdict as a verifier of RFC 6376 gives it


SIGNATURE = "received-signature"
ONE_CLICK = "received-one-click"


ARRIVAL = 1_600_000_000
ARRIVED = format_datetime(datetime.fromtimestamp(ARRIVAL, UTC))
RECEIVED = f"Received: from a.test by mx.test; {ARRIVED}\r\n".encode()


@pytest.mark.parametrize(
    ("data", "expected", "said"),
    [
        (lambda: arrived(relaxed=False), {}, ""),
        (lambda: arrived(headers=SIGNED[:4]), {ONE_CLICK: FAILURE}, "no button"),
        (lambda: arrived(headers=SIGNED[:5]), {ONE_CLICK: FAILURE}, "no button"),
        (
            lambda: arrived(relaxed=False).replace(b"Unsubscribe: <", b"Unsubscribe:\r\n <"),
            {SIGNATURE: FAILURE, ONE_CLICK: UNKNOWN},
            "a header",
        ),
        (
            lambda: arrived().replace(b"Dag Gerrit", b"Dag Gerard", 1),
            {SIGNATURE: FAILURE, ONE_CLICK: UNKNOWN},
            "the body was changed",
        ),
        (
            lambda: arrived().replace(b"Subject: Proef: w", b"Subject: Proef:  W"),
            {SIGNATURE: FAILURE, ONE_CLICK: UNKNOWN},
            "a header",
        ),
        (
            lambda: arrived().replace(b"h=from:to:", b"h=to:"),
            {SIGNATURE: FAILURE, ONE_CLICK: UNKNOWN},
            "From",
        ),
        (
            lambda: arrived().replace(b"a=rsa-sha256", b"a=rsa-sha1"),
            {SIGNATURE: FAILURE, ONE_CLICK: UNKNOWN},
            "rsa-sha1",
        ),
        (
            lambda: arrived().replace(b"s=resend", b"s=elsewhere"),
            {SIGNATURE: FAILURE, ONE_CLICK: UNKNOWN},
            "not in the DNS",
        ),
        (lambda: RESULTS + letter(), {SIGNATURE: FAILURE, ONE_CLICK: UNKNOWN}, "no DKIM signature"),
        (
            lambda: RESULTS + sign(letter(), rsa_key(2048), domain="elders.test"),
            {SIGNATURE: FAILURE, ONE_CLICK: FAILURE},
            "elders.test",
        ),
        (
            lambda: RESULTS + sign(letter(), rsa_key(3072), domain=DOMAIN),
            {SIGNATURE: FAILURE, ONE_CLICK: UNKNOWN},
            "a header",
        ),
        (lambda: arrived(extra="l=100000; "), {SIGNATURE: WARNING}, "l="),
        (
            lambda: arrived().replace(b"v=1; ", b""),
            {SIGNATURE: FAILURE, ONE_CLICK: UNKNOWN},
            "v=1",
        ),
        *(
            (
                lambda i=i: arrived(extra=f"i={i}; "),
                {SIGNATURE: FAILURE, ONE_CLICK: UNKNOWN},
                "i=",
            )
            for i in ("@elders.test", "@test", f"@x{DOMAIN}", "g@elders.test")
        ),
        *(
            (lambda i=i: arrived(extra=f"i={i}; "), {}, "")
            for i in (f"@{DOMAIN}", f"g@{DOMAIN.upper()}", f"@news.{DOMAIN}")
        ),
        (lambda: arrived(extra="t=900; x=1000; "), {SIGNATURE: WARNING}, "x="),
        (lambda: RECEIVED + arrived(extra=f"x={ARRIVAL - 1}; "), {SIGNATURE: WARNING}, "x="),
        (lambda: RECEIVED + arrived(extra=f"x={ARRIVAL + 1}; "), {}, ""),
        (lambda: arrived(extra="x=99999999999; "), {}, ""),
        (lambda: arrived(extra=f"x={'9' * 5000}; "), {}, ""),
        (
            lambda: (
                b"Received: x; Mon, 1 Jan 0001 00:00:00 +99999999999999\r\n"
                + arrived(extra="x=99999999999; ")
            ),
            {},
            "",
        ),
        (
            lambda: arrived().replace(b"c=relaxed/relaxed; ", b"c=relaxed/relaxed; x; "),
            {SIGNATURE: FAILURE, ONE_CLICK: FAILURE},
            "not for brief.test",
        ),
    ],
    ids=[
        *("simple", "unsigned headers", "one unsigned header", "refolded under simple", "body"),
        *("subject", "From not covered", "SHA-1", "no such key", "unsigned", "other domain"),
        *("other key", "open end", "no version"),
        *("other signer", "signer above", "signer of a longer name", "address elsewhere"),
        *("signer", "address", "signer below"),
        *(
            "expired",
            "expired on its way",
            "expired since",
            "not expired",
            "no time",
            "no date",
            "garbled",
        ),
    ],
)
def test_the_signature_is_verified_again(
    data: Callable[[], bytes], expected: dict[str, DiagnosisState], said: str
) -> None:
    found = check(data())
    assert problems(found) == expected
    assert any(said in one.message for one in found)


def test_one_good_signature_of_two_is_enough() -> None:
    second = sign(arrived(results=b""), rsa_key(2048), domain="amazonses.com", selector="s")
    assert problems(check(RESULTS + second)) == {}


def test_an_ed25519_signature_is_verified_too() -> None:
    signed = RESULTS + sign(letter(), ed25519_key(), domain=DOMAIN)
    key: Zone = {f"resend._domainkey.{DOMAIN}": {"TXT": [ed25519_record()]}}
    assert problems(check(signed, key)) == {}
    changed = signed.replace(b"Dag Gerrit", b"Dag Gerard", 1)
    assert problems(check(changed, key))[SIGNATURE] is FAILURE
    # A key of another kind verifies nothing.
    assert problems(check(signed))[SIGNATURE] is FAILURE


def test_a_short_key_verifies_nothing() -> None:
    key: Zone = {f"resend._domainkey.{DOMAIN}": {"TXT": [short_record(768)]}}
    found = check(arrived(), key)
    assert problems(found) == {SIGNATURE: FAILURE, ONE_CLICK: UNKNOWN}
    assert any("768 bits" in one.message for one in found)


def test_a_damaged_key_verifies_nothing() -> None:
    key: Zone = {f"resend._domainkey.{DOMAIN}": {"TXT": [unknown_kind_record()]}}
    found = check(arrived(), key)
    assert problems(found) == {SIGNATURE: FAILURE, ONE_CLICK: UNKNOWN}
    assert any("damaged" in one.message for one in found)


@pytest.mark.parametrize("how", ["silent", "SERVFAIL", "garbage"])
def test_a_key_that_cannot_be_looked_up_is_unknown(how: str) -> None:
    found = check(arrived(), behaviour={"*": how})
    assert problems(found) == {SIGNATURE: UNKNOWN, ONE_CLICK: UNKNOWN}


RFC_8463 = b"""DKIM-Signature: v=1; a=ed25519-sha256; c=relaxed/relaxed;
 d=football.example.com; i=@football.example.com;
 q=dns/txt; s=brisbane; t=1528637909; h=from : to :
 subject : date : message-id : from : subject : date;
 bh=2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8=;
 b=/gCrinpcQOoIfuHNQIbq4pgh9kyIK3AQUdt9OdqQehSwhEIug4D11Bus
 Fa3bT3FY5OsU7ZbnKELq+eXdp1Q1Dw==
DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed;
 d=football.example.com; i=@football.example.com;
 q=dns/txt; s=test; t=1528637909; h=from : to : subject :
 date : message-id : from : subject : date;
 bh=2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8=;
 b=F45dVWDfMbQDGHJFlXUNB2HKfbCeLRyhDXgFpEL8GwpsRe0IeIixNTe3
 DhCVlUrSjV4BwcVcOF6+FF3Zo9Rpo1tFOeS9mPYQTnGdaSGsgeefOsk2Jz
 dA+L10TeYt9BgDfQNZtKdN1WO//KgIqXP7OdEFE4LjFYNcUxZQ4FADY+8=
From: Joe SixPack <joe@football.example.com>
To: Suzie Q <suzie@shopping.example.net>
Subject: Is dinner ready?
Date: Fri, 11 Jul 2003 21:00:37 -0700 (PDT)
Message-ID: <20030712040037.46341.5F8J@football.example.com>

Hi.

We lost the game.  Are you hungry yet?

Joe.
"""
RSA_OF_RFC = (
    "v=DKIM1; k=rsa; p=MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQDkHlOQoBTzWRiGs5V6NpP3idY6Wk08a5qhdR6w"
    "y5bdOKb2jLQiY/J16JYi0Qvx/byYzCNb3W91y3FutACDfzwQ/BC/e/8uBsCR+yz1Lxj+PL6lHvqMKrM3rG4hstT5QjvHO9"
    "PzoxZyVYLzBfO2EeC3Ip3G+2kryOTIKT+l/K4w3QIDAQAB"
)
RFC_KEYS: Zone = {
    "brisbane._domainkey.football.example.com": {
        "TXT": ["v=DKIM1; k=ed25519; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="]
    },
    "test._domainkey.football.example.com": {"TXT": [RSA_OF_RFC]},
}


def test_the_example_of_the_standard_verifies() -> None:
    """The signed letter of RFC 8463, appendix A.3, with its two keys."""
    with serve_dns(RFC_KEYS) as server:
        resolver = server.resolver()
        found = verify_signatures(RFC_8463, resolver)
        assert [one.problem for one in found] == ["", ""]
        changed = verify_signatures(RFC_8463.replace(b"dinner", b"supper"), resolver)
        assert all("header" in one.problem for one in changed)
        changed = verify_signatures(RFC_8463.replace(b"hungry", b"thirsty"), resolver)
        assert all("body" in one.problem for one in changed)


# What the receiver says


def results(**methods: str) -> bytes:
    said = {"spf": f"pass smtp.mailfrom={DOMAIN}", "dkim": f"pass header.d={DOMAIN}"}
    said |= {"dmarc": f"pass header.from={DOMAIN}"} | methods
    lines = "".join(f";\r\n {name}={value}" for name, value in said.items() if value)
    return f"Authentication-Results: mx.test{lines}\r\n".encode()


@pytest.mark.parametrize(
    ("methods", "which", "state"),
    [
        ({"spf": "fail"}, "received-spf", FAILURE),
        ({"spf": "permerror"}, "received-spf", FAILURE),
        ({"spf": "softfail"}, "received-spf", WARNING),
        ({"spf": "none"}, "received-spf", WARNING),
        ({"spf": "temperror"}, "received-spf", UNKNOWN),
        ({"spf": ""}, "received-spf", UNKNOWN),
        ({"dkim": "fail header.d=brief.test"}, "received-dkim", FAILURE),
        ({"dkim": "none"}, "received-dkim", FAILURE),
        ({"dkim": "pass header.d=amazonses.com"}, "received-dkim", FAILURE),
        ({"dkim": "pass"}, "received-dkim", UNKNOWN),
        ({"dkim": "temperror"}, "received-dkim", UNKNOWN),
        ({"dkim": ""}, "received-dkim", UNKNOWN),
        ({"dmarc": "fail"}, "received-dmarc", FAILURE),
        ({"dmarc": "none"}, "received-dmarc", FAILURE),
        ({"dmarc": "bestguesspass"}, "received-dmarc", FAILURE),
        ({"dmarc": "temperror"}, "received-dmarc", UNKNOWN),
        ({"dmarc": ""}, "received-dmarc", UNKNOWN),
    ],
)
def test_each_result_of_the_receiver_is_reported(
    methods: dict[str, str], which: str, state: DiagnosisState
) -> None:
    assert problems(check(arrived(results=results(**methods)))) == {which: state}


def test_what_was_written_before_the_last_receiver_does_not_count() -> None:
    forged = results().replace(b"mx.test", b"mx.elsewhere.test")
    names = ("received-spf", "received-dkim", "received-dmarc")
    top = b"Authentication-Results: mx.test; none\r\n"
    assert problems(check(arrived(results=top + forged))) == dict.fromkeys(names, UNKNOWN)


def test_a_receiver_that_says_nothing_leaves_it_unknown() -> None:
    names = ("received-spf", "received-dkim", "received-dmarc")
    assert problems(check(arrived(results=b""))) == dict.fromkeys(names, UNKNOWN)


# The letter itself


def changed(pattern: str, by: str, count: int = 0, *, encode: bool = True) -> Callable[[], bytes]:
    """Return a letter that was changed before it was signed, as its parts are encoded."""

    def make() -> bytes:
        head, _, body = letter().decode().partition("\r\n\r\n")
        lines = re.sub(r"=\r\n", "", body)  # whole lines, as they were before the encoding
        new = by.replace("=", "=3D") if encode else by
        both = re.sub(pattern, new, f"{head}\r\n\r\n{lines}", count=count)
        return arrived(both.encode())

    return make


LINK = r"(?<=href=3D\")https://example\.org/a"


@pytest.mark.parametrize(
    ("data", "which", "state", "said"),
    [
        (changed("Subject: Proef: ", "Subject: "), "received-subject", WARNING, "no proof"),
        (changed("Subject: Proef", "Subject: [EXT] Proef"), "received-subject", WARNING, "before"),
        (changed(r"List-Unsubscribe: .*?\r\n", ""), "received-unsubscribe", FAILURE, "no List"),
        (changed(r"(?<=Unsubscribe: )<.*?>", "<https://u.provider.test/x>"),
            "received-unsubscribe", FAILURE, "u.provider.test"),
        (changed(r"(?<=Unsubscribe: )<.*?>", "<mailto:leave@provider.test>"),
            "received-unsubscribe", FAILURE, "mailto"),
        (changed(r"(?<=t0ken>)", ", <mailto:leave@provider.test>"),
            "received-unsubscribe", WARNING, "added"),
        (changed("List-Unsubscribe: <(.*?)>", r"List-Unsubscribe: =?utf-8?q?=3C\1=3E?=",
            encode=False),
            "received-unsubscribe", FAILURE, "encoded word"),
        (changed("List-Unsubscribe=One-Click", "=?us-ascii?Q?List-Unsubscribe=3DOne-Click?=",
            encode=False),
            "received-unsubscribe", FAILURE, "encoded word"),
        (changed("List-Unsubscribe=One-Click", "List-Unsubscribe-One-Click"),
            "received-unsubscribe", FAILURE, "button"),
        (changed(r"(?=MIME-Version)", "List-Unsubscribe: <https://x.test/>\r\n"),
            "received-unsubscribe", FAILURE, "2 List-Unsubscribe"),
        (changed(LINK, "https://links.brief.test/CL0/https:%2F%2Fexample.org%2Fa/1/01/x", 1),
            "received-links", FAILURE, "links.brief.test"),
        (changed(LINK, "https://email.mg.brief.test/c/eJwUyjGOAjEMAMDfJ-WqZb30"),
            "received-links", FAILURE, "email.mg.brief.test"),
        (changed(r"https://example\.org/a", "https://abc.r.eu-west-1.awstrack.me/L0/https:x"),
            "received-links", FAILURE, "awstrack.me"),
        (changed(r"(?<=href=3D\")https://(example|brief)[^\"]*", "https://t.provider.test/k"),
            "received-links", FAILURE, "t.provider.test"),
        (changed(r"(?<=href=3D\")https://brief[^\"]*/u/t0ken", "https://example.org/a"),
            "received-links", FAILURE, "no link to unsubscribe"),
        (changed(LINK, "https://example.org/b", 1), "received-links", WARNING, "example.org"),
        (changed("</body>", '<img src="https://o.provider.test/p.gif" width="1" alt="x"></body>'),
            "received-pictures", FAILURE, "o.provider.test"),
        (changed("</body>", '<img src="https://o.provider.test/p.gif" alt=""></body>'),
            "received-pictures", FAILURE, "o.provider.test"),
        (changed("</body>", '<img src="//o.provider.test/p" style="display:none" alt="x"></body>'),
            "received-pictures", FAILURE, "o.provider.test"),
        (changed("</head>", "<style>p{background:url(https://o.provider.test/p)}</style></head>"),
            "received-pictures", FAILURE, "o.provider.test"),
        (changed("</head>", '<link rel="stylesheet" href="https://fonts.test/f.css"></head>'),
            "received-pictures", FAILURE, "fonts.test"),
        (changed("Dag Gerrit,", "Dag {{first_name}},", 1), "received-placeholders", FAILURE, "{{"),
        (changed("Dag Gerrit,", "Dag %recipient.first_name%,"),
            "received-placeholders", FAILURE, "%recipient"),
        (changed("Dag Gerrit,", "Dag [[naam]],", 1), "received-placeholders", FAILURE, "[["),
        (changed(r"(?<=href=3D\")https://brief[^\"]*/issues", "{{base}}"),
            "received-placeholders", FAILURE, "{{base}}"),
        (changed(r"Dag Gerrit,(?!\r)", "&#57344;greeting&#57345;"),
            "received-placeholders", FAILURE, "placeholder"),
        (changed("=C3=A9=C3=A9n", "=C3=C3=A9n", 1, encode=False),
            "received-parts", FAILURE, "damaged"),
        (changed("=C3=A9=C3=A9n", "=ZZ=G1n", 1, encode=False),
            "received-parts", FAILURE, "damaged"),
        (changed(r"From: Gerrit <gerrit@brief\.test>", "From: Gerrit <gerrit@nieuws.brief.test>"),
            "received-sender", FAILURE, "nieuws.brief.test"),
    ],
)  # fmt: skip
def test_each_change_on_its_way_is_found(
    data: Callable[[], bytes], which: str, state: DiagnosisState, said: str
) -> None:
    found = check(data())
    assert problems(found) == {which: state}
    (only,) = [one for one in found if one.check == which]
    assert said in only.message
    assert "t0ken" not in only.message
    assert "gerrit@" not in only.message


def test_headers_that_are_missing_are_not_blamed_on_the_signature() -> None:
    without = re.sub(rb"(?m)^List-Unsubscribe.*\r\n", b"", letter())
    found = check(arrived(without, headers=SIGNED[:4]))
    assert problems(found) == {ONE_CLICK: UNKNOWN, "received-unsubscribe": FAILURE}
    (fix,) = [one.fix for one in found if one.check == ONE_CLICK]
    assert fix == "See received-unsubscribe"


def test_pictures_and_links_of_the_author_are_left_alone() -> None:
    data = changed("</body>", f'<img src="{PUBLIC}/media/a.jpg" width="1" alt=""></body>')()
    assert problems(check(data)) == {}


@pytest.mark.parametrize("kind", ["plain", "html"])
def test_a_letter_needs_both_parts(kind: str) -> None:
    message = EmailMessage()
    for name, value in (("From", f"g@{DOMAIN}"), ("Subject", "Proef: x"), ("Date", "x")):
        message[name] = value
    message["List-Unsubscribe"] = f"<{PUBLIC}/u/t0ken>"
    message["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    link = f"{PUBLIC}/u/t0ken"
    message.set_content(f'<a href="{link}">x</a>' if kind == "html" else link, subtype=kind)
    found = check(arrived(message.as_bytes().replace(b"\n", b"\r\n")))
    assert problems(found)["received-parts"] is FAILURE


# Files that are no letter


def forwarded() -> bytes:
    outer = EmailMessage()
    outer["From"], outer["Subject"], outer["Date"] = "a@b.test", "Fwd", "x"
    outer.set_content("see below")
    inner = email.message_from_bytes(arrived(), policy=email.policy.default)
    outer.add_attachment(inner)
    return outer.as_bytes()


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "empty"),
        (b"\r\n \r\n", "empty"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600), ".msg"),
        (b"%PDF-1.7 ...", "PDF"),
        (b"PK\x03\x04", "ZIP"),
        (b"<!doctype html><html></html>", "web page"),
        (b'{"from": "x"}', "JSON"),
        ("Een brief".encode("utf-16"), "no text"),
        (bytes(range(256)) * 40, "no text"),
        (b"Dag Gerrit,\n\nHoe gaat het?\n", "no headers"),
        (b"Subject: Proef\nDate: x\n\nDag\n", "no From"),
        (b"From: a@b.test\nFrom: c@d.test\nSubject: x\n\n", "2 From"),
        (b"From: Gerrit\nSubject: x\n\n", "no address"),
        (b"From: a@b.test\r\nSubject: x\r\n\r\n" + b"x" * 10_000_000, "10 MB"),
    ],
)
def test_a_file_that_is_no_letter_is_said_to_be_so(data: bytes, said: str) -> None:
    (only,) = check(data)
    assert (only.check, only.state) == ("received-file", FAILURE)
    assert said in only.message
    assert only.fix


def test_a_forwarded_letter_is_said_to_be_so() -> None:
    (only,) = check(forwarded())
    assert "forwarded" in only.message
    assert "attached" in only.fix


def test_a_mailbox_of_letters_is_said_to_be_so() -> None:
    line = b"From MAILER Sun Nov 29 07:00:00 2026\n"
    (only,) = check(line + letter() + b"\n\n" + line + letter())
    assert "several letters" in only.message


def test_no_damage_to_a_file_is_an_error_of_ours() -> None:
    """Damage by chance, and what parsers are known to stop at; a diagnosis of each file."""
    chance = random.Random(7)  # noqa: S311 - the same damage each time
    inserts = (
        *(b"<![x", b"https://[bad/", b'; charset="a\0b"', b"=?utf-8?b?//8=?=", b"\xff\xfe", b"((("),
        *(b"\n\n", b"l=99999999999999999999999;", b"&#xFFFFFFFF;", b"From: ", b'"', b"b=;"),
    )
    whole = arrived()
    with serve_dns(good_zone()) as server:
        resolver = server.resolver(60)
        for insert in inserts * 12:
            data = bytearray(whole)
            for _ in range(chance.choice((1, 4, 40))):
                at = chance.randrange(len(data))
                data[at : at + chance.randrange(20)] = insert
            found = check_received(bytes(data), settings(), resolver)
            assert all(one.message for one in found)


def test_the_document_has_every_check() -> None:
    page = (REPOSITORY / "docs" / "dns.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `([a-z-]+)` \|", page, re.MULTILINE)
    assert rows == [name for name, _ in (*CHECKS, *RECEIVED_CHECKS)]
    assert all(f"`{name}`" in page.partition("## Before a mailing")[2] for name in BLOCKING)
