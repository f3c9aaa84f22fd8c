"""The folder of the static site: what is written, what is kept, and what is nobody's to touch."""

from __future__ import annotations

import json
import socket
from typing import TYPE_CHECKING

import pytest

from newsletter.archive import output_folder
from newsletter.archive.output_folder import LIST, Changes, OutputFile, update
from newsletter.errors import NewsletterError

if TYPE_CHECKING:
    from pathlib import Path


def fill(folder: Path, **files: str) -> Changes:
    """Make a site of files; in their names, __ stands for a slash and _ for a point."""
    made = [
        OutputFile(name.replace("__", "/").replace("_", "."), text.encode)
        for name, text in files.items()
    ]
    return update(folder, made, lambda _done, _total: None)


def contents(folder: Path) -> dict[str, str]:
    return {
        path.relative_to(folder).as_posix(): path.read_text(encoding="utf-8")
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name != LIST
    }


def test_it_writes_what_changed_and_deletes_what_is_gone(tmp_path: Path) -> None:
    site = tmp_path / "new" / "site"
    assert fill(site, index_html="a", issues__een_html="b", issues__twee_html="c").written == 3
    before = (site / "index.html").stat()
    changes = fill(site, index_html="a", issues__een_html="B")
    assert changes == Changes(written=1, unchanged=1, deleted=1)
    assert contents(site) == {"index.html": "a", "issues/een.html": "B"}
    assert (site / "index.html").stat().st_mtime_ns == before.st_mtime_ns
    assert fill(site, index_html="a") == Changes(written=0, unchanged=1, deleted=1)
    assert not (site / "issues").exists()


def test_nothing_of_others_is_touched(tmp_path: Path) -> None:
    (tmp_path / "issues").mkdir()
    (tmp_path / "issues" / "eigen.html").write_text("van mij")
    (tmp_path / "CNAME").write_text("brief.example.org")
    fill(tmp_path, issues__een_html="b")
    fill(tmp_path)
    assert contents(tmp_path) == {"CNAME": "brief.example.org", "issues/eigen.html": "van mij"}


def test_where_a_name_is_taken_nothing_is_changed(tmp_path: Path) -> None:
    fill(tmp_path, a_html="a", old_html="oud")
    (tmp_path / "z.html").write_text("van mij")
    before = contents(tmp_path)
    with pytest.raises(NewsletterError, match=r"z\.html was changed by hand"):
        fill(tmp_path, a_html="nieuw", z_html="z")
    assert contents(tmp_path) == before


def test_a_file_that_someone_changed_is_neither_replaced_nor_deleted(tmp_path: Path) -> None:
    fill(tmp_path, a_html="a")
    (tmp_path / "a.html").write_text("met de hand")
    with pytest.raises(NewsletterError, match=r"a\.html was changed by hand"):
        fill(tmp_path, a_html="b")
    assert fill(tmp_path, b_html="b") == Changes(written=1, unchanged=0, deleted=0)
    assert contents(tmp_path) == {"a.html": "met de hand", "b.html": "b"}


def test_a_file_that_is_the_same_already_is_taken_over(tmp_path: Path) -> None:
    (tmp_path / "a.html").write_text("a")
    assert fill(tmp_path, a_html="a") == Changes(written=0, unchanged=1, deleted=0)
    assert fill(tmp_path) == Changes(written=0, unchanged=0, deleted=1)


@pytest.mark.parametrize("name", ["a.html", "issues", LIST])
def test_a_link_is_never_followed(name: str, tmp_path: Path) -> None:
    elsewhere, site = tmp_path / "elders", tmp_path / "site"
    elsewhere.mkdir()
    site.mkdir()
    (elsewhere / "geheim").write_text("{}")
    target = elsewhere if name == "issues" else elsewhere / "geheim"
    (site / name).symlink_to(target)
    with pytest.raises(NewsletterError, match="was changed by hand"):
        fill(site, a_html="a", issues__een_html="b")
    assert contents(elsewhere) == {"geheim": "{}"}
    assert (site / name).is_symlink()


def test_a_folder_where_a_file_belongs_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "a.html").mkdir()
    with pytest.raises(NewsletterError, match=r"a\.html was changed by hand"):
        fill(tmp_path, a_html="a")
    (tmp_path / "issues").write_text("geen map")
    with pytest.raises(NewsletterError, match="issues was changed by hand"):
        fill(tmp_path, issues__een_html="b")


@pytest.mark.parametrize("name", ["a.html", LIST])
def test_what_cannot_be_read_to_its_end_is_not_read(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)  # the path of a socket must be short
    with socket.socket(socket.AF_UNIX) as made:
        made.bind(name)
        with pytest.raises(NewsletterError, match="was changed by hand"):
            fill(tmp_path, a_html="a")


@pytest.mark.parametrize(
    "text",
    [
        *("", "[]", "{}", '{"files": {"a": 1}}'),
        *(
            json.dumps({"files": {name: {"sha256": [], "key": ""}}})
            for name in ("../x", "/x", "a/../../x", "..\\x", "C:/x", ".", "", "a/./b", "a\0")
        ),
    ],
)
def test_a_damaged_list_stops_everything(text: str, tmp_path: Path) -> None:
    (tmp_path / LIST).write_text(text)
    with pytest.raises(NewsletterError):
        fill(tmp_path, a_html="a")
    assert contents(tmp_path) == {}


def test_after_a_build_that_was_cut_off_the_next_one_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(tmp_path, a_html="a", b_html="b", c_html="c")
    write = output_folder.write_whole

    def cut_off(path: Path, data: bytes) -> None:
        if path.name == "b.html":
            raise KeyboardInterrupt
        write(path, data)

    with monkeypatch.context() as patch:
        patch.setattr(output_folder, "write_whole", cut_off)
        with pytest.raises(KeyboardInterrupt):
            fill(tmp_path, a_html="A", b_html="B")
    assert contents(tmp_path) == {"a.html": "A", "b.html": "b", "c.html": "c"}
    # By now there is a newer text: what the lost build wrote is still known as the program's own.
    assert fill(tmp_path, a_html="AA", b_html="B") == Changes(written=2, unchanged=0, deleted=1)
    assert len(json.loads((tmp_path / LIST).read_text())["files"]["b.html"]["sha256"]) == 1


def test_what_has_the_same_key_is_not_made_again(tmp_path: Path) -> None:
    def build(key: str, text: str) -> Changes:
        file = OutputFile("a.html", text.encode, key)
        return update(tmp_path, [file], lambda _done, _total: None)

    build("een", "a")
    assert build("een", "nooit gemaakt").unchanged == 1
    assert contents(tmp_path) == {"a.html": "a"}
    assert build("twee", "b").written == 1
    (tmp_path / "a.html").unlink()
    assert build("twee", "b").written == 1


def test_a_folder_that_cannot_be_written_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "bestand").write_text("")
    with pytest.raises(NewsletterError):
        fill(tmp_path / "bestand", a_html="a")
    with pytest.raises(NewsletterError, match="cannot be written"):
        fill(tmp_path / "bestand" / "site", a_html="a")
