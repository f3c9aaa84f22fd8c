"""Pictures of a letter: stored before anybody is sent it, and kept if anybody was."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import pytest

from newsletter import delivery, desk, render
from newsletter.delivery.preflight import check_web_app
from newsletter.delivery.web_self_test import WebSelfTest
from newsletter.errors import ContentError, NewsletterError
from newsletter.model import Image, Severity
from newsletter.providers.outbox.send import Outbox
from newsletter.store import media, proofs, schema
from newsletter.store.database import now
from newsletter.subscriptions import retention
from tests.support import pictures as made
from tests.support.newsletter import FakeProvider, Newsletter, write_issue
from tests.support.web_server import ENVIRONMENT, KEY, serving

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from newsletter.model import Draft, Finding

SHOWN = "\n\n![Een pad](foto.jpg)"
SENT = "UPDATE media SET stored_at = '2020-01-01 00:00:00.000000+00:00'"


@pytest.fixture
def newsletter(root: Path, database: str) -> Newsletter:  # noqa: ARG001 - on both
    made.put(root / "issues" / "foto.jpg", made.rotated())
    return Newsletter(root, subscribers=3, slug=write_issue(root, more=SHOWN))


@pytest.fixture
def provider(tmp_path: Path) -> FakeProvider:
    return FakeProvider(tmp_path / "taken")


def draft_of(newsletter: Newsletter) -> Draft:
    _, draft = desk.find_draft(newsletter.settings, newsletter.slug)
    assert draft
    return draft


def errors_of(newsletter: Newsletter) -> list[Finding]:
    found = desk.inspect_issue(newsletter.settings, draft_of(newsletter))
    return [one for one in found if one.severity is Severity.ERROR]


def name_of(newsletter: Newsletter) -> str:
    (picture,) = [b.picture for b in draft_of(newsletter).blocks if isinstance(b, Image)]
    assert picture
    return picture.name


def prove(newsletter: Newsletter, provider: Any) -> None:  # noqa: ANN401 - any provider
    email = "gerrit@example.org"
    context = newsletter.context(provider)
    delivery.send_proof(context, draft_of(newsletter), email=email, key=email)


def stored(newsletter: Newsletter) -> list[tuple[object, ...]]:
    return newsletter.sql("SELECT name, sent FROM media ORDER BY name")


def letter_html(newsletter: Newsletter) -> str:
    return str(newsletter.sql("SELECT letter FROM mailings")[0][0])


def test_a_mailing_stores_its_pictures_also_without_a_preflight(
    newsletter: Newsletter, provider: FakeProvider
) -> None:
    assert newsletter.send(provider, preflight=False).error is None
    name = name_of(newsletter)
    assert stored(newsletter) == [(name, True)]
    with newsletter.store.read() as connection:
        copy = media.read(connection, name)
    assert copy
    assert made.opened(copy).size == (480, 640)
    assert f"https://brief.example.org/media/{name}" in letter_html(newsletter)
    assert len(provider.taken()) == 3


def test_a_proof_stores_pictures_and_a_mailing_then_keeps_them(
    newsletter: Newsletter, provider: FakeProvider
) -> None:
    prove(newsletter, provider)
    assert stored(newsletter) == [(name_of(newsletter), False)]
    newsletter.send(provider)
    assert stored(newsletter) == [(name_of(newsletter), True)]


def test_two_issues_with_one_picture_store_it_once(
    newsletter: Newsletter, provider: FakeProvider
) -> None:
    made.put(newsletter.root / "foto.jpg", made.rotated())
    other = write_issue(newsletter.root, name="stilte", days=7, more=SHOWN.replace("foto", "/foto"))
    newsletter.send(provider)
    newsletter.send(provider, other)
    assert stored(newsletter) == [(name_of(newsletter), True)]


def test_logo_and_portrait_are_stored_too(newsletter: Newsletter, provider: FakeProvider) -> None:
    made.put(newsletter.root / "logo.png", made.PIXEL)
    newsletter.settings = replace(newsletter.settings, logo="logo.png", portrait="issues/foto.jpg")
    prove(newsletter, provider)
    assert len(stored(newsletter)) == 2


def test_a_rehearsal_of_a_letter_to_people_stores_nothing(newsletter: Newsletter) -> None:
    settings = delivery.rehearsal_settings(replace(newsletter.settings, provider="resend"))
    newsletter.settings = settings
    newsletter.send(Outbox(newsletter.root / "outbox"))  # type: ignore[arg-type]
    assert stored(newsletter) == []
    assert f"https://brief.example.org/media/{name_of(newsletter)}" in letter_html(newsletter)


def test_where_nobody_is_mailed_a_rehearsal_stores_what_its_page_shows(
    newsletter: Newsletter,
) -> None:
    newsletter.send(Outbox(newsletter.root / "outbox"))  # type: ignore[arg-type]
    assert stored(newsletter) == [(name_of(newsletter), False)]


def test_a_picture_that_changed_after_the_proof_makes_another_letter(
    newsletter: Newsletter, provider: FakeProvider
) -> None:
    prove(newsletter, provider)
    before = name_of(newsletter)
    made.put(newsletter.root / "issues" / "foto.jpg", made.photo(400))
    issue = draft_of(newsletter).issue
    assert issue
    now_shown = render.letter(issue, newsletter.settings).hash
    with newsletter.store.read() as connection:
        assert proofs.last_proof(connection, now_shown, "") is None
    newsletter.send(provider)
    assert sorted(stored(newsletter)) == sorted([(before, False), (name_of(newsletter), True)])


def test_a_picture_deleted_after_the_proof_stops_the_mailing(
    newsletter: Newsletter, provider: FakeProvider
) -> None:
    prove(newsletter, provider)
    calls = provider.calls
    (newsletter.root / "issues" / "foto.jpg").unlink()
    with pytest.raises(ContentError, match="there is no file"):
        newsletter.send(provider)
    assert provider.calls == calls


def test_a_picture_that_changes_while_a_person_confirms_stops_the_mailing(
    newsletter: Newsletter, provider: FakeProvider
) -> None:
    context = newsletter.context(provider)
    request = delivery.SendRequest(
        newsletter.slug, draft_of(newsletter), early=True, preflight=False
    )
    plan = delivery.plan_send(context, request)
    made.put(newsletter.root / "issues" / "foto.jpg", made.photo(400))
    with pytest.raises(NewsletterError, match="has changed meanwhile"):
        delivery.send_plan(context, plan, progress=lambda _done, _total: None)
    assert newsletter.sql("SELECT count(*) FROM mailings") == [(0,)]
    assert provider.calls == 0


@pytest.mark.parametrize("rehearsal", [False, True])
def test_half_a_picture_stops_every_letter(
    newsletter: Newsletter, provider: FakeProvider, *, rehearsal: bool
) -> None:
    made.put(newsletter.root / "issues" / "foto.jpg", made.photo()[:9000])
    used: Any = provider
    if rehearsal:
        newsletter.settings = delivery.rehearsal_settings(
            replace(newsletter.settings, provider="resend")
        )
        used = Outbox(newsletter.root / "outbox")
    for act in (lambda: newsletter.send(used), lambda: prove(newsletter, used)):
        with pytest.raises(NewsletterError, match="damaged"):
            act()
    assert newsletter.sql("SELECT count(*) FROM mailings") == [(0,)]
    (found,) = errors_of(newsletter)
    assert (found.rule, found.line) == ("image-unreadable", 6)


def test_no_letter_is_frozen_whose_picture_was_deleted_meanwhile(
    newsletter: Newsletter, provider: FakeProvider
) -> None:
    context = newsletter.context(provider)
    request = delivery.SendRequest(newsletter.slug, draft_of(newsletter), early=True)
    plan = delivery.plan_send(context, request)
    assert isinstance(plan, delivery.Plan)
    with pytest.raises(NewsletterError, match="not in the database"):
        delivery.planning.freeze(context, plan)
    assert newsletter.sql("SELECT count(*) FROM mailings") == [(0,)]


def test_what_a_sent_letter_shows_is_never_deleted_and_what_none_shows_is(
    newsletter: Newsletter, provider: FakeProvider
) -> None:
    prove(newsletter, provider)
    before = name_of(newsletter)
    made.put(newsletter.root / "issues" / "foto.jpg", made.photo(400))
    newsletter.send(provider)
    retention.tidy(newsletter.store, newsletter.settings)
    assert len(stored(newsletter)) == 2
    newsletter.sql(SENT)
    retention.tidy(newsletter.store, newsletter.settings)
    assert stored(newsletter) == [(name_of(newsletter), True)]
    # Needed again, it is kept for as long as a new one.
    made.put(newsletter.root / "issues" / "foto.jpg", made.rotated())
    newsletter.sql(SENT)
    assert name_of(newsletter) == before
    write_issue(newsletter.root, name="stilte", days=8, more=SHOWN)
    prove(newsletter, provider)
    retention.tidy(newsletter.store, newsletter.settings)
    assert (before, False) in stored(newsletter)


def test_a_stored_picture_is_not_made_again(newsletter: Newsletter, provider: FakeProvider) -> None:
    prove(newsletter, provider)
    with newsletter.store.write() as connection:
        connection.execute(schema.media.update().values(body=b"as stored by another machine"))
    newsletter.send(provider)
    with newsletter.store.read() as connection:
        found = media.read(connection, name_of(newsletter))
        assert media.find_stored(connection, ["x"]) == frozenset()
    assert found == b"as stored by another machine"


def test_two_processes_may_store_one_picture(newsletter: Newsletter) -> None:
    with newsletter.store.write() as connection:
        assert media.store(connection, ["a.png"], {"a.png": b"1"}) == frozenset()
        assert media.store(connection, ["a.png", "b.png"], {"a.png": b"2"}) == {"b.png"}
        assert media.read(connection, "a.png") == b"1"
        assert media.mark_sent(connection, ["a.png", "b.png"]) == {"b.png"}
        assert media.delete_unused(connection, now(connection)) == 0


def test_the_preflight_fetches_a_picture_from_the_web_app(
    newsletter: Newsletter, provider: FakeProvider
) -> None:
    with serving(newsletter.root, env=ENVIRONMENT) as app:
        newsletter.settings = replace(
            newsletter.settings,
            public_url=app.url,
            secret_keys=(KEY,),
            provider_url="http://127.0.0.1:9",
        )
        assert newsletter.send(provider, preflight=True).error is None
        found = app.client.get(f"/media/{name_of(newsletter)}")
        assert (found.status_code, found.headers["content-type"]) == (200, "image/jpeg")
        newsletter.sql("DELETE FROM media")
        with pytest.raises(NewsletterError, match="does not have the letter's pictures"):
            check_web_app(newsletter.store, newsletter.settings, name_of(newsletter))


@contextmanager
def answering(kind: str, body: bytes) -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *_arguments: object) -> None:
            pass

        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("content-type", kind)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()
        thread.join()


@pytest.mark.parametrize(
    ("kind", "body"),
    [("text/html", b"stored"), ("image/webp", b"made smaller"), ("image/jpeg", b"made smaller")],
)
def test_a_server_that_changes_pictures_is_named(
    newsletter: Newsletter, kind: str, body: bytes
) -> None:
    name = name_of(newsletter)
    with answering(kind, body) as url:
        settings = replace(newsletter.settings, public_url=url)
        with WebSelfTest(settings) as test, pytest.raises(NewsletterError, match="changes the"):
            test.check_picture(name, b"stored")
    with answering("image/jpeg", b"stored") as url:
        settings = replace(newsletter.settings, public_url=url)
        with WebSelfTest(settings) as test:
            test.check_picture(name, b"stored")


def test_a_missing_picture_of_the_settings_names_the_setting(
    newsletter: Newsletter, provider: FakeProvider
) -> None:
    newsletter.settings = replace(newsletter.settings, logo="logo.png")
    with pytest.raises(NewsletterError, match=r'setting "logo": there is no file "logo\.png"'):
        newsletter.send(provider)
    (found,) = errors_of(newsletter)
    assert found.rule == "letter"
    made.put(newsletter.root / "logo.png", made.photo()[:9000])
    (found,) = errors_of(newsletter)
    assert 'setting "logo": "logo.png" is damaged' in found.message


def test_an_address_of_another_copy_in_the_text_is_no_picture_of_the_letter(
    root: Path, newsletter: Newsletter, provider: FakeProvider
) -> None:
    other = f"https://brief.example.org/media/{'0' * 40}.jpg"
    newsletter.slug = write_issue(root, name="ander", more=f"{SHOWN}\n\nZie [de foto]({other}).")
    own = name_of(newsletter)
    written = desk.render_files(newsletter.settings, draft_of(newsletter), None).files
    page = written[0].read_text(encoding="utf-8")
    assert f'src="media/{own}"' in page
    assert f'href="{other}"' in page
    newsletter.send(provider)
    assert stored(newsletter) == [(own, True)]


def test_an_image_at_the_address_of_a_copy_is_an_error(root: Path, newsletter: Newsletter) -> None:
    other = f"https://Brief.example.org/media/{'0' * 40}.jpg"
    newsletter.slug = write_issue(root, name="ander", more=f"\n\n![Een pad]({other})")
    (found,) = errors_of(newsletter)
    assert (found.rule, found.line) == ("image-own-address", 6)
    assert draft_of(newsletter).issue is None


def test_an_animation_that_is_cut_to_its_first_frame_is_a_warning(newsletter: Newsletter) -> None:
    path = newsletter.root / "issues" / "foto.jpg"
    for data, rules in (
        (made.animation(), []),
        (made.animation(6, 500, 400, noisy=True), ["image-animated"]),
    ):
        made.put(path, data)
        found = desk.inspect_issue(newsletter.settings, draft_of(newsletter))
        assert [one.rule for one in found if one.rule.startswith("image-")] == rules
