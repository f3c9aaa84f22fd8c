"""Other operating systems, as far as one that is Linux can take their place."""

from __future__ import annotations

import ast
import errno
import os
import signal
import socket
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from newsletter import operating_system
from newsletter.config import Settings
from newsletter.store import files, sender_locks
from newsletter.store.keys import signing_keys
from newsletter.web import connections

if TYPE_CHECKING:
    from collections.abc import Iterator

PACKAGE = Path(operating_system.__file__).parent
ASKS = {
    "sys": {"platform", "getwindowsversion"},
    "os": {"name", "uname", "getuid", "geteuid", "fork", "link", "startfile", "fchmod"},
    "signal": {"SIGHUP", "SIGBREAK", "SIGKILL", "SIGALRM"},
    "socket": {"SO_REUSEADDR", "SO_REUSEPORT", "SO_EXCLUSIVEADDRUSE", "AF_UNIX"},
}
"""What only some systems have, or what says which one it is."""
MODULES = {"fcntl", "msvcrt", "resource", "winreg", "pwd", "grp", "termios", "platform", "ctypes"}
OTHERS = pytest.mark.parametrize("as_on", ["darwin", "win32"], indirect=True)


@pytest.fixture
def as_on(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> Iterator[str]:
    """Take the place of another system."""
    operating_system.machine_since_boot.cache_clear()
    monkeypatch.setattr(sys, "platform", request.param)
    yield sys.platform
    operating_system.machine_since_boot.cache_clear()


def branches(path: Path) -> list[str]:
    """Return where a module depends on the operating system."""
    found = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            if node.attr in ASKS.get(node.value.id, ()):
                found.append(f"{path.name}:{node.lineno} {node.value.id}.{node.attr}")
        elif isinstance(node, ast.Import):
            found += [
                f"{path.name}:{node.lineno} {one.name}" for one in node.names if one.name in MODULES
            ]
        elif isinstance(node, ast.ImportFrom) and node.module in MODULES:
            found.append(f"{path.name}:{node.lineno} {node.module}")
        elif isinstance(node, ast.Constant) and str(node.value).startswith(("/proc/", "/etc/")):
            found.append(f"{path.name}:{node.lineno} {node.value}")
    return found


def test_one_module_alone_asks_which_system_it_is() -> None:
    own = Path(operating_system.__file__)
    assert len(branches(own)) > 10
    others = [path for path in PACKAGE.rglob("*.py") if path != own]
    assert len(others) > 200
    assert [place for path in others for place in branches(path)] == []


@OTHERS
def test_elsewhere_a_sender_has_no_lock_and_its_lease_decides(as_on: str, tmp_path: Path) -> None:
    assert as_on
    folder = tmp_path / ".newsletter"
    with sender_locks.hold(folder) as owner:
        assert owner is None
    assert not folder.exists()
    name = f"sender-{'0' * 32}.lock"
    folder.mkdir()
    (folder / name).touch()
    assert sender_locks.dead_owners([f"{name} {'0' * 32} 1 2"], folder) == []


@pytest.mark.parametrize("as_on", ["win32"], indirect=True)
def test_on_windows_an_access_list_says_who_may_read_a_file(as_on: str, tmp_path: Path) -> None:
    assert as_on
    settings = Settings(root=tmp_path)
    settings.state.mkdir(mode=0o755)
    assert files.close_to_others(settings) == []
    assert operating_system.has_file_modes() is False


@pytest.mark.parametrize("as_on", ["win32"], indirect=True)
def test_on_windows_the_number_of_open_files_has_no_limit(as_on: str) -> None:
    assert as_on
    assert operating_system.file_limits() is None
    connections.raise_file_limit()
    operating_system.set_file_limit(1, 1)
    with open(os.devnull, "rb") as one, open(os.devnull, "rb") as two:  # noqa: PTH123 - devices
        assert one != two


@pytest.mark.parametrize("as_on", ["linux", "darwin", "win32"], indirect=True)
def test_a_key_is_made_once_by_the_first_process(
    as_on: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if as_on == "win32":
        # There a rename fails when the name is taken; here it would replace the file.
        def rename(part: Path, path: Path) -> None:
            if path.exists():
                raise FileExistsError(errno.EEXIST, "exists")
            os.replace(part, path)  # noqa: PTH105 - what the fixture replaces

        monkeypatch.setattr(Path, "rename", rename)
    settings = Settings(root=tmp_path)
    (key,) = signing_keys(settings)
    part = settings.state / "part"
    part.write_text("another\n", encoding="ascii")
    with pytest.raises(FileExistsError):
        operating_system.move_new(part, settings.state / "secret-key")
    assert signing_keys(settings) == (key,)
    assert sorted(path.name for path in settings.state.iterdir()) == [".gitignore", "secret-key"]


def test_a_signal_that_is_ignored_stays_ignored() -> None:
    before = {number: signal.getsignal(number) for number in operating_system.stop_signals()}
    assert {signal.SIGINT, signal.SIGTERM, signal.SIGHUP} == set(before)
    asked: list[int] = []
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with operating_system.on_stop_signal(lambda: asked.append(1)):
            signal.raise_signal(signal.SIGHUP)
            assert asked == []
            signal.raise_signal(signal.SIGTERM)
            signal.raise_signal(signal.SIGINT)
        assert asked == [1, 1]
    finally:
        signal.signal(signal.SIGHUP, before[signal.SIGHUP])
    assert {number: signal.getsignal(number) for number in before} == before


def test_a_system_without_a_signal_does_without_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(signal, "SIGHUP")
    assert operating_system.stop_signals() == (signal.SIGINT, signal.SIGTERM)
    monkeypatch.setattr(signal, "SIGBREAK", 21, raising=False)
    assert 21 in operating_system.stop_signals()


@pytest.mark.parametrize("as_on", ["linux", "win32"], indirect=True)
def test_no_other_process_can_take_the_port_over(
    as_on: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(socket, "SO_EXCLUSIVEADDRUSE", ~socket.SO_REUSEADDR, raising=False)
    chosen: list[int] = []

    class Listener:
        def setsockopt(self, level: int, option: int, value: int) -> None:
            assert (level, value) == (socket.SOL_SOCKET, 1)
            chosen.append(option)

    operating_system.share_no_port(Listener())  # type: ignore[arg-type]
    expected = socket.SO_REUSEADDR if as_on == "linux" else ~socket.SO_REUSEADDR
    assert chosen == [expected]
