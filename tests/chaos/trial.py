"""One run of a case: senders that are killed, what goes on meanwhile, and recovery."""

from __future__ import annotations

import os
import signal
import time
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from fakes import FAKES
from house import write_issue
from judge import judge
from leaving import GOING
from stage import KEY, READERS
from stand_in import Fault
from steps import AT_THE_PROVIDER, HOOKED, IN_RECOVERY, NOWHERE, nth

if TYPE_CHECKING:
    from matrix import Case
    from nursery import Nursery
    from stage import Copy, Stage

SIZE: Final = 5
ROUNDS: Final = 9
"""How often the command is typed, at the most, until nothing changes any more."""

_OTHER_KEY: Final = "another key, as little worth"
_LEASE: Final = timedelta(seconds=200)
"""After that a process that was not heard of counts as lost."""
_A_WHILE: Final = timedelta(minutes=16)
_GLANCE: Final = 0.02
_STILL: Final = 0.4
_PATIENCE: Final = 60.0
_LATENCY: Final = 0.004
_BAD_ROUNDS: Final = 2
_WELL: Final = 0.4
_ANSWERS: Final = {
    "answers-lost": ("reset-accepted", "half-answer", "page", "empty", "502-page"),
    "500-before": ("500",),
    "500-after": ("500-accepted",),
    "429-storm": ("429",),
}
"""What goes wrong with most requests of the first rounds."""
_STATES: Final = "SELECT ref, state FROM deliveries ORDER BY id"


@dataclass
class Result:
    """What a run came to.

    Attributes:
        hit: Some process was killed at the case's own step.
        killed: How many processes were, at that or another.
        duplicates: Letters that a reader had already.
        losses: Readers who have no letter, and of whom nothing says so.
        unknown: Deliveries that stand as unknown in the end.
        broken: What should not have been, in words.
    """

    case: Case
    hit: bool = False
    killed: int = 0
    duplicates: int = 0
    losses: int = 0
    unknown: int = 0
    broken: list[str] = field(default_factory=list)
    log: str = ""

    @property
    def good(self) -> bool:
        return not (self.duplicates or self.losses or self.broken)


def run(stage: Stage, nursery: Nursery, case: Case, *, naive: bool = False) -> Result:
    """Play a case and judge it.

    Args:
        stage: Where.
        nursery: Where those who send come from.
        case: What.
        naive: Recover as many do: what was under way is sent again. It shows what the judge sees.
    """
    with stage.copy() as copy:
        trial = Trial(nursery, copy, case, naive=naive)
        with trial.fake:
            trial.play()
        result = trial.result
        judge(result, trial.fake, copy.eye, audience=READERS, gone=trial.gone)
        if not result.good:
            result.log = trial.log.read_text(encoding="utf-8")
    return result


class Trial:
    def __init__(self, nursery: Nursery, copy: Copy, case: Case, *, naive: bool) -> None:
        self.nursery, self.copy, self.case, self.naive = nursery, copy, case, naive
        self.result = Result(case)
        self.log = copy.root / "log"
        self.gone: dict[str, str] = {}
        self.round = 0
        self.kills: dict[int, str] = {}
        self.fake = FAKES[case.kind](copy.root / "taken", latency=_LATENCY)
        self.fake.eye, self.fake.plan, self.fake.meanwhile = copy.eye, self._fault, self._meanwhile
        copy.environment["NEWSLETTER_PROVIDER_URL"] = self.fake.url

    def play(self) -> None:
        """Send, and die; see what happens meanwhile; type the command until nothing changes."""
        case, chance = self.case, self.case.chance("steps")
        usual = (NOWHERE, NOWHERE, *HOOKED, *IN_RECOVERY, *AT_THE_PROVIDER)
        in_recovery = case.step in IN_RECOVERY
        first = chance.choice(("claimed", "kill-untaken", "kill-taken"))
        again = chance.choice(usual)
        self._send(case.processes, first if in_recovery else case.step)
        self.copy.clock.advance(_LEASE)
        self._between()
        codes = self._send(case.processes, case.step if in_recovery else again)
        while codes != {0} and self.round < ROUNDS:
            before = self.copy.eye.rows(_STATES)
            self.copy.clock.advance(_A_WHILE)
            if self.naive:
                self._requeue()
            codes = self._send(1, NOWHERE)
            if codes == {3} and before == self.copy.eye.rows(_STATES):
                break
        if codes != ({3} if "unknown" in dict(self._states()).values() else {0}):
            self.result.broken.append(f"in the end the exit code is {codes}")
        self._hear_out()

    # Those who send

    def _send(self, processes: int, step: str, **settings: str) -> set[int]:
        """Let so many send at once, some of them to their deaths; return how the others ended."""
        self.round += 1
        chance = self.case.chance(f"round {self.round}")
        victims = chance.randint(1, processes)
        self.kills = {}
        if step in AT_THE_PROVIDER:
            places = chance.sample(range(1, 5), victims)
            self.kills = {self.fake.count + place: step for place in places}
        order = {
            "root": str(self.copy.root),
            "environment": self.copy.environment | settings,
            "slug": self.copy.slug,
            "clock": str(self.copy.root / "clock"),
            "log": str(self.log),
            "kind": self.case.kind,
            "size": SIZE,
        }
        steps = [step if number < victims else NOWHERE for number in range(processes)]
        start = self.nursery.start
        codes = self._attend({start({**order, "step": s, "nth": nth(s, chance)}) for s in steps})
        killed = codes.count(-signal.SIGKILL)
        self.result.killed += killed
        self.result.hit |= step == self.case.step and killed > 0
        self.result.broken += [
            f"exit code {code}" for code in set(codes) - {0, 1, 3, 75, -signal.SIGKILL}
        ]
        return set(codes) - {-signal.SIGKILL}

    def _attend(self, alive: set[int]) -> list[int]:
        """Wait until these have ended; let a lease run out when those who are left wait for it."""
        codes: list[int] = []
        deadline = time.monotonic() + _PATIENCE
        last, since = None, 0.0
        while alive:
            time.sleep(_GLANCE)
            ended = self.nursery.ended(alive)
            alive -= ended.keys()
            codes += ended.values()
            now = (self.copy.eye.rows(_STATES), self.fake.count)
            if now != last or -signal.SIGKILL not in codes:
                self._observe()
                last, since = now, time.monotonic()
            elif time.monotonic() - since > _STILL:
                # Somebody may be so slow that he is taken to be lost, and sends after that.
                self.fake.punctual = False
                self.copy.clock.advance(_LEASE)
                last = None
            if time.monotonic() > deadline:
                self.result.broken.append("it came to no end")
                for pid in alive:
                    os.kill(pid, signal.SIGKILL)
                deadline += _PATIENCE
        self.fake.punctual = True
        return codes

    def _observe(self) -> None:
        account = self.copy.eye.account()
        if account and account.fault():
            self.result.broken.append(account.fault())

    def _states(self) -> list[tuple[str, str]]:
        return [(ref, state) for ref, state in self.copy.eye.rows(_STATES)]

    def _hear_out(self) -> None:
        """Let the provider read all that the dead had sent to it."""
        deadline = time.monotonic() + _PATIENCE
        while self.fake.busy:
            assert time.monotonic() < deadline
            time.sleep(0.002)

    # What goes wrong besides

    def _fault(self, number: int) -> Fault:
        """Return what goes wrong with the nth request."""
        faults = self.fake.FAULTS
        if number in self.kills:
            return faults[self.kills[number]]
        chance = self.case.chance(f"request {number}")
        wrong = _ANSWERS.get(self.case.fault)
        if wrong is None or self.round > _BAD_ROUNDS or chance.random() < _WELL:
            return Fault(taken=True)
        found = faults[chance.choice(wrong)]
        # Nobody has to wait here for what he is asked to wait for.
        return (
            replace(found, headers={"retry-after": "0"})
            if "retry-after" in found.headers
            else found
        )

    def _meanwhile(self, number: int) -> None:
        """Let somebody leave while a request is at the provider."""
        if number == 2:
            self._lose_a_reader("pending")

    def _between(self) -> None:
        """Do what happens between the death of the senders and the next attempt."""
        self._hear_out()
        # Whoever edits the file now changes nothing of what was frozen.
        write_issue(self.copy.root, more=" En nog iets.")
        if self.naive:
            self._requeue()
        self._lose_a_reader("attempting", "unknown")
        if self.case.fault.startswith("wrong-"):
            self._send_wrongly()

    def _requeue(self) -> None:
        with self.copy.store() as store, store.write() as connection:
            connection.exec_driver_sql(
                "UPDATE deliveries SET state = 'pending', batch_id = NULL"
                " WHERE state IN ('attempting', 'unknown')"
            )

    def _lose_a_reader(self, *states: str) -> None:
        """Let a reader go whose letter stands so; remember how it stood when he had gone."""
        if self.case.fault not in GOING:
            return
        eye = self.copy.eye
        listed = ", ".join(f"'{state}'" for state in states)
        found = eye.rows(
            "SELECT d.ref, s.email FROM subscribers s JOIN deliveries d ON d.subscriber_id = s.id"  # noqa: S608 - our own words
            f" WHERE d.state IN ({listed}) ORDER BY s.id"
        )
        found = [(ref, email) for ref, email in found if ref not in self.gone]
        if found:
            ref, email = self.case.chance(listed).choice(found)
            with self.copy.store() as store:
                GOING[self.case.fault](store, email)
            ((state,),) = eye.rows(f"SELECT state FROM deliveries WHERE ref = '{ref}'")  # noqa: S608 - hexadecimal
            self.gone[ref] = state

    def _send_wrongly(self) -> None:
        """Type the command with settings that do not fit: nothing leaves, and nothing changes."""
        before = (self._states(), self.fake.count)
        signed = self.copy.eye.rows("SELECT 1 FROM signing_keys")
        if self.case.fault == "wrong-key":
            codes = self._send(1, NOWHERE, NEWSLETTER_SECRET_KEY=_OTHER_KEY)
            self.copy.environment["NEWSLETTER_SECRET_KEY"] = f"{KEY},{_OTHER_KEY}"
        else:
            settings = self.copy.root / "newsletter.toml"
            right = settings.read_text(encoding="utf-8")
            settings.write_text(right.replace('ledger = "', 'ledger = "x'), encoding="utf-8")
            codes = self._send(1, NOWHERE)
            settings.write_text(right, encoding="utf-8")
        # Of what is done already the same account is given again.
        account = self.copy.eye.account()
        done = account is not None and account.state == "completed"
        refused = codes == {0 if done else 1} and before == (self._states(), self.fake.count)
        # As long as none has signed anything, any key is as good.
        if not refused and (signed or self.case.fault == "wrong-ledger"):
            self.result.broken.append(f"settings with a {self.case.fault} were not refused")
