"""The documents are true where a test can check it: links, paths, commands, words, hooks."""

from __future__ import annotations

import re
import shlex
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING

import click
import pytest
import yaml

from newsletter.cli import main
from newsletter.model import DeliveryState, MailingState, SubscriberStatus

if TYPE_CHECKING:
    from collections.abc import Iterator

PROJECT = Path(__file__).parents[2]
DOCS = PROJECT / "docs"
DECISIONS = sorted((DOCS / "decisions").glob("0*.md"))
PAGES = (
    *(PROJECT / name for name in ("README.md", "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md")),
    PROJECT / "benchmarks" / "README.md",
    *sorted(DOCS.rglob("*.md")),
)
FENCE = re.compile(r"^( *)```(\w*)\n(.*?)^\1```", re.DOTALL | re.MULTILINE)
OUR_FOLDERS = ("newsletter", "tests", "templates", "docs", "benchmarks", ".github", ".ci")
WIDEST = 110
WIDEST_ROW = 150
EXAMPLE = "letterbox"
"""The provider that docs/providers.md invents."""
LONGEST_README = 200
LONGEST_DECISION = 60


def name(page: Path) -> str:
    return page.relative_to(PROJECT).as_posix()


def text(page: Path) -> str:
    return page.read_text(encoding="utf-8")


def exists(path: Path) -> bool:
    """Say whether a page may name this path: a module also without its suffix."""
    return path.exists() or path.with_name(f"{path.name}.py").exists()


def prose(page: Path) -> str:
    return FENCE.sub("", text(page))


def quoted(page: Path) -> list[str]:
    """Return what a page quotes in backticks, within its prose."""
    return re.findall(r"`([^`\n]+)`", prose(page))


def anchors(page: Path) -> set[str]:
    """Return the anchors of a page, as the forge makes them of its headings."""
    headings = re.findall(r"^#+ (.+)$", prose(page), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def links(page: Path) -> Iterator[tuple[str, str]]:
    """Yield each link to a file or heading of ours, as a path and an anchor."""
    for link in re.findall(r"\]\((?!https?:)([^)\s]+)\)", re.sub(r"`[^`\n]*`", "", prose(page))):
        path, _, anchor = link.partition("#")
        yield path, anchor


def commands(page: Path) -> Iterator[list[str]]:
    """Yield each command of the program that a page shows, as its arguments."""
    fences = [body for _, kind, body in FENCE.findall(text(page)) if kind in {"sh", "console", ""}]
    lines = [line.strip().removeprefix("$ ") for fence in fences for line in fence.splitlines()]
    for line in (*lines, *quoted(page)):
        found = re.match(r"(?:\./dev|newsletter) ([a-z][a-z-]*\b.*)", line)
        if found and not re.search(r"[\[|…]|\.\.\.", found[1]):
            yield shlex.split(found[1].split(">")[0], comments=True)


def understood(arguments: list[str]) -> bool:
    """Say whether these words name a command of the program, and none of its options wrongly."""
    group: click.Group = main
    words = list(arguments)
    while words and not words[0].startswith("-"):
        _, command, words = group.resolve_command(click.Context(group), words)
        if command is None:
            return False
        if not isinstance(command, click.Group):
            options = [word.split("=")[0] for word in words if word.startswith("--")]
            known = {opt for one in command.params for opt in (*one.opts, *one.secondary_opts)}
            return set(options) <= {*known, "--help"}
        group = command
    return True


def of_the_script(arguments: list[str]) -> bool:
    """Say whether `./dev` itself knows this command."""
    return (
        re.search(rf"^{re.escape(arguments[0])}\)", text(PROJECT / "dev"), re.MULTILINE) is not None
    )


@pytest.mark.parametrize("document", PAGES, ids=name)
def test_links_lead_to_files_and_headings(document: Path) -> None:
    broken = []
    for path, anchor in links(document):
        target = document.parent / path if path else document
        if not target.exists() or (anchor and anchor not in anchors(target)):
            broken.append(f"{path}#{anchor}")
    assert broken == []


@pytest.mark.parametrize("document", PAGES, ids=name)
def test_paths_exist(document: Path) -> None:
    named = {word.split("::")[0].split(" ")[0] for word in quoted(document)}
    paths = {
        word
        for word in named
        if word.split("/")[0] in OUR_FOLDERS
        and "/" in word
        and EXAMPLE not in word
        and not re.search(r"[A-Z*…]{4}|\*", word)
    }
    assert sorted(path for path in paths if not exists(PROJECT / path)) == []


@pytest.mark.parametrize("document", PAGES, ids=name)
def test_commands_exist(document: Path) -> None:
    asked = list(commands(document))
    unknown = []
    for arguments in asked:
        try:
            known = of_the_script(arguments) or understood(arguments)
        except click.UsageError:
            known = False
        if not known:
            unknown.append(" ".join(arguments))
    assert unknown == []


def test_an_unknown_command_would_be_noticed() -> None:
    assert not understood(["send", "--dew"])
    with pytest.raises(click.UsageError):
        understood(["db", "upgrayed"])
    assert understood(["subscribers", "undo", "IMPORT"])


@pytest.mark.parametrize("document", PAGES, ids=name)
def test_lines_fit_in_a_window(document: Path) -> None:
    lines = prose(document).splitlines()
    widest = {line: WIDEST_ROW if line.startswith("|") else WIDEST for line in lines}
    assert [line for line in lines if len(line) > widest[line]] == []


def test_the_readme_is_short() -> None:
    assert len(text(PROJECT / "README.md").splitlines()) <= LONGEST_README


def test_the_index_names_every_page() -> None:
    named = {path for path, _ in links(DOCS / "README.md")}
    assert {page.name for page in DOCS.glob("*.md")} - named == {"README.md"}


def test_the_index_of_decisions_names_each_by_its_title() -> None:
    index = text(DOCS / "decisions" / "README.md")
    for number, page in enumerate(DECISIONS, 1):
        title = text(page).splitlines()[0].removeprefix(f"# {number}. ")
        assert f"| {number} | [{title}]({page.name}) |" in index


@pytest.mark.parametrize("document", DECISIONS, ids=name)
def test_a_decision_has_a_context_and_consequences(document: Path) -> None:
    headings = re.findall(r"^## (.+)$", text(document), re.MULTILINE)
    assert headings == ["Context", "Decision", "Consequences"]
    assert len(text(document).splitlines()) <= LONGEST_DECISION


def test_the_glossary_has_every_state_and_only_files_that_exist() -> None:
    page = DOCS / "glossary.md"
    words = re.sub(r"\s+", " ", text(page))
    states = (*MailingState, *DeliveryState, *SubscriberStatus)
    assert [state.value for state in states if state.value not in words] == []
    files = {word for word in quoted(page) if re.fullmatch(r"[a-z_]+(/[a-z_]+)*(\.py|/)", word)}
    here = (PROJECT, PROJECT / "newsletter")
    assert sorted(file for file in files if not any((top / file).exists() for top in here)) == []


def test_the_architecture_names_every_package_and_every_file_it_names_exists() -> None:
    page = DOCS / "architecture.md"
    packages = {path.parent.name for path in (PROJECT / "newsletter").glob("*/__init__.py")}
    titles = set(re.findall(r"\*\*`([\w.]+)/?`\*\*", text(page)))
    assert packages - titles == set()
    folder = ""
    missing = []
    for line in FENCE.sub("", text(page)).split("\n\n"):
        if title := re.match(r"\*\*`(\w+)/`\*\*", line):
            folder = title[1]
        for file in re.findall(r"`([a-z_]+(?:/[a-z_]+)*\.py)`", line):
            places = (PROJECT / "newsletter" / file, PROJECT / "newsletter" / folder / file)
            if not any(place.exists() for place in (PROJECT / file, *places)):
                missing.append(file)
    assert missing == []


def test_the_architecture_has_the_layers_of_the_contract() -> None:
    contract = tomllib.loads(text(PROJECT / "pyproject.toml"))["tool"]["importlinter"]["contracts"]
    layers = [re.findall(r"newsletter\.(\w+)", layer) for layer in contract[0]["layers"]]
    (drawn,) = [
        body.splitlines()
        for _, _, body in FENCE.findall(text(DOCS / "architecture.md"))
        if body.startswith("cli ")
    ]
    assert len(drawn) == len(layers)
    for line, modules in zip(drawn, layers, strict=True):
        names = line.split("  ")[0].split(" · ")
        assert {name for name in names if name != "…"} <= set(modules)


def test_the_page_on_templates_names_each_page_and_notice() -> None:
    named = set(quoted(DOCS / "templates.md"))
    pages = {path.name for path in (PROJECT / "templates" / "pages").glob("*.html.j2")}
    notices = {path.name.split(".")[0] for path in (PROJECT / "templates" / "notices").iterdir()}
    assert (pages | notices) - {"end"} - named == set()


def test_the_hooks_run_the_tools_of_dev_check() -> None:
    steps = re.findall(
        r"^ +(?:if .* then )?step ([\w-]+(?: [\w-]+)?)", text(PROJECT / "dev"), re.MULTILINE
    )
    config = yaml.safe_load(text(PROJECT / ".pre-commit-config.yaml"))
    (local,) = config["repos"]
    assert local["repo"] == "local"
    hooks = " ".join(hook["entry"] for hook in local["hooks"])
    tools = {step.split()[0] for step in steps}
    assert len(tools) > 6
    assert [tool for tool in tools if tool not in hooks] == []
    assert {hook["language"] for hook in local["hooks"]} == {"system"}
