"""A whole set-up in good order, on loopback: each test spoils one thing of it."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import ssl
import threading
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

from newsletter import desk, doctor
from newsletter.config import PROVIDER_VARIABLES
from newsletter.config.names import VARIABLES
from newsletter.model import DiagnosisState
from newsletter.providers.resend.events import KINDS
from tests.integration.mail_dns.zones import good_zone
from tests.support.dns_server import serve_dns
from tests.support.newsletter import Newsletter
from tests.support.providers.fake_account_resend import resend_domain, resend_webhook
from tests.support.providers.fake_accounts import RESEND_SECRET
from tests.support.providers.fake_resend import FakeResend
from tests.support.web_server import STILL, serving

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    import trustme

    from newsletter.model import Diagnosis
    from tests.support.dns_server import Zone

KEY = "5e0b6f0c9d1a4b7e8f2c3d4a5b6978e1f0a1b2c3d4e5f60718293a4b5c6d7e8f"
OTHER_KEY = "c0ffee5e0b6f0c9d1a4b7e8f2c3d4a5b6978e1f0a1b2c3d4e5f60718293a4b5c"
DOMAIN = "brief.test"


class Front(ThreadingHTTPServer):
    """The web server before the web app, with TLS; it can spoil what it passes on.

    Attributes:
        fault: `redirect`, `page`, `no POST`, `no query`, `cookie`, `late` or `away`; `firewall`
            answers each POST itself, `webhooks` and `login` those to /webhooks/, `no links` each
            request to /u/.
        app: The port of the web app.
    """

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Pass)
        self.fault, self.app = "", 0
        self.tls: ssl.SSLContext | None = None

    @property
    def port(self) -> int:
        return int(self.server_address[1])

    def finish_request(self, request: Any, client_address: Any) -> None:  # noqa: ANN401 - as declared
        if not self.tls:
            super().finish_request(request, client_address)
            return
        with self.tls.wrap_socket(request, server_side=True) as secured:
            super().finish_request(secured, client_address)

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing of clients that hang up."""


class _Pass(BaseHTTPRequestHandler):
    server: Front

    def log_message(self, *_arguments: object) -> None:
        pass

    def handle_any(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length", "0")))
        path = self.path.partition("?")[0] if self.server.fault == "no query" else self.path
        answers: dict[str, tuple[int, dict[str, str], bytes]] = {
            "redirect": (301, {"location": f"https://www.brief.test{path}"}, b""),
            "page": (200, {"content-type": "text/html"}, b"<html>It works!</html>"),
            "away": (502, {}, b"Bad Gateway"),
        }
        if self.command == "POST":
            challenge = (403, {"content-type": "text/html"}, b"<html>Are you a robot?</html>")
            answers |= {"no POST": (405, {}, b""), "firewall": challenge}
            if path.startswith("/webhooks/"):
                answers["webhooks"] = challenge
                answers["login"] = (401, {"www-authenticate": 'Basic realm="site"'}, b"")
        if path.startswith("/u/"):
            answers["no links"] = (404, {"content-type": "text/html"}, b"<html>nginx</html>")
        if self.server.fault in answers:
            status, headers, said = answers[self.server.fault]
        else:
            status, headers, said = self._ask(path, body)
        if self.server.fault == "cookie":
            headers["set-cookie"] = "seen=1"
        if self.server.fault == "late":
            there = datetime.now(UTC) - timedelta(hours=2)
            headers["date"] = f"{there:%a, %d %b %Y %H:%M:%S GMT}"
        self.send_response_only(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("content-length", str(len(said)))
        self.end_headers()
        self.wfile.write(said)

    do_GET = do_POST = handle_any  # noqa: N815 - the names are the standard library's

    def _ask(self, path: str, body: bytes) -> tuple[int, dict[str, str], bytes]:
        with contextlib.closing(http.client.HTTPConnection("127.0.0.1", self.server.app)) as there:
            kind = self.headers.get("content-type", "application/x-www-form-urlencoded")
            there.request(self.command, path, body, {"Content-Type": kind} if body else {})
            answer = there.getresponse()
            kept = {"date", "content-type", "x-robots-tag"}
            headers = {name: value for name, value in answer.headers.items() if name in kept}
            return answer.status, headers, answer.read()


@dataclass
class SetUp:
    """Everything that can be spoilt.

    Attributes:
        newsletter: The folder, the database and SQL behind the program's back.
        values: What the settings file says.
        environment: Of `doctor`.
        elsewhere: What the environment of the web app has otherwise; nothing takes one away.
        later: Called when the web app runs, before anything is examined.
        front: The server before the web app.
        fake: The provider.
        zone: The DNS.
        authority: Whom this machine trusts.
    """

    newsletter: Newsletter
    values: dict[str, str | float]
    environment: dict[str, str]
    front: Front
    fake: FakeResend
    authority: trustme.CA
    zone: Zone = field(default_factory=good_zone)
    elsewhere: dict[str, str] = field(default_factory=dict)
    later: list[Callable[[], object]] = field(default_factory=list)

    @property
    def root(self) -> Path:
        return self.newsletter.root

    @property
    def database(self) -> Path:
        return self.root / ".newsletter" / "newsletter.db"

    def certify(self, *names: str, authority: trustme.CA | None = None, days: int = 90) -> None:
        """Let the front show a certificate for these names that ends in so many days."""
        now = datetime.now(UTC)
        issued = (authority or self.authority).issue_cert(
            *names, not_before=now - timedelta(days=100), not_after=now + timedelta(days=days)
        )
        self.front.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        issued.configure_cert(self.front.tls)

    def write_settings(self) -> None:
        lines = [f"{name} = {json.dumps(value)}\n" for name, value in self.values.items()]
        (self.root / "newsletter.toml").write_text("".join(lines), encoding="utf-8")

    def examine(self) -> tuple[Diagnosis, ...]:
        """Return what `doctor` finds while the web app runs."""
        unset = {name for name in (*VARIABLES, *PROVIDER_VARIABLES) if name in os.environ}
        assert unset <= {"NEWSLETTER_DATABASE_URL"}
        wanted = {**self.environment, **self.elsewhere}
        there = {name: value for name, value in wanted.items() if value}
        with (
            serving(self.root, env=there, limits=STILL) as app,
            serve_dns(self.zone) as dns,
        ):
            self.front.app = app.port
            for change in self.later:
                change()
            return self.examine_alone(dns.resolver(seconds=5))

    def examine_alone(self, resolver: Any = None) -> tuple[Diagnosis, ...]:  # noqa: ANN401 - passed on
        """Return what `doctor` finds, whoever answers."""
        settings, read = doctor.read_settings(self.root, self.environment)
        if settings is None:
            return read
        drafts = desk.read_all(settings)
        sections = doctor.examine(settings, drafts, environment=self.environment, resolver=resolver)
        return (*read, *(one for section in sections for one in section.diagnoses))

    def reopen(self) -> None:
        """Close what this test has open, so that a file may be changed behind its back."""
        self.newsletter.store.close()


def problems(found: tuple[Diagnosis, ...]) -> dict[str, DiagnosisState]:
    """Return the checks that are not ok."""
    return {one.check: one.state for one in found if one.state is not DiagnosisState.OK}


@contextlib.contextmanager
def good_set_up(root: Path, authority: trustme.CA) -> Iterator[SetUp]:
    """Yield a set-up in which everything is as it should be."""
    newsletter = Newsletter(root, subscribers=3)
    front = Front()
    threading.Thread(target=front.serve_forever, args=(0.02,), daemon=True).start()
    url = f"https://localhost:{front.port}"
    with FakeResend(root / "taken") as fake:
        fake.account.domains = [resend_domain(DOMAIN, records=[])]
        fake.account.webhooks = [resend_webhook(f"{url}/webhooks/resend", events=list(KINDS))]
        values: dict[str, str | float] = {
            "name": "Jij en loslaten",
            "sender": f"Gerrit <gerrit@{DOMAIN}>",
            "contact": "Postbus 1, Amsterdam",
            "provider": "resend",
            "public_url": url,
            "ledger": newsletter.settings.ledger,
        }
        environment = {
            "NEWSLETTER_SECRET_KEY": KEY,
            "NEWSLETTER_PROVIDER_URL": fake.url,
            "RESEND_API_KEY": "re_of_these_tests",
            "RESEND_WEBHOOK_SECRET": RESEND_SECRET,
            **{name: value for name, value in os.environ.items() if name in VARIABLES},
        }
        made = SetUp(newsletter, values, environment, front, fake, authority)
        made.certify("localhost")
        made.write_settings()
        try:
            yield made
        finally:
            newsletter.store.close()
            front.shutdown()
            front.server_close()
