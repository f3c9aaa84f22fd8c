"""The files of an author's repository, rendered from a plan; writes nothing.

They are data in `files/`: `common/` for every repository, `ci/KIND/` and `pages/KIND/` by what was
chosen. A file's path below that folder is its path in the repository, and `dot-NAME` stands for
`.NAME` where git itself would obey the file (`.gitignore`). A file that ends in `.j2` is rendered
by Jinja2 with the fields of the plan, as `[[ value ]]`, `[% if … %]` and `[# … #]`; any other is
copied. One that is empty then is not written.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Final

import jinja2

from newsletter.config import quoted
from newsletter.repository.plan import INSTALL_FOLDER

if TYPE_CHECKING:
    from collections.abc import Iterator

    from newsletter.repository.plan import RepositoryPlan

_FILES: Final = Path(__file__).parent / "files"
_TEMPLATE: Final = ".j2"


@dataclass(frozen=True, slots=True)
class RepositoryFile:
    """One file of an author's repository.

    Attributes:
        path: Relative to its root, with slashes.
        text: All of it.
        owned: It is renewed by `init --update`; the others belong to the author once written.
    """

    path: str
    text: str
    owned: bool


def render_files(plan: RepositoryPlan) -> tuple[RepositoryFile, ...]:
    """Return every file of the repository that a plan describes, by path."""
    found = [*_rendered(_FILES / "common", plan, owned=False)]
    for folder in (*_folders("ci", plan.ci), *_folders("pages", plan.pages)):
        found += _rendered(folder, plan, owned=True)
    if plan.install:
        for name in ("program", "dependencies"):
            text = getattr(plan.install, name)
            found.append(RepositoryFile(f"{INSTALL_FOLDER}/{name}.txt", text, owned=True))
    return tuple(sorted(found, key=lambda file: file.path))


def paths_of_kind(group: str, kind: str) -> tuple[str, ...]:
    """Return the paths of the files that a kind of pages or of CI may have.

    Args:
        group: `ci` or `pages`.
        kind: One of its kinds.
    """
    return tuple(
        _target(path.removesuffix(_TEMPLATE))
        for folder in _folders(group, kind)
        for path, _ in _sources(folder)
    )


def _folders(group: str, kind: str) -> Iterator[Path]:
    """Yield the folders with the files of a kind."""
    yield _FILES / group / kind
    if kind == "scale-to-zero":
        yield _FILES / group / "container"  # the image that such a host runs


def _sources(folder: Path) -> Iterator[tuple[str, Path]]:
    """Yield the files of a folder, with their paths below it."""
    for source in sorted(folder.rglob("*")):
        if source.is_file() and source.name != ".gitkeep":
            yield source.relative_to(folder).as_posix(), source


def _rendered(folder: Path, plan: RepositoryPlan, *, owned: bool) -> Iterator[RepositoryFile]:
    values = {one.name: getattr(plan, one.name) for one in fields(plan)}
    for path, source in _sources(folder):
        text = source.read_text(encoding="utf-8")
        if path.endswith(_TEMPLATE):
            text = _environment().from_string(text).render(values)
        if text.strip():
            target = _target(path.removesuffix(_TEMPLATE)).replace("DRAFT", plan.draft)
            yield RepositoryFile(target, text, owned)


def _target(path: str) -> str:
    parts = (f".{one[4:]}" if one.startswith("dot-") else one for one in path.split("/"))
    return "/".join(parts)


def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        block_start_string="[%",
        block_end_string="%]",
        variable_start_string="[[",
        variable_end_string="]]",
        comment_start_string="[#",
        comment_end_string="#]",
        undefined=jinja2.StrictUndefined,
        autoescape=False,  # noqa: S701 - YAML, TOML, systemd units: nothing here is HTML
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters["quoted"] = quoted
    return environment
