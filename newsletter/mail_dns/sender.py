"""Senders from whom letters do not arrive, or to whom nobody can answer: seen in the address."""

from __future__ import annotations

import functools
import re
from importlib import resources
from typing import Final

from newsletter.model import Diagnosis, DiagnosisState

FREE_MAIL: Final = "dns-free-mail"
NOREPLY: Final = "dns-noreply"
_NOREPLY: Final = re.compile(
    r"(no|dont|donot|niet|geen)[._-]?(reply|replies|response|respond|antwoord(en)?|beantwoorden)"
    r"([._-]?.*)?|(do[._-]not[._-]reply|niet[._-]beantwoorden).*|ne[._-]?pas[._-]?repondre.*",
    re.IGNORECASE,
)


def is_free_mail(domain: str) -> bool:
    """Return whether anybody can get an address at this domain."""
    labels = domain.lower().split(".")
    return any(".".join(labels[at:]) in _free_domains() for at in range(len(labels) - 1))


def is_noreply(address: str) -> bool:
    """Return whether an address says that nobody reads what is sent to it."""
    return bool(_NOREPLY.fullmatch(address.partition("@")[0]))


def check_free_mail(domain: str) -> Diagnosis:
    """Check that the domain of From is the author's own."""
    if not is_free_mail(domain):
        return Diagnosis(FREE_MAIL, DiagnosisState.OK, f"{domain} is no free-mail domain")
    return Diagnosis(
        FREE_MAIL,
        DiagnosisState.FAILURE,
        f"letters from an address at {domain} do not arrive: only {domain} itself may send in its "
        "name (DMARC)",
        "Send from an address at your own domain; reply_to may stay at this one",
    )


def check_noreply(sender: str, reply_to: str) -> Diagnosis:
    """Check that subscribers can answer.

    Args:
        sender: The address of From.
        reply_to: The address of Reply-To; empty if answers go to From.
    """
    if reply_to and is_noreply(reply_to):
        what, setting = "answers go to an address that nobody reads", "reply_to"
    elif is_noreply(sender):
        what, setting = "the sender's address says that nobody reads answers", "sender"
    else:
        return Diagnosis(NOREPLY, DiagnosisState.OK, "subscribers can answer")
    return Diagnosis(
        NOREPLY,
        DiagnosisState.WARNING,
        f"{what}: mail programs and subscribers trust such letters less",
        f'Set "{setting}" to an address that you read',
    )


@functools.cache
def _free_domains() -> frozenset[str]:
    text = resources.files(__package__).joinpath("free_mail.txt").read_text(encoding="utf-8")
    return frozenset(line for line in text.split() if line and not line.startswith("#"))
