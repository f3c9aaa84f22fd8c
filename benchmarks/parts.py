"""Where the time of a send goes, its memory, and what a subscriber costs on the wire.

.venv/bin/python benchmarks/parts.py [SUBSCRIBERS]             the parts, of each mode
.venv/bin/python benchmarks/parts.py memory MODE SUBSCRIBERS   the peak of one send, alone
"""

from __future__ import annotations

import functools
import resource
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import stage

from newsletter.delivery.requests import MailingBatches, RequestBuilder
from newsletter.providers.http import HttpClient
from newsletter.store import claims, settlement

if TYPE_CHECKING:
    from collections.abc import Callable

_LOCK = threading.Lock()


def clocked(spent: Counter[str], name: str, function: Callable[..., Any]) -> Callable[..., Any]:
    """Return a function that adds the time it takes to a part."""

    @functools.wraps(function)
    def timed(*args: Any, **more: Any) -> Any:  # noqa: ANN401 - whatever it takes and gives
        began = time.perf_counter()
        try:
            return function(*args, **more)
        finally:
            with _LOCK:
                spent[name] += int((time.perf_counter() - began) * 1e9)

    return timed


def parts(mode: stage.Mode, audience: int) -> None:
    """Print one row: microseconds a letter in each part, and bytes on the wire."""
    spent: Counter[str] = Counter()
    sent: list[int] = []
    post = HttpClient.post

    def weighed(self: HttpClient, url: str, **more: Any) -> Any:  # noqa: ANN401 - as it is
        sent.append(sum(map(len, more["parts"])))
        return post(self, url, **more)

    claims.claim = clocked(spent, "claim", claims.claim)
    settlement.settle = clocked(spent, "settle", settlement.settle)
    MailingBatches.make = clocked(spent, "fill", MailingBatches.make)  # type: ignore[method-assign]
    RequestBuilder.build = clocked(spent, "build", RequestBuilder.build)  # type: ignore[method-assign]
    HttpClient.post = clocked(spent, "wire", weighed)  # type: ignore[method-assign]
    with stage.stand_in(mode, 0) as url, tempfile.TemporaryDirectory() as folder:
        settings = stage.newsletter(Path(folder), "sqlite:///list.db", mode, url, audience)
        rate = stage.ours(settings, mode, audience)
    spent["encode"] = spent["build"] - spent["fill"]
    cells = " | ".join(
        f"{spent[name] / 1e3 / audience:.1f}"
        for name in ("claim", "fill", "encode", "wire", "settle")
    )
    print(f"| {mode.name} | {cells} | {1e6 / rate:.1f} | {sum(sent) / audience:,.0f} |")


def memory(mode: stage.Mode, audience: int) -> None:
    """Print the peak of this process after one send."""
    with stage.stand_in(mode, 0) as url, tempfile.TemporaryDirectory() as folder:
        settings = stage.newsletter(Path(folder), "sqlite:///list.db", mode, url, audience)
        rate = stage.ours(settings, mode, audience)
        size = (settings.root / "list.db").stat().st_size / audience
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(
        f"| {mode.name} | {audience:,} | {peak:.0f} MB | {rate:,.0f} a second | "
        f"{size:,.0f} bytes a subscriber in the file |",
        flush=True,
    )


def main() -> None:
    """Print what was asked for."""
    if sys.argv[1:2] == ["memory"]:
        memory(stage.MODES[sys.argv[2]], int(sys.argv[3]))
        return
    audience = int(sys.argv[1]) if len(sys.argv) > 1 else 20_000
    print("| µs a letter, SQLite, 0 ms | claim | fill | encode | wire | settle | all | bytes |")
    print("|---|---|---|---|---|---|---|---|")
    for name, mode in stage.MODES.items():
        if len(sys.argv) > 2:  # noqa: PLR2004 - in a process of its own, each
            if sys.argv[2] == name:
                parts(mode, max(mode.size, int(audience * mode.share)))
            continue
        command = [sys.executable, __file__, str(audience), name]
        said = subprocess.run(command, check=True, capture_output=True, encoding="utf-8").stdout
        print(said.splitlines()[-1], flush=True)
    if len(sys.argv) <= 2:  # noqa: PLR2004
        print("\nThe wire runs beside the rest, so that the parts are more than the whole.")


if __name__ == "__main__":
    main()
