"""A newsletter, its provider and its senders: what every trial needs."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from tests.chaos.outcome import Result, check_outcome
from tests.chaos.providers import CERTAIN, PROVIDERS
from tests.chaos.removals import REMOVALS
from tests.chaos.steps import NOWHERE
from tests.chaos.template import SUBSCRIBERS

if TYPE_CHECKING:
    import random
    from collections.abc import Iterator, Mapping, Sequence

    from tests.chaos.fork_server import ForkServer
    from tests.chaos.template import Copy, Template

SIZE: Final = 5
"""Letters in a request."""

LEASE: Final = timedelta(seconds=200)
"""After that a process that was not heard of counts as lost."""
A_WHILE: Final = timedelta(minutes=31)
"""Between two times that the command is typed."""

_SEARCHES: Final = 2
"""As long as a provider may be searched, that a run changes nothing need not be the end."""
_LATENCY: Final = 0.004
_GLANCE: Final = 0.02
_STILL: Final = 0.4
_PATIENCE: Final = 60.0
_STATES: Final = "SELECT ref, state FROM deliveries ORDER BY id"


@contextlib.contextmanager
def set_up(template: Template, fork_server: ForkServer, provider: str) -> Iterator[Scenario]:
    """Give a trial a copy of the template, for as long as the block takes."""
    with template.copy() as copy:
        scenario = Scenario(fork_server, copy, provider)
        with scenario.fake:
            yield scenario


def go_on(scenario: Scenario) -> None:
    """Type the command again, when whoever was lost counts as lost; nothing may be wrong then."""
    scenario.copy.clock.advance(LEASE)
    scenario.send_on(6)
    certain = scenario.provider.kind in CERTAIN
    result = scenario.check_outcome(certain=certain)
    assert result.good, f"{result}\n{scenario.log()}"
    # Of one that is blind, no more than what one process had under way.
    assert result.unknown <= (0 if certain else SIZE)


class Scenario:
    """A newsletter of its own, and its provider.

    Attributes:
        fake: Its provider; `plan` and `meanwhile` say what goes wrong there.
        gone: Who left meanwhile, by delivery reference: the state of their letter when they did; or
            *untaken*, if nobody was sending it and the provider did not have it.
        erased: The addresses that may stand nowhere any more.
    """

    def __init__(self, fork_server: ForkServer, copy: Copy, provider: str) -> None:
        self.fork_server, self.copy = fork_server, copy
        self.provider = PROVIDERS[provider]
        self.result = Result()
        self.gone: dict[str, str] = {}
        self.erased: set[str] = set()
        self._alive: set[int] = set()
        self._log = copy.root / "log"
        self.fake = self.provider.fake(copy.root / "taken", latency=_LATENCY)
        self.fake.observer, self.fake.clock = copy.observer, copy.clock
        copy.environment |= {
            **self.provider.case.environment,
            "NEWSLETTER_PROVIDER": self.provider.case.can.name,
            "NEWSLETTER_PROVIDER_URL": self.fake.url,
        }

    def send(
        self,
        steps: Sequence[tuple[str, int]] = ((NOWHERE, 1),),
        **more: Any,  # noqa: ANN401 - see `begin`
    ) -> list[int]:
        """Let a process send for each of these steps; return their exit codes as they ended.

        Args:
            steps: Where each is killed, and at which of its visits there.
            more: As of `begin`.
        """
        return self.attend(self.begin(steps, **more))

    def begin(
        self,
        steps: Sequence[tuple[str, int]] = ((NOWHERE, 1),),
        *,
        environment: Mapping[str, str] | None = None,
        process_faults: Mapping[str, object] | None = None,
        **more: object,
    ) -> set[int]:
        """Begin to send, and return the processes at once.

        Args:
            steps: Where each is killed, and at which of its visits there.
            environment: What they have besides.
            process_faults: What goes wrong with them, by the names of `process_faults.py`.
            more: What `sender_process.py` may be given: `limit`, `in_flight`, whose clock it is.
        """
        order = {
            "root": str(self.copy.root),
            "environment": {**self.copy.environment, **(environment or {})},
            "slug": self.copy.slug,
            "clock": str(self.copy.root / "clock"),
            "log": str(self._log),
            "size": SIZE,
            "audience": self.provider.audience,
            "process_faults": process_faults or {},
            **more,
        }
        begun = {
            self.fork_server.start({**order, "step": step, "nth": visit}) for step, visit in steps
        }
        self._alive |= begun
        return begun

    def attend(self, alive: set[int]) -> list[int]:
        """Wait until these have ended; let a lease run out when those who are left wait for it."""
        codes: list[int] = []
        last, since = None, 0.0
        for ended in self._endings(alive):
            codes += ended
            now = (self.copy.observer.rows(_STATES), self.fake.count)
            if now != last or not any(codes):
                self.observe()
                last, since = now, time.monotonic()
            elif time.monotonic() - since > _STILL:
                # A sender may be so slow that it is taken for lost, and send after that.
                self.fake.punctual = False
                self.copy.clock.advance(LEASE)
                last = None
        self.fake.punctual = True
        self.result.killed += codes.count(-signal.SIGKILL)
        expected = {0, 1, 3, 75, -signal.SIGKILL}
        self.result.broken += [f"exit code {code}" for code in codes if code not in expected]
        return codes

    def outlast(self, alive: set[int]) -> list[int]:
        """Wait until these have ended, without a look at the database; return their exit codes."""
        return [code for ended in self._endings(alive) for code in ended]

    def _endings(self, alive: set[int]) -> Iterator[list[int]]:
        """Yield, again and again, the exit codes of those who ended just now."""
        deadline = time.monotonic() + _PATIENCE
        while alive:
            time.sleep(_GLANCE)
            ended = self.fork_server.ended(alive)
            alive -= ended.keys()
            self._alive -= ended.keys()
            yield list(ended.values())
            if time.monotonic() > deadline:
                self.result.broken.append("it came to no end")
                for pid in alive:
                    os.kill(pid, signal.SIGKILL)
                deadline += _PATIENCE

    def send_on(self, most: int) -> None:
        """Type the command, with a while between, until it is done or changes nothing any more."""
        codes: list[int] = []
        still = 0
        while codes != [0] and still < _SEARCHES and most:
            before = self.states()
            self.copy.clock.advance(A_WHILE)
            codes = self.send()
            still = still + 1 if before == self.states() else 0
            most -= 1
        if codes != [3 if "unknown" in self.states().values() else 0]:
            self.result.broken.append(f"in the end the exit code is {codes}")

    def lose(
        self, how: str, *states: str, most: int = SUBSCRIBERS, chance: random.Random | None = None
    ) -> list[str]:
        """Remove subscribers with deliveries in these states, and remember the states after that.

        Args:
            how: One of the ways in `removals.py`.
            states: Of their deliveries.
            most: So many of them.
            chance: Chooses them; without it, all of them in their order.

        Returns:
            The references of their deliveries.
        """
        listed = ", ".join(f"'{state}'" for state in states)
        found = self.copy.observer.rows(
            "SELECT d.ref, s.email FROM subscribers s JOIN deliveries d ON d.subscriber_id = s.id"  # noqa: S608 - our own words
            f" WHERE d.state IN ({listed}) ORDER BY s.id"
        )
        there = {ref: email for ref, email in found if ref not in self.gone}
        refs = chance.sample([*there], min(most, len(there))) if chance else [*there][:most]
        taken = {entry["ref"] for entry in self.fake.taken()}
        with self.copy.store() as store:
            for ref in refs:
                REMOVALS[how](store, self.copy.root, there[ref])
                untaken = not self._alive and ref not in taken
                self.gone[ref] = "untaken" if untaken else self.states()[ref]
                if how == "erased":
                    self.erased.add(there[ref])
        return refs

    def observe(self) -> None:
        """See whether the account adds up just now."""
        account = self.copy.observer.account()
        if account and account.fault():
            self.result.broken.append(account.fault())

    def states(self) -> dict[str, str]:
        """Return the state of each delivery, by its reference."""
        return dict(self.copy.observer.rows(_STATES))

    def wait_until_read(self) -> None:
        """Let the provider read all that the dead had sent to it."""
        deadline = time.monotonic() + _PATIENCE
        while self.fake.busy:
            assert time.monotonic() < deadline
            time.sleep(0.002)

    def log(self) -> str:
        """Return what those who sent have said."""
        return self._log.read_text(encoding="utf-8")

    def check_outcome(self, *, certain: bool) -> Result:
        """Return what it came to; `certain` if nothing has to stay unknown."""
        self.wait_until_read()
        check_outcome(
            self.result,
            self.fake,
            self.copy.observer,
            audience=SUBSCRIBERS,
            gone=self.gone,
            erased=self.erased,
            certain=certain,
        )
        return self.result
