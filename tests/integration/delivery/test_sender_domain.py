"""Before a real mailing: the DNS of the sender's domain, and whether it is the usual sender."""

from __future__ import annotations

import json
import ssl
import threading
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
import trustme

from newsletter import delivery, desk
from newsletter.delivery.sender_domain import check_sending_domain
from newsletter.errors import NewsletterError
from newsletter.model import DeliveryState
from tests.integration.delivery.test_preflight import Handler, WebApp
from tests.integration.mail_dns.zones import DOMAIN, SELECTOR, good_zone, rsa_record
from tests.support.dns_server import serve_dns
from tests.support.newsletter import FakeProvider, Newsletter, write_issue

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from tests.support.dns_server import Zone

DMARC = f"_dmarc.{DOMAIN}"


class Tunnel(Handler):
    """A proxy that leads every host to the web app itself, over TLS."""

    context: ssl.SSLContext

    def do_CONNECT(self) -> None:  # noqa: N802 - the name is the standard library's
        self.send_response(200)
        self.end_headers()
        self.connection = self.context.wrap_socket(self.connection, server_side=True)
        self.rfile = self.connection.makefile("rb")
        self.wfile = self.connection.makefile("wb", buffering=0)  # type: ignore[assignment]
        self.close_connection = False
        while not self.close_connection:
            self.handle_one_request()
        self.connection.close()


@pytest.fixture
def newsletter(root: Path) -> Newsletter:
    made = Newsletter(root)
    made.settings = replace(
        made.settings,
        sender=f"Gerrit <gerrit@{DOMAIN}>",
        reply_to="",
        provider="resend",
        credentials={"RESEND_API_KEY": "re_of_these_tests"},
    )
    return made


DENIED = (401, b'{"name": "restricted_api_key", "message": "may only send"}')


@pytest.fixture
def internet(
    newsletter: Newsletter, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[WebApp]:
    """Serve what public_url promises, and the provider, through a proxy with a certificate."""
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("brief.example.org", "api.resend.com").configure_cert(context)
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    said = {
        ("GET", "/healthz"): (200, json.dumps({"ledger": newsletter.settings.ledger}).encode()),
        ("GET", "/u"): (200, b""),
        ("POST", "/u"): (200, b"unsubscribed"),
        ("POST", "?"): (200, b"mailed"),
        ("GET", "/domains?limit=100"): DENIED,
        ("GET", "/webhooks?limit=100"): DENIED,
    }
    server = WebApp(said)
    server.RequestHandlerClass = type("Here", (Tunnel,), {"context": context})
    threading.Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{server.server_address[1]}")
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
    yield server
    server.shutdown()
    server.server_close()


def send(
    newsletter: Newsletter,
    zone: Zone,
    behaviour: Mapping[str, str] | None = None,
    *,
    preflight: bool = True,
) -> delivery.SendResult:
    provider = FakeProvider(newsletter.root / "taken")
    slug, draft = desk.find_draft(newsletter.settings, newsletter.slug)
    request = delivery.SendRequest(slug, draft, early=True, preflight=preflight)
    with serve_dns(zone, behaviour) as server:
        context = replace(newsletter.context(provider), resolver=server.resolver(seconds=1))
        return delivery.send_issue(context, request, progress=lambda _done, _total: None)


@pytest.mark.usefixtures("internet")
def test_with_correct_dns_records_nothing_is_reported(newsletter: Newsletter) -> None:
    found = send(newsletter, good_zone())
    assert found.error is None
    assert found.warnings == ()


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({SELECTOR: {}}, "no DKIM key"),
        ({SELECTOR: {"TXT": ["v=DKIM1; p="]}}, "withdrawn"),
        ({DMARC: {}}, "no DMARC record"),
        ({DOMAIN: {}, f"send.{DOMAIN}": {}, SELECTOR: {}, DMARC: {}, f"mx.{DOMAIN}": {}}, "DKIM"),
    ],
)
@pytest.mark.usefixtures("internet")
def test_what_receivers_would_refuse_is_not_sent(
    newsletter: Newsletter, changes: Zone, named: str
) -> None:
    with pytest.raises(NewsletterError, match=named) as caught:
        send(newsletter, good_zone() | changes)
    assert caught.value.exit_code == 1
    assert "--no-preflight" in caught.value.hint
    assert newsletter.sql("SELECT count(*) FROM mailings") == [(0,)]
    # It may be left out, and then it is.
    assert send(newsletter, {}, preflight=False).error is None


def test_the_keys_that_the_provider_names_are_looked_for(
    newsletter: Newsletter, internet: WebApp
) -> None:
    record = {
        "record": "DKIM",
        "name": f"rs7._domainkey.{DOMAIN}",
        "type": "TXT",
        "value": rsa_record(),
        "status": "verified",
    }
    domain = {"id": "d1", "name": DOMAIN, "status": "verified", "records": [record]}
    internet.said |= {
        ("GET", "/domains?limit=100"): (200, json.dumps({"data": [domain]}).encode()),
        ("GET", "/domains/d1"): (200, json.dumps(domain).encode()),
    }
    zone = good_zone()
    with pytest.raises(NewsletterError, match=r"rs7\._domainkey"):
        send(newsletter, zone)
    zone[f"rs7._domainkey.{DOMAIN}"] = zone.pop(SELECTOR)
    assert send(newsletter, zone).warnings == ()


@pytest.mark.usefixtures("internet")
def test_a_sender_at_free_mail_is_refused(newsletter: Newsletter) -> None:
    newsletter.settings = replace(newsletter.settings, sender="Gerrit <gerrit@ziggo.nl>")
    with pytest.raises(NewsletterError, match=r"ziggo\.nl") as caught:
        send(newsletter, {})
    assert caught.value.exit_code == 1


@pytest.mark.parametrize("how", ["silent", "SERVFAIL", "REFUSED", "garbage", "other name"])
@pytest.mark.usefixtures("internet")
def test_dns_without_an_answer_delays_nothing(newsletter: Newsletter, how: str) -> None:
    found = send(newsletter, good_zone(), {"*": how})
    assert found.error is None
    assert any(line.startswith("dns-dkim: could not check") for line in found.warnings)
    assert found.report.counts[DeliveryState.ACCEPTED] == found.report.mailing.audience


@pytest.mark.usefixtures("internet")
def test_an_unexpected_error_keeps_nothing_back(
    newsletter: Newsletter, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError

    monkeypatch.setattr("newsletter.mail_dns.dkim.load_der_public_key", fail)
    found = send(newsletter, good_zone())
    assert found.error is None
    (warning,) = found.warnings
    assert warning.startswith("dns-dkim: could not check: ")


@pytest.mark.usefixtures("internet")
def test_what_is_only_unwise_is_a_warning(newsletter: Newsletter) -> None:
    newsletter.settings = replace(newsletter.settings, sender=f"Brief <noreply@{DOMAIN}>")
    zone = good_zone() | {DMARC: {"TXT": ["v=DMARC1; p=none"]}}
    zone[DOMAIN] = {"TXT": ["v=spf1 a -all", "v=spf1 mx -all"], "MX": ["0 ."]}
    found = send(newsletter, zone)
    assert found.error is None
    assert [line.partition(":")[0] for line in found.warnings] == [
        *("dns-noreply", "dns-spf", "dns-dmarc", "dns-mx-from")
    ]


@pytest.mark.usefixtures("internet")
def test_a_mailing_that_started_is_looked_at_again(newsletter: Newsletter) -> None:
    newsletter.send(FakeProvider(newsletter.root / "taken"), limit=3)
    with pytest.raises(NewsletterError, match="no DMARC record"):
        send(newsletter, good_zone() | {DMARC: {}})
    assert send(newsletter, good_zone()).error is None
    # A complete one needs nothing any more.
    assert send(newsletter, {}).repeated


def test_a_provider_on_loopback_needs_no_dns(newsletter: Newsletter) -> None:
    settings = replace(newsletter.settings, provider_url="http://127.0.0.1:9")
    with serve_dns({}) as server:
        assert check_sending_domain(settings, server.resolver()) == ()
        assert server.asked == []


# The usual sender


def second_letter(newsletter: Newsletter, **changes: str) -> delivery.Plan:
    """Send one letter, change the settings, and plan the next."""
    provider = FakeProvider(newsletter.root / "taken")
    newsletter.send(provider)
    newsletter.settings = replace(newsletter.settings, **changes)  # type: ignore[arg-type]
    slug = write_issue(newsletter.root, name="ruimte", days=8)
    _, draft = desk.find_draft(newsletter.settings, slug)
    plan = delivery.plan_send(
        newsletter.context(provider), delivery.SendRequest(slug, draft, early=True)
    )
    assert isinstance(plan, delivery.Plan)
    return plan


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({}, ()),
        ({"sender": f"Gerrit van Brief <gerrit@{DOMAIN}>"}, ()),
        ({"sender": f"Gerrit <GERRIT@{DOMAIN}>"}, ()),
        ({"sender": f"Gerrit <anders@{DOMAIN}>"}, ("at the same domain",)),
        ({"sender": "Gerrit <gerrit@elders.test>"}, ("elders.test", DOMAIN)),
        ({"name": "Een andere brief"}, (f"een-andere-brief.{DOMAIN}",)),
        ({"name": "PROEFBRIEF"}, ()),
    ],
)
def test_another_sender_than_last_time_is_a_warning(
    newsletter: Newsletter, changes: dict[str, str], named: tuple[str, ...]
) -> None:
    plan = second_letter(newsletter, **changes)
    assert len(plan.warnings) == bool(named)
    assert all(name in plan.warnings[0] for name in named)


def test_the_first_letter_has_no_usual_sender(newsletter: Newsletter) -> None:
    slug, draft = desk.find_draft(newsletter.settings, newsletter.slug)
    context = newsletter.context(FakeProvider(newsletter.root / "taken"))
    plan = delivery.plan_send(context, delivery.SendRequest(slug, draft, early=True))
    assert isinstance(plan, delivery.Plan)
    assert plan.warnings == ()


def test_the_change_is_reported_with_the_result(newsletter: Newsletter) -> None:
    plan = second_letter(newsletter, name="Een andere brief")
    result = newsletter.send(FakeProvider(newsletter.root / "taken"), plan.issue.slug)
    assert result.warnings == plan.warnings != ()
