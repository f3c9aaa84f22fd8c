"""The browser of the tests: where it is, how to get it, and what to type when neither works.

`./dev test` runs this file to have one; `conftest.py` asks it where that one is.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

NAMES = (
    "chromium-headless-shell",
    "chromium",
    "chromium-browser",
    "google-chrome",
    "google-chrome-stable",
)
APT = ("apt-get", "-o", "DPkg::Lock::Timeout=300")
PACKAGES = ("chromium-headless-shell", "fonts-noto-color-emoji")
PLAYWRIGHT = (sys.executable, "-m", "playwright", "install")
HINT = (
    "no browser for the tests. Type: .venv/bin/playwright install --with-deps "
    f"chromium-headless-shell (or, on Debian: sudo apt-get install {' '.join(PACKAGES)})"
)


def on_path() -> str | None:
    """Return the browser that is on PATH, if there is one."""
    return next((path for name in NAMES if (path := shutil.which(name))), None)


def fetched() -> Path | None:
    """Return the folder of playwright's own headless browser, in the revision that it needs."""
    command = [*PLAYWRIGHT, "--dry-run", "chromium-headless-shell"]
    plan = subprocess.run(command, capture_output=True, text=True, check=False).stdout
    folder = re.search(r"Install location:\s+(.*chromium_headless_shell.*)", plan)
    found = folder and (Path(folder[1]) / "INSTALLATION_COMPLETE").is_file()
    return Path(folder[1]) if folder and found else None


def ensure() -> bool:
    """Fetch a browser where there is none; say whether there is one now."""
    if on_path() or fetched():
        return True
    sys.stderr.write("dev: fetching a browser for the tests\n")
    if _quietly(*PLAYWRIGHT, "chromium-headless-shell") and fetched():
        return True
    if os.geteuid() == 0 and shutil.which("apt-get"):
        _quietly(*APT, "update") and _quietly(
            *APT, "install", "-y", "--no-install-recommends", *PACKAGES
        )
    return on_path() is not None


def _quietly(*command: str) -> bool:
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    done = subprocess.run(command, capture_output=True, env=environment, check=False)
    return done.returncode == 0


if __name__ == "__main__" and not ensure():
    sys.exit(f"dev: {HINT}")
