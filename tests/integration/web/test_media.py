"""The pictures of letters on the web: they never change, and anybody may see them."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from newsletter.providers.outbox.send import Outbox
from newsletter.store import media
from tests.support import pictures as made
from tests.support.newsletter import Newsletter, write_issue
from tests.support.web_server import STILL, App, serving

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

COPIES = {f"{n:040x}.{kind}": f"{kind}{n}".encode() * 999 for n, kind in enumerate(("jpg", "png"))}
(PHOTO, DRAWING) = COPIES


@pytest.fixture
def newsletter(root: Path, database: str) -> Newsletter:  # noqa: ARG001 - on both
    newsletter = Newsletter(root, subscribers=1)
    with newsletter.store.write() as connection:
        media.store(connection, COPIES, COPIES)
    return newsletter


@pytest.fixture
def app(newsletter: Newsletter) -> Iterator[App]:
    with serving(newsletter.root, limits=STILL) as app:
        yield app


def test_a_picture_is_served_as_it_was_stored_and_for_good(app: App) -> None:
    for name, kind in ((PHOTO, "image/jpeg"), (DRAWING, "image/png")):
        found = app.client.get(f"/media/{name}")
        assert (found.status_code, found.content) == (200, COPIES[name])
        assert found.headers["content-type"] == kind
        assert found.headers["cache-control"] == "public, max-age=31536000, immutable"
        assert found.headers["x-content-type-options"] == "nosniff"
        assert "set-cookie" not in found.headers
        again = app.client.get(f"/media/{name}", headers={"If-None-Match": found.headers["etag"]})
        assert (again.status_code, again.content) == (304, b"")
        assert again.headers["etag"] == found.headers["etag"]


def test_head_says_what_get_would_and_other_methods_are_refused(app: App) -> None:
    got, head = (app.client.request(how, f"/media/{PHOTO}") for how in ("GET", "HEAD"))
    assert head.content == b""
    assert {**head.headers, "date": ""} == {**got.headers, "date": ""}
    assert app.client.post(f"/media/{PHOTO}").status_code == 405


def test_there_is_no_other_picture_and_a_damaged_link_is_repaired(app: App) -> None:
    for name in ("0" * 40, f"{'f' * 40}.jpg", f"{'0' * 40}.svg", f"{'0' * 39}.jpg", "..%2fx", ""):
        assert app.client.get(f"/media/{name}").status_code == 404, name
    assert app.client.get(f"/media/{PHOTO}=").status_code == 200


def test_a_closed_database_still_shows_pictures(newsletter: Newsletter, app: App) -> None:
    newsletter.sql("UPDATE ledger SET closed_at = '2026-01-02 03:04:05.000006+00:00'")
    assert app.client.get("/healthz").status_code == 503
    assert app.client.get(f"/media/{PHOTO}").status_code == 200


def test_pictures_and_other_requests_are_answered_side_by_side(app: App) -> None:
    with ThreadPoolExecutor(8) as pool:
        asked = [f"/media/{PHOTO}", "/healthz"] * 40
        found = list(pool.map(lambda path: app.client.get(path).status_code, asked))
    assert found == [200] * 80


def test_the_page_of_an_issue_may_show_pictures_of_this_app(root: Path) -> None:
    made.put(root / "issues" / "foto.jpg", made.photo())
    slug = write_issue(root, more="\n\n![Een pad](foto.jpg)")
    newsletter = Newsletter(root, slug=slug, subscribers=1)
    with serving(root, limits=STILL) as app:
        newsletter.send(Outbox(root / ".newsletter" / "outbox"))  # type: ignore[arg-type]
        page = app.client.get(f"/issues/{slug}")
    assert "img-src 'self';" in page.headers["content-security-policy"]
    assert "/media/" in page.text
