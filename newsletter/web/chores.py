"""What the web app does by itself, for it is the one process that is always on.

Each is done by whichever process comes first, and none is needed at a certain moment: a `send`
applies what waits, too, and `newsletter db tidy` tidies. Each process tells, too, when it lacks a
key that signed letters: it would answer their readers as if they had made their links up.
"""

from __future__ import annotations

import contextlib
import threading
from typing import TYPE_CHECKING, Final

from newsletter.delivery.preflight import find_lost_key
from newsletter.errors import NewsletterError, TryAgain
from newsletter.subscriptions.events import apply_waiting
from newsletter.subscriptions.retention import tidy_daily
from newsletter.web.troubles import TroubleLog, passing

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from newsletter.config import Settings
    from newsletter.web.database import Database

_SECONDS: Final = 60.0


@contextlib.contextmanager
def chores(
    settings: Settings, keys: Sequence[str], database: Database, troubles: TroubleLog
) -> Iterator[Callable[[], None]]:
    """Do them, in a thread, for as long as the block takes; yield what lets it begin.

    Args:
        settings: The newsletter's.
        keys: All that verify links.
        database: The list and the ledger.
        troubles: Takes what could not be done.
    """
    stop, begin = threading.Event(), threading.Event()

    def work() -> None:
        begin.wait()
        while not stop.is_set():
            trouble = ""
            try:
                apply_waiting(database.store())
                tidy_daily(database.store(), settings)
                trouble = str(find_lost_key(database.store(), keys) or "")
            except TryAgain as error:
                trouble = passing(error)
            except NewsletterError as error:
                trouble = f"chores: {error}"
            except Exception as error:  # noqa: BLE001 - whatever it is, the next round must come
                trouble = f"chores: unexpected {type(error).__name__}"
            troubles.note("chores", trouble)
            stop.wait(_SECONDS)

    thread = threading.Thread(target=work, name="chores")
    thread.start()
    try:
        yield begin.set
    finally:
        stop.set()
        begin.set()
        thread.join()
