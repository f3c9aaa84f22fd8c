"""What `doctor` and the preflight find out about a set-up: values, no checks."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class DiagnosisState(StrEnum):
    """How one check ended."""

    OK = "ok"
    WARNING = "warning"
    FAILURE = "failure"
    UNKNOWN = "unknown"
    """It could not be checked: that says nothing about what it would have found."""


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """The result of one check of the set-up.

    Attributes:
        check: The id of the check, such as `dns-spf`; stable, for scripts.
        state: How it ended.
        message: What was found, in one sentence without a secret or an address of a subscriber.
        fix: What to do next; empty where nothing needs to be done.
    """

    check: str
    state: DiagnosisState
    message: str
    fix: str = ""


@dataclass(frozen=True, slots=True)
class DnsRecord:
    """One record that the DNS of the sending domain must hold.

    Attributes:
        name: Fully qualified, without a dot at its end.
        kind: `TXT`, `CNAME` or `MX`.
        value: As it is pasted into the DNS, unquoted; an MX with its preference.
    """

    name: str
    kind: str
    value: str


@dataclass(frozen=True, slots=True)
class AccountReport:
    """What a provider says about the account and the sending domain.

    Attributes:
        diagnoses: Key, domain, tracking, webhook, limits, region: each one that it can be asked.
        records: The DNS records that it asks for; empty where it does not list them.
        dkim_selectors: The selectors with which it signs; empty where it does not say.
    """

    diagnoses: tuple[Diagnosis, ...]
    records: tuple[DnsRecord, ...] = ()
    dkim_selectors: tuple[str, ...] = ()
