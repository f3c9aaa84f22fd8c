"""`newsletter new` and sources that are not what they seem."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING
from urllib.parse import quote

import pytest
from PIL import Image

from newsletter.desk import new_issue
from tests.support.articles import FIRST, LEAD, SECOND, URL
from tests.support.new_drafts import FEED, PAGE, POST, PROSE, article, entry, make, refused
from tests.support.page_server import page, serving_pages

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.support.page_server import PageServer

    Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def site(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[PageServer]:
    with serving_pages(monkeypatch, tmp_path) as pages:
        yield pages


def json_feed(**fields: str) -> str:
    item = {"id": "1", "title": "De tuin in november", "content_html": PROSE * 3} | fields
    return json.dumps({"version": "https://jsonfeed.org/version/1.1", "items": [item]})


INJECTED = "https://example.org/a\ndraft: no\n---\n\nKoop dit"


@pytest.mark.parametrize(
    "url", [INJECTED, "javascript:alert(1)", "/rust/", "ftp://example.org/a", "https://"]
)
def test_a_feed_whose_address_is_that_of_no_page(url: str, root: Path) -> None:
    made = make(root, article(root, json_feed(url=url), "feed.json"))
    assert made.article == ""
    assert "button" in made.draft.todo
    assert "\narticle:" not in made.draft.text
    assert "Koop dit" not in made.draft.text


def test_a_feed_whose_title_is_more_than_one_line_or_half_a_character(root: Path) -> None:
    feed = json_feed(title="De tuin\n---\ndraft: no", content_html=f"<p>\ud800</p>{PROSE * 3}")
    made = make(root, article(root, feed, "feed.json"))
    assert made.draft.text.startswith("---\nsubject: De tuin --- draft: no\n")
    assert (root / made.path).read_text(encoding="utf-8") == made.draft.text


def test_a_canonical_address_with_signs_that_markdown_reads(root: Path) -> None:
    url = "https://example.org/a&gt;)[x](https://evil.example)&#10;draft: no"
    made = make(root, article(root, PAGE.format(url=url, text=PROSE), "tuin.html"))
    assert made.article in {"", "https://example.org/a%3E)%5Bx%5D(https://evil.example)"}
    assert "\ndraft: no" not in made.draft.text


def test_many_comments_before_a_page_and_before_a_text(root: Path) -> None:
    comments = "<!-- c -->\n" * 500
    made = make(root, article(root, f"{comments}{PAGE.format(url=URL, text=PROSE)}", "pagina"))
    assert made.article == URL
    made = make(root, article(root, f"{comments}# Rust in de tuin\n\n{LEAD}\n\n{FIRST}\n", "tekst"))
    assert made.draft.subject == "Rust in de tuin"


def test_half_an_emoji_is_said(root: Path, run: Run) -> None:
    body = PAGE.format(url=URL, text=f"<p>Café 🌿 in de tuin: één. {LEAD}</p>{PROSE}").encode()
    source = article(root, body.replace("🌿".encode(), "🌿".encode()[:-1]), "tuin.html")
    done = run("-q", "new", source)
    assert done.returncode == 0, done.stderr
    assert "a � stands for each" in done.stderr
    text = (root / done.stdout.strip()).read_text(encoding="utf-8")
    assert "Café � in de tuin: één." in text


WALLS = {
    "partners": """\
Wij hechten waarde aan je rust op deze site. Wij en onze 842 partners slaan informatie op
een apparaat op, zoals cookies, en verwerken persoonsgegevens, zoals unieke identificatoren.

Met je toestemming gebruiken wij precieze geolocatiegegevens en het scannen van apparaten.
Je kunt hieronder klikken om in te stemmen met de verwerking die hierboven staat.

Je voorkeuren gelden alleen voor deze website. Je kunt je toestemming intrekken wanneer je
maar wilt, onderaan elke pagina.""",
    "uitgever": """\
Je privacy is belangrijk voor ons. Met cookies en vergelijkbare technieken houden we bij wat
je op onze sites bekijkt, zodat we gepersonaliseerde advertenties en artikelen tonen.

Kies je voor alles accepteren, dan krijg je de volledige site. Kies je voor alles weigeren,
dan plaatsen we alleen wat nodig is om de site te laten werken.""",
    "english": """\
We value your privacy. We and our 211 partners store and access information on a device,
such as cookies, and process personal data, such as unique identifiers.

With your permission we may use precise geolocation data and identification through device
scanning. You may click to consent to the processing as described above.

Your preferences will apply to this website only. You can withdraw your consent at any time
by coming back to this site and clicking the button.""",
    "login": """\
Log in om verder te lezen. Nog geen abonnement? Lees onbeperkt alle verhalen voor twee euro
per maand, en zeg op wanneer je maar wilt.

Vul hieronder je e-mailadres en wachtwoord in. Wachtwoord vergeten? Vraag dan een nieuw
wachtwoord aan, dat je binnen enkele minuten per e-mail ontvangt, ook in het weekeinde.""",
}


@pytest.mark.parametrize("name", WALLS)
def test_a_wall_of_many_words_is_refused(name: str, root: Path) -> None:
    text = "".join(f"<p>{part}</p>" for part in WALLS[name].split("\n\n"))
    assert len(text.split()) > 45
    markup = PAGE.format(url=URL, text=text)
    assert "there is no article here" in refused(root, article(root, markup, "m.html")).problem


def test_an_article_about_privacy_is_none_of_those(root: Path) -> None:
    about = (
        "<p>Toen ik de knop alles weigeren zag, dacht ik aan mijn tuin. Daar vraagt niemand iets. "
        "Er staat geen bord bij het hek, en de merel bladert nergens doorheen.</p>"
    )
    source = article(root, PAGE.format(url=URL, text=about + PROSE), "tuin.html")
    assert "merel bladert" in make(root, source).draft.text


def home(teaser: str, count: int = 4) -> str:
    words = "Een korte samenvatting van dit stuk, over rust en wat er gebeurt als je minder doet."
    items = "".join(
        teaser.format(
            url=f"/stuk-{number}/", title=f"Stuk nummer {number} over de tuin", text=words
        )
        for number in range(count)
    )
    return PAGE.format(url="https://example.org/", text=items).replace("article>", "section>")


@pytest.mark.parametrize(
    "teaser",
    [
        "<article><h2><a href='{url}'>{title}</a></h2><p>{text}</p></article>",
        "<div><a href='{url}'><h3>{title}</h3><p>{text}</p></a></div>",
        "<div><h3>{title}</h3><p>{text}</p><p><a href='{url}'>Lees verder »</a></p></div>",
        "<ul><li><a href='{url}'>{title}: {text}</a></li></ul>",
    ],
)
def test_a_home_page_is_refused_and_its_feed_named(
    teaser: str, root: Path, site: PageServer
) -> None:
    site.answers["/"] = page(home(teaser).encode())
    error = refused(root, site.url("/"))
    assert error.problem == "this is no article, but a page that lists others"
    assert f"newsletter new {site.url('/feed/')}" in str(error.hint)


def test_the_feed_of_a_home_page_is_named_so_that_a_shell_obeys_nothing(root: Path) -> None:
    markup = home("<div><h3><a href='{url}'>{title}</a></h3><p>{text}</p></div>")
    evil = "https://example.org/$(touch${IFS}x);x"
    source = article(root, markup.replace("/feed/", evil), "thuis.html")
    hint = str(refused(root, source).hint)
    assert hint.endswith("newsletter new 'https://example.org/$(touch$%7BIFS%7Dx);x'")
    source = article(root, markup, "thuis.html").rename(root / "zonder.html")
    source.write_text(markup.replace("https://example.org/", ""), encoding="utf-8")
    error = refused(root, source)
    assert "lists others" in error.problem
    assert "feed" not in str(error.hint)


def test_an_article_with_links_to_others_below_it_is_an_article(root: Path) -> None:
    others = "".join(
        f"<p><a href='/{number}/'>Nog een stuk {number}</a></p>" for number in range(4)
    )
    source = article(root, PAGE.format(url=URL, text=PROSE * 2 + others), "tuin.html")
    assert FIRST in make(root, source).draft.text


def item(url: str, content: str, title: str = "Tuin") -> str:
    return (
        f"<item><title>{title}</title><link>{url}</link>"
        f"<content:encoded><![CDATA[{content}]]></content:encoded></item>"
    )


def test_the_address_of_the_page_wins_from_that_of_the_feed(root: Path, site: PageServer) -> None:
    feed = FEED.format(items=item(site.url("/?p=12"), "<p>Het begin […]</p>"))
    site.answers["/feed/"] = page(feed.encode(), "application/rss+xml")
    site.answers["/?p=12"] = page(PAGE.format(url=site.url("/tuin/"), text=PROSE).encode())
    assert make(root, site.url("/feed/")).article == site.url("/tuin/")
    assert "has an issue already" in refused(root, site.url("/feed/")).problem


def test_a_short_entry_that_is_whole_is_used(root: Path, site: PageServer) -> None:
    feed = FEED.format(items=item(site.url("/tuin/"), f"<p>{LEAD}</p><p>{SECOND}</p>"))
    site.answers["/feed/"] = page(feed.encode(), "application/rss+xml")
    made = make(root, site.url("/feed/"))
    assert LEAD in made.draft.text
    assert made.article == site.url("/tuin/")
    assert [path for _, _, path in site.heard] == ["/feed/"]


@pytest.mark.parametrize("end", ["[…]", "</p><p>The post <a>Tuin</a> appeared first on <a>B</a>."])
def test_a_long_entry_that_is_cut_off_leads_to_its_page(
    end: str, root: Path, site: PageServer
) -> None:
    url = site.url("/tuin/").replace("https://", "http://")
    feed = FEED.format(items=item(url, f"<p>{FIRST}</p>" * 8 + f"<p>En toen {end}</p>"))
    site.answers["/feed/"] = page(feed.encode(), "application/rss+xml")
    site.answers["/tuin/"] = page(PAGE.format(url=site.url("/tuin/"), text=PROSE).encode())
    made = make(root, site.url("/feed/"))
    assert made.article == site.url("/tuin/")
    assert [path for _, _, path in site.heard] == ["/feed/", "/tuin/"]


def test_an_entry_that_has_an_issue_names_one_that_has_none(root: Path) -> None:
    feed = article(root, FEED.format(items=entry(8) + entry(22)), "feed.xml")
    make(root, feed)
    hint = str(refused(root, feed, entry=1).hint)
    assert "--entry 2 has no issue yet: Brief 8 over de tuin" in hint
    make(root, feed)
    assert "each of the 2 entries of this feed has an issue" in str(
        refused(root, feed, entry=1).hint
    )
    assert "--entry" not in str(refused(root, feed).hint)


def test_a_reflection_repeats_no_question_and_no_line_of_the_opening(root: Path) -> None:
    asks = "Wat zou jij dit najaar met rust laten in je tuin?"
    other = "Welke hoek van je leven mag deze maand blijven liggen?"
    text = (
        f"# De tuin\n\n{LEAD} {asks}\n\n{FIRST}\n\n## Drie vragen\n\n"
        f"1. {other} → Begin klein.\n2. Waar merk je dat aan? → Kijk goed.\n\n"
        f"💡 {other}\n\n💡 {asks}\n\n{SECOND}\n"
    )
    made = make(root, article(root, text, "a.md"))
    assert "💡" not in made.draft.text
    assert made.draft.parts.reflections == 0
    assert "reflection" in made.draft.todo


@pytest.mark.parametrize(
    ("name", "content", "problem"),
    [
        ("a.json", '{"posts": [' + '{"title": "Rust en onrust"},' * 20 + "{}]}", "no JSON Feed"),
        ("a", json.dumps([LEAD, FIRST]), "no JSON Feed"),
        ("a.csv", "naam,plaats\n" * 60, "a table (CSV)"),
        ("sitemap.xml", '<?xml version="1.0"?><urlset xmlns="x">'
         + "<url><loc>https://example.org/a</loc></url>" * 50 + "</urlset>", "a sitemap"),
    ],
)  # fmt: skip
def test_data_is_no_article(name: str, content: str, problem: str, root: Path) -> None:
    assert problem in refused(root, article(root, content, name)).problem


def test_a_post_that_begins_with_json_is_a_post(root: Path) -> None:
    made = make(root, article(root, f'{{"title": "Rust"}}\n\n{LEAD}\n\n{FIRST}\n', "a.md"))
    assert LEAD in made.draft.text


def test_a_pipe_in_issues_stops_nothing(root: Path, run: Run) -> None:
    os.mkfifo(root / "issues" / "2026-12-30-pijp.md")
    done = run("new", article(root), "--url", URL)
    assert done.returncode == 0, done.stderr


NEW = f"{sys.executable} -c 'from newsletter.cli import main; main()' new"


def test_a_pipe_from_another_command_is_read(root: Path) -> None:
    done = subprocess.run(
        ["bash", "-c", f'{NEW} <(cat "$1")', "bash", article(root, POST, "a.md")],
        cwd=root,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert LEAD in (root / done.stdout.strip()).read_text(encoding="utf-8")


def test_an_interrupt_leaves_no_half_draft(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = root / "posts"
    folder.mkdir()
    text = POST.replace("\n\n", "\n\n![Een pad](pad.png)\n\n", 1)
    post = article(folder, text, "tuin.md")
    (folder / "pad.png").write_bytes(b"x")
    write_whole = new_issue.write_whole

    def interrupt(path: Path, data: bytes) -> None:
        write_whole(path, data)
        if path.suffix == ".md":
            raise KeyboardInterrupt

    monkeypatch.setattr(new_issue, "write_whole", interrupt)
    before = sorted(root.rglob("*"))
    with pytest.raises(KeyboardInterrupt):
        make(root, post)
    assert sorted(root.rglob("*")) == before


def test_a_picture_whose_file_has_an_odd_name(root: Path, run: Run) -> None:
    name = "mijn pad (1) [é] 100%.png"
    (root / "issues" / "foto").mkdir()
    Image.new("RGB", (40, 30)).save(root / "issues" / "foto" / name)
    text = POST.replace("\n\n", f"\n\n![Een pad](<foto/{quote(name)}>)\n\n", 1)
    (root / ".git").mkdir()
    made = make(root, article(root / "issues", text, "tuin.md"))
    assert "![Een pad](issues/foto/mijn%20pad%20%281%29%20%5Bé%5D%20100%25.png)" in made.draft.text
    checked = run("check", made.slug, "--json")
    assert [one for one in json.loads(checked.stdout) if one["rule"].startswith("image")] == []
    (root / "issues" / "foto" / name).unlink()
    checked = run("check", made.slug, "--json")
    assert [one["rule"] for one in json.loads(checked.stdout) if "image" in one["rule"]]
