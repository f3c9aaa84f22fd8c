"""The sender of a real mailing: will their letters be accepted, and known as theirs."""

from __future__ import annotations

from email.utils import parseaddr
from typing import TYPE_CHECKING

from newsletter import config
from newsletter.errors import NewsletterError
from newsletter.model import AccountReport, DiagnosisState
from newsletter.providers import account_of
from newsletter.store import mailings

if TYPE_CHECKING:
    from newsletter.config import Settings
    from newsletter.mail_dns import Resolver
    from newsletter.model import Letter
    from newsletter.store import Connection


def check_sending_domain(settings: Settings, resolver: Resolver | None = None) -> tuple[str, ...]:
    """Look at the DNS of the sender's domain; return what is not as it should be.

    With a provider on loopback, which mails nobody, there is nothing to look at.

    Args:
        settings: The settings.
        resolver: Asks the DNS; without one, the name servers of this machine.

    Raises:
        NewsletterError: Receivers would refuse the letters. What could not be looked up is no
            reason to keep them back.
    """
    if settings.provider_url and config.is_loopback(settings.provider_url):
        return ()
    from newsletter.mail_dns import BLOCKING, check_domain  # noqa: PLC0415 - only real sending needs it

    # A key that may only send sees no records: then what is usual at the provider is looked for.
    account = account_of(settings)
    report = account.inspect(settings) if account else AccountReport(())
    found = check_domain(settings, report.dkim_selectors, report.records, resolver)
    for one in found:
        if one.state is DiagnosisState.FAILURE and one.check in BLOCKING:
            raise NewsletterError(
                one.message,
                where=one.check,
                hint=f"{one.fix}. See all of it: newsletter doctor --dns. Or send without this "
                "check: --no-preflight",
            )
    return tuple(
        f"{one.check}: {'could not check: ' * (one.state is DiagnosisState.UNKNOWN)}{one.message}"
        for one in found
        if one.state is not DiagnosisState.OK
    )


def find_sender_changes(connection: Connection, letter: Letter) -> tuple[str, ...]:
    """Return how the sender of a letter differs from that of the last real mailing.

    Filters and mail providers know a newsletter by the domain of From and by List-Id, subscribers
    by the address.
    """
    last = mailings.last_letter(connection)
    if last is None:
        return ()
    # List-Id ends in the domain, so that one of the two is enough to say.
    for what, read in (("the domain of the sender", _domain), ("List-Id", _list_id)):
        before, now = read(last), read(letter)
        if before != now:
            warning = (
                f"{what} is {now} and was {before} in the last mailing: filters of subscribers "
                "and mail providers may take this letter for one of another newsletter"
            )
            return (warning,)
    if _address(last) != _address(letter):
        warning = (
            "the sender's address is another one than in the last mailing, at the same domain: "
            "subscribers who have the old one in their address book may not know this one"
        )
        return (warning,)
    return ()


def _address(letter: Letter) -> str:
    return parseaddr(letter.sender)[1].lower()


def _domain(letter: Letter) -> str:
    return _address(letter).rpartition("@")[2]


def _list_id(letter: Letter) -> str:
    """Return what counts of a List-Id: the part in angle brackets (RFC 2919)."""
    return letter.list_id.rpartition("<")[2].rstrip("> ").lower()
