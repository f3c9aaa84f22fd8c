"""The locks that distinguish a killed sender from a running one: real files, real processes."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from newsletter.store import sender_locks
from tests.support import lock_holder
from tests.support.processes import Process, run_command

if TYPE_CHECKING:
    from collections.abc import Callable


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / ".newsletter"


class Holder:
    """Another process that holds a lock."""

    def __init__(self, folder: Path) -> None:
        stdin, self._input = os.pipe()
        printed, stdout = os.pipe()
        self.process = Process(
            folder,
            cwd=folder.parent,
            env=os.environ,
            stdin=stdin,
            stdout=stdout,
            stderr=stdout,
            main=lock_holder.hold,
        )
        os.close(stdin)
        os.close(stdout)
        with os.fdopen(printed, encoding="utf-8") as file:
            self.owner = file.readline().strip()
        self.path = folder / self.owner.partition(" ")[0]

    def kill(self) -> None:
        self.process.kill()
        self.process.wait(30)
        os.close(self._input)


def test_a_sender_is_gone_only_once_it_was_killed(folder: Path) -> None:
    holder = Holder(folder)
    assert sender_locks.dead_owners([holder.owner], folder) == []
    holder.process.send_signal(signal.SIGSTOP)  # as on a laptop that is suspended
    assert sender_locks.dead_owners([holder.owner], folder) == []
    holder.kill()
    assert sender_locks.dead_owners([holder.owner], folder) == [holder.owner]


def test_two_processes_that_check_at_once_do_not_take_each_other_for_the_sender(
    folder: Path,
) -> None:
    holder = Holder(folder)
    holder.kill()
    found: list[list[str]] = []

    def look() -> None:
        found.extend(sender_locks.dead_owners([holder.owner], folder) for _ in range(200))

    threads = [threading.Thread(target=look) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [[holder.owner]] * 800


def test_a_lock_of_this_very_process_is_held(folder: Path) -> None:
    with sender_locks.hold(folder) as owner, sender_locks.hold(folder) as other:
        assert owner
        assert other
        assert owner != other
        assert sender_locks.dead_owners([owner, other], folder) == []
        # Neither looking nor another lock's end lets go of it, as POSIX record locks would.
        with sender_locks.hold(folder):
            pass
        assert sender_locks.dead_owners([owner], folder) == []
    assert list(folder.glob("sender-*")) == []


def test_a_forked_child_that_lives_on_keeps_the_lock(folder: Path) -> None:
    done = run_command(folder, cwd=folder.parent, main=lock_holder.leave_to_child)
    owner, _, group = done.stdout.strip().rpartition(" ")
    assert sender_locks.dead_owners([owner], folder) == []
    os.killpg(int(group), signal.SIGKILL)
    until = time.monotonic() + 10
    while not sender_locks.dead_owners([owner], folder):
        assert time.monotonic() < until
        time.sleep(0.01)


def test_a_program_that_a_sender_starts_does_not_get_its_lock(folder: Path) -> None:
    with sender_locks.hold(folder):
        listed = subprocess.run(
            ["ls", "-l", "/proc/self/fd"], capture_output=True, encoding="utf-8", check=True
        )
    assert "sender-" not in listed.stdout


def _replaced(path: Path) -> None:
    """Put another file in its place, as putting a backup back does."""
    copy = path.with_name("copy")
    shutil.copy2(path, copy)
    copy.replace(path)


def _linked(path: Path) -> None:
    real = path.with_name("real")
    path.rename(real)
    path.symlink_to(real)


@pytest.mark.parametrize("change", [Path.unlink, _replaced, _linked])
def test_in_place_of_the_file_another_one_proves_nothing(
    folder: Path, change: Callable[[Path], None]
) -> None:
    holder = Holder(folder)
    change(holder.path)
    assert sender_locks.dead_owners([holder.owner], folder) == []
    holder.kill()
    assert sender_locks.dead_owners([holder.owner], folder) == []


@pytest.mark.parametrize(
    "place", [1, 2, 3], ids=["another machine or boot", "another device", "another inode"]
)
def test_a_lock_of_another_machine_proves_nothing_here(folder: Path, place: int) -> None:
    holder = Holder(folder)
    holder.kill()
    parts = holder.owner.split(" ")
    parts[place] = f"{'0' * 32 if place == 1 else int(parts[place]) + 1}"
    assert sender_locks.dead_owners([" ".join(parts)], folder) == []
    assert sender_locks.dead_owners([holder.owner], folder) == [holder.owner]


@pytest.mark.parametrize(
    "owner", ["", " ", "x", "../secret-key a 1 2", "sender-.lock", f"sender-{'0' * 32}.lock", "é"]
)
def test_what_names_no_lock_proves_nothing(folder: Path, owner: str) -> None:
    folder.mkdir()
    assert sender_locks.dead_owners([owner], folder) == []
    assert sender_locks.dead_owners([owner], folder / "not there") == []


def test_on_a_file_system_with_unreliable_locks_no_lock_is_used(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Path("/proc/self/maps").open("rb") as file, Path("/sys/kernel/notes").open("rb") as other:
        found = {sender_locks.file_system(one.fileno()) for one in (file, other)}
    assert found == {0x9FA0, 0x62656572}
    holder = Holder(folder)
    holder.kill()
    for number in (0x6969, 0xFF534D42, 0xFE534D42, 0x65735546, 0x01021997, 0x9FA0, None):
        monkeypatch.setattr(sender_locks, "file_system", lambda _file, number=number: number)
        assert sender_locks.dead_owners([holder.owner], folder) == []
        with sender_locks.hold(folder) as owner:
            assert owner is None
    assert [path.name for path in folder.glob("sender-*")] == [holder.path.name]


def test_where_no_file_can_be_made_there_is_no_lock(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with sender_locks.hold(tmp_path / "file" / "deeper") as owner:
        assert owner is None
    with sender_locks.hold(Path("/proc/self")) as owner:
        assert owner is None


def test_after_an_error_the_sender_counts_as_dead(folder: Path) -> None:
    found = []

    def fail() -> None:
        with sender_locks.hold(folder) as owner:
            found.append(str(owner))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert sender_locks.dead_owners(found, folder) == found


def test_old_files_go_but_never_one_that_is_held(folder: Path) -> None:
    dead, alive, young = Holder(folder), Holder(folder), Holder(folder)
    dead.kill()
    young.kill()
    for holder in (dead, alive):
        os.utime(holder.path, (0, 0))
    with sender_locks.hold(folder):
        pass
    assert {path.name for path in folder.glob("sender-*")} == {alive.path.name, young.path.name}
    assert sender_locks.dead_owners([alive.owner], folder) == []
    alive.kill()
