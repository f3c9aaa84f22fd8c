"""The providers of the trials: the stand-ins of `tests/providers`, with a witness in each."""

from __future__ import annotations

import dataclasses
import re
from typing import TYPE_CHECKING, Any, Final

from fake_resend import FakeResend
from stand_in import Fault, Request, StandIn

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from eye import Eye

_REF: Final = re.compile(rb"(?<![0-9a-f])[0-9a-f]{32}(?![0-9a-f])")


class Witness(StandIn):
    """A stand-in that looks into the sender's database, at each request, from outside.

    Attributes:
        eye: Its own connection; set, as the next two, before anything is asked of it.
        plan: What goes wrong with the nth request.
        meanwhile: Called with the number of each request that was looked at, before it is taken.
        punctual: Nobody is so slow that he is taken to be lost while he is about to send.
        broken: What should not have been.
    """

    eye: Eye
    plan: Callable[[int], Fault]
    meanwhile: Callable[[int], None]

    def __init__(self, *arguments: Any, **more: Any) -> None:  # noqa: ANN401 - see StandIn
        super().__init__(*arguments, **more)
        self.punctual = True
        self.broken: list[str] = []
        self._looks = 0

    @property
    def busy(self) -> bool:
        """Whether there is a connection that was not read to its end."""
        return self._server.is_connected()

    def next_fault(self, request: Request) -> Fault:
        if not self.counts(request):
            return Fault(taken=True)
        with self.lock:
            self.count += 1
            return self.plan(self.count)

    def respond(self, request: Request) -> tuple[int, bytes]:
        if self.counts(request):
            with self.lock:
                self._looks += 1
                number = self._looks
            self._look(request)
            self.meanwhile(number)
        return super().respond(request)

    def _look(self, request: Request) -> None:
        """See that what has left was committed as attempting before, and that all adds up."""
        refs = {found.decode() for found in _REF.findall(request.body)}
        listed = ", ".join(f"'{ref}'" for ref in refs)
        rows = self.eye.rows(
            "SELECT d.state, b.key, b.payload_hash FROM deliveries d"  # noqa: S608 - hexadecimal
            f" LEFT JOIN batches b ON b.id = d.batch_id WHERE d.ref IN ({listed})"
        )
        states, keys, hashes = map(set, zip(*rows, strict=True)) if rows else (set(), set(), set())
        said = request.headers.get("idempotency-key")
        if len(keys) != 1 or (said and keys != {said}):
            self.broken.append(f"letters of the batches {keys} left under the key {said}")
        if None in hashes and self.punctual:
            self.broken.append("letters left before their hash was committed")
        if (states != {"attempting"}) if self.punctual else ("pending" in states):
            self.broken.append(f"letters left that were {states}")
        account = self.eye.account()
        if account and account.fault():
            self.broken.append(account.fault())


class Keyed(Witness, FakeResend):
    """Knows a request by its key."""


class Blind(Keyed):
    """Takes whatever it is given, each time."""

    def respond(self, request: Request) -> tuple[int, bytes]:
        unkeyed = {k: v for k, v in request.headers.items() if k != "idempotency-key"}
        return super().respond(dataclasses.replace(request, headers=unkeyed))


FAKES: Final[Mapping[str, type[Witness]]] = {"keyed": Keyed, "blind": Blind}
