"""What every provider says of the account and the sender's domain, when it is asked."""

from __future__ import annotations

import abc
import math
from dataclasses import replace
from typing import TYPE_CHECKING, ClassVar, Final

from newsletter.config import NO_DOMAIN
from newsletter.errors import NewsletterError
from newsletter.model import AccountReport, Diagnosis, DiagnosisState

if TYPE_CHECKING:
    from collections.abc import Sequence

    from newsletter.config import Settings
    from newsletter.providers.account_client import Answer

KEY: Final = "provider-key"
DOMAIN: Final = "provider-domain"
TRACKING: Final = "provider-tracking"
WEBHOOK: Final = "provider-webhook"
UNSUBSCRIBE: Final = "provider-unsubscribe"
REGION: Final = "provider-region"
LIMITS: Final = "provider-limits"
CHECKS: Final = (KEY, DOMAIN, TRACKING, WEBHOOK, UNSUBSCRIBE, REGION, LIMITS)
"""The ids of all checks of an account, in the order of a report."""

AGAIN: Final = "Run it again; if that does not help, is provider_url right?"
"""What to do when a provider does not answer."""

# The same request would be refused again.
_REFUSED: Final = frozenset({400, 401, 402, 403, 422})
_LONGEST: Final = 100


class ProviderAccount(abc.ABC):
    """Asks one provider about the account, with requests that change nothing.

    Attributes:
        name: As in the settings.
        has_one_key: The key that sends is also the one that asks.
    """

    name: ClassVar[str]
    has_one_key: ClassVar[bool] = True

    @abc.abstractmethod
    def ask(self, settings: Settings, audience: int) -> AccountReport:
        """Return what the provider says; see `inspect`.

        Raises:
            NewsletterError: A variable is missing or malformed.
        """

    def inspect(self, settings: Settings, audience: int = 0) -> AccountReport:
        """Return what the provider says of the account: a diagnosis of each thing it can be asked.

        What this key may not see, and what a failure of the provider or of the network hides, is
        unknown. Never raises for either.

        Args:
            settings: Name this provider.
            audience: How many subscribers a letter goes to; zero if that is not known.
        """
        try:
            report = self.ask(settings, audience)
        except NewsletterError as error:
            return AccountReport((failure(KEY, error.sentence, error.hint),))
        return _blame_key(report) if self.has_one_key else report


def _blame_key(report: AccountReport) -> AccountReport:
    """Return a report in which a key that does not work is the one thing to correct."""
    if not any(
        one.check == KEY and one.state is DiagnosisState.FAILURE for one in report.diagnoses
    ):
        return report
    diagnoses = (
        unknown(one.check, "not seen, because the key does not work", f"See {KEY}")
        if one.state is DiagnosisState.UNKNOWN
        else one
        for one in report.diagnoses
    )
    return replace(report, diagnoses=tuple(diagnoses))


def ok(check: str, message: str) -> Diagnosis:
    """Return that nothing needs to be done."""
    return Diagnosis(check, DiagnosisState.OK, message)


def warning(check: str, message: str, fix: str) -> Diagnosis:
    """Return that letters can be sent, but something should be looked at."""
    return Diagnosis(check, DiagnosisState.WARNING, message, fix)


def failure(check: str, message: str, fix: str) -> Diagnosis:
    """Return that something must be corrected before a letter is sent."""
    return Diagnosis(check, DiagnosisState.FAILURE, message, fix)


def unknown(check: str, message: str, fix: str) -> Diagnosis:
    """Return that something could not be checked, and what to look at by hand."""
    return Diagnosis(check, DiagnosisState.UNKNOWN, message, fix)


def unseen(check: str, answer: Answer, what: str, look: str) -> Diagnosis:
    """Return that an answer does not show something.

    Args:
        check: The id of the check.
        answer: The answer, which is no success.
        what: What it does not show.
        look: What to look at by hand, if the same request would be refused again.
    """
    if not answer.denied:
        fix = look if answer.status in _REFUSED else AGAIN
        return unknown(check, f"could not see {what}: {answer.why}", fix)
    said = f"{answer.status}: {answer.words}" if answer.words else answer.why
    return unknown(check, f"this key may not see {what} ({said})", look)


def shown(said: str) -> str:
    """Return a short word of a provider, such as a status or the name of a record."""
    return "".join(one for one in said[:_LONGEST] if one.isprintable())


def whole(found: object) -> int | None:
    """Return a number of letters; None for anything that is none."""
    if isinstance(found, bool) or not isinstance(found, int | float) or not math.isfinite(found):
        return None
    return int(found)


def without_domain(check: str, name: str) -> Diagnosis:
    """Return that something belongs to the sender's domain, which is not there."""
    if name == NO_DOMAIN:
        return unknown(check, "no sender is set, so that its domain is not known", "Set sender")
    return unknown(check, f"the domain {name} of the sender is not there", f"See {DOMAIN}")


def unverified(name: str, status: str, records: Sequence[str], fix: str) -> Diagnosis:
    """Return that a domain is not verified.

    Args:
        name: The domain.
        status: The provider's word for that.
        records: Kind and name of each record that it does not see yet.
        fix: What to do next.
    """
    message = f"{name} is not verified ({shown(status) or 'no status'})"
    names = ", ".join(map(shown, records))
    message += f": these records are not seen yet: {names}" if names else ""
    return failure(DOMAIN, message, fix)


def tracking(who: str, opens: object, clicks: object, off: str) -> Diagnosis:
    """Return whether opens or clicks are tracked.

    Args:
        who: What is set so.
        opens: True or False; anything else is not known.
        clicks: The same.
        off: Where a person switches it off.
    """
    kinds = {"opens": opens, "clicks": clicks}
    tracked = " and ".join(kind for kind, on in kinds.items() if on is True)
    if tracked:
        return failure(TRACKING, f"{who} tracks {tracked}", f"Switch that off {off}")
    if opens is not False or clicks is not False:
        message = "the provider does not say whether opens and clicks are tracked"
        return unknown(TRACKING, message, f"Look {off}: both must be off")
    return ok(TRACKING, "neither opens nor clicks are tracked")


def limits(audience: int, most: int | None, period: str, more: str) -> Diagnosis:
    """Return whether a letter to everyone fits into what the account may send.

    Args:
        audience: How many it goes to; zero if that is not known.
        most: How many may be sent; None for no limit.
        period: In which time, such as `a day`.
        more: How to get more.
    """
    if most is None:
        return ok(LIMITS, "no limit is known that a letter to everyone would meet")
    message = f"the account may send {most:,} letters {period}"
    if audience > most:
        return warning(LIMITS, f"{message}, and the list has {audience:,} subscribers", more)
    return ok(LIMITS, message)
