"""One run of a case: senders that are killed, what goes on meanwhile, and recovery."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from house import write_issue
from leaving import GOING
from providers import CERTAIN
from scene import LEASE, Scene, set_up
from stage import KEY
from stand_in import Fault
from steps import AT_THE_PROVIDER, HOOKED, IN_RECOVERY, NOWHERE, SEARCHING, nth

if TYPE_CHECKING:
    from judge import Result
    from matrix import Case
    from nursery import Nursery
    from stage import Stage

ROUNDS: Final = 7
"""How often the command is typed, at the most, after the two rounds in which somebody may die."""

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


def play(stage: Stage, nursery: Nursery, case: Case, *, naive: bool = False) -> Run:
    """Play a case and judge it.

    Args:
        stage: Where.
        nursery: Where those who send come from.
        case: What.
        naive: Recover as many do: what was under way is sent again. It shows what the judge sees.
    """
    with set_up(stage, nursery, case.provider) as scene:
        trial = Trial(scene, case, naive=naive)
        trial.play()
        harmless = not scene.result.killed and case.fault not in _LOSSY
        result = scene.judge(certain=case.kind in CERTAIN or harmless)
        return Run(case, result, trial.hit, "" if result.good else scene.log())


class Trial:
    def __init__(self, scene: Scene, case: Case, *, naive: bool) -> None:
        self.scene, self.case, self.naive = scene, case, naive
        self.hit = False
        self.round = 0
        self.kills: dict[int, str] = {}
        self.search_kill = 0
        scene.fake.plan, scene.fake.meanwhile = self._fault, self._meanwhile
        scene.fake.search_plan = self._search_fault
        if case.kind == "searchable":
            late = case.fault == "late-listing"
            scene.fake.domains.add(_OTHER_ACCOUNT)
            scene.fake.lag = _LATEST if late else case.chance("lag").choice((0, 60, 900))

    def play(self) -> None:
        """Send, and die; see what happens meanwhile; send on until nothing changes."""
        case, chance = self.case, self.case.chance("steps")
        usual = (NOWHERE, NOWHERE, *HOOKED, *IN_RECOVERY, *AT_THE_PROVIDER)
        in_recovery = case.step in {SEARCHING, *IN_RECOVERY}
        first = chance.choice(("claimed", "kill-untaken", "kill-taken"))
        again = chance.choice(usual)
        self._send(first if in_recovery else case.step)
        # Those who were killed here are known to be gone; of others, the leases tell it.
        if self.case.chance("lease").random() < _BY_LEASE:
            self.scene.copy.clock.advance(LEASE)
        self._between()
        self._send(case.step if in_recovery else again)
        self.round += 1
        self.kills, self.search_kill = {}, 0
        if case.fault == "late-listing":
            # What is not listed yet may have been taken all the same.
            for _ in range(3):
                self.scene.copy.clock.advance(_SOON)
                self.scene.send()
        if self.naive:
            self._requeue()
        self.scene.send_on(ROUNDS)

    def _send(self, step: str) -> None:
        """Let all send at once, some of them to their deaths."""
        self.round += 1
        chance = self.case.chance(f"round {self.round}")
        victims = chance.randint(1, self.case.processes)
        self.kills = {}
        if step in AT_THE_PROVIDER:
            places = chance.sample(range(1, 5), victims)
            self.kills = {self.scene.fake.count + place: step for place in places}
        if step == SEARCHING:
            self.search_kill = self.scene.fake.searches + chance.randint(1, 2)
        steps = [step] * victims + [NOWHERE] * (self.case.processes - victims)
        before = self.scene.result.killed
        self.scene.send([(step, nth(step, chance)) for step in steps])
        self.hit |= step == self.case.step and self.scene.result.killed > before

    # What goes wrong besides

    def _fault(self, number: int) -> Fault:
        """Return what goes wrong with the nth request."""
        faults = self.scene.fake.FAULTS
        if number in self.kills:
            return faults[self.kills[number]]
        chance = self.case.chance(f"request {number}")
        wrong = _ANSWERS.get(self.case.fault)
        if wrong is None or self.round > _ROUNDS_OF_TROUBLE or chance.random() < _WELL:
            return Fault(taken=True)
        found = faults[chance.choice(wrong)]
        # Nobody has to wait here for what he is asked to wait for.
        return (
            replace(found, headers={"retry-after": "0"})
            if "retry-after" in found.headers
            else found
        )

    def _search_fault(self, number: int) -> Fault:
        """Return what goes wrong with the nth question about what was taken."""
        faults = self.scene.fake.FAULTS
        if number == self.search_kill:
            return faults["kill-untaken"]
        silent = self.case.fault == "no-listing" and self.round <= _ROUNDS_OF_TROUBLE
        return faults["500"] if silent else Fault(taken=True)

    def _meanwhile(self, number: int) -> None:
        """Let somebody leave while a request is at the provider."""
        if number == 2:
            self._lose_a_reader("pending")

    def _between(self) -> None:
        """Do what happens between the death of the senders and the next attempt."""
        self.scene.hear_out()
        # Whoever edits the file now changes nothing of what was frozen.
        write_issue(self.scene.copy.root, more=" En nog iets.")
        if self.naive:
            self._requeue()
        self._lose_a_reader("attempting", "unknown")
        if self.case.fault.startswith("wrong-"):
            self._send_wrongly()
        if self.case.fault == "other-account":
            self._send_through_another()

    def _requeue(self) -> None:
        with self.scene.copy.store() as store, store.write() as connection:
            connection.exec_driver_sql(
                "UPDATE deliveries SET state = 'pending', batch_id = NULL"
                " WHERE state IN ('attempting', 'unknown')"
            )

    def _lose_a_reader(self, *states: str) -> None:
        if self.case.fault in GOING:
            chance = self.case.chance(str(states))
            self.scene.lose(self.case.fault, *states, most=1, chance=chance)

    def _send_through_another(self) -> None:
        """Type the command with another account of the provider's, which has none of these keys."""
        by = self.scene.provider.case.can.account_by
        self.kills = {}
        self.scene.send(environment={by: _OTHER_ACCOUNT} if by else {})

    def _send_wrongly(self) -> None:
        """Type the command with settings that do not fit: nothing leaves, and nothing changes."""
        scene = self.scene
        before = (scene.states(), scene.fake.count)
        signed = scene.copy.eye.rows("SELECT 1 FROM signing_keys")
        if self.case.fault == "wrong-key":
            codes = scene.send(environment={"NEWSLETTER_SECRET_KEY": _OTHER_KEY})
            scene.copy.environment["NEWSLETTER_SECRET_KEY"] = f"{KEY},{_OTHER_KEY}"
        else:
            settings = scene.copy.root / "newsletter.toml"
            right = settings.read_text(encoding="utf-8")
            settings.write_text(right.replace('ledger = "', 'ledger = "x'), encoding="utf-8")
            codes = scene.send()
            settings.write_text(right, encoding="utf-8")
        # Of what is done already the same account is given again.
        account = scene.copy.eye.account()
        done = account is not None and account.state == "completed"
        refused = codes == [0 if done else 1] and before == (scene.states(), scene.fake.count)
        # As long as none has signed anything, any key is as good.
        if not refused and (signed or self.case.fault == "wrong-ledger"):
            scene.result.broken.append(f"settings with a {self.case.fault} were not refused")
