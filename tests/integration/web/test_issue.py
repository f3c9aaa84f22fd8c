"""An issue on the web: the letter as it was sent, and nothing of any subscriber."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from newsletter import placeholders
from newsletter.model import Letter
from newsletter.providers.outbox.send import Outbox
from newsletter.render import letter
from newsletter.store import editions
from tests.support.issues import SETTINGS, Parsed, every_block
from tests.support.newsletter import FakeProvider, Newsletter
from tests.support.web_server import App, serving

if TYPE_CHECKING:
    from pathlib import Path

MAILS_PEOPLE = 'provider = "resend"\nsender = "Gerrit <gerrit@example.org>"\n'


def rehearse(newsletter: Newsletter) -> None:
    newsletter.send(Outbox(newsletter.root / ".newsletter" / "outbox"))  # type: ignore[arg-type]


def send(newsletter: Newsletter) -> None:
    newsletter.send(FakeProvider(newsletter.root / "taken"))


def mails_people(root: Path) -> None:
    (root / "newsletter.toml").write_text(f'name = "Proefbrief"\n{MAILS_PEOPLE}', encoding="utf-8")


def status(app: App, slug: str) -> int:
    return app.client.get(f"/issues/{slug}").status_code


def test_an_issue_is_there_from_when_it_is_really_sent(root: Path) -> None:
    newsletter = Newsletter(root, subscribers=3)
    mails_people(root)
    with serving(root) as app:
        assert status(app, newsletter.slug) == 404
        rehearse(newsletter)
        assert status(app, newsletter.slug) == 404
        send(newsletter)
        assert status(app, newsletter.slug) == 200


def test_where_nobody_is_mailed_a_rehearsal_will_do_until_there_is_more(root: Path) -> None:
    newsletter = Newsletter(root, subscribers=3)
    file = root / "issues" / f"{newsletter.slug}.md"
    with serving(root) as app:
        rehearse(newsletter)
        assert "Een rustige zin" in app.client.get(f"/issues/{newsletter.slug}").text
        file.write_text(file.read_text(encoding="utf-8") + "\nEn meer.\n", encoding="utf-8")
        assert "En meer" not in app.client.get(f"/issues/{newsletter.slug}").text
        rehearse(newsletter)
        assert "En meer" in app.client.get(f"/issues/{newsletter.slug}").text
        file.write_text(file.read_text(encoding="utf-8") + "\nHet laatste.\n", encoding="utf-8")
        send(newsletter)
        assert "Het laatste" in app.client.get(f"/issues/{newsletter.slug}").text


def test_a_mailing_without_any_attempt_has_no_page(root: Path) -> None:
    newsletter = Newsletter(root, subscribers=3)
    send(newsletter)
    with serving(root) as app:
        assert status(app, newsletter.slug) == 200
        newsletter.sql("UPDATE mailings SET state = 'cancelled', released = 1")
        assert status(app, newsletter.slug) == 404
        newsletter.sql("UPDATE mailings SET state = 'expired', letter = ''")
        assert status(app, newsletter.slug) == 404


def test_it_is_the_text_as_it_was_sent_without_any_subscribers_values(root: Path) -> None:
    newsletter = Newsletter(root, subscribers=3)
    send(newsletter)
    (root / "issues" / f"{newsletter.slug}.md").write_text("Iets anders", encoding="utf-8")
    with serving(root) as app:
        answer = app.client.get(f"/issues/{newsletter.slug}")
    assert "Een rustige zin" in answer.text
    assert "Dag" not in answer.text
    own = "SELECT ref, public_id FROM deliveries JOIN subscribers ON subscriber_id = subscribers.id"
    ids = [str(value) for row in newsletter.sql(own) for value in row]
    assert len(ids) == 6
    private = ["Anna", "lezer0", "lezer1", "lezer2", "/u/", "&#57344;", *ids]
    assert [word for word in private if word in answer.text] == []


def test_of_an_older_version_without_a_text_it_is_the_frozen_page(root: Path) -> None:
    newsletter = Newsletter(root, subscribers=1)
    send(newsletter)
    frozen = Letter.decode(bytes(newsletter.sql("SELECT letter FROM mailings")[0][0]))  # type: ignore[arg-type]
    newsletter.sql("DELETE FROM editions")
    with serving(root) as app:
        path = f"/issues/{newsletter.slug}"
        answer = app.client.get(path)
        again = app.client.get(path, headers={"If-None-Match": answer.headers["etag"]})
        assert newsletter.slug not in app.client.get("/issues/").text
        with newsletter.store.write() as connection:
            editions.withdraw(connection, newsletter.slug)
        assert status(app, newsletter.slug) == 410
    assert answer.text == frozen.page
    assert again.status_code == 304


def test_it_may_be_kept_for_minutes_and_asked_for_again_cheaply(root: Path) -> None:
    newsletter = Newsletter(root, subscribers=1)
    send(newsletter)
    with serving(root) as app:
        path = f"/issues/{newsletter.slug}"
        first = app.client.get(path)
        head = app.client.head(path)
        again = app.client.get(path, headers={"If-None-Match": first.headers["etag"]})
        other = app.client.get(path, headers={"If-None-Match": '"another"'})
    assert first.headers["cache-control"] == "public, max-age=300"
    assert (head.status_code, head.content, head.headers["etag"]) == (
        200,
        b"",
        first.headers["etag"],
    )
    assert int(head.headers["content-length"]) == len(first.content)
    assert (again.status_code, again.content) == (304, b"")
    assert other.status_code == 200
    for answer in (first, head, again):
        policy = answer.headers["content-security-policy"]
        assert policy.startswith("default-src 'none'; ")
        assert "img-src 'self';" in policy
        assert "script-src" not in policy
        assert answer.headers["referrer-policy"] == "no-referrer"
        assert answer.headers["x-robots-tag"] == "noindex"  # it was mailed to nobody


@pytest.mark.parametrize(
    "slug",
    [
        "..",
        "%2e%2e",
        "%2e%2e%2fnewsletter",
        "A",
        "2026_11",
        "-a",
        "a%00",
        "a%0a",
        "%c3%a9",
        "a" * 121,
        "a.md",
    ],
)
def test_what_is_no_slug_is_no_page(slug: str, root: Path) -> None:
    newsletter = Newsletter(root, subscribers=1)
    send(newsletter)
    with serving(root) as app:
        request = f"GET /issues/{slug} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
        answer = app.talk(request.encode())
        assert answer.startswith(b"HTTP/1.1 404 ")
        pages = (app.client.get(path).content for path in ("/nergens", "/issues/nergens"))
        assert answer.endswith(tuple(pages))


def test_the_page_addresses_everybody_where_the_letter_addresses_a_subscriber() -> None:
    made = letter(every_block(), SETTINGS)
    page = re.sub(r"<[^>]+>", " ", made.page)
    assert "Dag," not in page
    assert placeholders.split(made.html)[1] == "greeting"
    for words in ("Afmelden", "aangemeld", "reageren", "in je browser", "unsubscribe_url"):
        assert words not in page
    assert "Dit is een brief van Jij en Loslaten. Meer lees je op" in page
    links = Parsed(made.page).values("a", "href")
    assert SETTINGS.site_url in links
    assert "" not in links


def test_the_page_is_a_page_and_the_letter_an_article_in_a_mail_program() -> None:
    made = letter(every_block(), SETTINGS)
    assert 'role="main"' in made.page
    assert "article" not in made.page
    assert 'role="article"' in made.html
