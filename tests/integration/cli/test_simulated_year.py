"""A year of a newsletter whose people come, go, pause and change their rhythm.

The program lives it through `newsletter send --due`, the provider's own ledger says what reached
whom, and `Oracle` works out from the acts alone what should have.
"""

from __future__ import annotations

import functools
import random
import re
from collections import Counter
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final
from zoneinfo import ZoneInfo

import pytest

from newsletter import config
from newsletter.delivery.notices import provider_account
from newsletter.desk.digest import Month, make_digest
from newsletter.store import editions
from newsletter.subscriptions import preferences, signup, unsubscribe
from newsletter.subscriptions.signup import LinkState, SignupResult
from newsletter.subscriptions.welcome import Welcome
from tests.support import changes
from tests.support.newsletter import Newsletter
from tests.support.providers.fake_resend import FakeResend
from tests.support.signups import HERE, open_link, signup_request

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable
    from pathlib import Path

    Run = Callable[..., subprocess.CompletedProcess[str]]

pytestmark = pytest.mark.usefixtures("database")

ZONE: Final = ZoneInfo("Europe/Amsterdam")
FIRST: Final = date(2027, 1, 3)
DAY: Final = timedelta(days=1)
WEEKLY, MONTHLY = "altijd@example.org", "maand@example.org"
"""Two who stay, so that no audience is ever empty."""
MOST_NAMED: Final = 12


def at(day: date, hour: int, minute: int = 0) -> datetime:
    return datetime(day.year, day.month, day.day, hour, minute, tzinfo=ZONE).astimezone(UTC)


class LaterClock:
    """The machine's clock, and some time later."""

    def __init__(self) -> None:
        self.later = timedelta()

    def __call__(self) -> datetime:
        return datetime.now(UTC) + self.later

    def go_to(self, moment: datetime) -> None:
        self.later = moment - datetime.now(UTC)


# --- What should reach whom ---


@dataclass
class Sent:
    """An issue that went out; of a digest, what it listed."""

    title: str
    moment: datetime
    listed: frozenset[str] = frozenset()
    withdrawn: bool = False


@dataclass
class Person:
    """What is known of one person from their acts, and of what reached them."""

    active: bool = False
    monthly: bool = False
    paused_until: datetime | None = None
    away_since: datetime | None = None
    """Since when they pause, until a notice says what they missed."""
    monthly_since: datetime | None = None
    welcomed: bool = False
    left_at: datetime | None = None
    joined_at: datetime | None = None
    had: set[str] = field(default_factory=set)

    def gets(self, moment: datetime, *, monthly: bool) -> bool:
        pauses = self.paused_until is not None and self.paused_until > moment
        return self.active and self.monthly is monthly and not pauses


class Oracle:
    """Knows the rules, and nothing of the program."""

    def __init__(self) -> None:
        self.people: dict[str, Person] = {}
        self.sent: list[Sent] = []
        self.waiting: list[tuple[str, str]] = []
        """Notices for the next run: to whom, and which titles; a welcome has none."""

    def join(self, who: str, moment: datetime) -> None:
        one = self.people.setdefault(who, Person())
        again = one.left_at is not None and moment - one.left_at < 30 * DAY and one.welcomed
        one.active, one.paused_until, one.away_since = True, None, None
        one.monthly_since = moment if one.monthly else None
        one.joined_at = moment
        if again:
            return
        one.welcomed = True
        self.waiting.append((who, "welcome"))
        latest = next(
            (s.title for s in reversed(self.sent) if not s.listed and not s.withdrawn), None
        )
        if latest and latest not in one.had:
            one.had.add(latest)
            self.waiting.append((who, latest))

    def leave(self, who: str, moment: datetime) -> None:
        one = self.people[who]
        one.active, one.left_at = False, moment

    def pause(self, who: str, moment: datetime, until: datetime) -> None:
        one = self.people[who]
        one.paused_until = until
        one.away_since = one.away_since or moment

    def resume(self, who: str) -> None:
        one = self.people[who]
        one.paused_until = None
        self._tell(who, one.away_since, monthly=one.monthly)
        one.away_since = None

    def choose(self, who: str, moment: datetime, *, monthly: bool) -> None:
        one = self.people[who]
        since = one.away_since
        if not monthly:
            since = min(filter(None, (since, one.monthly_since)), default=None)
        if one.paused_until and one.paused_until > moment:
            one.away_since = since
        else:  # a pause that is over is reported in the rhythm that they had in it
            self._tell(who, since, monthly=False)
            one.away_since = None
        one.monthly, one.monthly_since = monthly, moment if monthly else None

    def run(self, moment: datetime) -> Counter[tuple[str, str]]:
        """Return what a run brings before it starts an issue: who returned, and all that waits."""
        for who, one in self.people.items():
            over = one.paused_until is None or one.paused_until <= moment
            if one.active and one.away_since and over:
                self._tell(who, one.away_since, monthly=one.monthly)
                one.away_since = None
        found, self.waiting = Counter(self.waiting), []
        return found

    def send(self, issue: Sent) -> Counter[tuple[str, str]]:
        found: Counter[tuple[str, str]] = Counter()
        for who, one in self.people.items():
            if not one.gets(issue.moment, monthly=bool(issue.listed)) or issue.title in one.had:
                continue
            if issue.listed and issue.listed <= one.had:
                continue
            one.had.add(issue.title)
            found[who, issue.title] += 1
        self.sent.append(issue)
        return found

    def _tell(self, who: str, since: datetime | None, *, monthly: bool) -> None:
        if since is None:
            return
        one = self.people[who]
        brought = set().union(*(s.listed for s in self.sent if s.listed and s.title in one.had))
        missed = [
            s.title
            for s in reversed(self.sent)
            if s.moment >= since
            and bool(s.listed) is monthly
            and not s.withdrawn
            and s.title not in one.had | brought
        ]
        if missed:
            self.waiting.append((who, "missed: " + ", ".join(missed[:MOST_NAMED])))


# --- The newsletter ---


class Year:
    """A newsletter through its command, and the acts of its people."""

    def __init__(self, root: Path, run: Run, fake: FakeResend) -> None:
        self.clock = LaterClock()
        self.clock.go_to(at(FIRST - 7 * DAY, 12))
        self.newsletter = Newsletter(root, subscribers=0, slug="none", clock=self.clock)
        self.env = self.newsletter.for_real(fake.url)
        self.settings = replace(config.load(root, self.env), database_url="")
        self.store = self.newsletter.store
        self.welcome = Welcome(provider_account(self.settings), with_latest=True)
        self.oracle = Oracle()
        self.fake, self._run, self._seen = fake, run, 0

    def due(self) -> Counter[tuple[str, str]]:
        """Run what the schedule runs; return what the provider took."""
        later = functools.partial(changes.live_later, self.clock.later.total_seconds())
        done = self._run("send", "--due", "--no-preflight", env=self.env, before=[later])
        assert done.returncode == 0, done.stderr
        entries = self.fake.taken()[self._seen :]
        self._seen += len(entries)
        return Counter((str(entry["to"]), _what(entry["message"])) for entry in entries)

    def id_of(self, who: str) -> str:
        rows = self.newsletter.sql("SELECT email, public_id FROM subscribers")
        return next(str(public_id) for email, public_id in rows if email == who)

    def joins(self, who: str) -> None:
        asked = signup.request_signup(self.store, signup_request(who), self.welcome.account)
        assert asked is SignupResult.ACCEPTED
        link = open_link(self.store, who)
        assert signup.confirm(self.store, link, HERE, self.welcome) is LinkState.CONFIRMED
        self.oracle.join(who, self.clock())

    def leaves(self, who: str) -> None:
        assert unsubscribe.unsubscribe_many(self.store, [self.id_of(who)]) == 1
        self.oracle.leave(who, self.clock())

    def pauses(self, who: str, weeks: int) -> None:
        found = preferences.pause(self.store, self.id_of(who), weeks, "Europe/Amsterdam")
        assert found
        assert found.paused_until
        day = self.clock().astimezone(ZONE).date() + weeks * 7 * DAY
        self.oracle.pause(who, self.clock(), at(day, 0))

    def resumes(self, who: str) -> None:
        preferences.resume(self.store, self.id_of(who), self.welcome.account)
        self.oracle.resume(who)

    def chooses(self, who: str, *, monthly: bool) -> None:
        account = self.welcome.account
        preferences.choose(self.store, self.id_of(who), account, monthly=monthly)
        self.oracle.choose(who, self.clock(), monthly=monthly)

    def writes(self, slug: str, title: str) -> None:
        text = f"---\nsubject: {title}\n---\nVandaag een zin over {title}.\n"
        (self.newsletter.root / "issues" / f"{slug}.md").write_text(text, encoding="utf-8")

    def writes_digest(self, month: Month) -> str:
        made = make_digest(self.settings, self.store, month, day=None, now=self.clock(), write=True)
        file = self.newsletter.root / "issues" / f"{made.slug}.md"
        text = file.read_text(encoding="utf-8").replace("draft: yes\n", "")
        file.write_text(text, encoding="utf-8")
        return made.draft.subject


def _what(message: dict[str, Any]) -> str:
    """Return what an email is: an issue by its title, or which notice."""
    subject = str(dict(message["headers"])["Subject"])
    if subject.startswith("Welkom bij"):
        return "welcome"
    if subject.startswith("Dit heb je gemist"):
        titles = re.findall(r"^(.+)\r?\nhttps?://\S+/issues/\d\S+$", message["text"], re.MULTILINE)
        return "missed: " + ", ".join(title.strip() for title in titles)
    return subject


def act(year: Year, who: str, chance: random.Random) -> None:
    """Let a person do what people do, now and then."""
    one, moment = year.oracle.people.get(who), year.clock()
    do = chance.random()
    if one is None or not one.active:
        # The form mails an address three times a month at most.
        if do < 0.3 and (one is None or moment - (one.joined_at or moment) > 20 * DAY):
            year.joins(who)
    elif do < 0.07:
        year.leaves(who)
    elif do < 0.2:
        year.chooses(who, monthly=not one.monthly)
    elif do < 0.3 and not (one.paused_until and one.paused_until > moment):
        year.pauses(who, chance.choice([1, 2, 3, 5, 8]))
    elif do < 0.45 and one.paused_until and one.paused_until > moment:
        year.resumes(who)


def live(year: Year, weeks: int, chance: random.Random) -> Counter[tuple[str, str]]:
    """Live some weeks; return all that the provider took."""
    every: Counter[tuple[str, str]] = Counter()
    names = [f"lezer{n}@example.org" for n in range(30)]
    year.joins(WEEKLY)
    year.joins(MONTHLY)
    year.chooses(MONTHLY, monthly=True)
    assert year.due() == year.oracle.run(year.clock())
    titles: dict[Month, list[str]] = {}
    for week in range(weeks):
        sunday = FIRST + week * 7 * DAY
        year.clock.go_to(at(sunday - DAY, 14))
        for who in names:
            act(year, who, chance)
        digest, before = "", sunday - 7 * DAY
        month = Month(before.year, before.month)
        if titles.get(month) and sunday.month != before.month:
            digest = year.writes_digest(month)
        title, slug = f"Week {week + 1}", f"{sunday}-week-{week + 1}"
        year.writes(slug, title)
        year.clock.go_to(at(sunday, 7, 5))
        moment = year.clock()
        taken, expected = year.due(), year.oracle.run(moment)
        issues = [Sent(title, moment)]
        if digest:
            issues.append(Sent(digest, moment, frozenset(titles[month])))
        for issue in issues:
            expected += year.oracle.send(issue)
        assert taken == expected, (week, taken - expected, expected - taken)
        assert year.due() == Counter()  # the schedule runs again, some hours later
        titles.setdefault(Month(sunday.year, sunday.month), []).append(title)
        if week % 9 == 5:
            withdraw(year, slug, title, titles)
        every += taken
    return every


def withdraw(year: Year, slug: str, title: str, titles: dict[Month, list[str]]) -> None:
    with year.store.write() as connection:
        assert editions.withdraw(connection, slug)
    year.oracle.sent = [
        replace(sent, withdrawn=True) if sent.title == title else sent for sent in year.oracle.sent
    ]
    for named in titles.values():
        named[:] = [one for one in named if one != title]


@pytest.mark.parametrize(("weeks", "seed"), [(13, 1), pytest.param(52, 2, marks=pytest.mark.all)])
def test_everybody_gets_exactly_what_their_acts_say_and_nobody_anything_twice(
    root: Path, run: Run, tmp_path: Path, weeks: int, seed: int
) -> None:
    with FakeResend(tmp_path / "taken-by-the-provider") as fake:
        year = Year(root, run, fake)
        every = live(year, weeks, random.Random(seed))  # noqa: S311 - the same acts each time
        issues = {what for _, what in every if what.startswith(("Week", "De brieven"))}
        assert len(issues) > weeks
        assert all(count == 1 for (_, what), count in every.items() if what in issues)
        kinds = {what.partition(":")[0] for _, what in every}
        assert {"welcome", "missed"} <= kinds
