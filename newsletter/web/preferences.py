"""A reader's preferences, behind a fresh link that was mailed to him. GET changes nothing."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final
from zoneinfo import ZoneInfo

from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from newsletter.delivery.notices import provider_account
from newsletter.errors import NewsletterError
from newsletter.model import SubscriberStatus
from newsletter.subscriptions import preferences, unsubscribe
from newsletter.subscriptions.erasure import erase_reader
from newsletter.subscriptions.preferences import AddressChangeState
from newsletter.web import addresses, bodies, forms
from newsletter.web.middleware import annotate, mark_known
from newsletter.web.seldom import HourlyLimit

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from starlette.requests import Request

    from newsletter.config import Settings
    from newsletter.store.subscribers import SubscriberPreferences
    from newsletter.web.database import Database
    from newsletter.web.pages import Pages

MAX_BODY: Final = 4096
ASK: Final = "voorkeuren"
"""The query of a leave link with which its page asks for a link to preferences."""

DATA: Final = "gegevens"
FORGET: Final = "vergeten"
ASKED_AN_HOUR: Final = 10
"""How often the database is asked for one subscriber's link within an hour; few links are mailed.

Whoever holds their unsubscribe link could otherwise keep the database from all others.
"""

_LATER: Final = {"Retry-After": "60"}
_ATTACHED: Final = {"Content-Disposition": 'attachment; filename="mijn-gegevens.json"'}


class Preferences:
    """What links to preferences answer, and those that confirm another address.

    Args:
        pages: What readers see.
        keys: All keys that verify links, newest first.
        database: The list.
        settings: The newsletter's.
        wake: Called when a letter may wait.
    """

    def __init__(
        self,
        pages: Pages,
        keys: Sequence[str],
        database: Database,
        settings: Settings,
        wake: Callable[[], None],
    ) -> None:
        self._pages = pages
        self._keys = keys
        self._database = database
        self._settings = settings
        self._via = provider_account(settings)
        self._wake = wake
        self._seldom = HourlyLimit(ASKED_AN_HOUR)

    async def answer(self, request: Request) -> Response:
        """Show what a link is good for, or do what its page asks, before the answer."""
        pressed = request.method == "POST"
        asked = await forms.fields(request, MAX_BODY) if pressed else {}
        try:
            return await run_in_threadpool(self._answer, request, asked)
        except NewsletterError as error:
            annotate(request.scope, str(error))
            return self._pages.trouble.answer(503, _LATER)

    async def mail_link(self, request: Request, public_id: str) -> Response:
        """Mail the link to preferences to the address on file; the answer shows nothing of it."""
        await bodies.read(request, MAX_BODY)
        try:
            if self._seldom.may(public_id):
                await run_in_threadpool(self._ask, public_id)
        except NewsletterError as error:
            annotate(request.scope, str(error))
            return self._pages.trouble.answer(503, _LATER)
        return self._pages.link_sent.answer()

    def _ask(self, public_id: str) -> None:
        preferences.request_link(self._database.store(), public_id, self._via)
        self._wake()

    def _answer(self, request: Request, asked: Mapping[str, str]) -> Response:
        token, moment = addresses.token(request), datetime.now(UTC)
        if asked.get("do") == "link":
            # Whose it was, and whether it was anybody's, the answer does not say.
            once = preferences.subscriber_of_expired_link(self._database.store(), self._keys, token)
            if once and self._seldom.may(once):
                self._ask(once)
            return self._pages.link_sent.answer()
        if change := preferences.change_of_link(self._keys, token, moment):
            mark_known(request.scope)
            return self._change(request, change)
        if public_id := preferences.subscriber_of_link(self._keys, token, moment):
            mark_known(request.scope)
        return self._open(request, public_id, asked)

    def _open(self, request: Request, public_id: str | None, asked: Mapping[str, str]) -> Response:
        reader = preferences.load(self._database.store(), public_id) if public_id else None
        if public_id is None or reader is None:
            return self._pages.no_preferences.answer(404)
        if request.method == "POST":
            return self._do(request, public_id, asked)
        asked_for = addresses.names(request.scope)
        if DATA in asked_for:
            return self._data(public_id)
        if FORGET in asked_for:
            return self._pages.forget.answer()
        return self._show(reader, {})

    def _do(self, request: Request, public_id: str, asked: Mapping[str, str]) -> Response:
        """Do one thing, and show what is so now."""
        store, what = self._database.store(), asked.get("do", "")
        if what == "erase":
            return self._erase(request, public_id)
        if what == "leave":
            unsubscribe.unsubscribe_many(store, [public_id])
            return self._pages.left.answer()
        note, typed, status = what, {}, 200
        try:
            match what:
                case "name":
                    preferences.rename(store, public_id, asked.get("first_name", ""))
                case "address":
                    preferences.request_address_change(
                        store, public_id, asked.get("email", "").strip(), self._via
                    )
                    self._wake()
                case "pause":
                    weeks = int(asked.get("weeks", ""))
                    preferences.pause(store, public_id, weeks, self._settings.timezone)
                case "resume":
                    preferences.resume(store, public_id)
                case "plain" | "rich":
                    preferences.set_plain_text(store, public_id, plain_text=what == "plain")
                case _:
                    return self._pages.refused.answer(400)
        except ValueError:
            note, typed, status = *_wrong(asked), 422
        reader = preferences.load(store, public_id)
        if reader is None:
            return self._pages.no_preferences.answer(404)
        return self._show(reader, typed, note=note, status=status)

    def _show(
        self,
        reader: SubscriberPreferences,
        typed: Mapping[str, str],
        *,
        note: str = "",
        status: int = 200,
    ) -> Response:
        """Show his preferences; what he typed in vain stands in its field for him to mend."""
        standing = "active" if reader.status is SubscriberStatus.ACTIVE else "gone"
        day = year = month = 0
        if standing == "active" and reader.paused_until:
            local = reader.paused_until.astimezone(ZoneInfo(self._settings.timezone))
            if local > datetime.now(UTC):
                standing, day, month, year = "paused", local.day, local.month, local.year
        page = self._pages.preferences(standing, reader.plain_text, note, month)
        his = {
            "email": reader.email,
            "first_name": reader.first_name or "",
            "new_email": "",
            **typed,
        }
        return page.filled(**his, day=str(day), year=str(year)).answer(status)

    def _data(self, public_id: str) -> Response:
        held = preferences.own_data(self._database.store(), public_id)
        if held is None:
            return self._pages.no_preferences.answer(404)
        body = json.dumps(held, ensure_ascii=False, indent=2)
        return Response(body, 200, _ATTACHED, "application/json")

    def _erase(self, request: Request, public_id: str) -> Response:
        store = self._database.store()
        person = erase_reader(store, self._settings, public_id)
        if person is None:
            return self._pages.no_preferences.answer(404)
        try:
            store.drop_copies(person.email_key, person.public_id, person.others)
        except NewsletterError as error:
            # He is gone; what still holds him goes with the next tidying, or by the author's hand.
            annotate(request.scope, str(error))
        return self._pages.erased.answer()

    def _change(self, request: Request, change: str) -> Response:
        store, pressed = self._database.store(), request.method == "POST"
        if pressed:
            moved = preferences.confirm_address_change(store, change, self._via)
            self._wake()
        else:
            moved = preferences.address_change_state(store, change)
        match moved:
            case AddressChangeState.OPEN:
                return self._pages.new_address.answer()
            case AddressChangeState.DONE:
                return self._pages.address_changed.answer()
            case AddressChangeState.TAKEN:
                return self._pages.address_taken.answer(409)
            case AddressChangeState.NOTHING:
                return self._pages.no_preferences.answer(404)


def _wrong(asked: Mapping[str, str]) -> tuple[str, dict[str, str]]:
    """Return what is wrong with what was asked, and what to show of it again, by slot."""
    match asked["do"]:
        case "name":
            return "first_name", {"first_name": forms.shown(asked.get("first_name", ""), 64)}
        case "address":
            email = asked.get("email", "").strip()
            return "email" if email else "no_email", {"new_email": forms.shown(email, 254)}
        case _:
            return "weeks", {}
