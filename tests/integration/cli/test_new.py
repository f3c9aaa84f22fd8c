from __future__ import annotations

import json
import os
import zipfile
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from PIL import Image

from newsletter import config
from newsletter.article.charset import decode
from newsletter.desk import new_issue
from newsletter.errors import NewsletterError
from tests.support.articles import (
    ARTICLE,
    FIRST,
    LEAD,
    PROMPTS,
    QUESTIONS,
    QUOTE,
    RELATED,
    SECOND,
    URL,
    invented,
)
from tests.support.new_drafts import (
    FEED,
    NEXT,
    NOW,
    PAGE,
    POST,
    PROSE,
    article,
    entry,
    make,
    refused,
)
from tests.support.newsletter import is_one_error
from tests.support.page_server import page, redirect, serving_pages

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable, Iterator

    from tests.support.page_server import PageServer

    Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def site(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[PageServer]:
    with serving_pages(monkeypatch, tmp_path) as pages:
        yield pages


def test_new_writes_a_draft_and_says_what_is_left_to_do(root: Path, run: Run) -> None:
    done = run("new", article(root), "--url", URL)
    assert done.returncode == 0, done.stderr
    path = root / done.stdout.strip()
    assert path.parent == root / "issues"
    assert path.name.endswith("-de-tuin-in-november.md")
    assert date.fromisoformat(path.name[:10]).strftime("%A") == "Sunday"
    said = done.stderr
    assert "Taken: 3 paragraphs, 1 quote, 3 questions, 1 reflection, 1 button" in said
    assert "Another reflection: " + PROMPTS[1] in said
    gaps = {n: line for n, line in enumerate(path.read_text().split("\n"), 1) if "[[" in line}
    assert [f"Still to fill in, line {n}: {line}" for n, line in gaps.items()] == [
        line for line in said.splitlines() if line.startswith("Still to fill in")
    ]
    assert f"Next: newsletter preview {path.stem}" in said
    checked = run("check", path.stem, "--json")
    assert [one["rule"] for one in json.loads(checked.stdout)] == ["gap"]
    gap = path.read_text(encoding="utf-8").splitlines()[-1]
    path.write_text(path.read_text(encoding="utf-8").replace(gap, ""), encoding="utf-8")
    checked = run("check", path.stem, "--json")
    assert (checked.returncode, json.loads(checked.stdout)) == (0, [])


def test_new_as_json(root: Path, run: Run) -> None:
    done = run(
        "new",
        article(root),
        "--url",
        URL,
        "--date",
        f"{datetime.now(UTC) + timedelta(9):%Y-%m-%d}",
        "--json",
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["path"] == f"issues/{found['slug']}.md"
    assert (found["article"], found["subject"]) == (URL, "De tuin in november")
    assert found["send_at"][10:16] == "T07:00"
    assert found["parts"] == {
        "opening": 3, "questions": 3, "quotes": 1, "reflections": 1, "related": 1, "button": True,
    }  # fmt: skip
    assert found["todo"] == ["related"]
    assert found["alternatives"]["reflections"] == [PROMPTS[1]]
    assert found["cut"] > 10


def test_new_reads_standard_input_and_prints_the_draft(root: Path, run: Run) -> None:
    done = run("new", "-", "--url", URL, "--stdout", stdin=ARTICLE)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("---\nsubject: De tuin in november\n")
    assert list((root / "issues").iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (["--stdout", "--json"], "both print"),
        (["--url", "example.org"], "not the address"),
        (["--url", "https://"], "not the address"),
        (["--url", "https://example.org/een tuin/"], "not the address"),
        (["--url", "https://example.org/\ndraft: no"], "not the address"),
        (["--date", "morgen"], "morgen"),
        (["--entry", "0"], "entry"),
    ],
)
def test_wrong_usage(arguments: list[str], problem: str, root: Path, run: Run) -> None:
    done = run("new", article(root), *arguments)
    assert done.returncode == 2
    assert is_one_error(done.stderr)
    assert problem in done.stderr


def test_without_source_the_draft_is_empty(root: Path) -> None:
    made = make(root)
    assert made.path.endswith(f"{NEXT}-nieuwe-brief.md")
    assert made.draft.todo == (
        "subject", "preheader", "opening", "quote", "reflection", "button",
    )  # fmt: skip


def test_a_draft_takes_the_next_free_day(root: Path) -> None:
    (root / "issues" / f"{NEXT}-een.md").write_text("---\nsubject: Een\n---\nTekst.\n")
    late = "---\nsubject: Twee\nsend_at: 2026-12-13 20:00\n---\nTekst.\n"
    (root / "issues" / "2026-12-12-twee.md").write_text(late)
    made = make(root, article(root), url=URL)
    assert (made.slug, made.send_at.isoformat()) == (
        "2026-12-20-de-tuin-in-november",
        "2026-12-20T07:00:00+01:00",
    )


def test_on_the_send_day_itself_until_the_send_time(root: Path) -> None:
    before = datetime(2026, 12, 6, 5, 59, tzinfo=UTC)
    assert make(root, now=before, write=False).slug.startswith(NEXT)
    assert make(root, now=before + timedelta(minutes=2), write=False).slug.startswith("2026-12-13")


def test_a_taken_slot_is_refused(root: Path) -> None:
    (root / "issues" / f"{NEXT}-een.md").write_text("---\nsubject: Een\n---\nTekst.\n")
    error = refused(root, article(root), day=date(2026, 12, 6))
    assert f"{NEXT}-een.md goes out at {NEXT} 07:00 already" in error.problem


@pytest.mark.parametrize("day", [date(2026, 11, 29), date(2028, 1, 2)])
def test_a_day_that_is_past_or_far_ahead_is_refused(day: date, root: Path) -> None:
    assert (
        "past" in refused(root, "", day=day).problem
        or "a year" in refused(root, "", day=day).problem
    )


@pytest.mark.parametrize(
    "again",
    [URL, "http://www.example.org/de-tuin-in-november", f"{URL}?utm_source=brief#top"],
)
def test_a_second_draft_of_the_same_article_is_refused(again: str, root: Path) -> None:
    made = make(root, article(root), url=URL)
    error = refused(root, article(root), url=again)
    assert error.problem.endswith(f"{made.slug}.md introduces this article already")
    assert make(root, article(root), url=again, write=False).draft.text


def test_a_second_draft_of_a_text_without_address_is_refused(root: Path) -> None:
    made = make(root, article(root))
    error = refused(root, article(root))
    assert error.problem.endswith(f"{made.slug}.md has the same title")


def test_no_file_is_overwritten(root: Path) -> None:
    settings = config.load(root)
    place = new_issue.find_place(settings, ["De tuin"], None, NOW)
    place.path.write_text("Van mij.", encoding="utf-8")
    with pytest.raises(NewsletterError, match="is there already"):
        new_issue.write_issue(settings, place, "anders", {f"{place.slug}-1.jpg": b"x"})
    assert place.path.read_text(encoding="utf-8") == "Van mij."
    assert [path.name for path in place.path.parent.iterdir()] == [place.path.name]


@pytest.mark.parametrize(
    ("title", "name"),
    [
        ("Één crème brûlée — nét zo’n Œuvre", "een-creme-brulee-net-zon-oeuvre"),
        ("Micro\u2011momenten", "micro-momenten"),
        ("🌿 🌿", "de-tuin-in-november"),
        ("حديقتي", "de-tuin-in-november"),
        ("../../etc/passwd", "etc-passwd"),
    ],
)
def test_the_name_of_the_file_is_in_plain_letters(title: str, name: str, root: Path) -> None:
    made = make(root, article(root, f"# {title}\n\n{LEAD}\n\n{FIRST}\n", "a.md"), url=URL)
    assert made.slug == f"{NEXT}-{name}"


def test_a_long_title_gives_a_slug_of_100_characters_at_most(root: Path) -> None:
    made = make(root, article(root, f"# {'lange woorden ' * 20}\n\n{LEAD}\n\n{FIRST}\n", "a.md"))
    assert len(made.slug) <= 100
    assert not made.slug.endswith("-")


def test_a_post_of_the_own_site(root: Path) -> None:
    settings = root / "newsletter.toml"
    settings.write_text('name = "B"\npermalink = "https://example.org/blog/{slug}/"\n')
    made = make(root, article(root, POST, "2026-11-20-tuin.md"))
    assert made.article == "https://example.org/blog/rust/"
    assert "button" not in made.draft.todo
    assert invented(made.draft.text, POST + "De tuin rust") == []


def test_a_picture_beside_a_post_is_copied_and_shown(root: Path, tmp_path: Path, run: Run) -> None:
    site = tmp_path.parent / f"{tmp_path.name}-site"
    site.mkdir()
    Image.new("RGB", (600, 400), "green").save(site / "hark.png")
    post = article(site, POST.replace(LEAD, f"{LEAD}\n\n![De hark](hark.png)"), "tuin.md")
    done = run("new", post, "--url", URL, "--json")
    found = json.loads(done.stdout)
    assert (root / "issues" / f"{found['slug']}-1.png").read_bytes() == (
        site / "hark.png"
    ).read_bytes()
    checked = json.loads(run("check", found["slug"], "--json").stdout)
    assert [one["rule"] for one in checked if one["rule"] != "gap"] == []


def test_a_feed_gives_its_newest_entry_that_is_no_issue(root: Path) -> None:
    feed = article(root, FEED.format(items=entry(8) + entry(22) + entry(15)), "feed.xml")
    slugs = [make(root, feed).article for _ in range(3)]
    assert slugs == [f"https://example.org/brief-{number}/" for number in (22, 15, 8)]
    assert "has an issue already" in refused(root, feed).problem


def test_another_entry_of_a_feed(root: Path) -> None:
    feed = article(root, FEED.format(items=entry(8) + entry(22)), "feed.xml")
    made = make(root, feed, entry=2)
    assert (made.article, made.draft.subject) == (
        "https://example.org/brief-8/",
        "Brief 8 over de tuin",
    )
    assert "2 entries" in refused(root, feed, entry=3).problem
    assert "is not a feed" in refused(root, article(root), entry=1).problem


def test_windows_1252_that_nothing_says(root: Path) -> None:
    text = ARTICLE.replace("onder de grond", "vóór de vorst “onder” de grond").replace("💡 ", "")
    text = text.replace("→", "->").replace("•", "-").replace("–", "-").replace("—", "–")
    raw = text.encode("cp1252")
    made = make(root, article(root, raw), url=URL)
    assert "vóór de vorst “onder” de grond" in made.draft.text
    assert invented(made.draft.text.replace("→", "->"), decode(raw)) == []


@pytest.mark.parametrize(
    ("name", "content", "problem"),
    [
        ("leeg.txt", b"", "leeg.txt is empty"),
        ("leeg.md", b"\n \n", "leeg.md is empty"),
        ("regel.txt", b"Een losse regel.", "the text has 3 words"),
        (
            "cookies.txt",
            b"Cookies\n\n" + b"Wij gebruiken cookies om deze site te meten. " * 20,
            "words",
        ),
        (
            "inloggen.txt",
            b"Inloggen\n\nE-mail\n\nWachtwoord\n\nLog in om verder te lezen.",
            "words",
        ),
        ("brief.txt", b"%PDF-1.7\n", "is a PDF"),
        ("foto.txt", b"\xff\xd8\xff\xe0", "a picture"),
        ("nullen.txt", b"a\0b" * 99, "bytes that no text has"),
        ("post.md", b"---\ntitle: [a\n---\n", "not valid YAML"),
    ],
)
def test_what_is_no_article_is_refused(name: str, content: bytes, problem: str, root: Path) -> None:
    assert problem in refused(root, article(root, content, name)).sentence


def test_a_word_file_that_is_called_a_text(root: Path) -> None:
    with zipfile.ZipFile(root / "artikel.txt", "w") as file:
        file.writestr("word/document.xml", "<w/>")
    assert "a Word file" in refused(root, root / "artikel.txt").problem


def test_a_folder(root: Path) -> None:
    (root / "tuin").mkdir()
    assert "is a folder" in refused(root, root / "tuin").problem
    (root / "tuin" / "index.md").write_text(POST)
    assert "index.md" in refused(root, root / "tuin").hint


def test_a_file_that_is_not_there(root: Path) -> None:
    assert "https://example.org/tuin" in refused(root, "example.org/tuin").hint
    assert "there is no file weg.txt" in refused(root, "weg.txt").problem
    assert "no file" in refused(root, "a\0b").problem
    assert "no file" in refused(root, "x" * 5000).problem


def test_a_file_without_read_permission(root: Path) -> None:
    path = article(root)
    path.chmod(0)
    if os.access(path, os.R_OK):  # root may read any file but a few of the kernel's
        path = Path("/proc/self/mem")
    assert "cannot be read" in refused(root, path).problem


def test_an_article_of_11_mb(root: Path) -> None:
    assert "larger than 10 MB" in refused(root, article(root, b"a b. " * 2_200_000)).problem


def test_an_address_of_this_machine_is_refused(root: Path, run: Run) -> None:
    for url in ("https://127.0.0.1/x", "http://example.org/x", "https://localhost/x"):
        done = run("new", url)
        assert done.returncode == 1, url
        assert is_one_error(done.stderr)
    assert list((root / "issues").iterdir()) == []


def test_without_a_folder_for_issues_nothing_is_written(root: Path) -> None:
    (root / "issues").rmdir()
    assert "no folder issues/" in refused(root, article(root)).problem
    assert make(root, article(root), write=False).draft.text


def test_gaps_are_in_the_newsletters_language(root: Path) -> None:
    (root / "newsletter.toml").write_text('name = "B"\nlanguage = "en"\n')
    made = make(root, article(root), url=URL)
    assert f"[Read on]({URL})" in made.draft.text
    assert f"[[A link to the article “{RELATED}”]]" in made.draft.text
    assert QUESTIONS[0] in made.draft.text


def test_the_address_of_an_article_gives_its_canonical_address(
    root: Path, site: PageServer
) -> None:
    site.answers["/kort"] = redirect("/tuin?utm_source=x")
    site.answers["/tuin?utm_source=x"] = page(
        PAGE.format(url=site.url("/tuin/"), text=PROSE).encode()
    )
    made = make(root, site.url("/kort"))
    assert made.article == site.url("/tuin/")
    assert f"[Lees verder]({made.article})" in made.draft.text
    assert f"> {QUOTE}\n" in made.draft.text
    assert "introduces this article already" in refused(root, site.url("/kort")).problem


def test_a_page_whose_encoding_nothing_says(root: Path, site: PageServer) -> None:
    text = PROSE.replace("onder de grond", "vóór de vorst")
    body = PAGE.format(url=site.url("/tuin/"), text=text).encode("cp1252")
    site.answers["/tuin/"] = page(body, "text/html")
    assert "vóór de vorst" in make(root, site.url("/tuin/")).draft.text


def test_a_feed_that_has_only_beginnings_leads_to_the_page(root: Path, site: PageServer) -> None:
    item = (
        f"<item><title>Tuin</title><link>{site.url('/tuin/')}</link>"
        f"<description>{LEAD}</description></item>"
    )
    site.answers["/feed/"] = page(FEED.format(items=item).encode(), "application/rss+xml")
    site.answers["/tuin/"] = page(PAGE.format(url=site.url("/tuin/"), text=PROSE).encode())
    made = make(root, site.url("/feed/"))
    assert (made.article, made.draft.subject) == (site.url("/tuin/"), "Tuin")
    assert FIRST in made.draft.text
    assert [path for _, _, path in site.heard] == ["/feed/", "/tuin/"]


@pytest.mark.parametrize(
    "wall",
    [
        "<h1>Cookies</h1><p>Wij gebruiken cookies om deze site te meten en te verbeteren.</p>" * 20,
        "<h1>Inloggen</h1><form><input name=e></form><p>Log in om verder te lezen.</p>",
        "<script>document.write('x')</script><noscript>Schakel JavaScript in.</noscript>",
    ],
)
def test_a_wall_of_cookies_or_a_login_is_refused(wall: str, root: Path, site: PageServer) -> None:
    site.answers["/tuin/"] = page(PAGE.format(url=site.url("/tuin/"), text=wall).encode())
    assert "there is no article here" in refused(root, site.url("/tuin/")).problem


def test_a_saved_page(root: Path) -> None:
    saved = article(root, PAGE.format(url=URL, text=PROSE), "tuin.html")
    made = make(root, saved)
    assert (made.article, made.draft.subject) == (URL, "De tuin in november")
    assert (
        invented(made.draft.text, f"{LEAD}\n{FIRST}\n{SECOND}\n{QUOTE}\n{made.draft.subject}") == []
    )


def test_a_page_on_standard_input_or_without_suffix_is_a_page(root: Path) -> None:
    made = make(root, article(root, PAGE.format(url=URL, text=PROSE), "tuin"))
    assert made.article == URL


def test_a_jekyll_page_with_front_matter_is_a_post(root: Path) -> None:
    made = make(root, article(root, f"---\ntitle: De tuin\n---\n{PROSE}", "tuin.html"))
    assert made.draft.subject == "De tuin"
    assert LEAD in made.draft.text


SAMPLE = "---\nsubject: {}\ndraft: yes\n---\nHier schrijf je de brief. Kort mag.\n"


def test_a_day_that_a_draft_holds_is_named_with_the_draft(root: Path, run: Run) -> None:
    held = run("new").stdout.strip()
    said = run("new", article(root), "--url", URL).stderr
    assert f"{held[7:17]} is held by {held}, a draft" in said
    again = run("new", "--date", held[7:17])
    assert again.returncode == 1
    assert f"{held}, a draft, has {held[7:17]} 07:00 already" in again.stderr


def test_the_sample_of_init_may_be_deleted(root: Path, run: Run) -> None:
    answers = {
        "name": "Rust",
        "sender": "A <a@example.org>",
        "contact": "Postbus 1",
        "provider": "outbox",
        "public-url": "https://example.org",
        "pages": "none",
        "ci": "none",
    }
    options = [part for key, value in answers.items() for part in (f"--{key}", value)]
    made = run("init", "nieuw", *options)
    assert made.returncode == 0, made.stderr
    said = run("new", cwd=root / "nieuw").stderr
    assert "delete it: it is the sample of newsletter init" in said


def test_a_day_in_words_is_refused_with_the_form(run: Run) -> None:
    done = run("new", "--date", "6 december")
    assert done.returncode == 2
    assert "hint: Write it as 2026-12-06" in done.stderr


def test_a_post_without_an_address_names_the_setting(root: Path, run: Run) -> None:
    said = run("new", article(root, POST, "2026-11-20-tuin.md")).stderr
    assert "--url" in said
    assert "permalink = " in said
    assert "permalink" not in run("new", article(root)).stderr
