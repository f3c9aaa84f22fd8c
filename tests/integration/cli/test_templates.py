"""`newsletter templates`: what there is, what is the author's own, and copies to change."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING, Any

import pytest

from newsletter.render import own_templates
from tests.support.issues import REPOSITORY

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable
    from pathlib import Path

    Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return templates of a program that the test may change, as a later version has them."""
    home = tmp_path / "program" / "templates"
    shutil.copytree(REPOSITORY / "templates", home)
    monkeypatch.setattr(own_templates, "template_folders", lambda: (home, home))
    return home


def listed(run: Run) -> dict[str, dict[str, Any]]:
    done = run("templates", "list", "--json")
    assert done.returncode == 0, done.stderr
    return {one["name"]: one for one in json.loads(done.stdout)}


def test_the_list_has_every_template_and_says_what_it_is(run: Run) -> None:
    home = REPOSITORY / "templates"
    found = listed(run)
    assert set(found) == {path.relative_to(home).as_posix() for path in home.rglob("*.j2")}
    assert [name for name, one in found.items() if not one["description"]] == []
    assert {one["own"] for one in found.values()} == {False}
    shown = run("templates", "list")
    assert "\nissue.mjml.j2 " in shown.stdout
    assert f"{len(found)} templates, 0 your own" in shown.stderr


def test_an_ejected_template_is_the_programs_and_changes_nothing(run: Run, root: Path) -> None:
    issue = REPOSITORY / "issues" / "2026-12-06-vriendelijk-nee-zeggen.md"
    shutil.copy(issue, root / "issues")
    before = run("render", issue.stem, "--out", "before")
    for name in ("issue.mjml.j2", "blocks.txt", "templates/style.css.j2", "issue.txt.j2"):
        done = run("templates", "eject", name)
        assert done.returncode == 0, done.stderr
    after = run("render", issue.stem, "--out", "after")
    assert (before.returncode, after.returncode) == (0, 0), after.stderr
    for kind in ("html", "txt"):  # the header with the hash of all that makes it changes
        name = f"{issue.stem}.{kind}"
        assert (root / "after" / name).read_bytes() == (root / "before" / name).read_bytes()
    one = listed(run)["blocks.txt.j2"]
    assert one["path"] == "templates/blocks.txt.j2"
    assert (one["own"], one["changed"], one["outdated"]) == (True, False, False)
    assert "own, unchanged" in run("templates", "list").stdout


def test_a_folder_is_ejected_whole_and_what_is_there_stays(run: Run, root: Path) -> None:
    own = root / "templates" / "notices" / "end.txt.j2"
    own.parent.mkdir(parents=True)
    own.write_text("Dag!", encoding="utf-8")
    done = run("templates", "eject", "notices", "--json")
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    assert said["kept"] == ["templates/notices/end.txt.j2"]
    assert "templates/notices/confirmation.mjml.j2" in said["ejected"]
    assert own.read_text(encoding="utf-8") == "Dag!"
    there = {path.name for path in own.parent.iterdir()}
    assert there == {path.name for path in (REPOSITORY / "templates" / "notices").iterdir()}
    again = run("templates", "eject", "notices")
    assert (again.returncode, again.stdout) == (1, "")
    assert again.stderr.startswith("error: all of notices is there already\nhint: ")


def test_a_file_that_is_there_is_never_overwritten(run: Run, root: Path) -> None:
    own = root / "templates" / "consent.txt.j2"
    own.parent.mkdir()
    own.write_text("Ja.", encoding="utf-8")
    done = run("templates", "eject", "consent.txt.j2")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("error: templates/consent.txt.j2 is there already\nhint: ")
    assert own.read_text(encoding="utf-8") == "Ja."
    (root / "elsewhere").mkdir()
    own.unlink()
    own.symlink_to(root / "elsewhere" / "gone")
    assert run("templates", "eject", "consent.txt.j2").returncode == 1
    assert list((root / "elsewhere").iterdir()) == []


def test_no_copy_is_made_through_a_link_that_leads_out_of_the_folder(run: Run, root: Path) -> None:
    (root / "elsewhere").mkdir()
    (root / "templates").mkdir()
    (root / "templates" / "pages").symlink_to(root / "elsewhere")
    done = run("templates", "eject", "pages/base.html.j2")
    assert done.returncode == 1
    assert "link that leads out" in done.stderr
    assert list((root / "elsewhere").iterdir()) == []


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("isue.mjml.j2", "issue.mjml.j2"),
        ("confirmaton", "notices/confirmation.mjml.j2"),
        ("notice", "notices"),
        ("frame.mjml.js", "frame.mjml.j2"),
        ("unsubscribe.html", "pages/unsubscribe.html.j2"),
    ],
)
def test_a_misspelt_name_names_the_nearest_template(typed: str, meant: str, run: Run) -> None:
    done = run("templates", "eject", typed)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == f"error: there is no template {typed}\nhint: Did you mean {meant}?\n"


@pytest.mark.parametrize("typed", ["", "/", "..", "../issue.mjml.j2", "/etc/passwd", "words", "zz"])
def test_nothing_but_a_template_is_ejected(typed: str, run: Run, root: Path) -> None:
    done = run("templates", "eject", typed)
    assert done.returncode == 1
    assert done.stderr.startswith("error: there is no template ")
    assert not (root / "templates").exists()


def test_a_folder_that_cannot_be_written_is_an_error(run: Run, root: Path) -> None:
    (root / "templates").write_text("", encoding="utf-8")
    done = run("templates", "eject", "consent.txt.j2")
    assert done.returncode == 1
    assert "cannot be written" in done.stderr


def test_the_list_knows_what_the_author_and_what_the_program_changed(
    root: Path, program: Path
) -> None:
    for name in ("consent.txt.j2", "form.html.j2", "style.css.j2"):
        own_templates.eject(root, name)
    with (root / "templates" / "form.html.j2").open("a", encoding="utf-8") as file:
        file.write("<!-- van mij -->\n")
    with (program / "style.css.j2").open("a", encoding="utf-8") as file:
        file.write("/* later */\n")
    (root / "templates" / "frame.mjml.j2").write_text("<mjml />", encoding="utf-8")
    found = {one.name: one for one in own_templates.list_templates(root)}
    states = {name: (one.changed, one.outdated) for name, one in found.items() if one.path}
    assert states == {
        "consent.txt.j2": (False, False),
        "form.html.j2": (True, False),
        "style.css.j2": (False, True),
        "frame.mjml.j2": (True, None),
    }


def test_an_editor_that_writes_other_line_ends_changes_nothing(root: Path) -> None:
    own_templates.eject(root, "consent.txt.j2")
    own = root / "templates" / "consent.txt.j2"
    own.write_bytes(own.read_bytes().replace(b"\n", b"\r\n"))
    found = {one.name: one for one in own_templates.list_templates(root)}
    assert not found["consent.txt.j2"].changed


def test_a_file_that_matches_no_template_is_a_warning_in_each_command_that_uses_them(
    run: Run, root: Path
) -> None:
    shutil.copy(REPOSITORY / "issues" / "2026-12-06-vriendelijk-nee-zeggen.md", root / "issues")
    own = root / "templates"
    (own / "notices").mkdir(parents=True)
    for name in ("isue.mjml.j2", "notices/end.j2", "README.md", ".draft.j2", "logo.png"):
        (own / name).write_text("x", encoding="utf-8")
    (own / "style.css.j2").write_text('{% include "extra.css.j2" %}', encoding="utf-8")
    (own / "extra.css.j2").write_text("", encoding="utf-8")
    expected = [
        f"warning: templates/{name} matches no template, so it is not used. Did you mean {near}?"
        for name, near in (
            ("isue.mjml.j2", "issue.mjml.j2"),
            ("notices/end.j2", "notices/end.txt.j2"),
        )
    ]
    for command in (["check"], ["render", "nee-zeggen"], ["templates", "list"]):
        said = run(*command).stderr.split("\n")
        assert [line for line in said if "matches no template" in line] == expected
    assert "matches no template" not in run("subscribers", "stats").stderr


def test_in_the_programs_own_repository_no_template_is_an_authors(run: Run) -> None:
    done = run("templates", "list", "--json", cwd=REPOSITORY)
    assert {one["own"] for one in json.loads(done.stdout)} == {False}
