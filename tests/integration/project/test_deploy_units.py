"""What systemd makes of the units that `init` writes for a server."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest

from tests.integration.project.test_deploy import UNITS, unit

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.all


def systemd(*arguments: str) -> subprocess.CompletedProcess[str]:
    if not shutil.which("systemd-analyze"):
        pytest.fail("no systemd-analyze. Type: sudo apt-get install systemd", pytrace=False)
    return subprocess.run(
        ["systemd-analyze", *arguments],
        env={**os.environ, "TZ": "UTC"},
        capture_output=True,
        encoding="utf-8",
        check=False,
    )


def verified(folder: Path, more: str = "") -> str:
    """Return what systemd has against the units, with a program in place of ours."""
    for name, text in UNITS.items():
        here = text.replace("/opt/newsletter/bin/newsletter", "/bin/true")
        (folder / name).write_text(here + more, encoding="utf-8")
    return systemd("verify", "--man=no", *(str(folder / name) for name in UNITS)).stderr


def test_systemd_has_nothing_against_the_units(tmp_path: Path) -> None:
    assert verified(tmp_path) == ""


def test_it_would_say_so(tmp_path: Path) -> None:
    assert "Unknown key" in verified(tmp_path, "WantedBay=timers.target\n")


def test_the_timer_comes_every_ten_minutes() -> None:
    when = unit("newsletter-send.timer")["Timer"]["OnCalendar"]
    said = systemd("calendar", "--iterations=7", "--base-time=2026-10-25 00:00:00 UTC", when)
    minutes = re.findall(r":(\d\d):00 UTC$", said.stdout, re.MULTILINE)
    assert minutes == ["03", "13", "23", "33", "43", "53", "03"], said.stderr
