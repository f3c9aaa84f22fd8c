"""What `newsletter render` costs as a whole process: less than 600 ms."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from interleaved import BARE, NEWSLETTER, measure, show

LIMIT = 600
SAMPLE = min((Path(__file__).parents[1] / "issues").glob("*.md"))

with tempfile.TemporaryDirectory() as folder:
    root = Path(folder)
    (root / "newsletter.toml").write_text('name = "Jij en Loslaten"\n', encoding="utf-8")
    (root / "issues").mkdir()
    shutil.copy(SAMPLE, root / "issues")
    times = measure(
        {
            "python -c pass": BARE,
            "newsletter render": (NEWSLETTER, "render", SAMPLE.stem, "--out", "letter"),
        },
        rounds=15,
        cwd=root,
    )
show(times, "render.py")
print(f"The limit: {LIMIT} ms.")
