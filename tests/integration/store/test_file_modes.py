"""The key and the database are for their owner alone, and where they were not, that is said."""

from __future__ import annotations

import stat
from typing import TYPE_CHECKING

import pytest

from newsletter.store import files, keys
from tests.support.newsletter import Newsletter

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable
    from pathlib import Path

    Run = Callable[..., subprocess.CompletedProcess[str]]


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_permissions_that_are_too_open_are_restricted_and_reported_once(
    root: Path, run: Run
) -> None:
    Newsletter(root, subscribers=1).store.close()
    assert run("subscribers", "stats").stderr == ""
    folder, database = root / ".newsletter", root / ".newsletter" / "newsletter.db"
    for path, open_to_all in ((folder, 0o755), (database, 0o664)):
        path.chmod(open_to_all)
    reported = run("subscribers", "stats")
    assert reported.returncode == 0
    lines = reported.stderr.splitlines()
    assert [line.split(":")[:2] for line in lines] == [
        ["warning", " .newsletter"],
        ["warning", " newsletter.db"],
    ]
    assert (mode(folder), mode(database)) == (0o750, 0o660)
    assert run("subscribers", "stats").stderr == ""


def test_the_key_and_the_log_too(root: Path) -> None:
    newsletter = Newsletter(root, subscribers=1)
    settings = newsletter.settings.__class__(root=root)
    keys.signing_keys(settings)
    paths = [
        settings.state / name for name in ("secret-key", "newsletter.db-wal", "production.env")
    ]
    for path in paths:
        path.touch()
        path.chmod(0o644)
    assert len(files.close_to_others(settings)) == 3
    assert [mode(path) for path in paths] == [0o640, 0o640, 0o640]
    assert files.close_to_others(settings) == []


def test_permissions_that_cannot_be_restricted_are_reported_with_a_hint(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    newsletter = Newsletter(root, subscribers=1)
    path = newsletter.settings.state / "newsletter.db"
    path.chmod(0o604)
    # A file system without rights takes the change and does nothing.
    monkeypatch.setattr(type(path), "chmod", lambda _path, _mode: None)
    (reported,) = files.close_to_others(newsletter.settings)
    assert "chmod 600 newsletter.db" in reported


@pytest.mark.usefixtures("postgresql")
def test_the_outbox_is_for_its_owner_alone_where_the_database_is_elsewhere(
    root: Path, run: Run
) -> None:
    newsletter = Newsletter(root, subscribers=1)
    assert not newsletter.settings.state.exists()
    done = run("rehearse", newsletter.slug)
    assert (done.returncode, "every user" in done.stderr) == (0, False)
    assert mode(newsletter.settings.state) == 0o700
    assert (newsletter.settings.state / ".gitignore").is_file()
