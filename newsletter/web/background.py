"""What the web app does by itself, because it is the one process that always runs.

One thread sends notices: it is woken after a visitor has signed up and was answered, and looks now
and then by itself, because another process may have stopped or something may have to be tried
again. Asked to stop, it first sends what is due: some hosts stop the app when no one uses it, and
start it for the next visitor. Another thread does the chores: it applies webhooks that wait, queues
for those whose pause is over what they missed, removes what retention says, and reports a missing
key.
Each is done by whichever process comes first, and none is needed at a certain moment: a `send`
applies webhooks too, and `newsletter db tidy` does the rest.
"""

from __future__ import annotations

import contextlib
import logging
import random
import threading
import time
from typing import TYPE_CHECKING, Final

from newsletter.delivery.notices import provider_account
from newsletter.delivery.preflight import find_lost_key
from newsletter.errors import NewsletterError, TryAgain
from newsletter.providers import OUTBOX
from newsletter.subscriptions.events import apply_waiting
from newsletter.subscriptions.missed import tell_returned
from newsletter.subscriptions.retention import tidy_daily

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from newsletter.config import Settings
    from newsletter.delivery import NoticeSender
    from newsletter.web.context import Limits
    from newsletter.web.database import Database

_LONGEST_PAUSE: Final = 300.0
_RANDOM: Final = random.SystemRandom()

log = logging.getLogger(__name__)


class Background:
    """The threads behind the app.

    Args:
        settings: The newsletter's.
        keys: All keys that verify tokens.
        database: The list and the ledger.
        sender: Sends the notices that are due; None where nothing can be sent, and a `send` has to.
        limits: How long the threads wait.
    """

    def __init__(
        self,
        settings: Settings,
        keys: Sequence[str],
        database: Database,
        sender: NoticeSender | None,
        limits: Limits,
    ) -> None:
        self._settings = settings
        self._keys = keys
        self._database = database
        self._sender = sender
        self._limits = limits
        self._stop, self._wake = threading.Event(), threading.Event()
        self._ended = threading.Event()
        self._until = 0.0
        self._lock = threading.Lock()
        self._troubles: dict[str, str] = {}

    def wake_notices(self) -> None:
        """Let notices be sent soon."""
        self._wake.set()

    def stop(self) -> None:
        """Send what is due for the last time; requests that are in progress may still end.

        Called in the thread that runs the block of `running`.
        """
        if not self._stop.is_set():
            self._until = time.monotonic() + self._limits.stop_seconds
            self._wake.set()
            self._stop.set()

    @contextlib.contextmanager
    def running(self) -> Iterator[None]:
        """Run the threads for as long as the block takes."""
        self.wake_notices()  # for what earlier processes left
        threads = [threading.Thread(target=self._do_chores, name="chores")]
        if self._sender:
            sender = self._sender
            threads.append(
                threading.Thread(target=self._send_notices, args=(sender,), name="notices")
            )
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            self.stop()
            self._until = time.monotonic() + self._limits.stop_seconds
            self._ended.set()
            for thread in threads:
                thread.join()

    def _send_notices(self, sender: NoticeSender) -> None:
        trouble, pause = False, self._limits.notices_seconds
        while True:
            # A provider that has trouble is left alone for a while, however many sign up.
            (self._stop if trouble else self._wake).wait(pause)
            # At a random moment: who has just signed up could otherwise measure by how much slower
            # the app is while a notice leaves, and so whether there was one to send.
            if self._stop.is_set() or self._stop.wait(_RANDOM.uniform(*self._limits.notices_delay)):
                break
            self._wake.clear()
            trouble = self._try("notices", lambda: self._send_due(sender, self._stop))
            pause = min(2 * pause, _LONGEST_PAUSE) if trouble else self._limits.notices_seconds
        if not trouble and self._limits.stop_seconds:
            self._send_last(sender)

    def _send_due(self, sender: NoticeSender, stop: threading.Event) -> str:
        """Send notices that are due until `stop` is set; return the trouble, if there is any."""
        done = sender.send_due(self._database.store(), stop)
        if done.accepted:
            log.info("notices: %d accepted", done.accepted)
        # Of one notice, which is tried again later; the others need not wait for that.
        if done.refused or done.accepted:
            self._report("a notice", f"notices: {done.refused}" if done.refused else "")
        return f"notices: {done.error}" if done.error else ""

    def _send_last(self, sender: NoticeSender) -> None:
        """Send what is due before the process ends, within the time that a host leaves it.

        Once while the last requests are answered, which may take longer than a host waits, and
        once more if one of them has left a notice.
        """
        self._wake.clear()
        trouble = self._send_in_time(sender)
        self._ended.wait()
        if self._wake.is_set() and not trouble:
            self._send_in_time(sender)

    def _send_in_time(self, sender: NoticeSender) -> bool:
        """Send what is due until the time to stop is over; return whether there was trouble."""
        late = threading.Event()
        timer = threading.Timer(max(0.0, self._until - time.monotonic()), late.set)
        timer.start()
        trouble = self._try("notices", lambda: self._send_due(sender, late))
        timer.cancel()
        return trouble

    def _do_chores(self) -> None:
        def do() -> str:
            apply_waiting(self._database.store())
            # The outbox would keep what they missed from them.
            mails = self._settings.provider != OUTBOX
            if mails and tell_returned(self._database.store(), provider_account(self._settings)):
                self.wake_notices()
            tidy_daily(self._database.store(), self._settings)
            # Without a key that signed letters, the app answers their links as if they were forged.
            return str(find_lost_key(self._database.store(), self._keys) or "")

        pause = self._limits.chores_delay
        while not self._stop.wait(pause):
            self._try("chores", do)
            pause = self._limits.chores_seconds

    def _try(self, name: str, work: Callable[[], str]) -> bool:
        """Do some work, which returns its trouble; return whether there was any."""
        try:
            trouble = work()
        except TryAgain as error:
            trouble = f"{error.sentence}. The app continues by itself after that"
        except NewsletterError as error:
            trouble = f"{name}: {error}"
        except Exception as error:  # noqa: BLE001 - whatever it is, the next round must come
            trouble = f"{name}: unexpected {type(error).__name__}"
        self._report(name, trouble)
        return bool(trouble)

    def _report(self, name: str, trouble: str) -> None:
        """Log the trouble with something when it is new."""
        with self._lock:
            is_new = trouble and trouble not in self._troubles.values()
            self._troubles[name] = trouble
        if is_new:
            log.info("%s", trouble)
