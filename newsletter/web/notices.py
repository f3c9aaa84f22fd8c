"""Sending what waits for single people, for as long as the web app runs: a thread of its own.

It is woken when somebody has signed up, after he was answered, and looks by itself now and then:
another process may have been lost, or something may be tried again.
"""

from __future__ import annotations

import contextlib
import random
import threading
from typing import TYPE_CHECKING, Final

from newsletter.errors import NewsletterError, TryAgain
from newsletter.web.troubles import TroubleLog, passing

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from newsletter.delivery import NoticeSender
    from newsletter.web.database import Database

SECONDS: Final = 15.0
_LONGEST: Final = 300.0
_MOMENT: Final = (1.0, 4.0)
"""How many seconds after it was woken it looks, by chance."""
_CHANCE: Final = random.SystemRandom()


@contextlib.contextmanager
def notices(
    sender: NoticeSender | None,
    database: Database,
    log: Callable[[str], None],
    troubles: TroubleLog,
) -> Iterator[Callable[[], None]]:
    """Send them for as long as the block takes; yield what wakes the thread, from then on.

    Args:
        sender: Sends what is due; None where nothing can be sent, and a `send` has to.
        database: The list.
        log: Takes a line about what left.
        troubles: Takes what keeps the rest from leaving.
    """
    if sender is None:
        yield lambda: None
        return
    stop, wake = threading.Event(), threading.Event()

    def work(sender: NoticeSender) -> None:
        trouble, pause = "", SECONDS
        while True:
            # A provider that has trouble is left alone for a while, whoever signs up.
            (stop if trouble else wake).wait(pause)
            if stop.is_set():
                return
            # At a moment that says nothing: whoever has just asked can measure by how much slower
            # the app is while a letter leaves, and so whether there was one to send.
            if stop.wait(_CHANCE.uniform(*_MOMENT)):
                return
            wake.clear()
            try:
                done = sender.send_due(database.store(), stop)
                trouble = f"notices: {done.trouble}" if done.trouble else ""
                if done.accepted:
                    log(f"notices: {done.accepted} accepted")
            except TryAgain as error:
                trouble = passing(error)
            except NewsletterError as error:
                trouble = f"notices: {error}"
            except Exception as error:  # noqa: BLE001 - whatever it is, the next one must leave
                trouble = f"notices: unexpected {type(error).__name__}"
            troubles.note("notices", trouble)
            pause = min(2 * pause, _LONGEST) if trouble else SECONDS

    thread = threading.Thread(target=work, args=(sender,), name="notices")
    thread.start()
    try:
        yield wake.set
    finally:
        stop.set()
        wake.set()
        thread.join()
