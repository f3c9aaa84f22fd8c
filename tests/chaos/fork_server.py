"""A process that forks senders with everything imported: a killed run must not cost a second.

As a program it forks a sender for each order that it reads (`sender_process.py`); `ForkServer` is
how the others talk to it. It has one thread, because a process with several may not be forked.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Collection
    from types import TracebackType
    from typing import Self


class ForkServer:
    """A process that makes others, as long as the block takes; for several threads at once."""

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.chaos.fork_server"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            encoding="utf-8",
        )
        self._lock = threading.Lock()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        problem: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.close()
        self._process.wait(30)
        self._process.stdout.close()

    def start(self, order: dict[str, Any]) -> int:
        """Return the number of a process that carries out an order."""
        pid: int = self._ask({"start": order})
        return pid

    def ended(self, pids: Collection[int]) -> dict[int, int]:
        """Return which of these have ended, with their exit codes as Popen has them."""
        return {int(pid): code for pid, code in self._ask({"ended": list(pids)}).items()}

    def _ask(self, question: dict[str, Any]) -> Any:  # noqa: ANN401 - JSON
        assert self._process.stdin
        assert self._process.stdout
        with self._lock:
            self._process.stdin.write(json.dumps(question) + "\n")
            self._process.stdin.flush()
            return json.loads(self._process.stdout.readline())


def _born(order: dict[str, Any]) -> int:
    from tests.chaos.sender_process import work  # noqa: PLC0415 - imported already, in the parent

    pid = os.fork()
    if pid:
        return pid
    code = 70
    try:
        # What the parent hears and says is not the child's.
        log = os.open(order["log"], os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        for stream in (0, 1, 2):
            os.dup2(log, stream)
        code = work(order)
        sys.stderr.flush()
    finally:
        os._exit(code)


def _reap(pids: Collection[int]) -> dict[int, int]:
    ended = {}
    for pid in pids:
        found, status = os.waitpid(pid, os.WNOHANG)
        if found:
            ended[pid] = os.waitstatus_to_exitcode(status)
    return ended


def main() -> None:
    from tests.chaos import sender_process  # noqa: F401, PLC0415 - slow; whoever only asks does not need it

    alive: set[int] = set()
    for line in sys.stdin:
        question = json.loads(line)
        answer: object
        if "start" in question:
            alive.add(answer := _born(question["start"]))
        else:
            answer = ended = _reap(question["ended"])
            alive -= ended.keys()
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()
    for pid in alive:
        os.kill(pid, signal.SIGKILL)


if __name__ == "__main__":
    main()
