"""The ledger under anything that can happen to it, in any order, several senders at once."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections import Counter
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from newsletter import delivery, desk, render
from newsletter.delivery.reconcile import can_settle
from newsletter.errors import NewsletterError
from newsletter.model import (
    Accepted,
    DeliveryState,
    MailingState,
    Outcome,
    RecipientRejected,
    RetryLater,
    Unknown,
)
from newsletter.providers.base import Capabilities
from newsletter.store import claims, freezing, mailing_reports, mailings, recovery, settlement
from tests.support.newsletter import Newsletter, where, write_issue

if TYPE_CHECKING:
    from newsletter.store.claims import Claim
    from tests.support.postgres import Postgres

SUBSCRIBERS = 8
SENDERS = st.integers(0, 2)
LONG = timedelta(hours=1)


@pytest.fixture
def template(tmp_path: Path, database: str) -> Path:
    """A newsletter with a mailing that is being sent, to copy for each run."""
    assert database
    root = tmp_path / "template"
    root.mkdir()
    (root / "newsletter.toml").write_text('name = "Proefbrief"\n', encoding="utf-8")
    (root / "issues").mkdir()
    newsletter = Newsletter(root, subscribers=SUBSCRIBERS)
    _, draft = desk.find_draft(newsletter.settings, write_issue(root))
    assert draft
    assert draft.issue
    letter = render.letter(draft.issue, newsletter.settings)
    with newsletter.store.write() as connection:
        mailing = freezing.freeze(
            connection, draft.issue, letter, provider="fake", provider_url="", rehearsal=False
        )
        mailings.change_state(connection, mailing.id, MailingState.SENDING)
    newsletter.store.close()
    return root


class Ledger(RuleBasedStateMachine):
    template: Path
    server: Postgres
    """Where its database is copied too, if it is not in the folder."""

    def __init__(self) -> None:
        super().__init__()
        self.root = Path(tempfile.mkdtemp()) / "newsletter"
        shutil.copytree(self.template, self.root)
        self.url = self._copied()
        with pytest.MonkeyPatch.context() as patch:
            if self.url:
                patch.setenv("NEWSLETTER_DATABASE_URL", self.url)
            self.newsletter = Newsletter(self.root, subscribers=0)
        self.claims: dict[int, Claim] = {}
        # What the provider took, by request key: it answers a repeated key without a second letter.
        self.taken: dict[str, set[str]] = {}
        # By a person's word, a letter that had left may leave once more.
        self.allowed: Counter[str] = Counter()
        self.resent: set[str] = set()
        self.gone: set[str] = set()

    def _copied(self) -> str:
        if not where():
            return ""
        name = where()["NEWSLETTER_DATABASE_URL"].partition("@/")[2].partition("?")[0]
        return self.server.url(self.server.database(name))

    def teardown(self) -> None:
        self.newsletter.store.close()
        if self.url:
            self.server.drop(self.url.partition("@/")[2].partition("?")[0])
        shutil.rmtree(self.root.parent)

    @rule(sender=SENDERS, size=st.integers(1, 4))
    def claim(self, sender: int, size: int) -> None:
        with self.newsletter.store.write() as connection:
            recovery.expire_leases(connection, 1)
            claim = claims.claim(connection, 1, size=size, lease=LONG, key_id="k")
        if claim:
            assert not {subscriber.email for subscriber in claim.subscribers} & self.gone
            self.claims[sender] = claim

    @rule(sender=SENDERS)
    def replay(self, sender: int) -> None:
        with self.newsletter.store.write() as connection:
            recovery.expire_leases(connection, 1)
            claim = recovery.replay(connection, 1, lease=LONG, window=LONG)
        if claim:
            assert not {subscriber.email for subscriber in claim.subscribers} & self.gone
            self.claims[sender] = claim

    @precondition(lambda self: self.claims)
    @rule(sender=SENDERS)
    def submit(self, sender: int) -> None:
        """Let a claim's letters leave, if it still may; the answer comes later or never."""
        claim = self.claims.get(sender)
        if claim is None:
            return
        with self.newsletter.store.write() as connection:
            if not claims.record_payload(connection, claim, "the same bytes"):
                return
        self.taken.setdefault(claim.key, {subscriber.ref for subscriber in claim.subscribers})

    @precondition(lambda self: self.claims)
    @rule(sender=SENDERS, data=st.data())
    def settle(self, sender: int, data: st.DataObject) -> None:
        claim = self.claims.pop(sender, None)
        if claim is None:
            return
        taken = self.taken.get(claim.key, set())
        outcomes: dict[str, Outcome] = {}
        for subscriber in claim.subscribers:
            # A provider that took a letter never says that it certainly did not.
            said = (
                [Accepted("id"), Unknown("?"), None]
                if subscriber.ref in taken
                else [RetryLater("later"), RecipientRejected("no"), Unknown("?"), None]
            )
            if claim.attempt > 1:
                # ... of this request, that is: of a repetition it may say so.
                said = [*said, RetryLater("later")]
            answer = data.draw(st.sampled_from(said))
            if answer:
                outcomes[subscriber.ref] = answer
        with self.newsletter.store.write() as connection:
            settlement.settle(connection, claim, outcomes)

    def letters(self) -> Counter[str]:
        return Counter(ref for refs in self.taken.values() for ref in refs)

    @rule(sender=SENDERS)
    def die(self, sender: int) -> None:
        self.claims.pop(sender, None)

    @rule()
    def wait(self) -> None:
        self.newsletter.lose_process()

    @rule(number=st.integers(0, SUBSCRIBERS - 1))
    def leave(self, number: int) -> None:
        self.gone.add(f"lezer{number}@example.org")
        self.newsletter.sql(
            f"UPDATE subscribers SET status = 'unsubscribed' WHERE id = {number + 1}"  # noqa: S608
        )
        self.newsletter.sql(
            "UPDATE batches SET snapshot = NULL WHERE settled_at IS NULL AND id IN "  # noqa: S608
            f"(SELECT batch_id FROM deliveries WHERE subscriber_id = {number + 1})"
        )

    @rule(pause=st.booleans())
    def pause_or_go_on(self, pause: bool) -> None:  # noqa: FBT001 - hypothesis fills it in
        with self.newsletter.store.write() as connection:
            target = MailingState.PAUSED if pause else MailingState.SENDING
            mailings.change_state(connection, 1, target)

    @rule(verdict=st.sampled_from(delivery.UnknownDecision))
    def resolve(self, verdict: delivery.UnknownDecision) -> None:
        with self.newsletter.store.write() as connection:
            recovery.expire_leases(connection, 1)
        unknown = self.newsletter.sql("SELECT ref FROM deliveries WHERE state = 'unknown'")
        query = "SELECT * FROM deliveries WHERE state <> 'unknown' ORDER BY id"
        others = self.newsletter.sql(query)
        try:
            delivery.resolve_unknown(self.newsletter.store, self.newsletter.slug, verdict)
        except NewsletterError:
            assert not unknown
        else:
            assert set(others) <= set(self.newsletter.sql("SELECT * FROM deliveries"))
            if verdict is delivery.UnknownDecision.RESEND:
                refs = {str(ref) for (ref,) in unknown}
                self.resent |= refs
                self.allowed.update(refs & self.letters().keys())

    @rule()
    def conclude(self) -> None:
        with self.newsletter.store.write() as connection:
            mailings.complete_if_done(connection, 1)

    @invariant()
    def nobody_has_two_letters_unless_a_person_chose_so(self) -> None:
        assert all(n <= 1 + self.allowed[ref] for ref, n in self.letters().items())

    @invariant()
    def the_account_adds_up_and_is_true(self) -> None:
        with self.newsletter.store.read() as connection:
            report = mailing_reports.report(connection, mailings.get(connection, 1))
        assert sum(report.counts.values()) == report.mailing.audience == SUBSCRIBERS
        if report.mailing.state in {
            MailingState.COMPLETED,
            MailingState.COMPLETED_WITH_UNKNOWN,
        }:
            assert not report.counts[DeliveryState.PENDING]
            assert not report.counts[DeliveryState.ATTEMPTING]
        rows = self.newsletter.sql("SELECT ref, state, assumed FROM deliveries")
        taken = {ref for refs in self.taken.values() for ref in refs}
        for ref, state, assumed in rows:
            # Nothing that left stands as if it had not, but by a person's word.
            if ref in taken and ref not in self.resent:
                assert state in {"attempting", "accepted", "unknown"}
            if state == "accepted" and not assumed:
                assert ref in taken

    @invariant()
    def what_a_person_is_told_of_it_is_true(self) -> None:
        can = Capabilities("fake", False, 10, LONG, replay=LONG)  # noqa: FBT003 - not a rehearsal
        with self.newsletter.store.read() as connection:
            report = mailing_reports.report(connection, mailings.get(connection, 1))
            settles = can_settle(connection, 1, can, None)
        reported = delivery.forecast_mailing(report, can, self.newsletter.settings)
        unknown = report.counts[DeliveryState.UNKNOWN]
        assert sum(remedy.letters for remedy in reported.resolutions) == unknown
        assert sum(report.details.reasons[DeliveryState.UNKNOWN].values()) == unknown
        under_way = report.counts[DeliveryState.ATTEMPTING]
        assert bool(reported.busy_until) == (reported.lost < under_way)
        assert settles == any(
            one.method is delivery.ResolutionMethod.REPLAY for one in reported.resolutions
        )

    @invariant()
    def no_address_is_kept_once_a_batch_is_settled(self) -> None:
        query = "SELECT count(*) FROM batches WHERE settled_at IS NOT NULL AND snapshot IS NOT NULL"
        assert self.newsletter.sql(query) == [(0,)]


def test_nothing_that_happens_in_any_order_breaks_the_ledger(
    template: Path, database: str, request: pytest.FixtureRequest
) -> None:
    on_a_server = database == "postgresql"
    server = request.getfixturevalue("server") if on_a_server else None
    machine = type("Case", (Ledger,), {"template": template, "server": server}).TestCase
    machine.settings = settings(
        # A server takes its time.
        max_examples=int(os.environ.get("LEDGER_EXAMPLES", "20" if on_a_server else "100")),
        stateful_step_count=40,
        deadline=None,
        # The same every time, unless asked for more: LEDGER_EXAMPLES=5000.
        derandomize="LEDGER_EXAMPLES" not in os.environ,
        suppress_health_check=list(HealthCheck),
    )
    machine().runTest()
