"""The project keeps its own promises: locks, documents, a quick `--help`."""

from __future__ import annotations

import re
import runpy
import subprocess
import sys
import tomllib
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING

import click
import pytest

import newsletter
from newsletter import render
from newsletter.cli import main
from newsletter.config import Settings
from newsletter.errors import NewsletterError

if TYPE_CHECKING:
    from collections.abc import Iterator

PROJECT = Path(__file__).parents[3]
PYPROJECT = tomllib.loads((PROJECT / "pyproject.toml").read_text(encoding="utf-8"))
DEPENDENCIES = [re.split(r"[<>=~!\[;]", line)[0] for line in PYPROJECT["project"]["dependencies"]]
DOCUMENTS = (PROJECT / "README.md", *sorted((PROJECT / "docs").glob("*.md")))
NOT_IN_THE_FILE = {"root", "origin", "file_hash", "database_url", "secret_keys", "credentials"}
HOSTS = ("pypi" + ".org", "pythonhosted" + ".org", "npmjs" + ".org", "npmjs" + ".com")


def documents() -> str:
    return "\n".join(path.read_text(encoding="utf-8") for path in DOCUMENTS)


def pins(lock: str) -> dict[str, str]:
    """Return what each requirement of a lock says after its name, hashes included."""
    text = (PROJECT / lock).read_text(encoding="utf-8")
    return dict(block.split("==", 1) for block in re.split(r"\n(?=\S)", text.strip()))


def wanted(group: str) -> Iterator[str]:
    for entry in PYPROJECT["dependency-groups"][group]:
        if isinstance(entry, dict):
            yield from wanted(entry["include-group"])
        else:
            yield re.split(r"[<>=~!\[;]", entry)[0]


def commands(group: click.Group, *before: str) -> Iterator[tuple[str, click.Command]]:
    """Yield every command with its name as it is typed, those of groups too."""
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command
        if isinstance(command, click.Group):
            yield from commands(command, *before, name)
        else:
            yield " ".join((*before, name)), command


def files_of_the_project() -> list[Path]:
    if not (PROJECT / ".git").exists():
        folders = ("newsletter", "templates", "issues", "tests", "docs", "benchmarks", ".github")
        return [path for folder in folders for path in (PROJECT / folder).rglob("*")]
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=PROJECT,
        capture_output=True,
        encoding="utf-8",
        check=True,
    )
    return [PROJECT / name for name in listed.stdout.split("\0")]


@pytest.mark.parametrize("lock", ["requirements.txt", "requirements-dev.txt"])
def test_a_lock_names_no_address_and_hashes_every_requirement(lock: str) -> None:
    assert "://" not in (PROJECT / lock).read_text(encoding="utf-8")
    assert len(pins(lock)) > len(DEPENDENCIES)
    assert [name for name, pin in pins(lock).items() if "--hash=sha256:" not in pin] == []


def test_every_dependency_is_locked() -> None:
    assert {*DEPENDENCIES, *wanted("build")} - pins("requirements.txt").keys() == set()
    assert {*DEPENDENCIES, *wanted("dev")} - pins("requirements-dev.txt").keys() == set()


def test_development_runs_on_the_same_versions_as_the_program() -> None:
    assert pins("requirements.txt").items() <= pins("requirements-dev.txt").items()


def test_the_version_is_the_same_everywhere() -> None:
    version = PYPROJECT["project"]["version"]
    assert newsletter.__version__ == version
    assert f"## [{version}]" in (PROJECT / "CHANGELOG.md").read_text(encoding="utf-8")


def test_help_imports_nothing_slow() -> None:
    script = "from newsletter.cli import main; main()"
    asked = subprocess.run(
        [sys.executable, "-X", "importtime", "-c", script, "--help"],
        capture_output=True,
        encoding="utf-8",
        check=True,
    )
    imported = set(re.findall(r"\| +([\w.]+)$", asked.stderr, re.MULTILINE))
    assert "click" in imported
    assert imported & {"mjml", "sqlalchemy", "alembic", "jinja2", "rich"} == set()


def test_the_web_app_starts_without_what_only_authors_and_providers_need() -> None:
    script = "import sys, newsletter.web, newsletter.cli.serve; print(*sys.modules, sep='\\n')"
    asked = subprocess.check_output([sys.executable, "-c", script], encoding="utf-8").splitlines()
    assert "starlette.applications" in asked
    authors = {
        "newsletter.content",
        "newsletter.checks",
        "newsletter.imports",
        "markdown_it",
        "nh3",
    }
    providers = {"httpx", "botocore", "cryptography", "dns", "rich"}
    assert set(asked) & (authors | providers) == set()


def test_the_readme_says_why_each_dependency_is_there() -> None:
    readme = (PROJECT / "README.md").read_text(encoding="utf-8")
    (table,) = re.findall(
        r"^\| package \| why \|\n\|---\|---\|\n((?:\|.+\|\n)+)", readme, re.MULTILINE
    )
    cells = [line.split("|")[1] for line in table.splitlines()]
    explained = [name.strip() for cell in cells for name in cell.split(",")]
    assert sorted(explained) == sorted(DEPENDENCIES)


def test_every_command_is_documented() -> None:
    text = documents()
    names = [name for name, _ in commands(main)]
    found = {name: re.search(rf"(newsletter |\./dev |`){name}\b", text) for name in names}
    assert len(found) > len(main.list_commands(click.Context(main)))
    assert [name for name, match in found.items() if not match] == []


def test_every_setting_is_documented() -> None:
    keys = {f.name for f in fields(Settings)} - NOT_IN_THE_FILE
    documented = set(re.findall(r"(?:`|^)(\w+)\b", documents(), re.MULTILINE))
    assert keys - documented == set()


def test_every_option_is_documented() -> None:
    text = documents()
    options = {
        f"{name} {option}": option
        for name, command in commands(main)
        for parameter in command.params
        for option in (*parameter.opts, *parameter.secondary_opts)
        if option.startswith("--")
    }
    assert len(options) > 60
    missing = [
        asked
        for asked, option in options.items()
        if not re.search(rf"(?<![\w-]){option}(?![\w-])", text)
    ]
    assert missing == []


def test_every_variable_that_the_program_reads_is_documented() -> None:
    source = "\n".join(
        p.read_text(encoding="utf-8") for p in (PROJECT / "newsletter").rglob("*.py")
    )
    own = r"(?:NEWSLETTER|RESEND|LETTERMINT|MAILGUN|AWS|SES)_[A-Z_]+"
    others = r"(?:GITHUB|GITLAB|CI|SSL|HTTP|HTTPS)_[A-Z0-9_]+"
    variables = set(re.findall(rf"\b{own}\b", source)) | set(re.findall(rf"\b({others})\b", source))
    assert {"NEWSLETTER_SECRET_KEY", "GITHUB_TOKEN"} <= variables
    documented = set(re.findall(rf"`({own}|{others})`", documents()))
    assert variables - documented == set()


def test_every_exit_code_is_documented() -> None:
    def kinds(error: type[NewsletterError]) -> Iterator[type[NewsletterError]]:
        yield error
        for one in error.__subclasses__():
            yield from kinds(one)

    ours = {error.exit_code for error in kinds(NewsletterError)}
    page = (PROJECT / "docs" / "sending.md").read_text(encoding="utf-8")
    table = page.split("## Exit codes")[1].split("\n\n")[1]
    documented = {int(code) for code in re.findall(r"^\| (\d+) \|", table, re.MULTILINE)}
    assert documented == ours | {0, click.UsageError.exit_code}
    asked = click.Context(main).command.get_help(click.Context(main))
    assert [code for code in documented if not re.search(rf"\b{code} [a-z]", asked)] == []


def test_no_file_names_a_package_registry() -> None:
    texts = {
        path: path.read_bytes().decode("utf-8", "replace")
        for path in files_of_the_project()
        if path.is_file()
    }
    assert len(texts) > len(DOCUMENTS)
    assert [path for path, text in texts.items() if any(host in text for host in HOSTS)] == []


def test_the_sign_up_form_in_the_documents_is_the_one_that_is_printed() -> None:
    settings = Settings(
        root=PROJECT, name="Jij en Loslaten", public_url="https://brief.example.org"
    )
    page = (PROJECT / "docs" / "signup-and-preferences.md").read_text(encoding="utf-8")
    assert f"```html\n{render.form(settings)}```\n" in page


def test_every_sample_is_a_draft_so_that_no_copy_of_the_project_mails_it() -> None:
    samples = sorted((PROJECT / "issues").glob("*.md"))
    fronts = [path.read_text(encoding="utf-8").split("\n---\n")[0] for path in samples]
    assert fronts
    assert [front for front in fronts if "draft: yes" not in front.splitlines()] == []


def test_the_project_has_no_settings_of_its_own_in_the_way_of_an_author_s() -> None:
    assert "newsletter" not in PYPROJECT["tool"]
    assert not (PROJECT / "newsletter.toml").exists()


def test_every_picture_is_small_shown_and_made_by_the_script() -> None:
    script = (PROJECT / "docs" / "picture.py").read_text(encoding="utf-8")
    pictures = {path.name: path.stat().st_size for path in (PROJECT / "docs").glob("*.png")}
    assert set(re.findall(r'"(\w+\.png)"', script)) == pictures.keys()
    assert set(re.findall(r"!\[.+\]\((?:docs/)?(\w+\.png)\)", documents())) == pictures.keys()
    assert max(pictures.values()) < 300_000


def test_the_script_of_the_pictures_renders_what_they_show() -> None:
    script = runpy.run_path(str(PROJECT / "docs" / "picture.py"))
    shown = script["all_views"]()
    assert {name: len(views) for name, views in shown.items()} == {
        "archive.png": 2,
        "letter.png": 2,
        "signup.png": 3,
    }
    assert all("<html" in view.html for views in shown.values() for view in views)


def test_the_script_of_the_pictures_says_what_it_lacks() -> None:
    script = PROJECT / "docs" / "picture.py"
    code = f"import sys, runpy; sys.modules['playwright'] = None; runpy.run_path({str(script)!r})"
    asked = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, encoding="utf-8", check=False
    )
    assert asked.returncode == 1
    assert "./dev test --collect-only" in asked.stderr
