"""How long the next sender takes to replace one that was killed on the same machine: under 2 s.

    .venv/bin/python benchmarks/taking_over.py [ROUNDS]

A mailing: `newsletter send` is killed with SIGKILL while requests are at the provider; then the
same command is typed. What is measured is from its start until the letters that were under way are
accepted; beside it stands how long the first process took until its letters were under way, which
is what starting costs by itself. A notice: a process is killed when the provider has taken it; then
one round of sending.
"""

from __future__ import annotations

import os
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from datetime import datetime, timedelta
from pathlib import Path

PROJECT = Path(__file__).parents[1]
sys.path[:0] = [str(PROJECT / "tests"), str(PROJECT / "tests" / "providers")]

from fake_resend import FakeResend  # noqa: E402
from house import COMMAND, House, Provider, raw  # noqa: E402
from visitors import VIA, wish  # noqa: E402

from newsletter.delivery.notices import Notices  # noqa: E402
from newsletter.subscriptions.joining import join  # noqa: E402

READERS = 500
LIMIT = 2.0


def fresh(root: Path, readers: int) -> House:
    """Make a newsletter with an issue for just now."""
    (root / "newsletter.toml").write_text('name = "Proefbrief"\n', encoding="utf-8")
    (root / "issues").mkdir()
    soon = datetime.now().astimezone() + timedelta(minutes=5)
    slug = f"{soon:%Y-%m-%d}-rust"
    text = f"---\nsubject: Over rust\nsend_at: {soon:%Y-%m-%d %H:%M}\n---\nEen rustige zin.\n"
    (root / "issues" / f"{slug}.md").write_text(text, encoding="utf-8")
    return House(root, readers=readers, slug=slug)


def mailing(root: Path) -> tuple[float, float]:
    """Return after how many seconds a killed `send` was replaced, and how long the first took."""
    house = fresh(root, READERS)
    with FakeResend(root / "taken", latency=0.2) as fake:
        environment = {**os.environ, **house.for_real(fake.url)}
        command = [COMMAND, "-q", "send", house.slug, "--yes", "--no-preflight"]
        began = time.perf_counter()
        first = subprocess.Popen(command, cwd=root, env=environment)
        while not house.sql("SELECT 1 FROM deliveries WHERE state = 'attempting' LIMIT 1"):
            time.sleep(0.005)
        start = time.perf_counter() - began
        time.sleep(0.1)
        first.kill()
        assert first.wait() == -signal.SIGKILL
        ((last,),) = house.sql("SELECT max(batch_id) FROM deliveries WHERE state = 'attempting'")
        assert last
        left = f"SELECT 1 FROM deliveries WHERE batch_id <= {last} AND state <> 'accepted' LIMIT 1"  # noqa: S608 - a number
        fake.latency = 0.0
        began = time.perf_counter()
        second = subprocess.Popen(command, cwd=root, env=environment, stdout=subprocess.DEVNULL)
        with raw(house.settings.state / "newsletter.db") as eye:
            while eye.execute(left).fetchone():
                time.sleep(0.005)
        took = time.perf_counter() - began
        assert second.wait() == 0
        assert house.sql("SELECT DISTINCT state FROM deliveries") == [("accepted",)]
        assert len({entry["ref"] for entry in fake.taken()}) == len(fake.taken()) == READERS
    house.store.close()
    return took, start


def notice(root: Path) -> tuple[float, float]:
    """Return after how many seconds a killed sender of notices was replaced."""
    house = fresh(root, 0)
    for n in range(2):
        join(house.store, wish(f"lezer{n}@example.org"), VIA)
    notifier = PROJECT / "tests" / "notifier.py"
    killed = [sys.executable, notifier, root, root / "taken", "24", "submit"]
    path = os.pathsep.join(sys.path[:2])
    done = subprocess.run(killed, env={**os.environ, "PYTHONPATH": path}, check=False)
    assert done.returncode == -signal.SIGKILL
    provider = Provider(root / "taken", replay=timedelta(hours=24))
    began = time.perf_counter()
    sent = Notices(house.settings, provider).send_due(house.store, threading.Event())
    took = time.perf_counter() - began
    assert sent.accepted == 1
    assert set(provider.copies().values()) == {1}
    house.store.close()
    return took, 0.0


def main() -> None:
    """Measure both, and print what they came to."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 7
    for measured in (mailing, notice):
        times = []
        for _ in range(rounds):
            with tempfile.TemporaryDirectory() as folder:
                times.append(measured(Path(folder)))
        took, start = zip(*times, strict=True)
        print(
            f"{measured.__name__:<8} median {statistics.median(took):.2f} s,"
            f" longest {max(took):.2f} s of {rounds} (the limit: {LIMIT:g} s);"
            f" an ordinary start {statistics.median(start):.2f} s"
        )


if __name__ == "__main__":
    main()
