"""The walk through "Adding a provider" in docs/providers.md, with the code of that page."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import textwrap
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "providers.md"
BLOCKS = re.compile(r"^ +(In )?`([\w/.]+)`:\n\n +```python\n(.*?)^ +```$", re.MULTILINE | re.DOTALL)
LIST_END = '}\n"""The one list of providers'


def test_a_provider_is_a_folder_a_fake_and_one_line(tmp_path: Path) -> None:
    for name in ("newsletter", "templates", "tests", "docs"):
        skipped = shutil.ignore_patterns("__pycache__", "goldens")
        shutil.copytree(ROOT / name, tmp_path / name, ignore=skipped)
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    for changes, path, block in BLOCKS.findall(PAGE.read_text(encoding="utf-8")):
        file, code = tmp_path / path, textwrap.dedent(block)
        if changes:
            listed = file.read_text(encoding="utf-8")
            assert code.count("\n") == 1
            assert LIST_END in listed
            file.write_text(listed.replace(LIST_END, f"    {code}{LIST_END}"), encoding="utf-8")
        else:
            file.parent.mkdir(exist_ok=True)
            file.write_text(code, encoding="utf-8")
    for page in ("providers.md", "settings.md"):
        with (tmp_path / "docs" / page).open("a", encoding="utf-8") as file:
            file.write("\n`letterbox` reads `LETTERBOX_API_KEY`.\n")
    suites = [f"tests/providers/test_{name}contract.py" for name in ("", "account_")]
    suite = (*suites, "-k", "letterbox")
    run = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", *suite],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert run.returncode == 0, run.stdout
    assert "skipped" not in run.stdout
    assert re.search(r"\d\d passed", run.stdout), "the suite did not find the new provider"
