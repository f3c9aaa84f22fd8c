"""The providers of the trials: their own adapters, and a fake for each that checks the ledger."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from tests.support.providers import cases
from tests.support.providers.fake_server import FakeServer, Fault, Request

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tests.chaos.clock import Clock
    from tests.chaos.observer import Observer

_REF: Final = re.compile(rb"(?<![0-9a-f])[0-9a-f]{32}(?![0-9a-f])")


class WatchedFake(FakeServer):
    """A stand-in that looks into the sender's database, at each request, from outside.

    Attributes:
        observer: Its own connection; set before anything is asked of it.
        clock: What time it is.
        plan: What goes wrong with the nth request that sends.
        search_plan: What goes wrong with the nth that asks.
        meanwhile: Called with the number of each request that sends, before it is taken.
        punctual: No sender is so slow that it is taken for lost while it is about to send.
        broken: What should not have been.
    """

    observer: Observer
    clock: Clock

    def __init__(self, *arguments: Any, **more: Any) -> None:  # noqa: ANN401 - see StandIn
        super().__init__(*arguments, **more)
        self.plan: Callable[[int], Fault] = lambda _number: Fault(taken=True)
        self.search_plan: Callable[[int], Fault] = self.plan
        self.meanwhile: Callable[[int], None] = lambda _number: None
        self.punctual = True
        self.searches = 0
        self.broken: list[str] = []
        self._looks = 0

    @property
    def busy(self) -> bool:
        """Whether there is a connection that was not read to its end."""
        return self._server.is_connected()

    def now(self) -> float:
        return self.clock().timestamp()

    def next_fault(self, request: Request) -> Fault:
        with self.lock:
            if self.counts(request):
                self.count += 1
                return self.plan(self.count)
            self.searches += 1
            return self.search_plan(self.searches)

    def respond(self, request: Request) -> tuple[int, bytes]:
        if self.counts(request):
            with self.lock:
                self._looks += 1
                number = self._looks
            try:
                self._look(request)
                self.meanwhile(number)
            except BaseException as error:  # the server would hide it
                self.broken.append(f"the check failed: {error!r}")
                raise
        return super().respond(request)

    def _look(self, request: Request) -> None:
        """See that what has left was committed as attempting before, and that all adds up."""
        refs = {found.decode() for found in _REF.findall(request.body)}
        listed = ", ".join(f"'{ref}'" for ref in refs)
        rows = self.observer.rows(
            "SELECT d.state, b.key, b.payload_hash FROM deliveries d"  # noqa: S608 - hexadecimal
            f" LEFT JOIN batches b ON b.id = d.batch_id WHERE d.ref IN ({listed})"
        )
        states, keys, hashes = map(set, zip(*rows, strict=True)) if rows else (set(), set(), set())
        said = request.headers.get("idempotency-key")
        if len(keys) != 1 or (said and keys != {said}):
            self.broken.append(f"letters of the batches {keys} left under the key {said}")
        if None in hashes:
            self.broken.append("letters left before their hash was committed")
        if (states != {"attempting"}) if self.punctual else ("pending" in states):
            self.broken.append(f"letters left that were {states}")
        account = self.observer.account()
        if account and account.fault():
            self.broken.append(account.fault())


@dataclass(frozen=True)
class Chosen:
    """A provider that the trials know.

    Attributes:
        kind: What can be learned of a request whose answer was lost. *Keyed*: it may be repeated.
            *Searchable*: what was taken is listed. *Blind*: neither.
        case: As its own tests have it.
        fake: Its fake, which checks the ledger.
        audience: So many subscribers there seem to be, for those that send to many in another way.
    """

    kind: str
    case: cases.Case
    fake: type[WatchedFake]
    audience: int = 1


def _watched(kind: str, case: cases.Case) -> Chosen:
    fake = type(f"Watched{case.fake.__name__}", (WatchedFake, case.fake), {})
    return Chosen(kind, case, fake, case.audience)


PROVIDERS: Final[Mapping[str, Chosen]] = {
    "resend": _watched("keyed", cases.RESEND),
    "lettermint": _watched("keyed", cases.LETTERMINT),
    "mailgun": _watched("searchable", cases.MAILGUN),
    "ses": _watched("blind", cases.SES),
    "ses-bulk": _watched("blind", cases.SES_BULK),
}
KINDS: Final = ("keyed", "searchable", "blind")
CERTAIN: Final = frozenset({"keyed", "searchable"})
"""The kinds with which nothing has to stay unknown."""
