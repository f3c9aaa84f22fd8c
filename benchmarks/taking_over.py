"""How long the next sender takes to replace one that was killed on the same machine: under 2 s.

    .venv/bin/python benchmarks/taking_over.py [ROUNDS]

A mailing: `newsletter send` is killed with SIGKILL while requests are at the provider; then the
same command is typed. What is measured is from its start until the letters that were under way are
accepted; beside it is how long the first process took until its letters were under way, which is
what starting costs by itself. A notice: a process is killed when the provider has taken it; then
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

from newsletter.delivery.notices import NoticeSender
from newsletter.subscriptions.signup import request_signup
from tests.support.newsletter import FakeProvider, Newsletter, raw
from tests.support.processes import COMMAND
from tests.support.providers.fake_resend import FakeResend
from tests.support.signups import VIA, signup_request

SUBSCRIBERS = 500
LIMIT = 2.0


def fresh(root: Path, audience: int) -> Newsletter:
    """Make a newsletter with an issue for just now."""
    (root / "newsletter.toml").write_text('name = "Proefbrief"\n', encoding="utf-8")
    (root / "issues").mkdir()
    soon = datetime.now().astimezone() + timedelta(minutes=5)
    slug = f"{soon:%Y-%m-%d}-rust"
    text = f"---\nsubject: Over rust\nsend_at: {soon:%Y-%m-%d %H:%M}\n---\nEen rustige zin.\n"
    (root / "issues" / f"{slug}.md").write_text(text, encoding="utf-8")
    return Newsletter(root, subscribers=audience, slug=slug)


def mailing(root: Path) -> tuple[float, float]:
    """Return after how many seconds a killed `send` was replaced, and how long the first took."""
    newsletter = fresh(root, SUBSCRIBERS)
    with FakeResend(root / "taken", latency=0.2) as fake:
        environment = {**os.environ, **newsletter.for_real(fake.url)}
        command = [COMMAND, "-q", "send", newsletter.slug, "--yes", "--no-preflight"]
        began = time.perf_counter()
        first = subprocess.Popen(command, cwd=root, env=environment)
        while not newsletter.sql("SELECT 1 FROM deliveries WHERE state = 'attempting' LIMIT 1"):
            time.sleep(0.005)
        start = time.perf_counter() - began
        time.sleep(0.1)
        first.kill()
        assert first.wait() == -signal.SIGKILL
        ((last,),) = newsletter.sql(
            "SELECT max(batch_id) FROM deliveries WHERE state = 'attempting'"
        )
        assert last
        left = f"SELECT 1 FROM deliveries WHERE batch_id <= {last} AND state <> 'accepted' LIMIT 1"  # noqa: S608 - a number
        fake.latency = 0.0
        began = time.perf_counter()
        second = subprocess.Popen(command, cwd=root, env=environment, stdout=subprocess.DEVNULL)
        with raw(newsletter.settings.state / "newsletter.db") as eye:
            while eye.execute(left).fetchone():
                time.sleep(0.005)
        took = time.perf_counter() - began
        assert second.wait() == 0
        assert newsletter.sql("SELECT DISTINCT state FROM deliveries") == [("accepted",)]
        assert len({entry["ref"] for entry in fake.taken()}) == len(fake.taken()) == SUBSCRIBERS
    newsletter.store.close()
    return took, start


def notice(root: Path) -> tuple[float, float]:
    """Return after how many seconds a killed sender of notices was replaced."""
    newsletter = fresh(root, 0)
    for n in range(2):
        request_signup(newsletter.store, signup_request(f"lezer{n}@example.org"), VIA)
    module = "tests.support.notice_sender"
    killed = [sys.executable, "-m", module, root, root / "taken", "24", "submit"]
    done = subprocess.run(killed, check=False)
    assert done.returncode == -signal.SIGKILL
    provider = FakeProvider(root / "taken", replay=timedelta(hours=24))
    began = time.perf_counter()
    sent = NoticeSender(newsletter.settings, provider).send_due(newsletter.store, threading.Event())
    took = time.perf_counter() - began
    assert sent.accepted == 1
    assert set(provider.copies().values()) == {1}
    newsletter.store.close()
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
