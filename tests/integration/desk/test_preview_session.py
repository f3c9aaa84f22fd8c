"""What a preview knows of files that are saved, broken, deleted and renamed while it looks."""

from __future__ import annotations

import contextlib
import io
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

import PIL.Image
import pytest

from newsletter import config
from newsletter.desk import fixing
from newsletter.desk.preview import PreviewSession
from newsletter.desk.preview.view import view_document
from tests.support.preview import SLUG, TEXT, write

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

BROKEN = TEXT.replace("subject: Ruimte voor rust\n", "")
BROKEN_TEMPLATE = "<mjml>\n{{ nergens }}\n</mjml>\n"


@pytest.fixture
def session(root: Path) -> Iterator[PreviewSession]:
    """Return a session of which one page shows one issue."""
    write(root)
    made = PreviewSession(config.load(root))
    made.sight(SLUG)
    with made.showing(SLUG):
        yield made


def shown(session: PreviewSession, slug: str = SLUG) -> dict[str, Any]:
    return view_document(session.sight(slug), "anna")


def settle(session: PreviewSession) -> None:
    """Look until nothing changes any more."""
    while session.look():
        pass


def test_nothing_changes_until_a_file_does(session: PreviewSession, root: Path) -> None:
    assert not session.look()
    before = session.version
    write(root, TEXT.replace("moeilijkste", "mooiste"))
    assert session.look()
    assert session.version == before + 1
    assert "mooiste van de dag" in shown(session)["letter"]["text"]


def test_a_broken_file_keeps_the_last_good_letter_with_the_error_above(
    session: PreviewSession, root: Path
) -> None:
    write(root, BROKEN)
    session.look()
    session.look()
    document = shown(session)
    assert document["problem"]["sentence"].startswith("there is no subject")
    assert document["letter"]["subject"] == "Ruimte voor rust"
    assert [one["rule"] for one in document["findings"]] == ["subject-missing"]
    assert "subject:" not in document["source"]
    write(root, TEXT)
    assert session.look()
    assert shown(session)["problem"] is None


def test_a_save_in_two_steps_shows_no_error(session: PreviewSession, root: Path) -> None:
    path = write(root, "")
    before = session.version
    assert not session.look(), "the file is empty for a moment"
    assert shown(session)["problem"] is None
    path.write_text(TEXT.replace("moeilijkste", "mooiste"), encoding="utf-8")
    assert session.look()
    assert session.version == before + 1
    assert shown(session)["problem"] is None
    assert "mooiste" in shown(session)["letter"]["text"]


def test_a_half_saved_file_that_stays_so_is_shown_at_the_next_look(
    session: PreviewSession, root: Path
) -> None:
    write(root, "")
    assert not session.look()
    assert session.look()
    assert shown(session)["problem"]
    assert not session.look()


def test_a_deleted_file_is_said_to_be_gone_and_found_again(
    session: PreviewSession, root: Path
) -> None:
    (root / "issues" / f"{SLUG}.md").unlink()
    settle(session)
    session.look()
    document = shown(session)
    assert document["problem"]["sentence"] == f"{document['path']} is gone"
    assert document["letter"]["subject"] == "Ruimte voor rust"
    assert document["issue"] == SLUG
    write(root)
    assert session.look()
    assert shown(session)["problem"] is None


def test_a_renamed_file_is_followed_there_and_back(session: PreviewSession, root: Path) -> None:
    before, after = (root / "issues" / f"{slug}.md" for slug in (SLUG, "2026-12-13-rust"))
    before.rename(after)
    assert session.look()
    assert shown(session)["issue"] == "2026-12-13-rust"
    assert shown(session)["problem"] is None
    after.write_text(TEXT.replace("moeilijkste", "mooiste"), encoding="utf-8")
    assert session.look()
    assert "mooiste" in shown(session)["letter"]["text"]
    after.rename(before)
    settle(session)
    assert shown(session, "2026-12-13-rust")["issue"] == SLUG
    assert shown(session)["issue"] == SLUG


def test_a_file_that_is_replaced_as_editors_do_it_is_followed(
    session: PreviewSession, root: Path
) -> None:
    fresh = root / "issues" / ".rust.md.swp"
    fresh.write_text(TEXT.replace("moeilijkste", "mooiste"), encoding="utf-8")
    fresh.replace(root / "issues" / f"{SLUG}.md")
    assert session.look()
    assert "mooiste" in shown(session)["letter"]["text"]


def test_a_file_that_is_not_utf8_keeps_the_last_letter(session: PreviewSession, root: Path) -> None:
    (root / "issues" / f"{SLUG}.md").write_bytes(TEXT.replace("Soms", "Één").encode("cp1252"))
    session.look()
    session.look()
    document = shown(session)
    assert document["problem"]
    assert {one["rule"] for one in document["findings"]} == {"not-utf8"}
    assert "�" in document["source"]
    assert document["letter"]["subject"] == "Ruimte voor rust"


def test_a_template_of_the_authors_that_breaks_is_named_with_its_line(
    session: PreviewSession, root: Path
) -> None:
    (root / "templates").mkdir()
    session.look()
    template = root / "templates" / "issue.mjml.j2"
    template.write_text(BROKEN_TEMPLATE, encoding="utf-8")
    session.look()
    session.look()
    document = shown(session)
    assert "templates/issue.mjml.j2:2" in document["problem"]["sentence"]
    assert document["letter"]["subject"] == "Ruimte voor rust"
    template.unlink()
    settle(session)
    assert shown(session)["problem"] is None


def test_settings_that_break_while_it_runs_are_named_and_the_last_ones_hold(
    session: PreviewSession, root: Path
) -> None:
    settings = root / "newsletter.toml"
    settings.write_text('name = "Proefbrief\n', encoding="utf-8")
    assert not session.look()
    assert session.look()
    document = shown(session)
    assert "the settings are not used" in document["problem"]["sentence"]
    assert "(newsletter.toml:1)" in document["problem"]["sentence"]
    assert "Proefbrief" in document["letter"]["html"]
    settings.write_text('name = "Stille post"\n', encoding="utf-8")
    assert session.look()
    assert shown(session)["problem"] is None
    assert "Stille post" in shown(session)["letter"]["html"]


def test_each_subscriber_gets_their_own_greeting(session: PreviewSession) -> None:
    greetings = {
        who: view_document(session.sight(SLUG), who)["letter"]["text"]  # type: ignore[index]
        for who in ("anna", "nameless", "long", "unheard of")
    }
    assert "Dag Anna," in greetings["anna"]
    assert "Dag,\n" in greetings["nameless"]
    assert "Dag Wilhelmina-Alexandrina van Nieuwenhuizen" in " ".join(greetings["long"].split())
    assert greetings["unheard of"] == greetings["anna"]


def test_issues_are_listed_newest_first_with_their_state(
    session: PreviewSession, root: Path
) -> None:
    write(root, TEXT.replace("draft: yes\n", ""), slug="2020-01-05-oud")
    write(root, TEXT.replace("draft: yes\n", ""), slug="2090-01-01-later")
    write(root, TEXT.replace("draft: yes\n", ""), slug="zonder-datum")
    session.look()
    assert [(one["issue"], one["state"]) for one in shown(session)["issues"]] == [
        ("zonder-datum", "without a date"),
        ("2090-01-01-later", "scheduled"),
        (SLUG, "draft"),
        ("2020-01-05-oud", "past"),
    ]


def test_another_time_in_the_settings_is_that_of_every_issue(
    session: PreviewSession, root: Path
) -> None:
    assert shown(session)["issues"][0]["send_at"] == "2026-12-06 07:00"
    (root / "newsletter.toml").write_text('send_time = "09:30"\n', encoding="utf-8")
    assert session.look()
    assert shown(session)["issues"][0]["send_at"] == "2026-12-06 09:30"


def test_an_issue_in_the_slot_of_another_is_found_when_that_one_appears(
    session: PreviewSession, root: Path
) -> None:
    write(root, TEXT.replace("draft: yes\n", ""), slug="2026-12-06-ook")
    assert session.look()
    assert "slot-taken" in [one["rule"] for one in shown(session)["findings"]]


def test_an_empty_folder_is_waited_in(root: Path) -> None:
    made = PreviewSession(config.load(root))
    assert made.first() == ""
    assert shown(made, "")["problem"]["sentence"] == "there is no issue yet"
    write(root)
    assert made.look()
    assert made.first() == SLUG
    assert shown(made, SLUG)["letter"]["subject"] == "Ruimte voor rust"


def test_it_begins_with_the_issue_that_was_edited_last(root: Path) -> None:
    newest = write(root, slug="2026-12-20-later")
    older = write(root)
    os.utime(newest, (1_000_000, 1_000_000))
    assert PreviewSession(config.load(root)).first() == older.stem


def test_a_file_outside_issues_is_shown_and_followed(root: Path) -> None:
    path = root / f"{SLUG}.md"
    path.write_text(TEXT, encoding="utf-8")
    made = PreviewSession(config.load(root), path)
    assert made.first() == SLUG
    made.sight(SLUG)
    with made.showing(SLUG):
        path.write_text(TEXT.replace("moeilijkste", "mooiste"), encoding="utf-8")
        assert made.look()
        assert "mooiste" in shown(made)["letter"]["text"]
        rules = [one["rule"] for one in shown(made)["findings"]]
        assert "outside-issues" in rules


def test_a_file_that_never_had_a_letter_shows_its_errors_alone(root: Path) -> None:
    write(root, BROKEN)
    document = shown(PreviewSession(config.load(root)))
    assert document["letter"] is None
    assert document["problem"]["sentence"].startswith("there is no subject")


def test_what_no_page_shows_is_not_read_again(root: Path) -> None:
    write(root)
    made = PreviewSession(config.load(root))
    with contextlib.ExitStack() as stack:
        stack.enter_context(made.showing(SLUG))
        made.sight(SLUG)
    write(root, TEXT.replace("moeilijkste", "mooiste"))
    assert made.look()
    assert made._readings == {}  # noqa: SLF001 - that nothing was read shows nowhere else
    assert "mooiste" in shown(made)["letter"]["text"]


def test_looking_creates_no_database(session: PreviewSession, root: Path) -> None:
    shown(session)
    assert not (root / ".newsletter").exists()


def test_an_image_file_is_shown_from_its_copy_and_watched(
    session: PreviewSession, root: Path
) -> None:
    (root / "beelden").mkdir()
    image = root / "beelden" / "stoel.png"
    write(root, TEXT + "\n![Een stoel](/beelden/stoel.png)\n")
    session.look()
    session.look()
    assert [one["rule"] for one in shown(session)["findings"]] == ["image-missing"]
    image.write_bytes(picture("red"))
    assert session.look(), "the file is watched before it is there"
    first = names(shown(session))
    assert session.picture(first[0])
    image.write_bytes(picture("blue"))
    assert session.look()
    assert names(shown(session)) != first
    assert session.picture("0" * 40 + ".png") is None


def picture(colour: str) -> bytes:
    made = io.BytesIO()
    PIL.Image.new("RGB", (40, 30), colour).save(made, "PNG")
    return made.getvalue()


def names(document: dict[str, Any]) -> list[str]:
    return re.findall(f'{re.escape(document["media"])}([^"]+)"', document["letter"]["html"])


def test_a_folder_of_issues_that_goes_away_and_comes_back(
    session: PreviewSession, root: Path
) -> None:
    (root / "issues").rename(root / "weg")
    (root / "issues").write_text("geen map\n", encoding="utf-8")
    session.look()
    session.look()
    assert shown(session)["problem"]["sentence"].endswith("is gone")
    (root / "issues").unlink()
    (root / "weg").rename(root / "issues")
    assert session.look()
    assert shown(session)["problem"] is None


def test_settings_that_are_a_folder_are_named(session: PreviewSession, root: Path) -> None:
    (root / "newsletter.toml").unlink()
    (root / "newsletter.toml").mkdir()
    session.look()
    session.look()
    assert "the settings are not used" in shown(session)["problem"]["sentence"]
    assert shown(session)["letter"]


def test_an_issue_that_becomes_a_folder_or_a_pipe_is_named(
    session: PreviewSession, root: Path
) -> None:
    path = root / "issues" / f"{SLUG}.md"
    for make in (Path.mkdir, os.mkfifo):
        if path.is_dir():
            path.rmdir()
        path.unlink(missing_ok=True)
        make(path)
        session.look()
        session.look()
        assert "is not a file" in shown(session)["problem"]["sentence"]
        assert shown(session)["letter"]["subject"] == "Ruimte voor rust"


def test_a_file_as_large_as_no_issue_is_named(session: PreviewSession, root: Path) -> None:
    write(root, TEXT + "Een zin. " * 40_000)
    session.look()
    session.look()
    assert [one["rule"] for one in shown(session)["findings"]] == ["file-too-large"]
    assert shown(session)["letter"]["subject"] == "Ruimte voor rust"


def test_a_fix_that_renames_the_file_is_followed(root: Path) -> None:
    path = root / "issues" / "2026-12-6-rust.md"
    path.write_text(TEXT + "\n• Een opsomming\n", encoding="utf-8")
    made = PreviewSession(config.load(root), path)
    slug = made.first()
    assert shown(made, slug)["issue"] == slug
    fix = fixing.plan_fix(made.settings, path)
    assert fix is not None
    assert made.write_fix(slug, fix.hash) == "2026-12-06-rust"
    assert not path.exists()
    document = shown(made, slug)
    assert document["issue"] == "2026-12-06-rust"
    assert "- Een opsomming" in document["source"]
    assert made.first() == "2026-12-06-rust"


def test_a_slug_without_an_issue_is_named(session: PreviewSession) -> None:
    document = shown(session, "2099-01-01-nope")
    assert document["problem"]["sentence"] == "there is no issue 2099-01-01-nope"
