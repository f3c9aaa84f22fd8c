"""Notices: transactional emails to one person, sent as carefully as a mailing.

Each is a request of its own, committed as *attempting* with the hash of its bytes before it
leaves, and settled after. An unknown notice is repeated only where the provider knows its key;
elsewhere it stays unknown, and its subscriber can ask again.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from newsletter import personalize, render, tokens
from newsletter.delivery import preflight
from newsletter.delivery.rate_limit import backoff
from newsletter.delivery.reconcile import replay_window
from newsletter.delivery.requests import ProviderRequest, RequestBuilder, clocks
from newsletter.errors import DecisionNeeded, NewsletterError, TryAgain
from newsletter.model import (
    Accepted,
    Batch,
    Letter,
    NoticeKind,
    RequestRefused,
    RetryLater,
    Unknown,
)
from newsletter.providers import capabilities_of, open_provider
from newsletter.providers.base import account_id
from newsletter.providers.registry import remove_suppression
from newsletter.store import events, notice_claims, notices, sender_locks
from newsletter.store.keys import record_fingerprint, signing_keys

if TYPE_CHECKING:
    from threading import Event

    from newsletter.config import Settings
    from newsletter.model import DeliveryState, Outcome
    from newsletter.providers.base import Provider
    from newsletter.store import Connection, Store
    from newsletter.store.notice_claims import Notice

FOLDER: Final = "_notices"
"""In place of a slug: where the outbox puts notices."""

PREFERENCES_WITHIN: Final = timedelta(minutes=30)
"""How long the link to preferences works after it was sent."""
ADDRESS_WITHIN: Final = timedelta(hours=72)
"""How long the link that confirms another address works."""

_LINKED: Final = frozenset(
    {NoticeKind.CONFIRMATION, NoticeKind.PREFERENCES, NoticeKind.NEW_ADDRESS}
)
_FIRST_PAUSE: Final = timedelta(seconds=30)
_LONGEST_PAUSE: Final = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class NoticeRun:
    """How sending the due notices ended.

    Attributes:
        accepted: How many notices the provider took.
        error: Why it stopped before the end, if it did.
        refused: Why the provider refused one of them, perhaps for its subscriber alone.
    """

    accepted: int = 0
    error: NewsletterError | None = None
    refused: NewsletterError | None = None


class NoticeSender:
    """Sends notices; the letter of each kind is rendered once.

    Raises:
        NewsletterError: A template is missing or wrong.
    """

    def __init__(self, settings: Settings, provider: Provider) -> None:
        self._settings = settings
        self._provider = provider.for_audience(1)
        self._can = self._provider.capabilities
        self._account = provider_account(settings)
        keys = {tokens.fingerprint(key): key for key in signing_keys(settings)}
        self._key_id = next(iter(keys))
        self._builder = RequestBuilder(self._provider, keys, self._batch)
        self._letters = {kind: _render(settings, kind) for kind in render.NOTICES}
        # Many return on one day, and missed the same.
        self._missed = functools.lru_cache(maxsize=16)(
            functools.partial(_render, settings, NoticeKind.MISSED)
        )

    def send_due(self, store: Store, stop: Event) -> NoticeRun:
        """Send what is due, until there is no more or something is wrong.

        Raises:
            NewsletterError: The database cannot be used.
        """
        if not is_due(store, self._settings):
            return NoticeRun()
        if not self._can.rehearsal:
            try:
                preflight.check_settings(store, self._settings)
            except NewsletterError as unfit:
                return NoticeRun(0, unfit)
            self._lift_suppressions(store, stop)
        with sender_locks.hold(self._settings.state) as owner:
            return self._send_all(store, stop, owner)

    def _send_all(self, store: Store, stop: Event, owner: str | None) -> NoticeRun:
        accepted = 0
        refused: NewsletterError | None = None
        while not stop.is_set():
            began = clocks()
            with store.write() as connection:
                notice, request = self._next(connection, owner, began)
            if notice is None:
                break
            if request is None:
                continue
            outcomes = self._builder.submit(request).outcomes
            outcome = outcomes.get(notice.ref, Unknown("missing from the provider's answer"))
            with store.write() as connection:
                notice_claims.settle(connection, notice, outcome, pause=_pause(notice, outcome))
            accepted += isinstance(outcome, Accepted)
            error = self._error_of(outcome)
            if isinstance(outcome, RequestRefused) and outcome.divisible:
                refused = error  # it must not keep others waiting
            elif error:
                return NoticeRun(accepted, error, refused)
        return NoticeRun(accepted, None, refused)

    def _lift_suppressions(self, store: Store, stop: Event) -> None:
        """Take returning subscribers off the provider's suppressions, or their notice is lost.

        Before anything is claimed, since asking takes a while.
        """
        with store.read() as connection:
            coming_back = notices.find_maybe_blocked(connection, self._account)
        for id_, email in coming_back:
            if stop.is_set():
                return
            reason = remove_suppression(self._settings, email)
            with store.write() as connection:
                events.set_block_reason(connection, id_, reason or None)

    def _next(
        self, connection: Connection, owner: str | None, began: tuple[float, float]
    ) -> tuple[Notice | None, ProviderRequest[Notice] | None]:
        """Claim a notice and commit its bytes; without a request, it may not be repeated."""
        notice = notice_claims.claim(
            connection,
            self._account,
            key_id=self._key_id,
            lease=self._can.lease,
            window=replay_window(self._can),
            owner=owner,
        )
        if notice is None:
            return None, None
        built = self._builder.build(notice, began)
        if isinstance(built, str):
            notice_claims.give_up_replay(connection, notice, built)
            return notice, None
        notice_claims.record_payload(connection, notice, built.payload.digest)
        if not self._can.rehearsal:
            record_fingerprint(connection, self._key_id)
        return notice, built

    def _batch(self, notice: Notice, key: str) -> Batch:
        letter, mailing = self._letter(notice)
        if path := _path(notice, key):
            base = self._settings.public_url.rstrip("/")
            letter = personalize.with_link(letter, f"{base}{path}")
        if notice.plain_text:
            letter = replace(letter, html="")
        token = (
            tokens.unsubscribe_token(key, notice.subscriber, mailing)
            if letter.unsubscribe_url
            else ""
        )
        recipient = personalize.recipient(
            letter, notice.ref, notice.email, notice.first_name, token
        )
        return Batch(notice.key, FOLDER, letter, notice.claimed_at, (recipient,))

    def _letter(self, notice: Notice) -> tuple[Letter, str]:
        """Return the letter of a notice, and the public id of the mailing that it is from."""
        if notice.kind is NoticeKind.ISSUE:
            issue = notice.issues[0]
            # To a newcomer a correction is no correction: it has the subject of the issue.
            return replace(Letter.decode(issue.letter), subject=issue.subject), issue.mailing
        if notice.kind is NoticeKind.MISSED:
            named = tuple((one.slug, one.subject) for one in notice.issues)
            return self._missed(named), tokens.RESERVED_ID
        return self._letters[notice.kind], tokens.RESERVED_ID

    def _error_of(self, outcome: Outcome) -> NewsletterError | None:
        """Return why no more notices should leave now: the next one would end the same way."""
        match outcome:
            case RequestRefused(reason):
                return DecisionNeeded(
                    f"notices wait: {reason}", hint="Fix that; then they are sent by themselves"
                )
            case RetryLater(reason):
                return TryAgain(f"notices wait: {reason}", hint="They are sent by themselves")
            case Unknown(reason):
                return TryAgain(
                    f"it is unknown whether a notice left: {reason}",
                    hint=f"See the status page of {self._can.name}",
                )
        return None


def _render(
    settings: Settings, kind: NoticeKind, issues: tuple[tuple[str, str], ...] = ()
) -> Letter:
    return render.notice(settings, kind, linked=kind in _LINKED, issues=issues)


def send_notices(store: Store, settings: Settings, provider: Provider, stop: Event) -> NoticeRun:
    """Send what is due, once; see `NoticeSender`.

    Raises:
        NewsletterError: The database cannot be used.
    """
    if not is_due(store, settings):
        return NoticeRun()
    try:
        sender = NoticeSender(settings, provider)
    except NewsletterError as broken:
        return NoticeRun(0, broken)
    return sender.send_due(store, stop)


def provider_account(settings: Settings) -> notices.ProviderAccount:
    """Return the account that takes notices queued under these settings."""
    own = account_id(settings, capabilities_of(settings))
    return notices.ProviderAccount(settings.provider, settings.provider_url, own)


def find_obstacles(settings: Settings) -> tuple[NewsletterError, ...]:
    """Return what keeps a process with these settings from mailing notices, whatever is due.

    No database is asked: one that the settings do not name answers nothing anyway.
    """
    found = []
    try:
        open_provider(settings).close()
    except NewsletterError as error:
        found.append(error)
    if capabilities_of(settings).rehearsal:
        return tuple(found)
    found += preflight.find_setting_problems(settings)
    if not settings.ledger:
        hint = "Where your list is, newsletter status prints the line; then deploy this again"
        found.append(preflight.unnamed_ledger(settings, hint))
    return tuple(found)


def is_due(store: Store, settings: Settings) -> bool:
    """Return whether a notice can be sent now; nothing changes."""
    with store.read() as connection:
        left = notices.time_to_next(connection, provider_account(settings))
    return left is not None and left <= timedelta()


def count_notices(store: Store) -> dict[DeliveryState, int]:
    """Return how many notices there are in each state."""
    with store.read() as connection:
        return notices.count_by_state(connection)


def _path(notice: Notice, key: str) -> str:
    """Return the path of a notice's link, or nothing if it has none.

    Its end is counted from the first claim, so that a repetition has the same bytes.
    """
    if notice.kind is NoticeKind.PREFERENCES:
        until = int((notice.claimed_at + PREFERENCES_WITHIN).timestamp())
        return f"/p/{tokens.preferences_token(key, notice.subscriber, until)}"
    if notice.kind is NoticeKind.NEW_ADDRESS and notice.change:
        until = int((notice.claimed_at + ADDRESS_WITHIN).timestamp())
        return f"/p/{tokens.address_token(key, notice.change, until)}"
    return f"/c/{tokens.confirm_token(key, notice.signup)}" if notice.signup else ""


def _pause(notice: Notice, outcome: Outcome) -> timedelta:
    """Return when to try again, if there is anything to try."""
    if isinstance(outcome, RetryLater) and outcome.after is not None:
        return min(timedelta(seconds=outcome.after), _LONGEST_PAUSE)
    first, longest = _FIRST_PAUSE.total_seconds(), _LONGEST_PAUSE.total_seconds()
    return timedelta(seconds=backoff(first, notice.attempt - 1, longest))
