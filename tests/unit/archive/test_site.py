"""The pages of the archive: what each shows, how they lead to each other, how heavy they are."""

from __future__ import annotations

import dataclasses
import re
from typing import TYPE_CHECKING, get_args
from urllib.parse import urljoin

import pytest

from newsletter.archive import paths
from newsletter.archive.site import Site
from newsletter.model import Block, Faq, FaqItem, Image, RichText, Text
from tests.support.issues import SETTINGS, Parsed, every_block, rich
from tests.support.published import published, weekly

if TYPE_CHECKING:
    from newsletter.model import PublishedIssue

LIMIT = 40_000
BASE = "https://brief.example.org/"
HOSTILE = "<script>alert(1)</script>\"><img src=x onerror=alert(1)> & ' {{ 7 * 7 }}"
PICTURE = Image(1, "media/aa.jpg", "Een stoel", "Een oude stoel", width=520, height=300)


def text(site: Site, path: str) -> str:
    page = site.page(path)
    assert page, path
    return page.body.decode()


def all_pages(site: Site) -> dict[str, str]:
    return {path: text(site, path) for path in site.paths}


def links(html: str) -> list[str]:
    return [one for one in Parsed(html).values("a", "href") if one]


def test_an_issue_has_every_block_as_plain_html() -> None:
    issue = published(blocks=every_block().blocks, themes=["rust"])
    shown = text(Site(SETTINGS, [issue]), "issues/2026-11-29-rust")
    assert {block.kind for block in every_block().blocks} == {kind.kind for kind in get_args(Block)}
    answers = [one for one in links(shown) if one.startswith(f"{BASE}a/")]
    assert answers == [f"{BASE}a/{issue.slug}/1", f"{BASE}a/{issue.slug}/2"]
    for part in ("<blockquote>", "<details><summary>", '<ol class="questions">', "<hr>"):
        assert part in shown
    assert "zondag 29 november 2026" in shown
    assert " style=" not in shown
    assert "Dag" not in shown


def test_hostile_text_stays_text_everywhere() -> None:
    blocks = [
        Text(1, RichText(html=HOSTILE, text=HOSTILE, source=HOSTILE)),
        Text(2, RichText('<a href="javascript:alert(1)">x</a>', "x", "x")),
        dataclasses.replace(PICTURE, alt=HOSTILE, caption=HOSTILE),
        Faq(3, (FaqItem(3, rich(HOSTILE), (Text(4, rich(HOSTILE)),)),)),
    ]
    issue = published(
        subject=HOSTILE, preheader=HOSTILE, themes=[HOSTILE], blocks=blocks, corrections=[HOSTILE]
    )
    site = Site(dataclasses.replace(SETTINGS, name=HOSTILE, description=HOSTILE), [issue])
    for path, shown in all_pages(site).items():
        if path.endswith((".xml", ".json", ".js")):
            continue
        assert "<script" not in shown, path
        assert Parsed(shown).values("img", "onerror") == [], path
        assert 'href="javascript' not in shown, path


def test_it_asks_no_other_site_for_anything() -> None:
    far = Image(1, "https://elders.example/stoel.jpg", "Een verre stoel")
    shown = text(Site(SETTINGS, [published(blocks=[far, PICTURE])]), "issues/2026-11-29-rust")
    assert Parsed(shown).values("img", "src") == ["../media/aa.jpg"]
    assert "https://elders.example/stoel.jpg" in links(shown)
    assert "Een verre stoel" in shown
    assert '<link rel="stylesheet"' not in shown


@pytest.mark.parametrize("files", [False, True])
def test_every_link_leads_to_a_page_that_is_there(*, files: bool) -> None:
    issues = weekly(300, themes=["rust", "één / twee", "🌱", "x" * 300])
    site = Site(SETTINGS, issues, files=files)
    names = {path: paths.file_name(path) if files else path for path in site.paths}
    places = {BASE + name for name in names.values()}
    assert len(places) == len(names)
    for path, name in names.items():
        if path.endswith((".xml", ".json", ".js")):
            continue
        shown = text(site, path)
        parsed = Parsed(shown)
        # The one address is that of the app, also in a file.
        canonical, *others = parsed.values("link", "href")
        assert canonical
        assert canonical.startswith(BASE)
        for link in (*links(shown), *filter(None, others)):
            target = urljoin(BASE + name, link).partition("#")[0]
            if target.startswith(BASE):
                assert target in places, (path, link)
        assert len(shown.encode()) <= LIMIT, path


def test_previous_and_next_follow_the_dates() -> None:
    new, middle, old = weekly(3)
    shown = text(Site(SETTINGS, [new, middle, old]), f"issues/{middle.slug}")
    assert f'href="../issues/{old.slug}" rel="prev"' in shown
    assert f'href="../issues/{new.slug}" rel="next"' in shown


def test_two_issues_with_one_title_have_two_pages() -> None:
    issues = [published("2026-11-29-rust"), published("2026-11-22-rust", preheader="Eerder")]
    site = Site(SETTINGS, issues)
    assert text(site, "issues/2026-11-29-rust") != text(site, "issues/2026-11-22-rust")
    assert text(site, "issues/").count(">De weg naar rust</a>") == 2


def test_a_correction_is_shown_with_its_date_and_what_changed() -> None:
    blocks = [Text(1, rich("Dag Joan. Een rustige zin."))]
    issue = published(blocks=blocks, corrections=["- Dag Jan.\n+ Dag Joan.", ""])
    shown = text(Site(SETTINGS, [issue]), f"issues/{issue.slug}")
    said = " ".join(re.sub(r"</?(?:p|ul|li)>", " ", shown).split())
    assert "maandag 30 november 2026</time>: Dag Joan. " in said
    assert "Jan" not in said  # what is gone may have to be forgotten
    assert "dinsdag 1 december 2026</time> </div>" in said


def test_what_a_later_correction_took_away_is_shown_nowhere() -> None:
    changes = ["+ Mail Joan thuis.\n+ Een rustige zin.", "- Mail Joan thuis."]
    site = Site(SETTINGS, [published(corrections=changes)])
    for path in site.paths:
        assert "thuis" not in text(site, path)
    assert "<li>Een rustige zin.</li>" in text(site, "issues/2026-11-29-rust")


def test_the_sign_up_form_leads_to_the_app_and_says_on_which_page_it_was() -> None:
    issue = published()
    in_app = text(Site(SETTINGS, [issue]), f"issues/{issue.slug}")
    as_file = text(Site(SETTINGS, [issue], files=True), f"issues/{issue.slug}")
    assert 'action="../subscribe"' in in_app
    assert f'action="{BASE}subscribe"' in as_file
    assert '<input type="hidden" name="van" value="archief">' in in_app


def test_the_one_address_of_a_page_is_that_of_the_static_archive_if_there_is_one() -> None:
    issue = published()
    here = text(Site(SETTINGS, [issue], files=True), f"issues/{issue.slug}")
    assert f'<link rel="canonical" href="{BASE}issues/{issue.slug}">' in here
    moved = dataclasses.replace(SETTINGS, archive_url="https://archief.example.org/brieven")
    there = text(Site(moved, [issue]), f"issues/{issue.slug}")
    whole = f"https://archief.example.org/brieven/issues/{issue.slug}.html"
    assert f'<link rel="canonical" href="{whole}">' in there
    assert f'<meta property="og:url" content="{whole}">' in there


def test_the_card_is_the_first_stored_picture_else_the_logo_else_nothing() -> None:
    far = Image(1, "https://elders.example/stoel.jpg", "Een verre stoel")

    def card(issue: PublishedIssue, logo: str = "") -> list[str]:
        shown = text(Site(SETTINGS, [issue], logo=logo), f"issues/{issue.slug}")
        return re.findall(r'og:image" content="([^"]+)"', shown)

    assert card(published(blocks=[far, PICTURE]), "logo.png") == [f"{BASE}media/aa.jpg"]
    assert card(published(blocks=[far]), "logo.png") == [f"{BASE}media/logo.png"]
    assert card(published(blocks=[far])) == []


def test_the_questions_stand_under_every_theme_of_their_issue() -> None:
    asked = [Faq(1, (FaqItem(1, rich("Mag dat?"), (Text(2, rich("Ja hoor.")),)),))]
    issues = [
        published("2026-11-29-a", themes=["rust", "grenzen"], blocks=asked),
        published("2026-11-22-b", blocks=asked),
    ]
    shown = text(Site(SETTINGS, issues), "issues/questions")
    headings = re.findall(r"<h2>(?:<a [^>]+>)?([^<]+)", shown)
    assert headings == ["grenzen", "rust", "Andere vragen"]
    assert shown.count("<summary>Mag dat?</summary>") == 3
    assert "Ja hoor." in shown


def test_an_archive_without_issues_says_so() -> None:
    site = Site(SETTINGS, [], files=True)
    for shown in (text(site, ""), text(site, "issues/")):
        assert "Er is nog geen brief verstuurd" in shown
    assert site.page("issues/2026-11-29-rust") is None
    assert site.pictures == ()


def test_the_same_archive_has_the_same_bytes() -> None:
    issues = weekly(30, themes=["rust", "Rust", "grenzen"], blocks=every_block().blocks)
    assert all_pages(Site(SETTINGS, issues)) == all_pages(Site(SETTINGS, issues))
