from __future__ import annotations

import json
import threading
from contextlib import contextmanager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import pytest

from newsletter import tokens
from newsletter.delivery import preflight
from newsletter.delivery.web_self_test import WebSelfTest, reserved_token
from newsletter.errors import NewsletterError, TryAgain
from newsletter.store import open_store
from tests.support.newsletter import FakeProvider, Newsletter, write_issue

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

REAL: dict[str, Any] = {
    "provider": "resend",
    "credentials": {"RESEND_API_KEY": "re_of_these_tests"},
    "provider_url": "http://127.0.0.1:9",
}


@pytest.fixture
def newsletter(root: Path) -> Newsletter:
    made = Newsletter(root)
    made.settings = replace(made.settings, **REAL)
    return made


def refused(newsletter: Newsletter, **changes: object) -> NewsletterError:
    settings = replace(newsletter.settings, **changes)  # type: ignore[arg-type]
    with pytest.raises(NewsletterError) as caught:
        preflight.check_settings(newsletter.store, settings)
    assert caught.value.exit_code == 1
    assert preflight.list_blockers(newsletter.store, settings)[0] == str(caught.value)
    return caught.value


def test_a_complete_setup_may_send(newsletter: Newsletter) -> None:
    preflight.check_settings(newsletter.store, newsletter.settings)
    assert preflight.list_blockers(newsletter.store, newsletter.settings) == ()


def test_a_rehearsal_needs_none_of_it(newsletter: Newsletter) -> None:
    settings = replace(newsletter.settings, provider="outbox", ledger="", secret_keys=(), sender="")
    assert preflight.list_blockers(newsletter.store, settings) == ()


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"secret_keys": ()}, "NEWSLETTER_SECRET_KEY"),
        ({"sender": ""}, '"sender"'),
        ({"contact": ""}, '"contact"'),
        ({"public_url": "http://brief.example.org"}, "https"),
        ({"public_url": "http://localhost:8000", "provider_url": ""}, "their own machines"),
        ({"ledger": "another"}, '"another"'),
    ],
)
def test_what_must_be_set_is_asked_for(
    newsletter: Newsletter, changes: dict[str, object], named: str
) -> None:
    assert named in str(refused(newsletter, **changes))


def test_loopback_is_enough_for_a_provider_on_loopback(newsletter: Newsletter) -> None:
    settings = replace(newsletter.settings, public_url="http://127.0.0.1:8000")
    preflight.check_settings(newsletter.store, settings)


def test_the_line_to_add_is_printed(newsletter: Newsletter) -> None:
    assert f'ledger = "{newsletter.settings.ledger}"' in str(refused(newsletter, ledger=""))


def test_a_second_empty_database_can_never_mail_everyone_again(newsletter: Newsletter) -> None:
    other = replace(newsletter.settings, database_url="sqlite:///other.db")
    with open_store(other).read() as connection:
        connection.exec_driver_sql("SELECT 1")
    newsletter.store = open_store(other)
    assert "the database that has sent your letters" in str(refused(newsletter))


def test_every_key_that_signed_must_stay_and_a_new_one_may_come(
    newsletter: Newsletter, tmp_path: Path
) -> None:
    provider = FakeProvider(tmp_path / "taken")
    newsletter.send(provider)
    (old,) = newsletter.settings.secret_keys
    assert newsletter.sql("SELECT fingerprint FROM signing_keys") == [(tokens.fingerprint(old),)]
    assert "Put the old key back" in str(
        refused(newsletter, secret_keys=("a new key for these tests",))
    )
    assert "Put back the key" in str(refused(newsletter, secret_keys=()))
    newsletter.settings = replace(
        newsletter.settings, secret_keys=("a new key for these tests", old)
    )
    preflight.check_settings(newsletter.store, newsletter.settings)
    # The text is new too, and so is its slot.
    newsletter.send(provider, write_issue(newsletter.root, name="ruimte", days=8))
    assert len(newsletter.sql("SELECT fingerprint FROM signing_keys")) == 2


def test_nothing_is_frozen_while_something_must_be_fixed(
    newsletter: Newsletter, tmp_path: Path
) -> None:
    newsletter.settings = replace(newsletter.settings, ledger="")
    with pytest.raises(NewsletterError):
        newsletter.send(FakeProvider(tmp_path / "taken"))
    assert newsletter.sql("SELECT count(*) FROM mailings") == [(0,)]
    assert newsletter.sql("SELECT count(*) FROM signing_keys") == [(0,)]


class WebApp(ThreadingHTTPServer):
    """Answers as the web app would, but for what a test puts into `said`."""

    def __init__(self, said: dict[tuple[str, str], tuple[int, bytes]]) -> None:
        self.said = said
        self.heard: list[tuple[str, str, bytes]] = []
        super().__init__(("127.0.0.1", 0), Handler)


class Handler(BaseHTTPRequestHandler):
    server: WebApp

    def log_message(self, *_arguments: object) -> None:
        pass

    def answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length", "0")))
        self.server.heard.append((self.command, self.path, body))
        route = "/u" if self.path.startswith("/u/") else self.path
        if "?" in self.path and (self.command, "?") in self.server.said:
            route = "?"
        status, text = self.server.said[self.command, route]
        self.send_response(status)
        self.send_header("location", "/elsewhere")
        self.send_header("content-length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    do_GET = do_POST = answer  # noqa: N815 - the names are the standard library's


@contextmanager
def web_app(
    newsletter: Newsletter, **other: tuple[int, bytes]
) -> Iterator[tuple[Newsletter, WebApp]]:
    health = json.dumps({"ledger": newsletter.settings.ledger}).encode()
    said = {
        ("GET", "/healthz"): other.get("healthz", (200, health)),
        ("GET", "/u"): other.get("page", (200, b"")),
        ("POST", "/u"): other.get("leave", (200, b"unsubscribed")),
        ("POST", "?"): other.get("asked", (200, b"mailed")),
    }
    with WebApp(said) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        newsletter.settings = replace(
            newsletter.settings, public_url=f"http://127.0.0.1:{server.server_address[1]}/"
        )
        yield newsletter, server
        server.shutdown()
        thread.join()


def test_the_web_app_is_tried_as_a_subscriber_would(newsletter: Newsletter, tmp_path: Path) -> None:
    with web_app(newsletter) as (house_, server):
        house_.send(FakeProvider(tmp_path / "taken"), preflight=True)
    page = f"/u/{reserved_token(newsletter.settings.secret_keys[0])}"
    assert server.heard == [
        ("GET", "/healthz", b""),
        ("GET", page, b""),
        ("POST", page, b"List-Unsubscribe=One-Click"),
        ("GET", f"{page}?voorkeuren", b""),
        ("POST", f"{page}?voorkeuren", b""),
        ("GET", f"{page}?voorkeuren=", b""),
        ("POST", f"{page}?voorkeuren=", b""),
        ("GET", f"{page}?voorkeuren&utm_source=newsletter", b""),
        ("POST", f"{page}?voorkeuren&utm_source=newsletter", b""),
    ]


@pytest.mark.parametrize(
    ("other", "code"),
    [
        ({"healthz": (200, b'{"ledger": "another"}')}, 1),
        ({"healthz": (200, b"<html>It works!</html>")}, 1),
        ({"healthz": (404, b"")}, 1),
        ({"healthz": (503, b"")}, 75),
        ({"page": (404, b"")}, 1),
        ({"leave": (405, b"")}, 1),
        ({"leave": (302, b"")}, 1),
        ({"leave": (500, b"")}, 75),
        ({"asked": (200, b"unsubscribed")}, 1),
        ({"asked": (404, b"")}, 1),
        ({"asked": (403, b"")}, 1),
        ({"asked": (502, b"")}, 75),
    ],
)
def test_a_web_app_with_a_wrong_answer_blocks_sending(
    newsletter: Newsletter, tmp_path: Path, other: dict[str, tuple[int, bytes]], code: int
) -> None:
    provider = FakeProvider(tmp_path / "taken")
    with web_app(newsletter, **other) as (house_, _), pytest.raises(NewsletterError) as caught:
        house_.send(provider, preflight=True)
    assert caught.value.exit_code == code
    assert newsletter.sql("SELECT count(*) FROM mailings") == [(0,)]
    # It may be left out, and then it is.
    assert newsletter.send(provider, preflight=False).error is None


def test_a_web_app_that_is_away_is_a_temporary_error(
    newsletter: Newsletter, tmp_path: Path
) -> None:
    with web_app(newsletter) as (house_, _):
        pass
    with pytest.raises(TryAgain) as caught:
        house_.send(FakeProvider(tmp_path / "taken"), preflight=True)
    assert caught.value.hint == "Start it: newsletter serve"


def test_at_a_public_address_the_advice_is_about_its_host(newsletter: Newsletter) -> None:
    settings = replace(newsletter.settings, public_url="https://letters.invalid")
    with WebSelfTest(settings) as test, pytest.raises(TryAgain) as caught:
        test.check_health("")
    assert "Is it running at its host? docs/pages.md" in caught.value.hint
    assert "--no-preflight" not in caught.value.hint
