"""The files of an author's repository, rendered."""

from __future__ import annotations

from typing import TYPE_CHECKING

import jinja2
import pytest

from newsletter.repository import files, render_files
from newsletter.repository.plan import INSTALL_FOLDER
from tests.support.repositories import plan

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(files, "_FILES", tmp_path)
    return tmp_path


def write(folder: Path, name: str, text: str) -> None:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def test_each_kind_has_its_own_files_and_all_have_the_common_ones(folder: Path) -> None:
    write(folder, "common/README.md.j2", "# [[ name ]]\n")
    write(folder, "common/dot-gitignore", ".newsletter/\n")
    write(folder, "ci/github/.github/workflows/send.yml.j2", "run: ${{ secrets.X }} [[ ci ]]\n")
    write(folder, "ci/gitlab/.gitlab-ci.yml", "[[ not rendered ]]\n")
    write(folder, "pages/vps/deploy/web.service.j2", "# [[ public_host ]]\n")
    found = {one.path: one for one in render_files(plan(ci="github", pages="vps"))}
    assert {path: one.owned for path, one in found.items()} == {
        ".github/workflows/send.yml": True,
        ".gitignore": False,
        "README.md": False,
        "deploy/web.service": True,
        f"{INSTALL_FOLDER}/dependencies.txt": True,
        f"{INSTALL_FOLDER}/program.txt": True,
    }
    assert found[".github/workflows/send.yml"].text == "run: ${{ secrets.X }} github\n"
    assert found["deploy/web.service"].text == "# brief.example.org\n"
    (other,) = [one for one in render_files(plan(ci="gitlab")) if "gitlab" in one.path]
    assert other.text == "[[ not rendered ]]\n"


def test_an_empty_file_is_left_out(folder: Path) -> None:
    write(folder, "common/only.txt.j2", '[% if ci == "github" %]\nyes\n[% endif %]\n')
    assert [one.path for one in render_files(plan(ci="none"))] == []
    assert "only.txt" in [one.path for one in render_files(plan(ci="github"))]


def test_a_value_that_no_plan_has_is_an_error(folder: Path) -> None:
    write(folder, "common/a.txt.j2", "[[ nothing ]]")
    with pytest.raises(jinja2.UndefinedError, match="nothing"):
        render_files(plan())
