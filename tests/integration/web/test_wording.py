"""What pages and notices say to a subscriber: "je", one thing to do first, and what is true."""

from __future__ import annotations

import html
import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from newsletter import render
from newsletter.config import Settings
from newsletter.model import NoticeKind
from newsletter.providers.outbox.send import Outbox
from newsletter.subscriptions import admin as list_
from tests.support.newsletter import FakeProvider, Newsletter
from tests.support.subscribers import sql
from tests.support.web_server import KEY, App, preferences_link, serving

if TYPE_CHECKING:
    from collections.abc import Iterator

TEMPLATES = Path(__file__).parents[3] / "templates"
SPOKEN = sorted([*TEMPLATES.glob("pages/*.j2"), *TEMPLATES.glob("notices/*.j2")])
DESCRIPTION = "Elke zondag één korte brief over <rust>."


@pytest.fixture
def newsletter(root: Path) -> Newsletter:
    (root / "newsletter.toml").write_text(
        'name = "Stil Water"\nsender = "Marijke <marijke@example.org>"\n'
        f'description = "{DESCRIPTION}"\n',
        encoding="utf-8",
    )
    newsletter = Newsletter(root, subscribers=0)
    list_.add(newsletter.store, "anna@example.org", consent="Ja", first_name="Anna")
    return newsletter


@pytest.fixture
def app(newsletter: Newsletter) -> Iterator[App]:
    key = newsletter.settings.secret_keys[0]
    with serving(newsletter.root, env={"NEWSLETTER_SECRET_KEY": f"{KEY},{key}"}) as app:
        yield app


def preferences(newsletter: Newsletter) -> str:
    return preferences_link(str(sql(newsletter.store, "SELECT public_id FROM subscribers")[0][0]))


@pytest.mark.parametrize("path", SPOKEN, ids=lambda path: path.name)
def test_no_text_speaks_of_subscribers_in_the_third_person(path: Path) -> None:
    text = re.sub(r"\{#.*?#\}", "", path.read_text(encoding="utf-8"), flags=re.DOTALL)
    assert re.findall(r"\blezers?\b|\bhij\b|\bzijn (?:adres|naam|brief)|naar hem", text) == []


@pytest.mark.parametrize("kind", [NoticeKind.CONFIRMATION, NoticeKind.NEW_ADDRESS])
def test_a_letter_that_leads_to_a_button_promises_no_single_click(
    kind: NoticeKind, root: Path
) -> None:
    made = render.notice(Settings(root=root, name="Stil Water"), kind, linked=True)
    for part in (html.unescape(made.html), made.text):
        assert "één klik" not in part
        assert re.search(r"nog één keer|knop die je daar ziet", " ".join(part.split()))


@pytest.mark.parametrize("name", ["check-mailbox", "preferences"])
def test_a_page_that_announces_a_notice_explains_both_steps(name: str) -> None:
    text = (TEMPLATES / "pages" / f"{name}.html.j2").read_text(encoding="utf-8")
    assert re.search(r"Druk op de knop in die brief en bevestig", text)


def test_the_form_says_what_it_is_and_by_whom_and_leads_to_the_latest_issue(
    newsletter: Newsletter, app: App
) -> None:
    before = app.client.get("/").text
    assert "Elke zondag één korte brief over &lt;rust&gt;." in before
    assert "Stil Water is een brief van Marijke." in before
    assert "issues/" not in before
    newsletter.send(FakeProvider(newsletter.root / "taken"), preflight=False)
    link = re.search(r'href="(issues/[^"]+)"', app.client.get("/").text)
    assert link
    assert link[1] == f"issues/{newsletter.slug}"
    issue = app.client.get(f"/{link[1]}")
    assert issue.status_code == 200
    assert "Dag" not in issue.text
    assert "/u/" not in issue.text
    # What leads to nothing is not shown.
    newsletter.sql("UPDATE mailings SET released = 1")
    assert "issues/" not in app.client.get("/").text
    assert app.client.get(f"/{link[1]}").status_code == 404


def test_the_form_leads_to_no_rehearsal_where_people_are_mailed(root: Path) -> None:
    newsletter = Newsletter(root, subscribers=1)
    newsletter.send(Outbox(root / ".newsletter" / "outbox"))  # type: ignore[arg-type]
    with serving(root) as app:
        assert "issues/" in app.client.get("/").text
    (root / "newsletter.toml").write_text(
        'name = "A"\nprovider = "resend"\nsender = "A <a@example.org>"\n', encoding="utf-8"
    )
    with serving(root) as app:
        assert "issues/" not in app.client.get("/").text


def test_a_newsletter_without_a_sender_names_nobody_twice(root: Path) -> None:
    (root / "newsletter.toml").write_text('name = "Stil Water"\n', encoding="utf-8")
    Newsletter(root, subscribers=0)
    with serving(root) as app:
        assert "is een brief van" not in app.client.get("/").text


def test_preferences_let_one_unsubscribe_with_a_form_of_its_own(
    newsletter: Newsletter, app: App
) -> None:
    path = preferences(newsletter)
    shown = app.client.get(path).text
    (form,) = re.findall(r"<form[^>]*>(?:(?!</form>).)*Meld me af</button></form>", shown)
    assert form.startswith('<form method="post" action="?">')
    answer = app.client.post(path, data={"do": "leave"})
    assert answer.status_code == 200
    assert "<h1>Je bent afgemeld</h1>" in answer.text
    assert sql(newsletter.store, "SELECT status FROM subscribers") == [("unsubscribed",)]
    assert app.client.post(path, data={"do": "leave"}).content == answer.content
    gone = app.client.get(path).text
    assert "Meld me af" not in gone
    assert "Laat alles wissen" in gone


@pytest.mark.parametrize("paused", [False, True])
def test_the_preferences_have_one_primary_button_and_erasing_is_separate(
    paused: bool,  # noqa: FBT001 - a parameter of the test
    newsletter: Newsletter,
    app: App,
) -> None:
    path = preferences(newsletter)
    if paused:
        app.client.post(path, data={"do": "pause", "weeks": "2"})
    shown = app.client.get(path).text
    plain = re.findall(r'<button type="submit"[^>]*>([^<]*)', shown)
    assert plain == ["Stuur me weer brieven" if paused else "Pauzeer"]
    assert shown.count('<button class="second"') == 5
    _, _, apart = shown.partition('<section class="apart">')
    assert "?vergeten" in apart
    assert "<button" not in apart
    # No heading has a label beneath it that says the same: the one is the other.
    assert re.findall(r"</h2>\s*<label", shown) == []
    headings = re.findall(r"<h[12]>(?:<label[^>]*>)?([^<]*)", shown)
    assert len(headings) == len(set(headings)) == 9
