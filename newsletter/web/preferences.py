"""A subscriber's preferences, behind a fresh link that was mailed to them. GET changes nothing."""

from __future__ import annotations

import dataclasses
import json
import threading
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final
from zoneinfo import ZoneInfo

from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from newsletter.errors import NewsletterError
from newsletter.model import Preferences, SubscriberStatus
from newsletter.subscriptions import preferences, unsubscribe
from newsletter.subscriptions.erasure import erase_subscriber
from newsletter.subscriptions.preferences import AddressChangeState
from newsletter.web import links
from newsletter.web.forms import MAX_FORM, printable
from newsletter.web.middleware import annotate, mark_known

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.requests import Request

    from newsletter.model import Subscriber
    from newsletter.web.context import Context

SHOW_DATA: Final = "gegevens"
SHOW_ERASURE: Final = "vergeten"
"""Queries of the page's own links, which never change: an open page and a bookmark have them."""

REQUESTS_PER_HOUR: Final = 10
"""How often the database is asked for one subscriber's link within an hour; few links are mailed.

Whoever holds their unsubscribe link could otherwise keep the database from all others.
"""

_BUTTONS: Final = {"plain_text": ("plain", "rich")}
"""What the two buttons of a preference post, where it is not `NAME` and `no_NAME`.

Open pages and pages of an author's own post these: they never change.
"""

_CHOICES: Final = {
    action: {one.name: value}
    for one in dataclasses.fields(Preferences)
    for action, value in zip(
        _BUTTONS.get(one.name, (one.name, f"no_{one.name}")), (True, False), strict=True
    )
}
"""What each of these buttons chooses."""

_CHANGES: Final = frozenset({"name", "address", "pause", "resume", *_CHOICES})
_HOUR: Final = 3600.0
_MAX_COUNTED: Final = 10_000


class PreferencesHandler:
    """Answers the links to preferences, and those that confirm another address."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._limit = HourlyLimit(REQUESTS_PER_HOUR)

    async def handle(self, request: Request) -> Response:
        """Show what a link is for, or do what its page asks; it is committed before the answer."""
        posted = request.method == "POST"
        fields = await self._context.bodies.read_form(request) if posted else {}
        return await run_in_threadpool(self._answer, request, fields)

    async def mail_link(self, request: Request, public_id: str) -> Response:
        """Mail the link to preferences to the address on file; the answer reveals nothing of it."""
        await self._context.bodies.read(request, MAX_FORM)
        await run_in_threadpool(self._request_link, public_id)
        return self._context.pages.link_sent.answer()

    def _request_link(self, public_id: str) -> None:
        if self._limit.allows(public_id):
            context = self._context
            preferences.request_link(context.database.store(), public_id, context.account)
            context.wake_notices()

    def _answer(self, request: Request, fields: Mapping[str, str]) -> Response:
        keys, store = self._context.keys, self._context.database.store()
        token, moment = links.token(request), datetime.now(UTC)
        if fields.get("do") == "link":
            # The answer does not say whose link it was, nor whether it was anyone's.
            if public_id := preferences.subscriber_of_expired_link(store, keys, token):
                self._request_link(public_id)
            return self._context.pages.link_sent.answer()
        if change := preferences.change_of_link(keys, token, moment):
            mark_known(request.scope)
            return self._change_address(request, change)
        public_id = preferences.subscriber_of_link(keys, token, moment)
        if public_id is None:
            return self._context.pages.no_preferences.answer(404)
        mark_known(request.scope)
        if request.method == "POST":
            return self._post(request, public_id, fields)
        return self._get(request, public_id)

    def _get(self, request: Request, public_id: str) -> Response:
        pages, store = self._context.pages, self._context.database.store()
        asked = links.query_names(request.scope)
        if SHOW_DATA in asked:
            return self._own_data(public_id)
        subscriber = preferences.load(store, public_id)
        if subscriber is None:
            return pages.no_preferences.answer(404)
        return pages.erase.answer() if SHOW_ERASURE in asked else self._show(subscriber)

    def _post(self, request: Request, public_id: str, fields: Mapping[str, str]) -> Response:
        """Do one thing, and show the preferences as they are now."""
        pages, store = self._context.pages, self._context.database.store()
        action = fields.get("do", "")
        if action == "erase":
            return self._erase(request, public_id)
        if action == "leave":
            if preferences.load(store, public_id) is None:
                return pages.no_preferences.answer(404)
            unsubscribe.unsubscribe_many(store, [public_id])
            return pages.unsubscribed.answer()
        typed: Mapping[str, str] = {}
        try:
            subscriber = self._change(public_id, action, fields)
            note = action
        except ValueError:
            note, typed = _problem(fields)
            subscriber = preferences.load(store, public_id)
        if subscriber is None:
            return pages.no_preferences.answer(404)
        if action not in _CHANGES:
            return pages.refused.answer(400)
        return self._show(subscriber, typed, note=note, status=200 if note == action else 422)

    def _change(self, public_id: str, action: str, fields: Mapping[str, str]) -> Subscriber | None:
        """Change one thing; return the subscriber as they are now, or None if they are unknown.

        Raises:
            ValueError: What was typed cannot be used.
        """
        context = self._context
        store = context.database.store()
        match action:
            case "name":
                return preferences.rename(store, public_id, fields.get("first_name", ""))
            case "address":
                email = fields.get("email", "").strip()
                found = preferences.request_address_change(store, public_id, email, context.account)
                context.wake_notices()
                return found
            case "pause":
                weeks = int(fields.get("weeks", ""))
                return preferences.pause(store, public_id, weeks, context.settings.timezone)
            case "resume":
                found = preferences.resume(store, public_id, context.account)
                context.wake_notices()
                return found
        if chosen := _CHOICES.get(action):
            found = preferences.choose(store, public_id, context.account, **chosen)
            context.wake_notices()
            return found
        return preferences.load(store, public_id)

    def _show(
        self,
        subscriber: Subscriber,
        typed: Mapping[str, str] | None = None,
        *,
        note: str = "",
        status: int = 200,
    ) -> Response:
        """Show the preferences; what was typed and could not be used is in its field again."""
        state = "active" if subscriber.status is SubscriberStatus.ACTIVE else "gone"
        day = year = month = 0
        if state == "active" and subscriber.paused_until:
            local = subscriber.paused_until.astimezone(ZoneInfo(self._context.settings.timezone))
            if local > datetime.now(UTC):
                state, day, month, year = "paused", local.day, local.month, local.year
        page = self._context.pages.preferences(state, subscriber.preferences, note, month)
        values = {
            "email": subscriber.email,
            "first_name": subscriber.first_name or "",
            "new_email": "",
            **(typed or {}),
        }
        return page.fill(**values, day=str(day), year=str(year)).answer(status)

    def _own_data(self, public_id: str) -> Response:
        context = self._context
        data = preferences.own_data(context.database.store(), public_id)
        if data is None:
            return context.pages.no_preferences.answer(404)
        body = json.dumps(data, ensure_ascii=False, indent=2)
        name = {"Content-Disposition": f'attachment; filename="{context.pages.data_filename}"'}
        return Response(body, 200, name, "application/json")

    def _erase(self, request: Request, public_id: str) -> Response:
        pages, store = self._context.pages, self._context.database.store()
        erased = erase_subscriber(store, self._context.settings, public_id)
        if erased is None:
            return pages.no_preferences.answer(404)
        person, others = erased
        try:
            store.drop_copies(person.email_key, person.public_id, others)
        except NewsletterError as error:
            # They are erased; what still holds their address goes with the next chores, or by the
            # author's hand.
            annotate(request.scope, str(error))
        return pages.erased.answer()

    def _change_address(self, request: Request, change: str) -> Response:
        pages, store = self._context.pages, self._context.database.store()
        if request.method == "POST":
            state = preferences.confirm_address_change(store, change, self._context.account)
            self._context.wake_notices()
        else:
            state = preferences.address_change_state(store, change)
        match state:
            case AddressChangeState.OPEN:
                return pages.new_address.answer()
            case AddressChangeState.DONE:
                return pages.address_changed.answer()
            case AddressChangeState.TAKEN:
                return pages.address_taken.answer(409)
            case AddressChangeState.NOTHING:
                return pages.no_preferences.answer(404)


def _problem(fields: Mapping[str, str]) -> tuple[str, dict[str, str]]:
    """Return the name of what is wrong with a form, and what to show of it again, by slot."""
    match fields["do"]:
        case "name":
            return "first_name", {"first_name": printable(fields.get("first_name", ""), 64)}
        case "address":
            email = fields.get("email", "").strip()
            return "email" if email else "no_email", {"new_email": printable(email, 254)}
        case _:
            return "weeks", {}


class HourlyLimit:
    """Counts by name how often something is asked within an hour, in memory of this process."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._lock = threading.Lock()
        # Since when, and how often; the oldest comes first.
        self._counts: dict[str, tuple[float, int]] = {}

    def allows(self, name: str) -> bool:
        """Count a name; return whether it is within the limit."""
        moment = time.monotonic()
        with self._lock:
            since, count = self._counts.get(name, (moment, 0))
            if moment - since >= _HOUR:
                del self._counts[name]
                since, count = moment, 0
            self._counts[name] = (since, count + 1)
            if len(self._counts) > _MAX_COUNTED:
                del self._counts[next(iter(self._counts))]
        return count < self._most
