"""Answering the question of a letter: what counts, what never counts, and what is kept."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import urljoin

import pytest

from newsletter.model import Letter
from newsletter.providers.outbox.send import Outbox
from newsletter.store import editions
from newsletter.subscriptions.answers import PER_HOUR, UNKNOWN_PER_HOUR, count_answer
from tests.support.newsletter import FakeProvider, Newsletter
from tests.support.subscribers import dump, sql
from tests.support.web_server import STILL, App, serving

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import httpx

on_both = pytest.mark.usefixtures("database")
"""Runs a test on SQLite and on PostgreSQL."""

ASK = '\nWat helpt &lt;bjou>?\n\n- [ ] Lopen & "zo"\n- [ ] Slapen\n'
PROXY = ("--proxy", "127.0.0.1")
HERE = {"X-Forwarded-For": "198.51.100.7", "User-Agent": "Firefox van Anna"}


def asking(root: Path, text: str = ASK) -> Newsletter:
    newsletter = Newsletter(root, subscribers=3)
    file = root / "issues" / f"{newsletter.slug}.md"
    file.write_text(file.read_text(encoding="utf-8") + text, encoding="utf-8")
    return newsletter


@pytest.fixture
def newsletter(root: Path) -> Newsletter:
    newsletter = asking(root)
    newsletter.send(FakeProvider(root / "taken"))
    return newsletter


@pytest.fixture
def app(root: Path, newsletter: Newsletter) -> Iterator[App]:
    assert newsletter
    with serving(root, *PROXY, limits=STILL) as app:
        yield app


def heading(answer: httpx.Response) -> str:
    (found,) = re.findall(r"<h1>(.*?)</h1>", answer.text)
    return str(found)


def counted(newsletter: Newsletter) -> list[tuple[object, ...]]:
    return sql(newsletter.store, "SELECT slug, answer, count FROM answers ORDER BY answer")


@on_both
def test_the_link_of_a_letter_opens_a_button_and_only_the_button_counts(
    app: App, newsletter: Newsletter
) -> None:
    (frozen,) = newsletter.sql("SELECT letter FROM mailings")[0]
    letter = Letter.decode(bytes(frozen))  # type: ignore[arg-type]
    path = f"/a/{newsletter.slug}/1"
    archived = app.client.get(f"/issues/{newsletter.slug}").text
    for part in (letter.html, letter.text, letter.page, archived):
        assert part.count(path) == 1
    for method in ("GET", "HEAD"):
        shown = app.client.request(method, path, headers=HERE)
        assert (shown.status_code, "set-cookie" in shown.headers) == (200, False)
    shown = app.client.get(path, headers=HERE)
    assert heading(shown) == "Wat helpt &lt;bjou&gt;?"
    assert "Lopen &amp; &quot;zo&quot;" in shown.text
    assert shown.text.count("<button") == 1
    assert counted(newsletter) == []
    thanks = app.client.post(path, headers=HERE)
    assert (thanks.status_code, heading(thanks)) == (200, "Dank je wel voor je antwoord")
    assert f'href="../../issues/{newsletter.slug}"' in thanks.text
    assert counted(newsletter) == [(newsletter.slug, 1, 1)]
    app.client.post(path, headers=HERE)
    app.client.post(f"/a/{newsletter.slug}/2.", headers=HERE)
    assert counted(newsletter) == [(newsletter.slug, 1, 2), (newsletter.slug, 2, 1)]


def test_nothing_is_kept_of_who_answered(app: App, newsletter: Newsletter) -> None:
    answer = app.client.post(f"/a/{newsletter.slug}/1", headers=HERE)
    assert "set-cookie" not in answer.headers
    everything = dump(newsletter.store)
    assert [word for word in ("198.51.100", "Firefox") if word in everything] == []
    app.stop()
    assert [word for word in ("198.51.100", "Firefox", newsletter.slug) if word in app.said()] == []


@pytest.mark.parametrize("number", ["0", "3", "9", "10", "01", "-1", "x", "1/2", "%00"])
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_other_answers_are_not_there(
    method: str, number: str, app: App, newsletter: Newsletter
) -> None:
    assert app.client.request(method, f"/a/{newsletter.slug}/{number}").status_code == 404
    assert counted(newsletter) == []


@on_both
def test_only_a_published_issue_asks(root: Path) -> None:
    newsletter = asking(root)
    settings = 'name = "Proefbrief"\nprovider = "resend"\nsender = "Gerrit <g@example.org>"\n'
    (root / "newsletter.toml").write_text(settings, encoding="utf-8")
    path = f"/a/{newsletter.slug}/1"

    def statuses(app: App) -> set[int]:
        return {app.client.request(method, path).status_code for method in ("GET", "POST")}

    with serving(root, limits=STILL) as app:
        assert statuses(app) == {404}
        newsletter.send(Outbox(root / ".newsletter" / "outbox"))  # type: ignore[arg-type]
        assert statuses(app) == {404}
        newsletter.send(FakeProvider(root / "taken"))
        assert statuses(app) == {200}
        with newsletter.store.write() as connection:
            editions.withdraw(connection, newsletter.slug)
        assert statuses(app) == {410}
        (others,) = re.findall(r'href="(\.[^"]*)"', app.client.get(path).text)
        assert urljoin(path, others) == "/issues/"
        assert app.client.get("/a/2020-01-01-nooit/1").status_code == 404
    assert counted(newsletter) == [(newsletter.slug, 1, 1)]


def test_an_issue_without_a_question_has_no_answers(root: Path) -> None:
    newsletter = asking(root, "")
    newsletter.send(FakeProvider(root / "taken"))
    with serving(root, limits=STILL) as app:
        assert app.client.post(f"/a/{newsletter.slug}/1").status_code == 404


@on_both
def test_one_network_cannot_stuff_the_count(app: App, newsletter: Newsletter) -> None:
    path = f"/a/{newsletter.slug}/1"
    codes = [app.client.post(path, headers=HERE).status_code for _ in range(PER_HOUR + 2)]
    assert codes == [200] * PER_HOUR + [429] * 2
    beside = [
        app.client.post(path, headers={"X-Forwarded-For": f"198.51.100.{n}"}).status_code
        for n in range(100, 100 + PER_HOUR + 1)
    ]
    assert beside == [200] * PER_HOUR + [429]
    assert counted(newsletter) == [(newsletter.slug, 1, 2 * PER_HOUR)]
    assert app.client.post(path, headers={"X-Forwarded-For": "203.0.113.9"}).status_code == 200
    assert app.client.get(path, headers=HERE).status_code == 200


def test_clients_of_whom_the_network_is_not_known_share_a_limit(newsletter: Newsletter) -> None:
    counts = [
        count_answer(newsletter.store, newsletter.slug, 1, None)
        for _ in range(UNKNOWN_PER_HOUR + 1)
    ]
    assert counts == [True] * UNKNOWN_PER_HOUR + [False]


@pytest.mark.parametrize(
    "headers",
    [{"Sec-Fetch-Site": "cross-site"}, {"Origin": "https://elders.example"}],
)
def test_a_page_elsewhere_cannot_answer_for_its_visitors(
    headers: dict[str, str], app: App, newsletter: Newsletter
) -> None:
    shown = app.client.post(f"/a/{newsletter.slug}/1", headers={**HERE, **headers})
    assert shown.text.count("<button") == 1
    assert counted(newsletter) == []
