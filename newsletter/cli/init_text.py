"""What `newsletter init` prints: what takes days, missing DNS records, secrets, the next steps."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, Final

from newsletter import config
from newsletter.errors import NewsletterError
from newsletter.model import DiagnosisState
from newsletter.repository.providers import facts_of
from newsletter.repository.secret_file import NAME

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from newsletter.mail_dns import Resolver
    from newsletter.model import Diagnosis
    from newsletter.repository.plan import RepositoryPlan

_FILE: Final = f".newsletter/{NAME}"
_FORM: Final = "repository's settings, under Actions, Secrets"
FORGES: Final = ("github", "forgejo", "gitlab")
"""The kinds of CI that a repository is pushed to."""

_SWITCHES: Final = {
    "github": "gh variable set NEWSLETTER_SEND --body true",
    "forgejo": "in the repository's settings, under Actions, Variables: NEWSLETTER_SEND = true",
    "gitlab": "make the pipeline schedules that .gitlab-ci.yml names",
    "systemd": "sudo systemctl enable --now newsletter-send.timer",
}
"""What lets the scheduled job send; before that it does nothing."""


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
    from newsletter.mail_dns import check_domain  # noqa: PLC0415 - slow; the outbox needs none

    yield f"\nThe DNS of {settings.domain}:"
    found = check_domain(settings, resolver=resolver)
    yield from dict.fromkeys(line for one in found for line in _finding(one))
    if all(one.state is DiagnosisState.OK for one in found):
        yield "  nothing is missing"


def _finding(one: Diagnosis) -> Iterator[str]:
    if one.state is DiagnosisState.UNKNOWN:
        yield f"  - could not check: {one.message}"
    elif one.state is not DiagnosisState.OK:
        yield f"  - {one.message}"
        if one.fix:
            yield f"    {one.fix}"


def secret_lines(plan: RepositoryPlan) -> Iterator[str]:
    """Yield where the secrets are, and who needs which."""
    names = len(plan.send_variables) > 1
    fill = " Fill in its empty lines, and keep" if names else " Keep"
    yield f"\nThe secret key is in {_FILE}.{fill} a copy where you"
    yield "keep passwords."
    if plan.pages != "none":
        yield f"The web app needs: {', '.join(plan.web_variables)}"


def _store_lines(plan: RepositoryPlan) -> Iterator[str]:
    if plan.ci == "github":
        yield "gh api --silent --method PUT 'repos/{owner}/{repo}/environments/newsletter'"
        yield f"gh secret set --env newsletter --env-file {_FILE}"
    elif plan.ci == "gitlab":
        for name in plan.send_variables:
            yield (
                f"sed -n 's/^{name}=//p' {_FILE} | tr -d '\\n' | "
                f"glab variable set {name} --masked --protected --scope newsletter"
            )
    elif plan.ci == "forgejo":
        yield f"# in the {_FORM}: {', '.join(plan.send_variables)}"
    elif plan.ci == "systemd":
        yield f"sudo install -m 600 -o root -g root {_FILE} /etc/newsletter.env"


def first_steps(folder: Path, plan: RepositoryPlan, draft: str) -> Iterator[str]:
    """Yield the commands from here to the first letter.

    Args:
        folder: The new repository.
        plan: What was written.
        draft: The name of the first draft; `ISSUE` where none was written.
    """
    yield "\nNext:"
    if folder.resolve() != folder.cwd():
        yield f"  cd {shlex.quote(str(folder))}"
    if plan.ci in FORGES:
        yield "  # push it to a private repository; then store the secrets for the job there"
    yield from (f"  {line}" for line in _store_lines(plan))
    yield "  # the same secrets in this shell"
    yield f"  set -a; . ./{_FILE}; set +a"
    if "NEWSLETTER_DATABASE_URL" in plan.send_variables:
        yield "  newsletter db upgrade"
    yield '  newsletter subscribers import FILE --consent "What they agreed to"'
    yield f"  newsletter rehearse {draft}"
    yield "  newsletter status"
    if switch := _SWITCHES.get(plan.ci):
        yield "When a proof looked right, let the schedule send:"
        yield f"  {switch}"
