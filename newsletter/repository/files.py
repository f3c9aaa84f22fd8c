"""The files of an author's repository, rendered from a plan; writes nothing.

They are data in `files/`: `common/` for every repository, `ci/KIND/` and `pages/KIND/` by what was
chosen. A file's path below that folder is its path in the repository, and `dot-NAME` stands for
`.NAME` where git itself would obey the file (`.gitignore`). A file that ends in `.j2` is rendered
by Jinja2 with the fields of the plan, as `[[ value ]]`, `[% if … %]` and `[# … #]`; any other is
copied. One that is empty then is not written.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Final

import jinja2

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
    kinds = [f"ci/{plan.ci}", f"pages/{plan.pages}"]
    if plan.pages == "scale-to-zero":
        kinds.append("pages/container")  # the image that such a host runs
    found = [*_rendered(_FILES / "common", plan, owned=False)]
    for kind in kinds:
        found += _rendered(_FILES / kind, plan, owned=True)
    if plan.install:
        for name in ("program", "dependencies"):
            text = getattr(plan.install, name)
            found.append(RepositoryFile(f"{INSTALL_FOLDER}/{name}.txt", text, owned=True))
    return tuple(sorted(found, key=lambda file: file.path))


def _rendered(folder: Path, plan: RepositoryPlan, *, owned: bool) -> Iterator[RepositoryFile]:
    values = {one.name: getattr(plan, one.name) for one in fields(plan)}
    for source in sorted(folder.rglob("*")):
        if not source.is_file() or source.name == ".gitkeep":
            continue
        path = source.relative_to(folder).as_posix()
        text = source.read_text(encoding="utf-8")
        if path.endswith(_TEMPLATE):
            path = path.removesuffix(_TEMPLATE)
            text = _environment().from_string(text).render(values)
        if text.strip():
            yield RepositoryFile(_target(path, plan), text, owned)


def _target(path: str, plan: RepositoryPlan) -> str:
    parts = (f".{one[4:]}" if one.startswith("dot-") else one for one in path.split("/"))
    return "/".join(parts).replace("DRAFT", plan.draft)


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
    environment.filters["quoted"] = lambda value: json.dumps(value, ensure_ascii=False)
    return environment
