"""Notices: letters to one person that are no mailing, sent as carefully as an issue.

Each is a request of its own, committed as *attempting* with the hash of its bytes before it
leaves, and settled after. One of which nobody knows whether it left is repeated only where the
provider knows its key; elsewhere it stays unknown, and its reader can ask again.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from newsletter import personalize, render, tokens
from newsletter.delivery import preflight
from newsletter.delivery.reconcile import replay_window
from newsletter.delivery.requests import clocks, seconds_since
from newsletter.errors import DecisionNeeded, NewsletterError, TryAgain
from newsletter.model import Accepted, Batch, NoticeKind, RequestRefused, RetryLater, Unknown
from newsletter.providers import capabilities_of
from newsletter.providers.base import account_id
from newsletter.providers.registry import remove_suppression
from newsletter.store import events, notice_claims, notices, sender_locks, subscribers
from newsletter.store.keys import record_fingerprint, signing_keys

if TYPE_CHECKING:
    from threading import Event

    from sqlalchemy import Connection

    from newsletter.config import Settings
    from newsletter.model import DeliveryState, Outcome
    from newsletter.providers.base import Payload, Provider
    from newsletter.store import Store
    from newsletter.store.notice_claims import Notice

FOLDER: Final = "_notices"
"""In the place of a slug: where the outbox puts notices."""

PREFERENCES_WITHIN: Final = timedelta(minutes=30)
"""For how long the link to preferences is good, from when it leaves."""
ADDRESS_WITHIN: Final = timedelta(hours=72)
"""For how long the link that confirms another address is good."""

_LINKED: Final = frozenset(
    {NoticeKind.CONFIRMATION, NoticeKind.PREFERENCES, NoticeKind.NEW_ADDRESS}
)
_FIRST_PAUSE: Final = timedelta(seconds=30)
_LONGEST_PAUSE: Final = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class NoticeRun:
    """What came of sending what was due.

    Attributes:
        accepted: How many notices the provider took.
        trouble: Why it stopped before the end, if it did.
    """

    accepted: int = 0
    trouble: NewsletterError | None = None


class NoticeSender:
    """Sends notices; the letter of each kind is rendered once.

    Args:
        settings: The newsletter's.
        provider: Who takes them.

    Raises:
        NewsletterError: A template is missing or wrong.
    """

    def __init__(self, settings: Settings, provider: Provider) -> None:
        self._settings = settings
        self._provider = provider.for_audience(1)
        self._can = self._provider.capabilities
        self._via = provider_account(settings)
        self._keys = {tokens.fingerprint(key): key for key in signing_keys(settings)}
        self._letters = {
            kind: render.notice(settings, kind, linked=kind in _LINKED) for kind in NoticeKind
        }

    def send_due(self, store: Store, stop: Event) -> NoticeRun:
        """Send what is due, until there is no more or something is wrong.

        Args:
            store: Where they wait.
            stop: Set from outside to claim nothing more.

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
            self._make_way(store)
        with sender_locks.hold(self._settings.state) as owner:
            return self._send_all(store, stop, owner)

    def _send_all(self, store: Store, stop: Event, owner: str | None) -> NoticeRun:
        accepted = 0
        refused: NewsletterError | None = None
        while not stop.is_set():
            began = clocks()
            with store.write() as connection:
                notice, ready = self._next(connection, owner)
            if notice is None:
                break
            if ready is None:
                continue
            outcome = self._submit(notice, *ready, began)
            with store.write() as connection:
                notice_claims.settle(connection, notice, outcome, pause=_pause(notice, outcome))
            accepted += isinstance(outcome, Accepted)
            trouble = self._trouble(outcome)
            if isinstance(outcome, RequestRefused) and outcome.divisible:
                refused = trouble  # perhaps for its reader's sake, who may not keep others waiting
            elif trouble:
                return NoticeRun(accepted, trouble)
        return NoticeRun(accepted, refused)

    def _make_way(self, store: Store) -> None:
        """Take those who come back off the provider's own list, which would swallow their letter.

        Before anything is claimed, for asking takes a while.
        """
        with store.read() as connection:
            coming_back = subscribers.find_maybe_blocked(connection, self._via)
        for id_, email in coming_back:
            reason = remove_suppression(self._settings, email)
            with store.write() as connection:
                events.set_obstacle(connection, id_, reason or None)

    def _next(
        self, connection: Connection, owner: str | None
    ) -> tuple[Notice | None, tuple[Batch, Payload] | None]:
        """Claim a notice and seal its bytes; without any, it was not to be repeated."""
        key_id = next(iter(self._keys))
        notice = notice_claims.claim(
            connection,
            self._via,
            key_id=key_id,
            lease=self._can.lease,
            window=replay_window(self._can),
            owner=owner,
        )
        if notice is None:
            return None, None
        key = self._keys.get(notice.key_id)
        if key is None:
            notice_claims.give_up_replay(
                connection, notice, "the key that signed it is no longer configured"
            )
            return notice, None
        batch = self._batch(notice, key)
        payload = self._provider.build(batch)
        if notice.payload_hash not in {None, payload.digest}:
            notice_claims.give_up_replay(connection, notice, "the same letter now has other bytes")
            return notice, None
        notice_claims.record_payload(connection, notice, payload.digest)
        if not self._can.rehearsal:
            record_fingerprint(connection, key_id)
        return notice, (batch, payload)

    def _batch(self, notice: Notice, key: str) -> Batch:
        letter = self._letters[notice.kind]
        if path := _path(notice, key):
            base = self._settings.public_url.rstrip("/")
            letter = personalize.with_link(letter, f"{base}{path}")
        if notice.plain_text:
            letter = replace(letter, html="")
        reader = personalize.recipient(letter, notice.ref, notice.email, None, "")
        return Batch(notice.key, FOLDER, letter, notice.claimed_at, (reader,))

    def _submit(
        self, notice: Notice, batch: Batch, payload: Payload, began: tuple[float, float]
    ) -> Outcome:
        """Let one notice leave; whatever happens, there is an outcome to record."""
        if seconds_since(began) > self._can.lease.total_seconds() / 2:
            # This machine was asleep: by now the notice may be another process's.
            return RetryLater("this machine was not running", 0)
        try:
            answer = self._provider.submit(batch, payload)
        except Exception as error:  # noqa: BLE001 - it may have left: the ledger must say so
            return Unknown(f"unexpected {type(error).__name__}")
        return answer.outcomes.get(notice.ref, Unknown("the answer left it out"))

    def _trouble(self, outcome: Outcome) -> NewsletterError | None:
        """Return why no more should leave now: what one request met, the next will meet."""
        match outcome:
            case RequestRefused(reason):
                return DecisionNeeded(
                    f"notices wait: {reason}", hint="Mend that; they leave by themselves"
                )
            case RetryLater(reason):
                return TryAgain(f"notices wait: {reason}", hint="They leave by themselves")
            case Unknown(reason):
                return TryAgain(
                    f"nobody knows whether a notice left: {reason}",
                    hint=f"See what {self._can.name} says of itself",
                )
        return None


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
    """Return who takes notices that are queued under these settings."""
    own = account_id(settings, capabilities_of(settings))
    return notices.ProviderAccount(settings.provider, settings.provider_url, own)


def is_due(store: Store, settings: Settings) -> bool:
    """Tell whether a notice can be sent now; a look that changes nothing."""
    with store.read() as connection:
        left = notices.time_to_next(connection, provider_account(settings))
    return left is not None and left <= timedelta()


def count_notices(store: Store) -> dict[DeliveryState, int]:
    """Return how many notices there are in each state."""
    with store.read() as connection:
        return notices.count_by_state(connection)


def _path(notice: Notice, key: str) -> str:
    """Return where the link of a notice leads, or nothing if it has none.

    When it ends is counted from the first claim, so that a repetition has the same bytes.
    """
    if notice.kind is NoticeKind.PREFERENCES:
        until = int((notice.claimed_at + PREFERENCES_WITHIN).timestamp())
        return f"/p/{tokens.preferences_token(key, notice.reader, until)}"
    if notice.kind is NoticeKind.NEW_ADDRESS and notice.change:
        until = int((notice.claimed_at + ADDRESS_WITHIN).timestamp())
        return f"/p/{tokens.address_token(key, notice.change, until)}"
    return f"/c/{tokens.confirm_token(key, notice.signup)}" if notice.signup else ""


def _pause(notice: Notice, outcome: Outcome) -> timedelta:
    """Return when to try again, should there be anything to try."""
    if isinstance(outcome, RetryLater) and outcome.after is not None:
        return min(timedelta(seconds=outcome.after), _LONGEST_PAUSE)
    doubled: int = 1 << min(notice.attempt - 1, 10)
    return min(_FIRST_PAUSE * doubled, _LONGEST_PAUSE)
