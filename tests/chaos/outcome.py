"""What a trial came to: what the provider has, compared with what the ledger says."""

from __future__ import annotations

import hashlib
import re
from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

    from fakes import WatchedFake

    from tests.chaos.observer import Observer

_DELIVERIES: Final = "SELECT ref, state, provider_id, batch_id FROM deliveries ORDER BY id"
_OWN: Final = {re.compile(r"/u/[\w.-]+"): "/u/", re.compile("Dag Anna,"): "Dag,"}


@dataclass
class Result:
    """What a run came to.

    Attributes:
        killed: How many processes were.
        duplicates: Letters that a subscriber had already.
        losses: Subscribers who have no letter, and of whom nothing says so.
        unknown: Deliveries that stand as unknown in the end.
        broken: What should not have been, in words.
    """

    killed: int = 0
    duplicates: int = 0
    losses: int = 0
    unknown: int = 0
    broken: list[str] = field(default_factory=list)

    @property
    def good(self) -> bool:
        return not (self.duplicates or self.losses or self.broken)


def check_outcome(
    result: Result,
    fake: WatchedFake,
    observer: Observer,
    *,
    audience: int,
    gone: Mapping[str, str],
    erased: Collection[str],
    certain: bool,
) -> None:
    """Write into a result what is wrong in the end.

    Args:
        result: Of the run so far.
        fake: The provider.
        observer: Its own connection to the database.
        audience: How many subscribers there were when the mailing began.
        gone: Who left meanwhile, by delivery reference: the state of their letter when they did.
        erased: Addresses that may stand nowhere any more.
        certain: Nothing has to stay unknown, but what shared a request with one who left.
    """
    rows = observer.rows(_DELIVERIES)
    taken: dict[str, set[str]] = defaultdict(set)
    letters = []
    for entry in fake.taken():
        taken[entry["ref"]].add(entry["id"])
        letters.append(_shared(entry["message"]))
    result.duplicates = len(letters) - len(taken)
    result.unknown = sum(state == "unknown" for _, state, *_ in rows)
    lost = [
        ref
        for ref, state, *_ in rows
        if ref not in taken and (state == "accepted" or (state == "skipped" and ref not in gone))
    ]
    result.losses = len(lost) + audience - len(rows)
    result.broken += fake.broken
    if len(set(letters)) > 1:
        result.broken.append("two different letters were sent")
    result.broken += _untrue(rows, taken, gone)
    everything = observer.everything() if erased else ""
    result.broken += ["an erased address is still there" for one in erased if one in everything]
    if certain:
        result.broken += _needless(rows, gone)
    result.broken += _end(observer, result.unknown)


def _shared(message: Mapping[str, Any]) -> str:
    """Return the hash of a letter without what is each subscriber's own."""
    subject = next(value for name, value in message["headers"] if name == "Subject")
    whole = "\0".join((subject, message["html"], message["text"]))
    for own, instead in _OWN.items():
        whole = own.sub(instead, whole)
    return hashlib.sha256(whole.encode()).hexdigest()


def _untrue(
    rows: Sequence[tuple[Any, ...]], taken: Mapping[str, set[str]], gone: Mapping[str, str]
) -> Iterator[str]:
    """Say of which letters the ledger says what is not so."""
    for ref, state, id_, batch in rows:
        if ref in taken and state not in {"accepted", "unknown"}:
            yield f"the provider has a letter that stands as {state}"
        forgotten = id_ is None and ref in gone  # with a subscriber who was erased
        if state == "accepted" and ref in taken and id_ not in taken[ref] and not forgotten:
            yield "a letter has another letter's id"
        if state not in {"accepted", "skipped", "unknown"}:
            yield f"in the end a letter is {state}"
        if state == "unknown" and batch is None:
            yield "a letter is unknown that was never attempted"
        if gone.get(ref) in {"pending", "skipped", "untaken"} and ref in taken:
            yield "a subscriber had left, and was mailed"


def _needless(rows: Sequence[tuple[Any, ...]], gone: Mapping[str, str]) -> Iterator[str]:
    """Say what is unknown without an excuse: a request of someone who left is not repeated."""
    excused = {batch for ref, _, _, batch in rows if ref in gone}
    needless = [ref for ref, state, _, batch in rows if state == "unknown" and batch not in excused]
    if needless:
        yield f"{len(needless)} letters are unknown for no reason"


def _end(observer: Observer, unknown: int) -> Iterator[str]:
    account = observer.account()
    if account is None:
        yield "nothing was ever frozen"
    elif account.fault():
        yield account.fault()
    elif account.state != ("completed_with_unknown" if unknown else "completed"):
        yield f"in the end the mailing is {account.state}"
