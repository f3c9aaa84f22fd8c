"""`newsletter archive import`, as the author types it, and what is in the archive after it."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any

import pytest

from newsletter import config
from newsletter.model import Button, Heading, Image, ItemList, Questions, Quote, Reflection, Text
from newsletter.store import editions, media, open_store
from tests.support.exports import (
    BUTTONDOWN,
    BUTTONDOWN_FOLDER,
    GHOST,
    GHOST_FILES,
    MAILCHIMP,
    SUBSCRIBER,
    SUBSTACK,
    substack,
    unpacked,
    zipped,
)
from tests.support.pictures import photo

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable
    from pathlib import Path

    from newsletter.model import Edition

    Run = Callable[..., subprocess.CompletedProcess[str]]

pytestmark = pytest.mark.usefixtures("database")


@pytest.fixture
def bring(run: Run) -> Callable[[Path], dict[str, Any]]:
    """Return a function that imports a file, and reads what `--json` says."""

    def bring(path: Path) -> dict[str, Any]:
        done = run("archive", "import", path, "--json")
        assert (done.returncode, done.stderr) == (0, "")
        assert SUBSCRIBER not in done.stdout
        said: dict[str, Any] = json.loads(done.stdout)
        assert said["rows"] == said["added"] + said["unchanged"] + said["skipped"]
        return said

    return bring


def archived(root: Path) -> dict[str, Edition]:
    """Return the newest text of each issue in the archive, by its slug."""
    store = open_store(config.load(root))
    with store.read() as connection:
        found = editions.published(connection, rehearsals=False)
    return {one.slug: one.edition for one in found}


def sources(edition: Edition) -> list[str]:
    """Return the paragraphs and headings of a text as Markdown."""
    return [block.body.source for block in edition.blocks if isinstance(block, Text | Heading)]


def test_substack(root: Path, bring: Callable[[Path], dict[str, Any]]) -> None:
    said = bring(zipped(root / "export.zip", SUBSTACK))

    assert (said["rows"], said["added"], said["skipped"]) == (5, 1, 4)
    assert said["reasons"] == {
        "not for everyone": 1,
        "not sent": 1,
        "not a letter": 1,
        "its text is not in the export": 1,
    }
    assert {"name": "Half af", "reason": "not sent"} in said["rejected"]
    (edition,) = archived(root).values()
    assert edition.slug == "2021-03-04-de-lekkende-kraan"
    assert edition.subject == "De lekkende kraan, of: luisteren"
    assert edition.preheader == "Wat een druppel je leert"
    assert (edition.at, edition.day) == (
        datetime(2021, 3, 4, 6, 30, tzinfo=UTC),
        date(2021, 3, 4),
    )
    assert edition.imported_from == "substack"
    assert [type(block).kind for block in edition.blocks] == [
        *("text", "text", "text", "quote", "heading", "list", "divider"),
        *("text", "button", "text"),
    ]
    assert sources(edition) == [
        "De kraan in de keuken lekte al weken. Pas toen ik *niets* meer deed, hoorde ik hem.",
        "Een afbeelding: [Een druppel aan een kraan](https://substackcdn.com/image/fetch/kraan.jpg)",
        "Zondagochtend, half acht",
        "Drie dingen",
        "Een noot\\[1\\] tot slot.",
        "\\[1\\] De loodgieter kwam op dinsdag.",
    ]


def test_ghost(root: Path, bring: Callable[[Path], dict[str, Any]]) -> None:
    said = bring(zipped(root / "export.zip", GHOST_FILES))

    assert (said["added"], said["skipped"]) == (1, 5)
    assert said["reasons"] == {
        "not for everyone": 2,
        "not sent": 1,
        "not a letter": 1,
        "its text is not in the export": 1,
    }
    (edition,) = archived(root).values()
    assert edition.slug == "2022-05-01-de-bank-zonder-leuning"
    assert edition.subject == "Een bank, en verder niets"
    assert edition.preheader == "Over zitten zonder steun"
    assert edition.article == "https://voorbeeld.example/leunen/"
    assert edition.themes == ("rust", "De tuin en zo")
    assert sources(edition) == ["In de tuin van mijn oma stond een bank zonder leuning."]
    kinds = [type(block) for block in edition.blocks]
    assert kinds[1:3] == [Reflection, Image]
    image = next(block for block in edition.blocks if isinstance(block, Image))
    assert (image.alt, image.caption) == ("Een bank", "De bank, in mei")
    store = open_store(config.load(root))
    with store.read() as connection:
        assert media.read(connection, image.url.removeprefix("media/"))


def test_a_damaged_picture_becomes_a_link_or_goes(
    root: Path, bring: Callable[[Path], dict[str, Any]]
) -> None:
    name = "content/images/2022/05/bank.jpg"
    half = bytes(GHOST_FILES[name])[:2000]  # type: ignore[arg-type]

    assert bring(zipped(root / "export.zip", {**GHOST_FILES, name: half}))["added"] == 1
    (edition,) = archived(root).values()
    assert not any(isinstance(block, Image) for block in edition.blocks)


def test_ghost_from_its_json_file_alone(
    root: Path, bring: Callable[[Path], dict[str, Any]]
) -> None:
    path = root / "stille-brief.json"
    path.write_text(GHOST, encoding="utf-8")

    assert bring(path)["added"] == 1
    (edition,) = archived(root).values()
    assert not any(isinstance(block, Image) for block in edition.blocks)


def test_buttondown(root: Path, bring: Callable[[Path], dict[str, Any]]) -> None:
    said = bring(zipped(root / "export.zip", BUTTONDOWN))

    assert (said["added"], said["skipped"]) == (2, 0)
    found = archived(root)
    assert list(found) == ["2023-01-05-de-gewone-dag", "2023-01-02-het-open-raam"]
    assert sources(found["2023-01-05-de-gewone-dag"]) == [
        "Vandaag",
        "Er gebeurde **niets**, en dat was veel.",
    ]
    window = found["2023-01-02-het-open-raam"]
    assert sources(window) == [
        "Het raam klemde **al jaren**. Gisteren ging het open.",
        "Fijn dat je leest.",
        "Een afbeelding: [Een raam](https://assets.buttondown.email/images/raam.png)",
    ]
    assert any(isinstance(block, Questions) for block in window.blocks)


def test_buttondown_from_the_folder_of_its_command_line(
    root: Path, bring: Callable[[Path], dict[str, Any]]
) -> None:
    said = bring(unpacked(root / "buttondown", BUTTONDOWN_FOLDER))

    assert said["reasons"] == {"not for everyone": 1, "not sent": 1}
    (edition,) = archived(root).values()
    assert edition.slug == "2024-01-15-de-sleutel"
    assert edition.preheader == "Over zoeken"
    assert edition.article == "https://voorbeeld.example/sleutel"
    assert [type(block) for block in edition.blocks] == [Text, Image]


def test_mailchimp(root: Path, bring: Callable[[Path], dict[str, Any]]) -> None:
    said = bring(zipped(root / "export.zip", MAILCHIMP))

    assert (said["rows"], said["added"]) == (4, 3)
    assert said["rejected"] == [{"name": "proef", "reason": "not sent"}]
    found = archived(root)
    assert list(found) == [
        "2019-06-02-een-lege-agenda",
        "2019-05-26-een-lege-agenda",
        "2019-05-19-de-fiets-van-de-buurman",
    ]
    assert sources(found["2019-05-26-een-lege-agenda"]) == ["De eerste."]
    assert sources(found["2019-06-02-een-lege-agenda"]) == ["De tweede."]
    bicycle = found["2019-05-19-de-fiets-van-de-buurman"]
    assert bicycle.at == datetime(2019, 5, 19, 16, tzinfo=UTC)  # six in Amsterdam
    assert bicycle.preheader == "Een kort woord vooraf"
    assert sources(bicycle) == [
        "De buurman heeft een fiets die **niemand** op slot zet.\\\nOok hij niet.",
        "Wat laat jij open staan?",
        "Groet, de schrijver",
    ]
    button = next(block for block in bicycle.blocks if isinstance(block, Button))
    assert button.link.url == "https://voorbeeld.example/fiets"
    assert any(isinstance(block, Image) for block in bicycle.blocks)


@pytest.mark.parametrize("files", [SUBSTACK, GHOST_FILES, BUTTONDOWN, MAILCHIMP])
def test_nothing_of_the_archive_is_at_another_site_or_about_a_subscriber(
    root: Path, bring: Callable[[Path], dict[str, Any]], files: dict[str, str | bytes]
) -> None:
    bring(zipped(root / "export.zip", files))

    for edition in archived(root).values():
        written = repr(edition)
        assert SUBSCRIBER not in written
        assert not any(mark in written for mark in ("*|", "{{", "{%", "__GHOST_URL__", "<script"))
        images = [block for block in edition.blocks if isinstance(block, Image)]
        assert all(image.url.startswith("media/") and not image.file for image in images)


def test_a_second_import_changes_nothing(
    root: Path, bring: Callable[[Path], dict[str, Any]]
) -> None:
    path = zipped(root / "export.zip", MAILCHIMP)
    bring(path)
    before = archived(root)

    said = bring(path)

    assert (said["added"], said["unchanged"], said["skipped"]) == (0, 3, 1)
    assert archived(root) == before


def test_a_text_that_changed_is_reported_and_the_old_one_stays(
    root: Path, bring: Callable[[Path], dict[str, Any]]
) -> None:
    bring(zipped(root / "export.zip", SUBSTACK))
    before = archived(root)

    said = bring(
        zipped(
            root / "export.zip",
            {**SUBSTACK, "posts/101.de-lekkende-kraan.html": "<p>Een heel ander verhaal.</p>"},
        )
    )

    assert (said["added"], said["unchanged"]) == (0, 0)
    assert said["reasons"]["in the archive with another text, which stays"] == 1
    assert archived(root) == before


def test_two_letters_of_one_day_and_title_are_two(
    root: Path, bring: Callable[[Path], dict[str, Any]]
) -> None:
    rows = (
        "1.rust,2021-03-04T06:30:00.000Z,true,,,newsletter,everyone,Rust,,\n"
        "2.rust,2021-03-04T18:30:00.000Z,true,,,newsletter,everyone,Rust,,\n"
        "3.rust,2021-03-04T19:30:00.000Z,true,,,newsletter,everyone,Rust,,\n"
    )
    posts = {"1.rust": "<p>In de ochtend.</p>", "2.rust": "<p>In de avond.</p>"}
    path = zipped(root / "export.zip", substack(rows, {**posts, "3.rust": posts["2.rust"]}))

    said = bring(path)

    assert said["reasons"] == {"twice in the export": 1}
    found = archived(root)
    assert sources(found["2021-03-04-rust"]) == ["In de ochtend."]
    assert sources(found["2021-03-04-rust-2"]) == ["In de avond."]
    assert bring(path)["unchanged"] == 2


def test_a_picture_of_another_site_is_not_that_of_the_export(
    root: Path, bring: Callable[[Path], dict[str, Any]]
) -> None:
    bring(zipped(root / "export.zip", {**SUBSTACK, "files/kraan.jpg": photo(640, 480)}))

    (edition,) = archived(root).values()
    assert not any(isinstance(block, Image) for block in edition.blocks)


def test_two_imports_at_once(root: Path, run: Run) -> None:
    open_store(config.load(root)).close()
    path = zipped(root / "export.zip", MAILCHIMP)

    with ThreadPoolExecutor(2) as pool:
        both = list(pool.map(lambda _: run("archive", "import", path, "--json"), range(2)))

    assert [(one.returncode, one.stderr) for one in both] == [(0, "")] * 2
    said = [json.loads(one.stdout) for one in both]
    assert sum(one["added"] for one in said) == len(archived(root)) == 3


def test_a_list_in_the_archive_is_our_own(
    root: Path, bring: Callable[[Path], dict[str, Any]]
) -> None:
    bring(zipped(root / "export.zip", SUBSTACK))

    (edition,) = archived(root).values()
    assert [type(one) for one in edition.blocks if isinstance(one, Quote | ItemList)] == [
        Quote,
        ItemList,
    ]


def test_the_report_as_text(root: Path, run: Run) -> None:
    done = run("archive", "import", zipped(root / "export.zip", SUBSTACK))

    assert done.returncode == 0
    assert done.stderr.startswith("Look at them: http://localhost:8000/issues/. ")
    assert done.stdout.splitlines()[:2] == [
        "Substack, 5 rows: 1 added, 0 unchanged, 4 skipped",
        "        1  not for everyone",
    ]
    assert "  Half af: not sent" in done.stdout.splitlines()
