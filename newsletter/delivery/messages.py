"""Why one process stops before all is sent, or waits, in words; `left` is what is still to go."""

from __future__ import annotations

from typing import TYPE_CHECKING

from newsletter.errors import DecisionNeeded, TryAgain

if TYPE_CHECKING:
    from datetime import datetime

    from newsletter.model import Mailing


def left(count: int, slug: str) -> str:
    """Return how many letters of an issue are still to go."""
    return f"{count:,} letter{'s' * (count != 1)} of {slug} still to go"


def waiting_for_others(slug: str, until: datetime) -> str:
    """Return that nothing is left to do before another process, alive or lost, has ended."""
    return (
        f"{slug}: waiting for letters that another process has under way, until {until:%H:%M:%S} "
        "at the latest"
    )


def asked_to(left: str) -> TryAgain:
    """Return that it was stopped from outside."""
    return TryAgain(f"stopped; {left}", hint="Run the same command again")


def decided(mailing: Mailing, left: str) -> DecisionNeeded:
    """Return that a person has paused or cancelled the mailing."""
    return DecisionNeeded(
        f"{mailing.slug} is {mailing.state}; {left}", hint=f"See: newsletter status {mailing.slug}"
    )


def hour_is_full(left: str) -> TryAgain:
    """Return that the author's own limit is reached."""
    return TryAgain(
        f"the hour's limit is reached; {left}",
        hint="Run the same command again later, or raise max_per_hour",
    )


def quota_is_used_up(provider: str, left: str) -> TryAgain:
    """Return that the provider takes no more of this account for now."""
    return not_now(f"the account's quota at {provider} is used up", left)


def not_now(reason: str, left: str) -> TryAgain:
    """Return that the provider takes nothing for now, for a reason that passes."""
    return TryAgain(f"{reason}; {left}", hint="Run the same command again later")


def no_answers(provider: str, left: str) -> TryAgain:
    """Return that answers are lost, one after another, of requests that can be asked again."""
    return TryAgain(
        f"{provider} gives no usable answers; {left}",
        hint="Run the same command again later: it asks about these first",
    )


def refused(reason: str, slug: str, left: str) -> DecisionNeeded:
    """Return that the provider takes nothing more before a person mends something."""
    return DecisionNeeded(f"{reason}; {left}", hint=f"Mend that, then: newsletter send {slug}")
