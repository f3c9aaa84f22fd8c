"""Programs from npm, each project of them installed from its lock on first use."""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest

PROJECTS = Path(__file__).with_name("node")
CACHE = Path(__file__).parents[2] / ".cache"


def programs(project: str) -> Path:
    """Return the folder with the programs of one of the npm projects in `node/`."""
    for tool in ("node", "npm"):
        if not shutil.which(tool):
            pytest.fail(f"no {tool}. Type: sudo apt-get install nodejs npm", pytrace=False)
    package, lock = (PROJECTS / project / name for name in ("package.json", "package-lock.json"))
    name = json.loads(package.read_bytes())["name"]
    home = CACHE / f"{name}-{hashlib.sha256(lock.read_bytes()).hexdigest()[:12]}"
    if not home.exists():
        home.parent.mkdir(exist_ok=True)
        scratch = Path(tempfile.mkdtemp(dir=home.parent))
        for file in (package, lock):
            shutil.copy(file, scratch)
        command = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
        done = subprocess.run(command, cwd=scratch, capture_output=True, text=True, check=False)
        if done.returncode:
            pytest.fail(f"cd {scratch} && {' '.join(command)}\n{done.stderr}", pytrace=False)
        try:
            scratch.rename(home)
        except OSError:  # another worker was first
            shutil.rmtree(scratch)
    return home / "node_modules" / ".bin"
