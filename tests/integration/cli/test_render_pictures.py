"""`render --pictures` and `render --changed-since`."""

from __future__ import annotations

import json
import os
import shutil
import struct
import subprocess
import threading
import zlib
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import TYPE_CHECKING

import PIL.Image
import pytest

from newsletter.desk.pictures import take_pictures
from tests.support import browser
from tests.support.issues import SAMPLES
from tests.support.newsletter import is_one_error

if TYPE_CHECKING:
    from collections.abc import Iterator

Run = "Callable[..., subprocess.CompletedProcess[str]]"
SLUG = SAMPLES[0].stem
VIEWS = ("phone-light", "phone-dark", "desktop-light", "desktop-dark")


@pytest.fixture
def chrome(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the browser of the tests be found, also where playwright fetched it."""
    found = browser.on_path()
    if not found:
        folder = browser.fetched()
        assert folder, browser.HINT
        found = next(str(path) for path in folder.rglob("*headless*shell") if path.is_file())
    folder = tmp_path_factory.mktemp("bin")
    (folder / "google-chrome-stable").symlink_to(found)
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")


def size(picture: Path) -> tuple[int, int]:
    width, height = struct.unpack(">II", picture.read_bytes()[16:24])
    return width, height


def first_pixel(picture: Path) -> tuple[int, ...]:
    """Return the colour in the upper left corner, which every filter of PNG leaves as it is."""
    data, at, packed = picture.read_bytes(), 8, b""
    while at < len(data):
        length, kind = struct.unpack(">I4s", data[at : at + 8])
        packed += data[at + 8 : at + 8 + length] if kind == b"IDAT" else b""
        at += 12 + length
    return tuple(zlib.decompress(packed)[1:4])


@pytest.mark.usefixtures("chrome")
def test_a_letter_is_shown_on_phone_and_desktop_light_and_dark(root: Path, run: Run) -> None:
    shutil.copy(SAMPLES[0], root / "issues")
    done = run("render", SLUG, "--pictures", "--out", root / "out", "--json")
    assert done.returncode == 0, done.stderr
    files = [Path(name) for name in json.loads(done.stdout)["files"]]
    pictures = [root / "out" / f"{SLUG}-{view}.png" for view in VIEWS]
    assert files[3:] == pictures
    sizes = [size(picture) for picture in pictures]
    assert [width for width, _ in sizes] == [500, 500, 800, 800]
    assert sizes[0][1] > sizes[2][1] > 800, "the narrow letter is the longer one"
    assert min(first_pixel(pictures[2])) > 200
    assert max(first_pixel(pictures[3])) < 60


@pytest.fixture
def visits() -> Iterator[tuple[str, list[str]]]:
    """Serve anything; return the URL, and the list of what was fetched."""
    seen: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            seen.append(self.path)
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}", seen
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.mark.usefixtures("chrome")
def test_pictures_fetch_nothing_and_run_no_script(
    tmp_path: Path, visits: tuple[str, list[str]]
) -> None:
    url, seen = visits
    letter = tmp_path / "x.html"
    letter.write_text(
        f'<link rel="stylesheet" href="{url}/style"><p style="height: 50px">Rust</p>'
        f'<img src="{url}/picture"><iframe src="{url}/frame"></iframe>'
        f'<script>fetch("{url}/fetched"); document.body.style.height = "9000px"</script>'
        f'<script>parent.document.title = "[[1, true]]"</script></iframe>"\'&lt;',
        encoding="utf-8",
    )
    pictures = take_pictures(letter)
    assert [size(picture)[1] < 1_000 for picture in pictures] == [True] * 4
    assert seen == []
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(
        ["x.html", *(f"x-{view}.png" for view in VIEWS)]
    )


def test_without_a_browser_it_says_what_to_install(root: Path, run: Run) -> None:
    shutil.copy(SAMPLES[0], root / "issues")
    done = run("render", SLUG, "--pictures", env={"PATH": str(root)})
    assert done.returncode == 1
    assert is_one_error(done.stderr)
    assert "apt-get install chromium" in done.stderr


OLD = "<title>[[100,false],[100,false],[100,false],[100,false]]</title>"
BROWSERS = {
    "broken": "echo 'No usable sandbox!' >&2; exit 1",
    "silent": "exit 0",
    "garbage": "echo '<title>[[1,2</title>'",
    "old": f"echo '{OLD}'",
    "hanging": "exec sleep 60",
    "no program": "",
}


@pytest.mark.parametrize("name", BROWSERS)
def test_a_browser_that_fails_is_one_error(root: Path, run: Run, name: str) -> None:
    shutil.copy(SAMPLES[0], root / "issues")
    (root / "bin").mkdir()
    program = root / "bin" / "google-chrome-stable"
    program.write_text(f"#!/bin/sh\n{BROWSERS[name]}\n" if BROWSERS[name] else "\0", "utf-8")
    program.chmod(0o755)
    environment = {"PATH": f"{root / 'bin'}:{os.environ['PATH']}"}
    quick = {"newsletter.desk.pictures._SECONDS": 0.5} if name == "hanging" else {}
    done = run("render", SLUG, "--pictures", env=environment, constants=quick)
    assert done.returncode == 1
    assert is_one_error(done.stderr), done.stderr


# What changed


def git(root: Path, *arguments: str) -> str:
    who = ["-c", "user.name=Anna", "-c", "user.email=anna@example.org"]
    return subprocess.check_output(["git", *who, *arguments], cwd=root, encoding="utf-8").strip()


def commit(root: Path, files: dict[str, str | None]) -> str:
    """Commit files; return the commit before."""
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        if text is None:
            (root / name).unlink()
        else:
            (root / name).write_text(text, encoding="utf-8")
    git(root, "add", ".")
    git(root, "commit", "-qm", "more")
    return git(root, "rev-parse", "HEAD~1")


def issue(day: int, text: str = "Een zin.") -> tuple[str, str]:
    return f"issues/2026-12-{day:02}-x.md", f"---\nsubject: Over {day}\n---\n{text} {day}\n"


@pytest.fixture
def repository(root: Path) -> Path:
    (root / ".gitignore").write_text(".newsletter/\nout/\n", encoding="utf-8")
    git(root, "init", "-q")
    git(root, "add", ".")
    git(root, "commit", "-qm", "first")
    commit(root, dict(issue(day) for day in range(1, 13)))
    return root


def rendered(root: Path, run: Run, since: str, *, code: int = 0) -> list[int]:
    done = run("render", "--changed-since", since, "--out", root / "out", "--json")
    assert done.returncode == code, done.stderr
    return [int(one["issue"][8:10]) for one in json.loads(done.stdout)]


def test_only_what_changed_is_rendered(repository: Path, run: Run) -> None:
    changes = [issue(2, "Anders."), issue(13), (issue(4)[0], None), ("README.md", "x")]
    before = commit(repository, dict(changes))
    assert rendered(repository, run, before) == [2, 13]


def test_nothing_changed_is_said(repository: Path, run: Run) -> None:
    before = commit(repository, {"README.md": "x"})
    done = run("render", "--changed-since", before)
    assert (done.returncode, done.stdout) == (0, f"No issue changed since {before}.\n")


def draw(path: Path, colour: str) -> None:
    path.parent.mkdir(exist_ok=True)
    PIL.Image.new("RGB", (40, 20), colour).save(path)


@pytest.fixture
def illustrated(repository: Path) -> Path:
    """Return a repository in which issue 4 shows a picture beside it and issue 5 one elsewhere."""
    for name in ("issues/Café 1.png", "foto/pad.png", "foto/los.png", "logo.png", "anna.png"):
        draw(repository / name, "green")
    (repository / "foto" / "weg.png").symlink_to("pad.png")
    settings = 'name = "X"\nlogo = "logo.png"\nportrait = "anna.png"\n'
    pictures = {2: "![Een pad](weg.png)", 4: "![Een café](Caf%C3%A9%201.png)"}
    texts = dict(issue(day, f"Een zin.\n\n{one}\n\nZin") for day, one in pictures.items())
    texts |= dict([issue(5, "Een zin.\n\n![Een pad](/foto/pad.png)\n\nZin")])
    texts = {name: one.replace("(weg.png)", "(/foto/weg.png)") for name, one in texts.items()}
    commit(repository, {"newsletter.toml": settings, **texts})
    return repository


@pytest.mark.parametrize(
    ("name", "days"),
    [
        ("issues/Café 1.png", [4]),
        ("foto/pad.png", [2, 5]),
        ("foto/los.png", []),
        ("logo.png", [*range(3, 13)]),
        ("anna.png", [*range(3, 13)]),
    ],
)
def test_a_picture_alone_that_changed_renders_the_letters_that_show_it(
    illustrated: Path, run: Run, name: str, days: list[int]
) -> None:
    draw(illustrated / name, "red")
    before = commit(illustrated, {})
    assert rendered(illustrated, run, before) == days


def test_the_line_of_a_letter_whose_picture_changed_is_on_the_page(
    illustrated: Path, run: Run, tmp_path: Path
) -> None:
    toml = illustrated / "newsletter.toml"
    commit(illustrated, {"newsletter.toml": toml.read_text(encoding="utf-8") + "approval='main'\n"})
    draw(illustrated / "issues" / "Café 1.png", "red")
    before = commit(illustrated, {})
    page = tmp_path / "page.md"
    run("render", "--changed-since", before, env={"GITHUB_STEP_SUMMARY": str(page)})
    assert "Newsletter-Approved: 2026-12-04-x " in page.read_text(encoding="utf-8")


def test_a_picture_that_is_gone_renders_the_letter_that_showed_it(
    illustrated: Path, run: Run
) -> None:
    before = commit(illustrated, {"issues/Café 1.png": None})
    assert "2026-12-04-x" in run("render", "--changed-since", before).stderr


VERSIONS = [
    "newsletter-install/newsletter.txt",
    "newsletter-install/newsletter-1.0-py3-none-any.whl",
    "requirements.txt",
    "requirements-newsletter.txt",
    "uv.lock",
    "poetry.lock",
    "pylock.toml",
    ".github/workflows/send.yml",
    ".forgejo/workflows/send.yml",
    ".gitlab-ci.yml",
]


@pytest.mark.parametrize("name", VERSIONS)
def test_another_version_of_the_program_renders_the_newest(
    repository: Path, run: Run, name: str
) -> None:
    before = commit(repository, {name: "x", **dict([issue(1, "Anders.")])})
    assert rendered(repository, run, before) == [1, *range(3, 13)]


def test_a_workflow_above_the_folder_of_the_newsletter_renders_the_newest(
    repository: Path, run: Run
) -> None:
    shutil.copytree(repository / "issues", repository / "brief" / "issues")
    (repository / "brief" / "newsletter.toml").write_text('name = "X"\n', encoding="utf-8")
    commit(repository, {})
    before = commit(repository, {".github/workflows/send.yml": "x"})
    done = run("render", "--changed-since", before, "--json", cwd=repository / "brief")
    assert len(json.loads(done.stdout)) == 10


@pytest.mark.parametrize("name", ["templates/style.css.j2", "newsletter.toml", "pyproject.toml"])
def test_what_every_letter_has_in_it_renders_the_newest(
    repository: Path, run: Run, name: str
) -> None:
    text = {"templates/style.css.j2": "p { color: red }", "newsletter.toml": 'name = "Y"\n'}
    before = commit(repository, {name: text.get(name, "")})
    assert rendered(repository, run, before) == [*range(3, 13)]


@pytest.mark.parametrize(
    "since", ["0" * 40, "", "no-such-branch", "--output=x", "HEAD^{tree}", "a\nb", "é" * 300]
)
def test_a_commit_that_git_does_not_know_renders_the_newest(
    repository: Path, run: Run, since: str
) -> None:
    assert rendered(repository, run, since) == [*range(3, 13)]
    assert not (repository / "x").exists()


def test_without_git_the_newest_are_rendered(root: Path, run: Run) -> None:
    name, text = issue(1)
    (root / name).write_text(text, encoding="utf-8")
    assert rendered(root, run, "HEAD") == [1]


def test_a_newsletter_in_a_folder_of_a_repository_is_compared(repository: Path, run: Run) -> None:
    shutil.copytree(repository / "issues", repository / "brief" / "issues")
    (repository / "brief" / "newsletter.toml").write_text('name = "X"\n', encoding="utf-8")
    commit(repository, {})
    name, text = issue(7, "Anders.")
    before = commit(repository, {f"brief/{name}": text, "templates/x": "x"})
    done = run("render", "--changed-since", before, "--json", cwd=repository / "brief")
    assert [one["issue"] for one in json.loads(done.stdout)] == ["2026-12-07-x"]


def test_a_branch_is_compared_with_where_it_began(repository: Path, run: Run) -> None:
    git(repository, "checkout", "-qb", "other")
    commit(repository, dict([issue(9, "Op de tak.")]))
    git(repository, "checkout", "-q", "-")
    commit(repository, dict([issue(3, "Op de stam.")]))
    trunk = git(repository, "rev-parse", "HEAD")
    git(repository, "checkout", "-q", "other")
    assert rendered(repository, run, trunk) == [9]


def test_an_issue_with_errors_stops_no_other(repository: Path, run: Run) -> None:
    before = commit(repository, dict([(issue(2)[0], "---\nsubjct: x\n---\n"), issue(13)]))
    assert rendered(repository, run, before, code=1) == [13]


def test_either_an_issue_or_a_commit(repository: Path, run: Run) -> None:
    assert run("render").returncode == 2
    assert run("render", "2026-12-01-x", "--changed-since", "HEAD").returncode == 2
    assert repository.exists()
