"""Processes of `newsletter` that begin with everything imported: a tenth of what others cost.

As a program it forks a process for each order that it reads; `run_command` and `Process` are how
tests order one. It has one thread, because a process with several may not be forked.
"""

from __future__ import annotations

import atexit
import contextlib
import dataclasses
import functools
import gc
import importlib
import json
import os
import pkgutil
import select
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time
import traceback
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NoReturn

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from newsletter.web import Limits

COMMAND: Final = Path(sys.executable).with_name("newsletter")
"""The installed command, for what is about starting a process."""
_LENGTH: Final = struct.Struct("!I")
# What the program imports only when it needs it, beside its own modules.
_LIBRARIES: Final = (
    "alembic.command",
    "mjml",
    "psycopg",
    "httpx",
    "email_validator",
    "rich.progress",
)


class Process:
    """A process of `newsletter`, with those parts of `subprocess.Popen` that tests need.

    Args:
        arguments: Its command line.
        cwd: Its current folder.
        env: Its whole environment.
        stdin: A file for it, as its number; so are the next two.
        stdout: See there.
        stderr: See there.
        constants: Other values for constants of the program, by their dotted names.
        limits: Of the web app, other than usual.
        before: Functions of a module that it calls first; with arguments, as a partial function.
        main: The function of a module that it is, if not the command.
    """

    def __init__(
        self,
        *arguments: str | Path,
        cwd: Path,
        env: Mapping[str, str],
        stdin: int,
        stdout: int,
        stderr: int,
        constants: Mapping[str, object] | None = None,
        limits: Limits | None = None,
        before: Sequence[Callable[[], None]] = (),
        main: Callable[[], None] | None = None,
    ) -> None:
        order = {
            "arguments": [str(argument) for argument in arguments],
            "cwd": str(cwd),
            "env": dict(env),
            "constants": dict(constants or {}),
            "limits": dataclasses.asdict(limits) if limits else None,
            "before": [_named(function) for function in before],
            "main": _named(main) if main else ("newsletter.cli", "main", ()),
        }
        self._status = os.fdopen(_server().ask(order, (stdin, stdout, stderr)), "rb", buffering=0)
        self.pid = int(self._status.readline())
        self.returncode: int | None = None

    def poll(self) -> int | None:
        """Return its exit code if it has ended: negative, if a signal ended it."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.wait(0)
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        if self.returncode is None:
            ready, _, _ = select.select([self._status], [], [], timeout)
            if not ready:
                raise subprocess.TimeoutExpired("newsletter", timeout or 0)
            self.returncode = int(self._status.readline())
            self._status.close()
        return self.returncode

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)


def _named(function: Callable[[], None]) -> tuple[str, str, tuple[Any, ...]]:
    if isinstance(function, functools.partial):
        return function.func.__module__, function.func.__name__, function.args
    return function.__module__, function.__name__, ()


def run_command(
    *arguments: str | Path,
    cwd: Path,
    env: Mapping[str, str] | None = None,
    stdin: str | int = "",
    **changes: Any,  # noqa: ANN401 - as of `Process`
) -> subprocess.CompletedProcess[str]:
    """Run `newsletter` to its end, with these variables beside those of the test.

    Args:
        arguments: Its command line.
        cwd: Its current folder.
        env: More of its environment.
        stdin: What it reads, or a file that it reads from, such as a terminal.
        changes: `constants`, `before` and `main` as of `Process`.
    """
    with contextlib.ExitStack() as stack:
        files = [stack.enter_context(tempfile.TemporaryFile()) for _ in range(3)]
        if isinstance(stdin, str):
            files[0].write(stdin.encode())
            files[0].seek(0)
        process = Process(
            *arguments,
            cwd=cwd,
            env={**os.environ, **(env or {})},
            stdin=stdin if isinstance(stdin, int) else files[0].fileno(),
            stdout=files[1].fileno(),
            stderr=files[2].fileno(),
            **changes,
        )
        try:
            code = process.wait(120)
        finally:
            process.kill()
            process.wait()
        printed = []
        for file in files[1:]:
            file.seek(0)
            printed.append(file.read().decode())
    return subprocess.CompletedProcess([*map(str, arguments)], code, *printed)


class _Server:
    """The process that forks, as others ask it; several threads may."""

    def __init__(self) -> None:
        self._channel, theirs = socket.socketpair()
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "tests.support.processes", str(theirs.fileno())],
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
            )
        self._lock = threading.Lock()
        atexit.register(self._close)

    def _close(self) -> None:
        self._channel.close()
        self._process.wait(30)

    def ask(self, order: dict[str, Any], files: tuple[int, ...]) -> int:
        """Order a process; return a file that says its number and later its exit code."""
        text = json.dumps(order).encode()
        status, write_end = os.pipe()
        try:
            with self._lock:
                socket.send_fds(self._channel, [_LENGTH.pack(len(text))], [*files, write_end])
                self._channel.sendall(text)
        finally:
            os.close(write_end)
        return status


_server = functools.cache(_Server)


def main(channel: socket.socket) -> None:
    """Fork a process for each order, until nobody can give any more."""
    _import_everything()
    _compile_templates()
    gc.collect()
    gc.freeze()
    ended, wake = socket.socketpair()
    wake.settimeout(0)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(wake.fileno(), warn_on_full_buffer=False)
    alive: dict[int, int] = {}
    while True:
        ready, _, _ = select.select([channel, ended], [], [])
        if ended in ready:
            ended.recv(1024)
            _reap(alive)
        if channel not in ready:
            continue
        head, files, _, _ = socket.recv_fds(channel, _LENGTH.size, 4)
        if not head:
            break
        order = json.loads(_read(channel, _LENGTH.unpack(head)[0]))
        *streams, status = files
        pid = os.fork()
        if not pid:
            signal.set_wakeup_fd(-1)
            for file in (channel, ended, wake):
                file.close()
            for number in (status, *alive.values()):
                os.close(number)
            _work(order, streams)
        for file in streams:
            os.close(file)
        os.write(status, b"%d\n" % pid)
        alive[pid] = status
    for pid in alive:
        os.kill(pid, signal.SIGKILL)


def _import_everything() -> None:
    import newsletter  # noqa: PLC0415 - whoever only asks needs it not

    modules = pkgutil.walk_packages(newsletter.__path__, "newsletter.")
    for name in (*(found.name for found in modules if "migrations" not in found.name), *_LIBRARIES):
        importlib.import_module(name)


def _compile_templates() -> None:
    """Render a letter, the notices and the pages, so that no process compiles their templates."""
    from newsletter import render  # noqa: PLC0415 - whoever only asks needs it not
    from newsletter.web.pages import render_pages  # noqa: PLC0415
    from tests.support.issues import SETTINGS, every_block  # noqa: PLC0415
    from tests.support.templates import share_compiled_templates  # noqa: PLC0415

    share_compiled_templates()
    render.letter(every_block(), SETTINGS)
    for kind in render.NOTICES:
        render.notice(SETTINGS, kind, linked=False)
    render_pages(SETTINGS)


def _read(channel: socket.socket, length: int) -> bytes:
    text = b""
    while len(text) < length:
        text += channel.recv(length - len(text))
    return text


def _reap(alive: dict[int, int]) -> None:
    for pid, file in [*alive.items()]:
        found, status = os.waitpid(pid, os.WNOHANG)
        if found:
            del alive[pid]
            with contextlib.suppress(BrokenPipeError):
                os.write(file, b"%d\n" % os.waitstatus_to_exitcode(status))
            os.close(file)


def _work(order: dict[str, Any], streams: list[int]) -> NoReturn:
    """Be the process that was ordered, to its end."""
    code = 1
    try:
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        for number, stream in enumerate(streams):
            os.dup2(stream, number)
            os.close(stream)
        # The old one knows that it may seek, which the new file may not.
        sys.stdout = open(1, "w", encoding="utf-8", closefd=False)  # noqa: SIM115 - a handle
        os.chdir(order["cwd"])
        os.environ.clear()
        os.environ.update(order["env"])
        time.tzset()
        code = _call(order)
        threading._shutdown()  # type: ignore[attr-defined]  # noqa: SLF001 - as at the end of Python
        sys.stdout.flush()
        sys.stderr.flush()
    except BaseException:  # noqa: BLE001 - nothing may come back from here
        traceback.print_exc()
    finally:
        os._exit(code)


def _call(order: dict[str, Any]) -> int:
    for name, value in order["constants"].items():
        module, _, constant = name.rpartition(".")
        found = importlib.import_module(module)
        assert hasattr(found, constant), name
        setattr(found, constant, value)
    if order["limits"]:
        _set_limits(order["limits"])
    for module, function, arguments in order["before"]:
        getattr(importlib.import_module(module), function)(*arguments)
    sys.argv = ["newsletter", *order["arguments"]]
    # Click reads in it how the program was started: as `python -m`, if there is a package.
    sys.modules["__main__"].__package__ = None
    module, function, _ = order["main"]
    try:
        getattr(importlib.import_module(module), function)()
    except SystemExit as end:
        if isinstance(end.code, str):
            sys.stderr.write(f"{end.code}\n")
            return 1
        return end.code or 0
    return 0


def _set_limits(values: dict[str, Any]) -> None:
    from newsletter import web  # noqa: PLC0415 - as above
    from newsletter.subscriptions.signup import SignupLimits  # noqa: PLC0415

    signup, delay = SignupLimits(**values["signup"]), tuple(values["notices_delay"])
    limits = web.Limits(**values | {"signup": signup, "notices_delay": delay})
    web.serve = functools.partial(web.serve, limits=limits)  # type: ignore[assignment]


if __name__ == "__main__":
    with socket.socket(fileno=int(sys.argv[1])) as asked:
        main(asked)
