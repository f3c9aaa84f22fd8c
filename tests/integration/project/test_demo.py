from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from newsletter.checks import check
from newsletter.config import load
from newsletter.desk import issue_paths, read_draft

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable

    import pytest

PROJECT = Path(__file__).parents[3]


def test_the_demo_plays_a_week_whatever_the_environment_says(
    tmp_path: Path,
    run: Callable[..., subprocess.CompletedProcess[str]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    monkeypatch.setenv("TMPDIR", str(scratch))
    monkeypatch.setattr(tempfile, "tempdir", None)
    (tmp_path / "newsletter.toml").write_text("nonsense =", encoding="utf-8")
    hostile = {
        "NEWSLETTER_PROVIDER": "resend",
        "NEWSLETTER_DATABASE_URL": "postgresql://nowhere/x",
        "NEWSLETTER_SECRET_KEY": "",
    }
    done = run("demo", cwd=tmp_path, env=hostile)
    assert done.returncode == 0, done.stderr
    (folder,) = scratch.iterdir()
    (outbox,) = (folder / ".newsletter" / "outbox").iterdir()
    assert len(list(outbox.glob("*.eml"))) == 11
    for said in (
        "11 added",
        "1 skipped",
        "11 subscribers = 11 in the outbox",
        "10 subscribers",
        str(folder),
        f"Delete     {folder}",
        " new\n",
    ):
        assert said in done.stdout
    assert "complete already" in done.stderr
    assert not (tmp_path / ".newsletter").exists()
    shutil.rmtree(folder)


def test_the_sample_issues_are_without_fault() -> None:
    settings = load(PROJECT, {})
    paths = issue_paths(settings)
    assert len(paths) == 3
    kinds = set()
    for path in paths:
        draft = read_draft(settings, path)
        # A sample of last month is a draft in the past.
        assert {one.rule for one in check(draft)} <= {"draft-in-the-past"}
        kinds |= {block.kind for block in draft.blocks}
    assert len(kinds) == 12
