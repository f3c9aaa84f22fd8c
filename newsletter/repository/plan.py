"""What the files of an author's repository are rendered from: values, and the times of the jobs."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from email.utils import parseaddr
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from newsletter.mail_dns.sender import is_free_mail
from newsletter.repository.providers import facts_of
from newsletter.schedule import HOURS_BETWEEN_RUNS

if TYPE_CHECKING:
    from collections.abc import Iterator
    from zoneinfo import ZoneInfo

    from newsletter.config import Settings

PAGES: Final = ("none", "vps", "container", "scale-to-zero")
"""Where the web app may run; each has a folder of files, `none` has nothing."""

CI: Final = ("github", "forgejo", "gitlab", "systemd", "none")
"""What may run the jobs; each has a folder of files, `none` has nothing."""

PYTHON: Final = "3.13"
"""The Python of the jobs and of the web app."""

_ONE_MACHINE: Final = {"vps", "systemd", "none"}
"""Kinds of pages and of CI that run on one machine, where the database is a file."""

INSTALL_FOLDER: Final = "newsletter-install"
"""The folder that says what a job installs: `dependencies.txt` and `program.txt`."""

# Parts of the window in which a mailing may start.
_PARTS: Final = (0.214, 0.447, 0.853)
_FIRST: Final = (3, 33)  # minutes after the time to send
_AFTER: Final = 23  # minutes after the window
ALL_DAY: Final = f"51 */{HOURS_BETWEEN_RUNS} * * *"
"""Every so many hours of the day, wherever the hours of a zone begin."""
_ROUND: Final = 5


@dataclass(frozen=True, slots=True)
class Installation:
    """The one version of this program that jobs install, known by its commit or its hash.

    Attributes:
        version: The version, such as `0.1.0`.
        source: Where it comes from, for people: `example/newsletter-pipeline at 1a2b3c4d5e6f`.
        program: The text of `program.txt`: one requirement, pinned to a commit or with a hash.
        dependencies: The text of `dependencies.txt`: every dependency with its hashes.
        wheel: The path of a wheel that travels along in the repository; empty for all others.
    """

    version: str
    source: str
    program: str
    dependencies: str
    wheel: str = ""

    @property
    def commands(self) -> tuple[str, str]:
        """The commands that install it, from the root of the repository.

        Two, because pip takes no hash for a commit of git.
        """
        pip = "python -m pip install"
        return (
            f"{pip} --require-hashes --only-binary :all: -r {INSTALL_FOLDER}/dependencies.txt",
            f"{pip} --no-deps --no-build-isolation -r {INSTALL_FOLDER}/program.txt",
        )


@dataclass(frozen=True, slots=True)
class RepositoryPlan:
    """All that the files of an author's repository may use.

    Attributes:
        name: The newsletter's name.
        sender: The sender as a mailbox; empty while there is none.
        sender_domain: The domain of the sender's address; empty while there is none.
        contact: The postal address, or another way to reach the sender.
        provider: The name of the provider.
        send_variables: The environment variables that a job needs to send.
        optional_variables: Those that it reads too, where they are stored.
        web_variables: Those that the web app needs.
        language: The language tag of the letter.
        timezone: The time zone of the newsletter.
        public_url: Where subscribers reach the web app.
        public_host: The host in it.
        public_site: The same with its port, if it has one.
        archive_url: Where the static archive is published; empty where it is not.
        pages: One of `PAGES`.
        ci: One of `CI`.
        author: The name of the sender, for the signature.
        send_day: The day of the week on which an issue goes out.
        send_time: The local time at which an issue goes out, such as `07:00`.
        crons: The moments at which a job looks for what is due, in local time: `M H * * *`. The
            last is all day, for issues with a time of their own and for mailings that take long.
        utc_crons: The same in UTC, for summer and for winter.
        last_cron: The first one after the window in which a mailing may start.
        last_utc_crons: The same in UTC.
        site: The address of the sender's site, as far as their address says it.
        draft: The slug of the first draft.
        draft_date: Its date.
        install: What the jobs install; None where there is no job.
        python: The Python of the jobs.
    """

    name: str
    sender: str
    sender_domain: str
    contact: str
    provider: str
    send_variables: tuple[str, ...]
    optional_variables: tuple[str, ...]
    web_variables: tuple[str, ...]
    language: str
    timezone: str
    public_url: str
    public_host: str
    public_site: str
    archive_url: str
    pages: str
    ci: str
    author: str
    send_day: str
    send_time: str
    crons: tuple[str, ...]
    utc_crons: tuple[str, ...]
    last_cron: str
    last_utc_crons: tuple[str, ...]
    site: str
    draft: str
    draft_date: date
    install: Installation | None
    python: str = PYTHON


def plan_repository(
    settings: Settings, *, pages: str, ci: str, install: Installation | None, today: date
) -> RepositoryPlan:
    """Return what the files of a repository are rendered from.

    Args:
        settings: The settings that the repository has, or gets.
        pages: One of `PAGES`.
        ci: One of `CI`.
        install: What its jobs install.
        today: The date of the first draft follows from it, and the offsets of the times in UTC.
    """
    triggers = daily_triggers(settings.send_clock, settings.max_lateness_hours)
    in_utc = [tuple(utc_times(one, settings.zone, today.year)) for one in triggers]
    domain = settings.sender_address.rpartition("@")[2]
    web = urlsplit(settings.public_url)
    draft_date = settings.next_send_day(today)
    first = "eerste-brief" if settings.language.lower().startswith("nl") else "first-letter"
    return RepositoryPlan(
        name=settings.name,
        sender=settings.sender,
        sender_domain=domain,
        contact=settings.contact,
        provider=settings.provider,
        send_variables=_send_variables(settings.provider, pages, ci),
        optional_variables=facts_of(settings.provider).reads_too,
        web_variables=_web_variables(settings.provider, pages, ci),
        language=settings.language,
        timezone=settings.timezone,
        public_url=settings.public_url,
        public_host=web.hostname or "",
        public_site=web.netloc.lower(),
        archive_url=settings.archive_url,
        pages=pages,
        ci=ci,
        author=parseaddr(settings.sender)[0] or settings.name,
        send_day=settings.send_day,
        send_time=settings.send_time,
        crons=(*map(as_cron, triggers), ALL_DAY),
        utc_crons=(*dict.fromkeys(as_cron(utc) for one in in_utc for utc in one), ALL_DAY),
        last_cron=as_cron(triggers[-1]),
        last_utc_crons=tuple(map(as_cron, in_utc[-1])),
        site=f"https://{'example.org' if is_free_mail(domain) else domain}/",
        draft=f"{draft_date.isoformat()}-{first}",
        draft_date=draft_date,
        install=install,
    )


def _send_variables(provider: str, pages: str, ci: str) -> tuple[str, ...]:
    """Return what a job needs to send: no database's address where it is a file of one machine."""
    on_one_machine = ci in _ONE_MACHINE and pages in _ONE_MACHINE
    shared = () if on_one_machine else ("NEWSLETTER_DATABASE_URL",)
    return ("NEWSLETTER_SECRET_KEY", *shared, *facts_of(provider).sends_with)


def _web_variables(provider: str, pages: str, ci: str) -> tuple[str, ...]:
    """Return what the web app needs: it sends notices, and reads the provider's webhooks."""
    reports = filter(None, [facts_of(provider).reports_with])
    return (*_send_variables(provider, pages, ci), *reports)


def daily_triggers(send_time: time, max_lateness_hours: float) -> tuple[time, ...]:
    """Return the local times near `send_time` at which a job looks for what is due, in order.

    Hosts start jobs late, most of all at round minutes, and drop some. So there are several within
    the window in which a mailing may start, at odd minutes, and one after it: that one finishes
    what has started, and reports what missed its time.
    """
    window = round(max_lateness_hours * 60)
    offsets = {one for one in _FIRST if one <= window} or {0}
    offsets |= {round(window * part) for part in _PARTS if window * part > max(offsets)}
    # A window of more than a day comes round to times that are there already.
    *within, last = (_at(send_time, one) for one in (*sorted(offsets), window + _AFTER))
    return (*dict.fromkeys(one for one in within if one != last), last)


def _at(start: time, minutes: int) -> time:
    moment = datetime.combine(date(2000, 1, 1), start) + timedelta(minutes=minutes)
    if moment.minute % _ROUND == 0:
        moment += timedelta(minutes=1)
    return moment.time()


def as_cron(moment: time) -> str:
    """Return a daily time as cron has it."""
    return f"{moment.minute} {moment.hour} * * *"


def utc_times(moment: time, zone: ZoneInfo, year: int) -> Iterator[time]:
    """Yield the times in UTC that a daily local time has within a year, in winter and in summer."""
    offsets = {
        datetime(year, month, 15, moment.hour, moment.minute, tzinfo=zone).utcoffset()
        for month in range(1, 13)
    }
    for offset in sorted(one for one in offsets if one is not None):
        yield (datetime.combine(date(2000, 1, 2), moment) - offset).time()
