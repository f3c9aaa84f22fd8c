"""The pages of the web app, rendered once; what belongs to one visitor goes into slots."""

from __future__ import annotations

import base64
import functools
import hashlib
import html
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from starlette.responses import Response

from newsletter import placeholders, render
from newsletter.model import Preferences

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from newsletter.config import Settings

_STYLE = re.compile(r"<style>(.*?)</style>", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Page:
    """A page's bytes, and the Content-Security-Policy that allows its own style and nothing else.

    See https://www.w3.org/TR/CSP3/.
    """

    body: bytes
    policy: str

    def answer(self, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
        """Return the page as a response that no cache keeps: its link is private."""
        own = {"Content-Security-Policy": self.policy, "Cache-Control": "no-store"}
        return Response(self.body, status, {**own, **(headers or {})}, "text/html")


@dataclass(frozen=True, slots=True)
class PageTemplate:
    """A page with slots: a text, cut where the values of one visitor go."""

    pieces: tuple[str, ...]
    policy: str

    def fill(self, **values: str) -> Page:
        """Return the page with these values in its slots, by their names."""
        parts = list(self.pieces)
        parts[1::2] = [html.escape(values[name]) for name in self.pieces[1::2]]
        return Page("".join(parts).encode(), self.policy)


@dataclass(frozen=True, slots=True)
class Pages:
    """Every page, by what it is for; the templates in `templates/pages/` say more of each."""

    unsubscribe: Page
    unsubscribe_proof: Page
    unsubscribed: Page
    proof: Page
    not_unsubscribed: Page
    missing: Page
    missing_issue: Page
    withdrawn: Page
    withdrawn_answer: Page
    trouble: Page
    refused: Page
    signup: PageTemplate
    signup_issue: PageTemplate
    signup_again: PageTemplate
    signup_problem: Mapping[str, PageTemplate]
    check_mailbox: Page
    check_mailbox_slowed: Page
    signup_closed: Page
    too_many_signups: Page
    ask: PageTemplate
    answered: PageTemplate
    too_many_answers: Page
    confirm: Page
    not_confirmed: Page
    confirmed: Page
    confirmed_issue: PageTemplate
    link_expired: Page
    link_sent: Page
    no_preferences: Page
    erase: Page
    erased: Page
    new_address: Page
    address_changed: Page
    address_taken: Page
    preferences: Callable[[str, Preferences, str, int], PageTemplate]
    """By "active", "paused" or "gone", what they chose, what was done or is wrong, and the month in
    which a pause ends, or 0."""
    data_filename: str
    """The name of the file with a subscriber's own data."""


PROBLEMS: Final = ("no_email", "email", "first_name")
"""What can be wrong with the sign-up form: a field is empty, or its value cannot be used."""

_SLOTS: Final = (
    *("email", "new_email", "first_name", "stamp", "issue", "day", "year"),
    *("van", "question", "answer"),
)


def render_pages(settings: Settings) -> Pages:
    """Render all pages.

    Raises:
        NewsletterError: A template is missing or wrong.
    """

    def signup(*, again: bool = False, problem: str = "", issue: bool = False) -> PageTemplate:
        known = {"again": again, "problem": problem, "issue": issue, "wording": words}
        return _form(settings, "signup", **known)

    @functools.cache
    def preferences(state: str, chosen: Preferences, note: str, month: int) -> PageTemplate:
        known = {"state": state, "chosen": chosen, "note": note, "month": month}
        return _form(settings, "preferences", **known)

    words = render.wording(settings)
    preferences("active", Preferences(), "", 0)  # so that a wrong template is found now
    return Pages(
        unsubscribe=_page(settings, "unsubscribe", proof=False),
        unsubscribe_proof=_page(settings, "unsubscribe", proof=True),
        unsubscribed=_page(settings, "unsubscribed"),
        proof=_page(settings, "proof"),
        not_unsubscribed=_page(settings, "not-unsubscribed"),
        missing=_page(settings, "missing", archive=""),
        missing_issue=_page(settings, "missing", archive="./"),
        withdrawn=_page(settings, "withdrawn", archive="./"),
        withdrawn_answer=_page(settings, "withdrawn", archive="../../issues/"),
        trouble=_page(settings, "trouble"),
        refused=_page(settings, "refused"),
        signup=signup(),
        signup_issue=signup(issue=True),
        signup_again=signup(again=True),
        signup_problem={name: signup(problem=name) for name in PROBLEMS},
        check_mailbox=_page(settings, "check-mailbox", slowed=False),
        check_mailbox_slowed=_page(settings, "check-mailbox", slowed=True),
        signup_closed=_page(settings, "signup-closed"),
        too_many_signups=_page(settings, "too-many-signups"),
        ask=_form(settings, "ask"),
        answered=_form(settings, "answered"),
        too_many_answers=_page(settings, "too-many-answers"),
        confirm=_page(settings, "confirm", failed=False),
        not_confirmed=_page(settings, "confirm", failed=True),
        confirmed=_page(settings, "confirmed", issue=False),
        confirmed_issue=_form(settings, "confirmed", issue=True),
        link_expired=_page(settings, "link-expired"),
        link_sent=_page(settings, "link-sent"),
        no_preferences=_page(settings, "no-preferences"),
        erase=_page(settings, "erase"),
        erased=_page(settings, "erased"),
        new_address=_page(settings, "new-address", done=False, taken=False),
        address_changed=_page(settings, "new-address", done=True, taken=False),
        address_taken=_page(settings, "new-address", done=False, taken=True),
        preferences=preferences,
        data_filename=render.data_filename(settings),
    )


def _page(settings: Settings, name: str, **values: object) -> Page:
    text = _text(settings, name, **values)
    return Page(text.encode(), page_policy(text))


def _form(settings: Settings, name: str, **values: object) -> PageTemplate:
    text = _text(settings, name, **values)
    return PageTemplate(placeholders.split(text), page_policy(text))


def _text(settings: Settings, name: str, **values: object) -> str:
    marks = {slot: placeholders.mark(slot) for slot in _SLOTS}
    return render.page(settings, name, slots=marks, **values)


def page_policy(text: str, *, pictures: bool = False) -> str:
    """Return the Content-Security-Policy of a page: its own style, forms of ours, nothing else.

    Args:
        text: The page.
        pictures: Whether it shows pictures of ours.
    """
    digests = (hashlib.sha256(style.encode()).digest() for style in _STYLE.findall(text))
    allowed = " ".join(f"'sha256-{base64.b64encode(digest).decode()}'" for digest in digests)
    shown = " img-src 'self';" if pictures else ""
    return (
        f"default-src 'none'; style-src {allowed};{shown} form-action 'self';"
        " base-uri 'none'; frame-ancestors 'none'"
    )
