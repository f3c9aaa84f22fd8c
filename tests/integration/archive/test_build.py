"""The static site, built by the command from a real ledger."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from newsletter.model import Image
from newsletter.store import editions
from newsletter.store import media as media_store
from tests.support.newsletter import Newsletter
from tests.support.published import correct, published, record, weekly

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable
    from pathlib import Path

    Run = Callable[..., subprocess.CompletedProcess[str]]

NAME = "a" * 40 + ".jpg"
PICTURE = Image(1, f"media/{NAME}", "Een stoel", width=520, height=300)


def build(run: Run, out: str = "public") -> dict[str, object]:
    done = run("archive", "build", "--out", out, "--json")
    assert done.returncode == 0, done.stderr
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


def test_a_ledger_without_issues_is_an_empty_site(run: Run, root: Path) -> None:
    done = run("archive", "build", "--out", "public")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("No issue was sent yet: the archive is empty.\n")
    assert "Er is nog geen brief verstuurd" in (root / "public" / "index.html").read_text("utf-8")
    assert not (root / ".newsletter").exists()


def test_a_build_writes_what_changed_and_nothing_else(
    run: Run, root: Path, newsletter: Newsletter
) -> None:
    issues = weekly(3, themes=["rust"])
    record(newsletter.store, issues)
    first = build(run)
    assert (first["issues"], first["unchanged"], first["deleted"]) == (3, 0, 0)
    before = files(root / "public")
    assert first["written"] == len(before) - 1  # the list of the files is not counted
    assert build(run) == {**first, "written": 0, "unchanged": first["written"]}
    assert files(root / "public") == before
    correct(newsletter.store, issues[2], subject="Anders dan het was")
    changed = build(run)
    after = files(root / "public")
    different = {name for name in after if after[name] != before.get(name)}
    # The oldest issue: the one after it names it as the previous one.
    assert f"issues/{issues[2].slug}.html" in different
    assert f"issues/{issues[1].slug}.html" in different
    assert changed["written"] == len(different) - 1
    assert build(run, "elsewhere")["written"] == first["written"]
    assert files(root / "elsewhere") == after


def test_a_withdrawn_issue_is_deleted(run: Run, root: Path, newsletter: Newsletter) -> None:
    issues = weekly(3, themes=["rust"])
    record(newsletter.store, issues)
    build(run)
    with newsletter.store.write() as connection:
        editions.withdraw(connection, issues[1].slug)
    assert build(run)["deleted"] == 1
    site = files(root / "public")
    assert f"issues/{issues[1].slug}.html" not in site
    assert [name for name, body in site.items() if issues[1].slug.encode() in body] == []


def test_pictures_come_along_and_go_with_their_issue(
    run: Run, root: Path, newsletter: Newsletter
) -> None:
    issue = published(blocks=[PICTURE])
    record(newsletter.store, [issue])
    with newsletter.store.write() as connection:
        media_store.store(connection, [NAME], {NAME: b"a picture"})
    build(run)
    assert files(root / "public")[f"media/{NAME}"] == b"a picture"
    with newsletter.store.write() as connection:
        editions.withdraw(connection, issue.slug)
    build(run)
    assert not (root / "public" / "media").exists()


def test_changed_settings_and_templates_make_every_page_anew(
    run: Run, root: Path, newsletter: Newsletter
) -> None:
    issue = published()
    record(newsletter.store, [issue])
    build(run)
    page = root / "public" / "issues" / f"{issue.slug}.html"
    (root / "newsletter.toml").write_text('name = "Andere brief"\n', encoding="utf-8")
    build(run)
    assert "Andere brief" in page.read_text("utf-8")
    own = root / "templates" / "archive" / "issue.html.j2"
    own.parent.mkdir(parents=True)
    own.write_text("eigen: {{ issue.edition.subject }}", encoding="utf-8")
    build(run)
    assert page.read_text("utf-8") == "eigen: De weg naar rust"


@pytest.mark.parametrize("out", [".", "..", "issues", "issues/site", "templates", ".newsletter/x"])
def test_it_is_not_built_among_the_authors_files(out: str, run: Run, root: Path) -> None:
    done = run("archive", "build", "--out", out)
    assert done.returncode == 1
    assert "error: the archive cannot be built among your own files" in done.stderr
    assert list((root / "issues").iterdir()) == []


def test_a_link_to_the_authors_files_is_seen_through(run: Run, root: Path) -> None:
    (root / "issues").rename(root / "elders")
    (root / "issues").symlink_to("elders")
    done = run("archive", "build", "--out", "issues")
    assert done.returncode == 1
    assert "error: the archive cannot be built among your own files" in done.stderr
    assert files(root / "elders") == {}


def test_a_file_of_someone_else_stops_the_build(
    run: Run, root: Path, newsletter: Newsletter
) -> None:
    record(newsletter.store, weekly(2))
    (root / "public").mkdir()
    (root / "public" / "index.html").write_text("van mij", encoding="utf-8")
    done = run("archive", "build", "--out", "public")
    assert done.returncode == 1
    assert "index.html was changed by hand" in done.stderr
    assert files(root / "public") == {"index.html": b"van mij"}
