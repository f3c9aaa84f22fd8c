"""The whole examination, section by section; what waits for the network waits together."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from newsletter import config
from newsletter.doctor.backlog import examine_backlog
from newsletter.doctor.checklist import BACKLOG_OVERDUE, REACHABLE, WEB_APP
from newsletter.doctor.database import DatabaseReport, examine_database
from newsletter.doctor.findings import attempt, unexpected
from newsletter.doctor.secret_keys import examine_secrets
from newsletter.doctor.settings import examine_settings, is_test_server, settings_of_file
from newsletter.doctor.web_app import examine_web_app
from newsletter.mail_dns import CHECKS as DNS_CHECKS
from newsletter.mail_dns import FREE_MAIL, DnsError, Resolver, check_domain, is_free_mail
from newsletter.model import AccountReport
from newsletter.providers import account_of, capabilities_of
from newsletter.providers.base_account import DOMAIN, KEY

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from newsletter.config import Settings
    from newsletter.model import Diagnosis, Draft

_DNS: Final = "DNS"
_WEB: Final = "Web app"
_BACKLOG: Final = "Backlog"
_NOBODY: Final = "left out: the outbox mails nobody"
_NOT_OUTSIDE: Final = "left out: the provider is a test server (newsletter doctor --dns asks)"


@dataclass(frozen=True, slots=True)
class Section:
    """One part of the examination.

    Attributes:
        title: What it is about.
        diagnoses: Each check that was made.
        note: Why there is none, if that is as it should be.
    """

    title: str
    diagnoses: tuple[Diagnosis, ...]
    note: str = ""


def examine(
    settings: Settings,
    drafts: Sequence[Draft] = (),
    *,
    environment: Mapping[str, str] | None = None,
    resolver: Resolver | None = None,
) -> Iterator[Section]:
    """Yield each section as soon as it and those before it are ready; nothing is changed.

    Args:
        settings: The newsletter's.
        drafts: Every issue file as read now.
        environment: As for `config.load`.
        resolver: Asks the DNS; without one, the name servers of this machine.
    """
    with ThreadPoolExecutor(4, "doctor") as pool:
        opening = pool.submit(_examine_database, settings)
        yield Section("Settings", tuple(examine_settings(settings, environment)))
        secrets = examine_secrets(settings, lambda: opening.result().signed)
        yield Section("Secrets", tuple(secrets))
        known = opening.result()
        asking = pool.submit(_examine_account, settings, known.audience)
        trying = pool.submit(_examine_web_app, settings, known)
        looking = pool.submit(_examine_backlog, settings, known, drafts, environment)
        yield Section("Database", known.diagnoses)
        found = asking.result()
        yield Section("Provider", found.diagnoses, "" if found.diagnoses else _NOBODY)
        yield _examine_dns(settings, found, resolver)
        yield trying.result()
        yield looking.result()


def examine_domain(settings: Settings, resolver: Resolver | None = None) -> Section:
    """Return what the DNS says of the sender's domain, also where nobody is mailed.

    The arguments are those of `examine`.
    """
    asked = resolver or Resolver()
    try:
        asked.find(settings.domain, "TXT")
    except DnsError:
        # Without a DNS that answers, the provider cannot be found either, and that takes longer.
        return _ask_dns(settings, AccountReport(()), asked)
    return _ask_dns(settings, _examine_account(settings, 0), asked)


def _examine_database(settings: Settings) -> DatabaseReport:
    try:
        return examine_database(settings)
    except Exception as error:  # noqa: BLE001 - as in `attempt`
        return DatabaseReport((unexpected(REACHABLE, error),))


def _examine_account(settings: Settings, audience: int) -> AccountReport:
    account = account_of(settings)
    if account is None:
        return AccountReport(())
    try:
        return _without_free_mail(settings, account.inspect(settings, audience))
    except Exception as error:  # noqa: BLE001 - as in `attempt`
        return AccountReport((unexpected(KEY, error),))


def _without_free_mail(settings: Settings, found: AccountReport) -> AccountReport:
    """Leave out the advice to add a domain at the provider that is not the author's."""
    if not is_free_mail(settings.domain):
        return found
    fix = f"Send from an address at a domain of your own: see {FREE_MAIL}"
    diagnoses = (
        replace(one, fix=fix) if one.check == DOMAIN and one.fix else one for one in found.diagnoses
    )
    return replace(found, diagnoses=tuple(diagnoses))


def _examine_dns(settings: Settings, account: AccountReport, resolver: Resolver | None) -> Section:
    if capabilities_of(settings).rehearsal:
        return Section(_DNS, (), _NOBODY)
    if is_test_server(settings) and resolver is None:
        return Section(_DNS, (), _NOT_OUTSIDE)
    return _ask_dns(settings, account, resolver)


def _ask_dns(settings: Settings, account: AccountReport, resolver: Resolver | None) -> Section:
    """Look with the keys and the records that the provider names."""
    looked = attempt(
        DNS_CHECKS[0][0],
        lambda: check_domain(settings, account.dkim_selectors, account.records, resolver),
    )
    return Section(_DNS, tuple(looked))


def _examine_web_app(settings: Settings, known: DatabaseReport) -> Section:
    if capabilities_of(settings).rehearsal and config.is_loopback(settings.public_url):
        return Section(_WEB, (), "left out: public_url is this machine")
    looked = attempt(WEB_APP, lambda: examine_web_app(settings, known.ledger))
    return Section(_WEB, tuple(looked))


def _examine_backlog(
    settings: Settings,
    known: DatabaseReport,
    drafts: Sequence[Draft],
    environment: Mapping[str, str] | None,
) -> Section:
    """Look at what waits for the provider of the file, also where the outbox was chosen here."""
    if not known.complete:
        return Section(_BACKLOG, (), "left out: there is no database of this version to look into")
    looked = attempt(
        BACKLOG_OVERDUE,
        lambda: examine_backlog(settings_of_file(settings, environment), drafts),
    )
    return Section(_BACKLOG, tuple(looked))
