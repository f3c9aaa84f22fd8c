"""Files that `init` writes and knows again."""

from __future__ import annotations

import errno
import os
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsletter.atomic_write import advise, write_whole
from newsletter.errors import NewsletterError
from newsletter.repository.files import RepositoryFile
from newsletter.repository.ownership import is_edited, is_marked, mark, unmark
from newsletter.repository.write import copy_wheel, write_files

if TYPE_CHECKING:
    from pathlib import Path

TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\r"), max_size=60)


@given(TEXT)
def test_a_file_that_nobody_edited_is_known_again(text: str) -> None:
    marked = mark(text)
    assert is_marked(marked)
    assert not is_edited(marked)
    assert not is_edited(marked.replace("\n", "\r\n"))
    assert unmark(marked) == text


@given(TEXT, TEXT)
def test_an_edit_is_seen(text: str, more: str) -> None:
    assert is_edited(mark(text) + more + "x")
    assert is_edited(text) == (not is_marked(text) or is_edited(text))


def test_a_script_still_begins_as_one() -> None:
    marked = mark("#!/bin/sh\necho\n")
    assert marked.startswith("#!/bin/sh\n# Written by newsletter init")
    assert unmark(marked) == "#!/bin/sh\necho\n"
    assert is_edited(marked.replace("echo", "echo x"))


def test_a_file_without_the_line_counts_as_edited() -> None:
    assert is_edited("mine\n")
    assert not is_marked("mine\n")


def test_the_newer_wheel_takes_the_place_of_the_older(tmp_path: Path) -> None:
    for version, data in (("0.1.0", b"old"), ("0.1.0", b"rebuilt"), ("0.2.0", b"new")):
        wheel = tmp_path / f"newsletter_pipeline-{version}-py3-none-any.whl"
        wheel.write_bytes(data)
        (tmp_path / "root" / "newsletter-install").mkdir(parents=True, exist_ok=True)
        copy_wheel(tmp_path / "root", str(wheel))
        (found,) = (tmp_path / "root" / "newsletter-install").iterdir()
        assert (found.name, found.read_bytes()) == (wheel.name, data)


def test_a_wheel_that_is_gone_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(NewsletterError, match="cannot be read: No such file"):
        copy_wheel(tmp_path, str(tmp_path / "gone.whl"))


def test_a_replaced_file_keeps_its_permissions_and_a_link_stays_one(tmp_path: Path) -> None:
    target = tmp_path / "target"
    target.write_bytes(b"old")
    target.chmod(0o640)
    (tmp_path / "link").symlink_to(target)
    write_whole(tmp_path / "link", b"new")
    assert (target.read_bytes(), target.stat().st_mode & 0o777) == (b"new", 0o640)
    assert (tmp_path / "link").is_symlink()
    assert len([*tmp_path.iterdir()]) == 2


def test_a_write_that_fails_leaves_what_was_there(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    with pytest.raises(OSError, match="directory"):
        write_whole(tmp_path / "folder", b"new")
    assert [one.name for one in tmp_path.iterdir()] == ["folder"]


@pytest.mark.parametrize(
    ("number", "said"),
    [
        (errno.ENOSPC, "Free some space"),
        (errno.EROFS, "read-only"),
        (errno.EACCES, "the right to write"),
        (errno.EPERM, "the right to write"),
    ],
)
def test_the_advice_fits_the_error(number: int, said: str) -> None:
    assert said in advise(OSError(number, os.strerror(number)))


def test_the_settings_are_written_last(tmp_path: Path) -> None:
    """Until they are there, the same command may be run again."""
    names = ("newsletter.toml", "a.txt", "z/z.txt")
    done = write_files(tmp_path, [RepositoryFile(name, "x", owned=False) for name in names])
    assert done.written == ("a.txt", "z/z.txt", "newsletter.toml")
