"""What tests change in a process of the program before it begins: see `Process.before`."""

from __future__ import annotations

import functools
import os
import resource
import signal
import sys
import threading
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType

    from starlette.types import ASGIApp, Receive, Scope, Send


def have_few_files() -> None:
    """Let there be room for few connections."""
    resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))


def die_before_applying() -> None:
    """Be killed where a webhook is stored and answered, and not yet applied."""
    from newsletter.web import webhooks  # noqa: PLC0415

    webhooks.apply_since = lambda *_: os.kill(os.getpid(), signal.SIGKILL)  # type: ignore[assignment]


def fail_at_start() -> None:
    """Let the web app refuse to start, also in a worker, which imports everything anew."""
    from newsletter.web import server  # noqa: PLC0415

    server.AppFactory = lambda *_: _failing_app  # type: ignore[assignment,misc]


def _failing_app() -> ASGIApp:
    async def fail(_scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        await send({"type": "lifespan.startup.failed"})

    return fail


def live_later(seconds: float) -> None:
    """Let the ledger's clock be so many seconds later than the machine's."""
    from newsletter import store  # noqa: PLC0415

    def later() -> datetime:
        return datetime.now(UTC) + timedelta(seconds=seconds)

    store.open_store = functools.partial(store.open_store, clock=later)


def fail_once_at_chores() -> None:
    """Let what is done by itself fail the first time."""
    from newsletter.web import background  # noqa: PLC0415

    def apply_waiting(_store: object) -> int:
        background.apply_waiting = lambda _store: 0
        raise ValueError

    background.apply_waiting = apply_waiting


def check_signatures_slowly() -> None:
    """Note in `checking` how many are checked at once, each until there is a file `go on`."""
    from newsletter.providers import webhooks as events  # noqa: PLC0415

    now: list[int] = []
    lock, check = threading.Lock(), events.signed_by

    def slow(*arguments: Any) -> Any:  # noqa: ANN401 - passed on
        with lock:
            now.append(1)
            with Path("checking").open("a", encoding="utf-8") as file:
                print(len(now), file=file)
        while not Path("go on").exists():
            time.sleep(0.01)
        with lock:
            now.pop()
        return check(*arguments)

    events.signed_by = slow


def unsubscribe_by_looking() -> None:
    """Take a look at an unsubscribe link for its button, as a bad program would."""
    from newsletter.web.unsubscribe import UnsubscribeHandler  # noqa: PLC0415

    UnsubscribeHandler.handle = _pressing(UnsubscribeHandler.handle)  # type: ignore[method-assign]


def confirm_by_looking() -> None:
    """Take a look at a confirmation link for its button."""
    from newsletter.web.confirm import ConfirmHandler  # noqa: PLC0415

    ConfirmHandler.handle = _pressing(ConfirmHandler.handle)  # type: ignore[method-assign]


def choose_by_looking() -> None:
    """Change a preference when a subscriber looks at their data."""
    from newsletter.store.notices import ProviderAccount  # noqa: PLC0415
    from newsletter.subscriptions import preferences  # noqa: PLC0415

    own_data = preferences.own_data

    def careless(store: Any, subscriber: Any) -> Any:  # noqa: ANN401 - passed on
        preferences.choose(store, subscriber, ProviderAccount("outbox", ""), plain_text=True)
        return own_data(store, subscriber)

    preferences.own_data = careless


def move_by_looking() -> None:
    """Confirm a new address when its link is looked at."""
    from newsletter.store.notices import ProviderAccount  # noqa: PLC0415
    from newsletter.subscriptions import preferences  # noqa: PLC0415

    via, confirm = ProviderAccount("outbox", ""), preferences.confirm_address_change
    preferences.address_change_state = lambda store, change: confirm(store, change, via)


def _pressing(once: Callable[..., Any]) -> Any:  # noqa: ANN401 - a method in place of another
    async def answer(self: Any, request: Any) -> Any:  # noqa: ANN401
        request.scope["method"] = "POST"
        return await once(self, request)

    return answer


def die_at(module: str, function: str, moment: str, visit: int = 1) -> None:
    """Be killed when a function begins (`call`) or ends (`return`) for the nth time."""
    seen = 0

    def watch(frame: FrameType, event: str, _argument: object) -> None:
        nonlocal seen
        code = frame.f_code
        if event == moment and code.co_name == function and Path(code.co_filename).stem == module:
            seen += 1
            if seen == visit:
                os.kill(os.getpid(), signal.SIGKILL)

    sys.setprofile(watch)


def fill_the_disk_of_a_copy() -> None:
    """Let there be no room for what is moved to another database."""
    from newsletter.store import transfer  # noqa: PLC0415

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    transfer._copy_table = full  # type: ignore[assignment]  # noqa: SLF001
