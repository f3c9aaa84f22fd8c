"""Another account of the same provider, while it is not known what the first one took.

It knows nothing of the first one's keys, and lists nothing of what that one took: to ask it again
would be to mail everybody twice. Through the real adapters, over real sockets, on both databases.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import threading
from collections import Counter
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from newsletter import delivery, desk, providers
from newsletter.cli.status_text import explain_mailing
from newsletter.delivery.notices import is_due, provider_account
from newsletter.errors import TryAgain
from newsletter.providers.base import account_id
from newsletter.store import claims, recovery
from newsletter.subscriptions.signup import request_signup
from tests.integration.delivery.test_search import Clock
from tests.support.newsletter import Newsletter
from tests.support.providers import cases
from tests.support.signups import queued, send_due, signup_request
from tests.support.subscribers import sql

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.support.providers.cases import Case
    from tests.support.providers.fake_server import FakeServer

pytestmark = pytest.mark.usefixtures("database")

SUBSCRIBERS = 40
FIRST, REST = 15, 25
ANOTHER = "andere.example.org"
"""As good a key as it is a domain."""

KEYED = (cases.RESEND, cases.LETTERMINT)
LISTING = (cases.MAILGUN,)


@pytest.fixture(params=(*KEYED, *LISTING), ids=lambda case: case.name)
def case(request: pytest.FixtureRequest) -> Case:
    """Return each provider in turn that can say afterwards what it took."""
    one: Case = request.param
    return one


@pytest.fixture
def fake(case: Case, tmp_path: Path) -> Iterator[FakeServer]:
    with case.fake(tmp_path / "taken.jsonl") as fake:
        if case in LISTING:
            fake.domains.add(ANOTHER)  # type: ignore[attr-defined] - FakeMailgun's
        yield fake


class Author:
    """A newsletter whose author takes one account for another.

    Args:
        root: Its folder.
        case: Its provider.
        fake: The stand-in for that.
        subscribers: How many there are.
    """

    def __init__(
        self, root: Path, case: Case, fake: FakeServer, subscribers: int = SUBSCRIBERS
    ) -> None:
        self.clock = Clock()
        self.newsletter = Newsletter(root, subscribers=subscribers, clock=self.clock)
        self._case, self._fake = case, fake
        self.newsletter.settings = dataclasses.replace(
            self.newsletter.settings, provider=case.can.name, provider_url=fake.url
        )
        self.take()

    def take(self, value: str = "") -> None:
        """Put another key or domain into the environment; nothing puts the first one back."""
        own = {self._case.can.account_variable: value} if value else {}
        credentials = {**self._case.environment, **own}
        self.newsletter.settings = dataclasses.replace(
            self.newsletter.settings, credentials=credentials
        )

    @contextlib.contextmanager
    def provider(self) -> Iterator[Any]:
        with contextlib.closing(providers.open_provider(self.newsletter.settings)) as opened:  # type: ignore[type-var]
            yield opened

    def send(self, **more: Any) -> delivery.SendResult:  # noqa: ANN401 - as of Newsletter
        with self.provider() as opened:
            return self.newsletter.send(opened, **more)

    def lose_answers(self) -> None:
        """Send to some and lose the answer, and then the process that would have asked again."""
        self._fake.faults = dict.fromkeys(range(1, 9), self._fake.FAULTS["reset-accepted"])
        stop = threading.Event()
        trouble = self.send(limit=FIRST, stop=stop, progress=lambda _done, _total: stop.set())
        assert trouble.error
        self._fake.faults = {}
        self.newsletter.lose_process()
        with self.newsletter.store.write() as connection:
            recovery.expire_leases(connection, 1)
        assert self.counts() == {"unknown": FIRST, "pending": REST}
        assert len(self._fake.taken()) == FIRST

    def counts(self) -> dict[str, int]:
        return dict(self.newsletter.sql("SELECT state, count(*) FROM deliveries GROUP BY state"))  # type: ignore[arg-type]

    def copies(self) -> Counter[str]:
        return Counter(entry["to"] for entry in self._fake.taken())

    def forecast(self) -> delivery.MailingForecast:
        report = delivery.find_report(self.newsletter.store, self.newsletter.slug)
        assert report
        return delivery.forecast_mailing(report, self._case.can, self.newsletter.settings)

    def explained(self) -> str:
        return explain_mailing(self.forecast(), self.newsletter.settings.zone)


@pytest.fixture
def author(root: Path, case: Case, fake: FakeServer) -> Author:
    return Author(root, case, fake)


def test_another_account_gives_nobody_a_second_letter_and_the_first_one_completes_it(
    author: Author, case: Case
) -> None:
    author.lose_answers()
    author.take(ANOTHER)
    for _ in range(3):
        trouble = author.send().error
        # Who was still to get it has it, and nothing more happens, however often.
        assert author.counts() == {"accepted": REST, "unknown": FIRST}
        assert set(author.copies().values()) == {1}
        assert trouble
        assert trouble.exit_code == 3
        assert f"set {case.can.account_variable} to its previous value, then run" in str(trouble)
        assert "newsletter resolve" in str(trouble)
        author.clock.moment += timedelta(minutes=46)
    author.take()
    assert author.send().error is None
    assert author.counts() == {"accepted": SUBSCRIBERS}
    assert author.copies() == {f"lezer{n}@example.org": 1 for n in range(SUBSCRIBERS)}


def test_deliveries_that_wait_for_another_account_are_reported_with_a_solution(
    author: Author, case: Case
) -> None:
    author.lose_answers()
    assert "another account" not in author.explained()
    author.take(ANOTHER)
    author.send()
    (remedy,) = author.forecast().resolutions
    assert (remedy.method, remedy.letters) == (delivery.ResolutionMethod.ACCOUNT, FIRST)
    slug = author.newsletter.slug
    back = f"set {case.can.account_variable} to its previous value, then run newsletter send {slug}"
    command = f"newsletter resolve {author.newsletter.slug}"
    resolve = f"{command} --resend\n{command} --assume-sent"
    assert author.forecast().next_step == f"{back}\n{resolve}"
    assert f"for {FIRST}, another account can find out" in author.explained()
    author.clock.moment += timedelta(days=2)
    # By now, that one does not know either.
    assert {one.method for one in author.forecast().resolutions} == {delivery.ResolutionMethod.WAIT}
    assert author.forecast().next_step == resolve


def test_the_schedule_says_so_too_and_goes_on_by_itself_when_it_is_put_back(
    author: Author, case: Case
) -> None:
    author.lose_answers()
    author.take(ANOTHER)
    author.send()

    def due() -> delivery.DueResult:
        with author.provider() as opened:
            return delivery.send_due(
                author.newsletter.context(opened),
                desk.read_all(author.newsletter.settings),
                progress=lambda _slug: contextlib.nullcontext(lambda _done, _total: None),
                preflight=False,
            )

    reported = due()
    assert reported.exit_code == 3
    assert f"set {case.can.account_variable} to its previous value" in str(reported.errors[0])
    assert set(author.copies().values()) == {1}
    author.take()
    assert due().exit_code == 0
    assert author.counts() == {"accepted": SUBSCRIBERS}
    assert set(author.copies().values()) == {1}


def test_what_an_author_resolves_is_sent_again_through_the_account_of_now(author: Author) -> None:
    author.lose_answers()
    author.take(ANOTHER)
    author.send()
    delivery.resolve_unknown(
        author.newsletter.store, author.newsletter.slug, delivery.UnknownDecision.RESEND
    )
    assert author.send().error is None
    # As the warning said: they had been sent.
    assert Counter(author.copies().values()) == {1: REST, 2: FIRST}


def test_of_a_lost_process_what_never_left_goes_on_and_what_may_have_left_waits(
    author: Author, case: Case
) -> None:
    author.lose_answers()
    newsletter = author.newsletter
    author.send(limit=5)
    own = account_id(newsletter.settings, case.can)
    newsletter.sql("UPDATE mailings SET state = 'sending', claims_left = NULL")
    with newsletter.store.write() as connection:
        terms: dict[str, Any] = {"size": 4, "lease": timedelta(minutes=1), "key_id": "k"}
        sealed = claims.claim(connection, 1, **terms, account=own)
        assert sealed
        assert claims.record_payload(connection, sealed, "hash")
        assert claims.claim(connection, 1, **terms, account=own)
    author.take(ANOTHER)
    author.clock.moment += timedelta(minutes=2)
    assert author.send().error
    assert author.counts() == {"accepted": SUBSCRIBERS - 4, "unknown": 4}
    assert set(author.copies().values()) == {1}
    # All is kept that the first account is to be asked with.
    kept = newsletter.sql(
        "SELECT payload_hash, snapshot IS NULL FROM batches WHERE payload_hash='hash'"
    )
    assert [(digest, bool(gone)) for digest, gone in kept] == [("hash", False)]
    assert author.send().error
    author.take()
    assert "another account" not in author.explained()


def test_nothing_that_is_secret_is_kept_of_an_account(author: Author, case: Case) -> None:
    author.lose_answers()
    ((kept,),) = author.newsletter.sql("SELECT DISTINCT account FROM batches")
    assert kept == account_id(author.newsletter.settings, case.can)
    for secret in (*case.secrets, case.environment[case.can.account_variable]):
        assert secret not in str(kept)
    author.take(ANOTHER)
    assert kept != account_id(author.newsletter.settings, case.can)


@pytest.mark.parametrize("case", KEYED, ids=lambda case: case.name)
def test_a_notice_is_not_repeated_through_another_account(
    root: Path, case: Case, fake: FakeServer
) -> None:
    author = Author(root, case, fake, subscribers=0)
    newsletter = author.newsletter
    request_signup(
        newsletter.store, signup_request("anna@example.org"), provider_account(newsletter.settings)
    )
    fake.faults = {1: fake.FAULTS["reset-accepted"]}
    with author.provider() as opened:
        assert isinstance(send_due(newsletter, opened).error, TryAgain)
    author.take(ANOTHER)
    author.clock.moment += timedelta(minutes=5)
    assert not is_due(newsletter.store, newsletter.settings)
    request_signup(
        newsletter.store, signup_request("bert@example.org"), provider_account(newsletter.settings)
    )
    with author.provider() as opened:
        assert send_due(newsletter, opened).accepted == 1
    assert queued(newsletter.store) == [("confirmation", "unknown"), ("confirmation", "accepted")]
    author.take()
    assert is_due(newsletter.store, newsletter.settings)
    with author.provider() as opened:
        assert send_due(newsletter, opened).accepted == 1
    assert sql(newsletter.store, "SELECT DISTINCT state FROM notices") == [("accepted",)]
    assert author.copies() == {"anna@example.org": 1, "bert@example.org": 1}


@pytest.mark.parametrize("case", [cases.RESEND], ids=lambda case: case.name)
def test_the_command_says_which_variable_to_put_back(
    root: Path,
    case: Case,
    fake: FakeServer,
    run: Callable[..., subprocess.CompletedProcess[str]],
) -> None:
    author = Author(root, case, fake)
    author.clock.moment = datetime.now(author.clock.moment.tzinfo)
    author.lose_answers()
    slug = author.newsletter.slug
    right = author.newsletter.for_real(fake.url) | case.environment
    wrong = right | {"RESEND_API_KEY": "re_another"}
    send = ("send", slug, "--yes", "--early", "--no-preflight", "--json")
    sent = run(*send, env=wrong)
    assert sent.returncode == 3
    (waiting,) = json.loads(sent.stdout)["unsettled"]
    assert (waiting["letters"], waiting["by"]) == (FIRST, "account")
    assert waiting["put_back"] == "RESEND_API_KEY"
    reported = run("status", slug, env=wrong)
    assert reported.returncode == 0
    assert f"for {FIRST}, another account can find out until" in reported.stdout
    step = f"next: set RESEND_API_KEY to its previous value, then run newsletter send {slug}"
    assert step in reported.stdout
    assert "re_another" not in reported.stdout + reported.stderr + sent.stderr
    risk = run("resolve", slug, "--assume-sent", env=wrong, stdin="")
    assert f"without risk for {FIRST}, another account can find out" in risk.stderr
