"""What `newsletter init` prints before the next steps: what takes days, the DNS, the secrets."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from newsletter import config
from newsletter.errors import NewsletterError
from newsletter.model import DiagnosisState
from newsletter.repository.providers import facts_of
from newsletter.repository.secret_file import NAME

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from newsletter.mail_dns import Resolver
    from newsletter.model import Diagnosis
    from newsletter.repository.plan import RepositoryPlan

FILE: Final = f".newsletter/{NAME}"
"""The file with the secrets, below the root of the repository."""
FORGES: Final = ("github", "forgejo", "gitlab")
"""The kinds of CI that a repository is pushed to."""


def waiting_lines(plan: RepositoryPlan) -> Iterator[str]:
    """Yield what takes hours or days at the provider."""
    waits = facts_of(plan.provider).waits_for
    if waits:
        yield f"Begin with this, because {plan.provider} may take days for it:"
        yield from (f"  - {one}" for one in waits)
        yield ""


def dns_lines(folder: Path, resolver: Resolver | None = None) -> Iterator[str]:
    """Yield the DNS records that the sender's domain lacks, as far as they can be looked up.

    Args:
        folder: The new repository.
        resolver: Asks the DNS; without one, the name servers of this machine.
    """
    try:
        settings = config.load(folder)
    except NewsletterError as error:  # of the environment: the settings are new
        yield f"\nThe DNS could not be checked: {error.sentence}"
        return
    local = settings.provider_url and config.is_loopback(settings.provider_url)
    if settings.provider == "outbox" or local:
        return
    from newsletter.mail_dns import ABOUT, check_domain  # noqa: PLC0415 - slow; the outbox needs none

    yield f"\nThe DNS of {settings.domain}:"
    found = check_domain(settings, resolver=resolver)
    yield from dict.fromkeys(line for one in found for line in _finding(one))
    yield from _unknown(found, ABOUT)
    if all(one.state is DiagnosisState.OK for one in found):
        yield "  nothing is missing"


def _finding(one: Diagnosis) -> Iterator[str]:
    if one.state not in {DiagnosisState.OK, DiagnosisState.UNKNOWN}:
        yield f"  - {one.message}"
        if one.fix:
            yield f"    {one.fix}"


def _unknown(found: Iterable[Diagnosis], about: str) -> Iterator[str]:
    """Yield what could not be checked: one line for each reason."""
    reasons: dict[str, list[str]] = {}
    for one in found:
        if one.state is DiagnosisState.UNKNOWN:
            reasons.setdefault(one.message.partition(about)[0], []).append(one.check)
    for reason, checks in reasons.items():
        yield f"  - could not check {', '.join(checks)}: {reason}"


def secret_lines(plan: RepositoryPlan) -> Iterator[str]:
    """Yield where the secrets are, and who needs which."""
    names = len(plan.send_variables) > 1
    fill = " Fill in its empty lines, and keep" if names else " Keep"
    yield f"\nThe secret key is in {FILE}.{fill} a copy where you"
    yield "keep passwords."
    if plan.pages != "none":
        yield f"The web app needs: {', '.join(plan.web_variables)}"
