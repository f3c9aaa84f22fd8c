"""One run of a case: senders that are killed, what goes on meanwhile, and recovery."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from tests.chaos.providers import CERTAIN
from tests.chaos.removals import REMOVALS
from tests.chaos.scenario import LEASE, Scenario, set_up
from tests.chaos.steps import AT_THE_PROVIDER, HOOKED, IN_RECOVERY, NOWHERE, SEARCHING, nth
from tests.chaos.template import KEY
from tests.support.newsletter import write_issue
from tests.support.providers.fake_server import Fault

if TYPE_CHECKING:
    from tests.chaos.fork_server import ForkServer
    from tests.chaos.matrix import Case
    from tests.chaos.outcome import Result
    from tests.chaos.template import Template

ROUNDS: Final = 7
"""How often the command is run at most, after the two rounds in which a sender may be killed."""

_OTHER_KEY: Final = "another key, as little worth"
_OTHER_ACCOUNT: Final = "andere.example.org"
"""As good a key as it is a domain."""
_ROUNDS_OF_TROUBLE: Final = 2
_LATEST: Final = 29 * 60.0
"""In seconds: when a provider lists what it took, at the latest but one minute."""
_SOON: Final = timedelta(minutes=8)
_WELL: Final = 0.4
_BY_LEASE: Final = 0.5
"""How often the leases of those who were killed are over when the next ones come."""
_ANSWERS: Final = {
    "answers-lost": ("reset-accepted", "half-answer", "page", "empty", "502-page"),
    "500-before": ("500",),
    "500-after": ("500-accepted",),
    "429-storm": ("429",),
}
"""What goes wrong with most requests of the first two rounds."""
_LOSSY: Final = frozenset({"answers-lost", "500-before", "500-after"})


@dataclass
class Run:
    """A case and what it came to.

    Attributes:
        hit: Some process was killed at the case's own step.
        log: What those who sent have said, if something is wrong.
    """

    case: Case
    result: Result
    hit: bool
    log: str = ""


def play(template: Template, fork_server: ForkServer, case: Case, *, naive: bool = False) -> Run:
    """Run a case, and compare what the provider has with the ledger.

    Args:
        template: The newsletter to copy.
        fork_server: Starts the senders.
        case: What is combined.
        naive: Recover as many programs do: send again what was under way. It shows that duplicates
            are seen.
    """
    with set_up(template, fork_server, case.provider) as scenario:
        trial = Trial(scenario, case, naive=naive)
        trial.play()
        harmless = not scenario.result.killed and case.fault not in _LOSSY
        result = scenario.check_outcome(certain=case.kind in CERTAIN or harmless)
        return Run(case, result, trial.hit, "" if result.good else scenario.log())


class Trial:
    def __init__(self, scenario: Scenario, case: Case, *, naive: bool) -> None:
        self.scenario, self.case, self.naive = scenario, case, naive
        self.hit = False
        self.round = 0
        self.kills: dict[int, str] = {}
        self.search_kill = 0
        scenario.fake.plan, scenario.fake.meanwhile = self._fault, self._meanwhile
        scenario.fake.search_plan = self._search_fault
        if case.kind == "searchable":
            late = case.fault == "late-listing"
            scenario.fake.domains.add(_OTHER_ACCOUNT)
            scenario.fake.lag = _LATEST if late else case.chance("lag").choice((0, 60, 900))

    def play(self) -> None:
        """Send, and die; see what happens meanwhile; send on until nothing changes."""
        case, chance = self.case, self.case.chance("steps")
        usual = (NOWHERE, NOWHERE, *HOOKED, *IN_RECOVERY, *AT_THE_PROVIDER)
        in_recovery = case.step in {SEARCHING, *IN_RECOVERY}
        first = chance.choice(("claimed", "kill-untaken", "kill-taken"))
        again = chance.choice(usual)
        self._send(first if in_recovery else case.step)
        # Those who were killed here are known to be gone; of others, the leases say it.
        if self.case.chance("lease").random() < _BY_LEASE:
            self.scenario.copy.clock.advance(LEASE)
        self._between()
        self._send(case.step if in_recovery else again)
        self.round += 1
        self.kills, self.search_kill = {}, 0
        if case.fault == "late-listing":
            # What is not listed yet may have been taken all the same.
            for _ in range(3):
                self.scenario.copy.clock.advance(_SOON)
                self.scenario.send()
        if self.naive:
            self._requeue()
        self.scenario.send_on(ROUNDS)

    def _send(self, step: str) -> None:
        """Let all send at once, some of them to their deaths."""
        self.round += 1
        chance = self.case.chance(f"round {self.round}")
        victims = chance.randint(1, self.case.processes)
        self.kills = {}
        if step in AT_THE_PROVIDER:
            places = chance.sample(range(1, 5), victims)
            self.kills = {self.scenario.fake.count + place: step for place in places}
        if step == SEARCHING:
            self.search_kill = self.scenario.fake.searches + chance.randint(1, 2)
        steps = [step] * victims + [NOWHERE] * (self.case.processes - victims)
        before = self.scenario.result.killed
        self.scenario.send([(step, nth(step, chance)) for step in steps])
        self.hit |= step == self.case.step and self.scenario.result.killed > before

    # What goes wrong besides

    def _fault(self, number: int) -> Fault:
        """Return what goes wrong with the nth request."""
        faults = self.scenario.fake.FAULTS
        if number in self.kills:
            return faults[self.kills[number]]
        chance = self.case.chance(f"request {number}")
        wrong = _ANSWERS.get(self.case.fault)
        if wrong is None or self.round > _ROUNDS_OF_TROUBLE or chance.random() < _WELL:
            return Fault(taken=True)
        found = faults[chance.choice(wrong)]
        # No wait that the program asks for is needed here.
        return (
            replace(found, headers={"retry-after": "0"})
            if "retry-after" in found.headers
            else found
        )

    def _search_fault(self, number: int) -> Fault:
        """Return what goes wrong with the nth question about what was taken."""
        faults = self.scenario.fake.FAULTS
        if number == self.search_kill:
            return faults["kill-untaken"]
        silent = self.case.fault == "no-listing" and self.round <= _ROUNDS_OF_TROUBLE
        return faults["500"] if silent else Fault(taken=True)

    def _meanwhile(self, number: int) -> None:
        """Let a subscriber leave while a request is at the provider."""
        if number == 2:
            self._lose_a_subscriber("pending")

    def _between(self) -> None:
        """Do what happens between the death of the senders and the next attempt."""
        self.scenario.wait_until_read()
        # Whoever edits the file now changes nothing of what was frozen.
        write_issue(self.scenario.copy.root, more=" En nog iets.")
        if self.naive:
            self._requeue()
        self._lose_a_subscriber("attempting", "unknown")
        if self.case.fault.startswith("wrong-"):
            self._send_wrongly()
        if self.case.fault == "other-account":
            self._send_through_another()

    def _requeue(self) -> None:
        with self.scenario.copy.store() as store, store.write() as connection:
            connection.exec_driver_sql(
                "UPDATE deliveries SET state = 'pending', batch_id = NULL"
                " WHERE state IN ('attempting', 'unknown')"
            )

    def _lose_a_subscriber(self, *states: str) -> None:
        if self.case.fault in REMOVALS:
            chance = self.case.chance(str(states))
            self.scenario.lose(self.case.fault, *states, most=1, chance=chance)

    def _send_through_another(self) -> None:
        """Type the command with another account of the provider's, which has none of these keys."""
        by = self.scenario.provider.case.can.account_variable
        self.kills = {}
        self.scenario.send(environment={by: _OTHER_ACCOUNT} if by else {})

    def _send_wrongly(self) -> None:
        """Type the command with settings that do not fit: nothing leaves, and nothing changes."""
        scenario = self.scenario
        before = (scenario.states(), scenario.fake.count)
        signed = scenario.copy.observer.rows("SELECT 1 FROM signing_keys")
        if self.case.fault == "wrong-key":
            codes = scenario.send(environment={"NEWSLETTER_SECRET_KEY": _OTHER_KEY})
            scenario.copy.environment["NEWSLETTER_SECRET_KEY"] = f"{KEY},{_OTHER_KEY}"
        else:
            settings = scenario.copy.root / "newsletter.toml"
            right = settings.read_text(encoding="utf-8")
            settings.write_text(right.replace('ledger = "', 'ledger = "x'), encoding="utf-8")
            codes = scenario.send()
            settings.write_text(right, encoding="utf-8")
        # Of what is done already the same account is given again.
        account = scenario.copy.observer.account()
        done = account is not None and account.state == "completed"
        refused = codes == [0 if done else 1] and before == (scenario.states(), scenario.fake.count)
        # As long as none has signed anything, any key is as good.
        if not refused and (signed or self.case.fault == "wrong-ledger"):
            scenario.result.broken.append(f"settings with a {self.case.fault} were not refused")
