"""The verdict on a trial: what the provider has against what the ledger says."""

from __future__ import annotations

import hashlib
import re
from collections import defaultdict
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from eye import Eye
    from fakes import Witness
    from trial import Result

_DELIVERIES = (
    "SELECT d.ref, d.state, d.provider_id, d.batch_id, s.email FROM deliveries d"
    " LEFT JOIN subscribers s ON s.id = d.subscriber_id"
)
_OWN: Final = {re.compile(r"/u/[\w.-]+"): "/u/", re.compile("Dag Anna,"): "Dag,"}
CERTAIN: Final = frozenset({"keyed"})
"""The kinds of providers with which nothing has to stay unknown."""
LOSSY: Final = frozenset({"answers-lost", "500-before", "500-after"})


def judge(
    result: Result, fake: Witness, eye: Eye, *, audience: int, gone: Mapping[str, str]
) -> None:
    """Write into the result what is wrong in the end.

    Args:
        result: Of the trial so far.
        fake: The provider.
        eye: On the database.
        audience: How many readers there were when the mailing began.
        gone: Who left meanwhile, by delivery reference: how his letter stood then.
    """
    rows = eye.rows(_DELIVERIES)
    taken = defaultdict(set)
    copies = 0
    letters = set()
    for entry in fake.taken():
        taken[entry["ref"]].add(entry["id"])
        letters.add(_shared(entry["message"]))
        copies += 1
    result.duplicates = copies - len(taken)
    states = {ref: state for ref, state, *_ in rows}
    result.unknown = sum(state == "unknown" for state in states.values())
    lost = {
        ref
        for ref, state in states.items()
        if ref not in taken and (state == "accepted" or (state == "skipped" and ref not in gone))
    }
    result.losses = len(lost) + audience - len(rows)
    result.broken += fake.broken
    result.broken += [f"{len(letters)} different letters were sent"] * (len(letters) > 1)
    result.broken += [
        "he had left, and was mailed"
        for ref, state in gone.items()
        if state == "pending" and ref in taken
    ]
    for ref, state, id_, batch, _ in rows:
        if ref in taken and state not in {"accepted", "unknown"}:
            result.broken.append(f"the provider has it, and it stands as {state}")
        if state == "accepted" and ref in taken and id_ not in taken[ref]:
            result.broken.append("it has another letter's id")
        if state not in {"accepted", "skipped", "unknown"}:
            result.broken.append(f"in the end one is {state}")
        if state == "unknown" and batch is None:
            result.broken.append("one is unknown that was never attempted")
    result.broken += _doubts(result, {r: b for r, s, _, b, _ in rows if s == "unknown"}, gone)
    account = eye.account()
    if account is None:
        result.broken.append("nothing was ever frozen")
        return
    if account.fault():
        result.broken.append(account.fault())
    if account.state != ("completed_with_unknown" if result.unknown else "completed"):
        result.broken.append(f"in the end it is {account.state}")


def _shared(message: Mapping[str, Any]) -> str:
    """Return the hash of a letter without what is each reader's own."""
    subject = next(value for name, value in message["headers"] if name == "Subject")
    whole = "\0".join((subject, message["html"], message["text"]))
    for own, instead in _OWN.items():
        whole = own.sub(instead, whole)
    return hashlib.sha256(whole.encode()).hexdigest()


def _doubts(result: Result, unknown: Mapping[str, int], gone: Mapping[str, str]) -> Iterator[str]:
    """Say which doubts nothing excuses."""
    case = result.case
    if case.kind in CERTAIN:
        # A request of which a reader has gone is never repeated.
        excused = {batch for ref, batch in unknown.items() if ref in gone}
        if extra := [ref for ref, batch in unknown.items() if batch not in excused]:
            yield f"{len(extra)} are unknown for no reason"
    elif not result.killed and case.fault not in LOSSY and unknown:
        yield f"{len(unknown)} are unknown though nothing happened"
