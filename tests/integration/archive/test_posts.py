"""`archive build --as markdown`: posts for the author's own site, from a real ledger."""

from __future__ import annotations

import json
from datetime import date
from typing import TYPE_CHECKING

import pytest
import yaml

from newsletter.model import Heading, Image, Question, Questions, Quote, Reflection, Text
from newsletter.store import editions
from newsletter.store import media as media_store
from tests.support.exports import MAILCHIMP, zipped
from tests.support.issues import rich
from tests.support.newsletter import Newsletter
from tests.support.pictures import photo
from tests.support.published import correct, published, record, weekly

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable
    from pathlib import Path

    from newsletter.model import Block

    Run = Callable[..., subprocess.CompletedProcess[str]]

NAME = "0" * 40 + ".jpg"
SENTENCE = "Wie even stilstaat, hoort pas hoe hard het binnen waaide, en dat is geen verlies."
BLOCKS: tuple[Block, ...] = (
    Text(1, rich("Gisteren stond de deur open en niemand die het merkte, ook ik niet.")),
    Image(2, f"media/{NAME}", "Een open deur", width=520, height=390),
    Quote(3, (rich(SENTENCE),)),
    Heading(4, 2, rich("Drie vragen om even bij stil te staan")),
    Questions(
        5,
        (
            Question(rich("Welke deur staat bij jou open?"), rich("Het mag een kleine zijn.")),
            Question(rich("Wie mag er binnen?"), rich("Ook als het niet is opgeruimd.")),
        ),
    ),
    Reflection(6, rich("Wat hoor je als je de deur nog even open laat staan?")),
)


def build(run: Run, out: str = "content/brieven") -> dict[str, object]:
    done = run("archive", "build", "--out", out, "--as", "markdown", "--json")
    assert (done.returncode, done.stderr) == (0, ""), done
    document: dict[str, object] = json.loads(done.stdout)
    return document


def files(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


@pytest.fixture
def newsletter(root: Path, database: str) -> Newsletter:
    assert database
    return Newsletter(root, subscribers=0)


@pytest.fixture
def posts(root: Path) -> Path:
    return root / "content/brieven"


def test_each_issue_is_a_post_with_its_pictures_beside_it(
    run: Run, posts: Path, newsletter: Newsletter
) -> None:
    record(newsletter.store, [published(blocks=BLOCKS, themes=["rust"]), *weekly(3)[1:]])
    with newsletter.store.write() as connection:
        media_store.store(connection, [NAME], {NAME: b"a picture"})

    said = build(run)

    assert said == {
        "out": "content/brieven",
        "issues": 3,
        "written": 4,
        "unchanged": 0,
        "deleted": 0,
    }
    made = files(posts)
    assert set(made) == {
        ".newsletter-posts.json",
        "2026-11-29-rust/index.md",
        f"2026-11-29-rust/{NAME}",
        "2026-11-22-brief/index.md",
        "2026-11-15-brief/index.md",
    }
    assert made[f"2026-11-29-rust/{NAME}"] == b"a picture"
    text = made["2026-11-29-rust/index.md"].decode()
    fields = yaml.safe_load(text.split("---\n")[1])
    assert (fields["title"], fields["tags"]) == ("De weg naar rust", ["rust"])
    assert fields["date"] == date(2026, 11, 29)  # the day alone, for it may have been sent later
    assert f"![Een open deur]({NAME})\n" in text


def test_a_build_writes_what_changed_and_deletes_what_it_made(
    run: Run, posts: Path, newsletter: Newsletter
) -> None:
    issues = weekly(3)
    record(newsletter.store, issues)
    first = build(run)
    before = files(posts)
    assert build(run) == {**first, "written": 0, "unchanged": 3}
    assert files(posts) == before
    build(run, "elders")
    assert files(posts.parents[1] / "elders") == before  # the same bytes anywhere

    correct(newsletter.store, issues[0], blocks=(Text(1, rich("Een betere zin.")),))
    with newsletter.store.write() as connection:
        editions.withdraw(connection, issues[2].slug)

    assert build(run) == {**first, "issues": 2, "written": 1, "unchanged": 1, "deleted": 1}
    assert "Een betere zin." in (posts / issues[0].slug / "index.md").read_text("utf-8")
    assert not (posts / issues[2].slug).exists()


def test_files_of_the_author_stay_and_one_in_the_way_stops_it(
    run: Run, posts: Path, newsletter: Newsletter
) -> None:
    issues = weekly(2)
    record(newsletter.store, issues)
    own = posts / "_index.md"
    own.parent.mkdir(parents=True)
    own.write_text("---\ntitle: Brieven\n---\n", encoding="utf-8")
    beside = posts / issues[0].slug / "notitie.txt"
    build(run)
    beside.write_text("van mij", encoding="utf-8")
    with newsletter.store.write() as connection:
        editions.withdraw(connection, issues[0].slug)
    build(run)
    assert own.exists()
    assert beside.read_text("utf-8") == "van mij"

    post = posts / issues[1].slug / "index.md"
    post.write_text("zelf herschreven", encoding="utf-8")
    done = run("archive", "build", "--out", "content/brieven", "--as", "markdown")
    assert done.returncode == 1
    assert "nothing was changed" in done.stderr
    assert post.read_text("utf-8") == "zelf herschreven"


def test_links_and_folders_of_the_author_are_refused(
    run: Run, root: Path, newsletter: Newsletter
) -> None:
    issues = weekly(1)
    record(newsletter.store, issues)
    elsewhere = root / "elders"
    elsewhere.mkdir()
    (root / "site").mkdir()
    (root / "site" / issues[0].slug).symlink_to(elsewhere)
    for out in ("site", ".", "issues", ".newsletter"):
        done = run("archive", "build", "--out", out, "--as", "markdown")
        assert done.returncode == 1, out
    assert list(elsewhere.iterdir()) == []


def test_a_static_site_may_be_in_the_same_folder(
    run: Run, root: Path, newsletter: Newsletter
) -> None:
    record(newsletter.store, weekly(2))
    assert run("archive", "build", "--out", "public").returncode == 0
    site = files(root / "public")

    assert build(run, "public")["deleted"] == 0

    assert site.items() <= files(root / "public").items()
    assert run("archive", "build", "--out", "public").returncode == 0
    assert build(run, "public")["written"] == 0


def test_new_makes_the_same_letter_of_a_post(
    run: Run, root: Path, posts: Path, newsletter: Newsletter
) -> None:
    with (root / "newsletter.toml").open("a", encoding="utf-8") as file:
        file.write('public_url = "https://brief.example.org"\n')
    text, picture, *others = BLOCKS
    preheader = "Een deur die openstaat zegt soms meer dan een heel gesprek."
    issue = published(blocks=(picture, text, *others), preheader=preheader)
    record(newsletter.store, [issue])
    with newsletter.store.write() as connection:
        media_store.store(connection, [NAME], {NAME: photo(320, 240)})
    build(run)

    done = run("new", posts / "2026-11-29-rust" / "index.md", "--stdout")

    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    for line in (
        "subject: De weg naar rust",
        f"preheader: {preheader}",
        "article: https://brief.example.org/issues/2026-11-29-rust",
        "Gisteren stond de deur open en niemand die het merkte, ook ik niet.",
        f"> {SENTENCE}",
        "## Drie vragen om even bij stil te staan",
        "- Welke deur staat bij jou open? → Het mag een kleine zijn.",
        "- Wie mag er binnen? → Ook als het niet is opgeruimd.",
        "💡 Wat hoor je als je de deur nog even open laat staan?",
    ):
        assert line in lines, done.stdout
    assert any(line.startswith("![Een open deur](") for line in lines), done.stdout


def test_old_letters_of_another_program_are_posts_too(
    run: Run, root: Path, posts: Path, newsletter: Newsletter
) -> None:
    assert newsletter.store
    assert run("archive", "import", zipped(root / "export.zip", MAILCHIMP)).returncode == 0

    assert build(run)["issues"] == 3

    text = (posts / "2019-05-19-de-fiets-van-de-buurman" / "index.md").read_text("utf-8")
    assert "De buurman heeft een fiets die **niemand** op slot zet.\\\nOok hij niet." in text
    (picture,) = (posts / "2019-05-19-de-fiets-van-de-buurman").glob("*.jpg")
    assert f"![De fiets]({picture.name})" in text


def test_an_empty_archive(run: Run, posts: Path) -> None:
    done = run("archive", "build", "--out", posts, "--as", "markdown")

    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("No issue was sent yet")
