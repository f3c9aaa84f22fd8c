"""Exports that are damaged, hostile or none: one clear error or reason, and nothing half done."""

from __future__ import annotations

import json
import resource
import stat
import zipfile
from typing import TYPE_CHECKING, Any

import pytest

from newsletter import config
from newsletter.archive.importing import export_file
from newsletter.errors import NewsletterError
from newsletter.store import editions, open_store
from tests.support.exports import (
    BUTTONDOWN,
    MAILCHIMP,
    SUBSCRIBER,
    SUBSTACK,
    ghost,
    ghost_post,
    mailchimp_page,
    substack,
    unpacked,
    zip_bytes,
    zipped,
)
from tests.support.newsletter import Newsletter, is_one_error, raw

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable
    from pathlib import Path

    Run = Callable[..., subprocess.CompletedProcess[str]]

LETTER = "1.rust,2021-03-04T06:30:00.000Z,true,,,newsletter,everyone,Rust,,\n"


def slugs(root: Path) -> set[str]:
    store = open_store(config.load(root))
    with store.read() as connection:
        return editions.imported_slugs(connection)


def refused(run: Run, path: Path) -> str:
    """Import what cannot be imported; return the error and its hint."""
    done = run("archive", "import", path)
    assert (done.returncode, done.stdout) == (1, ""), done
    assert is_one_error(done.stderr), done.stderr
    assert SUBSCRIBER not in done.stderr
    return done.stderr


def report(run: Run, path: Path) -> dict[str, Any]:
    done = run("archive", "import", path, "--json")
    assert (done.returncode, done.stderr) == (0, ""), done
    said: dict[str, Any] = json.loads(done.stdout)
    return said


def test_what_is_no_export(root: Path, run: Run) -> None:
    files = {
        "brief.pdf": b"%PDF-1.7\n",
        "brief.md": b"# Een gewone tekst\n",
        "data.json": b'{"a": 1}',
        "kapot.json": b'{"db": [',
        "diep.json": b"[" * 100_000,
        "leeg.zip": zip_bytes({}),
        "niets.csv": b"",
        "pagina.html": b"<html><body><p>Een gewone pagina</p></body></html>",
        "foto.zip": zip_bytes({"foto.jpg": b"\xff\xd8\xff"}),
    }
    for name, data in files.items():
        (root / name).write_bytes(data)
        said = refused(run, root / name)
        assert "hint: Give an export of Substack" in said, (name, said)
    (root / "half.zip").write_bytes(zip_bytes(SUBSTACK)[:400])
    assert "the ZIP file is damaged" in refused(run, root / "half.zip")
    (root / "inlog.zip").write_bytes(b"<html><body><p>Log eerst in</p></body></html>")
    assert "the ZIP file is damaged" in refused(run, root / "inlog.zip")
    assert "there is no file" in refused(run, root / "weg.zip")
    assert "no files" in refused(run, root / "issues")
    assert slugs(root) == set()


@pytest.mark.parametrize(
    "text", [f"email,name\n{SUBSCRIBER},Anna\n", f"Email Address;First Name\n{SUBSCRIBER};Anna\n"]
)
def test_a_list_of_subscribers(root: Path, run: Run, text: str) -> None:
    (root / "list.csv").write_text(text, encoding="utf-8")

    assert "newsletter subscribers import" in refused(run, root / "list.csv")
    inside = zipped(root / "list.zip", {"subscribed_members_export.csv": text})
    assert "newsletter subscribers import" in refused(run, inside)


def test_a_zip_in_a_zip(root: Path, run: Run) -> None:
    path = zipped(root / "export.zip", {"export.zip": zip_bytes(SUBSTACK)})

    assert "another ZIP file" in refused(run, path)


def test_names_that_lead_elsewhere_and_links(root: Path, run: Run) -> None:
    secret = root / "geheim.html"
    secret.write_text("<p>Een geheim.</p>", encoding="utf-8")
    path = root / "export.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("posts.csv", substack(LETTER, {})["posts.csv"])
        link = zipfile.ZipInfo("posts/1.rust.html")
        link.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(link, str(secret))
        archive.writestr("../../buiten.html", "<p>x</p>")
        archive.writestr("/etc/buiten.html", "<p>x</p>")
        archive.writestr("..\\buiten.html", "<p>x</p>")

    assert report(run, path)["reasons"] == {"its text is not in the export": 1}
    folder = unpacked(root / "map", {"posts.csv": substack(LETTER, {})["posts.csv"]})
    (folder / "posts").mkdir()
    (folder / "posts/1.rust.html").symlink_to(secret)
    assert report(run, folder)["reasons"] == {"its text is not in the export": 1}
    assert not (root.parent / "buiten.html").exists()


def test_a_bomb_fills_neither_disk_nor_memory(root: Path, run: Run) -> None:
    path = root / "export.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("posts.csv", substack(LETTER * 2, {})["posts.csv"])
        with archive.open("posts/1.rust.html", "w") as file:
            for _ in range(512):
                file.write(b"<p>" + b" " * (1 << 20))

    done = run("archive", "import", path, "--json", before=[_little_memory])

    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["reasons"] == {"it is larger than 4 MB": 2}


def _little_memory() -> None:
    resource.setrlimit(resource.RLIMIT_DATA, (512 << 20, 512 << 20))


def test_a_zip_with_too_many_files(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = zipped(root / "export.zip", {f"{n}.html": "" for n in range(30)})
    monkeypatch.setattr(export_file, "MOST_FILES", 20)

    with (
        pytest.raises(NewsletterError, match="more than 20 files"),
        export_file.open_export(path),
    ):
        pass


def test_a_zip_whose_list_of_files_is_huge(root: Path, run: Run) -> None:
    path = root / "export.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for number in range(400):
            entry = zipfile.ZipInfo(f"{number}.html")
            entry.comment = b"x" * 60_000
            archive.writestr(entry, "")

    assert "damaged, or holds too much" in refused(run, path)


def test_a_zip_with_a_password_or_damage(root: Path, run: Run) -> None:
    whole = bytearray(zip_bytes(SUBSTACK))
    protected = bytearray(whole)
    for at in (protected.find(b"PK\x03\x04") + 6, protected.find(b"PK\x01\x02") + 8):
        protected[at] |= 1
    (root / "slot.zip").write_bytes(protected)
    assert "password" in refused(run, root / "slot.zip")

    with zipfile.ZipFile(root / "heel.zip", "w") as archive:  # stored, so that its bytes are plain
        for name, data in substack(LETTER, {"1.rust": "<p>Een hele zin over rust.</p>"}).items():
            archive.writestr(name, data)
    damaged = (root / "heel.zip").read_bytes().replace(b"hele zin", b"halve zi")
    (root / "heel.zip").write_bytes(damaged)
    assert report(run, root / "heel.zip")["reasons"] == {"it is damaged in the ZIP file": 1}


def test_texts_in_other_encodings(root: Path, run: Run) -> None:
    html = "<p>Één café, en ’s avonds niets.</p>"
    for number, encoding in enumerate(("utf-8-sig", "utf-16", "cp1252"), start=1):
        rows = f"{number}.rust,2021-03-0{number}T06:30:00.000Z,true,,,newsletter,everyone,Cafés,,\n"
        files = {
            "posts.csv": str(substack(rows, {})["posts.csv"]).encode(encoding),
            f"posts/{number}.rust.html": html.encode(encoding),
        }
        assert report(run, zipped(root / "export.zip", files))["added"] == 1
    store = open_store(config.load(root))
    with store.read() as connection:
        found = editions.published(connection, rehearsals=False)
    assert {one.edition.subject for one in found} == {"Cafés"}
    assert all("Één café, en ’s avonds niets." in repr(one.edition.blocks) for one in found)


def test_what_is_in_markup_and_no_text(root: Path, run: Run) -> None:
    html = (
        "<style>p{}</style><script>document.write('<p>erbij</p>')</script><p onclick='x()'>Een zin."
        "</p><svg><script>1</script></svg><a href='javascript:alert(1)'>klik</a><object data='x'>"
        "</object><p>&lt;script&gt;alert(2)&lt;/script&gt;</p><form><input name=email></form>"
        "<p>a\u202eb\ufffdc\x00d</p>"
    )
    report(run, zipped(root / "export.zip", substack(LETTER, {"1.rust": html})))

    store = open_store(config.load(root))
    with store.read() as connection:
        (found,) = editions.published(connection, rehearsals=False)
    shown = [block.body.html for block in found.edition.blocks]  # type: ignore[union-attr]
    assert shown == ["Een zin.", "klik", "&lt;script&gt;alert(2)&lt;/script&gt;", "ab?cd"]


def test_odd_rows(root: Path, run: Run) -> None:
    rows = (
        "1.a,gisteren,true,,,newsletter,everyone,Zonder dag,,\n"
        "2.b,2099-01-01T00:00:00Z,true,,,newsletter,everyone,Nog niet,,\n"
        "3.c,1999-01-01T00:00:00Z,true,,,newsletter,everyone,Te vroeg,,\n"
        "4.d,2021-03-04T06:30:00.000Z,true,,,newsletter,everyone,,,\n"
        "5.e,2021-03-04T06:30:00.000Z,true,,,newsletter,everyone,Leeg,,\n"
        f"6.f,2021-03-04T06:30:00.000Z,false,,,newsletter,everyone,Voor {SUBSCRIBER},,\n"
        f"7.g,2021-03-04T06:30:00.000Z,true,,,newsletter,everyone,{'Lang ' * 90},{'ook ' * 90},\n"
        "8.h\n"
        ",,,,,,,,,,,,,,\n"
    )
    posts = {
        **dict.fromkeys(("1.a", "2.b", "3.c", "4.d"), "<p>Een zin.</p>"),
        "5.e": "<p> &nbsp;</p><img src='x.gif' width=1>",
        "7.g": "<p>Een zin.</p>",
    }

    said = report(run, zipped(root / "export.zip", substack(rows, posts)))

    assert (said["rows"], said["added"]) == (9, 1)
    assert said["reasons"] == {
        "not sent": 4,
        "its date is missing, or cannot be read": 1,
        "its date is not of this century": 1,
        "it has no title": 1,
        "there is no text in it": 1,
    }
    assert {"name": "Voor …", "reason": "not sent"} in said["rejected"]


def test_tables_of_ghost_that_are_not_as_they_should_be(root: Path, run: Run) -> None:
    posts: list[Any] = [
        ghost_post(1, title=7, slug=None, html=["x"]),
        ghost_post(2, published_at=1_577_836_800_000),
        ghost_post(3, html=None, lexical="{", title="Kapot"),
        ghost_post(4, html=None, lexical=json.dumps({"root": {"children": [7, {"type": 3}]}})),
        ghost_post(5, published_at=True),
        ghost_post(6, published_at=10**40),
        "geen rij",
    ]
    (root / "ghost.json").write_text(ghost(*posts, tags=[], posts_tags=[]), encoding="utf-8")

    said = report(run, root / "ghost.json")

    assert (said["rows"], said["added"]) == (6, 1)
    assert slugs(root) == {"2020-01-01-brief-2"}
    assert {"name": "Kapot", "reason": "its text is damaged in the export"} in said["rejected"]


def test_pages_of_the_campaign_archive_need_a_date(root: Path, run: Run) -> None:
    page = mailchimp_page("<p>Een zin.</p>").replace("*|MC:SUBJECT|*", "De fiets")
    folder = unpacked(
        root / "pages", {"2019-05-19-fiets.html": page, "agenda.html": page.replace("zin", "dag")}
    )

    said = report(run, folder)

    assert slugs(root) == {"2019-05-19-de-fiets"}
    ((reason, count),) = said["reasons"].items()
    assert (reason.partition(":")[0], count) == ("its date is missing, or cannot be read", 1)


def test_titles_that_may_be_anyones_are_not_guessed(root: Path, run: Run) -> None:
    files = dict(MAILCHIMP)
    del files["1234567/abcdef0123/campaigns_content/5000200_-brief-13-.html"]

    said = report(run, zipped(root / "export.zip", files))

    assert said["reasons"] == {"its text is not in the export": 2, "not sent": 2}


def test_texts_that_would_take_a_parser_hours(root: Path, run: Run) -> None:
    days = [f"2021-03-{day:02d}" for day in range(1, 6)]
    posts = {
        "1.a": "<div>" * 300_000,
        "2.b": "<table><tr><td>" * 200_000,
        "3.c": "<figure><img src=x>" + "<figcaption>" * 300_000,
        "4.d": "<p>" + "{% else %}a" * 100_000,
        "5.e": "<p>" + "a<span></span>" * 100_000,
    }
    rows = "".join(
        f"{post},{day}T06:30:00.000Z,true,,,newsletter,everyone,Rust,,\n"
        for post, day in zip(posts, days, strict=True)
    )

    said = report(run, zipped(root / "export.zip", substack(rows, posts)))

    assert said["added"] == 2
    assert said["reasons"] == {"its markup has elements within elements, 5,000 deep": 3}
    markdown = {**BUTTONDOWN, "emails/de-gewone-dag.md": "![" * 200_000}
    said = report(run, zipped(root / "export.zip", markdown))
    assert said["reasons"] == {"its text is longer than that of any letter": 1}


def test_all_of_an_export_or_nothing(root: Path, run: Run) -> None:
    open_store(config.load(root)).close()
    with raw(root / ".newsletter/newsletter.db") as connection:
        connection.execute(
            "CREATE TRIGGER full BEFORE INSERT ON editions WHEN NEW.slug LIKE '%gewone-dag'"
            " BEGIN SELECT RAISE(ABORT, 'no room'); END"
        )

    done = run("archive", "import", zipped(root / "export.zip", BUTTONDOWN))

    assert done.returncode != 0
    assert slugs(root) == set()


def test_an_imported_letter_is_never_sent(root: Path, run: Run) -> None:
    newsletter = Newsletter(root, subscribers=2)
    day = f"{newsletter.slug[:10]}"
    (root / "issues" / "2021-03-04-rust.md").write_text(
        "---\nsubject: Rust\n---\nEen zin.\n", encoding="utf-8"
    )
    report(run, zipped(root / "export.zip", substack(LETTER, {"1.rust": "<p>Een zin.</p>"})))

    slug = "2021-03-04-rust"
    named = f"{slug} is an imported letter: it is in the archive only, and cannot be corrected"
    for command in (("status", slug), ("erratum", slug, "--mail", "--yes")):
        done = run(*command)
        assert (done.returncode, done.stdout) == (1, ""), done
        assert named in done.stderr
    for command in (("send", slug, "--late", "--yes"), ("rehearse", slug)):
        done = run(*command)
        assert done.returncode == 1, done
        assert "already in the archive as an imported letter" in done.stderr
    status = json.loads(run("status", "--json").stdout)
    states = {one["issue"]: (one["state"], one["why"]) for one in status["issues"]}
    assert states["2021-03-04-rust"] == (
        "ignored",
        "it is already in the archive as an imported letter",
    )
    assert states[f"{day}-rust"][0] != "ignored"
    (root / "issues" / f"{slug}.md").unlink()
    for command in (("status", slug), ("erratum", slug), ("pause", slug), ("send", slug, "--yes")):
        done = run(*command)
        assert (done.returncode, done.stdout) == (1, ""), done
        assert named in done.stderr
        assert f"newsletter withdraw {slug}" in done.stderr
    assert "there is no issue" in run("status", "2021-03-04-rus").stderr


def test_an_issue_of_the_same_name_stays(root: Path, run: Run) -> None:
    newsletter = Newsletter(root, subscribers=1)
    assert run("send", newsletter.slug, "--early").returncode == 0  # a rehearsal

    rows = LETTER.replace("2021-03-04", "2021-03-05")
    said = report(run, zipped(root / "export.zip", substack(rows, {"1.rust": "<p>Een zin.</p>"})))
    assert said["added"] == 1
    with newsletter.store.write() as connection:
        (own,) = editions.published(connection, rehearsals=True, slugs=[newsletter.slug])
        assert not own.edition.imported_from
