"""What tests of accounts share: the settings of a good set-up, and one question to the fake."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from newsletter import config, providers
from newsletter.config import Settings
from tests.support.providers.fake_accounts import DOMAIN, PUBLIC_URL, SECRETS

if TYPE_CHECKING:
    from newsletter.model import AccountReport, Diagnosis, DiagnosisState
    from tests.support.providers.case import Case
    from tests.support.providers.fake_server import FakeServer

__all__ = ["diagnosis", "inspect", "settings_of", "states"]


def settings_of(
    case: Case, url: str, *, sender: str = f"Gerrit <gerrit@{DOMAIN}>", **environment: str
) -> Settings:
    """Return the settings of a good set-up at a fake; a variable with the value `-` is not set."""
    wanted = {**case.environment, **SECRETS.get(case.name, {}), **environment}
    return Settings(
        root=Path("/nowhere"),
        sender=sender,
        public_url=PUBLIC_URL,
        provider=case.can.name,
        provider_url=url,
        credentials={
            name: value
            for name, value in wanted.items()
            if value != "-" and name in config.PROVIDER_VARIABLES
        },
    )


def inspect(
    case: Case, fake: FakeServer | None, *, audience: int = 0, **more: str
) -> AccountReport:
    """Ask a fake about the account, as the settings of a good set-up have it."""
    settings = settings_of(case, fake.url if fake else "http://127.0.0.1:1", **more)
    account = providers.account_of(settings)
    assert account
    return account.inspect(settings, audience)


def states(report: AccountReport) -> dict[str, DiagnosisState]:
    """Return how each check ended."""
    return {diagnosis.check: diagnosis.state for diagnosis in report.diagnoses}


def diagnosis(report: AccountReport, check: str) -> Diagnosis:
    """Return what a check found."""
    (found,) = (one for one in report.diagnoses if one.check == check)
    return found
