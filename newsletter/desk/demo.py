"""The sample newsletter of `newsletter demo`."""

from __future__ import annotations

import tempfile
from datetime import date, timedelta
from importlib import resources
from pathlib import Path

_SUNDAY = 6


def scratch_newsletter(today: date) -> tuple[Path, str]:
    """Create a newsletter with one issue for the coming Sunday, and a CSV file with subscribers.

    Returns:
        Its new folder, and the slug of the issue.
    """
    folder = Path(tempfile.mkdtemp(prefix="newsletter-demo-"))
    sunday = today + timedelta(days=(_SUNDAY - today.weekday()) or 7)
    slug = f"{sunday.isoformat()}-de-kopjes"
    (folder / "issues").mkdir()
    sample = resources.files("newsletter.desk") / "sample"
    for name, target in (
        ("newsletter.toml", folder / "newsletter.toml"),
        ("subscribers.csv", folder / "subscribers.csv"),
        ("issue.md", folder / "issues" / f"{slug}.md"),
    ):
        target.write_bytes((sample / name).read_bytes())
    return folder, slug
