"""The workflows of a copy of this project: those that `init` writes, with `./dev` as the program.

python -m tests.support.copy_workflows     writes them into .github/workflows/
"""

from __future__ import annotations

import re
from pathlib import Path

from newsletter.repository import render_files
from tests.support.repositories import INSTALLATION, plan

WORKFLOWS = Path(__file__).parents[2] / ".github" / "workflows"
_COMMAND = re.compile(r"newsletter (?=send --|report \"|check --|render --|act\n)")


def workflows_of_a_copy() -> dict[str, str]:
    """Return the text of each workflow, by the name of its file."""
    found = {}
    for file in render_files(plan(ci="github")):
        if file.path.startswith(".github/workflows/"):
            found[Path(file.path).name] = _with_dev(file.text)
    return found


def _with_dev(text: str) -> str:
    install = "run: |\n" + "".join(f"          {one}\n" for one in INSTALLATION.commands)
    assert text.count(install) == 1
    return _COMMAND.sub("./dev ", text.replace(install, "run: ./dev --version\n"))


if __name__ == "__main__":
    for name, text in workflows_of_a_copy().items():
        (WORKFLOWS / name).write_text(text, encoding="utf-8")
